"""mitogen.imports.finder and loader, run for real in every Python of this machine."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from tests.imports.near_side import RemoteError


def test_a_package_costs_one_round_trip(child, tree):
    """A module comes with the package around it and with what it imports."""
    tree({
        "app/__init__.py": "",
        "app/main.py": "from app.part import value\nfrom . import other\nimport lone",
        "app/part.py": "from .deep.core import value",
        "app/other.py": "",
        "app/deep/__init__.py": "",
        "app/deep/core.py": "value = 42",
        "lone.py": "",
    })  # fmt: skip
    assert child.run("import app.main; result = app.main.value") == 42
    # Python imports the package first; that it is wanted for the sake of a module nobody says.
    assert child.asked == ["app", "app.main"]


def test_attributes_of_modules(child, tree):
    """A module looks as one from a disk, with a path that says where it is from."""
    folder = tree({"pk/__init__.py": '"""Doc."""', "pk/mod.py": ""})
    script = """
        import pk.mod
        result = [
            pk.__name__, pk.__doc__, pk.__package__, pk.__file__, pk.__path__, pk.__spec__.name,
            pk.mod.__package__, pk.mod.__file__, hasattr(pk.mod, "__path__"),
            pk.mod.__loader__ is pk.mod.__spec__.loader, pk.mod is pk.__dict__["mod"],
            pk.__loader__.is_package("pk"), pk.__loader__.get_filename("pk"),
        ]
    """
    path = f"master:{folder}/pk/"
    assert child.run(dedent(script)) == [
        "pk", "Doc.", "pk", path + "__init__.py", [], "pk",
        "pk", path + "mod.py", False,
        True, True,
        True, path + "__init__.py",
    ]  # fmt: skip


def test_relative_imports(child, tree):
    """Dots mean what they mean on a disk."""
    tree({
        "rel/__init__.py": "from .a import one",
        "rel/a.py": "one = 1",
        "rel/sub/__init__.py": "from ..a import one\nfrom . import b",
        "rel/sub/b.py": "from .. import a\nfrom ..a import one as two",
    })  # fmt: skip
    assert child.run("import rel.sub; result = rel.sub.b.two + rel.sub.one + rel.one") == 3


def test_namespace_packages(child, tree):
    """A folder without __init__ is a package, also around and inside of others."""
    tree({"nsp/inner/mod.py": "x = 7", "nsp/reg/__init__.py": "y = 8"})
    script = """
        import nsp.inner.mod, nsp.reg
        result = [nsp.inner.mod.x, nsp.reg.y, getattr(nsp, "__file__", None)]
    """
    assert child.run(dedent(script)) == [7, 8, None]


def test_a_namespace_here_and_there(child, tree, tmp_path_factory):
    """Parts of a namespace package come from the target, the others from the program."""
    tree({"both/there.py": "x = 'there'"})
    here = tmp_path_factory.mktemp("here")
    (here / "both").mkdir()
    (here / "both" / "here.py").write_text("x = 'here'")
    child.path = [str(here)]
    assert (
        child.run("import both.here, both.there; result = both.here.x + both.there.x")
        == "herethere"
    )


def test_own_copy_wins(child, tree, tmp_path_factory):
    """What the target has is not asked for, nor mixed with the program's."""
    tree({"lib_x/__init__.py": "x = 'theirs'", "lib_x/extra.py": ""})
    here = tmp_path_factory.mktemp("here")
    (here / "lib_x").mkdir()
    (here / "lib_x" / "__init__.py").write_text("x = 'own'")
    child.path = [str(here)]
    assert child.run("import lib_x, json, email.mime; result = lib_x.x") == "own"
    with pytest.raises(RemoteError, match="No module named 'lib_x.extra'") as caught:
        child.run("import lib_x.extra")
    assert caught.value.type_name == "ModuleNotFoundError"
    assert child.asked == []


