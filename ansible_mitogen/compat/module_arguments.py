"""A module's arguments as the text that travels: encoders by profile from 2.19 on, one before."""

from __future__ import annotations

import functools
import json
from typing import Any


@functools.cache
def _encoder(profile: str | None) -> Any:
    if profile is None:
        from ansible.module_utils.common.json import AnsibleJSONEncoder

        return functools.partial(json.dumps, cls=AnsibleJSONEncoder, vault_to_text=True)
    from ansible.module_utils.common.json import Direction, get_module_encoder

    return functools.partial(
        json.dumps, cls=get_module_encoder(profile, Direction.CONTROLLER_TO_MODULE)
    )


def encode(arguments: dict[str, Any], profile: str | None) -> bytes:
    """What the module finds as its arguments.

    :raises TypeError: they hold something that has no text form.
    """
    text: str = _encoder(profile)({"ANSIBLE_MODULE_ARGS": arguments})
    return text.encode("utf-8", "surrogateescape")
