"""System containers and jails by the programs that enter them."""

from __future__ import annotations

from typing import Any

from ansible_mitogen.kinds.declaration import Asked, Kind, address, variable
from ansible_mitogen.stack import CannotAccelerate

_SHELL = variable("executable", "The shell for commands; /bin/sh when not given.")


def _lxc(asked: Asked) -> dict[str, Any]:
    return {"container": asked.text("remote_addr") or asked.address}


def _instance(asked: Asked, args: str) -> dict[str, Any]:
    """An instance of LXD or Incus, *args* being the option for what goes before the command."""
    user = asked.text("remote_user")
    if user not in {None, "root"}:
        raise CannotAccelerate("an account other than root (remote_user) is left to Ansible")
    # Their names have no dots; the first part of a host's name is meant.
    name = (asked.text("remote_addr") or asked.address).split(".", 1)[0]
    project = asked.text("project")
    return {
        "container": f"{asked.text('remote') or 'local'}:{name}",
        args: [] if project is None else ["--project", project],
    }


def _jail(asked: Asked) -> dict[str, Any]:
    if asked.remote_user is not None:
        # Ansible gives it a home of that name; jexec leaves it the caller's.
        raise CannotAccelerate("an account other than root (remote_user) is left to Ansible")
    # As the stock plugin does, looked for where PATH says.
    return {"container": asked.address, "jexec_path": "jexec"}


def _of_instances(kind: str) -> dict[str, Any]:
    return {
        **address(kind),
        **_SHELL,
        "remote": variable(f"{kind}_remote", "The server; `local` when not given.")[
            f"{kind}_remote"
        ],
        "project": variable(f"{kind}_project", "The project.")[f"{kind}_project"],
    }


LXC = Kind(
    name="lxc",
    twin="community.general.lxc",
    options=frozenset({"remote_addr", "executable"}),
    hop_options=_lxc,
    programs=("lxc_attach_path",),
    own={**address("lxc"), **_SHELL},
)
LXD = Kind(
    name="lxd",
    twin="community.general.lxd",
    options=frozenset(
        {"remote_addr", "executable", "remote", "project", "remote_user", "lxd_become_method"}
    ),
    hop_options=lambda asked: _instance(asked, "lxc_args"),
    programs=("lxc_path",),
    own=_of_instances("lxd"),
)
INCUS = Kind(
    name="incus",
    twin="community.general.incus",
    options=frozenset(
        {"remote_addr", "executable", "remote", "project", "remote_user", "incus_become_method"}
    ),
    hop_options=lambda asked: _instance(asked, "incus_args"),
    programs=("incus_path",),
    own=_of_instances("incus"),
)
JAIL = Kind(
    name="jail",
    twin="community.general.jail",
    options=frozenset({"remote_addr", "remote_user"}),
    hop_options=_jail,
    programs=("jexec_path",),
    own=address("jail"),
)
