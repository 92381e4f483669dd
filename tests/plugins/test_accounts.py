"""Which jobs are about an account."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_mitogen.broker.accounts import is_about, unmounts

_USER = b'{"ANSIBLE_MODULE_ARGS": {"name": "bob", "state": "absent"}}'

CASES: list[tuple[dict[str, Any], bool]] = [
    ({"name": "user", "arguments": _USER}, True),
    ({"name": "ansible.builtin.user", "arguments": _USER}, True),
    ({"name": "ansible.legacy.group", "arguments": b'{"name": "bob"}'}, False),
    ({"name": "command", "arguments": b'{"_raw_params": "gpasswd -a bob staff"}'}, False),
    ({"name": "user", "arguments": b'{"name": "bobby"}'}, False),
    ({"name": "user", "arguments": b'{"name": "x-bob"}'}, False),
    ({"name": "file", "arguments": b'{"path": "/home/bob", "owner": "bob"}'}, False),
    ({"name": "command", "arguments": b'{"_raw_params": "userdel -r bob"}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "/usr/sbin/userdel bob"}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "pkill -u bob"}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "ps -fu bob"}'}, True),
    ({"name": "command", "arguments": b'{"argv": ["loginctl", "terminate-user", "bob"]}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "id bob"}'}, False),
    ({"name": "command", "arguments": b'{"_raw_params": "backup-userdel.txt bob"}'}, False),
    ({"argv": ["/bin/sh", "-c", "deluser bob"]}, True),
    ({"argv": ["/bin/sh", "-c", "ls ~bob"]}, False),
    ({"argv": ["/bin/sh"], "stdin": b"usermod -l rob bob\n"}, True),
    ({"argv": ["/bin/sh"], "stdin": None}, False),
]


@pytest.mark.parametrize(("job", "expected"), CASES)
def test_is_about(job: dict[str, Any], expected: bool) -> None:
    """It names the account, and is a module or calls a program that deals with accounts."""
    assert is_about(job, "bob") is expected


def test_root_always_has_processes() -> None:
    """Nothing is gained by ending that account's."""
    assert not is_about({"argv": ["/bin/sh", "-c", "pkill -u root x"]}, "root")


UNMOUNTS: list[tuple[dict[str, Any], bool]] = [
    ({"name": "ansible.posix.mount", "arguments": b'{"path": "/srv"}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "umount /srv"}'}, True),
    ({"name": "command", "arguments": b'{"_raw_params": "mount /srv"}'}, False),
    ({"argv": ["/bin/sh", "-c", "umount -l /srv"]}, True),
    ({"argv": ["/bin/sh", "-c", "fuser -km /srv"]}, True),
    ({"name": "systemd", "arguments": b'{"name": "srv-data.mount", "state": "stopped"}'}, True),
    ({"name": "command", "arguments": b'{"argv": ["systemctl", "stop", "srv.automount"]}'}, True),
    ({"name": "copy", "arguments": b'{"dest": "/etc/x.mount.d/y"}'}, False),
    ({"argv": ["/bin/sh", "-c", "cat umount.log"], "stdin": None}, False),
]


@pytest.mark.parametrize(("job", "expected"), UNMOUNTS)
def test_unmounts(job: dict[str, Any], expected: bool) -> None:
    """Also the module that mounts, which may do the opposite."""
    assert unmounts(job) is expected
