"""`router.fork()`: what a copy has, what it has not, and when there is none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
import mitogen.fork
import mitogen.os_fork
from mitogen.controller.worker import Worker
from mitogen.errors import Error, ForkError
from mitogen.testing.sample import greeter
from tests.library import remote_functions as remote
from tests.support import processes, programs

#: What the copy is seen to have.
SEEN: list[str] = []


def seen() -> list[str]:
    return SEEN


def note_fork() -> None:
    SEEN.append("on_fork")


def note_start(context: Any) -> None:
    SEEN.append(f"on_start in {context.context_id}")


def fail_to_fork() -> None:
    raise RuntimeError("not like this")


def hang() -> None:
    time.sleep(1000)


@pytest.fixture
def memory() -> Iterator[list[str]]:
    """What a copy is seen to have; empty before and after."""
    SEEN.clear()
    yield SEEN
    SEEN.clear()


def test_it_has_what_the_process_has(router: Any, memory: list[str]) -> None:
    """As it is at that moment; what either does later is its own."""
    memory.append("before")
    context = router.fork(on_fork=note_fork, on_start=note_start)
    memory.append("after")
    assert context.call(seen) == ["before", "on_fork", f"on_start in {context.context_id}"]
    assert memory == ["before", "after"]
    pid, parent, context_id, parent_ids, is_master = context.call(remote.identity)
    assert pid != os.getpid()
    assert parent == os.getpid()
    assert (context_id, parent_ids, is_master) == (context.context_id, [0], False)
    assert context.call(remote.command_line).startswith("mitogen:")


def test_copies_of_other_contexts(router: Any, public_interpreter: Callable[[str], str]) -> None:
    """By their main thread; with what they have fetched, and what will be; of any Python."""
    for version in ("3.6", "3.13"):
        origin = router.local(python_path=public_interpreter(version))
        assert origin.call(remote.remember, 1) == [1]
        copy = router.fork(via=origin)
        assert copy.call(remote.remember, 2) == [1, 2]
        assert origin.call(remote.remember, 3) == [1, 3]
        assert copy.call(remote.version)[:2] == origin.call(remote.version)[:2]
        assert copy.call(greeter.greet, "copy") == "hello, copy"
        child = router.local(via=router.fork(via=copy))
        assert child.call(remote.remember, 4) == [4]
        assert copy.name == "local.fork"


def test_children_of_a_copy(router: Any, public_interpreter: Callable[[str], str]) -> None:
    """Also of a Python for which boot code has to be fetched, as this process was not booted."""
    context = router.fork()
    for version in ("3.6", "3.13"):
        child = router.local(via=context, python_path=public_interpreter(version))
        assert child.call(remote.echo, 7) == 7


def test_links_end_with_the_process_that_has_them(router: Any) -> None:
    """A copy keeps none of them open."""
    before = router.local()
    pid = before.call(os.getpid)
    context = router.fork()
    before.shutdown(wait=True, timeout=20)
    processes.wait_gone([pid])
    held = context.call(remote.descriptors)
    plain = router.local().call(remote.descriptors)
    assert len([name for name in held if "socket" in name or "eventpoll" in name]) == len(
        [name for name in plain if "socket" in name or "eventpoll" in name]
    )


def test_a_program_that_forks(tmp_path: Path) -> None:
    """Functions of the main script are there; its exit handlers and buffers stay with it."""
    source = """\
        import atexit, os, sys
        import mitogen.utils

        atexit.register(print, "once")
        state = []

        def look():
            return state, __name__

        def main(router):
            state.append(1)
            sys.stdout.write("written once\\n")
            context = router.fork()
            state.append(2)
            print(context.call(look))
            print(router.fork(via=context).call(look))

        if __name__ == "__main__":
            mitogen.utils.run_with_router(main)
    """
    outcome = programs.run(tmp_path, source)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "written once", "([1], '__main__')", "([1], '__main__')", "once",
    ]  # fmt: skip


@pytest.mark.parametrize("is_far", [False, True], ids=["here", "there"])
def test_other_threads_are_in_the_way(router: Any, is_far: bool) -> None:
    """mitogen.fork.Error names them, and the process goes on."""
    if is_far:
        origin = router.local()
        origin.call(remote.start_thread)
        with pytest.raises(mitogen.fork.Error, match="other threads"):
            router.fork(via=origin)
        assert origin.call(remote.echo, 1) == 1
        return
    gate = threading.Event()
    other = threading.Thread(target=gate.wait, name="of-the-program")
    other.start()
    try:
        with pytest.raises(mitogen.fork.Error, match="of-the-program"):
            router.fork()
    finally:
        gate.set()
        other.join()
    assert router.fork().call(remote.echo, 1) == 1


def test_the_brokers_thread_does_not_fork(router: Any) -> None:
    """It would be without its own."""
    with pytest.raises(mitogen.fork.Error, match="broker"):
        router.broker.defer_sync(router.fork)


def test_functions_that_would_have_to_travel(router: Any) -> None:
    """A TypeError at once."""
    with pytest.raises(TypeError, match="without via"):
        router.fork(via=router.local(), on_start=note_start)


def test_a_copy_that_does_not_come_up(router: Any) -> None:
    """A typed error, with what went wrong there, or when the time is up."""
    with pytest.raises(mitogen.core.StreamError, match="not like this"):
        router.fork(on_fork=fail_to_fork)
    with pytest.raises(mitogen.core.TimeoutError):
        router.fork(on_fork=hang, connect_timeout=0.2)


def test_a_copy_while_the_broker_shuts_down(router: Any) -> None:
    """Nothing is left of it."""
    context = router.fork(wait=False)
    router.broker.shutdown()
    with pytest.raises(mitogen.core.Error):
        context.call(remote.hang)


def test_the_documented_names() -> None:
    """`mitogen.fork.Error` and `on_fork`, which may be called anywhere."""
    assert mitogen.fork.Error is ForkError
    mitogen.fork.on_fork()


def test_a_cork(router: Any) -> None:
    """Brokers and pools stand still behind it, and go on without."""
    pool = Worker("pool")
    corker = mitogen.os_fork.Corker(brokers=[router.broker], pools=[pool])
    corker.cork()
    done = mitogen.core.Latch()
    pool.defer(done.put, "pool")
    router.broker.defer(done.put, "broker")
    with pytest.raises(mitogen.core.TimeoutError):
        done.get(timeout=0.05)
    corker.uncork()
    assert {done.get(timeout=20), done.get(timeout=20)} == {"pool", "broker"}
    with pytest.raises(Error, match="corked"):
        corker.uncork()
    pool.end()
    pool.join(20)


def test_a_cork_on_what_has_ended(router: Any) -> None:
    """An Error, behind which it is as if nothing had been."""
    router.broker.shutdown()
    router.broker.join()
    corker = mitogen.os_fork.Corker(brokers=[router.broker])
    for _ in range(2):
        with pytest.raises(Error, match="ended"):
            corker.cork()
