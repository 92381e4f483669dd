"""Connection plugin: containers by their namespaces, over persistent interpreters."""

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
name: mitogen_setns
short_description: a container by its namespaces, over persistent interpreters
description:
    - The container is that of O(remote_addr), and O(mitogen_kind) says what runs it.
author: the project's authors
"""
DOCUMENTATION: str = twin.plugin_documentation("setns", "mitogen_setns")

Connection = twin.connection_class("setns")

start_with_parent()
