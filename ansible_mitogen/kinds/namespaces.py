"""Containers entered by their namespaces, whatever runs them: Ansible has no such plugins."""

from __future__ import annotations

from typing import Any

from ansible_mitogen.kinds.declaration import USER, Asked, Kind, address

_PROGRAMS = (
    "docker_path", "podman_path", "lxc_path", "lxc_info_path", "incus_path", "machinectl_path",
)  # fmt: skip

_KIND: dict[str, Any] = {
    "mitogen_kind": {
        "description": "What runs the container: docker, podman, lxc, lxd, incus, machinectl or"
        " nspawn.",
        "type": "string",
        "default": "docker",
        "vars": [{"name": "mitogen_kind"}],
    }
}


def _options(asked: Asked, kind: str | None) -> dict[str, Any]:
    return {
        "container": asked.text("remote_addr") or asked.address,
        "kind": kind or asked.text("mitogen_kind"),
        "username": asked.text("remote_user") or asked.remote_user or "root",
    }


SETNS = Kind(
    name="setns",
    twin=None,
    options=frozenset(),
    hop_options=lambda asked: _options(asked, None),
    programs=_PROGRAMS,
    own={**address("setns"), **USER, **_KIND},
)
MACHINECTL = Kind(
    name="machinectl",
    twin=None,
    options=frozenset(),
    hop_options=lambda asked: _options(asked, "machinectl"),
    programs=("machinectl_path",),
    own={**address("machinectl"), **USER},
    method="setns",
)
