"""Connection plugin: Ansible's ``paramiko_ssh`` over persistent interpreters."""

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
name: mitogen_paramiko_ssh
short_description: paramiko_ssh over persistent interpreters
description:
    - Behaves like P(ansible.builtin.paramiko_ssh#connection) and takes all of its options.
author: the project's authors
"""
DOCUMENTATION: str = twin.plugin_documentation("paramiko_ssh", "mitogen_paramiko_ssh")

Connection = twin.connection_class("paramiko_ssh")

start_with_parent()
