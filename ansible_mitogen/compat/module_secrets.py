"""Secrets that a module is told to mask in what it prints; from 2.22 on."""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def _masker() -> Any:
    try:
        secrets = importlib.import_module("ansible.module_utils.secrets")
    except ImportError:
        return None
    return secrets._secret_masker


def loader_arguments(arguments: bytes) -> dict[str, Any]:
    """What the core's loader on the target is given besides the *arguments* of the module."""
    masker = _masker()
    if masker is None:
        return {}
    found = masker.secrets_in_json(arguments.decode())
    return {"secrets": sorted(str.__str__(secret) for secret in found)}
