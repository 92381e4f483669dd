"""Containers and their like: stock plugins of collections, over persistent interpreters."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

from ansible.errors import (
    AnsibleAuthenticationFailure,
    AnsibleConnectionFailure,
    AnsibleError,
)

from ansible_mitogen import bare, discovery, documentation, stock
from ansible_mitogen.connection import MitogenConnection
from ansible_mitogen.kinds import KINDS, Kind
from ansible_mitogen.options import GetOption, optional
from ansible_mitogen.plain import plain
from ansible_mitogen.session import UnknownHostError
from ansible_mitogen.shell import CommandResult

if TYPE_CHECKING:
    from ansible.plugins.connection import ConnectionBase
else:
    from ansible.plugins.connection import ConnectionBase


class TwinConnection(MitogenConnection):
    """What connections of all these kinds have in common; comes before the twin's class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Why the twin cannot be used here, such as that its program is missing.
        self._mitogen_twin_error: Exception | None = None
        super().__init__(*args, **kwargs)

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        """Ansible resolved the options of the task that comes.

        :raises Exception: what the twin's class refused to make a connection for.
        """
        super().set_options(*args, **kwargs)
        # Its program is needed where the way begins, and that may be another machine.
        if self._mitogen_twin_error is not None and not self._mitogen_via():
            raise self._mitogen_twin_error

    def put_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file; what is relative is so to the root, as with the stock plugins."""
        return super().put_file(in_path, os.path.join("/", out_path))

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file; see `put_file`."""
        return super().fetch_file(os.path.join("/", in_path), out_path)

    @property
    def has_pipelining(self) -> bool:
        """Whether modules may come through `exec_command`, whatever the twin can do."""
        return self._mitogen_would_accelerate() or bool(super().has_pipelining)

    def _mitogen_ask_login(self, text: str, in_data: bytes | None) -> CommandResult:
        if in_data and not super().has_pipelining:
            # With the twin the core would not have asked.
            return discovery.no_platform()
        return super()._mitogen_ask_login(text, in_data)

    @property
    def _mitogen_declaration(self) -> Kind:
        return KINDS[self.mitogen_kind]

    def _mitogen_accelerates(self) -> bool:
        try:
            return super()._mitogen_accelerates()
        except AnsibleAuthenticationFailure:
            raise  # no password is tried twice
        except (AnsibleConnectionFailure, UnknownHostError) as exc:
            # The twin fails as well, in words of its own, and may not call the host unreachable.
            if self._mitogen_is_only_way():
                raise
            self._mitogen_say_stock(str(exc))
            return False

    def _mitogen_known_options(self) -> frozenset[str]:
        kind = self._mitogen_declaration
        return frozenset({*kind.options, *kind.own, *kind.program_options})

    def _mitogen_is_only_way(self) -> bool:
        return isinstance(self, NoTwin) or super()._mitogen_is_only_way()

    def _mitogen_say_stock(
        self,
        reason: str,
        error: type[AnsibleError] = AnsibleConnectionFailure,
        *,
        is_known: bool = False,
    ) -> None:
        if isinstance(self, NoTwin):
            twin = self._mitogen_declaration.twin
            other = f"; {twin}, which could do without, is not installed" if twin else ""
            raise error(f"{reason}{other}")
        super()._mitogen_say_stock(reason, error, is_known=is_known)

    def _mitogen_login_user(self, get_option: GetOption) -> str | None:
        user = optional(get_option, "remote_user") or self._play_context.remote_user
        return plain(user) or None

    def _mitogen_command_job(
        self, text: str, in_data: bytes | None, executable: str | None
    ) -> dict[str, Any]:
        job = super()._mitogen_command_job(text, in_data, executable)
        kind = self._mitogen_declaration
        if self._mitogen_is_bare_raw(executable):
            if not kind.raw_has_shell:
                job["argv"] = shlex.split(text)
            elif kind.has_login_shell:
                bare.by_login_shell(job, text)
        if kind.terminal_option and in_data is None and bare.is_bare(self._mitogen_action):
            job["has_terminal"] = bool(plain(optional(self.get_option, kind.terminal_option)))
        return job

    def _mitogen_default_shell(self) -> str:
        shell = plain(optional(self.get_option, "executable"))
        return shell or super()._mitogen_default_shell()


class Guard(ConnectionBase):  # type: ignore[misc]
    """Comes just before the twin's class: makes a connection also where that class refuses to."""

    _mitogen_twin_error: Exception | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except (AnsibleError, ValueError) as exc:  # ValueError: of a program that is missing
            self._mitogen_twin_error = exc


class NoTwin(ConnectionBase):  # type: ignore[misc]
    """The place of a twin that is not installed. Nothing of it is ever used."""

    transport = "mitogen"
    has_pipelining = True

    def _connect(self) -> Any:
        return self

    def exec_command(self, cmd: Any, in_data: Any = None, sudoable: bool = True) -> Any:
        """See the class."""
        raise NotImplementedError

    def put_file(self, in_path: str, out_path: str) -> Any:
        """See the class."""
        raise NotImplementedError

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        """See the class."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def connection_class(name: str) -> type:
    """The class of our plugin for the kind *name*, derived from the twin's where that is."""
    twin = stock.plugin_class(KINDS[name].twin)
    bases = (TwinConnection, NoTwin) if twin is None else (TwinConnection, Guard, twin)
    return type("Connection", bases, {"mitogen_kind": name, "__doc__": f"A {name} connection."})


def plugin_documentation(kind: str, name: str) -> str:
    """The DOCUMENTATION of our plugin *name*, which stands for that *kind*."""
    return documentation.twin_documentation(KINDS[kind], name)
