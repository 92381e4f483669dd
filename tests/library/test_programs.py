"""Programs as users write them: folders of modules, run as a process, imported by children."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support import interpreters
from tests.support.programs import Outcome, Program, write_tree

#: A child that has nothing of the program's folder: it starts elsewhere and inherits no path.
CHILD = "router.local(python_path=[sys.argv[1], '-E'])"

MAIN = """\
    import os, sys
    import mitogen.core
    import mitogen.master
    import mitogen.utils
    %s

    def main(router):
        child = %s
    %s

    if __name__ == "__main__":
        mitogen.utils.log_to_file(level="WARNING")
        mitogen.utils.run_with_router(main)
"""


def _main(imports: str, body: str, definitions: str = "") -> str:
    head = dedent(imports) + "\n" + dedent(definitions)
    text = dedent(MAIN).replace("    %s\n\nif", "%s\n\nif")
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return text % (head, CHILD, lines)


def _run(folder: Path, files: dict[str, str], version: str | None = None) -> Outcome:
    interpreter = sys.executable
    if version is not None:
        found = interpreters.find(version)
        if found is None:
            pytest.skip(f"no Python {version} on this machine")
        interpreter = str(found)
    path = write_tree(folder, files) / "program.py"
    with Program(path, interpreter) as program:
        outcome = program.finish()
    assert outcome.status == 0, outcome.err
    return outcome


PACKAGES = {
    "shop/__init__.py": "from .stock import items\nfrom . import prices as price_list\n",
    "shop/stock.py": "import third_party.pure\nfrom .deep.below import names\n"
    "def items(): return [n + third_party.pure.MARK for n in names]\n",
    "shop/prices.py": "from shop import stock\nTABLE = {'a!': 1}\n",
    "shop/deep/__init__.py": "",
    "shop/deep/below.py": "from ..prices import TABLE\nnames = ['a', 'b']\n",
    "shop/data.txt": "kept beside the package\n",
    "spaces/one/part.py": "VALUE = 'a namespace package'\n",
    "third_party/__init__.py": "",
    "third_party/pure.py": "MARK = '!'\n",
}


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_a_program_of_many_modules(tmp_path: Path, version: str) -> None:
    """Packages, relative imports, cycles, namespace packages, data files; `__main__` itself."""
    source = _main(
        "import shop\nimport spaces.one.part",
        """\
        print(child.call(shop.items))
        print(child.call(look))
        print(child.call(Answer.give, 2))
        """,
        """\
        import pkgutil

        CONSTANT = 40

        def look():
            return (shop.price_list.TABLE, spaces.one.part.VALUE, __name__,
                    pkgutil.get_data("shop", "data.txt").decode().strip(), sys.version_info[:2])

        class Answer:
            @classmethod
            def give(cls, more):
                return CONSTANT + more
        """,
    )
    outcome = _run(tmp_path, {**PACKAGES, "program.py": source}, version)
    here = tuple(int(part) for part in version.split("."))
    assert outcome.out.splitlines() == [
        "['a!', 'b!']",
        str(({"a!": 1}, "a namespace package", "__main__", "kept beside the package", here)),
        "42",
    ]
    assert outcome.err == ""


def test_a_third_party_package(tmp_path: Path) -> None:
    """One that this Python has installed and the child's has not: pytest's pluggy."""
    source = _main("import pluggy", "print(child.call(version))", "def version():\n    "
                   "return pluggy.PluginManager('ours').project_name, pluggy.__file__\n")  # fmt: skip
    outcome = _run(tmp_path, {"program.py": source}, "3.12")
    assert outcome.out.startswith("('ours', 'master:/")


def test_tracebacks_show_the_source(tmp_path: Path) -> None:
    """Of modules that came over the wire."""
    files = {"broken.py": "def fail():\n    raise KeyError('from afar')  # the line\n"}
    source = _main("import broken", """\
        try:
            child.call(broken.fail)
        except mitogen.core.CallError as exc:
            print(exc)
        """)  # fmt: skip
    outcome = _run(tmp_path, {**files, "program.py": source})
    assert "raise KeyError('from afar')  # the line" in outcome.out
    assert "broken.py" in outcome.out


def test_a_missing_module(tmp_path: Path) -> None:
    """ModuleNotFoundError that names module, interpreter and reason."""
    source = _main("", """\
        for fn in (nowhere, elsewhere):
            try:
                child.call(fn)
            except mitogen.core.CallError as exc:
                print(exc.type_name, exc.message)
        """, """\
        def nowhere():
            import no_such_module_at_all

        def elsewhere():
            import _winapi
        """)  # fmt: skip
    lines = _run(tmp_path, {"program.py": source}).out.splitlines()
    assert lines[0].startswith(
        "ModuleNotFoundError No module named 'no_such_module_at_all': Python"
    )
    assert "the program does not have it either" in lines[0]
    assert "_winapi" in lines[1]


def test_a_program_without_guard_is_advised(tmp_path: Path) -> None:
    """Its functions cannot be imported: running it again in a child would start everything anew."""
    source = """\
        import os, sys
        import mitogen.core, mitogen.master

        def work():
            return os.getpid()

        broker = mitogen.master.Broker()
        router = mitogen.master.Router(broker)
        try:
            router.local(python_path=[sys.argv[1], "-E"]).call(work)
        except mitogen.core.CallError as exc:
            print(exc.message)
        broker.shutdown()
    """
    assert "__name__ == " in _run(tmp_path, {"program.py": source}).out


def test_the_main_decorator(tmp_path: Path) -> None:
    """`mitogen.main` runs the function at once, with a router, here only."""
    source = """\
        import os, sys
        import mitogen

        def work():
            return "worked"

        @mitogen.main()
        def main(router):
            print(router.local(python_path=[sys.argv[1], "-E"]).call(work))
    """
    assert _run(tmp_path, {"program.py": source}).out == "worked\n"


def test_recursion_of_a_program(tmp_path: Path) -> None:
    """A module of the program starts children in children; they ask their parents."""
    files = {
        "tree.py": """\
            import os
            import mitogen.core
            import leaf

            @mitogen.core.takes_router
            def grow(depth, router):
                if not depth:
                    return [leaf.NAME]
                return [os.getpid()] + router.local().call(grow, depth - 1)
            """,
        "leaf.py": "NAME = 'leaf'\n",
    }
    source = _main("import tree", "print(child.call(tree.grow, 3)[-1])")
    assert _run(tmp_path, {**files, "program.py": source}).out == "leaf\n"


def test_overrides_and_lists(tmp_path: Path) -> None:
    """The responder's rules, also those made after the router, reach children and theirs."""
    files = {"secret_part.py": "", "open_part.py": ""}
    source = _main("", """\
        router.responder.blacklist_prefix("secret_part")
        router.responder.add_source_override("json", "/invented/json.py", "NAME = 'ours'", False)
        late = router.local(python_path=[sys.argv[1], '-E'])
        below = router.local(via=late)
        for context in (late, below):
            print(context.call(look))
            try:
                context.call(forbidden)
            except mitogen.core.CallError as exc:
                print("blacklist" in exc.message)
        """, """\
        def look():
            import importlib
            sys.modules.pop("json", None)
            return importlib.import_module("json").NAME

        def forbidden():
            import secret_part
        """)  # fmt: skip
    outcome = _run(tmp_path, {**files, "program.py": source})
    assert outcome.out == "ours\nTrue\n" * 2


def test_the_current_folder_is_not_importable(tmp_path: Path) -> None:
    """What lies where the child happens to start is not taken for a module."""
    (tmp_path / "zlib.py").write_text("raise RuntimeError('taken from the current folder')")
    (tmp_path / "mine.py").write_text("raise RuntimeError('taken from the current folder')")
    source = _main("", "print(child.call(paths))", """\
        def paths():
            return [entry for entry in sys.path if entry in ("", ".", os.getcwd())]
        """)  # fmt: skip
    folder = tmp_path / "app"
    folder.mkdir()
    path = write_tree(folder, {"program.py": "import os\nos.chdir('..')\n" + source})
    with Program(path / "program.py", sys.executable) as program:
        outcome = program.finish()
    assert (outcome.out, outcome.err) == ("[]\n", "")
