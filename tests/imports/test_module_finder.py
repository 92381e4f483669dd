"""mitogen.controller.module_finder."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import py_compile
import sys
import types
import zipfile

import pytest

from mitogen.controller.module_finder import FoundModule, ModuleFinder, NotFound


def reason(fullname):
    """Why a module is not to be had."""
    found = ModuleFinder().find(fullname)
    assert isinstance(found, NotFound)
    assert found.fullname == fullname
    return found.reason


def source(fullname):
    """A module's source."""
    found = ModuleFinder().find(fullname)
    assert isinstance(found, FoundModule), found
    return found.source


def test_module_and_package(tree):
    """A module on the path is found, with its path and unaltered source."""
    folder = tree({"pk/__init__.py": "# pk", "pk/mod.py": "# mod", "single.py": "# ä"})
    assert ModuleFinder().find("pk") == FoundModule(
        "pk", True, f"{folder}/pk/__init__.py", b"# pk", (f"{folder}/pk",)
    )
    assert ModuleFinder().find("pk.mod") == FoundModule(
        "pk.mod", False, f"{folder}/pk/mod.py", b"# mod", ()
    )
    assert source("single") == "# ä".encode()


def test_nothing_is_imported(tree):
    """Looking for a module runs neither it nor the packages around it."""
    tree({"danger/__init__.py": "1/0", "danger/sub/__init__.py": "1/0", "danger/sub/m.py": "1/0"})
    assert source("danger.sub.m") == b"1/0"
    assert not [name for name in sys.modules if name.startswith("danger")]


def test_namespace_packages(tree):
    """Folders without __init__ are packages without source, nested ones too, imported or not."""
    folder = tree({"ns_a/ns_b/mod.py": "x = 1"})
    found = ModuleFinder().find("ns_a.ns_b")
    assert found == FoundModule("ns_a.ns_b", True, "", None, (f"{folder}/ns_a/ns_b",))
    assert source("ns_a.ns_b.mod") == b"x = 1"
    importlib.import_module("ns_a.ns_b.mod")
    assert ModuleFinder().find("ns_a.ns_b").is_package
    assert source("ns_a.ns_b.mod") == b"x = 1"


def test_what_is_loaded_counts(tree):
    """A package whose path has grown at run time is searched there."""
    folder = tree({"grown/__init__.py": "", "elsewhere/late.py": "# late"})
    importlib.import_module("grown").__path__.append(f"{folder}/elsewhere")
    assert source("grown.late") == b"# late"


def test_a_module_installed_later_is_found(tree):
    """That there was no such module is not remembered."""
    finder = ModuleFinder()
    assert isinstance(finder.find("comes_later"), NotFound)
    tree({"comes_later.py": "x = 1"})
    assert isinstance(finder.find("comes_later"), FoundModule)


@pytest.mark.parametrize(
    "name", ["os", "os.path", "json", "json.decoder", "sys", "_json", "xml.dom"]
)
def test_standard_library_by_name(name):
    """Whatever belongs to the standard library is refused."""
    assert "standard library" in reason(name)


def test_standard_library_by_place():
    """So is what lies in its folder without being listed."""
    spec = importlib.util.find_spec("test")
    if spec is None or spec.origin is None:
        pytest.skip("this Python comes without its tests")
    assert "standard library" in reason("test")


def test_site_packages_are_not_the_standard_library():
    """Their folder is inside of the standard library's, but their modules are served."""
    assert source("pytest")
    assert ModuleFinder().find("pytest").is_package


def test_extension_module(tree):
    """Compiled code fits no other machine."""
    tree({"fast" + importlib.machinery.EXTENSION_SUFFIXES[0]: b"ELF"})
    assert "extension module" in reason("fast")


def test_module_without_source(tree):
    """Byte code alone is not sent."""
    folder = tree({"hidden.py": "x = 1"})
    py_compile.compile(f"{folder}/hidden.py", cfile=f"{folder}/hidden.pyc")
    (folder / "hidden.py").unlink()
    importlib.invalidate_caches()
    assert "source is not available" in reason("hidden")


def test_module_made_at_run_time():
    """A module that never was a file has no source."""
    sys.modules["made_up"] = types.ModuleType("made_up")
    try:
        assert "does not have it" in reason("made_up")
    finally:
        del sys.modules["made_up"]


