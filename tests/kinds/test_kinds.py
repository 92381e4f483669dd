"""Each kind of connection: options of the stock plugin, and the hop they make."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_mitogen import stock, takeover
from ansible_mitogen.kinds import KINDS, Asked
from ansible_mitogen.stack import CannotAccelerate
from mitogen import methods
from tests.support.ansible_run import PACKAGE

#: Kind, options that are set, user of the task; the hop's options that are not empty.
HOPS: list[tuple[str, dict[str, Any], str | None, dict[str, Any]]] = [
    ("docker", {"remote_addr": "c"}, None, {"container": "c"}),
    ("docker", {"remote_addr": "c", "remote_user": "bob"}, "eve",
     {"container": "c", "username": "bob"}),
    ("docker", {"remote_addr": "c", "remote_user": None}, "eve",
     {"container": "c", "username": "eve"}),
    ("docker", {"remote_addr": "c", "docker_extra_args": "-H  tcp://x:1", "working_dir": "/srv",
                "extra_env": {"A": "1 2"}, "privileged": True, "container_timeout": 3}, None,
     {"container": "c", "docker_args": ["-H", "tcp://x:1"],
      "exec_args": ["-e", "A=1 2", "-w", "/srv", "--privileged"]}),
    ("docker", {"remote_addr": "c", "mitogen_docker_path": "/opt/docker"}, None,
     {"container": "c", "docker_path": "/opt/docker"}),
    ("podman", {}, None, {"container": "host"}),
    ("podman", {"podman_extra_args": "--log-level 'very high'", "podman_executable": "pd"}, "bob",
     {"container": "host", "username": "bob", "podman_args": ["--log-level", "very high"],
      "podman_path": "pd"}),
    ("podman", {"podman_executable": "pd", "mitogen_podman_path": "mine"}, None,
     {"container": "host", "podman_path": "mine"}),
    ("buildah", {}, "bob", {"container": "host", "username": "bob"}),
    ("buildah", {}, "root", {"container": "host"}),
    ("kubectl", {}, None, {"pod": "host"}),
    ("kubectl", {"kubectl_pod": "p", "kubectl_container": "app", "kubectl_namespace": "n",
                 "kubectl_kubeconfig": "/k", "validate_certs": False,
                 "kubectl_extra_args": "--v 9"}, None,
     {"pod": "p", "kubectl_args": ["--kubeconfig", "/k", "-c", "app", "-n", "n",
                                   "--v", "9"]}),
    ("lxc", {"remote_addr": "c"}, None, {"container": "c"}),
    ("lxd", {"remote_addr": "c.example.org"}, None, {"container": "local:c"}),
    ("lxd", {"remote_addr": "c", "remote": "far", "project": "p", "remote_user": "root"}, None,
     {"container": "far:c", "lxc_args": ["--project", "p"]}),
    ("incus", {"remote_addr": "c", "project": "default"}, None,
     {"container": "local:c", "incus_args": ["--project", "default"]}),
    ("jail", {}, None, {"container": "host", "jexec_path": "jexec"}),
    ("jail", {"mitogen_jexec_path": "/x"}, None, {"container": "host", "jexec_path": "/x"}),
    ("setns", {"remote_addr": "c", "mitogen_kind": "podman", "mitogen_podman_path": "pd"}, None,
     {"container": "c", "kind": "podman", "username": "root", "podman_path": "pd"}),
    ("machinectl", {}, "bob", {"container": "host", "kind": "machinectl", "username": "bob"}),
    ("sudo", {}, None, {"username": "root"}),
    ("su", {"remote_user": "bob", "password": "x"}, None, {"username": "bob", "password": "x"}),
    ("doas", {"mitogen_doas_path": "/opt/doas"}, "eve",
     {"username": "eve", "doas_path": "/opt/doas"}),
]  # fmt: skip

#: Kind, option, user of the task: what only the stock plugin honours.
_LOGIN = {
    "hostname": "web1", "compression": False, "identities_only": False,
    "check_host_keys": "enforce", "ssh_args": ["-F", "none", "-o", "ConnectTimeout=10"],
}  # fmt: skip
HOPS += [
    ("paramiko_ssh", {"remote_addr": "WEB1"}, None, _LOGIN),
    ("paramiko_ssh", {"remote_addr": "web1", "port": 23, "private_key_file": "/k", "timeout": 5,
                      "host_key_checking": False, "proxy_command": "", "look_for_keys": True,
                      "ssh_args": "-C -o ControlMaster=auto"}, "bob",
     {**_LOGIN, "port": 23, "username": "bob", "identity_file": "/k", "check_host_keys": "ignore",
      "ssh_args": ["-F", "none", "-o", "ConnectTimeout=5"]}),
    ("paramiko_ssh", {"remote_addr": "web1", "password": "x", "remote_user": "bob"}, None,
     {**_LOGIN, "username": "bob", "password": "x",
      "ssh_args": [*_LOGIN["ssh_args"], "-o", "IdentityAgent=none"]}),
]  # fmt: skip

REFUSED: list[tuple[str, dict[str, Any], str | None]] = [
    ("docker", {"extra_env": {"A": 1}}, None),
    ("kubectl", {"kubectl_token": "t"}, None),
    ("kubectl", {"kubectl_password": "p"}, None),
    ("kubectl", {"validate_certs": True}, None),
    ("kubectl", {"kubectl_local_env_vars": {"A": "1"}}, None),
    ("kubectl", {"kubectl_kubeconfig": {"a": 1}}, None),
    ("lxd", {"remote_user": "bob"}, None),
    ("incus", {"remote_user": "bob"}, None),
    ("jail", {}, "bob"),
    ("paramiko_ssh", {"proxy_command": "nc %h %p"}, None),
    ("paramiko_ssh", {"ssh_common_args": "-o ProxyCommand='nc %h %p'"}, None),
    ("paramiko_ssh", {"host_key_auto_add": True}, None),
    ("paramiko_ssh", {"look_for_keys": False}, None),
    ("paramiko_ssh", {"use_rsa_sha2_algorithms": False}, None),
]


def _asked(options: dict[str, Any], user: str | None) -> Asked:
    return Asked(options.__getitem__, "host", user)


@pytest.mark.parametrize(("name", "options", "user", "expected"), HOPS)
def test_the_hop(
    name: str, options: dict[str, Any], user: str | None, expected: dict[str, Any]
) -> None:
    """As the stock plugin would call the program; the library's method takes what it gets."""
    found = KINDS[name].method_options(_asked(options, user))
    assert {key: value for key, value in found.items() if value not in (None, [])} == expected
    methods.build_options(methods.find(KINDS[name].method or name), **found)


