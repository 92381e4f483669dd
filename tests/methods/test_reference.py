"""mitogen.methods.reference: the page in docs is the one that the declarations make."""

from __future__ import annotations

from mitogen import methods
from mitogen.methods import reference
from tests.support.programs import REPOSITORY


def test_the_page_is_as_declared():
    """``python -m mitogen.methods.reference > docs/methods.md`` makes it anew."""
    assert (REPOSITORY / "docs" / "methods.md").read_text() == reference.page()


def test_the_page_names_every_option():
    """Of each method, with what is required marked so."""
    page = reference.page()
    for name in methods.NAMES:
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for option in methods.find(name).options:
            where = page if option in methods.declaration.COMMON else section
            assert f"| `{option.name}` |" in where
    assert "| `hostname` | required |" in page
