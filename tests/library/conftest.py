"""A broker and a router for each test, ended afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import mitogen.master


@pytest.fixture
def router() -> Iterator[mitogen.master.Router]:
    """The router of a program."""
    broker = mitogen.master.Broker()
    router = mitogen.master.Router(broker)
    yield router
    broker.shutdown()
    broker.join(20)
    assert not broker.thread.is_alive()
