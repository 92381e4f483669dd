"""Nothing is left, however it ends. What is left is found by the fixture of every test."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
import mitogen.master
from tests.library import remote_functions as remote
from tests.support import processes, programs

#: What a program needs to end with stubborn children, and far below any of the waits it must not
#: run into (45 s of ssh keep-alives, 30 s of a connect).
SOON = 15.0

PREAMBLE = """\
import os, signal, sys, threading, time
import mitogen.core, mitogen.master

def work():
    return os.getpid()

def hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)

@mitogen.core.takes_router
def child_of_mine(router):
    return router.local()

def main():
    broker = mitogen.master.Broker()
    router = mitogen.master.Router(broker)
    child = router.local()
    grandchild = child.call(child_of_mine)
    pids = [child.call(work), grandchild.call(work)]
"""


def _program(ending: str, call: str = "main()") -> str:
    return f"{PREAMBLE}{ending}\n\nif __name__ == '__main__':\n    {call}\n"


@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        ("    print('done')", 0, ""),
        ("    raise RuntimeError('it broke')", 1, "it broke"),
        ("    sys.exit(7)", 7, ""),
        ("    broker.shutdown()", 0, ""),
        ("    broker.shutdown(); broker.join(); broker.shutdown()", 0, ""),
        ("    child.shutdown(); raise RuntimeError('it broke')", 1, "it broke"),
    ],
    ids=["return", "exception", "exit", "shutdown", "twice", "child-first"],
)
def test_a_program_ends_when_its_main_thread_does(
    tmp_path: Path, ending: str, status: int, said: str
) -> None:
    """With or without a word to the broker."""
    outcome = programs.run(tmp_path, _program(ending))
    assert outcome.status == status, outcome.err
    assert said in outcome.err
    assert bool(outcome.err) == bool(said)
    assert outcome.seconds < SOON


def test_a_program_ends_with_a_child_that_hangs(tmp_path: Path) -> None:
    """Its main thread is stuck and TERM is ignored."""
    outcome = programs.run(
        tmp_path, _program("    child.call_no_reply(hang); grandchild.call_no_reply(hang)")
    )
    assert outcome.status == 0, outcome.err
    assert outcome.seconds < SOON


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("is_stuck", [False, True], ids=["idle", "stuck"])
def test_a_program_ended_by_a_signal(
    tmp_path: Path, number: signal.Signals, is_stuck: bool
) -> None:
    """Ctrl-C, TERM and KILL while it waits for a child; children and theirs go, too."""
    ending = "    print(*pids, flush=True)\n"
    if is_stuck:
        ending += "    child.call_no_reply(hang)\n    grandchild.call(hang)"
    else:
        ending += "    time.sleep(3600)"
    with programs.start(tmp_path, _program(ending)) as program:
        pids = [int(word) for word in program.wait_line().split()]
        program.signal(number)
        outcome = program.finish(SOON)
    assert outcome.status in (-number, 1, 130)
    processes.wait_gone(pids)


def test_a_program_whose_broker_belongs_to_another_thread(tmp_path: Path) -> None:
    """The broker ends with the thread that made it, and the program with its main thread."""
    ending = """\

def program():
    main()
    os.write(1, b"thread ends\\n")

def start():
    thread = threading.Thread(target=program)
    thread.start()
    thread.join()
    while any(t.name == "mitogen.broker" for t in threading.enumerate()):
        pass
    print("broker has ended")
