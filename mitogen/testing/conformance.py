"""What a context has to be able to do, however it was reached: a suite for connection methods.

One test, of pytest or of anything else that calls functions, says how to connect, and all checks
run::

    from mitogen.testing import conformance

    def test_my_way():
        conformance.check(lambda router, **options: router.command(argv=["nice"], **options))

To have each check counted by itself, give each of `CHECKS` the `Bench` they share::

    @pytest.fixture(scope="module")
    def bench():
        with conformance.Bench(conformance.Way(connect)) as bench:
            yield bench

    @pytest.mark.parametrize("check", conformance.CHECKS)
    def test_my_way(bench, check):
        check(bench)
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mitogen.core
import mitogen.master
from mitogen.errors import PasswordError
from mitogen.testing import far_side
from mitogen.testing.sample import greeter

#: ``connect(router, **options) -> Context``.
Connect = Callable[..., Any]

BULK = 64 * 1048576
#: Seconds in which what is bound to happen has happened, on a busy machine too.
PATIENCE = 30.0
#: Seconds of `connect_timeout` where nobody will answer.
SHORT = 0.3
#: Commands to take for a Python that reads, and never says a word.
SILENT = ["sh", "-c", "exec cat >/dev/null"]

TEXT = "ünïcödé, 汉字, \U0001f40d, '\"$!\\`\x00\r\n\x1b end"


class ConformanceError(AssertionError):
    """A context does not do what every context does."""


@dataclass(frozen=True)
class Way:
    """A connection method, and the place it leads to in this test.

    `connect` is given a router and common options, ``via=`` among them, to pass on. The other two
    connect with a wrong password and without one, to where one is needed; None where none ever is.
    `is_alone`: each context gets a place of its own, such as a new container, where no other one
    sees its files and processes. `has_python_path`: it starts the interpreter that it is told to.
    """

    connect: Connect
    wrong_password: Connect | None = None
    no_password: Connect | None = None
    is_alone: bool = False
    has_python_path: bool = True


class Bench:
    """A router, and one context for all checks that leave it as it was. A context manager."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.records = _Records()
        self.router: Any = None
        self._context: Any = None

    def __enter__(self) -> Bench:
        # Before any child: none makes records that nobody would see.
        self.records.begin()
        self.router = mitogen.master.Router()
        return self

    def __exit__(self, *exc: object) -> None:
        self.router.broker.shutdown()
        self.router.broker.join()
        self.records.end()

    @property
    def context(self) -> Any:
        """The one for all; connected when it is first asked for."""
        if self._context is None:
            self._context = self.connect()
        return self._context

    def connect(self, **options: object) -> Any:
        """A context of one's own."""
        return self.way.connect(self.router, **options)

    def require_end(self, pid: int) -> None:
        """See that a process ends, from the context for all, which sees it unless it is alone."""
        if not self.way.is_alone:
            ended = self.context.call(far_side.has_ended, pid, PATIENCE)
            _require(ended, f"process {pid} is still there {PATIENCE} seconds later")


class _Records(logging.Handler):
    """Keeps the records of contexts."""

    def __init__(self) -> None:
        super().__init__()
        self._queue = mitogen.core.Latch()
        self._loggers = [logging.getLogger(name) for name in ("mitogen", "ctx")]
        self._levels = [logger.level for logger in self._loggers]

    def begin(self) -> None:
        for logger in self._loggers:
            logger.setLevel(logging.INFO)
        self._loggers[1].addHandler(self)

    def end(self) -> None:
        self._loggers[1].removeHandler(self)
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        self._queue.put(record)

    def wait_for(self, name: str, level: int, texts: set[str]) -> None:
        """Return when these records of that logger have come, whatever others come meanwhile."""
        missing = set(texts)
        while missing:
            try:
                record: Any = self._queue.get(timeout=PATIENCE)
            except mitogen.core.TimeoutError:
                raise ConformanceError(f"no log record {sorted(missing)} of {name}") from None
            if (record.name, record.levelno) == (name, level):
                missing.discard(record.getMessage())


def check(connect: Connect | Way) -> None:
    """Run all checks.

    :raises ConformanceError: one found something else than it should; so does any other exception.
    """
    way = connect if isinstance(connect, Way) else Way(connect)
    with Bench(way) as bench:
        for one in CHECKS:
            one(bench)


def check_calls(bench: Bench) -> None:
    """A function is called with arguments, and its result comes back."""
    value = {"list": [1, 2.5, None, True], "set": {1, 2}, "nested": {"a": ("b", b"c")}}
    _require_equal(bench.context.call(far_side.echo, value), value)
    receivers = [bench.context.call_async(far_side.echo, n) for n in range(100)]
    answers = [receiver.get(timeout=PATIENCE).unpickle() for receiver in receivers]
    _require_equal(answers, list(range(100)))


