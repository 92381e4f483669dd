"""The zygote without a context: what it does with the messages and descriptors it is sent."""

from __future__ import annotations

import array
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen.target.channel import Cancel, Decoder, Ended, Missing, Refused, Start, encode
from tests.support import processes
from tests.target.conftest import SECONDS
from tests.target.packed import builtin

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = (
    "import socket, sys; sys.path.insert(0, sys.argv[1])\n"
    "from ansible_mitogen.target.folder import StartFolder\n"
    "from ansible_mitogen.target.zygote import become_zygote\n"
    "become_zygote(socket.socket(fileno=int(sys.argv[2])), StartFolder())\n"
)


class Peer:
    """What a context's half does, with nothing but a selector."""

    def __init__(self, before: str = "") -> None:
        self.sock, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + _PROGRAM, str(ROOT), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.answers: dict[int, Any] = {}
        self.outputs: dict[int, bytes] = {}
        self._open: dict[int, list[int]] = {}
        self._decoder = Decoder()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.sock, selectors.EVENT_READ)

    def close(self) -> None:
        """Be gone, like a context that died; the zygote ends."""
        self._selector.close()
        self.sock.close()
        for number in list(self._open):
            self._forget(number)
        assert self.process.wait(SECONDS) == 0

    def start(self, number: int, job: dict[str, Any], closure: int = 0) -> tuple[bytes, list[int]]:
        """The message that starts a job, and the descriptors to go with it."""
        pairs = [os.pipe() for _ in range(2)]
        self._open[number] = [read_end for read_end, _ in pairs]
        self.outputs[number] = b""
        self._selector.register(pairs[0][0], selectors.EVENT_READ, number)
        return encode(Start(number, job, closure, False)), [write_end for _, write_end in pairs]

    def send(self, data: bytes, descriptors: list[int]) -> None:
        """Send *data* with the *descriptors* on its first byte."""
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        self.sock.sendmsg([data[:1]], [rights])
        for fd in descriptors:
            os.close(fd)
        self.sock.sendall(data[1:])

    def run(self, number: int, job: dict[str, Any], closure: int = 0) -> Any:
        """Start a job; the answer to it."""
        self.send(*self.start(number, job, closure))
        return self.answer(number)

    def answer(self, number: int) -> Any:
        """The answer to a job that was started."""
        while number not in self.answers:
            self.step()
        self._forget(number)
        return self.answers[number]

    def step(self) -> None:
        """Take what has come."""
        ready = self._selector.select(SECONDS)
        assert ready, "nothing happens"
        for key, _events in ready:
            if key.data is not None:
                self._read(key.fd, key.data)
                continue
            for message in self._decoder.feed(self.sock.recv(65536)):
                self.answers[message.number] = message

    def _read(self, fd: int, number: int) -> None:
        data = os.read(fd, 65536)
        self.outputs[number] += data
        if not data:
            self._selector.unregister(fd)

    def _forget(self, number: int) -> None:
        output, errors = self._open.pop(number)
        if self._selector.get_map() and output in self._selector.get_map():
            os.set_blocking(output, False)
            try:
                self.outputs[number] += os.read(output, 65536)
            except BlockingIOError:
                pass
            self._selector.unregister(output)
        os.close(output)
        os.close(errors)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """The other end of a zygote."""
    peer = Peer()
    yield peer
    peer.close()


def _shell(text: str) -> dict[str, Any]:
    return {"job_id": "1", "argv": ["/bin/sh", "-c", text]}


def test_a_program(peer: Peer) -> None:
    """Its wait status is told, whatever it was."""
    assert peer.run(1, _shell("echo x; exit 3")) == Ended(1, 3 << 8)
    assert peer.outputs[1] == b"x\n"
    assert peer.run(2, _shell("kill -9 $$")) == Ended(2, 9)


def test_messages_at_once(peer: Peer) -> None:
    """Descriptors find their jobs, also where several messages arrive in one piece."""
    started = [peer.start(number, _shell(f"echo {number}")) for number in range(1, 5)]
    data = b"".join(message for message, _ in started)
    peer.send(data, [fd for _, descriptors in started for fd in descriptors])
    assert [peer.answer(number) for number in range(1, 5)] == [Ended(n, 0) for n in range(1, 5)]
    assert [peer.outputs[number] for number in range(1, 5)] == [b"1\n", b"2\n", b"3\n", b"4\n"]


def test_a_closure_by_its_number(peer: Peer) -> None:
    """Files come once; afterwards the number stands for them, and an unknown one for nothing."""
    job = builtin("ping").job({})
    assert peer.run(1, job, 7) == Ended(1, 0)
    job = {**job, "files": {}, "supplied": {}}
    assert peer.run(2, job, 7) == Ended(2, 0)
    assert b'"ping": "pong"' in peer.outputs[2]
    assert peer.run(3, job, 8) == Missing(3, [])


def test_a_job_that_cannot_be_started(peer: Peer) -> None:
    """It is said why, and the next one runs."""
    answer = peer.run(1, {"job_id": "1", "argv": "no list"})
    assert type(answer) is Refused
    assert "strange argv" in answer.reason
    assert peer.run(2, _shell("exit 1")) == Ended(2, 1 << 8)


_NO_FORK_AT_FIRST = """
import errno, os
def fork(real=os.fork):
    os.fork = real
    raise OSError(errno.EAGAIN, "too many")
os.fork = fork
"""


def test_no_process_for_a_job() -> None:
    """It is said why, nothing is left of the attempt, and the next one runs."""
    peer = Peer(_NO_FORK_AT_FIRST)
    try:
        job = builtin("ping").job({})
        refused = Refused(1, "no process can be started: too many")
        assert peer.run(1, job, 7) == refused
        zygote = peer.process.pid
        assert [entry.parent for entry in processes.descendants()].count(zygote) == 0
        assert peer.run(2, {**job, "files": {}, "supplied": {}}, 7) == Ended(2, 0)
    finally:
        peer.close()


def test_an_unwanted_job(peer: Peer) -> None:
    """It is ended; a number that nobody has is passed over."""
    peer.send(*peer.start(1, _shell("echo begun; exec sleep 600")))
    while not peer.outputs[1]:
        peer.step()
    peer.sock.sendall(encode(Cancel(9)) + encode(Cancel(1)))
    assert peer.answer(1) == Ended(1, 15)


def test_a_lost_context(peer: Peer) -> None:
    """What runs ends with it; the fixtures see to it that nothing is left."""
    peer.send(*peer.start(1, _shell("trap '' HUP; echo begun; sleep 600 & wait")))
    while not peer.outputs[1]:
        peer.step()


def test_a_zygote_that_fails() -> None:
    """Says why on the descriptor that its context logs."""
    program = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from ansible_mitogen.target import hook, zygote\n"
        "zygote.become_zygote = lambda *_: 1 / 0\n"
        "hook.start(None)\n"
        "sys.exit(os.wait()[1] >> 8)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 1
    assert b"ZeroDivisionError" in done.stderr
