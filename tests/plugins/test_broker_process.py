"""The broker process: started by the parent or by a worker, ends with Ansible, leaves nothing."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ansible_mitogen import launcher
from ansible_mitogen.client import BrokerLostError, Client, FailedError
from ansible_mitogen.stack import Account, local_hop
from tests.support import processes

REPOSITORY = Path(__file__).resolve().parents[2]

#: A parent process: does what its argument says once it has been told to by a line of input.
PARENT = """
import os, sys
from ansible_mitogen import launcher
{start}
print(os.getpid(), flush=True)
sys.stdin.readline()
"""

START = "running = launcher.start_for_parent()"


@pytest.fixture
def base(public_folder, monkeypatch):
    """Where the broker's directory is made."""
    folder = public_folder / "run"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def start_parent(program):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    return process


def finish(process, number=None):
    """End the parent, by itself or by a signal, and close what we hold of it."""
    if number is not None:
        process.send_signal(number)
    process.communicate("\n" if number is None else None, timeout=60)


def broker_of(place):
    """The broker process that serves *place*, and a descriptor that tells when it ends."""
    (entry,) = [e for e in processes.descendants() if str(place.directory) in e.args.split()]
    return entry.pid, os.pidfd_open(entry.pid)


def wait_until_gone(place, pid, end_fd):
    """The broker removes its directory as the last thing it does."""
    ready, _, _ = select.select([end_fd], [], [], 60)
    os.close(end_fd)
    assert ready
    processes.reap(pid)
    assert not place.directory.exists()


def open_local(client):
    return client.open([local_hop(Account([sys.executable])).to_value()], {}, 60)


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_parent(base, number):
    """However the parent ends, the broker and its contexts end, and the directory is removed."""
    parent = start_parent(PARENT.format(start=START))
    place = launcher.find_place(parent.pid)
    client = Client(launcher.connect(parent.pid))
    opened = open_local(client)
    assert opened.version[:2] == list(sys.version_info[:2])
    client.close()
    pid, end_fd = broker_of(place)
    finish(parent, number)
    wait_until_gone(place, pid, end_fd)


def test_a_worker_starts_it_when_nobody_did(base):
    """Without a start in the parent, the first to connect starts it; it ends with the parent."""
    parent = start_parent(PARENT.format(start=""))
    place = launcher.find_place(parent.pid)
    clients = [Client(launcher.connect(parent.pid)) for _ in range(2)]
    keys = {open_local(client).key for client in clients}
    assert len(keys) == 1
    for client in clients:
        client.close()
    pid, end_fd = broker_of(place)
    finish(parent)
    wait_until_gone(place, pid, end_fd)


def test_a_dead_broker_is_replaced(base):
    """A broker that was killed is noticed, and started again by the next to connect."""
    parent = start_parent(PARENT.format(start=""))
    place = launcher.find_place(parent.pid)
    client = Client(launcher.connect(parent.pid))
    open_local(client)
    pid, end_fd = broker_of(place)
    os.kill(pid, signal.SIGKILL)
    select.select([end_fd], [], [], 60)
    os.close(end_fd)
    processes.reap(pid)
    with pytest.raises(BrokerLostError):
        open_local(client)
    client = Client(launcher.connect(parent.pid))
    assert open_local(client).executable
    client.close()
    pid, end_fd = broker_of(place)
    finish(parent)
    wait_until_gone(place, pid, end_fd)


def test_contexts_are_found_again(base):
    """A second worker gets the context of the first, at no message to the host."""
    parent = start_parent(PARENT.format(start=START))
    first, second = (Client(launcher.connect(parent.pid)) for _ in range(2))
    one, two = open_local(first), open_local(second)
    assert one.key == two.key
    assert (one.sent, two.sent) == (1, 0)
    first.close()
    second.close()
    finish(parent)


def test_rubbish_drops_the_client_only(base):
    """A client that does not speak the protocol is dropped; others are served."""
    parent = start_parent(PARENT.format(start=START))
    with launcher.connect(parent.pid) as rude:
        rude.sendall(b"GET / HTTP/1.0\r\n\r\n")
        rude.settimeout(30)
        assert rude.recv(10) == b""
    client = Client(launcher.connect(parent.pid))
    assert open_local(client).key
    client.close()
    finish(parent)


def test_an_unknown_context_is_closed(base):
    """A key that the broker does not know means: open it again."""
    parent = start_parent(PARENT.format(start=START))
    client = Client(launcher.connect(parent.pid))
    with pytest.raises(FailedError, match="closed"):
        client.call("no such key", "exists", "/")
    client.close()
    finish(parent)


def test_no_python(base):
    """A host without a Python is told apart from one that cannot be reached."""
    parent = start_parent(PARENT.format(start=START))
    client = Client(launcher.connect(parent.pid))
    with pytest.raises(FailedError) as caught:
        client.open([local_hop(Account(["/no/such/python"])).to_value()], {}, 60)
    assert caught.value.failure.value == "no-python"
    client.close()
    finish(parent)


def test_the_socket_is_private(base):
    """Nobody else can reach the socket: its directory is closed to them."""
    parent = start_parent(PARENT.format(start=START))
    place = launcher.find_place(parent.pid)
    assert place.directory.stat().st_mode & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(place.socket))
    pid, end_fd = broker_of(place)
    finish(parent)
    wait_until_gone(place, pid, end_fd)
