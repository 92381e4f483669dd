"""Small programs that stand in for those that cannot run here: they check their arguments."""

from __future__ import annotations

import shlex
from pathlib import Path

#: In the environment of what a stand-in runs: its name.
VARIABLE = "MITOGENTEST_STAND_IN"

_PROGRAM = """\
#!/bin/sh
for word in {words}; do
    [ "$1" = "$word" ] || {{ echo "{name}: '$1' where '$word' is expected" >&2; exit 64; }}
    shift
done
{variable}={name}
export {variable}
exec "$@"
"""


def make(folder: Path, name: str, expected: list[str]) -> str:
    """The path of a *name* that wants these arguments first, and then runs what follows."""
    path = folder / name
    words = " ".join(shlex.quote(word) for word in expected)
    path.write_text(_PROGRAM.format(words=words, name=name, variable=VARIABLE))
    path.chmod(0o755)
    return str(path)


def make_answering(folder: Path, name: str, expected: list[str], answer: str) -> str:
    """The path of a *name* that wants exactly these arguments, and prints *answer*."""
    path = Path(make(folder, name, expected))
    with path.open("a") as program:
        program.write(f"printf '%s\\n' {shlex.quote(answer)}\n")
    return str(path)
