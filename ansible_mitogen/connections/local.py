"""The account that runs Ansible."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible

from ansible_mitogen import resolve, stock
from ansible_mitogen.connection import DEFAULT_SHELL, MitogenConnection
from ansible_mitogen.escalation import become_user, is_login
from ansible_mitogen.options import GetOption
from ansible_mitogen.plain import plain

if TYPE_CHECKING:
    from ansible.plugins.connection.local import Connection as StockLocal
else:
    StockLocal = stock.connection_module("local").Connection


class LocalConnection(MitogenConnection, StockLocal):  # type: ignore[misc]
    """Local commands in a persistent interpreter. This machine is reached through nothing."""

    mitogen_kind = "local"

    @property
    def default_user(self) -> str | None:
        """Who commands run as: the become user, for this connection is the escalated account."""
        real = self._mitogen_real_become
        if real is not None and self._mitogen_is_escalated():
            return become_user(real)
        return self._mitogen_own_user

    @default_user.setter
    def default_user(self, value: str | None) -> None:
        self._mitogen_own_user = value

    def put_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file; without escalation there is nothing between it and its place."""
        if self._mitogen_real_become is None:
            return StockLocal.put_file(self, in_path, out_path)
        return super().put_file(in_path, self._mitogen_absolute(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file; see `put_file`."""
        if self._mitogen_real_become is None:
            return StockLocal.fetch_file(self, in_path, out_path)
        return super().fetch_file(self._mitogen_absolute(in_path), out_path)

    def reset(self) -> None:
        """Nothing to log in to again."""

    def _mitogen_via(self) -> str:
        return ""

    def _mitogen_login_user(self, get_option: GetOption) -> str | None:
        return self._mitogen_own_user

    def _mitogen_default_shell(self) -> str:
        return plain(C.DEFAULT_EXECUTABLE) or DEFAULT_SHELL

    def _mitogen_absolute(self, path: str) -> str:
        return os.path.join(self._mitogen_own_cwd() or "", path)

    def _mitogen_cwd(self) -> str | None:
        real = self._mitogen_real_become
        if real is not None and is_login(real) and not resolve.is_here(self._mitogen_stack()):
            return None  # where the login leads
        return self._mitogen_own_cwd()

    def _mitogen_own_cwd(self) -> str | None:
        return os.fsdecode(self.cwd) if self.cwd else None
