"""The shell plugin of an accelerated connection: its helper commands are known, not guessed at.

Each helper returns the very text that the stock plugin returns, and remembers what that text
means. The connection runs a text that it finds here as one operation in the interpreter; any
other text, also one that an action put together from these, goes to a real shell.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from ansible_mitogen.plain import plain


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """What a command leaves, as `exec_command` returns it."""

    rc: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclasses.dataclass(frozen=True)
class Operation:
    """A helper command: a function of `ansible_mitogen.target.operations` and its arguments.

    :param to_result: makes of its value what the command would have left.
    """

    name: str
    arguments: tuple[Any, ...]
    to_result: Callable[[Any], CommandResult]


class KnownCommands:
    """The texts that a shell gave out, and what they mean. One worker's, for one connection."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def remember(self, text: str, operation: Operation) -> str:
        """Note what *text* means; returns it."""
        self._operations[text] = operation
        return text

    def find(self, text: str) -> Operation | None:
        """The operation that *text* stands for."""
        return self._operations.get(text)


def marking_shell(shell: Any) -> Any:
    """*shell* again, with the same name, options and state, as a shell that remembers."""
    stock: Any = type(shell)
    cls = _marking_class(stock)
    marking = cls.__new__(cls)
    vars(marking).update(vars(shell))
    marking.mitogen_commands = KnownCommands()
    marking.mitogen_executable = None
    return marking


@functools.cache
def _marking_class(stock: Any) -> Any:
    """A subclass of a stock shell. Its name is what Ansible takes the plugin's type from."""

    class ShellModule(stock):  # type: ignore[misc]
        """See the module."""

        mitogen_commands: KnownCommands
        #: What an action set for its next command (see `take_executable`).
        mitogen_executable: str | None

        @property
        def executable(self) -> Any:
            return self.__dict__.get("executable")

        @executable.setter
        def executable(self, value: str | None) -> None:
            self.__dict__["executable"] = value
            self.mitogen_executable = value

        def expand_user(self, user_home_path: str, username: str = "") -> str:
            text = super().expand_user(user_home_path, username)
            path = user_home_path
            if path == "~" and username:
                path += username
            if not path.startswith("~") or text != f"echo {path}":
                return str(text)  # quoted: no user's name, and printed as it is
            return self._mitogen("expand_user", text, path, to_result=_line)

        def mkdtemp(
            self,
            basefile: str | None = None,
            system: bool = False,
            mode: int = 0o700,
            tmpdir: str | None = None,
        ) -> str:
            basefile = basefile or self._generate_temp_dir_name()
            text = super().mkdtemp(basefile, system, mode, tmpdir)
            if system:
                return str(text)
            base = self.get_option("remote_tmp") if tmpdir is None else tmpdir
            return self._mitogen(
                "make_temporary_directory",
                text,
                base,
                basefile,
                mode,
                list(self.get_option("system_tmpdirs")),
                to_result=functools.partial(_named_line, basefile),
            )

        def exists(self, path: str) -> str:
            return self._mitogen("exists", super().exists(path), path, to_result=_truth)

        def remove(self, path: str, recurse: bool = False) -> str:
            text = super().remove(path, recurse)
            return self._mitogen("remove", text, path, recurse, to_result=_nothing)

        def chmod(self, paths: Sequence[str], mode: str) -> str:
            text = super().chmod(paths, mode)
            return self._mitogen("chmod", text, list(paths), mode, to_result=_nothing)

        def chown(self, paths: Sequence[str], user: str) -> str:
            text = super().chown(paths, user)
            return self._mitogen("chown", text, list(paths), user, to_result=_nothing)

        def _mitogen(
            self, name: str, text: Any, *arguments: Any, to_result: Callable[[Any], CommandResult]
        ) -> str:
            return self.mitogen_commands.remember(
                str(text), Operation(name, tuple(map(plain, arguments)), to_result)
            )

    ShellModule.__qualname__ = "ShellModule"
    return ShellModule


def take_executable(shell: Any) -> str | None:
    """The shell that an action asked for, for this one command; None when it did not."""
    value, shell.mitogen_executable = shell.mitogen_executable, None
    return None if value is None else str(value)


def _line(value: Any) -> CommandResult:
    return CommandResult(0, str(value).encode("utf-8", "surrogateescape") + b"\n")


def _named_line(name: str, value: Any) -> CommandResult:
    return _line(f"{name}={value}")


def _truth(value: Any) -> CommandResult:
    return CommandResult(0 if value else 1)


def _nothing(_value: Any) -> CommandResult:
    return CommandResult(0)
