"""`ansible_mitogen.fast_path` through a real action plugin and a small connection."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_mitogen import fast_path
from ansible_mitogen.compat.core import action as action_module
from ansible_mitogen.compat.core import loader as loaders
from ansible_mitogen.compat.module_command import quotes_interpreters
from ansible_mitogen.isolation import TaskIsolation
from ansible_mitogen.modules import ClosureStore

#: Without the core's types, which are partial.
_TASK: Any = Task
_DATA_LOADER: Any = DataLoader


def _variables() -> dict[str, Any]:
    return {"ansible_python_interpreter": "/usr/bin/python3", "ansible_facts": {}}


class _Connection:
    """What fast_path and the core need of one; commands run here."""

    module_implementation_preferences = ("",)
    become = None
    transport = "ours"
    has_pipelining = True
    always_pipeline_modules = False
    allow_executable = False
    socket_path = None
    supports_persistence = False

    def __init__(self, accelerates: bool = True) -> None:
        self.pending_modules: dict[str, fast_path.ModulePlan] = {}
        self.mitogen_why_packed = ""
        self.pipelining = True
        self.isolation = TaskIsolation.AUTO
        self.has_plain_python = True
        self._accelerates = accelerates
        self._play_context = SimpleNamespace(remote_addr="host")
        self._shell = loaders.shell_loader.get("sh")
        self._shell.set_options(direct={})

    def mitogen_accelerates(self) -> bool:
        return self._accelerates

    def mitogen_isolation(self) -> TaskIsolation:
        return self.isolation

    def mitogen_has_plain_python(self) -> bool:
        return self.has_plain_python

    def get_option(self, name: str) -> Any:
        return {"pipelining": self.pipelining, "remote_user": None}[name]

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        return self.pipelining and not wrap_async

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        done = subprocess.run(["/bin/sh", "-c", cmd], input=in_data or b"", capture_output=True)
        return done.returncode, done.stdout, done.stderr


class _Action(action_module.ActionBase):  # type: ignore[misc]
    """No action of its own."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Not called."""
        return {}


def _action(connection: Any, **task: Any) -> Any:
    loader: Any = _DATA_LOADER()
    return _Action(
        task=_TASK.load({"name": "a task", "action": "ping", **task}),
        connection=connection,
        play_context=SimpleNamespace(check_mode=False, executable="/bin/sh", remote_user=None),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=loaders,
    )


def _configure(connection: Any, module: str, arguments: Any = None, **task: Any) -> Any:
    """What `_configure_module` prepares, in the form it has had since 2.19."""
    prepared = _action(connection, **task)._configure_module(module, arguments or {}, _variables())
    if len(prepared) == 2:
        return prepared[0]
    style, shebang, data, _path = prepared
    return SimpleNamespace(b_module_data=data, module_style=style, shebang=shebang)


