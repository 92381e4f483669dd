"""The boot code of a context: every module it needs before it can import over the wire.

Built from what the packages hold, so that a new module is in without being listed anywhere.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import opcode
import os
import sys
import zlib
from collections.abc import Iterator
from types import CodeType

from mitogen.bootstrap import loader
from mitogen.bootstrap.handshake import InterpreterInfo
from mitogen.errors import Error

# The first connection of a program waits for this module: `typing`, `inspect`, `importlib.abc` and
# `pkgutil` would take 35 ms to import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import InspectLoader

#: Flags of code objects (see the inspect module).
_CO_OPTIMIZED = 0x1
_CO_HAS_DOCSTRING = 0x4000000

#: Packages of which every module travels.
PACKAGES = (
    "mitogen.wire",
    "mitogen.routing",
    "mitogen.calls",
    "mitogen.imports",
    "mitogen.runtime",
    "mitogen.child",
)
#: Single modules that do.
MODULES = (
    "mitogen",
    "mitogen.errors",
    "mitogen.bootstrap",
    "mitogen.bootstrap.boot_record",
    "mitogen.bootstrap.loader",
    "mitogen.bootstrap.markers",
    "mitogen.bootstrap.process_title",
)
#: Modules of those packages that no boot needs: they are fetched like any module when they are.
FETCHED_LATER = frozenset(
    ("mitogen.imports.reexport", "mitogen.imports.resources", "mitogen.runtime.select")
)

_ENTRY = """\
n="{loader}"
c=m[n][1]
M=sys.modules[n]=type(sys)(n)
exec(compile(c,"{prefix}/{path}.py","exec",0,True)if type(c)is str else c,M.__dict__)
M.start(m,z,f())
""".format(loader=loader.__name__, prefix=loader.PREFIX, path=loader.__name__.replace(".", "/"))


class Part:
    """One module of a bundle: `name`, `is_package` and the `loader` it has on this machine."""

    __slots__ = ("is_package", "loader", "name")

    def __init__(self, name: str, is_package: bool, loader: InspectLoader) -> None:
        self.name = name
        self.is_package = is_package
        self.loader = loader


def build_for(interpreter: InterpreterInfo, extra: tuple[str, ...] = ()) -> bytes:
    """The boot code for *interpreter*: byte code where it fits, else source.

    :param extra: names of further packages (with everything in them) or modules.
    """
    if takes_code(interpreter):
        return build("code", interpreter.magic, extra)
    return build("source", None, extra)


def takes_code(interpreter: InterpreterInfo) -> bool:
    """Whether byte code of this Python fits *interpreter*."""
    ours = importlib.util.MAGIC_NUMBER.hex()
    return (interpreter.magic, interpreter.optimize) == (ours, sys.flags.optimize)


def fingerprint(extra: tuple[str, ...] = ()) -> str:
    """Changes with what boot code is made of, and with what makes it."""
    import hashlib  # 5 ms that few programs need

    digest = hashlib.sha256()
    makers = [_part(f"mitogen.bootstrap.{name}") for name in ("bundle", "minify", "short_names")]
    for part in [*listing(extra), *makers]:
        digest.update(f"{part.name}\0{_source(part)}\0".encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=8)
def build(form: str, magic: str | None, extra: tuple[str, ...]) -> bytes:
    """The boot code, compressed; the same arguments give the same object.

    :param form: ``source``, minified, for any Python from 3.6 on; or ``code``, for Pythons of our
        own import *magic* and optimisation level.
    """
    is_code = form == "code"
    if is_code and magic != importlib.util.MAGIC_NUMBER.hex():
        raise Error("byte code can be made for this Python's import magic only")
    modules: dict[str, object] = {
        "": _ENTRY,
        loader.FORM: (magic, sys.flags.optimize) if is_code else None,
    }
    for part in listing(extra):
        content = _code(part) if is_code else _minified(part)
        modules[part.name] = (part.is_package, content)
    if is_code:
        # The best level takes 100 ms for 8 % less.
        return zlib.compress(marshal.dumps(modules), 3)
    # The newest format that writes the same bytes for equal values, whatever shares them.
    return zlib.compress(marshal.dumps(modules, 2), 9)


def listing(extra: tuple[str, ...] = ()) -> list[Part]:
    """What a bundle is made of: our target layers and *extra*."""
    names: dict[str, None] = dict.fromkeys(MODULES)
    for package in PACKAGES + extra:
        names.update(dict.fromkeys(_with_parents(package)))
        names.update(dict.fromkeys(_below(package)))
    return [_part(name) for name in names if name not in FETCHED_LATER]


def _with_parents(name: str) -> Iterator[str]:
    words = name.split(".")
    for count in range(1, len(words) + 1):
        yield ".".join(words[:count])


def _below(package: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name = f"{package}.{entry.name.partition('.')[0]}"
            if entry.name.endswith(".py") and entry.name != "__init__.py":
                yield name
            elif os.path.exists(os.path.join(entry.path, "__init__.py")):
                yield name
                yield from _below(name)


def _part(name: str) -> Part:
    spec = importlib.util.find_spec(name)
    if spec is None or not hasattr(spec.loader, "get_code"):
        raise Error(f"the boot code needs {name}, which cannot be found")
    is_package = spec.submodule_search_locations is not None
    return Part(name, is_package, spec.loader)  # type: ignore[arg-type]  # has get_code


def _minified(part: Part) -> str:
    from mitogen.bootstrap.minify import minify  # `ast`: 5 ms that byte code does not need

    return minify(_source(part))


def _source(part: Part) -> str:
    source = part.loader.get_source(part.name)
    if source is None:
        raise Error(f"the boot code needs the source of {part.name}, and there is none")
    return source


def _code(part: Part) -> CodeType:
    """Its byte code, as a rule from the file that importing it here made too."""
    code = part.loader.get_code(part.name)
    if code is None:
        raise Error(f"the boot code needs the source of {part.name}, and there is none")
    return without_docstrings(code)


def without_docstrings(code: CodeType) -> CodeType:
    """The same program without the docstrings of modules and functions."""
    consts = tuple(
        [without_docstrings(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    )
    if consts and isinstance(consts[0], str) and _begins_with_docstring(code):
        consts = (None, *consts[1:])
    return code.replace(co_consts=consts)


def _begins_with_docstring(code: CodeType) -> bool:
    """Whether the first constant, a string, is the docstring and nothing else."""
    if code.co_name == "<module>":
        # The only use is the first statement, ``__doc__ = ...``.
        return code.co_names[:1] == ("__doc__",) and _uses_of_first_constant(code.co_code) == 1
    if code.co_name.startswith("<") or not code.co_flags & _CO_OPTIMIZED:
        return False
    # Up to 3.13 a function without docstring has None in its place; then came a flag.
    has_docstring = sys.version_info < (3, 14) or code.co_flags & _CO_HAS_DOCSTRING
    return bool(has_docstring) and _uses_of_first_constant(code.co_code) == 0


def _uses_of_first_constant(instructions: bytes) -> int:
    """How many instructions load the constant 0; one too many does no harm."""
    uses = 0
    for name in ("LOAD_CONST", "RETURN_CONST"):
        if name in opcode.opmap:
            instruction = bytes([opcode.opmap[name], 0])
            at = instructions.find(instruction)
            while at >= 0:
                uses += at % 2 == 0
                at = instructions.find(instruction, at + 1)
    return uses
