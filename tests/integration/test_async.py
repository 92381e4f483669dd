"""Jobs that outlive their task: everything about them is as with stock, to the files they write."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences

FOLDER = Path(__file__).parent / "async"

# Fields in which two runs may differ although both are right: (part of the event, field, reason).
ACCEPTED: tuple[tuple[str, str, str], ...] = (
    ("", "attempts", "how often was asked until it had ended"),
    ("another | ", "warnings", "we need no world-readable files"),
)


def _is_accepted(difference: Difference) -> bool:
    return any(
        event in difference.event and field in difference.field
        for event, field, _reason in ACCEPTED
    )


def _run(world: World, kind: str) -> list[Run]:
    """Both playbooks; between them, with the first one long over, its last jobs may end."""
    folder = world.fresh_folder("run")
    first = world.run(FOLDER / "main.yml", kind)
    assert first.returncode == 0, first.output[-4000:]
    with contextlib.ExitStack() as doors:
        for host in ("far", "here"):
            # For reading, too: this waits for nobody, and holds the line until it is read.
            door = doors.enter_context(open(folder / f"after-{host}", "r+b", buffering=0))
            door.write(b"come in\n")
        second = world.run(FOLDER / "after.yml", kind)
    # What the wrapper has ended waits here; where it ended itself only, what it ran does.
    for path in folder.glob("never-*"):
        path.open("r+b", buffering=0).close()
    assert second.returncode == 0, second.output[-4000:]
    return [first, second]


@pytest.mark.leaks_allowed("async_wrapper looks every five seconds whether its job has ended")
def test_ours_equals_stock(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Results and job files are the same; jobs outlive connection and playbook."""
    world.inventory["all"]["hosts"]["here"]["ansible_async_dir"] = str(
        world.folder / "run" / "jobs"
    )
    stock, ours = _run(world, STOCK), _run(world, OURS)
    with capsys.disabled():
        print(f"\nasync playbook: stock {stock[0].seconds:.1f} s, ours {ours[0].seconds:.1f} s")
    found = [
        one
        for was, now in zip(stock, ours, strict=True)
        for one in differences(was, now)
        if not _is_accepted(one)
    ]
    assert not found, f"{len(found)} differences:\n" + "\n".join(str(one) for one in found)
    assert not [line for line in ours[0].trace if line.way == "stock"]
