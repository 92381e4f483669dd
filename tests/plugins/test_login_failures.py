"""What a login that fails is to Ansible, and which is tried again, as the stock plugin does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError

from ansible_mitogen import protocol
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.session import NotForUsError, Session, Target, UnknownHostError
from ansible_mitogen.stack import Hop
from tests.plugins.test_client import ScriptedBroker


@contextlib.contextmanager
def _session(failure: FailureKind, password: str | None) -> Iterator[tuple[Session, list[int]]]:
    """A session with one more try, whose logins all fail so; and the tries."""
    tries: list[int] = []

    def script(record: protocol.Record) -> Iterator[protocol.Record]:
        tries.append(record.request)
        yield protocol.Failed(record.request, failure, "ssh", "no entry", is_known=False)

    near, far = socket.socketpair(socket.AF_UNIX)
    broker = ScriptedBroker(far, script)
    stack = [Hop("ssh", {"hostname": "h", "password": password}), Hop("sudo", {"password": "x"})]
    session = Session(Target(stack, retries=1), lambda: near)
    try:
        yield session, tries
    finally:
        session.close()
        broker.thread.join(10)


@pytest.mark.parametrize(
    ("failure", "password", "count", "error"),
    [
        (FailureKind.CONNECT, None, 2, AnsibleConnectionFailure),
        (FailureKind.CONNECT, "x", 2, AnsibleConnectionFailure),
        # The account of a host that is just being set up may come later than its ssh server ...
        (FailureKind.AUTHENTICATION, None, 2, AnsibleConnectionFailure),
        (FailureKind.HOST_KEY, None, 2, AnsibleConnectionFailure),
        # ... but no account gets locked for wrong passwords.
        (FailureKind.AUTHENTICATION, "x", 1, AnsibleAuthenticationFailure),
        (FailureKind.HOST_KEY, "x", 1, UnknownHostError),
        (FailureKind.PASSWORD_WRONG, None, 1, AnsibleError),
        (FailureKind.NO_PYTHON, None, 1, NotForUsError),
    ],
)
def test_which_is_tried_again(
    failure: FailureKind, password: str | None, count: int, error: type[Exception]
) -> None:
    """What may pass, unless it is about a password."""
    with _session(failure, password) as (session, tries):
        with pytest.raises(error) as caught:
            session.open()
        assert type(caught.value) is error
        assert len(tries) == count