def test_module_without_spec(tree):
    """A module somebody made of a file by hand is found by its `__file__`."""
    folder = tree({"odd_place.txt": "", "by_hand.py": "# by hand"})
    module = types.ModuleType("another_name")
    module.__file__ = f"{folder}/by_hand.py"
    sys.modules["another_name"] = module
    assert source("another_name") == b"# by hand"


def test_alias(tree):
    """Another module under a name is not taken for the one on the disk."""
    tree({"real_one.py": "# real", "alias_of.py": "# on disk"})
    sys.modules["alias_of"] = importlib.import_module("real_one")
    assert source("alias_of") == b"# on disk"


def test_zip(tree, monkeypatch):
    """Modules inside of a zip file are found too."""
    folder = tree({"x.txt": ""})
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "# zipped ä")
        archive.writestr("zipped/mod.py", "# mod")
    monkeypatch.syspath_prepend(str(folder / "a.zip"))
    assert source("zipped") == "# zipped ä".encode()
    assert source("zipped.mod") == b"# mod"


def test_foreign_finder(monkeypatch):
    """Finders of other libraries are asked; one that fails is passed over."""

    class Loader:
        def get_source(self, name):
            assert name == "virtual"
            return "# virtual"

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "virtual":
                return importlib.machinery.ModuleSpec(name, Loader(), origin="db:virtual")
            raise RuntimeError(name)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert source("virtual") == b"# virtual"
    assert "does not have it" in reason("virtually_nothing")


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a/b", "../x", "a b", "x\0"])
def test_names_that_are_none(name):
    """What is no module name is refused before anything is searched."""
    assert "no name of a module" in reason(name)


def test_inside_of_a_module(tree):
    """A module that is no package has nothing inside."""
    tree({"flat.py": ""})
    assert "does not have it" in reason("flat.deep")


def test_encodings(tree):
    """A source in another encoding is sent as it is, its declaration included."""
    text = "# -*- coding: latin-1 -*-\nx = 'ä'\n".encode("latin-1")
    tree({"latin.py": text})
    assert source("latin") == text


def test_folders_of(tree):
    """Data files are looked for in a package's own folders; a plain module has none."""
    folder = tree({"data_pk/__init__.py": "", "flat_mod.py": ""})
    finder = ModuleFinder()
    assert finder.folders_of("data_pk") == (f"{folder}/data_pk",)
    assert finder.folders_of("flat_mod") == ()
    assert finder.folders_of("no_such_pk") == ()


@pytest.fixture
def main_script(tmp_path, monkeypatch):
    """`main_script(source, package)` makes this process one that runs that script."""

    def make(text, package=None, path=None):
        script = tmp_path / "script.py"
        script.write_bytes(text.encode() if isinstance(text, str) else text)
        module = types.ModuleType("__main__")
        module.__package__ = package
        module.__file__ = str(script) if path is None else path
        monkeypatch.setitem(sys.modules, "__main__", module)
        return script

    return make


def test_main(main_script):
    """The main script is found under the name children know it by, without its guarded part."""
    script = main_script('x = 1\nif __name__ == "__main__":\n    1/0\n')
    assert ModuleFinder().find("__main__") == FoundModule(
        "__main__", False, str(script), b"x = 1\n", ()
    )


def test_main_in_another_encoding(main_script):
    """The part that is sent is encoded as the script declares."""
    main_script(
        "# coding: latin-1\nx = 'ä'\nif __name__ == '__main__':\n    pass\n".encode("latin-1")
    )
    assert source("__main__") == "# coding: latin-1\nx = 'ä'\n".encode("latin-1")


def test_main_without_guard(main_script):
    """Advice is given when running the script again would be the result."""
    main_script("print(1)\n")
    assert "@mitogen.main()" in reason("__main__")


def test_main_of_a_package(main_script):
    """What `python -m pkg.tool` runs keeps its relative imports working."""
    main_script('from . import x\nif __name__ == "__main__":\n    pass\n', "pkg")
    assert source("__main__") == b"from pkg import x\n"


def test_no_main_script(monkeypatch):
    """An interactive program has no script to send."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    assert "no main script" in reason("__main__")


def test_main_that_is_gone(main_script):
    """A script that cannot be read any more is refused."""
    main_script("", path="/nonexistent/script.py")
    assert "not available" in reason("__main__")


def test_main_that_is_no_python(main_script):
    """Whatever the program was made of, the answer is a reason, not a crash."""
    main_script("def\n")
    assert "invalid syntax" in reason("__main__")
