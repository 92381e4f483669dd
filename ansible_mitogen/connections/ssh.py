"""Logins by ssh."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

from ansible.utils.path import unfrackpath

from ansible_mitogen import bare, documentation, options, ssh_arguments, stock
from ansible_mitogen.connection import MitogenConnection
from ansible_mitogen.plain import plain
from ansible_mitogen.shell import CommandResult
from ansible_mitogen.stack import CannotAccelerate, Hop

if TYPE_CHECKING:
    from ansible.plugins.connection.ssh import Connection as StockSsh
else:
    StockSsh = stock.connection_module("ssh").Connection

#: Seconds that a master has to stop: it is a process of this machine.
_STOP_SECONDS = 10.0


class SshConnection(MitogenConnection, StockSsh):  # type: ignore[misc]
    """ssh over a persistent interpreter."""

    mitogen_kind = "ssh"

    #: Of the stock plugin: what names the key that it put into the agent.
    _populated_agent: Any

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        """Ansible resolved the options of the task, or loop item, that comes."""
        self._populated_agent = None  # it may have another key
        super().set_options(*args, **kwargs)

    def _mitogen_command_job(
        self, text: str, in_data: bytes | None, executable: str | None
    ) -> dict[str, Any]:
        job = super()._mitogen_command_job(text, in_data, executable)
        if self._mitogen_is_bare_raw(executable):
            bare.by_login_shell(job, text)
        is_bare = in_data is None and bare.is_bare(self._mitogen_action)
        if is_bare and self._mitogen_gives_terminal():
            job["has_terminal"] = True
        return job

    def _mitogen_gives_terminal(self) -> bool:
        """Whether a command is to have a terminal; the login itself never has one."""
        names = ("ssh_args", "ssh_common_args", "ssh_extra_args")
        args = (plain(self.get_option(name)) for name in names)
        return bool(self.get_option("use_tty")) or ssh_arguments.asks_for_terminal(args)

    def _mitogen_command_result(self, job: dict[str, Any], result: CommandResult) -> CommandResult:
        if not job.get("has_terminal"):
            return result
        # What ssh says at the end of a terminal.
        host = plain(self.get_option("host") or self._play_context.remote_addr)
        end = f"Shared connection to {host} closed.\r\n".encode()
        return CommandResult(result.rc, result.stdout, result.stderr + end)

    def _mitogen_resolved(self, name: str) -> Any:
        if name == "private_key_file" and not self._mitogen_via() and self._mitogen_has_key_text():
            return self._mitogen_add_key()
        return super()._mitogen_resolved(name)

    def _mitogen_has_key_text(self) -> bool:
        return bool(plain(options.optional(self.get_option, "private_key")))

    def _mitogen_add_key(self) -> str:
        """Have the stock plugin put the key into Ansible's agent; returns what names it there."""
        try:
            return str(self._populate_agent())
        except Exception as exc:
            raise CannotAccelerate(f"the private key cannot be used: {exc}") from exc

    def _mitogen_forget_login(self, hop: Hop) -> None:
        # A master would let the next task in by the login that is to end: the user's, or one that
        # the stock plugin left when there was no Python for us.
        ssh, args, host = (hop.options[name] for name in ("ssh_path", "ssh_args", "hostname"))
        for control in ([], ["-o", f'ControlPath="{self._mitogen_stock_control(host)}"']):
            argv = [ssh, *control, *args, "-O", "stop", "--", host]
            with contextlib.suppress(OSError, subprocess.SubprocessError):  # most have none
                subprocess.check_output(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        timeout=_STOP_SECONDS)  # fmt: skip

    def _mitogen_stock_control(self, host: str) -> str:
        """Where the stock plugin has its master, unless the arguments for ssh say otherwise."""
        port, user = (plain(self._mitogen_resolved(name)) for name in ("port", "remote_user"))
        path = plain(self.get_option("control_path"))
        path = path or self._create_control_path(host, port, user)
        return str(path % {"directory": unfrackpath(plain(self.get_option("control_path_dir")))})

    def _mitogen_known_options(self) -> frozenset[str]:
        return options.SSH | frozenset(documentation.SSH_OPTIONS)

    def _mitogen_retries(self) -> int:
        return int(self.get_option("reconnection_retries") or 0)
