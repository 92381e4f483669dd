"""Arguments of ssh, from the stock plugin's options: pure, and in the order of that plugin.

The order matters, since ssh takes the first value of most options.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable

#: What the stock plugin has when nobody set ``ssh_args``; its ``-C`` is nobody's wish.
DEFAULT_SSH_ARGS = "-C -o ControlMaster=auto -o ControlPersist=60s"

_NO_PASSWORD_ARGS = (
    "-o",
    "KbdInteractiveAuthentication=no",
    "-o",
    "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
    "-o",
    "PasswordAuthentication=no",
)


@dataclasses.dataclass(frozen=True)
class SshOptions:
    """What ssh's ``get_option`` said, plain values only."""

    host: str
    user: str | None = None
    port: int | None = None
    password: str | None = None
    executable: str = "ssh"
    ssh_args: str | None = DEFAULT_SSH_ARGS
    common_args: str | None = None
    extra_args: str | None = None
    private_key_file: str | None = None
    #: Whether that is of a key in the agent, and no other of it is to be tried.
    is_agent_key: bool = False
    host_key_checking: bool = True
    timeout: int = 10
    verbosity: int = 0
    compression: bool | None = None
    keepalive_interval: int = 30
    keepalive_count: int = 10


def arguments(options: SshOptions) -> list[str]:
    """All that the stock plugin gives to ssh, the host and the command aside."""
    # A user's existing master is used; we never become one that outlives us.
    args = ["-o", "ControlMaster=no"]
    if options.ssh_args and options.ssh_args != DEFAULT_SSH_ARGS:
        args += _split(options.ssh_args)
    if not options.host_key_checking:
        args += ["-o", "StrictHostKeyChecking=no"]
    if options.port is not None:
        args += ["-o", f"Port={options.port}"]
    if options.is_agent_key:
        args += ["-o", "IdentitiesOnly=yes"]
    if options.private_key_file:
        args += ["-o", f'IdentityFile="{options.private_key_file}"']
    if options.password is None:
        args += _NO_PASSWORD_ARGS
    if options.user:
        args += ["-o", f'User="{options.user}"']
    args += ["-o", f"ConnectTimeout={options.timeout}"]
    args += _split(options.common_args)
    args += _split(options.extra_args)
    return args


def asks_for_terminal(options: Iterable[str | None]) -> bool:
    """Whether one of *options*, each a text of arguments, asks for a terminal over there."""
    return any(_asks_for_terminal(arg) for text in options for arg in _split(text))


def _asks_for_terminal(arg: str) -> bool:
    if arg.startswith("-t") and not arg.strip("-t"):
        return True
    name, _, value = arg.removeprefix("-o").replace("=", " ", 1).strip().partition(" ")
    return name.lower() == "requesttty" and value.strip().lower() in {"yes", "force"}


def _split(args: str | None) -> list[str]:
    # -M would win over the option that forbids a master.
    words = (arg.strip() for arg in shlex.split(args or ""))
    return [word for word in words if word and word not in {"-M", "-MM"}]
