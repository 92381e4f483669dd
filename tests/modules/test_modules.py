"""`ansible_mitogen.modules`: closures, compared with what the core packs, and their caches."""

from __future__ import annotations

import base64
import io
import json
import multiprocessing
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_mitogen.compat import module_zip
from ansible_mitogen.compat.core import loader as loaders
from ansible_mitogen.compat.core import module_common
from ansible_mitogen.modules import Closure, ClosureStore, Source, UnknownFileError, fqn_of

#: Without the core's types, which are partial.
_DATA_LOADER: Any = DataLoader

MODULES = ("ping", "command", "stat", "setup", "copy", "file", "user", "apt", "async_status")


def _closure(store: ClosureStore, source: Source) -> Closure:
    return store.closure_of(source)


def _contents(store: ClosureStore, closure: Closure) -> dict[str, bytes]:
    found = store.contents_of(set(closure.files.values()))
    return {name: zlib.decompress(found[digest]) for name, digest in closure.files.items()}


def _packed_by_core(source: Source) -> dict[str, bytes]:
    """The files in the program that the core itself makes of a module."""
    built: Any = module_common.modify_module(
        module_name=source.name,
        module_path=source.path,
        module_args={},
        templar=Templar(loader=_DATA_LOADER()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    text = (built[0] if isinstance(built, tuple) else built.b_module_data).decode()
    (packed,) = re.findall(r"""(?:zip_data=|ZIPDATA = )(?:b|u)?['"]+([A-Za-z0-9+/=\s]+)""", text)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("name", MODULES)
def test_a_closure_holds_what_the_core_packs(
    name: str, store: ClosureStore, builtin: Callable[[str], Source], run_folder: Path
) -> None:
    """Byte for byte, for modules of the core."""
    source = builtin(name)
    closure = _closure(store, source)
    assert _contents(store, closure) == _packed_by_core(source)
    assert closure.files[closure.entry]
    assert closure.fqn == f"ansible.modules.{name}"


@pytest.fixture
def library(tmp_path: Path) -> Source:
    """A module beside a playbook."""
    path = tmp_path / "library" / "mine.py"
    path.parent.mkdir()
    path.write_text(
        "from ansible.module_utils.basic import AnsibleModule\n"
        "AnsibleModule(argument_spec={}).exit_json()\n"
    )
    return Source("mine", fqn_of("mine", str(path)), str(path), path.read_bytes())


def test_a_module_beside_a_playbook(store: ClosureStore, library: Source, run_folder: Path) -> None:
    """It runs under the name that the core gives it."""
    closure = _closure(store, library)
    assert closure.fqn in {"ansible.legacy.mine", "ansible.modules.mine"}
    assert _contents(store, closure) == _packed_by_core(library)


@pytest.fixture
def own_utils(tmp_path: Path) -> Iterator[Path]:
    """A folder of module_utils that overrides one of the core's."""
    folder = tmp_path / "module_utils"
    folder.mkdir()
    (folder / "splitter.py").write_text("OURS = True\n")
    loaders.module_utils_loader.add_directory(str(folder))
    yield folder
    loaders.module_utils_loader._extra_dirs.remove(str(folder))
    loaders.module_utils_loader._paths = None
    loaders.module_utils_loader._plugin_path_cache.clear()


def test_own_module_utils_come_before_the_core_s(
    store: ClosureStore,
    builtin: Callable[[str], Source],
    tmp_path: Path,
    own_utils: Path,
    run_folder: Path,
) -> None:
    """They are in the closure."""
    path = tmp_path / "uses.py"
    path.write_text(
        "from ansible.module_utils.basic import AnsibleModule\n"
        "from ansible.module_utils.splitter import OURS\n"
    )
    source = Source("uses", fqn_of("uses", str(path)), str(path), path.read_bytes())
    closure = _closure(store, source)
    assert _contents(store, closure)["ansible/module_utils/splitter.py"] == b"OURS = True\n"
    assert _contents(store, closure) == _packed_by_core(source)


def test_the_old_marker_is_an_import(store: ClosureStore, tmp_path: Path, run_folder: Path) -> None:
    """`fast_path` replaces it as the core does, before it asks for the closure."""
    path = tmp_path / "marked.py"
    path.write_bytes(module_common.REPLACER + b"\nAnsibleModule({}).exit_json()\n")
    data = b"from ansible.module_utils.basic import *\nAnsibleModule({}).exit_json()\n"
    source = Source("marked", fqn_of("marked", str(path)), str(path), data)
    assert _contents(store, _closure(store, source)) == _packed_by_core(source)


def test_a_closure_is_made_once(
    store: ClosureStore,
    builtin: Callable[[str], Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another store over the same folders, as of another run, finds it there."""
    first = _closure(store, builtin("ping"))
    monkeypatch.setattr(module_zip, "collect", None)
    again = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    assert _closure(again, builtin("ping")) == first
    assert _closure(store, builtin("ping")) is first


def test_a_changed_module_is_another_one(
    store: ClosureStore, library: Source, tmp_path: Path
) -> None:
    """The content is part of the key."""
    before = _closure(store, library)
    changed = Source(library.name, library.fqn, library.path, library.data + b"# changed\n")
    after = _closure(store, changed)
    assert after.files[after.entry] != before.files[before.entry]


def test_an_upgraded_core_is_noticed(
    store: ClosureStore, builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """A closure whose files are not what they were is made anew."""
    good = _closure(store, builtin("ping"))
    (entry,) = (tmp_path / "lasting").glob("closure-*")
    fields, stamps = json.loads(entry.read_bytes())
    stamps[next(iter(stamps))] = [1, 1]
    fields["files"] = {"stale": "0" * 64}
    entry.write_bytes(json.dumps([fields, stamps]).encode())
    again = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    assert _closure(again, builtin("ping")) == good


@pytest.mark.parametrize("rubbish", [b"", b"{}", b"[1, 2]", b"\xff\x00", b'[{"fqn": 1}, {}]'])
def test_a_damaged_closure_is_made_anew(
    store: ClosureStore, builtin: Callable[[str], Source], tmp_path: Path, rubbish: bytes
) -> None:
    """Whatever is in the file."""
    good = _closure(store, builtin("ping"))
    (entry,) = (tmp_path / "lasting").glob("closure-*")
    entry.write_bytes(rubbish)
    again = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    assert _closure(again, builtin("ping")) == good


def test_a_damaged_file_is_refused(
    store: ClosureStore, builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """Its digest tells; collecting the closure anew mends it."""
    closure = _closure(store, builtin("ping"))
    digest = closure.files[closure.entry]
    (tmp_path / "lasting" / digest).write_bytes(zlib.compress(b"import evil"))
    again = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    with pytest.raises(UnknownFileError):
        again.contents_of([digest])
    assert again.restore(builtin("ping")) == closure
    yet_again = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    assert _contents(yet_again, closure)[closure.entry] == builtin("ping").data


def test_what_this_process_collected_needs_no_disk(
    builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """Neither folder can be made, as on a full disk."""
    (tmp_path / "file").touch()
    store = ClosureStore(tmp_path / "file" / "lasting", tmp_path / "file" / "of_run")
    assert _contents(store, _closure(store, builtin("ping")))


def test_what_is_old_goes(
    store: ClosureStore, builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """When something new is made."""
    _closure(store, builtin("ping"))
    stale = tmp_path / "lasting" / ("0" * 64)
    stale.touch()
    os.utime(stale, (1, 1))
    _closure(store, builtin("stat"))
    assert not stale.exists()


def test_a_folder_others_can_write_to_is_not_used(
    builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """Whoever writes there would choose what runs as root."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    store = ClosureStore(shared, tmp_path / "of_run")
    closure = _closure(store, builtin("ping"))
    assert not list(shared.iterdir())
    assert _contents(store, closure)


def test_the_folder_is_ours_alone(
    store: ClosureStore, builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """Mode 0700."""
    _closure(store, builtin("ping"))
    assert os.stat(tmp_path / "lasting").st_mode & 0o777 == 0o700


def test_many_want_the_same_closure_at_once(
    builtin: Callable[[str], Source], tmp_path: Path
) -> None:
    """One process makes it, the others wait for it; files appear whole."""
    source = builtin("ping")
    made = tmp_path / "made"

    def want() -> None:
        module_zip.collect = _reporting(module_zip.collect, made)
        store = ClosureStore(tmp_path / "lasting", tmp_path / "of_run")
        assert _contents(store, _closure(store, source))

    workers = [multiprocessing.get_context("fork").Process(target=want) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert made.read_text() == "made\n"
    assert not list((tmp_path / "lasting").glob(".new-*"))


def _reporting(function: Callable[..., Any], path: Path) -> Callable[..., Any]:
    def report(*args: Any) -> Any:
        with path.open("a") as sink:
            sink.write("made\n")
        return function(*args)

    return report