@pytest.mark.parametrize("kind", ["whitelist", "overrides"])
def test_the_programs_copy_first(own_child, tree, tmp_path_factory, kind):
    """What is on the whitelist, or overridden, comes from the program though it is here."""
    tree({"lib_y.py": "x = 'theirs'"})
    here = tmp_path_factory.mktemp("here")
    (here / "lib_y.py").write_text("x = 'own'")
    (here / "lib_z.py").write_text("x = 'own'")
    own_child.path = [str(here)]
    setattr(own_child, kind, ["lib_y", "lib_z"])
    script = "import lib_y, lib_z; result = [lib_y.x, lib_z.x]"
    # There is no lib_z in the program: the target's own serves.
    assert own_child.run(script) == ["theirs", "own"]


def test_source_override(own_child, tree):
    """The program may serve a source of its own making under any name."""
    tree({"patched.py": "x = 1"})
    own_child.responder.add_source_override("patched", "/memory/patched.py", "x = 2", False)
    own_child.responder.add_source_override("json", "/memory/json.py", "x = 3", True)
    own_child.overrides = own_child.responder.overrides
    script = """
        import patched, sys
        sys.modules.pop("json")
        import json
        result = [patched.x, patched.__file__, json.x, json.__path__]
    """
    assert own_child.run(dedent(script)) == [2, "master:/memory/patched.py", 3, []]


def test_missing_module(child):
    """The error names module, interpreter and reason; the second time nobody is asked."""
    script = """
        import sys
        texts = []
        for _ in range(2):
            try:
                import no_such_thing
            except ModuleNotFoundError as exc:
                texts.append(str(exc))
                assert exc.name == "no_such_thing"
        result = texts + [sys.executable]
    """
    first, second, executable = child.run(dedent(script))
    assert first == second
    assert first.startswith("No module named 'no_such_thing'")
    assert executable in first
    assert "the program does not have it either" in first
    assert child.asked == ["no_such_thing"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nocode", "extension module"),
        ("sub_module.x", "does not have it"),
        ("forbidden.x", "blacklist"),
        ("msvcrt", "standard library"),
    ],
)
def test_refused_module(own_child, tree, name, reason):
    """A refusal is a plain ModuleNotFoundError with the reason."""
    import importlib.machinery

    tree({
        "nocode" + importlib.machinery.EXTENSION_SUFFIXES[0]: b"ELF",
        "sub_module/__init__.py": "",
        "forbidden.py": "",
    })  # fmt: skip
    own_child.blacklist = ["forbidden"]
    with pytest.raises(RemoteError, match=reason) as caught:
        own_child.run(f"import {name}")
    assert caught.value.type_name == "ModuleNotFoundError"


def test_blacklist_of_the_program(own_child, tree):
    """The program refuses what it must not send, whatever the child believes."""
    tree({"secret_keys.py": "x = 1", "allowed.py": "import secret_keys"})
    own_child.responder.blacklist_prefix("secret_keys")
    with pytest.raises(RemoteError, match="blacklist"):
        own_child.run("import secret_keys")
    own_child.responder.whitelist_prefix("allowed")
    with pytest.raises(RemoteError, match="whitelist"):
        own_child.run("import yaml_of_ours")


def test_a_question_is_no_import(child, tree):
    """`find_spec` answers None for what does not exist, as everywhere."""
    tree({"exists_there.py": ""})
    script = """
        import importlib.util
        result = [
            importlib.util.find_spec("no_such_thing") is None,
            importlib.util.find_spec("exists_there").name,
        ]
    """
    assert child.run(dedent(script)) == [True, "exists_there"]


def test_fallback_imports(child, tree):
    """`except ImportError` works, and refusals known in advance cost no round trip."""
    tree({
        "fb.py": "try:\n    import fast_variant as impl\nexcept ImportError:\n    import slow_variant as impl\n",
        "slow_variant.py": "name = 'slow'",
    })  # fmt: skip
    assert child.run("import fb; result = fb.impl.name") == "slow"
    assert child.asked == ["fb"]


def test_circular_imports(child, tree):
    """Modules that import each other do so as on a disk."""
    tree({
        "ring_a.py": "import ring_b\nx = 1\ndef total(): return x + ring_b.y",
        "ring_b.py": "import ring_a\ny = 2",
    })  # fmt: skip
    assert child.run("import ring_a; result = ring_a.total()") == 3


