"""A broker and a router for each test, ended afterwards, and ways to connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mitogen.master
from tests.support import namespaces, stand_ins
from tests.support.doas import doas_configured, missing_for_doas
from tests.support.sshd import Sshd

#: ``connect(account, **options) -> Context``.
Connect = Callable[..., Any]

PYTHON = "/usr/bin/python3"

#: Method, the option that names its program, what else it is given, arguments the program gets.
STAND_INS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("docker", "docker_path", {"image": "i", "username": "u"},
     ["run", "--interactive", "--rm", "--user", "u", "i"]),
    ("podman", "podman_path", {"container": "c"}, ["exec", "--interactive", "c"]),
    ("buildah", "buildah_path", {"container": "c"}, ["run", "c", "--"]),
    ("kubectl", "kubectl_path", {"pod": "p", "kubectl_args": ["-n", "a b"]},
     ["exec", "--stdin", "-n", "a b", "p", "--"]),
    ("lxc", "lxc_attach_path", {"container": "c"}, ["--clear-env", "--name", "c", "--"]),
    ("lxd", "lxc_path", {"container": "c"}, ["exec", "--mode=non-interactive", "c", "--"]),
    ("incus", "incus_path", {"container": "c"}, ["exec", "--mode=non-interactive", "c", "--"]),
    ("jail", "jexec_path", {"container": "c", "username": "u"}, ["-U", "u", "c"]),
]  # fmt: skip

_LOGIN_SCRIPTS = {"bash": ".bashrc", "zsh": ".zshenv", "tcsh": ".cshrc",
                  "fish": ".config/fish/config.fish"}  # fmt: skip


@pytest.fixture
def router() -> Iterator[mitogen.master.Router]:
    """The router of a program."""
    broker = mitogen.master.Broker()
    router = mitogen.master.Router(broker)
    yield router
    broker.shutdown()
    broker.join(20)
    assert not broker.thread.is_alive()


@pytest.fixture
def ssh(router: Any, sshd: Sshd) -> Connect:
    """``ssh("plain")``: a context of the test account of that name."""

    def connect(suffix: str, **options: Any) -> Any:
        given = {
            "hostname": sshd.host,
            "port": sshd.port,
            "username": sshd.account(suffix).username,
            "ssh_args": ["-F", str(sshd.client_config)],
            "python_path": "/usr/bin/python3",
        }
        return router.ssh(**{**given, **options})

    return connect


@pytest.fixture
def login_script(sshd: Sshd) -> Iterator[Callable[[str, str], None]]:
    """``login_script("bash", "echo hello")``: what that account runs at each login."""
    made: list[tuple[Path, str | None]] = []

    def write(suffix: str, text: str) -> None:
        path = Path(sshd.account(suffix).home) / _LOGIN_SCRIPTS[suffix]
        made.append((path, path.read_text() if path.exists() else None))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    yield write
    for path, before in made:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


@pytest.fixture(scope="module")
def doas(public_folder: Path) -> Iterator[str]:
    """The real doas, set up so that root may become anyone; else one that stands in for it."""
    if missing_for_doas() is None:
        with doas_configured():
            yield "doas"
    else:
        yield stand_ins.make(public_folder, "doas", ["-n", "-u", "root", "--"])


@pytest.fixture(scope="module")
def leader(public_folder: Path) -> Iterator[str]:
    """A docker that knows one container: a process with files of its own."""
    missing = namespaces.missing_for_namespaces()
    if missing:
        pytest.skip(missing)
    with namespaces.running_leader(has_processes=False) as pid:
        words = ["inspect", "--type=container", "--format={{.State.Pid}}", "c"]
        yield stand_ins.make_answering(public_folder, "docker-inspect", words, str(pid))


@pytest.fixture(scope="module")
def options(sshd: Sshd, public_folder: Path, doas: str, leader: str) -> dict[str, dict[str, Any]]:
    """For each method what makes it work from wherever root is, to wherever root is."""
    given: dict[str, dict[str, Any]] = {
        "local": {},
        "fork": {},
        "ssh": {
            "hostname": sshd.host,
            "port": sshd.port,
            "username": sshd.account("bash").username,
            "ssh_args": ["-F", str(sshd.client_config)],
        },
        "sudo": {},
        "su": {"su_args": ["-l"]},
        "doas": {"doas_path": doas},
        "setns": {"container": "c", "kind": "docker", "docker_path": leader},
        "wrapped": {
            "command": "exec sudo -n -u root sh -c 'PLACE'",
            "place": "PLACE",
            "quote": "'\"'\"'",
        },
        "command": {"argv": ["env", f"{stand_ins.VARIABLE}=command", "nice", "-n", "1"]},
    }
    for name, path_option, more, words in STAND_INS:
        given[name] = {path_option: stand_ins.make(public_folder, name, words), **more}
    return given
