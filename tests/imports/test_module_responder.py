"""mitogen.controller.module_responder."""

from __future__ import annotations

import json

import pytest

from mitogen.bootstrap import bundle
from mitogen.controller import module_answers
from mitogen.controller.module_responder import ModuleResponder
from mitogen.imports.records import unpack
from mitogen.wire.control import GetModule, LoadModule


def ask(responder, fullname, sent=None):
    """A request and its answer."""
    return responder.respond(GetModule(fullname), set() if sent is None else sent)


def related(record):
    """What was sent along."""
    return [other.fullname for other in record.related]


def test_answer(tree):
    """The answer has the unaltered source and its path; it survives the wire."""
    folder = tree({"an_app.py": "# ä\nx = 1"})
    record = ask(ModuleResponder(), "an_app")
    assert unpack(record.source) == "# ä\nx = 1".encode()
    assert (record.path, record.is_package, record.error) == (f"{folder}/an_app.py", False, None)
    assert LoadModule.from_value(record.to_value()) == record


def test_what_is_imported_comes_along(tree):
    """Transitively, packages before what is inside of them, the nearest first."""
    tree({
        "top_m.py": "import os, near\nfrom pkg_r import thing, mod",
        "near.py": "import far",
        "far.py": "",
        "pkg_r/__init__.py": "thing = 1",
        "pkg_r/mod.py": "",
    })  # fmt: skip
    record = ask(ModuleResponder(), "top_m")
    assert related(record) == ["near", "pkg_r", "pkg_r.mod", "far"]
    assert all(not other.related for other in record.related)


def test_nothing_twice(tree):
    """What a neighbour has is left out, though what that imports may be new; requests are answered."""
    tree({"one_t.py": "import two_t", "two_t.py": "import three_t", "three_t.py": ""})
    responder = ModuleResponder()
    sent = {"two_t"}
    assert related(ask(responder, "one_t", sent)) == ["three_t"]
    assert sent == {"one_t", "two_t", "three_t"}
    assert related(ask(responder, "one_t", sent)) == []
    assert ask(responder, "three_t", sent).source is not None


def test_refusals_come_along(tree):
    """A module that is not there is said to be missing before the child asks; guesses are not."""
    tree({"tries.py": "try:\n    import no_such_mod\nexcept ImportError: pass\nfrom tries_b import name",
          "tries_b.py": "name = 1"})  # fmt: skip
    record = ask(ModuleResponder(), "tries")
    assert related(record) == ["no_such_mod", "tries_b"]
    assert record.related[0].error is not None


def test_circles(tree):
    """Modules that import each other are sent once."""
    tree({"c_one.py": "import c_two", "c_two.py": "import c_one"})
    assert related(ask(ModuleResponder(), "c_one")) == ["c_two"]


def test_the_main_script_is_never_sent_along(tree):
    """A child may not want it, and it may be refused."""
    tree({"back_ref.py": "import __main__"})
    assert related(ask(ModuleResponder(), "back_ref")) == []


@pytest.mark.parametrize(("name", "limit"), [("MAX_RELATED", 3), ("MAX_RELATED_BYTES", 40)])
def test_limits(tree, monkeypatch, name, limit):
    """What is sent along is limited in number and size."""
    tree({f"lim_{n}.py": f"import lim_{n + 1}" for n in range(20)})
    monkeypatch.setattr(module_answers, name, limit)
    assert len(ask(ModuleResponder(), "lim_0").related) <= 3


def test_broken_source_is_still_sent(tree):
    """The child sees the error, as on a disk."""
    tree({"broken_s.py": "def", "broken_e.py": b"x = '\xff'"})
    assert ask(ModuleResponder(), "broken_s").source is not None
    assert ask(ModuleResponder(), "broken_e").source is not None


def test_refused(tree):
    """A refusal has a reason and nothing else."""
    record = ask(ModuleResponder(), "no_such_mod")
    assert record.error == "the program does not have it either"
    assert record.source is None
    assert LoadModule.from_value(record.to_value()) == record


def test_later_decisions_count(tree):
    """A prefix that is blacklisted or overridden later is no longer served as before."""
    tree({"later_m.py": "x = 1", "uses_l.py": "import later_m"})
    responder = ModuleResponder()
    assert ask(responder, "later_m").error is None
    responder.add_source_override("later_m", "/else.py", b"x = 2", False)
    assert unpack(ask(responder, "later_m").source) == b"x = 2"
    responder.blacklist_prefix("later_m")
    assert "blacklist" in ask(responder, "later_m").error
    assert related(ask(responder, "uses_l")) == []
    assert (responder.blacklist, responder.whitelist) == (["later_m"], [])
    assert responder.overrides == ["later_m"]


