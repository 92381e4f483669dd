"""Connection plugin: Ansible's ``ssh`` over persistent interpreters."""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[3]
runpy.run_path(str(_ROOT / "ansible_mitogen" / "origin.py"))["claim"](_ROOT)

from ansible_mitogen.connection import SshConnection, start_with_parent
from ansible_mitogen.documentation import connection_documentation

# `ansible-doc` reads this literal; Ansible's configuration reads the value it has at run time.
DOCUMENTATION = """
name: mitogen_ssh
short_description: ssh over persistent interpreters
description:
    - Behaves like P(ansible.builtin.ssh#connection) and takes all of its options.
author: the project's authors
"""
DOCUMENTATION: str = connection_documentation("ssh", "mitogen_ssh")


class Connection(SshConnection):
    """Found by Ansible's plugin loader under this name."""


start_with_parent()
