#!/usr/bin/python
"""Imports from beside the playbook, and what is there in the place of a file of the core."""

import sys

import ansible.module_utils.beside_package
from ansible.module_utils import beside
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.beside_package.inner import INNER
from ansible.module_utils.parsing import convert_bool

module = AnsibleModule({"flag": {"type": "bool"}})
module.exit_json(
    word=beside.WORD,
    inner=INNER,
    package=ansible.module_utils.beside_package.NAME,
    flag=module.params["flag"],
    overridden=convert_bool.OVERRIDDEN,
    files=sorted(
        name for name in sys.modules if name.startswith("ansible.module_utils") and "beside" in name
    ),
)
