"""What needs ansible-core is not collected where there is none."""

from __future__ import annotations

from tests.integration.conftest import world
from tests.support.ansible_run import has_ansible

__all__ = ["world"]

collect_ignore = (
    []
    if has_ansible()
    else [
        "test_shell.py",
        "test_become.py",
        "test_discovery.py",
        "test_via.py",
        "test_escalation.py",
        "test_options.py",
        "test_accelerating.py",
        "test_parent.py",
    ]
)
