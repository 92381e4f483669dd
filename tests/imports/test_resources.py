"""Data files of packages: mitogen.imports.resources and the loader's get_data."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.imports.near_side import RemoteError

FILES = {
    "dat/__init__.py": "",
    "dat/mod.py": "",
    "dat/hello.txt": "grüß\n",
    "dat/raw.bin": bytes(range(256)),
    "dat/deep/er/file.txt": "deep",
    "dat/sub/__init__.py": "",
    "dat/sub/own.txt": "sub",
}


def newer_than(child, minor):
    """Whether the child's Python has what came with 3.minor."""
    return int(child.interpreter.rpartition("python3.")[2] or 0) >= minor


def test_pkgutil(child, tree):
    """`pkgutil.get_data` reads what lies beside a package or one of its modules."""
    tree(FILES)
    script = """
        import pkgutil
        result = [
            pkgutil.get_data("dat", "hello.txt").decode(), pkgutil.get_data("dat", "deep/er/file.txt").decode(),
            list(pkgutil.get_data("dat", "raw.bin")), pkgutil.get_data("dat.mod", "hello.txt").decode(),
            pkgutil.get_data("dat.sub", "own.txt").decode(),
            pkgutil.get_data("dat", "__init__.py").decode(), pkgutil.get_data("dat", "mod.py").decode(),
        ]
    """
    assert child.run(dedent(script)) == [
        "grüß\n", "deep", list(range(256)), "grüß\n", "sub", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["nothing.txt", "deep", "../secret.txt", "deep/../../secret.txt"])
def test_what_there_is_not(own_child, tree, path):
    """No file, a folder, or anything outside of the package: an OSError."""
    tree({**FILES, "secret.txt": "secret"})
    with pytest.raises(RemoteError) as caught:
        own_child.run(f"import pkgutil; pkgutil.get_data('dat', {path!r})")
    assert caught.value.type_name == "FileNotFoundError"


def test_outside_by_absolute_path(own_child, tree):
    """The loader reads files of the package only, however they are named."""
    tree(FILES)
    with pytest.raises(RemoteError, match="only files of the package"):
        own_child.run("import dat; dat.__loader__.get_data('/etc/passwd')")


def test_module_without_package(own_child, tree):
    """A module that is in no package has no data files."""
    tree({"lonely.py": "", "beside.txt": ""})
    with pytest.raises(RemoteError, match="only files of the package"):
        own_child.run("import pkgutil; pkgutil.get_data('lonely', 'beside.txt')")


def test_program_that_does_not_answer(own_child, tree):
    """A lost link is an OSError for who reads a file."""
    tree(FILES)
    script = """
        import dat, mitogen.errors
        def fails(wanted):
            raise mitogen.errors.ChannelError("gone")
        finder.requester = fails
        try:
            dat.__loader__.get_data(dat.__file__.replace("__init__.py", "hello.txt"))
        except OSError as exc:
            result = str(exc)
    """
    assert "gone" in own_child.run(dedent(script))


def test_resource_functions(child, tree):
    """The functions of importlib.resources, of Python 3.7 and later."""
    if not newer_than(child, 7):
        pytest.skip("this Python has no importlib.resources")
    tree(FILES)
    script = """
        import sys, warnings
        warnings.simplefilter("ignore")
        import importlib.resources as res
        with res.path("dat", "hello.txt") as path:
            on_disk = path.read_text(encoding="utf-8")
        result = [
            res.read_text("dat", "hello.txt"), list(res.read_binary("dat", "raw.bin")),
            res.open_binary("dat.sub", "own.txt").read().decode(), on_disk,
            res.is_resource("dat", "hello.txt"), res.is_resource("dat", "deep"),
            res.is_resource("dat", "nothing"), sorted(res.contents("dat")),
        ]
    """
    answer = child.run(dedent(script))
    assert answer[:4] == ["grüß\n", list(range(256)), "sub", "grüß\n"]
    assert answer[4:7] == [True, False, False]
    assert [name for name in answer[7] if name != "__pycache__"] == [
        "__init__.py", "deep", "hello.txt", "mod.py", "raw.bin", "sub",
    ]  # fmt: skip


def test_files(child, tree):
    """`importlib.resources.files`, of Python 3.9 and later."""
    if not newer_than(child, 9):
        pytest.skip("this Python has no importlib.resources.files")
    tree(FILES)
    script = """
        import importlib.resources as res
        import dat.sub
        root = res.files("dat")
        with res.as_file(root / "deep" / "er" / "file.txt") as path:
            on_disk = path.read_text()
        with root.joinpath("hello.txt").open("r", encoding="utf-8") as stream:
            opened = stream.read()
        result = [
            (root / "hello.txt").read_text(encoding="utf-8"), list((root / "raw.bin").read_bytes()),
            on_disk, opened, root.name, (root / "deep").name,
            root.is_dir(), root.is_file(), (root / "deep").is_dir(), (root / "hello.txt").is_dir(),
            (root / "hello.txt").is_file(), (root / "deep" / "no").is_file(),
            (root / "no" / "no").is_file(),
            sorted(child.name for child in (root / "deep").iterdir()),
            res.files(dat.sub).joinpath("own.txt").read_text(),
        ]
    """
    assert child.run(dedent(script)) == [
        "grüß\n", list(range(256)), "deep", "grüß\n", "dat", "deep",
        True, False, True, False, True, False, False, ["er"], "sub",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["..", "deep/../..", "a//b"])
def test_files_outside(own_child, tree, path):
    """A path never leads out of the package."""
    tree(FILES)
    with pytest.raises(RemoteError, match="only files of the package"):
        own_child.run(f"import importlib.resources as r; r.files('dat').joinpath({path!r})")


def test_names_of_paths(own_child, tree):
    """A path says where it is from."""
    folder = tree(FILES)
    script = "import importlib.resources as r; p = r.files('dat') / 'x'; result = [str(p), repr(p)]"
    path = f"master:{folder}/dat/x"
    assert own_child.run(script) == [path, f"WirePath({path!r})"]


def test_no_path_of_its_own(own_child, tree):
    """A reader has no file on the target to point to; a plain module has no reader."""
    tree(FILES)
    script = """
        import dat, dat.mod
        reader = dat.__loader__.get_resource_reader("dat")
        try:
            reader.resource_path("hello.txt")
        except FileNotFoundError:
            result = [dat.mod.__loader__.get_resource_reader("dat.mod")]
    """
    assert own_child.run(dedent(script)) == [None]
