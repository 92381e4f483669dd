"""Which interpreter a module restarts itself under, as seen on one context.

A module may restart itself for want of a library, and then it is enough to know the module. It may
also do so for what it is asked to do, so that any other than those that are known to ask for
nothing but the library has to be asked for the same thing again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_mitogen.target import records

#: They restart whenever the interpreter lacks a library, whatever their arguments say. Where they
#: lack it after all, they ask about restarts, which the target notices.
_BY_LIBRARY = frozenset(
    {
        "ansible.modules.apt",
        "ansible.modules.apt_repository",
        "ansible.modules.deb822_repository",
        "ansible.modules.dnf",
        "ansible.modules.dnf5",
        "ansible.modules.package_facts",
        "ansible.modules.yum",
    }
)

#: How many calls of one module are remembered, on one context.
_MAX_CALLS = 1000


@dataclasses.dataclass(frozen=True)
class Restart:
    """A restart that is to be expected: where, and what has to be as it was then."""

    interpreter: str
    #: Stamps by path; that of the interpreter is among them.
    unchanged: Mapping[str, str]

    @property
    def stamp(self) -> str:
        """Says which interpreter it is that has this name."""
        return self.unchanged[self.interpreter]

    def result_of(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a foreseen job as that of the process which would have waited for it."""
        found = {**result, "interpreter": self.interpreter}
        status = result.get("rc")
        if result.get("ended") == records.SIGNALLED and isinstance(status, int):
            # `sys.exit(-number)`, for that is how Python's `subprocess` counts signals.
            status = 256 - (status - 128)
            return {**found, "ended": records.EXITED, "detail": "", "rc": status}
        return found

    @classmethod
    def from_value(cls, value: Any) -> Restart | None:
        """The restart that a result tells of; None when it tells of none."""
        if not isinstance(value, dict):
            return None
        interpreter, unchanged = value.get("interpreter"), value.get("unchanged")
        if not isinstance(interpreter, str) or not isinstance(unchanged, dict):
            return None
        texts = [text for pair in unchanged.items() for text in pair]
        if interpreter not in unchanged or not all(isinstance(text, str) for text in texts):
            return None
        return cls(interpreter, unchanged)


class Respawns:
    """The restarts that were seen on one context."""

    def __init__(self) -> None:
        #: By module and call.
        self._seen: dict[str, dict[str, Restart]] = {}
        #: Calls and interpreters that it did not work with.
        self._given_up: set[str] = set()

    def learn(self, job: Mapping[str, Any], restart: Restart) -> None:
        """The module of *job* restarted itself."""
        calls = self._seen.setdefault(job["module_fqn"], {})
        if len(calls) < _MAX_CALLS:
            calls[_call(job)] = restart

    def foresee(self, job: Mapping[str, Any]) -> Restart | None:
        """The restart to be expected of *job*."""
        calls = self._seen.get(job.get("module_fqn", ""))
        if not calls:
            return None
        call = _call(job)
        restart = calls.get(call)
        if restart is None or not self._given_up.isdisjoint({call, restart.interpreter}):
            return None
        return restart

    def forget(self, job: Mapping[str, Any]) -> None:
        """Wait for the module of *job* to restart itself anew."""
        self._seen[job["module_fqn"]].pop(_call(job), None)

    def give_up(self, job: Mapping[str, Any]) -> None:
        """Never again foresee a restart of the module of *job*."""
        self._given_up.add(_call(job))

    def give_up_interpreter(self, interpreter: str) -> None:
        """Never again foresee a restart under *interpreter*."""
        self._given_up.add(interpreter)


def _call(job: Mapping[str, Any]) -> str:
    """The same for calls whose module restarts itself under the same conditions."""
    name: str = job["module_fqn"]
    if name in _BY_LIBRARY:
        return name
    given = json.loads(job["arguments"])["ANSIBLE_MODULE_ARGS"]
    # What the core adds does not say what the module is to do, but for check mode.
    kept = {
        key: value
        for key, value in given.items()
        if not key.startswith("_ansible_") or key == "_ansible_check_mode"
    }
    text = json.dumps([name, kept, job.get("environment"), job.get("cwd")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