def check_exceptions(bench: Bench) -> None:
    """What a function raises arrives, a result that does not travel as well; the context lives."""
    error = _raised(mitogen.core.CallError, lambda: bench.context.call(far_side.fail, TEXT))
    _require_equal((error.type_name, error.message), ("ValueError", TEXT))
    _require("fail" in error.traceback_text, "no traceback")
    _raised(mitogen.core.CallError, lambda: bench.context.call(far_side.unsendable))
    _require_equal(bench.context.call(far_side.echo, 1), 1)


def check_bulk(bench: Bench) -> None:
    """64 MiB there and back."""
    data = os.urandom(1048576) * (BULK // 1048576)
    _require(bench.context.call(far_side.echo, data) == data, "what came back is something else")


def check_text(bench: Bench) -> None:
    """Any character, and any byte, as a terminal and a shell would not let them pass."""
    for value in (TEXT, bytes(range(256)) * 4, b"\x03\x04\x1c\r\n~.\n" * 100):
        _require_equal(bench.context.call(far_side.echo, value), value)


def check_output(bench: Bench) -> None:
    """What is printed there, by a program too, is logged here, line by line."""
    bench.context.call(far_side.speak, "a lïne")
    texts = {"stdout: a lïne on stdout", "stderr: a lïne on stderr", "stdout: a lïne by a program"}
    bench.records.wait_for(f"ctx.{bench.context.name}", logging.INFO, texts)


def check_log(bench: Bench) -> None:
    """A log record made there is logged here, with its level."""
    bench.context.call(far_side.log, "some.logger", "a wörd")
    bench.records.wait_for(
        f"ctx.{bench.context.name}", logging.WARNING, {"some.logger: a wörd"}
    )


def check_imports(bench: Bench) -> None:
    """A module of a package that is here only is imported there, and its package with it."""
    _require_equal(bench.context.call(greeter.greet, "world"), "hello, world")


def check_nested_child(bench: Bench) -> None:
    """The context starts one of its own, which lives where it lives and ends when told to."""
    child = bench.router.local(via=bench.context)
    _require_equal(child.call(far_side.echo, TEXT), TEXT)
    _require_equal(child.call(greeter.greet, "child"), "hello, child")
    child.shutdown(wait=True, timeout=PATIENCE)


def check_end(bench: Bench) -> None:
    """A context that is told to end does, and its process with it."""
    context = bench.connect()
    pid = context.call(far_side.process_id)
    context.shutdown(wait=True, timeout=PATIENCE)
    _raised(mitogen.core.ChannelError, lambda: context.call(far_side.echo, 1))
    bench.require_end(pid)


def check_death_of_child(bench: Bench) -> None:
    """Who waits for a context that dies is told, at once."""
    context = bench.connect()
    pid = context.call(far_side.process_id)
    receiver = context.call_async(far_side.kill_oneself)
    _raised(mitogen.core.ChannelError, lambda: receiver.get(timeout=PATIENCE).unpickle())
    _raised(mitogen.core.ChannelError, lambda: context.call(far_side.echo, 1))
    bench.require_end(pid)


def check_death_of_parent(bench: Bench) -> None:
    """A context ends when the one that started it is killed."""
    parent = bench.router.local()
    context = bench.connect(via=parent)
    pid = context.call(far_side.process_id)
    parent.call_no_reply(far_side.kill_oneself)
    bench.require_end(pid)


def check_passwords(bench: Bench) -> None:
    """A wrong one and a missing one are errors of their own type."""
    for connect in (bench.way.wrong_password, bench.way.no_password):
        if connect is not None:
            _raised(PasswordError, functools.partial(connect, bench.router))


def check_timeout(bench: Bench) -> None:
    """Connecting ends with a typed error when the time is up, wherever it got stuck."""
    if not bench.way.has_python_path:
        return
    error = _raised(
        mitogen.core.TimeoutError,
        lambda: bench.connect(python_path=SILENT, connect_timeout=SHORT),
    )
    _require(isinstance(error, mitogen.core.StreamError), "not a StreamError")


def check_noise(bench: Bench) -> None:
    """What is said before Python starts, as login scripts do, is in nobody's way."""
    if bench.way.is_alone or not bench.way.has_python_path:
        return
    path = bench.context.call(far_side.write_noisy_python)
    try:
        context = bench.connect(python_path=["sh", path])
        _require_equal(context.call(far_side.echo, TEXT), TEXT)
    finally:
        bench.context.call(far_side.remove, path)


CHECKS: tuple[Callable[[Bench], None], ...] = (
    check_calls,
    check_exceptions,
    check_bulk,
    check_text,
    check_output,
    check_log,
    check_imports,
    check_nested_child,
    check_end,
    check_death_of_child,
    check_death_of_parent,
    check_passwords,
    check_timeout,
    check_noise,
)


def _require(is_so: object, text: str) -> None:
    if not is_so:
        raise ConformanceError(text)


def _require_equal(found: object, expected: object) -> None:
    _require(found == expected, f"{found!r} where {expected!r} is expected")


def _raised(kind: type[Exception], fn: Callable[[], object]) -> Any:
    """What *fn* raises, which has to be of that kind."""
    try:
        result = fn()
    except kind as error:
        return error
    raise ConformanceError(f"{result!r} where {kind.__name__} is expected")
