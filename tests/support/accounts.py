"""Users of the machine that tests log in to and become.

They carry a fixed prefix, exist only while a test session needs them, and are removed at its start
(left over from a killed one) and at its end. Several sessions may run at the same time: each holds
a shared lock on the state folder, the first makes the users, the last one removes them. Passwords
are made on the spot and are readable by root only.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PREFIX = "mitogentest_"
_STATE = Path("/run/mitogentest")
_SUDOERS = Path("/etc/sudoers.d/mitogentest")


@dataclass(frozen=True)
class AccountPlan:
    """What a test user is to be like."""

    suffix: str
    shell: str = "bash"
    sudo: str = "none"  # none, nopasswd, password
    has_key: bool = True
    has_password: bool = False

    @property
    def username(self) -> str:
        """The user's name on the machine."""
        return PREFIX + self.suffix


@dataclass(frozen=True)
class Account:
    """A test user as it exists now."""

    username: str
    password: str
    shell: str
    sudo: str
    has_key: bool
    home: str

    def __repr__(self) -> str:
        return f"Account({self.username})"


PLANS = (
    AccountPlan("bash", "bash", sudo="nopasswd"),
    AccountPlan("dash", "dash", sudo="nopasswd"),
    AccountPlan("zsh", "zsh", sudo="nopasswd"),
    AccountPlan("tcsh", "tcsh", sudo="nopasswd"),
    AccountPlan("fish", "fish", sudo="nopasswd"),
    AccountPlan("plain", "bash"),
    AccountPlan("password", "bash", has_key=False, has_password=True),
    AccountPlan("sudopass", "bash", sudo="password", has_password=True),
)


def missing_for_accounts() -> str | None:
    """Why test users cannot be made here, or None when they can."""
    if os.geteuid() != 0:
        return "test users need root"
    for program in ("useradd", "userdel", "chpasswd", "sudo", "visudo"):
        if shutil.which(program) is None:
            return f"test users need {program}"
    return None


def _run(*argv: str, given: str | None = None) -> None:
    done = subprocess.run(
        argv, input=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
    )
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed with {done.returncode}: {done.stdout}")


def _test_users() -> list[pwd.struct_passwd]:
    return [entry for entry in pwd.getpwall() if entry.pw_name.startswith(PREFIX)]


def _end_processes_of(uid: int) -> None:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:
                    os.kill(int(name), signal.SIGKILL)


def _remove_all() -> None:
    _SUDOERS.unlink(missing_ok=True)
    for entry in _test_users():
        _end_processes_of(entry.pw_uid)
        # Not _run: userdel complains about a missing mail spool and still removes the user.
        subprocess.run(
            ["userdel", "--remove", "--force", entry.pw_name], capture_output=True, timeout=60
        )
    for group in grp.getgrall():
        if group.gr_name.startswith(PREFIX):
            subprocess.run(["groupdel", group.gr_name], capture_output=True, timeout=60)
    (_STATE / "passwords.json").unlink(missing_ok=True)


def _create_all() -> None:
    passwords = {}
    sudoers = []
    for plan in PLANS:
        shell = shutil.which(plan.shell)
        if shell is None:
            continue
        password = secrets.token_hex(12) if plan.has_password else ""
        passwords[plan.username] = password
        # "*" matches no password but, unlike "!", does not make sshd call the account locked.
        _run("useradd", "--create-home", "--password", "*", "--shell", shell, plan.username)
        if password:
            _run("chpasswd", given=f"{plan.username}:{password}\n")
        if plan.sudo != "none":
            tag = "NOPASSWD:" if plan.sudo == "nopasswd" else ""
            sudoers.append(f"{plan.username} ALL=(ALL:ALL) {tag}ALL\n")
    draft = _STATE / "sudoers"
    draft.write_text("".join(sudoers))
    draft.chmod(0o440)
    _run("visudo", "--check", f"--file={draft}")
    shutil.move(draft, _SUDOERS)
    state = _STATE / "passwords.json"
    state.touch(mode=0o600)
    state.write_text(json.dumps(passwords))


def _read_all() -> dict[str, Account]:
    passwords = json.loads((_STATE / "passwords.json").read_text())
    plans = {plan.username: plan for plan in PLANS}
    accounts = {}
    for username, password in passwords.items():
        plan = plans[username]
        home = pwd.getpwnam(username).pw_dir
        accounts[plan.suffix] = Account(
            username, password, plan.shell, plan.sudo, plan.has_key, home
        )
    return accounts


def _try_alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _join(lock: int) -> None:
    """Come to hold the shared lock with the users in place."""
    while True:
        if _try_alone(lock):
            _remove_all()
            _create_all()
        # Turning an exclusive lock into a shared one has a gap in which another session may do
        # the same work again; hence the look at the state afterwards.
        fcntl.flock(lock, fcntl.LOCK_SH)
        if (_STATE / "passwords.json").exists():
            return
        fcntl.flock(lock, fcntl.LOCK_UN)


@contextlib.contextmanager
def test_accounts() -> Iterator[dict[str, Account]]:
    """The test users by suffix, for the length of the block."""
    _STATE.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(_STATE / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _join(lock)
        yield _read_all()
    finally:
        if _try_alone(lock):
            _remove_all()
        os.close(lock)


test_accounts.__test__ = False  # type: ignore[attr-defined]  # a name for people, not for pytest
