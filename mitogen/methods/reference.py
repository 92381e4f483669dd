"""The reference page of the connection methods, from their declarations.

``python -m mitogen.methods.reference > docs/methods.md`` writes it.
"""

import sys

from mitogen import methods
from mitogen.methods.declaration import COMMON

_HEAD = """\
# Connection methods

Each is a method of the router, `router.<name>(**options)`, and returns a context. With
`via=context` it starts there instead of here, and any method may follow any other. With
`wait=False` it returns at once. What goes wrong is a `mitogen.core.StreamError`, of a type that
says why: `mitogen.su.PasswordError` and its like, `mitogen.ssh.HostKeyError`,
`mitogen.parent.EofError` with the last words of the program, `mitogen.core.TimeoutError`.

`mitogen.testing.conformance` holds the tests that each of them passes; a way of your own, such as
a `command`, is put to them in one line, `conformance.check(connect)`.

This page is made from the declarations: `python -m mitogen.methods.reference > docs/methods.md`.
"""

_COMMON_HEAD = "## Options of every method"


def page() -> "str":
    """All of it, as markdown."""
    parts = [_HEAD, _COMMON_HEAD + "\n\n" + _table(COMMON)]
    for name in methods.NAMES:
        method = methods.find(name)
        own = [option for option in method.options if option not in COMMON]
        text = "## %s\n\n%s\n" % (name, method.doc)
        parts.append(text + "\n" + _table(own) if own else text)
    return "\n".join(parts)


def _table(options: "list") -> "str":
    rows = ["| option | default | |", "|---|---|---|"]
    for option in options:
        default = "required" if option.is_required else "`%r`" % (option.default,)
        rows.append("| `%s` | %s | %s |" % (option.name, default, _escaped(option.doc)))
    return "\n".join(rows) + "\n"


def _escaped(text: "str") -> "str":
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
