"""Interpreter discovery, answered from what is known."""

from __future__ import annotations

import inspect

import pytest
from ansible.executor import interpreter_discovery

from ansible_mitogen import discovery


class Action:
    """Asks as the core does; keeps the command, answers with what it is told."""

    def __init__(self):
        self.commands = []

    def _low_level_execute_command(self, cmd, **_more):
        self.commands.append(cmd)
        result = discovery.found("/opt/bin/python3.12")
        return {"rc": result.rc, "stdout": result.stdout.decode(), "stderr": ""}


@pytest.mark.skipif(
    "PLATFORM" in inspect.getsource(interpreter_discovery.discover_interpreter),
    reason="this core asks for the platform too",
)
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
