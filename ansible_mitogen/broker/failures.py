"""What a failed hop means to Ansible: from our exceptions to the protocol's kinds."""

from __future__ import annotations

import dataclasses

from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.stack import ESCALATIONS, Hop
from mitogen import errors

#: Not to be tried again.
_REFUSALS = frozenset(
    {
        FailureKind.AUTHENTICATION,
        FailureKind.HOST_KEY,
        FailureKind.PASSWORD_MISSING,
        FailureKind.PASSWORD_WRONG,
    }
)
#: What ssh returns when it failed itself; anything else is of the command that it ran there.
_SSH_FAILED = 255
#: What programs that enter containers return when there is no such command; all else is theirs.
_NO_COMMAND = frozenset({126, 127})


@dataclasses.dataclass(frozen=True)
class HopFailure:
    """Why a hop did not come up."""

    kind: FailureKind
    hop: str
    message: str
    #: Whether it was told before.
    is_known: bool = False


def classify(hop: Hop, error: BaseException, name: str = "") -> HopFailure:
    """The failure that *error* of a *hop* stands for.

    :param name: our name for the place, which says nothing to users of Ansible.
    """
    text = str(error).removeprefix(f"{name}: ")
    return HopFailure(_kind(hop, error), hop.method, text or type(error).__name__)


def lost(method: str) -> HopFailure:
    """A hop went away while somebody waited for one behind it."""
    return HopFailure(FailureKind.CONNECT, method, f"the {method} connection was lost")


def on_the_way(failure: HopFailure, where: str) -> HopFailure:
    """*failure* of a hop that leads to the host's own: whatever it was, the host is unreachable.

    :param where: describes the hop.
    """
    kind = failure.kind
    if kind in _REFUSALS:
        kind = FailureKind.AUTHENTICATION
    elif kind is not FailureKind.INTERNAL:
        kind = FailureKind.CONNECT
    return HopFailure(kind, failure.hop, f"on the way there, at {where}: {failure.message}")


def _kind(hop: Hop, error: BaseException) -> FailureKind:
    # Their failure makes a host unreachable. Others escalate.
    is_login = hop.method not in ESCALATIONS
    if isinstance(error, errors.PythonNotFoundError):
        return FailureKind.NO_PYTHON
    if isinstance(error, errors.PasswordError):
        if is_login:
            return FailureKind.AUTHENTICATION
        if hop.options.get("password") is None:
            return FailureKind.PASSWORD_MISSING
        return FailureKind.PASSWORD_WRONG
    if is_login and isinstance(error, errors.HostKeyError):
        return FailureKind.HOST_KEY
    if is_login and isinstance(error, errors.StreamError) and _was_reached(hop.method, error):
        # What is called Python there is none, or could not be started.
        return FailureKind.NO_PYTHON
    if hop.method == "wrapped" and isinstance(error, errors.StreamError):
        # It may be that its program leads there, but passes no bytes as they are.
        return FailureKind.UNSUPPORTED
    if isinstance(error, (errors.StreamError, OSError)):
        return FailureKind.CONNECT if is_login else FailureKind.BECOME
    if isinstance(error, (TypeError, ValueError, LookupError)):
        return FailureKind.UNSUPPORTED
    return FailureKind.INTERNAL


def _was_reached(method: str, error: errors.StreamError) -> bool:
    """Whether what failed is what was started there, and not the program that leads there."""
    exit_status: int | None = getattr(error, "exit_status", None)
    if error.was_reached or exit_status is None:
        return error.was_reached
    if method in {"ssh", "local"}:
        return 0 <= exit_status != _SSH_FAILED
    return exit_status in _NO_COMMAND
