"""How many contexts the tree keeps: beyond that, the one that idles longest makes room. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_mitogen.broker.tree import Node

#: Variable of the environment for `Bounds.interpreters`.
VARIABLE = "MITOGEN_MAX_INTERPRETERS"
DEFAULT_INTERPRETERS = 20

#: Seconds that a context is kept which nobody uses: more than a round of long tasks over many
#: hosts takes, so that a host is logged in to once, and little enough for batches (``serial``) to
#: let go of the hosts that are done.
IDLE_SECONDS = 300.0

#: Descriptors that a login takes where it starts: its link, what it says besides, and one while it
#: starts.
_PER_LOGIN = 3
#: The limit that accounts usually have, also where it cannot be looked at.
_USUAL_DESCRIPTORS = 1_024
#: Those left for everything else: workers, which are as many as forks, caches, the log.
_RESERVED = 128


class BadBoundError(ValueError):
    """The variable's value is no bound."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{VARIABLE} is {text!r}, and has to be a number from 1 on; it is taken as"
            f" {DEFAULT_INTERPRETERS}"
        )


def too_many_forks(forks: int, descriptors: int) -> str:
    """What to say of that many hosts at once and *descriptors*; '' when they fit."""
    fitting = logins_for(descriptors)
    if forks <= fitting:
        return ""
    return (
        f"forks is {forks}, but only {fitting} connections at once fit into the {descriptors} files"
        " that a process may have open here (ulimit -n): hosts beyond that may be unreachable"
    )


def logins_for(descriptors: int) -> int:
    """How many logins fit, at most that many *descriptors* being open at once."""
    return max((descriptors - _RESERVED) // _PER_LOGIN, 8)


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What is kept at most; more where nothing of it idles.

    :ivar interpreters: accounts that tasks became behind one login.
    :ivar logins: logins that start here.
    :ivar behind: logins that start in one account of another host.
    :ivar idle: seconds that one is kept which nobody uses.
    """

    interpreters: int = DEFAULT_INTERPRETERS
    logins: int = 1 << 30
    behind: int = logins_for(_USUAL_DESCRIPTORS)
    idle: float = IDLE_SECONDS


def interpreters_from(environment: Mapping[str, str]) -> int:
    """The bound that the user set, or the default.

    :raises BadBoundError: it is none.
    """
    text = environment.get(VARIABLE, "").strip() or str(DEFAULT_INTERPRETERS)
    if not text.isdecimal() or int(text) < 1:
        raise BadBoundError(text)
    return int(text)


def to_make_room(nodes: Iterable[Node], limit: int) -> list[Node]:
    """Those of *nodes*, all of a kind, that have to go for one more to be within *limit*.

    The longest unused first. Where too few are idle, all that are.
    """
    found = list(nodes)
    excess = len(found) + 1 - limit
    if excess <= 0:
        return []
    idle = [node for node in found if is_idle(node)]
    return sorted(idle, key=lambda node: node.used)[:excess]


def is_idle(node: Node) -> bool:
    """Whether nothing runs there or behind it, and nothing is on its way."""
    return not any(member.holds or not member.is_up for member in node.subtree())
