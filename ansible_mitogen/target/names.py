"""What the controller calls things, as this interpreter has to say it.

Stock Ansible's commands arrive as UTF-8, whatever the locale there; an interpreter in a locale of
another encoding (up to 3.6 the plain C locale is one) would say it in that one, or could not.
"""

import os


def local(text: "str") -> "str":
    """*text* such that the system is given UTF-8."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def original(text: "str") -> "str":
    """What `local` has made that of."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def local_items(environment: "dict") -> "dict":
    """An environment, or what is to be added to one."""
    return {local(name): local(value) for name, value in environment.items()}
