"""Which modules may share a process."""

from __future__ import annotations

from pathlib import Path

import ansible
import pytest
from ansible.errors import AnsibleOptionsError

from ansible_mitogen.isolation import REUSABLE, TaskIsolation, may_reuse, task_isolation

_CORE = Path(ansible.__file__).parent / "modules"


@pytest.mark.parametrize("name", sorted(REUSABLE))
def test_modules_of_the_core(name: str) -> None:
    """Those listed are there, and share unless told otherwise."""
    path = _CORE / f"{name}.py"
    assert path.is_file()
    assert may_reuse(TaskIsolation.AUTO, str(path))
    assert may_reuse(TaskIsolation.NONE, str(path))
    assert not may_reuse(TaskIsolation.FORK, str(path))


@pytest.mark.parametrize("path", [str(_CORE / "setup.py"), "/play/library/ping.py"])
def test_other_modules(path: str) -> None:
    """Share only when told so, whatever they are called."""
    assert not may_reuse(TaskIsolation.AUTO, path)
    assert may_reuse(TaskIsolation.NONE, path)
    assert not may_reuse(TaskIsolation.FORK, path)


@pytest.mark.parametrize("word", ["auto", "none", "fork"])
def test_the_words_of_the_user(word: str) -> None:
    """Are the values."""
    assert task_isolation(word).value == word


@pytest.mark.parametrize("word", ["", "Auto", "None", "process"])
def test_other_words(word: str) -> None:
    """The error names the variable and what it can be."""
    with pytest.raises(AnsibleOptionsError, match="mitogen_task_isolation .* auto, none, fork"):
        task_isolation(word)
