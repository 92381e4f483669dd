"""Connections that lead into containers and their like: one declaration for each kind.

Our plugin, its options, the names it answers to and the hop that it stands for are derived from it.
Adding one touches a declaration, a shim in ``plugins/connection`` and their tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_mitogen.kinds.containers import BUILDAH, DOCKER, KUBECTL, PODMAN
from ansible_mitogen.kinds.declaration import Asked, Kind
from ansible_mitogen.kinds.instances import INCUS, JAIL, LXC, LXD

__all__ = ["KINDS", "Asked", "Kind"]

#: By name, which is that of the library's method as well.
KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (DOCKER, PODMAN, BUILDAH, KUBECTL, LXC, LXD, INCUS, JAIL)
}
