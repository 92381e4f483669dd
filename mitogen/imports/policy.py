"""Which modules a context takes from its parent, and which of them before its own copy."""

#: Names that Pythons of some other platform or age provide, and that the standard library tries on
#: every one: each would cost a round trip just to hear "no".
_NEVER = frozenset(
    (
        "_frozen_importlib",
        "_overlapped",
        "_posixshmem",
        "_scproxy",
        "_tkinter",
        "_winapi",
        "_winreg",
        "__builtin__",
        "ce",
        "java",
        "msvcrt",
        "nt",
        "org",
        "os2",
        "readline",
        "riscos",
        "riscosenviron",
        "sitecustomize",
        "usercustomize",
        "vms_lib",
        "winreg",
    )
)

#: No whitelist has to name these: calls of the program's own functions, and children of children,
#: need them.
_ALWAYS = ("__main__", "mitogen", "ansible_mitogen")


def is_under(fullname: "str", prefixes: "object") -> "bool":
    """Whether *fullname* is one of the packages or modules *prefixes*, or inside one of them.

    The empty prefix means everything, as in ``whitelist_prefix("")``.
    """
    for prefix in prefixes:
        if not prefix or fullname == prefix or fullname.startswith(prefix + "."):
            return True
    return False


class ImportPolicy:
    """What may come over the wire; pure.

    :param whitelist: prefixes; when there are any, nothing else is served, and they come before
        a copy the target has.
    :param blacklist: prefixes that are never served.
    :param overrides: prefixes that come before a copy the target has.
    :param stdlib: top level names that every Python of this version has.
    """

    __slots__ = ("_stdlib", "blacklist", "overrides", "whitelist")

    def __init__(
        self,
        whitelist: "object" = (),
        blacklist: "object" = (),
        overrides: "object" = (),
        stdlib: "object" = (),
    ) -> "None":
        # An empty prefix allows everything: no restriction, and no reason to come first either.
        self.whitelist = tuple(prefix for prefix in whitelist if prefix)
        self.blacklist = tuple(prefix for prefix in blacklist if prefix)
        self.overrides = tuple(overrides)
        self._stdlib = frozenset(stdlib) | _NEVER

    def refusal_of(self, fullname: "str") -> "str | None":
        """Why *fullname* does not come over the wire; None when it does."""
        if is_under(fullname, self.blacklist):
            return "it is on the program's blacklist"
        if is_under(fullname, self.overrides):
            return None
        if fullname.partition(".")[0] in self._stdlib:
            return "it belongs to the standard library, which is never sent"
        if self.whitelist and not is_under(fullname, self.whitelist + _ALWAYS):
            return "it is not on the program's whitelist"
        return None

    def is_served(self, fullname: "str") -> "bool":
        """Whether *fullname* may come over the wire."""
        return self.refusal_of(fullname) is None

    def goes_first(self, fullname: "str") -> "bool":
        """Whether *fullname* comes from the wire even when the target has a copy."""
        return is_under(fullname, self.overrides) or is_under(fullname, self.whitelist)

    def has_first(self) -> "bool":
        """Whether there is any name for which `goes_first` can be true."""
        return bool(self.overrides or self.whitelist)
