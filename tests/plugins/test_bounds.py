"""How many contexts are kept, and which one makes room for another."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_mitogen.broker import bounds, main
from ansible_mitogen.broker.tree import ContextTree, Node
from ansible_mitogen.stack import Hop
from tests.plugins.test_tree import Clock, FakeRouter


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 20), ("", 20), (" 7 ", 7), ("1", 1), ("1000", 1000)]
)
def test_the_variable(value: str | None, expected: int) -> None:
    """A number, or nothing."""
    environment = {} if value is None else {bounds.VARIABLE: value}
    assert bounds.interpreters_from(environment) == expected


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "²"])
def test_what_is_no_bound(value: str) -> None:
    """It is said what it has to be, and what it is taken for."""
    with pytest.raises(bounds.BadBoundError, match="number from 1 on; it is taken as 20"):
        bounds.interpreters_from({bounds.VARIABLE: value})


def test_descriptors() -> None:
    """200 hosts at once fit into what is usual; too many are warned of."""
    assert bounds.logins_for(1024) >= 200
    assert bounds.logins_for(10) == 8
    assert bounds.Bounds().behind == bounds.logins_for(1024)
    assert bounds.too_many_forks(200, 1024) == ""
    assert "forks is 400" in bounds.too_many_forks(400, 1024)


class World:
    """A tree with bounds, and what it made."""

    def __init__(self, interpreters: int = 2, logins: int = 2, behind: int = 9) -> None:
        self.router = FakeRouter()
        self.clock = Clock()
        limits = bounds.Bounds(interpreters, logins, behind, idle=60.0)
        self.tree = ContextTree(self.router, b"", limits, self.clock)

    def open(self, *names: str, through: str | None = None) -> Node:
        """The node of a host, or of accounts behind it, up at once; a second goes by.

        :param through: a host that it is reached through.
        """
        self.clock.now += 1.0
        stack = [Hop("ssh", {"hostname": name}) for name in (through, names[0]) if name]
        stack += [Hop("sudo", {"username": name}) for name in names[1:]]
        outcomes: list[Any] = []
        self.tree.open(stack, outcomes.append)
        while not outcomes:
            self.router.made[-1].connection.settle()
        node: Node = outcomes[0].node
        return node

    def kept(self) -> list[str]:
        """What lives, by host and user."""
        return [
            context.options.get("hostname") or context.options["username"]
            for context in self.router.made
            # What is behind a login ends with it.
            if not (context.is_shut_down or getattr(context.options["via"], "is_shut_down", False))
        ]


def test_the_one_unused_longest_goes() -> None:
    """Accounts behind a login are bounded; using one again makes it young."""
    world = World()
    for name in ("a", "b", "a", "c"):
        world.open("h", name)
    assert world.kept() == ["h", "a", "c"]
    world.open("h", "b")
    assert world.kept() == ["h", "c", "b"]


def test_other_logins_have_their_own() -> None:
    """What one host has counts for no other."""
    world = World()
    for host in ("h", "i"):
        for name in ("a", "b"):
            world.open(host, name)
    assert world.kept() == ["h", "a", "b", "i", "a", "b"]


def test_what_is_busy_stays() -> None:
    """A job under way is never ended for it; where all are busy there are more."""
    world = World()
    nodes = [world.open("h", name) for name in ("a", "b")]
    world.tree.hold(nodes[0])
    world.open("h", "c")
    assert world.kept() == ["h", "a", "c"]
    world.tree.hold(world.open("h", "c"))
    world.open("h", "d")
    assert world.kept() == ["h", "a", "c", "d"]
    # When they are done, there is room again.
    world.tree.release(nodes[0])
    world.open("h", "e")
    assert world.kept() == ["h", "c", "e"]


def test_logins() -> None:
    """The login that idles longest goes with all its accounts; one in use does not."""
    world = World()
    world.open("h", "a")
    world.open("i")
    world.open("h", "a")
    world.open("j")
    assert world.kept() == ["h", "a", "j"]
    world.tree.hold(world.open("h", "a"))
    world.open("k")
    assert world.kept() == ["h", "a", "k"]


def test_logins_behind_another() -> None:
    """They are bounded for each host that they start from."""
    world = World(logins=9, behind=2)
    for host in "hij":
        world.open(host, through="gate")
    world.open("k", "a")
    world.open("l", through="other")
    assert world.kept() == ["gate", "i", "j", "k", "a", "other", "l"]
    for host in "ji":
        world.tree.hold(world.open(host, through="gate"))
    world.open("m", through="gate")
    assert world.kept() == ["gate", "i", "j", "k", "a", "other", "l", "m"]


def test_what_nobody_uses_ends() -> None:
    """An account, then the login with what is left behind it; nothing that runs or is on its way."""
    world = World(interpreters=9, logins=9)
    world.open("h", "a")
    busy = world.open("i", "b")
    world.tree.hold(busy)
    world.clock.now += 50.0
    world.open("h", "c")
    world.tree.end_unused()
    assert world.kept() == ["h", "a", "i", "b", "c"]
    world.clock.now += 20.0
    world.tree.end_unused()
    assert world.kept() == ["h", "i", "b", "c"]
    world.tree.open([Hop("ssh", {"hostname": "slow"})], [].append)
    world.clock.now += 60.0
    world.tree.end_unused()
    assert world.kept() == ["i", "b", "slow"]
    world.tree.release(busy)
    world.clock.now += 59.0
    world.tree.end_unused()
    assert world.kept() == ["i", "b", "slow"]
    world.clock.now += 1.0
    world.tree.end_unused()
    assert world.kept() == ["slow"]


def test_what_a_batch_did_not_use_ends() -> None:
    """Where the one after it is done; not what each of them uses, nor what is busy."""
    world = World(logins=9)
    busy = [world.open(host) for host in ("each", "a", "b")][-1]
    world.tree.hold(busy)
    world.tree.end_batch()
    kept = [world.kept()]
    for host in ("c", "d"):
        world.open("each")
        world.open(host)
        world.tree.end_batch()
        kept.append(world.kept())
    assert kept == [["each", "a", "b"], ["each", "b", "c"], ["each", "b", "d"]]
    world.clock.now += 1.0
    world.tree.release(busy)
    world.tree.end_batch()
    assert world.kept() == ["b"]


def test_one_used_again_is_a_new_one() -> None:
    """Nobody is told that it had ended."""
    world = World()
    first = world.open("h")
    world.clock.now += 60.0
    world.tree.end_unused()
    assert world.open("h") is not first


class Timers:
    """Keeps what is to be called, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Any]] = []

    def after(self, seconds: float, call: Any) -> None:
        self.calls.append((seconds, call))


def test_it_is_looked_for_again_and_again() -> None:
    """As long as the broker lives."""
    world, timers = World(), Timers()
    main.end_unused(timers, world.tree)
    world.open("h")
    world.clock.now += 60.0
    ((seconds, call),) = timers.calls
    assert seconds == main.IDLE_CHECK_SECONDS
    call()
    assert world.kept() == []
    assert len(timers.calls) == 2
