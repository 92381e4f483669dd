"""Fixtures every test gets or may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import leaks, processes
from tests.support.fixtures import public_folder, public_interpreter, sshd

__all__ = ["nothing_left_behind", "public_folder", "public_interpreter", "sshd"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Slow tests are for `make test-all`."""
    parser.addoption("--all", action="store_true", help="run the slow tests, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out unless they are asked for."""
    if config.getoption("--all"):
        return
    slow = [item for item in items if item.get_closest_marker("slow") is not None]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the process for leak checks before anything is started."""
    config.addinivalue_line(
        "markers", "leaks_allowed(reason): what the test leaves behind is not looked at"
    )
    config.addinivalue_line("markers", "slow: run by `make test-all` only (--all)")
    processes.become_subreaper()
    leaks.FORKS.install()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[leaks.Snapshot]:
    """Fail a test that leaves a thread, a descriptor or a child process behind."""
    snapshot = leaks.Snapshot.take()
    yield snapshot
    if request.node.get_closest_marker("leaks_allowed") is not None:
        return
    left = snapshot.leaks()
    if left:
        pytest.fail("the test left behind:\n  " + "\n  ".join(left), pytrace=False)
