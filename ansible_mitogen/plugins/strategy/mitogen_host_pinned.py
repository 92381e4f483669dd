"""Strategy plugin: Ansible's ``host_pinned`` over persistent interpreters."""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[3]
runpy.run_path(str(_ROOT / "ansible_mitogen" / "origin.py"))["claim"](_ROOT)

from ansible.plugins.strategy.host_pinned import StrategyModule as StockStrategy

from ansible_mitogen.strategy import MitogenStrategy

DOCUMENTATION = """
name: mitogen_host_pinned
short_description: P(ansible.builtin.host_pinned#strategy) over persistent interpreters
description:
    - Runs plays as P(ansible.builtin.host_pinned#strategy) does.
    - Hosts that use P(ansible.builtin.ssh#connection) or P(ansible.builtin.local#connection)
      are reached over persistent interpreters.
author: the project's authors
"""


class StrategyModule(MitogenStrategy, StockStrategy):
    """Found by Ansible's plugin loader under this name."""
