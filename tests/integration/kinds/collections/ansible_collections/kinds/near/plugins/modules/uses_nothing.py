#!/usr/bin/python
"""Imports what is nowhere."""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.nothing import NOTHING

AnsibleModule({}).exit_json(nothing=NOTHING)
