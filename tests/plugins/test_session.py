"""What Ansible is told: of a job that did not end by itself, of a broker that fails or is gone."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys

import pytest
from ansible.errors import AnsibleError

from ansible_mitogen import protocol
from ansible_mitogen.session import Session, Target, words_of_shell
from ansible_mitogen.stack import Hop

_SSH = Hop("ssh", {"hostname": "web1"})

_DYING = """
import os, resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.kill(os.getpid(), %d)
"""
_NUMBERS = sorted(
    set(signal.Signals) - {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)


@pytest.mark.skipif(shutil.which("dash") is None, reason="needs dash")
def test_a_signal_in_the_words_of_a_shell() -> None:
    """Which stock Ansible has between the connection and the module."""
    for number in _NUMBERS:
        program = [sys.executable, "-S", "-c", _DYING % number]
        argv = ["dash", "-c", '"$@" && sleep 0', "dash", *program]
        done = subprocess.run(argv, capture_output=True)
        if done.returncode == 128 + number:
            assert words_of_shell(number) == done.stderr


def test_a_failure_of_our_own_is_called_so() -> None:
    """By the hop that was to be reached; nobody was to become another user."""
    near, far = socket.socketpair(socket.AF_UNIX)
    session = Session(Target([_SSH]), lambda: near)
    with far:
        failed = protocol.Failed(1, protocol.FailureKind.INTERNAL, "", "no files", False)
        far.sendall(protocol.encode(failed))
        with pytest.raises(AnsibleError, match="^Mitogen failed at ssh .*web1.*: no files$"):
            session.open()
        session.close()


@pytest.mark.parametrize("lost", [FileNotFoundError, ConnectionRefusedError])
def test_reset_without_a_broker(lost: type[OSError]) -> None:
    """Nothing is open, and nothing has to be ended."""

    def connect() -> None:
        raise lost

    session = Session(Target([_SSH]), connect)
    session.reset()
    assert not session.is_open