def test_whitelist(tree):
    """With a whitelist nothing else is served, nor sent along."""
    tree({"white_a.py": "import white_b", "white_b.py": ""})
    responder = ModuleResponder()
    responder.whitelist_prefix("white_a")
    assert related(ask(responder, "white_a")) == []
    assert "whitelist" in ask(responder, "white_b").error


def test_data_files(tree):
    """A package's files and folders are served by address."""
    folder = tree({"with_d/__init__.py": "", "with_d/a.txt": "A", "with_d/b/c.txt": "C"})
    record = ask(ModuleResponder(), "with_d/b/c.txt")
    assert (unpack(record.source), record.path) == (b"C", f"{folder}/with_d/b/c.txt")
    listing = json.loads(unpack(ask(ModuleResponder(), "with_d/").source))
    assert listing == ["__init__.py", "a.txt", "b/"]
    assert LoadModule.from_value(record.to_value()) == record


@pytest.mark.parametrize(
    "address",
    [
        "with_e/../secret.txt", "with_e//etc/passwd", "with_e/no.txt", "with_e/b", "with_e/a.txt/",
        "json/__init__.py", "no_pk/x", "flat_e/secret.txt", "/etc/passwd", "../x/y", "with_e/a\0",
        "__main__/x",
    ],
)  # fmt: skip
def test_what_is_no_data_file(tree, address):
    """Nothing outside of a served package is read."""
    tree(
        {
            "with_e/__init__.py": "",
            "with_e/a.txt": "",
            "with_e/b/c": "",
            "secret.txt": "",
            "flat_e.py": "",
        }
    )
    record = ask(ModuleResponder(), address)
    assert record.error is not None
    assert record.source is None


def test_blacklisted_data(tree):
    """Whoever may not have a package may not have its files."""
    tree({"with_f/__init__.py": "", "with_f/a.txt": ""})
    responder = ModuleResponder()
    responder.blacklist_prefix("with_f")
    assert "blacklist" in ask(responder, "with_f/a.txt").error


def test_too_large_data(tree, monkeypatch):
    """A file that fits into no message is refused."""
    monkeypatch.setattr(module_answers, "MAX_RESOURCE", 3)
    tree({"with_g/__init__.py": "", "with_g/a.txt": "1234", "with_g/b.txt": "123"})
    assert ask(ModuleResponder(), "with_g/a.txt").error is not None
    assert ask(ModuleResponder(), "with_g/b.txt").error is None


@pytest.mark.parametrize(
    "name", ["mitogen", "ansible_mitogen", *bundle.MODULES, *bundle.PACKAGES, "mitogen.wire.values"]
)
def test_what_is_in_the_bundle_is_refused(name):
    """Every context has it; a second copy would break both."""
    assert "booted" in ask(ModuleResponder(), name).error


def test_our_layers_are_not_sent_along(tree):
    """A module that imports documented paths gets these, and nothing of what is behind them."""
    tree(
        {
            "user_m.py": "import mitogen.core, mitogen.master, mitogen.utils\nfrom mitogen.wire import values"
        }
    )
    record = ask(ModuleResponder(), "user_m")
    assert related(record) == [
        "mitogen.core", "mitogen.master", "mitogen.utils", "mitogen.imports.reexport",
    ]  # fmt: skip
    assert sum(len(other.source) for other in record.related) < 2500
    assert related(ask(ModuleResponder(), "mitogen.master")) == []


@pytest.mark.parametrize("name", sorted(bundle.FETCHED_LATER))
def test_what_is_left_out_of_the_bundle_is_served(name):
    """Most contexts do without; those that need it ask."""
    assert ask(ModuleResponder(), name).error is None


def test_a_layer_comes_as_a_whole():
    """A child that becomes a parent gets the controller's modules in one go."""
    record = ask(ModuleResponder(), "mitogen.controller.connector")
    assert record.error is None
    names = related(record)
    assert "mitogen.controller" in names
    assert "mitogen.controller.connection" in names
    assert not [name for name in names if name.startswith(("mitogen.runtime", "mitogen.wire"))]
    # What only the program itself runs needs its newer Python.
    assert not {"mitogen.controller.module_responder", "mitogen.controller.master_router"} & set(
        names
    )
