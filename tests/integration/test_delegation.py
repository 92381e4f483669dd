"""Tasks that others do, as others: every result as in stock, whatever the loop item before was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ansible_run import STOCK, World
from tests.support.compare import Difference, differences

PLAYBOOK = Path(__file__).parent / "delegation" / "main.yml"


def _is_expected(one: Difference) -> bool:
    """Stock may need world-readable files; ssh's words for nobody are its own."""
    if one.event.startswith("delegation | by nobody"):
        return one.field == "msg"
    return one.field.endswith("warnings") and "world-readable" in str(one.stock)


@pytest.mark.parametrize("way", ["mitogen_linear", "shadow"])
def test_the_same_as_stock(world: World, way: str) -> None:
    """By strategy and without one."""
    stock = world.run(PLAYBOOK, STOCK)
    world.close_masters()
    ours = world.run(PLAYBOOK, way)
    assert stock.returncode == ours.returncode, stock.output + ours.output
    # The last play ran.
    assert len(stock.events_of("to and fro")) == 3, stock.output
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, "\n".join(str(one) for one in found)
    assert "stock" not in {line.way for line in ours.trace}, ours.output
    assert {line.host for line in ours.trace} >= {"far", "locked", "here"}
