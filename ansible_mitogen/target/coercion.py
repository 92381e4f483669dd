"""The variable that an interpreter sets for itself in the C locale (PEP 538), and for its children.

Modules are run by an interpreter and find it; what stock Ansible has a shell run does not.
"""

import os

_NAME = "LC_CTYPE"


def without_coerced(environment: "dict") -> "dict":
    """This process's *environment*, without the variable if nobody else has set that."""
    if not _is_coerced():
        return environment
    return {name: value for name, value in environment.items() if name != _NAME}


def forget_coerced() -> "None":
    """Take the variable out of the environment of what this process starts."""
    if _is_coerced():
        del os.environ[_NAME]


def _is_coerced() -> "bool":
    if _NAME not in os.environ:
        return False
    try:
        # As it was handed to the program.
        with open("/proc/self/environ", "rb") as source:
            items = source.read().split(b"\0")
    except OSError:
        return False
    return not any(item.startswith(b"LC_CTYPE=") for item in items)
