"""The sshd fixture gives real logins, real sudo and runnable interpreters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.support.accounts import PLANS
from tests.support.interpreters import VERSIONS
from tests.support.sshd import Sshd

KEY_LOGINS = [plan.suffix for plan in PLANS if plan.has_key]


def _ssh(sshd: Sshd, suffix: str, command: str) -> subprocess.CompletedProcess[str]:
    argv = [*sshd.ssh_argv(sshd.account(suffix)), command]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("suffix", KEY_LOGINS)
def test_a_key_logs_in_and_the_login_shell_runs(sshd: Sshd, suffix: str) -> None:
    """Each account with a key runs a command through its own login shell."""
    done = _ssh(sshd, suffix, "id -un; echo $0")
    assert done.stdout.split()[0] == sshd.account(suffix).username, done.stderr + sshd.log


def test_sudo_without_password(sshd: Sshd) -> None:
    """The passwordless account becomes root."""
    assert _ssh(sshd, "bash", "sudo -n id -un").stdout == "root\n"


def test_sudo_with_password_only(sshd: Sshd) -> None:
    """The other account is refused without its password and let through with it."""
    assert _ssh(sshd, "sudopass", "sudo -n id -un").stdout == ""
    password = sshd.account("sudopass").password
    done = subprocess.run(
        [*sshd.ssh_argv(sshd.account("sudopass")), "sudo -S -p '' id -un"],
        input=password + "\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "root\n"


def test_no_key_for_the_password_account(sshd: Sshd) -> None:
    """The password-only account does not let a key in."""
    argv = sshd.ssh_argv(sshd.account("password"))
    done = subprocess.run(
        [argv[0], "-o", "BatchMode=yes", *argv[1:], "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_every_user_can_run_every_interpreter(
    sshd: Sshd, public_interpreter: Callable[[str], str], version: str
) -> None:
    """A plain user runs each Python version, with a working standard library."""
    path = public_interpreter(version)
    script = "import sys, ssl, zlib, json, ctypes; print(sys.version_info[:2])"
    done = _ssh(sshd, "plain", f"{path} -c '{script}'")
    assert done.stdout.strip() == "({}, {})".format(*version.split(".")), done.stderr
