#!/usr/bin/python
"""Runs the `code` that it is given as if that were the rest of it."""

import json  # noqa: F401 -- for the code
import os  # noqa: F401 -- for the code
import sys  # noqa: F401 -- for the code

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"code": {"required": True}})
exec(compile(module.params["code"], "code", "exec"))
