"""The parts of ansible-core that we touch, untyped.

What types these have differs from version to version, and so do the signatures of what is private.
"""

from __future__ import annotations

from typing import Any

import ansible.constants
import ansible.executor.module_common
import ansible.plugins.action
import ansible.plugins.loader
import ansible.release
from ansible.utils.collection_loader import _collection_config

constants: Any = ansible.constants
module_common: Any = ansible.executor.module_common
action: Any = ansible.plugins.action
loader: Any = ansible.plugins.loader
collection_config: Any = _collection_config.AnsibleCollectionConfig

VERSION = str(ansible.release.__version__)
