#!/usr/bin/python
"""Imports what is nowhere."""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.nowhere import NOTHING

AnsibleModule({}).exit_json(nothing=NOTHING)
