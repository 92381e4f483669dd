#!/usr/bin/python
"""Where another collection's module has moved to."""

from ansible.module_utils.basic import AnsibleModule

AnsibleModule({}).exit_json(me=_module_fqn)  # noqa: F821