@pytest.fixture(autouse=True)
def patched(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fast path is installed, with a cache of its own."""
    store = ClosureStore(tmp_path / "lasting", tmp_path / "of_run")
    monkeypatch.setattr(fast_path, "default_store", lambda: store)
    with fast_path.installed():
        yield


def test_a_module_becomes_a_plan() -> None:
    """The core is given a token, which the connection exchanges for the plan, once."""
    connection = _Connection()
    built = _configure(connection, "ping", {"data": "ünï"})
    assert built.module_style == "new"
    assert built.shebang == "#!/usr/bin/python3"
    assert len(built.b_module_data) < 200
    plan = fast_path.plan_for(connection, built.b_module_data)
    assert plan is not None
    job = plan.job()
    assert json.loads(job["arguments"]) == {"ANSIBLE_MODULE_ARGS": {"data": "ünï"}}
    assert job["entry"] == "ansible/modules/ping.py"
    assert job["files"][job["entry"]] in plan.contents([job["files"][job["entry"]]])
    assert not connection.pending_modules


@pytest.mark.parametrize("isolation", TaskIsolation)
def test_a_module_may_share_a_process(isolation: TaskIsolation) -> None:
    """As far as the task lets it."""
    connection = _Connection()
    connection.isolation = isolation
    plan = fast_path.plan_for(connection, _configure(connection, "ping").b_module_data)
    assert plan is not None
    assert plan.job()["may_reuse"] is (isolation is not TaskIsolation.FORK)
    assert plan.job()["foreign"] == []


@pytest.mark.parametrize("name", ["ping", "ansible.builtin.ping", "ansible.legacy.ping"])
def test_a_module_has_the_name_it_is_called_by(name: str) -> None:
    """But runs under that of its file."""
    connection = _Connection()
    plan = fast_path.plan_for(connection, _configure(connection, name).b_module_data)
    assert plan is not None
    assert plan.job()["name"] == name
    assert plan.job()["module_fqn"] == "ansible.modules.ping"


class _Recording(_Connection):
    """Keeps what it is asked to run."""

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        self.command = cmd
        self.in_data = in_data or b""
        return 0, b"{}", b""


def _executed(accelerates: bool, arguments: dict[str, Any], **task: Any) -> _Recording:
    connection = _Recording(accelerates)
    _action(connection, **task)._execute_module("ping", dict(arguments), task_vars=_variables())
    return connection


@pytest.mark.parametrize("task", [{}, {"no_log": True}, {"check_mode": True, "diff": True}])
def test_arguments_are_those_that_the_core_packs(task: dict[str, Any]) -> None:
    """With everything that it adds to them."""
    arguments = {"data": "ünï\udcff", "n": [1, 2.5, None, True, {"key": "value"}]}
    packed = _executed(False, arguments, **task).in_data.decode()
    ours = _executed(True, arguments, **task)
    plan = fast_path.plan_for(ours, ours.in_data)
    assert plan is not None
    found = re.search(r"""(?:params=|ANSIBALLZ_PARAMS = )(['"].*['"]),?$""", packed, re.MULTILINE)
    assert found is not None
    assert plan.arguments == ast.literal_eval(found[1]).encode()


def test_the_environment_is_that_of_the_command() -> None:
    """Whose prefix a shell takes apart for us."""
    environment = [{"SPEED": "fa'st $HOME\n", "N": 1, "T": True, "S": "ü"}, {"N": 2}]
    connection = _executed(True, {}, environment=environment)
    plan = fast_path.plan_for(connection, connection.in_data)
    assert plan is not None
    prefix = connection.command.rpartition("/usr/bin/python3")[0]
    dump = "import os, json; print(json.dumps(dict(os.environ)))"
    shown = subprocess.check_output(["/bin/sh", "-c", f"{prefix} {sys.executable} -c '{dump}'"])
    assert plan.environment.items() <= json.loads(shown).items()
    assert set(plan.environment) == {"SPEED", "N", "T", "S"}


@pytest.mark.parametrize("environment", [{"A-B": "1"}, {"A": "nul\0"}])
def test_what_no_variable_can_be_is_left_to_the_shell(environment: dict[str, str]) -> None:
    """And so is its complaint."""
    connection = _Connection()
    _configure(connection, "ping", environment=[environment])
    assert "cannot be a variable" in connection.mitogen_why_packed


def test_secrets_are_in_no_repr() -> None:
    """A plan may end up in a log."""
    connection = _executed(True, {"data": "geheim"}, environment=[{"PASSWORD": "geheim"}])
    plan = fast_path.plan_for(connection, connection.in_data)
    assert "geheim" not in repr(plan)


def test_secrets_to_mask_go_along() -> None:
    """Those among the arguments, where the core knows of such things."""
    secrets = pytest.importorskip("ansible.module_utils.secrets", reason="new in 2.22")
    secrets._secret_masker.register_secret_text("s3cr3t-of-the-vault")
    connection = _executed(True, {"data": "the s3cr3t-of-the-vault"})
    plan = fast_path.plan_for(connection, connection.in_data)
    assert plan is not None
    assert plan.job()["extra"] == {"secrets": ["s3cr3t-of-the-vault"]}


def test_lost_files_are_collected_again(tmp_path: Path) -> None:
    """Of another process's run of the same module; what is damaged too."""
    connection = _Connection()
    _configure(connection, "ping")
    fresh = ClosureStore(tmp_path / "lasting", tmp_path / "another_run")
    plan = fast_path.plan_for(connection, next(iter(connection.pending_modules)).encode())
    assert plan is not None
    plan = dataclasses.replace(plan, store=fresh)
    digests = list(plan.closure.files.values())
    (tmp_path / "lasting" / digests[0]).unlink()
    (tmp_path / "lasting" / digests[1]).write_bytes(b"rubbish")
    assert set(plan.contents(digests)) == set(digests)
    with pytest.raises(AnsibleError, match="changed"):
        plan.contents(["0" * 64])


def test_other_input_is_no_plan() -> None:
    """Whatever is sent to a command."""
    connection = _Connection()
    assert fast_path.plan_for(connection, None) is None
    assert fast_path.plan_for(connection, b"data") is None
    assert fast_path.plan_for(connection, b"raise SystemExit()") is None


def test_a_stray_token_is_an_error() -> None:
    """For a connection of ours, and for an interpreter that is given it."""
    token = _configure(_Connection(), "ping").b_module_data
    with pytest.raises(AnsibleError, match="another connection"):
        fast_path.plan_for(_Connection(), token)
    done = subprocess.run([sys.executable], input=token, capture_output=True)
    assert done.returncode == 1
    assert b"another connection" in done.stderr


def _discovery(accelerates: bool, **task: Any) -> tuple[Any, ...]:
    connection = _Connection(accelerates)
    variables = {**_variables(), "ansible_python_interpreter": "auto_silent"}
    variables["ansible_delegated_vars"] = {"other": dict(variables, ansible_facts={})}
    action = _action(connection, **task)
    action._configure_module("ping", {}, variables)
    assert bool(connection.pending_modules) is accelerates
    return (
        action._discovered_interpreter,
        action._discovered_interpreter_key,
        variables["ansible_facts"],
        variables["ansible_delegated_vars"]["other"]["ansible_facts"],
    )


@pytest.mark.parametrize(
    "task", [{}, {"delegate_to": "other"}, {"delegate_to": "other", "delegate_facts": True}]
)
def test_discovery_is_the_core_s(task: dict[str, Any]) -> None:
    """With the same facts for the same hosts."""
    found = _discovery(True, **task)
    assert found == _discovery(False, **task)
    assert found[0].startswith("/")


@pytest.mark.parametrize("connection", [_Connection(accelerates=False), SimpleNamespace()])
def test_other_connections_get_what_the_core_packs(connection: Any) -> None:
    """Also plugins that never heard of us."""
    for name in ("module_implementation_preferences", "become"):
        vars(connection).setdefault(name, getattr(_Connection, name))
    connection._shell = loaders.shell_loader.get("sh")
    built = _configure(connection, "ping")
    assert len(built.b_module_data) > 10_000


def test_an_async_task_is_packed_with_a_reason() -> None:
    """async_wrapper wants a file."""
    connection = _Connection()
    built = _configure(connection, "ping", **{"async": 10, "poll": 0})
    assert len(built.b_module_data) > 10_000
    assert connection.mitogen_why_packed == "the task is async"
    assert not connection.pending_modules


def test_without_pipelining_a_module_is_packed() -> None:
    """It would be uploaded."""
    connection = _Connection()
    connection.pipelining = False
    built = _configure(connection, "ping")
    assert len(built.b_module_data) > 10_000
    assert "pipelining" in connection.mitogen_why_packed


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """A folder of modules, as beside a playbook."""
    folder = tmp_path / "library"
    folder.mkdir()
    loaders.module_loader.add_directory(str(folder))
    yield folder
    loaders.module_loader._extra_dirs.remove(str(folder))
    loaders.module_loader._paths = None
    loaders.module_loader._plugin_path_cache.clear()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"#!/bin/sh\n# WANT_JSON\n", "no new-style"),
        (b"#!/usr/bin/perl\nprint 1;\n", "no new-style"),
        (b"#!/usr/bin/python\nx = '<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'\n", "no new-style"),
        (b"\x7fELF\0\1\2", "binary"),
        (b"#!/usr/bin/perl\nimport ansible.module_utils.basic\n", "asks for /usr/bin/perl"),
        (b"#!/usr/bin/env python\nimport ansible.module_utils.basic\n", "asks for"),
        (
            b"#!/usr/bin/python -ic\nimport ansible.module_utils.basic\n",
            "asks for",
        ),
    ],
)
def test_other_kinds_of_modules_are_packed_with_a_reason(
    library: Path, text: bytes, reason: str
) -> None:
    """Each says what it is."""
    (library / "oddity.py").write_bytes(text)
    connection = _Connection()
    _configure(connection, "oddity")
    assert reason in connection.mitogen_why_packed
    assert not connection.pending_modules


