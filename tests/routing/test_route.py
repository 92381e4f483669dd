"""`mitogen.routing`: every frame in every small tree, decided hop by hop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mitogen.routing import (
    Deliver,
    Discard,
    Forward,
    Identity,
    Refuse,
    RouteTable,
    has_parent_authority,
    route,
)
from mitogen.wire.frame import Frame

#: Parent of each context but the master, 0. Ids are handed out in any order in reality, too.
TREES = [
    {},
    {1: 0},
    {1: 0, 2: 0},
    {1: 0, 2: 1},
    {2: 0, 1: 2},
    {1: 0, 2: 1, 3: 2, 4: 3},
    {1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 5},
    {6: 0, 5: 6, 4: 6, 3: 0, 2: 3, 1: 3},
]
NOBODY = 99


class Tree:
    """Identities and route tables of all contexts, complete."""

    def __init__(self, parents: dict[int, int]) -> None:
        self.parents = parents
        self.ids = [0, *parents]
        self.tables = {context_id: RouteTable() for context_id in self.ids}
        for context_id in parents:
            below = context_id
            for above in self.ancestors(context_id):
                self.tables[above].add(context_id, below)
                below = above

    def ancestors(self, context_id: int) -> tuple[int, ...]:
        """Nearest first."""
        found = []
        while context_id in self.parents:
            context_id = self.parents[context_id]
            found.append(context_id)
        return tuple(found)

    def decide(self, at: int, frame: Frame, ingress: int | None, one_way: bool = False) -> object:
        """The verdict of one context."""
        identity = Identity(at, self.ancestors(at))
        return route(frame, ingress, identity, self.tables[at], one_way)

    def travel(self, frame: Frame, one_way: bool = False) -> tuple[object, list[int]]:
        """The last verdict about a frame made at its source, and the contexts it passed."""
        at, ingress = frame.src_id, None
        path = [at]
        while True:
            verdict = self.decide(at, frame, ingress, one_way)
            if not isinstance(verdict, Forward):
                return verdict, path
            at, ingress = verdict.neighbour_id, at
            path.append(at)
            assert len(path) < 20, "it goes round and round"

    def neighbours(self, at: int) -> Iterator[int]:
        """Parent and children."""
        if at in self.parents:
            yield self.parents[at]
        yield from (child for child, parent in self.parents.items() if parent == at)


def _frame(src_id: int, dst_id: int, auth_id: int | None = None) -> Frame:
    return Frame(dst_id, src_id, src_id if auth_id is None else auth_id, 1000, 0, 1, 0, b"")


@pytest.fixture(params=TREES, ids=str)
def tree(request: pytest.FixtureRequest) -> Tree:
    """Each of the trees."""
    return Tree(request.param)


def test_everybody_reaches_everybody(tree: Tree) -> None:
    """On the shortest way."""
    for src_id in tree.ids:
        for dst_id in tree.ids:
            verdict, path = tree.travel(_frame(src_id, dst_id))
            assert type(verdict) is Deliver
            assert path[-1] == dst_id
            assert len(path) == len(set(path))


def test_nobody_is_found_nowhere(tree: Tree) -> None:
    """The master refuses what has no way; the reason names the context."""
    for src_id in tree.ids:
        verdict, path = tree.travel(_frame(src_id, NOBODY))
        assert isinstance(verdict, Refuse)
        assert str(NOBODY) in verdict.reason
        assert path[-1] == 0


def test_forged_frames_get_nowhere(tree: Tree) -> None:
    """From a child only what its side of the tree can have sent; from a parent anything."""
    for at in tree.ids:
        for ingress in tree.neighbours(at):
            is_parent = tree.parents.get(at) == ingress
            behind = {ingress} | {i for i in tree.ids if ingress in tree.ancestors(i)}
            for src_id in (*tree.ids, NOBODY):
                for auth_id in (*tree.ids, NOBODY):
                    for dst_id in (*tree.ids, NOBODY):
                        verdict = tree.decide(at, _frame(src_id, dst_id, auth_id), ingress)
                        is_honest = src_id in behind and auth_id in behind
                        assert isinstance(verdict, Discard) == (not is_parent and not is_honest)


def test_nothing_goes_back_where_it_came_from(tree: Tree) -> None:
    """Whatever the route table says."""
    for at in tree.ids:
        for ingress in tree.neighbours(at):
            for dst_id in (*tree.ids, NOBODY):
                verdict = tree.decide(at, _frame(ingress, dst_id), ingress)
                if isinstance(verdict, Forward):
                    assert verdict.neighbour_id != ingress


def test_one_way_passes_traffic_with_parents_only(tree: Tree) -> None:
    """Contexts above and below each other talk, others do not."""
    for src_id in tree.ids:
        for dst_id in tree.ids:
            verdict, _path = tree.travel(_frame(src_id, dst_id), one_way=True)
            is_line = (
                src_id == dst_id
                or src_id in tree.ancestors(dst_id)
                or dst_id in tree.ancestors(src_id)
            )
            assert (type(verdict) is Deliver) == is_line
            if not is_line:
                assert isinstance(verdict, Refuse)
                assert "unidirectional" in verdict.reason


def test_parent_authority(tree: Tree) -> None:
    """Is that of the context itself and of everybody above it."""
    for at in tree.ids:
        identity = Identity(at, tree.ancestors(at))
        for auth_id in (*tree.ids, NOBODY):
            wanted = auth_id == at or auth_id in tree.ancestors(at)
            assert has_parent_authority(auth_id, identity) == wanted


def test_the_table_forgets() -> None:
    """One context, or all that a neighbour leads to can be listed."""
    table = RouteTable()
    for context_id, via_id in {5: 5, 6: 5, 7: 7}.items():
        table.add(context_id, via_id)
    assert sorted(table.routes_through(5)) == [5, 6]
    table.remove(6)
    table.remove(6)
    assert table.via(6) is None
    assert table.routes_through(5) == [5]
