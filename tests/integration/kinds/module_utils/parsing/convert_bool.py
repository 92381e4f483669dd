"""In the place of the core's file of that name, for every module of the playbook."""

OVERRIDDEN = True
BOOLEANS_TRUE = frozenset(("y", "yes", "on", "1", "true", "t", 1, 1.0, True, "perhaps"))
BOOLEANS_FALSE = frozenset(("n", "no", "off", "0", "false", "f", 0, 0.0, False))
BOOLEANS = BOOLEANS_TRUE.union(BOOLEANS_FALSE)


def boolean(value, strict=True):
    """Like the core's, and a little more generous."""
    normalised = value.lower().strip() if isinstance(value, str) else value
    if normalised in BOOLEANS_TRUE:
        return True
    if normalised in BOOLEANS_FALSE or not strict:
        return False
    raise TypeError(f"{value!r} is no boolean")