def test_no_answer(child, tree):
    """Without an answer it is an ImportError, which is not remembered."""
    tree({"late.py": "x = 5"})
    child.failure = "the link is down"
    script = """
        try:
            import late
        except ImportError as exc:
            result = [type(exc).__name__, str(exc)]
    """
    kind, text = child.run(dedent(script))
    assert kind == "ImportError"
    assert "the link is down" in text
    child.failure = None
    assert child.run("import late; result = late.x") == 5


def test_a_failing_module_can_be_tried_again(child, tree):
    """An exception inside of a module is the importer's, as on a disk."""
    tree(
        {
            "flaky.py": "import sys\nif not hasattr(sys, 'ready'):\n    raise ValueError('not yet')\nx = 1"
        }
    )
    script = """
        import sys
        try:
            import flaky
        except ValueError as exc:
            assert "flaky" not in sys.modules
        sys.ready = True
        import flaky
        result = flaky.x
    """
    assert child.run(dedent(script)) == 1


def test_source_in_tracebacks(child, tree):
    """A traceback shows the lines of the module, and where they are from."""
    folder = tree({"breaks.py": "def f():\n    return 1 / 0  # the line\n"})
    with pytest.raises(RemoteError) as caught:
        child.run("import breaks; breaks.f()")
    assert caught.value.type_name == "ZeroDivisionError"
    assert "return 1 / 0  # the line" in caught.value.text
    assert f'File "master:{folder}/breaks.py", line 2, in f' in caught.value.text


def test_inspect_and_linecache(child, tree):
    """inspect.getsource finds functions, classes and modules."""
    text = "class C:\n    def m(self):\n        pass\n\n\ndef f():\n    return 'ä'\n"
    tree({"looked_at.py": text})
    script = """
        import inspect, linecache, looked_at
        linecache.checkcache()
        result = [
            inspect.getsource(looked_at.f), inspect.getsource(looked_at.C),
            inspect.getsource(looked_at), linecache.getline(looked_at.__file__, 1),
            inspect.getsourcefile(looked_at.f),
        ]
    """
    answer = child.run(dedent(script))
    assert answer[0] == "def f():\n    return 'ä'\n"
    assert answer[1].startswith("class C:")
    assert answer[2] == text
    assert answer[3] == "class C:\n"
    assert answer[4].endswith("/looked_at.py")


def test_a_file_of_the_target_is_not_mistaken_for_the_source(child, tree):
    """The target's file of the same path is another one."""
    folder = tree({"mistaken.py": "def f():\n    raise ValueError('right line')\n"})
    script = f"""
        import mistaken
        with open({str(folder / "mistaken.py")!r}, "w") as stream:
            stream.write("wrong = 1\\n" * 9)
        mistaken.f()
    """
    with pytest.raises(RemoteError) as caught:
        child.run(dedent(script))
    assert "raise ValueError('right line')" in caught.value.text
    assert "wrong" not in caught.value.text.partition("Traceback")[2].partition("mistaken.py")[2]


def test_encoded_source(child, tree):
    """A source's declaration of its encoding counts."""
    tree({"encoded.py": "# coding: latin-1\nx = 'ä'\n".encode("latin-1")})
    script = "import encoded, inspect; result = [encoded.x, inspect.getsource(encoded)]"
    assert child.run(script) == ["ä", "# coding: latin-1\nx = 'ä'\n"]


def test_syntax_error(child, tree):
    """What this Python cannot read is a SyntaxError with file and line."""
    folder = tree({"newer.py": "x = 1\nthis is no python\n"})
    with pytest.raises(RemoteError, match="newer.py, line 2") as caught:
        child.run("import newer")
    assert caught.value.type_name == "SyntaxError"
    assert f"master:{folder}/newer.py" in caught.value.text


def test_future_imports_are_not_inherited(child, tree):
    """A module is compiled by its own flags only."""
    tree(
        {
            "plain.py": "def f(x: 1) -> 2: pass\nresult = [f.__annotations__[k] for k in ('x', 'return')]"
        }
    )
    assert child.run("import plain; result = plain.result") == [1, 2]


def test_reload(child, tree):
    """A module can be loaded again, in its newest form."""
    folder = tree({"changing.py": "x = 1"})
    script = f"""
        import importlib, changing
        first = changing.x
        with open({str(folder / "changing.py")!r}, "w") as stream:
            stream.write("x = 2")
        result = [first, importlib.reload(changing).x]
    """
    assert child.run(dedent(script)) in ([1, 1], [1, 2])


