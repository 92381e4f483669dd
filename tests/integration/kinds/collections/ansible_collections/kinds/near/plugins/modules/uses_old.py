#!/usr/bin/python
"""Imports what is going to be removed."""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.old_utils import WORD

AnsibleModule({}).exit_json(word=WORD)