@pytest.mark.parametrize(("name", "options", "user"), REFUSED)
def test_what_is_left_to_the_stock_plugin(
    name: str, options: dict[str, Any], user: str | None
) -> None:
    """A reason is given."""
    with pytest.raises(CannotAccelerate, match="left to Ansible"):
        KINDS[name].method_options(_asked(options, user))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_declared(name: str) -> None:
    """There is a plugin for the kind, and the options for programs are some of the method's."""
    kind = KINDS[name]
    assert (PACKAGE / "plugins" / "connection" / f"{kind.plugin}.py").is_file()
    known = {one.name for one in methods.find(kind.method or name).options}
    assert known >= set(kind.programs)
    if kind.twin is not None:
        # Those of the core have to be there.
        is_there = ".builtin." not in kind.twin or stock.plugin_class(kind.twin) is not None
        assert takeover.stock_kind(kind.twin) == (name if is_there else None)
    assert takeover.stock_kind(f"someone.else.{name}") is None


def test_the_files() -> None:
    """Plugins and shadows of stock ones are derived from one text: no more differs than names."""
    for folder in ("plugins/connection", "shadow"):
        texts = set()
        for path in (PACKAGE / folder).glob("*.py"):
            name = path.stem.removeprefix("mitogen_")
            twin = KINDS[name].twin if name in KINDS else None
            if twin is not None:
                text = path.read_text().replace(twin, "TWIN").replace(path.stem, "NAME")
                texts.add(text.replace(name, "KIND").replace("NAME", "KIND"))
        assert len(texts) == 1
