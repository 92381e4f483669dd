"""Hosts that were found to have no Python, so that not every task has to find it out. Pure.

Each asking is a login. So the answer is kept, as long as nothing can have changed: what runs on
such a host is `raw` and `script`, which may install a Python. They themselves need none; the next
task that does asks again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ansible_mitogen.broker.failures import HopFailure

#: Seconds after which somebody else may have installed one: a task costs a login as often.
KEPT_SECONDS = 30.0


@dataclasses.dataclass
class _Lack:
    failure: HopFailure
    found: float
    is_in_doubt: bool = False


class Lacks:
    """What is known to have no Python, by key.

    :param clock: returns seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, _Lack] = {}
        self._told: dict[str, HopFailure] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def note(self, key: str, failure: HopFailure) -> HopFailure:
        """*failure* was found out just now; returns it, as known if it was told before."""
        known = dataclasses.replace(failure, is_known=True)
        self._known[key] = _Lack(known, self._clock())
        if self._told.get(key) == failure:
            return known
        self._told[key] = failure
        return failure

    def answer(self, key: str, *, needs_python: bool) -> HopFailure | None:
        """What a task is told without a look; None where one has to be taken.

        :param needs_python: False for a task whose command may change what is there.
        """
        lack = self._known.get(key)
        if lack is None:
            return None
        if not needs_python:
            lack.is_in_doubt = True
        elif lack.is_in_doubt or self._clock() - lack.found >= KEPT_SECONDS:
            del self._known[key]
            return None
        return lack.failure

    def clear(self) -> None:
        """Forget it all."""
        self._known.clear()
        self._told.clear()
