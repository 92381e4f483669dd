"""Connections that lead into containers and other accounts: one declaration for each kind.

Our plugin, its options, the names it answers to and the hop that it stands for are derived from it.
Adding one touches a declaration, a shim in ``plugins/connection`` and their tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_mitogen.kinds.accounts import DOAS, SU, SUDO
from ansible_mitogen.kinds.containers import BUILDAH, DOCKER, KUBECTL, PODMAN
from ansible_mitogen.kinds.declaration import Asked, Kind
from ansible_mitogen.kinds.instances import INCUS, JAIL, LXC, LXD
from ansible_mitogen.kinds.logins import PARAMIKO
from ansible_mitogen.kinds.namespaces import MACHINECTL, SETNS

__all__ = ["KINDS", "Asked", "Kind"]

#: By name.
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        DOCKER, PODMAN, BUILDAH, KUBECTL, LXC, LXD, INCUS, JAIL, SETNS, MACHINECTL, SUDO, SU, DOAS,
        PARAMIKO,
    )
}
