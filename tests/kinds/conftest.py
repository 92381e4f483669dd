"""What needs ansible-core is not collected where there is none."""

from __future__ import annotations

from tests.support.ansible_run import has_ansible

collect_ignore = [] if has_ansible() else ["test_kinds.py"]
