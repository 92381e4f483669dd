"""Other accounts of a machine as inventory hosts: Ansible has no such plugins."""

from __future__ import annotations

from typing import Any

from ansible_mitogen.kinds.declaration import USER, Asked, Kind
from mitogen.wire.values import Secret

_PASSWORD: dict[str, Any] = {
    "password": {
        "description": "The password that is asked for.",
        "type": "string",
        "vars": [{"name": "ansible_password"}],
    }
}


def _options(asked: Asked) -> dict[str, Any]:
    password = asked.text("password")
    return {
        "username": asked.text("remote_user") or asked.remote_user or "root",
        "password": None if password is None else Secret(password),
    }


def _account(name: str) -> Kind:
    return Kind(
        name=name,
        twin=None,
        options=frozenset(),
        hop_options=_options,
        programs=(f"{name}_path",),
        own={**USER, **_PASSWORD},
    )


SUDO = _account("sudo")
SU = _account("su")
DOAS = _account("doas")
