#!/usr/bin/python
"""Imports from the folder that ansible.cfg names."""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.from_config import WORD

AnsibleModule({}).exit_json(word=WORD)
