"""What Ansible is told about a job that did not end by itself."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import pytest

from ansible_mitogen.session import words_of_shell

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
