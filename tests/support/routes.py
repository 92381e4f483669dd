"""Judges from the trace whether each task took the way it is meant to take.

The playbook says how with `vars: {way: ...}` (see tests/integration/varied/main.yml). A module task
that is warm, that is whose module, host and user have been seen before, has exactly one message
there and one back; a first one may need one exchange more to supply the module's files.
"""

from __future__ import annotations

from tests.support.ansible_run import Event, Run, TraceLine

#: What other sessions change that begin, run or end at the same time: who may call sudo or doas, and
#: the variables of every login.
_SHARED_FILES = ("/etc/sudoers.d", "/etc/doas.conf", "/etc/environment")

_DEFAULT_WAY = "module"
_FREE = "any"
#: Names for more than one way, or for none.
_WAYS: dict[str, set[str]] = {
    "none": set(),
    "mixed": {"module", "command", "operation"},
    "transferred": {"command", "operation"},
}


def _is_disturbed(line: TraceLine) -> bool:
    """Whether its context may have been renewed for what another session did."""
    return any(name in line.reason for name in _SHARED_FILES)


def _lines_by_task(run: Run) -> dict[str, list[TraceLine]]:
    found: dict[str, list[TraceLine]] = {}
    for line in run.requests:
        found.setdefault(line.task, []).append(line)
    return found


def _results(event: Event) -> int:
    """How many module results the event stands for: one, or one per loop item not skipped."""
    return 1 if event.items is None else event.items


def _wanted_way(events: list[Event]) -> str:
    event = events[0]
    if event.way:
        return event.way
    return _FREE if event.task == "Gathering Facts" else _DEFAULT_WAY


def _wrong_lines(task: str, way: str, lines: list[TraceLine]) -> list[str]:
    ways = _WAYS.get(way, {way})
    return [
        f"{task}: went {line.way!r} instead of {way!r}: {line.reason or 'no reason given'}"
        for line in lines
        if line.way not in ways
    ]


def wrong_ways(run: Run) -> list[str]:
    """One line for each task of the run that took an unexpected way or too many messages."""
    lines_of = _lines_by_task(run)
    events_of: dict[str, list[Event]] = {}
    for event in run.events:
        if event.status not in ("stats", "notified"):
            events_of.setdefault(event.task, []).append(event)
    if not run.trace:
        return ["the trace is empty"]
    found = []
    warm: set[tuple[str, str]] = set()
    for task, events in events_of.items():
        way = _wanted_way(events)
        lines = lines_of.get(task, [])
        if way != _FREE:
            found += _wrong_lines(task, way, lines)
        if way in ("module", "command"):
            found += _wrong_counts(task, way, events, lines)
            found += _wrong_round_trips(task, lines, warm)
    return found


def _wrong_counts(task: str, way: str, events: list[Event], lines: list[TraceLine]) -> list[str]:
    wanted = sum(_results(event) for event in events if event.status != "skipped")
    if len(lines) == wanted:
        return []
    return [f"{task}: {len(lines)} requests for {wanted} {way} results"]


def _wrong_round_trips(task: str, lines: list[TraceLine], warm: set[tuple[str, str]]) -> list[str]:
    found = []
    for line in lines:
        place = (line.host, line.action)
        if place in warm and not _is_disturbed(line) and (line.sent, line.received) != (1, 1):
            counts = f"{line.sent} messages sent, {line.received} received"
            found.append(f"{task}: {counts}: {line.reason or 'no reason given'}")
        warm.add(place)
    return found
