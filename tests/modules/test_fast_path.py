"""`ansible_mitogen.fast_path` through a real action plugin and a small connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.plugins import action as action_module
from ansible.plugins import loader as loaders
from ansible.template import Templar

from ansible_mitogen import fast_path

_VARIABLES: dict[str, Any] = {
    "ansible_python_interpreter": "/usr/bin/python3",
    "ansible_facts": {},
}


class _Connection:
    """What fast_path needs of one."""

    module_implementation_preferences = ("",)
    become = None

    def __init__(self, accelerates: bool = True) -> None:
        self.pending_modules: dict[str, fast_path.ModulePlan] = {}
        self.mitogen_why_packed = ""
        self._accelerates = accelerates
        self._play_context = SimpleNamespace(remote_addr="host")
        self._shell = loaders.shell_loader.get("sh")

    def mitogen_accelerates(self) -> bool:
        return self._accelerates


class _Action(action_module.ActionBase):
    """No action of its own."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Not called."""
        return {}


def _action(connection: Any, **task: Any) -> Any:
    loader = DataLoader()
    return _Action(
        task=Task.load({"name": "a task", "action": "ping", **task}),
        connection=connection,
        play_context=SimpleNamespace(become=False, check_mode=False),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=loaders,
    )


def _configure(connection: Any, module: str, arguments: Any = None, **task: Any) -> Any:
    """What `_configure_module` prepares, in the form it has had since 2.19."""
    prepared = _action(connection, **task)._configure_module(
        module, arguments or {}, dict(_VARIABLES)
    )
    if len(prepared) == 2:
        return prepared[0]
    style, shebang, data, _path = prepared
    return SimpleNamespace(b_module_data=data, module_style=style, shebang=shebang)


@pytest.fixture(autouse=True)
def patched(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fast path is installed, with a cache of its own."""
    store = fast_path.ClosureStore(tmp_path / "lasting", tmp_path / "of_run")
    monkeypatch.setattr(fast_path, "default_store", lambda: store)
    with fast_path.installed():
        yield


def test_a_module_becomes_a_plan() -> None:
    """The core is given a token, which the connection exchanges for the plan, once."""
    connection = _Connection()
    built = _configure(connection, "ping", {"data": "ünï"})
    assert built.module_style == "new"
    assert built.shebang == "#!/usr/bin/python3"
    assert len(built.b_module_data) < 100
    plan = fast_path.plan_for(connection, built.b_module_data)
    assert plan is not None
    job = plan.job()
    assert json.loads(job["arguments"]) == {"ANSIBLE_MODULE_ARGS": {"data": "ünï"}}
    assert job["entry"] == "ansible/modules/ping.py"
    assert job["files"][job["entry"]] in plan.contents([job["files"][job["entry"]]])
    assert fast_path.plan_for(connection, built.b_module_data) is None


def test_the_environment_of_the_task_is_in_the_plan() -> None:
    """`environment:` as the core computes it."""
    connection = _Connection()
    built = _configure(connection, "ping", environment=[{"SPEED": "fast", "N": 1}])
    plan = fast_path.plan_for(connection, built.b_module_data)
    assert plan is not None
    assert plan.environment == {"SPEED": "fast", "N": "1"}


def test_other_input_is_no_plan() -> None:
    """Whatever is sent to a command."""
    connection = _Connection()
    assert fast_path.plan_for(connection, None) is None
    assert fast_path.plan_for(connection, b"data") is None
    assert fast_path.plan_for(connection, b"mitogen-module:unknown") is None


@pytest.mark.parametrize("connection", [_Connection(accelerates=False), SimpleNamespace()])
def test_other_connections_get_what_the_core_packs(connection: Any) -> None:
    """Also plugins that never heard of us."""
    for name in ("module_implementation_preferences", "become"):
        vars(connection).setdefault(name, getattr(_Connection, name))
    connection._shell = loaders.shell_loader.get("sh")
    built = _configure(connection, "ping")
    assert len(built.b_module_data) > 10_000


def test_what_is_not_for_us_is_packed_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An async task, here."""
    connection = _Connection()
    built = _configure(connection, "ping", **{"async": 10, "poll": 0})
    assert len(built.b_module_data) > 10_000
    assert connection.mitogen_why_packed == "the task is async"
    assert not connection.pending_modules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"#!/bin/sh\n# WANT_JSON\n", "no new-style"),
        (b"\x7fELF\0\1\2", "binary"),
        (b"#!/opt/other/python3.9\nimport ansible.module_utils.basic\n", "asks for"),
        (b"#!/usr/bin/python -E\nimport ansible.module_utils.basic\n", "asks for"),
    ],
)
def test_other_kinds_of_modules_are_packed_with_a_reason(
    tmp_path: Path, text: bytes, reason: str
) -> None:
    """Each says what it is."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "oddity.py").write_bytes(text)
    loaders.module_loader.add_directory(str(folder))
    try:
        connection = _Connection()
        _configure(connection, "oddity")
    finally:
        loaders.module_loader._extra_dirs.remove(str(folder))
        loaders.module_loader._paths = None
        loaders.module_loader._plugin_path_cache.clear()
    assert reason in connection.mitogen_why_packed
    assert not connection.pending_modules


def test_a_missing_module_is_the_core_s_error() -> None:
    """With its text."""
    with pytest.raises(Exception, match=r"(?i)module nonsuch was not found"):
        _configure(_Connection(), "nonsuch")


def test_installing_and_removing_restores_the_world() -> None:
    """Twice installed is once installed; removed is as before."""
    ours = action_module.ActionBase._configure_module
    fast_path.install()
    assert action_module.ActionBase._configure_module is ours
    fast_path.remove()
    original = action_module.ActionBase._configure_module
    assert original is not ours
    assert not hasattr(original, "mitogen_original")
    fast_path.remove()
    assert action_module.ActionBase._configure_module is original
