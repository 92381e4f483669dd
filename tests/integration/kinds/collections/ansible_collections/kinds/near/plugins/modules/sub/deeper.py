#!/usr/bin/python
"""In a folder of a collection's modules."""

from ansible.module_utils.basic import AnsibleModule

from ...module_utils.words import WORD

AnsibleModule({}).exit_json(word=WORD)
