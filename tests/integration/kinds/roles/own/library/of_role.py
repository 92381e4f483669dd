#!/usr/bin/python
"""Imports what the role brings, one of it in the place of a file of the core."""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.beside import WORD
from ansible.module_utils.of_role_utils import WORD as OF_ROLE
from ansible.module_utils.splitter import OVERRIDDEN

AnsibleModule({}).exit_json(words=[WORD, OF_ROLE], overridden=OVERRIDDEN)
