"""Interpreter discovery, answered from what is known."""

from __future__ import annotations

import functools
import inspect
import json

import pytest
from ansible.executor import interpreter_discovery, module_common
from ansible.executor.interpreter_discovery import InterpreterDiscoveryRequiredError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_mitogen import discovery, takeover
from ansible_mitogen.connections.twin import NoTwin

_ASKS_PLATFORM = "PLATFORM" in inspect.getsource(interpreter_discovery.discover_interpreter)


@pytest.mark.parametrize(
    "value", ["auto", "auto_silent", "auto_legacy", "auto_legacy_silent", None, "", "automatic"]
)
def test_modes_are_those_of_the_core(value):
    """What it takes for an order to look for one is none to us, and no other."""
    variables = {} if value is None else {"ansible_python_interpreter": value}
    try:
        module_common._get_shebang("/usr/bin/python", variables, Templar(DataLoader()))
    except InterpreterDiscoveryRequiredError:
        assert discovery.named(value) is None
    else:
        assert discovery.named(value) == value


class Action:
    """Asks as the core does; keeps the command, answers with what it is told."""

    def __init__(self):
        self.commands = []

    def _low_level_execute_command(self, cmd, **_more):
        self.commands.append(cmd)
        result = discovery.found("/opt/bin/python3.12")
        return {"rc": result.rc, "stdout": result.stdout.decode(), "stderr": ""}


class Host:
    """A host of an old core's action: answers its two questions with what a Debian would."""

    def __init__(self, *, has_platform=True):
        self.questions = []
        self.has_platform = has_platform
        self._connection = self
        self.has_pipelining = True

    def _low_level_execute_command(self, cmd, in_data=None, **_more):
        self.questions.append(discovery.is_about_platform(cmd, in_data))
        lines = [
            "PLATFORM",
            "Linux",
            "FOUND",
            "/usr/bin/python3.11",
            "/usr/bin/python3",
            "ENDFOUND",
        ]
        release = {"platform_dist_result": [], "osrelease_content": "ID=debian\nVERSION_ID=12\n"}
        known = (
            json.dumps(release) if self.has_platform else discovery.no_platform().stdout.decode()
        )
        return {"rc": 0, "stdout": known if in_data else "\n".join(lines)}


@pytest.mark.skipif(not _ASKS_PLATFORM, reason="this core does not ask for the platform")
def test_the_questions_of_old_cores_are_known():
    """Both are recognised; the answer is the distribution's interpreter, not the first one found."""
    host = Host()
    found = interpreter_discovery.discover_interpreter(host, "python", "auto_silent", {})
    assert found == "/usr/bin/python3"
    assert host.questions == [True, True]


@pytest.mark.skipif(not _ASKS_PLATFORM, reason="this core does not ask for the platform")
def test_as_where_an_old_core_does_not_ask():
    """Without a platform it is the first one found, with the words for a connection without pipes."""
    known, without_pipes = Host(has_platform=False), Host()
    without_pipes.has_pipelining = False
    for host in (known, without_pipes):
        host._discovery_warnings = []
        found = interpreter_discovery.discover_interpreter(host, "python", "auto", {})
        assert found == "/usr/bin/python3.11"
    assert known._discovery_warnings == without_pipes._discovery_warnings
    assert len(known._discovery_warnings) == 1


@pytest.mark.parametrize("has_pipelining", [True, False])
def test_a_twin_without_pipelining_knows_no_platform(monkeypatch, has_pipelining):
    """The core would not ask there; anywhere else the login is asked."""
    monkeypatch.setattr(NoTwin, "has_pipelining", has_pipelining)
    connection_loader.add_directory(str(takeover.PLUGIN_DIRECTORY))
    plugin = connection_loader.get("mitogen_sudo", class_only=True)

    class Connection(plugin):  # Ansible goes by the name
        def _mitogen_new_session(self, stack):
            raise LookupError("asked")

    connection = Connection(PlayContext(), new_stdin=None)
    connection.set_options(task_keys={}, var_options={})
    asked = functools.partial(connection._mitogen_ask_login, "python", b"the script")
    if has_pipelining:
        with pytest.raises(LookupError, match="asked"):
            asked()
    else:
        assert asked() == discovery.no_platform()


def test_the_likely_answer_is_tried_first():
    """Where the distribution has a say; elsewhere the core's order is ours."""
    candidates = ["python3.12", "/usr/bin/python3", "python"]
    first = ["/usr/bin/python3", "python3.12", "python"] if _ASKS_PLATFORM else candidates
    assert discovery.likely_first(candidates) == first
    assert discovery.likely_first(["/opt/python"]) == ["/opt/python"]


def test_what_was_chosen():
    """A fact of the host that the task is for."""
    facts = {"ansible_facts": {"discovered_interpreter_python": "/opt/python"}}
    variables = {**facts, "ansible_delegated_vars": {"other": {"ansible_facts": {}}}}
    assert discovery.chosen(variables, None) == "/opt/python"
    assert discovery.chosen(variables, "other") is None
    assert discovery.chosen({}, None) is None


@pytest.mark.skipif(_ASKS_PLATFORM, reason="this core asks for the platform too")
def test_the_core_understands_the_answer():
    """The core's own command is recognised, and it takes the answer for a host's."""
    action = Action()
    found = interpreter_discovery.discover_interpreter(action, "python", "auto_silent", {})
    assert found == "/opt/bin/python3.12"
    assert [discovery.is_discovery(command) for command in action.commands] == [True]


@pytest.mark.parametrize(
    "text",
    ["echo FOUND", "echo FOUND; rm -rf /; echo ENDFOUND", "echo FOUND; command -v 'x'; reboot"],
)
def test_other_commands_are_none_of_it(text):
    """What only resembles it is run."""
    assert not discovery.is_discovery(text)
