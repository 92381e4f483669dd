"""`mitogen.utils`: conveniences for programs."""

from __future__ import annotations

import enum
import sys
from typing import Any

import pytest

import mitogen.core
import mitogen.master
import mitogen.utils


class _Text(str):
    """A subclass as Ansible has."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a lie"


class _Number(int):
    pass


class _Many(list):  # type: ignore[type-arg]  # a subclass is the point
    pass


class _Colour(enum.IntEnum):
    RED = 7


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (_Text("x"), "x"),
        (_Number(5), 5),
        (_Colour.RED, 7),
        (_Many([_Text("x"), (_Number(1),)]), ["x", (1,)]),
        ({_Text("k"): {_Text("v"), _Number(3)}}, {"k": {"v", 3}}),
        (frozenset([_Text("x")]), frozenset(["x"])),
        (None, None),
        (True, True),
        (1.5, 1.5),
        (b"x", b"x"),
        (bytearray(b"x"), bytearray(b"x")),
    ],
)
def test_cast_makes_plain_values(value: Any, plain: Any) -> None:
    """Types included, however deep."""
    found = mitogen.utils.cast(value)
    assert found == plain
    assert repr(found) == repr(plain)


def test_cast_leaves_our_own_types() -> None:
    """They travel as they are."""
    for value in (mitogen.core.Secret("x"), mitogen.core.Blob(b"x"), mitogen.core.Kwargs(a=1)):
        assert mitogen.utils.cast(value) is value


def test_cast_refuses_what_does_not_travel() -> None:
    """As sending it would."""
    with pytest.raises(TypeError, match="object"):
        mitogen.utils.cast([object()])


def test_run_with_router_ends_everything() -> None:
    """Also when the function raises."""
    routers: list[mitogen.master.Router] = []

    def fail(router: mitogen.master.Router, text: str) -> None:
        routers.append(router)
        raise ValueError(text)

    with pytest.raises(ValueError, match="it broke"):
        mitogen.utils.run_with_router(fail, "it broke")
    assert not routers[0].broker.thread.is_alive()


def test_with_router_keeps_the_function_s_name() -> None:
    """And hands arguments and result on."""

    @mitogen.utils.with_router
    def work(router: mitogen.master.Router, more: int = 0) -> tuple[int, int]:
        """Say."""
        return router.identity.context_id, more

    assert work(more=3) == (0, 3)
    assert (work.__name__, work.__doc__) == ("work", "Say.")


def test_disable_site_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the standard library is left."""
    monkeypatch.setattr(sys, "path", ["/lib/python3", "/lib/python3/site-packages"])
    mitogen.utils.disable_site_packages()
    assert sys.path == ["/lib/python3"]


def test_setup_gil() -> None:
    """Threads are switched rarely."""
    before = sys.getswitchinterval()
    try:
        mitogen.utils.setup_gil()
        assert sys.getswitchinterval() > 1
    finally:
        sys.setswitchinterval(before)
