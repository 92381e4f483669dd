"""Ansible's tagged, unsafe and lazy values as the plain ones that travel."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """*value* with every subclass of a plain type replaced by the type itself."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
