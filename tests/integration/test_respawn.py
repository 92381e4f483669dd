"""Real apt and dnf in a container whose `ansible_python_interpreter` has none of the system's libraries."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import containers
from tests.support.ansible_run import OURS, STOCK, Run, World, has_ansible
from tests.support.compare import Difference, differences

FOLDER = Path(__file__).parent / "respawn"
SYSTEM_PYTHON = "/usr/bin/python3"

#: A repository with one package, the same whenever it is made.
_REPOSITORY = """
export SOURCE_DATE_EPOCH=1700000000
mkdir -p /srv/package/DEBIAN /srv/repository
cat >/srv/package/DEBIAN/control <<END
Package: mitogentest-hello
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: nothing
END
touch -d @$SOURCE_DATE_EPOCH /srv/package /srv/package/DEBIAN /srv/package/DEBIAN/control
cd /srv/repository
dpkg-deb --build --root-owner-group /srv/package hello.deb
{
    cat /srv/package/DEBIAN/control
    echo "Filename: ./hello.deb"
    echo "Size: $(stat -c %s hello.deb)"
    echo "SHA256: $(sha256sum hello.deb | cut -d' ' -f1)"
} >Packages
"""

#: The same for dnf.
_DNF_REPOSITORY = """
mkdir -p /srv/rpm /srv/rpms
cat >/srv/rpm/hello.spec <<END
Name: mitogentest-hello
Version: 1.0
Release: 1
Summary: nothing
License: none
BuildArch: noarch
%description
nothing
%files
END
rpmbuild -bb --quiet --define "_topdir /srv/rpm" /srv/rpm/hello.spec
cp /srv/rpm/RPMS/noarch/*.rpm /srv/rpms
createrepo_c --quiet /srv/rpms
mkdir -p /etc/yum.repos.d
printf '[mitogentest]\nname=mitogentest\nbaseurl=file:///srv/rpms\ngpgcheck=0\n' \
    >/etc/yum.repos.d/mitogentest.repo
"""

#: What says when something ran.
_TIMES = frozenset({"cache_update_time"})


@dataclass(frozen=True)
class Place:
    """A Docker daemon with an image."""

    docker: containers.Docker
    image: str

    def runs(self, playbook: str, repository: str) -> dict[str, Run]:
        """The playbook's runs, stock and ours, each in a container that is as new."""
        return {kind: self._run(playbook, repository, kind) for kind in (STOCK, OURS)}

    def _run(self, playbook: str, repository: str, kind: str) -> Run:
        # Short, since control sockets and ours live below it, and their paths are limited.
        folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
        keys = folder / "keys"
        keys.mkdir()
        try:
            with containers.running_container(self.docker, self.image, keys) as container:
                container.execute(repository)
                host = {
                    **container.inventory_vars(),
                    "ansible_python_interpreter": containers.VENV_PYTHON,
                    "with_auto_install": _has_auto_install("dnf5"),
                    "apt_installs": _has_auto_install("apt"),
                }
                world = World(folder, {"all": {"hosts": {"debian": host}}})
                return world.run(FOLDER / playbook, kind)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _has_auto_install(module: str) -> bool:
    """Whether this core's module can be told not to install what it needs."""
    spec = importlib.util.find_spec(f"ansible.modules.{module}")
    assert spec is not None
    assert spec.origin is not None
    return "auto_install_module_deps" in Path(spec.origin).read_text()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """What these tests need, or a reason to skip them."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    missing = containers.missing_for_containers()
    if missing is not None:
        pytest.skip(missing)
    with contextlib.ExitStack() as stack:
        try:
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
        except containers.UnavailableError as exc:
            pytest.skip(str(exc))
        yield Place(docker, image)


@pytest.fixture(scope="module")
def runs(place: Place) -> dict[str, Run]:
    """Those of apt and its like."""
    return place.runs("main.yml", _REPOSITORY)


def _unlike(stock: Run, ours: Run) -> list[Difference]:
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = differences(stock, ours)
    return [one for one in found if one.field.rpartition(".")[2] not in _TIMES]


def test_the_same_as_stock(runs: dict[str, Run], capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result, whichever interpreter is, or is not, to be had."""
    stock, ours = runs[STOCK], runs[OURS]
    with capsys.disabled():
        print(f"\nrestarts: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    found = _unlike(stock, ours)
    assert not found, "\n".join(str(one) for one in found)
    # The playbook did what it says.
    assert stock.events_of("installed")[0].result["changed"]
    assert stock.events_of("installed already")[0].result["changed"] is False
    assert stock.events_of("an unknown package")[0].status == "ignored"
    assert "/opt/venv/bin/python" in stock.events_of("without the library")[0].result["msg"]


#: Tasks whose module can be sent to the right interpreter at once.
STRAIGHT = (
    "the same source",
    "installed",
    "installed already",
    "an unknown package",
    "wrong arguments",
    "what is installed, again",
    "by the system's own way",
    "straight there again",
)


def test_straight_there(runs: dict[str, Run]) -> None:
    """The second task of a module goes to the system's interpreter, in one message there and back.

    Where that may not be right any more, it goes the ordinary way.
    """
    lines = [line for line in runs[OURS].trace if line.way == "module"]
    ahead = {line.task for line in lines if line.interpreter}
    expected = set(STRAIGHT)
    if _restarts_for_deb822(runs[STOCK]):
        expected.add("the same in the new form")
    assert ahead == expected
    assert {line.interpreter for line in lines} == {"", SYSTEM_PYTHON}
    # Files and contexts are there by then.
    later = [line for line in lines if line.task in {"installed", "installed already"}]
    assert [(line.sent, line.received) for line in later] == [(1, 1)] * 2


def _restarts_for_deb822(stock: Run) -> bool:
    """Whether this core's module finds the library at all; before 2.21 it looks nowhere else."""
    return stock.events_of("a source in the new form")[0].status == "ok"


def test_dnf(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result, and the second task of the module goes straight there.

    From 2.21 on it starts a program of its own under that interpreter instead.
    """
    runs = place.runs("dnf.yml", _DNF_REPOSITORY)
    stock, ours = runs[STOCK], runs[OURS]
    with capsys.disabled():
        print(f"\ndnf: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    found = _unlike(stock, ours)
    assert not found, "\n".join(str(one) for one in found)
    assert stock.events_of("installed")[0].result["changed"]
    assert stock.events_of("installed already")[0].result["changed"] is False
    for name in ("without the library", "dnf5 without its library"):
        assert "Could not import" in stock.events_of(name)[0].result["msg"]
    ahead = {line.task for line in ours.trace if line.interpreter}
    assert ("installed already" in ahead) is _restarts_for_dnf()


def _restarts_for_dnf() -> bool:
    spec = importlib.util.find_spec("ansible.modules.dnf")
    assert spec is not None
    assert spec.origin is not None
    return "respawn_module(" in Path(spec.origin).read_text()
