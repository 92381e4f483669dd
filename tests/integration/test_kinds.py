"""Modules of every kind and origin, stock and ours: the same results, by the way that is meant."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible import release

from tests.support import interpreters
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.routes import wrong_ways

KINDS = Path(__file__).parent / "kinds"
SYSTEM_PYTHON = "/usr/bin/python3"
#: Best first; every core that is tested runs its modules in these.
_OTHER_VERSIONS = ("3.12", "3.10", "3.11")

#: Up to 2.18 the core takes an interpreter's name apart, and quotes and blanks mean something.
IS_OLD_CORE = release.__version__.split(".") < ["2", "19"]
# What is another way then than the playbook says.
_OLD_WAYS = {
    "env python3": "module",
    "env python3 elsewhere": "module",
    "another Python through env": "module",
    "/usr/bin/python with an option": "module",
    "/usr/bin/python3 with options": "module",
    "interpreter with options": "module",
    "interpreter through env": "module",
    "interpreter through env with a variable": "module",
    "interpreter with a quoted path": "module",
    "interpreter with a blank path": "stock",
}
# Tasks whose results differ then although ours are right: (part of the event, reason).
_OLD_ACCEPTED = (
    (
        "the core's own all the same",
        "stock keeps what it packs by name, and runs the role's module",
    ),
)

_IMPORT = b"from ansible.module_utils.basic import AnsibleModule\n"
_LOOKS = b"""\
import os, sys
from ansible.module_utils.basic import AnsibleModule
AnsibleModule({}).exit_json(
    executable=sys.executable, seen=sys.version, argv=sys.argv,
    flags=[sys.flags.dont_write_bytecode, sys.flags.no_user_site, sys.flags.ignore_environment],
    prefixes=[sys.prefix, sys.base_prefix, sys.exec_prefix], path=sys.path[1:],
    environment={name: os.environ.get(name) for name in ("VALUE", "WRAPPED", "PYTHONPATH", "PATH")},
)
"""


@dataclass(frozen=True)
class Pythons:
    """Interpreters that the modules ask for."""

    #: Another version, if this machine has one.
    other: str
    #: A virtual environment of the system's own.
    virtual: str
    #: That one, by a path with a blank in it.
    spaced: str
    #: A script that starts the system's own.
    wrapped: str


def _make_pythons(folder: Path) -> Pythons:
    for name in ("virtual", "vir tual"):
        (folder / name / "bin").mkdir(parents=True)
        (folder / name / "bin" / "python3").symlink_to(SYSTEM_PYTHON)
        (folder / name / "pyvenv.cfg").write_text("home = /usr/bin\n")
    virtual = str(folder / "virtual" / "bin" / "python3")
    wrapped = folder / "wrapped"
    wrapped.write_text(f'#!/bin/sh\nWRAPPED=yes exec {SYSTEM_PYTHON} -B "$@"\n')
    wrapped.chmod(0o755)
    return Pythons(
        other=_another_version(folder) or virtual,
        virtual=virtual,
        spaced=str(folder / "vir tual" / "bin" / "python3"),
        wrapped=str(wrapped),
    )


def _another_version(folder: Path) -> str | None:
    for version in _OTHER_VERSIONS:
        if not os.path.realpath(SYSTEM_PYTHON).endswith(version):
            found = interpreters.make_public(version, folder)
            if found is not None:
                return str(found)
    return None


def _first_lines(pythons: Pythons) -> dict[str, str]:
    """How modules begin that say where they run, by name."""
    return {
        "looks_python": "#!/usr/bin/python",
        "looks_none": "# a comment",
        "looks_blank": "#!  /usr/bin/python ",
        "looks_python3": f"#!{SYSTEM_PYTHON}",
        "looks_versioned": f"#!{os.path.realpath(SYSTEM_PYTHON)}",
        "looks_other": f"#!{pythons.other}",
        "looks_virtual": f"#!{pythons.virtual}",
        "looks_env_python3": "#!/usr/bin/env python3",
        "looks_env_python": "#!/usr/bin/env python",
        "looks_option": "#!/usr/bin/python -s",
        "looks_options": f"#!{SYSTEM_PYTHON} -s -B",
        "looks_env_split": "#!/usr/bin/env -S python3 -s",
        "looks_missing": "#!/no/such/python3",
        "looks_shell": "#!/bin/sh",
        "looks_spaces": f"#!{pythons.spaced}",
        "looks_quoted": f"#!'{pythons.spaced}'",
    }


def _write_modules(library: Path, pythons: Pythons) -> None:
    """Modules that are no text, and those that differ in their first line only."""
    library.mkdir()
    for name, line in _first_lines(pythons).items():
        (library / name).write_bytes(line.encode() + b"\n" + _LOOKS)
    python = b"#!/usr/bin/python\n"
    end = b"AnsibleModule({}).exit_json(text='%s')\n"
    others = {
        "byte_order_mark": b"\xef\xbb\xbf" + python + _IMPORT + end % b"mark",
        "latin_1": python + b"# -*- coding: latin-1 -*-\n" + _IMPORT + end % b"\xe4\xf6",
        "nul_early": python + b"# \0\n" + _IMPORT + end % b"early",
        "nul_late": python + b"#" * 1100 + b"\n# \0\n" + _IMPORT + end % b"late",
        "old_spaces": f"#!'{pythons.spaced}'\nprint('{{}}')\n".encode(),
        "binary_foreign": b"\x7fELF\2\1\1\0" + bytes(56),
    }
    for name, data in others.items():
        (library / name).write_bytes(data)
    # Given the file with its arguments, it prints them.
    shutil.copy(str(shutil.which("cat")), library / "binary")


def _prepared(world: World) -> World:
    pythons = _make_pythons(world.folder)
    _write_modules(world.folder / "library", pythons)
    world.settings.update(
        library=str(world.folder / "library"),
        module_utils=str(KINDS / "configured"),
        collections_path=str(KINDS / "collections"),
        # Of what modules ask for and of collections that are going to be removed.
        deprecation_warnings="True",
    )
    world.inventory["all"]["vars"].update(
        other_python=pythons.other,
        other_folder=str(Path(pythons.virtual).parent),
        spaced_python=pythons.spaced,
        wrapped_python=pythons.wrapped,
    )
    return world


def _run(world: World, kind: str) -> Run:
    run = world.run(KINDS / "main.yml", kind)
    assert run.returncode == 0, run.output[-4000:]
    return run


def _is_accepted(difference: Difference) -> bool:
    # Without a task: the sums at the end, which follow from the rest.
    is_known = any(event in difference.event for event, _reason in _OLD_ACCEPTED)
    return IS_OLD_CORE and (is_known or difference.event.startswith(" |  |"))


def _wrong_ways(run: Run) -> list[str]:
    if IS_OLD_CORE:
        run.events[:] = [replace(e, way=_OLD_WAYS.get(e.task, e.way)) for e in run.events]
    return wrong_ways(run)


def test_every_kind_of_module(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result is the same, and no task took another way than it should."""
    _prepared(world)
    stock, ours = _run(world, STOCK), _run(world, OURS)
    with capsys.disabled():
        print(f"\nkinds of modules: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    found = [one for one in differences(stock, ours) if not _is_accepted(one)]
    wrong = _wrong_ways(ours)
    assert not found, f"{len(found)} differences:\n" + "\n".join(map(str, found))
    assert not wrong, "\n".join(wrong)
    assert len({event.task for event in stock.events if event.task}) >= 100
