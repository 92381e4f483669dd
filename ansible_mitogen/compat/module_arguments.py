"""A module's arguments as the text that travels: encoders by profile from 2.19 on, one before."""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any


@functools.cache
def _encoder(profile: str | None) -> Any:
    library: Any = importlib.import_module("ansible.module_utils.common.json")
    if profile is None:
        return functools.partial(json.dumps, cls=library.AnsibleJSONEncoder, vault_to_text=True)
    encoder = library.get_module_encoder(profile, library.Direction.CONTROLLER_TO_MODULE)
    return functools.partial(json.dumps, cls=encoder)


def load_coders() -> None:
    """Load what the arguments and results of modules are coded with."""
    library: Any = importlib.import_module("ansible.module_utils.common.json")
    if hasattr(library, "get_module_decoder"):
        _encoder("legacy")
        library.get_module_decoder("legacy", library.Direction.MODULE_TO_CONTROLLER)
    else:
        _encoder(None)


def encode(arguments: dict[str, Any], profile: str | None) -> bytes:
    """What the module finds as its arguments.

    :raises TypeError: they hold something that has no text form.
    """
    text: str = _encoder(profile)({"ANSIBLE_MODULE_ARGS": arguments})
    return text.encode("utf-8", "surrogateescape")
