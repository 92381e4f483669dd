"""Worlds for ansible-playbook runs: inventory over the real sshd, folders that users may enter."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import PREFIX
from tests.support.ansible_run import World, has_ansible
from tests.support.sshd import Sshd


@pytest.fixture
def world(sshd: Sshd) -> Iterator[World]:
    """A fresh world with the hosts `far`, `locked`, `here` and `gone`."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    # Short, since control sockets and ours live below it, and their paths are limited.
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    folder.chmod(0o755)
    far = sshd.account("bash")
    locked = sshd.account("sudopass")
    other = sshd.account("plain").username
    become = {"ansible_become_password": locked.password}
    inventory = {
        "all": {
            "hosts": {
                "far": sshd.inventory_vars(far),
                "locked": {**sshd.inventory_vars(locked), **become},
                # Not discovered: a version manager's shims may come first and fail.
                "here": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                },
                # Port 1 of this machine: refused at once.
                "gone": {**sshd.inventory_vars(far), "ansible_port": 1},
            },
            "vars": {
                # `raw` and `script` have no terminal with us: two channels, no carriage returns.
                # Stock has one unless told otherwise.
                "ansible_ssh_use_tty": False,
                # Stock has no other way to become a plain user where setfacl is not installed.
                "ansible_shell_allow_world_readable_temp": True,
                # Of this world alone: several sessions may run at the same time.
                "made_name": f"{PREFIX}m{os.getpid()}",
                "made_id": 63000 + os.getpid() % 1000,
                "run_dir": str(folder / "run"),
                "other_user": other,
                "other_home": pwd.getpwnam(other).pw_dir,
            },
        }
    }
    world = World(folder, inventory)
    yield world
    world.close_masters()
    shutil.rmtree(folder, ignore_errors=True)
