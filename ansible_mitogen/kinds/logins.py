"""Logins that Ansible has another client for than ours: the same place by OpenSSH."""

from __future__ import annotations

import os
from typing import Any

from ansible_mitogen.kinds.declaration import USER, Asked, Kind, address
from ansible_mitogen.stack import CannotAccelerate
from mitogen.wire.values import Secret

#: Where old versions look for a proxy, and for nothing else.
_ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")


def _paramiko(asked: Asked) -> dict[str, Any]:
    asked.refuse(
        host_key_auto_add="an automatic addition of host keys",
        proxy_command="a proxy of Paramiko's",
        use_persistent_connections="a question about host keys that is not asked",
    )
    if any("proxycommand" in (asked.text(name) or "").lower() for name in _ARGUMENTS):
        raise CannotAccelerate("a proxy of Paramiko's (ssh_args) is left to Ansible")
    for name in ("look_for_keys", "use_rsa_sha2_algorithms"):
        if asked.value(name) is False:
            raise CannotAccelerate(f"the choice of keys ({name}) is left to Ansible")
    password, key = asked.text("password"), asked.text("private_key_file")
    # It reads no configuration of ssh, and asks no agent where there is a password.
    arguments = ["-F", "none", "-o", f"ConnectTimeout={asked.text('timeout') or 10}"]
    if password is not None:
        arguments += ["-o", "IdentityAgent=none"]
    return {
        "hostname": (asked.text("remote_addr") or asked.address).lower(),
        "port": asked.value("port"),
        "username": asked.text("remote_user") or asked.remote_user,
        "password": None if password is None else Secret(password),
        "identity_file": None if key is None else os.path.expanduser(key),
        "identities_only": False,
        "check_host_keys": "ignore" if asked.value("host_key_checking") is False else "enforce",
        "compression": False,
        "ssh_args": arguments,
    }


PARAMIKO = Kind(
    name="paramiko_ssh",
    twin="ansible.builtin.paramiko_ssh",
    options=frozenset(
        {"remote_addr", "port", "remote_user", "password", "private_key_file", "timeout",
         "host_key_checking", "host_key_auto_add", "record_host_keys", "look_for_keys", "pty",
         "proxy_command", "use_rsa_sha2_algorithms", "use_persistent_connections",
         "banner_timeout", "lock_file_timeout", *_ARGUMENTS}
    ),
    hop_options=_paramiko,
    programs=("ssh_path",),
    own={**address("paramiko"), **USER},
    method="ssh",
    has_login_shell=True,
    terminal_option="pty",
)  # fmt: skip
