"""The sources are parsed to prove that imports go one way, and that pure code is pure."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import interpreters
from tests.support.programs import REPOSITORY

PACKAGE = REPOSITORY / "mitogen"

#: What each layer may import, lazily or not, besides itself and the bare package.
LAYERS = {
    "errors": set(),
    "wire": {"errors"},
    "routing": {"errors", "wire"},
    "calls": {"errors", "wire"},
    "imports": {"errors", "wire"},
    "runtime": {"errors", "wire", "routing", "calls"},
    # The boot code's last act is to call the child's main.
    "bootstrap": {"errors", "wire", "child"},
    "child": {"errors", "wire", "routing", "calls", "imports", "runtime", "bootstrap",
              "controller"},
    "methods": {"errors", "bootstrap"},
    # Its conveniences for programs are documented through the paths in `master`.
    # A fork of the program becomes a child.
    "controller": {"errors", "wire", "routing", "calls", "imports", "runtime", "bootstrap", "child",
                   "methods", "master"},
    # What others test with uses what others use.
    "testing": {"errors", "runtime", "core", "master"},
}  # fmt: skip
FACADES = {"__init__", "core", "doas", "fork", "master", "os_fork", "parent", "select", "setns",
           "ssh", "su", "sudo", "utils"}  # fmt: skip
FACADE_LINES = 60

PURE = [
    "errors.py",
    *[str(path.relative_to(PACKAGE)) for folder in ("wire", "routing", "calls", "methods")
      for path in sorted((PACKAGE / folder).glob("*.py"))],
    "imports/forwarder.py", "imports/policy.py", "imports/records.py",
    "bootstrap/boot_record.py", "bootstrap/command.py", "bootstrap/first_stage.py",
    "bootstrap/handshake.py", "bootstrap/markers.py", "bootstrap/prompts.py",
]  # fmt: skip
IMPURE_MODULES = {
    "os", "socket", "_socket", "select", "selectors", "threading", "_thread", "time", "subprocess",
    "signal", "logging", "random", "tempfile", "mitogen.runtime",
}  # fmt: skip

#: Layers that run in contexts, on any Python from 3.6 on, and modules of them that never do.
TARGET_LAYERS = ("wire", "routing", "calls", "imports", "runtime", "child", "methods", "bootstrap",
                 "controller", "testing")  # fmt: skip
MASTER_ONLY = {
    "bootstrap/bundle.py", "bootstrap/minify.py", "bootstrap/short_names.py",
    "controller/boot_code.py", "controller/facade_table.py",
    "controller/import_scan.py", "controller/main_guard.py", "controller/master_router.py",
    "controller/module_answers.py", "controller/module_finder.py",
    "controller/module_responder.py", "controller/module_server.py", "controller/program.py",
    "testing/conformance.py",
}  # fmt: skip

#: What the start of a context must not import: each costs milliseconds, in every context.
SLOW_TO_IMPORT = {"logging", "json", "socket", "selectors", "traceback", "linecache", "tokenize",
                  "inspect", "typing", "asyncio", "dataclasses", "subprocess", "tempfile",
                  "importlib", "contextlib", "string"}  # fmt: skip


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            module = node.module or ""
            if module == "mitogen":
                yield from (f"mitogen.{alias.name}" for alias in node.names)
            else:
                yield module


def _layer(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    """Each module imports of us what its layer may."""
    layer = _layer(path)
    for name in _imported(path):
        first, _, rest = name.partition(".")
        assert first != "ansible_mitogen", "the library knows nothing of Ansible"
        if first == "mitogen" and rest and layer not in FACADES:
            other = rest.partition(".")[0]
            assert other == layer or other in LAYERS[layer], f"{layer} imports {name}"


def test_every_layer_is_known() -> None:
    """A new folder or documented path is entered above."""
    found = {_layer(path) for path in _sources()}
    assert found <= set(LAYERS) | FACADES


@pytest.mark.parametrize("name", sorted(FACADES))
def test_documented_paths_hold_no_code(name: str) -> None:
    """They are short and define nothing of their own, the package itself apart."""
    text = (PACKAGE / f"{name}.py").read_text()
    assert text.count("\n") <= FACADE_LINES
    if name != "__init__":
        kinds = {type(node) for node in ast.walk(ast.parse(text))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda}


@pytest.mark.parametrize("name", PURE)
def test_pure_code_is_pure(name: str) -> None:
    """It cannot open, wait, log or look at the clock."""
    for imported in _imported(PACKAGE / name):
        first_two = ".".join(imported.split(".")[:2])
        assert imported.split(".")[0] not in IMPURE_MODULES
        assert first_two not in IMPURE_MODULES


def test_no_ambient_state() -> None:
    """Nothing is declared global; the loader keeps what was booted, of which there is one."""
    for path in _sources():
        if path.relative_to(PACKAGE).as_posix() == "bootstrap/loader.py":
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        assert not [node for node in nodes if isinstance(node, ast.Global)], path


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_sizes(path: Path) -> None:
    """Files up to 600 lines, functions up to 40, classes up to 20 public methods."""
    text = path.read_text()
    assert text.count("\n") <= 600
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 40, node.name
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            public = [n.name for n in methods if not n.name.startswith("_")]
            assert len(public) <= 20, node.name


def _target_modules() -> list[str]:
    found = ["mitogen", "mitogen.errors"]
    for layer in TARGET_LAYERS:
        for path in sorted((PACKAGE / layer).glob("*.py")):
            relative = path.relative_to(PACKAGE).as_posix()
            if relative not in MASTER_ONLY:
                dotted = relative.removesuffix(".py").replace("/", ".")
                found.append(f"mitogen.{dotted}".removesuffix(".__init__"))
    return found


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_target_code_runs_on_every_python(version: str) -> None:
    """Each file is imported by a real one, warnings being errors."""
    path = interpreters.find(version)
    if path is None:
        pytest.skip(f"no Python {version} on this machine")
    code = "".join(f"import {name}\n" for name in _target_modules())
    argv = [str(path), "-W", "error", "-c", code]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_a_context_starts_without_slow_modules(version: str) -> None:
    """Beyond what the interpreter itself and `threading` have loaded."""
    path = interpreters.find(version)
    if path is None:
        pytest.skip(f"no Python {version} on this machine")
    code = (
        "import sys, threading; before = set(sys.modules)\n"
        "import mitogen.child.main, mitogen.bootstrap.boot_record\n"
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    argv = [str(path), "-c", code]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & SLOW_TO_IMPORT
