"""Action plugin: the hops of a host's connection."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_spec = spec_from_file_location("mitogen_origin", _ROOT / "ansible_mitogen" / "origin.py")
_origin = module_from_spec(_spec)
_spec.loader.exec_module(_origin)
_origin.claim(_ROOT)

from ansible_mitogen.get_stack import GetStackAction


class ActionModule(GetStackAction):
    """Found by Ansible's plugin loader under this name."""
