"""Contexts with a zygote, and jobs run in them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.plugins import loader as loaders

import mitogen.master
from ansible_mitogen.target.records import CANCEL_HANDLE, JOB_HANDLE
from mitogen.core import Message
from tests.support import interpreters
from tests.target.packed import Outcome

SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def plugin_loader() -> None:
    """As the command line programs do."""
    if not getattr(loaders.init_plugin_loader, "was_called", False):
        loaders.init_plugin_loader()


@pytest.fixture(scope="session", autouse=True)
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The temporary folder that Ansible makes for each run."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
        yield folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where modules of our own lie."""
    return tmp_path_factory.mktemp("library")


class Host:
    """A context and what is run there."""

    def __init__(self, context: Any, python: str) -> None:
        self.context = context
        self.python = python

    def start(self, job: dict[str, Any]) -> Any:
        """Send a job; its receiver."""
        return self.context.send_async(Message.pickled(job, handle=JOB_HANDLE))

    def result(self, receiver: Any) -> dict[str, Any]:
        """The result of a job that was started."""
        result: dict[str, Any] = receiver.get(timeout=SECONDS).unpickle()
        return result

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run a job to its end."""
        return self.result(self.start(job))

    def outcome(self, job: dict[str, Any]) -> Outcome:
        """Run a job that ends on its own."""
        result = self.run(job)
        assert result["ended"] in {"exit", "signal"}, result
        return Outcome(result["rc"], result["stdout"], result["stderr"])

    def cancel(self, job_id: str) -> None:
        """Have a job ended."""
        self.context.send(Message.pickled(job_id, handle=CANCEL_HANDLE))


@contextlib.contextmanager
def make_router() -> Iterator[mitogen.master.Router]:
    """A router whose contexts have a zygote; ended with all of them afterwards."""
    broker = mitogen.master.Broker()
    yield mitogen.master.Router(
        broker,
        early_hook="ansible_mitogen.target.hook:start",
        bundle_extra=("ansible_mitogen.target",),
    )
    broker.shutdown()
    broker.join(20)
    assert not broker.thread.is_alive()


@pytest.fixture
def make_host() -> Iterator[Callable[..., Host]]:
    """``make_host("3.9")``: a new local context of that Python; our own without a version."""
    with make_router() as router:

        def make(version: str | None = None, python: Path | None = None) -> Host:
            if python is None:
                python = Path(sys.executable) if version is None else interpreters.find(version)
            if python is None:
                pytest.skip(f"no Python {version} on this machine")
            return Host(router.local(python_path=str(python)), str(python))

        yield make


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A context of our own Python. No test leaves anything in it, which is the point of it."""
    with make_router() as router:
        yield Host(router.local(python_path=sys.executable), sys.executable)
