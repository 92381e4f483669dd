"""What the parent process of a run tells its broker."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from ansible_mitogen import parent


class Broker:
    """Stands for a running one: what a connection to it is."""

    def __init__(self, connection: socket.socket | None) -> None:
        self._connection = connection

    def connect(self) -> socket.socket | None:
        """As said."""
        if self._connection is None:
            raise FileNotFoundError("no socket any more")
        return self._connection


def _lost() -> Broker:
    near, far = socket.socketpair()
    far.close()
    return Broker(near)


@pytest.mark.parametrize(
    ("start", "is_said"), [(lambda: None, False), (lambda: Broker(None), True), (_lost, True)]
)
def test_a_batch_that_nobody_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    start: Callable[[], Broker | None],
    is_said: bool,
) -> None:
    """The run goes on: what has ended keeps no login."""
    monkeypatch.setattr(parent, "start_with_parent", start)
    monkeypatch.setattr(parent.display, "verbosity", 2)
    parent.end_batch()
    assert ("cannot be told" in capsys.readouterr().out) is is_said
