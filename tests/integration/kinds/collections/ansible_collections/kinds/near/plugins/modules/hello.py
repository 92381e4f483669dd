#!/usr/bin/python
"""Imports by relative and by full names, and what has moved."""

import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kinds.near.plugins.module_utils.deep import NAME
from ansible_collections.kinds.near.plugins.module_utils.moved_utils import ARRIVED

from ..module_utils import words
from ..module_utils.deep.down import DOWN

try:
    from ansible_collections.kinds.nowhere.plugins.module_utils.nothing import NOTHING
except ImportError:
    NOTHING = None

module = AnsibleModule({"name": {"default": "you"}})
module.exit_json(
    hello=module.params["name"],
    words=[words.WORD, NAME, DOWN, ARRIVED, NOTHING],
    modules=sorted(name for name in sys.modules if name.startswith("ansible_collections")),
    me=[__name__, _module_fqn, __file__.rpartition("ansible_collections")[2]],  # noqa: F821
)
