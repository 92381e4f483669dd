"""Which actions are `raw` and `script`."""

from __future__ import annotations

import pytest

from ansible_mitogen import bare


@pytest.mark.parametrize("prefix", ["", "ansible.builtin.", "ansible.legacy."])
def test_all_names_that_ansible_has_for_them(prefix: str) -> None:
    """The short name and both full ones, each alike."""
    assert bare.is_raw(f"{prefix}raw")
    assert bare.is_bare(f"{prefix}raw")
    assert bare.is_bare(f"{prefix}script")
    assert not bare.is_raw(f"{prefix}script")
    assert not bare.is_bare(f"{prefix}command")


@pytest.mark.parametrize(
    "action", ["", "my.collection.raw", "my.collection.script", "ansible.windows.script", "rawer"]
)
def test_other_collections_have_none(action: str) -> None:
    """An action that is only called the same may need a Python, and is not for people."""
    assert not bare.is_raw(action)
    assert not bare.is_bare(action)
