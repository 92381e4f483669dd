"""A container without Python: what works, how it gets one, and that it is used from then on."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import collections, containers, podman
from tests.support.ansible_run import OURS, STOCK, Run, World, has_ansible
from tests.support.compare import differences

FOLDER = Path(__file__).parent / "comes"

_Vars = dict[str, Any]
_Way = Callable[[containers.Docker, str, Path], contextlib.AbstractContextManager[_Vars]]

#: All there is of Python goes into an archive; what is no Python takes the names that hosts have.
_REMOVE = r"""
cd /
tar -cpf /srv/python.tar usr/bin/python3* usr/lib/python3* opt/venv
rm -rf usr/bin/python3* usr/lib/python3* opt/venv
mkdir -p /opt/python
cat >/opt/python/old <<'END'
#!/bin/sh
# As Python 2.7 does with a program of Python 3.
[ $# -gt 0 ] || cat >/dev/null
echo '  File "<stdin>", line 1' >&2
echo 'SyntaxError: invalid syntax' >&2
exit 1
END
printf '#!/bin/sh\n[ $# -gt 0 ] || cat >/dev/null\necho broken >&2\nexit 127\n' >/opt/python/broken
printf '#!/bin/sh\n[ $# -gt 0 ] || cat >/dev/null\nkill -SEGV $$\n' >/opt/python/crashing
echo 'no program' >/opt/python/unreadable
chmod 755 /opt/python/old /opt/python/broken /opt/python/crashing
"""
#: Where stock pipes the module to what is none of them, it may be said that the pipe is broken.
_NO_PROGRAM = {"unreadable", "missing"}
_UNUSABLE = ("old", "broken", "crashing", "unreadable", "missing")


@pytest.fixture(scope="module", params=["ssh", "docker", "podman"])
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Run]]:
    """The playbook's runs, stock and ours, each in a container that is as new, by login or not."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    missing = containers.missing_for_containers()
    if missing is None and request.param == "podman":
        missing = podman.missing_for_podman()
    if missing is not None:
        pytest.skip(missing)
    with contextlib.ExitStack() as stack:
        try:
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
            path = None if request.param == "ssh" else collections.collections_path()
            found = {
                kind: _run(_WAYS[request.param], docker, image, kind, path)
                for kind in (STOCK, OURS)
            }
        except (collections.UnavailableError, containers.UnavailableError) as exc:
            pytest.skip(str(exc))
        yield found


def _run(
    way: _Way, docker: containers.Docker, image: str, kind: str, collections_path: Path | None
) -> Run:
    # Short, since control sockets and ours live below it, and their paths are limited.
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    folder.chmod(0o755)
    (folder / "keys").mkdir()
    try:
        with way(docker, image, folder / "keys") as host:
            world = World(folder, _inventory(host, folder))
            if collections_path is not None:
                world.settings["collections_path"] = str(collections_path)
            shutil.copy(FOLDER / "script.sh", world.fresh_folder("run"))
            return world.run(FOLDER / "no_python.yml", kind, "-vv")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _by_ssh(docker: containers.Docker, image: str, keys: Path) -> Iterator[_Vars]:
    """The variables of a host that has no Python."""
    with containers.running_container(docker, image, keys) as container:
        container.execute(_REMOVE)
        # `raw` has no terminal with us; stock has one unless told otherwise.
        yield {**container.inventory_vars(), "ansible_ssh_use_tty": False}


@contextlib.contextmanager
def _by_docker(docker: containers.Docker, image: str, keys: Path) -> Iterator[_Vars]:
    """See `_by_ssh`."""
    with containers.running_container(docker, image, keys) as container:
        container.execute(_REMOVE)
        yield {
            "ansible_connection": "docker",
            "ansible_user": containers.USER,
            "ansible_host": container.name,
            "ansible_docker_extra_args": " ".join(docker.argv[1:]),
        }


@contextlib.contextmanager
def _by_podman(docker: containers.Docker, image: str, _keys: Path) -> Iterator[_Vars]:
    """See `_by_ssh`."""
    with podman.running_podman(docker, image) as pod:
        pod.execute(_REMOVE)
        yield {**pod.inventory_vars(), "ansible_user": containers.USER}


_WAYS: dict[str, _Way] = {"ssh": _by_ssh, "docker": _by_docker, "podman": _by_podman}


def _inventory(host: _Vars, folder: Path) -> dict[str, Any]:
    host = {**host, "run_dir": str(folder / "run")}
    paths = {
        name: {
            "ansible_python_interpreter": f"/opt/python/{name}",
            "ansible_pipelining": name not in _NO_PROGRAM,
        }
        for name in _UNUSABLE
    }
    return {
        "all": {
            "hosts": {"bare": host, **{name: {**host, **more} for name, more in paths.items()}},
            "children": {"unusable": {"hosts": dict.fromkeys(_UNUSABLE, {})}},
        }
    }


def test_the_same_as_stock(runs: dict[str, Run], capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result, before there is a Python and afterwards."""
    stock, ours = runs[STOCK], runs[OURS]
    with capsys.disabled():
        print(f"\nno Python: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    assert stock.returncode == ours.returncode == 0, stock.output[-3000:] + ours.output[-3000:]
    found = [one for one in differences(stock, ours) if not one.is_of_loading]
    assert not found, "\n".join(str(one) for one in found)
    assert stock.events_of("a module")[0].status == "ignored"
    assert {event.status for event in stock.events_of("a module there")} == {"ignored"}


def test_said_once(runs: dict[str, Run]) -> None:
    """Each host's reason, however many tasks go that way, and how often it is looked for."""
    output = runs[OURS].output
    assert output.count("Mitogen leaves this connection") == 1 + len(_UNUSABLE)


def test_from_the_next_task_on(runs: dict[str, Run]) -> None:
    """Tasks go the stock way up to the one that installs, and ours from the next one on."""
    lines = [line for line in runs[OURS].trace if line.host == "bare"]
    assert [line.task for line in lines if line.way == "stock"][-1] == "install"
    later = {line.task for line in lines if line.way in {"module", "command"}}
    assert {"a module, after", "facts", "root, after", "raw, after"} <= later
