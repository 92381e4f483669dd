"""Logins by ssh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_mitogen import documentation, options, stock
from ansible_mitogen.connection import MitogenConnection

if TYPE_CHECKING:
    from ansible.plugins.connection.ssh import Connection as StockSsh
else:
    StockSsh = stock.connection_module("ssh").Connection

#: Starts the account's own shell, as sshd does for a command that nothing is put around.
_LOGIN_SHELL = ("/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -c "$0"')

class SshConnection(MitogenConnection, StockSsh):  # type: ignore[misc]
    """ssh over a persistent interpreter."""

    mitogen_kind = "ssh"

    def _mitogen_command_job(
        self, text: str, in_data: bytes | None, executable: str | None
    ) -> dict[str, Any]:
        job = super()._mitogen_command_job(text, in_data, executable)
        if self._mitogen_is_bare_raw(executable):
            job["argv"] = [*_LOGIN_SHELL, text]
        return job

    def _mitogen_known_options(self) -> frozenset[str]:
        return options.SSH | frozenset(documentation.SSH_OPTIONS)

    def _mitogen_retries(self) -> int:
        return int(self.get_option("reconnection_retries") or 0)
