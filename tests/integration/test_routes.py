"""Whether a run's tasks took too many messages is judged by how many items of a loop ran."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.ansible_run import OURS, STOCK, Event, Run, TraceLine, World
from tests.support.routes import wrong_ways


def _run(requests: int, items: int | None, result: dict[str, object]) -> Run:
    event = Event("ok", "far", "loop", "play", "command", result=result, items=items)
    line = TraceLine("far", "loop", "command", "module", "", sent=1, received=1, interpreter="")
    return Run(0, "", 0.0, [event], [line] * requests)


@pytest.mark.parametrize("result", [{"results": [{}, {}]}, {"censored": "hidden"}])
def test_one_request_for_each_item_that_ran(result: dict[str, object]) -> None:
    """Whether or not the items' results can be seen."""
    assert not wrong_ways(_run(2, 2, result))
    for requests in (1, 3):
        wanted = f"loop: {requests} requests for 2 module results"
        assert wrong_ways(_run(requests, 2, result)) == [wanted]


def test_what_a_module_calls_results_is_no_loop() -> None:
    """A field of that name is the module's own where there is no loop."""
    assert not wrong_ways(_run(1, None, {"results": [{}, {}]}))


@pytest.mark.parametrize("kind", [STOCK, OURS])
def test_items_that_ran_are_counted(world: World, kind: str) -> None:
    """Those that failed count, skipped ones do not; a task that comes again begins at nothing."""
    loop: dict[str, Any] = {
        "command": "test {{ item }} -lt 2",
        "loop": [1, 2, 3],
        "when": "item != 3",
    }
    tasks: list[dict[str, Any]] = [
        {"name": "one", "command": "true"},
        {"name": "seen", **loop, "ignore_errors": True},
        {"name": "hidden", **loop, "ignore_errors": True, "no_log": True},
        {"name": "skipped", "command": "true", "loop": [1, 2], "when": False},
    ]
    (world.folder / "tasks.yml").write_text(json.dumps(tasks))
    twice = {"include_tasks": "tasks.yml", "loop": [1, 2], "loop_control": {"loop_var": "time"}}
    playbook = world.folder / "items.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": [twice]}]))
    run = world.run(playbook, kind)
    assert run.returncode == 0, run.output
    items = {task["name"]: [event.items for event in run.events_of(task["name"])] for task in tasks}
    assert items == {"one": [None] * 2, "seen": [2] * 2, "hidden": [2] * 2, "skipped": [0] * 2}
