"""Compares two runs of the same playbook, field by field, times and temporary names aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.ansible_run import Event, Run

# Fields that tell when or as which process something ran, wherever they appear.
_VOLATILE_FIELDS = frozenset(
    {
        "start", "end", "delta", "atime", "mtime", "ctime", "elapsed", "inode", "uuid",
        "version", "child_pid", "ansible_job_id", "started_at", "job_id", "results_file", "_ansible_delegated_vars",
    }
)  # fmt: skip
# Facts that change between two looks at the same machine.
_VOLATILE_FACTS = frozenset(
    {
        "ansible_date_time", "ansible_uptime_seconds", "ansible_memfree_mb", "ansible_memory_mb",
        "ansible_swapfree_mb", "ansible_mounts", "ansible_loadavg", "ansible_locally_reachable_ips",
        "ansible_entropy_available", "ansible_device_links", "ansible_devices",
    }
)  # fmt: skip
# Lists that come out of a set: their order changes from run to run.
_SETS = frozenset(
    {
        "ansible_interfaces", "ansible_virtualization_tech_guest",
        "ansible_virtualization_tech_host",
    }
)  # fmt: skip
# What an ssh session is named by, another one in each run, and how sudo was started.
_VOLATILE_ENVIRONMENT = frozenset({"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "_", "SUDO_COMMAND"})

# What the first module on an account warns of, whichever way it came there.
_FIRST_RUN = re.compile(r"Module remote_tmp \S+ did not exist and was created")
_NAMES = (
    (re.compile(r"ansible-tmp-[0-9.]+-[0-9]+-[0-9]+"), "ansible-tmp-N"),
    (re.compile(r"ansible-moduletmp-[0-9.]+-[a-z0-9_]{8}"), "ansible-moduletmp-N"),
    (re.compile(r"^\.[a-z0-9_]{8}$"), ".N"),
    (re.compile(r"BECOME-SUCCESS-[a-z]{32}"), "BECOME-SUCCESS-N"),
    (re.compile(r"ansible-local-[0-9]+[a-z0-9_]+"), "ansible-local-N"),
    (re.compile(r"ansible_[a-z0-9_.]+_payload_[a-z0-9_]{8}"), "ansible_payload_N"),
    (re.compile(r"ansible_[a-z0-9_.]+_payload\.zip"), "ansible_payload.zip"),
    # Frames of the program that stock packs a module into.
    (re.compile(r'(  File "<stdin>", line \d+, in \S+\n)+'), ""),
    (re.compile(r"\bansible\.[a-z0-9_]{8}"), "ansible.N"),
    (re.compile(r"\btmp[a-z0-9_]{8}\b"), "tmpN"),
    (re.compile(r"\.ansible_tmp[a-z0-9_]{8}"), ".ansible_tmpN"),
    (re.compile(r"\.source\.[a-z0-9_.]+"), ".source.N"),
    # Ours lie below the home of the user that the task becomes, stock's below the login user's.
    (re.compile(r"(/root|/home/\w+|/var|~\w*)(/\.ansible)?/tmp/ansible-tmp-N"), "T/ansible-tmp-N"),
    (re.compile(r"\.[0-9]+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".BACKUP~"),
    (re.compile(r"j\d+\.\d+"), "jN"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"Paused for [0-9.]+ "), "Paused for N "),
    (re.compile(r"0x[0-9a-f]{8,}"), "0xN"),
)


@dataclass(frozen=True)
class Difference:
    """One field in which the two runs disagree."""

    event: str
    field: str
    stock: Any
    ours: Any

    @property
    def is_of_loading(self) -> bool:
        """Whether it is what a connection plugin of a collection imports that is deprecated.

        We load plugins once. A stock worker loads them anew, and that is said in its task's result.
        """
        is_deprecation = self.field.endswith("deprecations")
        return is_deprecation and "_text' is deprecated" in str(self.stock)

    def __str__(self) -> str:
        stock, ours = (repr(value)[:400] for value in (self.stock, self.ours))
        return f"{self.event}\n    {self.field}:\n      stock {stock}\n      ours  {ours}"


class _Absent:
    def __repr__(self) -> str:
        return "(not there)"


_ABSENT = _Absent()


def _without_first_run(value: dict[str, Any]) -> dict[str, Any]:
    """The result without the warning that tells only which run was the first on an account."""
    warnings = value.get("warnings")
    if not isinstance(warnings, list):
        return value
    left = [text for text in warnings if not _FIRST_RUN.match(str(text))]
    rest = {key: item for key, item in value.items() if key != "warnings"}
    return {**rest, "warnings": left} if left else rest


def normalised(value: Any) -> Any:
    """The value with everything replaced that differs between two runs of the same kind."""
    if isinstance(value, dict):
        skipped = _VOLATILE_FIELDS | _VOLATILE_FACTS | _VOLATILE_ENVIRONMENT
        value = _without_first_run(value)
        kept = {key: normalised(item) for key, item in value.items() if key not in skipped}
        return {key: sorted(item) if key in _SETS else item for key, item in kept.items()}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if isinstance(value, str):
        for pattern, name in _NAMES:
            value = pattern.sub(name, value)
    return value


def _differing_fields(stock: Any, ours: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stock, dict) and isinstance(ours, dict):
        for key in sorted({*stock, *ours}):
            below = f"{path}.{key}" if path else key
            yield from _differing_fields(stock.get(key, _ABSENT), ours.get(key, _ABSENT), below)
    elif isinstance(stock, list) and isinstance(ours, list) and len(stock) == len(ours):
        for index, (left, right) in enumerate(zip(stock, ours, strict=True)):
            yield from _differing_fields(left, right, f"{path}[{index}]")
    elif stock != ours:
        yield path, stock, ours


def _by_key(run: Run) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in run.events:
        key = f"{event.play} | {event.task} | {event.host}"
        found.setdefault(key, []).append(event)
    return found


def differences(stock: Run, ours: Run) -> list[Difference]:
    """All fields of all results in which `ours` is not what `stock` is."""
    left, right = _by_key(stock), _by_key(ours)
    found = []
    for key in list(dict.fromkeys([*left, *right])):
        one, other = left.get(key, []), right.get(key, [])
        if len(one) != len(other):
            found.append(Difference(key, "number of results", len(one), len(other)))
            continue
        for was, now in zip(one, other, strict=True):
            if was.status != now.status:
                found.append(Difference(key, "status", was.status, now.status))
            fields = _differing_fields(normalised(was.result), normalised(now.result), "")
            found += [Difference(key, path, a, b) for path, a, b in fields]
    return found
