"""What changes in mid-play is seen by the next task, and nothing idle stands in the way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_differential import report
from tests.support.accounts import PREFIX, Account
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import differences
from tests.support.sshd import Sshd, sshd_for

PLAYBOOK = Path(__file__).parent / "changing" / "main.yml"

#: A file for those who edit /etc/environment.
LOCK = "/run/mitogentest/environment"

#: Tasks whose context has to be a new one.
RENEWED = {
    "groups after",
    "limits after",
    "environment after for another",
    "own environment after for another",
    "interpreter after",
    # Other start files are in a home while something is mounted there.
    "login in the mount",
}


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


class Changing:
    """Accounts of one test's own, and all that its playbook changes."""

    def __init__(self, world: World) -> None:
        self.login = f"{PREFIX}f{os.getpid()}"
        self.user = f"{PREFIX}g{os.getpid()}"
        self.group = f"{PREFIX}h{os.getpid()}"
        self.variable = f"MITOGENTEST_{os.getpid()}"
        self.sudoers = Path("/etc/sudoers.d") / self.login
        self.sudoers_text = (
            f"{self.login} ALL=(ALL:ALL) NOPASSWD: ALL\n"
            f"Defaults:{self.login} env_keep += {self.variable}\n"
        )
        self.limits = Path("/etc/security/limits.d") / f"{self.login}.conf"
        self.mount_point = world.folder / "mount"
        self.python = world.folder / "python"
        self._copy = world.folder / "other-python"
        shutil.copy(os.path.realpath(sys.executable), self._copy)

    def set_up(self) -> None:
        """The state that each run begins with."""
        self.clean_up()
        for name, first_uid in ((self.login, 61000), (self.user, 62000)):
            # Fixed, for results hold it; others make users at the same time.
            uid = str(first_uid + os.getpid() % 1000)
            options = ["--create-home", "--password", "*", "--shell", "/bin/bash", "--uid", uid]
            _run("useradd", *options, name)
        _run("groupadd", self.group)
        self.sudoers.touch(mode=0o440)
        self.sudoers.write_text(self.sudoers_text)
        self.mount_point.mkdir()
        self.python.symlink_to(sys.executable)

    def clean_up(self) -> None:
        """Leave the machine as it was."""
        homes = [Path("/home") / name for name in (self.login, self.user)]
        for folder in (*homes, self.mount_point):
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, timeout=60)
        self.sudoers.unlink(missing_ok=True)
        self.limits.unlink(missing_ok=True)
        self.python.unlink(missing_ok=True)
        shutil.rmtree(self.mount_point, ignore_errors=True)
        for name in (self.login, self.user, f"{self.user}x"):
            subprocess.run(["userdel", "-r", "-f", name], capture_output=True, timeout=60)
        subprocess.run(["groupdel", self.group], capture_output=True, timeout=60)
        self._restore_environment()

    def _restore_environment(self) -> None:
        path = Path("/etc/environment")
        with open(LOCK, "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                lines = path.read_text().splitlines(keepends=True)
                kept = [line for line in lines if not line.startswith(f"{self.variable}=")]
                if kept != lines:
                    path.write_text("".join(kept))

    def variables(self) -> dict[str, str]:
        """What the playbook calls them."""
        return {
            "made_login": self.login,
            "made_home": pwd.getpwnam(self.login).pw_dir,
            "made_user": self.user,
            "made_user_home": pwd.getpwnam(self.user).pw_dir,
            "made_group": self.group,
            "variable": self.variable,
            "lock": LOCK,
            "sudoers_file": str(self.sudoers),
            "sudoers_text": self.sudoers_text,
            "limits_file": str(self.limits),
            "mount_point": str(self.mount_point),
            "other_python": str(self._copy),
        }


@pytest.fixture
def changing(world: World, sshd: Sshd) -> Iterator[Changing]:  # noqa: ARG001 -- it holds the lock
    """The accounts, and hosts of the world that lead to them."""
    changing = Changing(world)
    folder = world.folder / "sshd"
    folder.mkdir()
    try:
        changing.set_up()
        account = Account(changing.login, "", "bash", "nopasswd", True, "")
        with sshd_for(folder, {"made": account}, pam="yes") as server:
            hosts = world.inventory["all"]["hosts"]
            hosts["mine"] = server.inventory_vars(account)
            hosts["pinned"] = {**hosts["here"], "ansible_python_interpreter": str(changing.python)}
            world.inventory["all"]["vars"].update(changing.variables())
            # The next task of stock Ansible is to be a new login, too.
            world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
            yield changing
    finally:
        changing.clean_up()


def _stdouts(run: Run) -> dict[str, str]:
    return {event.task: event.result.get("stdout", "") for event in run.events}


def test_changes_in_mid_play(world: World, changing: Changing) -> None:
    """Ours gives what stock gives: whatever changed is seen, and only then a context is renewed."""
    runs = []
    for kind in (STOCK, OURS):
        changing.set_up()
        runs.append(world.run(PLAYBOOK, kind))
        assert runs[-1].returncode == 0, runs[-1].output[-4000:]
    stock, ours = runs
    found = differences(stock, ours)
    assert not found, report(found)
    seen = _stdouts(ours)
    assert changing.group in seen["groups after"].split()
    assert seen["environment after for another"] == seen["environment after"]
    assert seen["interpreter after"] != seen["interpreter before"]
    renewed = {line.task: line.reason for line in ours.requests if line.sent > 1}
    assert set(renewed) >= RENEWED
    # Sessions that begin or end at the same time make and remove users who may call sudo.
    others = {task for task, reason in renewed.items() if "/etc/sudoers.d" in reason}
    assert set(renewed) - others <= RENEWED
