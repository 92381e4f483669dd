"""Which modules may share a process with others: `mitogen_task_isolation`.

Every module gets a process of its own unless it is one of those listed here, or the user says
otherwise. Those listed leave nothing behind in a process that `ansible_mitogen.target.surroundings`
does not put back; the tests run each of them to prove it.
"""

from __future__ import annotations

import enum
from pathlib import Path

import ansible
from ansible.errors import AnsibleOptionsError

#: Modules of `ansible.builtin`, by the names of their files.
REUSABLE = frozenset(
    {
        "assemble", "blockinfile", "command", "copy", "file", "find", "getent", "lineinfile",
        "ping", "replace", "slurp", "stat", "tempfile",
    }
)  # fmt: skip

_CORE_MODULES = Path(ansible.__file__).resolve().parent / "modules"


class TaskIsolation(str, enum.Enum):
    """Values of `mitogen_task_isolation`."""

    #: A process of its own for all but the modules listed.
    AUTO = "auto"
    #: Also other modules may share one.
    NONE = "none"
    #: A process of its own for every module.
    FORK = "fork"


def task_isolation(value: str) -> TaskIsolation:
    """The value that the user gave.

    :raises ansible.errors.AnsibleOptionsError: it is none.
    """
    try:
        return TaskIsolation(value)
    except ValueError as exc:
        names = ", ".join(known.value for known in TaskIsolation)
        text = f"mitogen_task_isolation is {value!r}, it can be one of {names}"
        raise AnsibleOptionsError(text) from exc


def may_reuse(isolation: TaskIsolation, module_path: str) -> bool:
    """Whether the module in that file may run where others ran."""
    if isolation is TaskIsolation.AUTO:
        path = Path(module_path)
        return path.stem in REUSABLE and path.resolve().parent == _CORE_MODULES
    return isolation is TaskIsolation.NONE
