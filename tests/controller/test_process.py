"""mitogen.controller.process: programs started with real descriptors and terminals."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator

import pytest

from mitogen.controller import process
from mitogen.errors import StreamError

ASK = """
import sys
with open("/dev/tty", "r+b", buffering=0) as terminal:
    terminal.write(b"Password: ")
    answer = terminal.readline()
    sys.stdout.buffer.write(b"got " + answer)
"""


@contextlib.contextmanager
def spawned(argv: list[str], **given: object) -> Iterator[process.Process]:
    """A program, ended and collected afterwards."""
    started = process.spawn(argv, **given)
    try:
        yield started
    finally:
        started.link.close()
        started.kill()
        started.wait(10)
        os.close(started.diagnostics_fd)


def read_link(started: process.Process) -> bytes:
    """All it writes to its stdout."""
    started.link.setblocking(True)
    started.link.settimeout(20)
    parts = []
    while data := started.link.recv(65536):
        parts.append(data)
    return b"".join(parts)


def read_said(started: process.Process, until: bytes) -> bytes:
    """What it says besides, up to some text."""
    said = b""
    while until not in said and select.select([started.diagnostics_fd], [], [], 20)[0]:
        try:
            data = os.read(started.diagnostics_fd, 65536)
        except OSError:
            break
        if not data:
            break
        said += data
    return said


BOTH = pytest.mark.parametrize("tty", [False, True])


@BOTH
def test_data_passes_unchanged(tty: bool):
    """Every byte, in both directions: no terminal is in the way even if there is one."""
    data = bytes(range(256)) * 200
    with spawned(["cat"], tty=tty) as started:
        started.link.setblocking(True)
        started.link.sendall(data)
        started.link.shutdown(1)
        assert read_link(started) == data
        assert started.wait(10) == 0


@BOTH
def test_what_it_says_arrives_apart(tty: bool):
    """Its stderr is not on the link, and lines keep their ends."""
    with spawned(["sh", "-c", "echo out; echo err >&2; echo 2 >&2"], tty=tty) as started:
        assert read_said(started, b"2\n") == b"err\n2\n"
        assert read_link(started) == b"out\n"


def test_a_program_can_ask_at_its_terminal():
    """/dev/tty is ours, and the answer is not echoed."""
    with spawned([sys.executable, "-c", ASK], tty=True) as started:
        assert read_said(started, b": ") == b"Password: "
        os.write(started.diagnostics_fd, b"s3cret\n")
        assert read_link(started) == b"got s3cret\n"
        assert b"s3cret" not in read_said(started, b"nothing")


def test_a_program_that_reads_its_answer_from_stdin():
    """That is the terminal then; the link, in both directions, is its stdout."""
    program = "read -r word; exec 0<&1; echo got $word; exec cat"
    with spawned(["sh", "-c", program], tty=True, is_stdin_tty=True) as started:
        os.write(started.diagnostics_fd, b"s3cret\n")
        started.link.setblocking(True)
        started.link.sendall(bytes(range(256)))
        started.link.shutdown(1)
        assert read_link(started) == b"got s3cret\n" + bytes(range(256))
        assert started.wait(10) == 0


def test_without_a_terminal_there_is_none():
    """Not even that of whoever runs us: nothing can ask the user behind our back."""
    program = "import os\ntry: os.open('/dev/tty', os.O_RDWR)\nexcept OSError: print('none')"
    with spawned([sys.executable, "-c", program]) as started:
        assert read_link(started) == b"none\n"


@BOTH
def test_no_descriptor_leaks(tty: bool):
    """The program has its three standard ones only, and nobody inherits our ends."""
    program = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
    with spawned([sys.executable, "-c", program], tty=tty) as started:
        # The fourth is the listing's own.
        assert read_link(started) == b"['0', '1', '2', '3']\n"
        assert not os.get_inheritable(started.diagnostics_fd)
        assert not started.link.get_inheritable()


@BOTH
def test_our_ends_do_not_block(tty: bool):
    """They belong to an event loop. The program's own end blocks as any stdin does."""
    program = "import os; print(os.get_blocking(0), os.get_blocking(1), os.get_blocking(2))"
    with spawned([sys.executable, "-c", program], tty=tty) as started:
        assert started.link.gettimeout() == 0
        assert not os.get_blocking(started.diagnostics_fd)
        assert read_link(started) == b"True True True\n"


@BOTH
def test_interrupts_from_the_keyboard_do_not_reach_it(tty: bool):
    """It has a session of its own: Ctrl-C is for the program that started it."""
    with spawned(["sleep", "60"], tty=tty) as started:
        assert os.getsid(started.pid) == started.pid


@BOTH
def test_how_it_ended(tty: bool):
    """Exit status, or the signal as a negative number; asked without waiting."""
    with spawned(["sh", "-c", "read x; exit 7"], tty=tty) as started:
        assert started.poll() is None
        assert started.wait(0.0) is None
        started.link.close()
        assert started.wait(20) == 7
        assert started.poll() == 7
    with spawned(["sleep", "60"], tty=tty) as started:
        started.terminate()
        assert started.wait(20) == -signal.SIGTERM
        started.terminate()
        started.kill()


@BOTH
@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/passwd"])
def test_a_program_that_is_not_there(program: str, tty: bool):
    """Named in the error; nothing is left open."""
    with pytest.raises(StreamError, match=program):
        process.spawn([program, "--password=x"], tty=tty)


def test_a_program_that_cannot_run(tmp_path):
    """There, executable, and still no program."""
    path = tmp_path / "broken"
    path.write_bytes(b"\x7fELF not really")
    path.chmod(0o755)
    with pytest.raises(StreamError, match="broken"):
        process.spawn([str(path)])


def test_its_environment():
    """Ours, or the one given, whose PATH is where the program is looked for."""
    env = {"PATH": "/usr/bin:/bin", "MARK": "here"}
    with spawned(["sh", "-c", "echo $MARK"], env=env) as started:
        assert read_link(started) == b"here\n"
    with pytest.raises(StreamError):
        process.spawn(["sh"], env={"PATH": "/no/such/folder"})


def test_arguments_do_not_show():
    """A repr is for logs."""
    with spawned(["sh", "-c", "true; : hidden"]) as started:
        assert "hidden" not in repr(started)
        assert str(started.pid) in repr(started)