def test_third_party_package(own_child):
    """A real package of many modules and an optional extension works."""
    own_child.arguments = ["-I", "-S"]
    script = """
        import jinja2, sys
        result = [jinja2.Template("{{ x|upper }}").render(x="hi"), jinja2.__file__,
                  "markupsafe" in sys.modules]
    """
    rendered, path, is_complete = own_child.run(dedent(script))
    assert rendered == "HI"
    assert path.startswith("master:")
    assert is_complete
    assert own_child.asked[0] == "jinja2"
    # What jinja2 imports inside of functions it asks for when that is run.
    assert len(own_child.asked) <= 4


def test_finders_added_later_come_first(child, tree):
    """six and its like put finders at the end, for modules no file knows; those are not asked."""
    tree(
        {
            "sixlike/__init__.py": """if True:
        import sys, types, importlib.machinery
        class Moves:
            def find_spec(self, name, path=None, target=None):
                if name == "sixlike.moves":
                    return importlib.machinery.ModuleSpec(name, self)
            def create_module(self, spec): return None
            def exec_module(self, module): module.x = 3
        sys.meta_path.append(Moves())"""
        }
    )
    assert child.run("from sixlike.moves import x; result = x") == 3
    assert child.asked == ["sixlike"]


def test_threads(child, tree):
    """Imports of several threads at once work; each module is executed once."""
    tree(
        {
            "th_%d.py" % n: f"import th_{n + 1}\nimport builtins\nbuiltins.runs.append({n})"
            for n in range(9)
        }
    )
    tree({"th_9.py": "x = 1"})
    script = """
        import builtins, importlib, threading
        import json, ast, zlib
        builtins.runs = []
        lock = threading.Lock()
        plain = finder.requester
        def one_by_one(wanted):  # the pipe of this test is for one at a time
            with lock:
                return plain(wanted)
        finder.requester = one_by_one
        threads = [
            threading.Thread(target=importlib.import_module, args=("th_%d" % n,)) for n in range(9)
        ]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        result = sorted(builtins.runs)
    """
    assert child.run(dedent(script)) == list(range(9))


def test_linecache_being_imported(child, tree):
    """By another thread, which has not come far yet."""
    tree({"wanted.py": "x = 1"})
    script = """
        import sys, types
        sys.modules["linecache"] = types.ModuleType("linecache")
        import wanted
        result = wanted.x
    """
    assert child.run(dedent(script)) == 1


def test_a_request_that_imports(child, tree):
    """What the request itself has to import is looked for on the target only."""
    tree({"wanted.py": "x = 1", "inner_thing.py": ""})
    script = """
        plain = finder.requester
        missing = []
        def importing(wanted):
            try:
                import inner_thing
            except ImportError as exc:
                missing.append(exc.name)
            return plain(wanted)
        finder.requester = importing
        import wanted
        result = [wanted.x, missing]
    """
    assert child.run(dedent(script)) == [1, ["inner_thing"]]


def test_remove(child, tree):
    """Removed, the finder leaves nothing in the import system."""
    tree({"not_yet.py": ""})
    child.whitelist = ["not_yet"]
    script = """
        import sys
        finder.remove()
        finder.remove()
        from mitogen.imports.finder import FirstFinder, WireFinder
        assert not [f for f in sys.meta_path if isinstance(f, (FirstFinder, WireFinder))]
        assert type(sys.modules["__main__"]).__name__ == "module"
        try:
            import not_yet
        except ImportError as exc:
            result = str(exc)
    """
    assert child.run(dedent(script)) == "No module named 'not_yet'"
    assert child.asked == []


def test_loader_of_another_module(own_child, tree):
    """A loader loads its own module only."""
    tree({"mine.py": ""})
    with pytest.raises(RemoteError, match="the loader of mine cannot load other"):
        own_child.run("import mine; mine.__loader__.get_source('other')")


def test_interpreters_are_real():
    """The oldest Python we promise to support is among those tested where it is installed."""
    from tests.support import interpreters

    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in interpreters.available()
