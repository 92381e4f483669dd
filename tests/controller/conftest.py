"""A broker for tests of what runs on its thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mitogen.runtime.broker import Broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A plain broker."""
    broker = Broker()
    yield broker
    broker.shutdown()
    broker.join(20)
    assert not broker.thread.is_alive()
