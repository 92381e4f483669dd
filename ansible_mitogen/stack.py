"""Resolved Ansible options to a stack of hops: pure, and all that a connection's identity is.

A stack says how a context is reached: ``[ssh, sudo]`` is the account reached by sudo behind an
ssh login. Options come from the stock plugins' own ``get_option``; nothing is derived again.
What this version cannot honour raises `CannotAccelerate`, and the stock plugin does the task.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_mitogen import ssh_arguments
from ansible_mitogen.ssh_arguments import SshOptions
from mitogen.bootstrap.command import candidate_words
from mitogen.wire.values import Secret, encode

#: Seconds that a host may take to start Python, on top of the network's time-out.
BOOT_SECONDS = 30

SECRET_OPTIONS = frozenset({"password"})

#: What stands for a secret where people read.
MASK = "********"

#: Methods that lead to another account of the same machine; all but ``local`` lead to another one.
ESCALATIONS = frozenset({"sudo", "su", "doas", "wrapped"})

#: Options that say where a login leads, and those that say through which server of such places.
_PLACES = ("hostname", "container", "pod")
_SERVERS = ("docker_args", "podman_args", "kubectl_args", "lxc_args", "incus_args")


class CannotAccelerate(Exception):  # noqa: N818 -- a verdict, not an error
    """An option that only the stock plugin honours; the text says which."""


@dataclasses.dataclass(frozen=True)
class Hop:
    """One step: a connection method and its options, as its router factory takes them."""

    method: str
    options: Mapping[str, Any]

    @property
    def is_login(self) -> bool:
        """Whether it leads to another machine than that which it starts from."""
        return self.method not in ESCALATIONS and self.method != "local"

    def to_value(self) -> list[Any]:
        """The plain value that travels to the broker."""
        return [self.method, dict(self.options)]

    def describe(self) -> str:
        """The method and whom it leads to, for people; nothing secret."""
        place = next((self.options[name] for name in _PLACES if self.options.get(name)), "")
        if place and self.options.get("port"):
            place += f":{self.options['port']}"
        user = self.options.get("username") or ""
        return " ".join(filter(None, [self.method, "@".join(filter(None, [user, place]))]))

    @classmethod
    def from_value(cls, value: Any) -> Hop:
        """Undo `to_value`."""
        method, options = value
        return cls(method, options)


@dataclasses.dataclass(frozen=True)
class SudoOptions:
    """What the sudo become plugin's ``get_option`` said, plain values only."""

    user: str | None = "root"
    executable: str | None = "sudo"
    flags: str | None = "-H -S -n"
    password: str | None = None


@dataclasses.dataclass(frozen=True)
class Account:
    """What all hops of a stack share."""

    python: Sequence[Any]
    remote_name: str | None = None


def python_candidates(
    interpreter: str | None, fallback: Iterable[str], *, is_path: bool = False
) -> list[Any]:
    """What may be started as Python, best first.

    :param interpreter: ``ansible_python_interpreter``; None where one is to be discovered.
    :param fallback: Ansible's own list for discovery.
    :param is_path: blanks in *interpreter* are part of a path; else arguments come behind them.
    :raises CannotAccelerate: it means more to a shell than a program and its arguments.
    """
    if interpreter is None:
        return [str(candidate) for candidate in fallback]
    candidate = [interpreter] if is_path else interpreter
    try:
        candidate_words(candidate)
    except ValueError as exc:
        raise CannotAccelerate(str(exc)) from exc
    return [candidate]


def local_hop(account: Account) -> Hop:
    """The account that runs Ansible."""
    return Hop("local", _common(account))


def ssh_hop(options: SshOptions, account: Account) -> Hop:
    """A login by ssh; its arguments come in the order the stock plugin gives them."""
    return Hop(
        "ssh",
        {
            **_common(account),
            "hostname": options.host,
            "username": options.user,
            "port": options.port,
            "ssh_path": options.executable,
            "ssh_args": ssh_arguments.arguments(options),
            "password": _secret(options.password),
            # As with stock: what is wished for is among the arguments.
            "check_host_keys": "configured",
            # Only by wish: our own option, or a user's own ``-C`` (which stays in the arguments).
            "compression": bool(options.compression),
            "keepalive_enabled": options.keepalive_interval > 0,
            "keepalive_interval": options.keepalive_interval,
            "keepalive_count": options.keepalive_count,
            "ssh_debug_level": options.verbosity or None,
            # `timeout` is for the network, as with stock; a busy host then takes its time to boot.
            "connect_timeout": float(options.timeout + BOOT_SECONDS),
        },
    )


def other_hop(
    method: str, options: Mapping[str, Any], account: Account, seconds: float
) -> Hop:
    """A login by a *method* with these options.

    :param seconds: how long the way may take; Python takes its time on top of that.
    """
    given = {"connect_timeout": float(seconds + BOOT_SECONDS)}
    return Hop(method, {**_common(account), **given, **options})


def sudo_hop(options: SudoOptions, account: Account) -> Hop:
    """An escalation by sudo.

    :param options: their executable is a program without arguments.
    """
    (executable,) = shlex.split(options.executable or "sudo")
    return Hop(
        "sudo",
        {
            **_common(account),
            "username": options.user or "root",
            "sudo_path": executable,
            # How a password is read is the method's business: it drops flags about that.
            "sudo_args": shlex.split(options.flags or ""),
            "password": _secret(options.password),
        },
    )


def escalation_hop(
    method: str, options: Mapping[str, Any], password: str | None, account: Account
) -> Hop:
    """An escalation by a *method* with these options."""
    return Hop(method, {**_common(account), "password": _secret(password), **options})


def digest(stack: Iterable[Hop], salt: bytes) -> str:
    """What identifies a stack within one broker; passwords enter it salted."""
    body = encode([[hop.method, sorted(hop.options.items())] for hop in stack])
    return hmac.new(salt, body, hashlib.sha256).hexdigest()


def login_key(login: Hop) -> tuple[Any, ...]:
    """Which account a login reaches, however it is reached: what `reset_connection` means."""
    names = (*_PLACES, "port", "username", *_SERVERS)
    return (login.method, *(_hashable(login.options.get(name)) for name in names))


def login_depth(stack: Sequence[Hop]) -> int:
    """How many hops of *stack* it takes to be on the machine that it leads to."""
    return max((number for number, hop in enumerate(stack, 1) if hop.is_login), default=1)


def account_key(stack: Sequence[Hop]) -> tuple[Any, ...]:
    """`login_key` of each hop up to the login to the machine that *stack* leads to."""
    return tuple(login_key(hop) for hop in stack[: login_depth(stack)])


def describe(stack: Iterable[Hop]) -> list[dict[str, Any]]:
    """A stack for people: options that are set, secrets masked."""
    return [
        {"method": hop.method}
        | {
            name: MASK if name in SECRET_OPTIONS else value
            for name, value in hop.options.items()
            if value is not None
        }
        for hop in stack
    ]


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _common(account: Account) -> dict[str, Any]:
    return {"python_path": list(account.python), "remote_name": account.remote_name}


def _secret(password: str | None) -> Secret | None:
    return None if password is None else Secret(password)
