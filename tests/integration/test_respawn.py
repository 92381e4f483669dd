"""Real apt in a container whose `ansible_python_interpreter` has none of the system's libraries."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import containers
from tests.support.ansible_run import OURS, STOCK, Run, World, has_ansible
from tests.support.compare import differences

PLAYBOOK = Path(__file__).parent / "respawn" / "main.yml"
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

#: What says when something ran.
_TIMES = frozenset({"cache_update_time"})


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Run]]:
    """The playbook's runs, stock and ours, each in a container that is as new."""
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
        yield {kind: _run(docker, image, kind) for kind in (STOCK, OURS)}


def _run(docker: containers.Docker, image: str, kind: str) -> Run:
    # Short, since control sockets and ours live below it, and their paths are limited.
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    keys = folder / "keys"
    keys.mkdir()
    try:
        with containers.running_container(docker, image, keys) as container:
            container.execute(_REPOSITORY)
            host = {
                **container.inventory_vars(),
                "ansible_python_interpreter": containers.VENV_PYTHON,
            }
            world = World(folder, {"all": {"hosts": {"debian": host}}})
            return world.run(PLAYBOOK, kind)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_same_as_stock(runs: dict[str, Run], capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result, whichever interpreter is, or is not, to be had."""
    stock, ours = runs[STOCK], runs[OURS]
    with capsys.disabled():
        print(f"\nrestarts: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = [one for one in differences(stock, ours) if one.field.rpartition(".")[2] not in _TIMES]
    assert not found, "\n".join(str(one) for one in found)
    # The playbook did what it says.
    assert stock.events_of("installed")[0].result["changed"]
    assert stock.events_of("installed already")[0].result["changed"] is False
    assert stock.events_of("an unknown package")[0].status == "ignored"
    assert "Could not import" in stock.events_of("without the library")[0].result["msg"]


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