_ASKING = b"\nfrom ansible.module_utils.basic import AnsibleModule\n"


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        (b"# none", []),
        (b"#!/usr/bin/python", []),
        (b"#!/opt/any/python", []),
        (b"#!/opt/other/python3.9", ["/opt/other/python3.9"]),
        (b"#! python3", ["python3"]),
    ],
)
def test_a_module_may_ask_for_a_python(library: Path, line: bytes, interpreter: list[str]) -> None:
    """Which goes with the job, unless it leaves that to the connection."""
    (library / "asking.py").write_bytes(line + _ASKING)
    connection = _Connection()
    plan = fast_path.plan_for(connection, _configure(connection, "asking").b_module_data)
    assert plan is not None
    assert plan.job()["interpreter"] == interpreter


@pytest.mark.parametrize("line", [b"#!/usr/bin/env python3", b"#!/usr/bin/python -s"])
def test_words_are_those_of_the_core_s_command(library: Path, line: bytes) -> None:
    """From 2.19 on it has the shell look for a program of that name, blanks and all."""
    (library / "asking.py").write_bytes(line + _ASKING)
    connection = _Connection()
    built = _configure(connection, "asking")
    plan = fast_path.plan_for(connection, built.b_module_data)
    if quotes_interpreters():
        assert plan is None
        assert "asks for '" in connection.mitogen_why_packed
    else:
        assert plan is not None
        assert plan.job()["interpreter"] == built.shebang[2:].split()


