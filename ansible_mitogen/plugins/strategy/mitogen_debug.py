"""Strategy plugin: Ansible's ``debug`` over persistent interpreters."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_spec = spec_from_file_location("mitogen_origin", _ROOT / "ansible_mitogen" / "origin.py")
_origin = module_from_spec(_spec)
_spec.loader.exec_module(_origin)
_origin.claim(_ROOT)

from ansible.plugins.strategy.debug import StrategyModule as StockStrategy

from ansible_mitogen.strategy import MitogenStrategy

DOCUMENTATION = """
name: mitogen_debug
short_description: P(ansible.builtin.debug#strategy) over persistent interpreters
description:
    - Runs plays as P(ansible.builtin.debug#strategy) does.
    - Hosts that use P(ansible.builtin.ssh#connection) or P(ansible.builtin.local#connection)
      are reached over persistent interpreters.
author: the project's authors
"""


class StrategyModule(MitogenStrategy, StockStrategy):
    """Found by Ansible's plugin loader under this name."""
