"""The accelerated half of a connection: one context, reached through the broker.

Knows the broker's protocol and Ansible's exceptions, and nothing of plugins.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from ansible.errors import (
    AnsibleAuthenticationFailure,
    AnsibleConnectionFailure,
    AnsibleError,
    AnsibleFileNotFound,
)

from ansible_mitogen import launcher, protocol
from ansible_mitogen.client import BrokerLostError, Client, FailedError
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.shell import CommandResult, Operation
from ansible_mitogen.stack import BOOT_SECONDS, Hop, login_depth

#: Bytes of a file in one message, and messages ahead of their answers: 2 MiB under way keep a
#: link of 100 Mbit/s with 150 ms busy.
CHUNK = 256 * 1024
WINDOW = 8

#: The stock plugin's words, where a password is given.
_UNKNOWN_HOST = (
    "Using a SSH password instead of a key is not possible because Host Key checking is enabled. "
    "Please add this host's fingerprint to your known_hosts file to manage this host."
)

#: What makes a host unreachable.
_UNREACHABLE = frozenset(
    {
        FailureKind.AUTHENTICATION,
        FailureKind.CLOSED,
        FailureKind.CONNECT,
        FailureKind.HOST_KEY,
        FailureKind.LOST,
    }
)

#: Variables of the worker that concern the programs the broker starts.
_ENVIRONMENT = ("SSH_AUTH_SOCK", "DISPLAY")

#: Longest pause between attempts to connect, as with the stock plugin.
_MAX_PAUSE = 30


class NotForUsError(Exception):
    """The host has no Python for us, or an option is beyond us; the stock path is to be taken.

    :param is_known: whether an earlier task was told so.
    """

    def __init__(self, message: str, *, is_known: bool) -> None:
        super().__init__(message)
        self.is_known = is_known


class UnknownHostError(AnsibleError):  # type: ignore[misc]
    """The key of a host is not known, and a password is not given to it."""


class RefusedError(AnsibleError):  # type: ignore[misc]
    """Another account cannot be become; the stock way would be refused as well, in its words."""


class NoBrokerError(Exception):
    """The broker cannot be reached at all; the stock path is to be taken."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a session leads."""

    stack: Sequence[Hop]
    #: Tries on top of the first, for a login that does not come up.
    retries: int = 0
    #: Keeps what a program printed out of messages.
    is_secret: bool = False
    #: What Ansible calls the way to become another account.
    become: str = ""
    #: False for a task that runs without, and may bring one about.
    needs_python: bool = True

    @property
    def seconds(self) -> float:
        """After which an answer about opening it is overdue."""
        of_hops = (hop.options.get("connect_timeout", BOOT_SECONDS) for hop in self.stack)
        return float(sum(of_hops) + BOOT_SECONDS)

    @property
    def is_by_password(self) -> bool:
        """Whether the login to the machine itself has one to give."""
        return self.stack[login_depth(self.stack) - 1].options.get("password") is not None


@dataclasses.dataclass(frozen=True)
class Counted:
    """A command's result and the messages that it took."""

    result: CommandResult
    sent: int
    received: int
    #: Where a module went that would have restarted itself; '' for any other.
    interpreter: str
    #: Why another context was made for it; '' when none was.
    renewed: str


