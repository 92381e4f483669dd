"""The same playbook, stock and ours: the same results, by the way each task is meant to take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.routes import wrong_ways

PLAYBOOK = Path(__file__).parent / "varied" / "main.yml"

# Fields in which two runs may differ although both are right: (part of the event, field, reason).
ACCEPTED: tuple[tuple[str, str, str], ...] = (
    ("nobody there | unreachable | gone", "msg", "ssh's words; ours name the hop, too"),
    ("become | file of another | far", "warnings", "we need no world-readable files"),
    ("become | script as another | far", "warnings", "we need no world-readable files"),
    ("commands | async asked for | far", "attempts", "polling in a loop"),
)


def is_accepted(difference: Difference, accepted: Sequence[tuple[str, str, str]]) -> bool:
    """Whether a table like `ACCEPTED` says that it may be."""
    return any(
        event in difference.event and difference.field.startswith(field)
        for event, field, _reason in accepted
    )


def _run(world: World, kind: str) -> Run:
    """Run from the same start: the working folder empty, owned by nobody in particular."""
    world.fresh_folder("run")
    run = world.run(PLAYBOOK, kind)
    assert run.returncode == 0, run.output[-4000:]
    return run


def report(found: list[Difference]) -> str:
    """For people."""
    return f"{len(found)} differences:\n" + "\n".join(str(one) for one in found)


@pytest.mark.slow
def test_stock_equals_stock(world: World) -> None:
    """Two stock runs are equal after normalising: the comparison itself is sound."""
    one, other = _run(world, STOCK), _run(world, STOCK)
    found = differences(one, other)
    assert not found, report(found)
    assert len({event.task for event in one.events if event.task}) >= 60


def test_ours_equals_stock(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of every result is the same, and no task took another way than it should."""
    stock, ours = _run(world, STOCK), _run(world, OURS)
    with capsys.disabled():
        print(f"\nvaried playbook: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    found = [one for one in differences(stock, ours) if not is_accepted(one, ACCEPTED)]
    wrong = wrong_ways(ours)
    assert not found, report(found)
    assert not wrong, "\n".join(wrong)
