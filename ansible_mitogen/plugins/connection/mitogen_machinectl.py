"""Connection plugin: machines of systemd, over persistent interpreters."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_spec = spec_from_file_location("mitogen_origin", _ROOT / "ansible_mitogen" / "origin.py")
_origin = module_from_spec(_spec)
_spec.loader.exec_module(_origin)
_origin.claim(_ROOT)

from ansible_mitogen.connections import twin
from ansible_mitogen.parent import start_with_parent

# `ansible-doc` reads this literal; Ansible's configuration reads the value it has at run time.
DOCUMENTATION = """
name: mitogen_machinectl
short_description: a machine of systemd by its namespaces, over persistent interpreters
description:
    - The machine is that of O(remote_addr).
author: the project's authors
"""
DOCUMENTATION: str = twin.plugin_documentation("machinectl", "mitogen_machinectl")

Connection = twin.connection_class("machinectl")

start_with_parent()