class Session:
    """One context, opened when first used. One thread.

    :param connect: returns a connected socket of the broker.
    """

    def __init__(self, target: Target, connect: Callable[[], Any]) -> None:
        self.target = target
        self._connect = connect
        self._client: Client | None = None
        self._opened: protocol.Opened | None = None

    @property
    def is_open(self) -> bool:
        """Whether the context was up when last heard of."""
        return self._opened is not None

    @property
    def executable(self) -> str:
        """The Python there."""
        return self.open().executable

    def open(self) -> protocol.Opened:
        """Reach the context.

        :raises NotForUsError: there is no Python, or an option is beyond us.
        :raises NoBrokerError: there is no broker.
        :raises AnsibleConnectionFailure: the host cannot be reached.
        :raises RefusedError: another account cannot be become.
        :raises AnsibleError: its password is wrong, or missing.
        """
        if self._opened is not None:
            return self._opened
        for attempt in range(self.target.retries):
            try:
                self._opened = self._open_once()
                return self._opened
            except FailedError as exc:
                if not self._may_pass(exc.failure):
                    self._raise(exc)
                # The stock plugin's pauses: 0, 1, 3, 7 ... seconds.
                time.sleep(min(2**attempt - 1, _MAX_PAUSE))
        try:
            self._opened = self._open_once()
        except FailedError as exc:
            self._raise(exc)
        return self._opened

    def close(self) -> None:
        """Forget the context; the broker keeps it for the next task."""
        self._opened = None
        if self._client is not None:
            self._client.close()
            self._client = None

    def reset(self) -> None:
        """End the login that the context lives on, and all that it carries."""
        try:
            self._live_client().reset([hop.to_value() for hop in self.target.stack])
        except (BrokerLostError, OSError):
            pass  # then there is nothing to end
        self.close()

    def run_job(
        self,
        job: dict[str, Any],
        contents: Callable[[list[str]], dict[str, bytes]] | None = None,
    ) -> Counted:
        """Run a job (see `ansible_mitogen.target.records`) to its end."""
        job = {**job, "job_id": uuid.uuid4().hex}
        finished = self._with_context(lambda client, key: client.run(key, job, contents))
        result = finished.result
        return Counted(
            self._job_result(result, is_command="argv" in job),
            finished.sent,
            finished.received,
            result.get("interpreter", ""),
            result.get("renewed", ""),
        )

    def run_operation(self, operation: Operation) -> CommandResult:
        """Run a helper command."""
        try:
            value = self._with_context(
                lambda client, key: client.call(key, operation.name, *operation.arguments)
            )
        except FailedError as exc:
            return CommandResult(1, b"", exc.message.encode() + b"\n")
        return operation.to_result(value)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller there."""
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}")
        try:
            with open(in_path, "rb") as source:
                calls = _put_calls(source, out_path)
                # The first one makes the file: it must not come after others, as it might if they
                # went to another context, in the place of one that was retired.
                first = next(calls)
                self._with_context(lambda client, key: client.call(key, *first))
                self._exhaust(calls)
        except FailedError as exc:
            raise AnsibleError(
                f"failed to transfer file to {in_path} {out_path}:\n{exc.message}"
            ) from exc

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from there to the controller."""
        try:
            size = self._with_context(lambda client, key: client.call(key, "file_size", in_path))
            with open(out_path, "wb") as sink:
                self._fetch(in_path, size, sink)
        except FailedError as exc:
            raise AnsibleError(
                f"failed to transfer file to {in_path} {out_path}:\n{exc.message}"
            ) from exc

    def _fetch(self, in_path: str, size: int, sink: Any) -> None:
        client, key = self._live_client(), self.open().key
        calls = (["read_chunk", in_path, offset, CHUNK] for offset in range(0, size, CHUNK))
        for chunk in self._translated(lambda: client.call_many(key, calls, WINDOW)):
            sink.write(chunk)
        # What was appended meanwhile.
        while chunk := self._with_context(
            lambda client, key: client.call(key, "read_chunk", in_path, sink.tell(), CHUNK)
        ):
            sink.write(chunk)

    def _exhaust(self, calls: Iterator[list[Any]]) -> None:
        client, key = self._live_client(), self.open().key
        for _value in self._translated(lambda: client.call_many(key, calls, WINDOW)):
            pass

    def _translated(self, run: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        try:
            yield from run()
        except FailedError as exc:
            if exc.failure is FailureKind.REMOTE:
                raise
            self._raise(exc)
        except BrokerLostError as exc:
            self.close()
            raise AnsibleConnectionFailure(str(exc)) from exc

    def _may_pass(self, failure: FailureKind) -> bool:
        """Whether another try is worth it; none is for a password, lest an account gets locked."""
        if failure is FailureKind.CONNECT:
            return True
        is_refused = failure in {FailureKind.AUTHENTICATION, FailureKind.HOST_KEY}
        return is_refused and not self.target.is_by_password

    def _open_once(self) -> protocol.Opened:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        stack = [hop.to_value() for hop in self.target.stack]
        try:
            return self._live_client().open(
                stack,
                environment,
                self.target.seconds,
                needs_python=self.target.needs_python,
            )
        except (BrokerLostError, OSError) as exc:
            self.close()
            raise NoBrokerError(str(exc)) from exc

    def _live_client(self) -> Client:
        client = self._client
        # A forked process shares its parent's socket, and may not speak on it.
        if client is None or not client.is_open or client.pid != os.getpid():
            client = self._client = Client(self._connect())
        return client

    def _with_context(self, use: Callable[[Client, str], Any]) -> Any:
        """``use(client, key)``, once more when the context was gone before anything ran.

        :raises FailedError: an operation raised there.
        """
        for is_last in (False, True):
            opened = self.open()
            try:
                return use(self._live_client(), opened.key)
            except FailedError as exc:
                if exc.failure is FailureKind.REMOTE:
                    raise
                self._opened = None
                if exc.failure is not FailureKind.CLOSED or is_last:
                    self._raise(exc)
            except BrokerLostError as exc:
                self.close()
                raise AnsibleConnectionFailure(str(exc)) from exc
        raise AssertionError("unreachable")

    def _job_result(self, result: dict[str, Any], is_command: bool) -> CommandResult:
        if result["ended"] == "lost":
            raise AnsibleConnectionFailure(f"Failed to run there: {result['detail']}")
        stderr = result["stderr"]
        if result["ended"] == "signal" and not is_command:
            stderr += words_of_shell(result["rc"] - 128)
        elif result["ended"] != "exit" and result["detail"]:
            stderr += b"\n" + result["detail"].encode()
        return CommandResult(result["rc"], result["stdout"], stderr)

    def _raise(self, exc: FailedError) -> NoReturn:
        """The failure as stock Ansible would report it."""
        self._opened = None
        # `from None`: newer cores append the cause's text to the message, which holds it already.
        last = self.target.stack[-1]
        hop = exc.hop or last.method
        if hop == last.method and not last.is_login:
            hop = self.target.become or hop
        text = "<error censored due to no log>" if self.target.is_secret else exc.message
        if exc.failure in {FailureKind.NO_PYTHON, FailureKind.UNSUPPORTED}:
            raise NotForUsError(exc.message, is_known=exc.is_known) from None
        is_by_password = self.target.is_by_password
        if exc.failure is FailureKind.HOST_KEY and is_by_password:
            raise UnknownHostError(_UNKNOWN_HOST) from None
        if exc.failure is FailureKind.AUTHENTICATION and is_by_password:
            raise AnsibleAuthenticationFailure(_unreachable(hop, text)) from None
        if exc.failure in _UNREACHABLE:
            raise AnsibleConnectionFailure(_unreachable(hop, text)) from None
        if exc.failure is FailureKind.PASSWORD_WRONG:
            raise AnsibleError(f"Incorrect {hop} password") from None
        if exc.failure is FailureKind.PASSWORD_MISSING:
            raise RefusedError(f"Missing {hop} password") from None
        if exc.failure is FailureKind.INTERNAL:
            raise AnsibleError(f"Mitogen failed at {last.describe()}: {text}") from None
        error = f"Failed to become another user through {hop}: {text}"
        kind = RefusedError if exc.failure is FailureKind.BECOME else AnsibleError
        raise kind(error) from None


def broker_socket(run_pid: int) -> Any:
    """A connected socket of the broker of the run *run_pid*."""
    return launcher.connect(run_pid)


def words_of_shell(number: int) -> bytes:
    """What stock Ansible's shell says when a signal ends the program that it started (dash)."""
    if number in {signal.SIGINT, signal.SIGPIPE}:
        return b""
    return f"{signal.strsignal(number) or f'Signal {number}'}\n".encode()


def _unreachable(hop: str, text: str) -> str:
    return f"Failed to connect to the host via {hop}: {text}"


def _put_calls(source: Any, out_path: str) -> Iterator[list[Any]]:
    """The calls that write *source* there; the first makes the file, empty or not."""
    offset = 0
    while True:
        chunk = source.read(CHUNK)
        if not chunk and offset:
            return
        yield ["write_chunk", out_path, offset, chunk]
        offset += len(chunk)
        if len(chunk) < CHUNK:
            return
