"""`ansible_mitogen.closure_origins`: what is kept from run to run, and until when."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen import closure_origins
from ansible_mitogen.closure_origins import UnknownOriginError
from ansible_mitogen.compat.core import collection_config
from ansible_mitogen.compat.core import loader as loaders
from ansible_mitogen.modules import Closure, ClosureStore, Source, fqn_of

_MODULE = """
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acme.tools.plugins.module_utils.wheel import SPOKES
from ..module_utils.deep.axle import LENGTH
try:
    from ansible_collections.acme.extras.plugins.module_utils.paint import COLOUR
except ImportError:
    COLOUR = None
AnsibleModule(argument_spec={}).exit_json(spokes=SPOKES)
"""


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def collections(tmp_path: Path) -> Iterator[Path]:
    """The only root of collections, with one in it."""
    root = tmp_path / "roots" / "ansible_collections"
    _write(
        root / "acme" / "tools",
        {
            "plugins/modules/turn.py": _MODULE,
            "plugins/module_utils/wheel.py": "SPOKES = 36\n",
            "plugins/module_utils/deep/__init__.py": "",
            "plugins/module_utils/deep/axle.py": "LENGTH = 1\n",
        },
    )
    finder: Any = collection_config._collection_finder
    before = (finder._n_configured_paths, finder._n_cached_collection_paths)
    finder._n_configured_paths = [str(tmp_path / "roots")]
    finder._n_cached_collection_paths = None
    _forget_collections()
    yield root
    finder._n_configured_paths, finder._n_cached_collection_paths = before
    _forget_collections()


def _forget_collections() -> None:
    """As in another process."""
    for name in [name for name in sys.modules if name.startswith("ansible_collections")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    loaders.module_loader._plugin_path_cache.clear()


@pytest.fixture
def turn(collections: Path) -> Source:
    """A module of that collection."""
    path = str(collections / "acme/tools/plugins/modules/turn.py")
    return Source("acme.tools.turn", fqn_of("turn", path), path, Path(path).read_bytes())


@pytest.fixture
def another_run(tmp_path: Path) -> Callable[[Source], Closure]:
    """`another_run(source)`: its closure, with nothing known but what is kept."""

    def closure_of(source: Source) -> Closure:
        _forget_collections()
        count = len(list(tmp_path.glob("run*")))
        store = ClosureStore(tmp_path / "lasting", tmp_path / f"run{count}")
        return store.closure_of(source)

    return closure_of


def _is_kept(tmp_path: Path) -> bool:
    return bool(list((tmp_path / "lasting").glob("closure-*")))


def test_a_module_of_a_collection_is_kept(
    turn: Source, another_run: Callable[[Source], Closure], tmp_path: Path, monkeypatch: Any
) -> None:
    """With what it imports from there."""
    closure = another_run(turn)
    assert closure.fqn == "ansible_collections.acme.tools.plugins.modules.turn"
    assert "ansible_collections/acme/tools/plugins/module_utils/deep/axle.py" in closure.files
    monkeypatch.setattr("ansible_mitogen.compat.module_zip.collect", None)
    assert another_run(turn) == closure


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tools/plugins/module_utils/wheel.py", "SPOKES = 28\n"),
        ("tools/plugins/module_utils/deep/__init__.py", "import os\n"),
        ("tools/plugins/module_utils/wheel/__init__.py", "SPOKES = 'of a package'\n"),
        ("extras/plugins/module_utils/paint.py", "COLOUR = 'red'\n"),
        (
            "tools/meta/runtime.yml",
            "plugin_routing: {module_utils: {wheel: {redirect: acme.tools.deep.axle}}}",
        ),
    ],
    ids=["changed", "filled", "overtaken", "installed", "redirected"],
)
def test_a_changed_collection_is_noticed(
    turn: Source,
    collections: Path,
    another_run: Callable[[Source], Closure],
    path: str,
    text: str,
) -> None:
    """Files that change, and files that come."""
    before = another_run(turn)
    _write(collections / "acme", {path: text})
    after = another_run(turn)
    assert after != before


def test_a_change_of_the_same_size_and_time_is_noticed(
    turn: Source, collections: Path, another_run: Callable[[Source], Closure]
) -> None:
    """As copying with times makes it."""
    wheel = collections / "acme/tools/plugins/module_utils/wheel.py"
    before = another_run(turn)
    status = wheel.stat()
    wheel.write_text("SPOKES = 99\n")
    os.utime(wheel, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert another_run(turn) != before


def test_a_removed_collection_is_noticed(
    turn: Source, collections: Path, another_run: Callable[[Source], Closure]
) -> None:
    """The optional one, here."""
    _write(collections / "acme", {"extras/plugins/module_utils/paint.py": "COLOUR = 1\n"})
    before = another_run(turn)
    shutil.rmtree(collections / "acme" / "extras")
    assert len(another_run(turn).files) < len(before.files)


def test_redirects_are_followed_in_each_run(
    turn: Source,
    collections: Path,
    another_run: Callable[[Source], Closure],
    tmp_path: Path,
) -> None:
    """The core may have to say that one is deprecated."""
    text = "plugin_routing: {module_utils: {wheel: {redirect: acme.tools.deep.axle}}}"
    _write(collections / "acme", {"tools/meta/runtime.yml": text})
    assert "ansible_collections/acme/tools/plugins/module_utils/wheel/__init__.py" in (
        another_run(turn).files
    )
    assert not _is_kept(tmp_path)
    assert list((tmp_path / "run0").glob("closure-*"))


@pytest.fixture
def own_utils(tmp_path: Path) -> Iterator[Path]:
    """A folder of module_utils, as beside a playbook."""
    folder = tmp_path / "module_utils"
    folder.mkdir()
    loaders.module_utils_loader.add_directory(str(folder))
    yield folder
    loaders.module_utils_loader._extra_dirs.remove(str(folder))
    loaders.module_utils_loader._paths = None
    loaders.module_utils_loader._plugin_path_cache.clear()


def test_own_module_utils_are_noticed(
    own_utils: Path, builtin: Callable[[str], Source], another_run: Callable[[Source], Closure]
) -> None:
    """When they come to overtake the core's, change, or go; nested ones too."""
    name = "ansible/module_utils/common/text/converters.py"
    first = another_run(builtin("ping"))
    (own_utils / "common" / "text").mkdir(parents=True)
    assert another_run(builtin("ping")) == first
    own = own_utils / "common" / "text" / "converters.py"
    own.write_text("ours = 1\n")
    overtaken = another_run(builtin("ping"))
    assert overtaken.files[name] != first.files[name]
    assert (first.foreign, overtaken.foreign) == ([], [name])
    own.write_text("ours = 2\n")
    assert another_run(builtin("ping")).files[name] != overtaken.files[name]
    own.unlink()
    assert another_run(builtin("ping")) == first


def test_what_is_from_nowhere_is_not_kept(builtin: Callable[[str], Source]) -> None:
    """A finder that puts in something new."""
    ping = builtin("ping")
    contents = {ping.entry: ping.data, "ansible/made/up.py": b"made = 'up'\n"}
    with pytest.raises(UnknownOriginError):
        closure_origins.stamps_of(contents, ping.entry, ping.path)
    contents["ansible/made/up.py"] = b""
    assert ping.path in closure_origins.stamps_of(contents, ping.entry, ping.path)


def test_a_tree_too_large_to_watch_is_not_kept(
    own_utils: Path, builtin: Callable[[str], Source]
) -> None:
    """A module_utils folder that is a home directory, say."""
    for number in range(501):
        (own_utils / f"d{number}").mkdir()
    ping = builtin("ping")
    with pytest.raises(UnknownOriginError):
        closure_origins.stamps_of({ping.entry: ping.data}, ping.entry, ping.path)