def test_what_a_special_python_brings_is_for_its_own_modules_only(library: Path) -> None:
    """A script that starts it, say, sets variables: they are not for a module that asks for another."""
    (library / "asking.py").write_bytes(b"#!/opt/python3" + _ASKING)
    (library / "content.py").write_bytes(b"#!/usr/bin/python" + _ASKING)
    connection = _Connection()
    connection.has_plain_python = False
    _configure(connection, "asking")
    assert "special" in connection.mitogen_why_packed
    _configure(connection, "content")
    assert connection.pending_modules


def test_a_module_beside_the_playbook(library: Path) -> None:
    """Comes before the core's of that name."""
    text = b"#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n"
    (library / "ping.py").write_bytes(text)
    connection = _Connection()
    plan = fast_path.plan_for(connection, _configure(connection, "ping").b_module_data)
    assert plan is not None
    assert plan.source.data == text
    assert plan.closure.fqn in {"ansible.legacy.ping", "ansible.modules.ping"}


def test_the_old_marker_counts_as_an_import(library: Path) -> None:
    """As in the core."""
    (library / "marked.py").write_bytes(b"#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\n")
    connection = _Connection()
    plan = fast_path.plan_for(connection, _configure(connection, "marked").b_module_data)
    assert plan is not None
    assert plan.source.data == b"from ansible.module_utils.basic import *\n"


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


def test_a_method_we_do_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a core to come, or another's patch: modules are packed then."""
    fast_path.remove()

    def configure(self: Any, *args: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(action_module.ActionBase, "_configure_module", configure)
    fast_path.install()
    assert action_module.ActionBase._configure_module is configure
