"""What `modify_module` returns: a tuple up to 2.18, a record from 2.19 on."""

from __future__ import annotations

from typing import Any

from ansible_mitogen.compat.core import module_common


def built_module(data: bytes, shebang: str, profile: str | None) -> Any:
    """A new-style module, ready to be sent."""
    record = getattr(module_common, "_BuiltModule", None)
    if record is None:
        return data, "new", shebang
    return record(
        b_module_data=data,
        module_style="new",
        shebang=shebang,
        serialization_profile=profile or "legacy",
    )
