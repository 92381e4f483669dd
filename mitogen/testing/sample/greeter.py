"""Takes from its package what it says."""

from mitogen.testing.sample import GREETING


def greet(name: "str") -> "str":
    """Say hello."""
    return "%s, %s" % (GREETING, name)