"""
    outcome = programs.run(tmp_path, _program(ending, "start()"))
    assert outcome.status == 0, outcome.err
    assert outcome.out.split("\n") == ["thread ends", "broker has ended", ""]


def test_no_file_is_made(tmp_path: Path) -> None:
    """Neither where temporary files go nor at home."""
    folders = {name: tmp_path / name for name in ("TMPDIR", "HOME", "XDG_RUNTIME_DIR")}
    for folder in folders.values():
        folder.mkdir()
    path = programs.write_tree(tmp_path, {"program.py": _program("    pass")}) / "program.py"
    environment = {name: str(folder) for name, folder in folders.items()}
    with programs.Program(path, environment=environment) as program:
        outcome = program.finish()
    assert outcome.status == 0, outcome.err
    assert [list(folder.iterdir()) for folder in folders.values()] == [[], [], []]


def test_a_killed_child_is_noticed(router: Any) -> None:
    """Whoever waits for it gets an error; whoever asks later, too; its children go as well."""
    child = router.local()
    grandchild = child.call(remote.local_child)
    pid = grandchild.call(os.getpid)
    waiting = grandchild.call_async(remote.hang)
    lost = mitogen.core.Latch()
    child.listen("disconnect", lost.put)
    with pytest.raises(mitogen.core.ChannelError):
        child.call(remote.kill_self)
    with pytest.raises(mitogen.core.ChannelError):
        waiting.get(SOON)
    lost.get(SOON)
    with pytest.raises(mitogen.core.ChannelError):
        child.call(remote.echo, 1)
    processes.wait_gone([pid])


def test_a_child_in_the_middle_dies(router: Any) -> None:
    """The news reaches the program; the child above goes on."""
    top = router.local()
    middle = router.local(via=top)
    bottom = router.local(via=middle)
    pid = bottom.call(os.getpid)
    with pytest.raises(mitogen.core.ChannelError):
        middle.call(remote.kill_self)
    with pytest.raises(mitogen.core.ChannelError):
        bottom.call(remote.echo, 1)
    assert top.call(remote.echo, 1) == 1
    processes.wait_gone([pid])


def test_a_stubborn_child_can_be_shut_down(router: Any) -> None:
    """Its main thread is stuck, it ignores TERM, threads of its own run, exit handlers hang."""
    child = router.local()
    child.call(remote.start_thread)
    child.call_no_reply(remote.ignore_term_and_hang)
    child.shutdown(wait=True, timeout=SOON)


def test_a_child_that_floods_its_output_can_be_shut_down(router: Any) -> None:
    """Also while nobody reads what it writes."""
    child = router.local()
    child.call_no_reply(remote.hold_output)
    child.shutdown(wait=True, timeout=SOON)


def test_programs_started_by_a_child_do_not_hold_it(router: Any) -> None:
    """They have its standard output, and nothing of the link."""
    child = router.local()
    pid = child.call(remote.start_program, "sleep", "3600")
    child.shutdown(wait=True, timeout=SOON)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("is_killed", [False, True], ids=["shut-down", "killed"])
def test_a_daemon_forked_by_a_child_does_not_hold_it(router: Any, is_killed: bool) -> None:
    """The program notices the child's end although the daemon lives on."""
    child = router.local()
    pid = child.call(remote.fork_daemon)
    if is_killed:
        with pytest.raises(mitogen.core.ChannelError):
            child.call(remote.kill_self)
    else:
        child.shutdown(wait=True, timeout=SOON)
    os.kill(pid, signal.SIGKILL)


def test_a_fork_of_a_child_does_not_disturb_it(router: Any) -> None:
    """What is logged there must not get into the stream of its parent."""
    child = router.local()
    for _ in range(5):
        assert child.call(remote.fork_and_log) == 0
        assert child.call(remote.echo, "x" * 1000) == "x" * 1000


def test_a_fork_of_the_program_does_not_keep_children(router: Any) -> None:
    """A forked process has no links; the router there says so."""
    child = router.local()
    child.call(remote.echo, 1)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            child.call(remote.echo, 2)
        except mitogen.core.Error:
            status = 0
        os.read(read_end, 1)
        os._exit(status)
    child_pid = child.call(os.getpid)
    child.shutdown(wait=True, timeout=SOON)
    processes.wait_gone([child_pid])
    os.write(write_end, b"!")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(read_end)
    os.close(write_end)


def test_a_broker_without_a_watcher_goes_on(tmp_path: Path) -> None:
    """``install_watcher=False``: only the end of the program ends it."""
    latch = mitogen.core.Latch()

    def make() -> None:
        latch.put(mitogen.master.Broker(install_watcher=False))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    broker = latch.get()
    assert broker.defer_sync(lambda: "alive") == "alive"
    broker.shutdown()
    broker.join(SOON)
    with pytest.raises(mitogen.core.Error):
        broker.defer(print)


def test_many_children_come_and_go(router: Any) -> None:
    """No descriptor is left from any of them, while the broker runs."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        child = router.local()
        child.call(remote.echo, 1)
        child.shutdown(wait=True, timeout=SOON)
    router.broker.defer_sync(int)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_detached_child_outlives_its_parent(tmp_path: Path) -> None:
    """It finishes what it does, and ends."""
    note = tmp_path / "note"
    source = f"""\
        import mitogen.core, mitogen.utils
        from tests.library import remote_functions as remote

        def main(router):
            child = router.local()
            print(child.call(remote.detach), flush=True)
            receiver = mitogen.core.Receiver(router)
            child.call_no_reply(remote.wait_for_orphanage, {str(note)!r}, receiver.to_sender())
            receiver.get({SOON})
            child.call_async(remote.echo, 1)

        if __name__ == "__main__":
            mitogen.utils.run_with_router(main)
    """
    with programs.start(tmp_path, source) as program:
        pid = int(program.wait_line())
        outcome = program.finish(SOON)
    assert outcome.status == 0, outcome.err
    processes.wait_gone([pid])
    assert note.read_text() == "alone"
