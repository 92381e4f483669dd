"""A broker and a router for each test, ended afterwards, and ways to connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mitogen.master
from tests.support.sshd import Sshd

#: ``connect(account, **options) -> Context``.
Connect = Callable[..., Any]

_LOGIN_SCRIPTS = {"bash": ".bashrc", "zsh": ".zshenv", "tcsh": ".cshrc",
                  "fish": ".config/fish/config.fish"}  # fmt: skip


@pytest.fixture
def router() -> Iterator[mitogen.master.Router]:
    """The router of a program."""
    broker = mitogen.master.Broker()
    router = mitogen.master.Router(broker)
    yield router
    broker.shutdown()
    broker.join(20)
    assert not broker.thread.is_alive()


@pytest.fixture
def ssh(router: Any, sshd: Sshd) -> Connect:
    """``ssh("plain")``: a context of the test account of that name."""

    def connect(suffix: str, **options: Any) -> Any:
        given = {
            "hostname": sshd.host,
            "port": sshd.port,
            "username": sshd.account(suffix).username,
            "ssh_args": ["-F", str(sshd.client_config)],
            "python_path": "/usr/bin/python3",
        }
        return router.ssh(**{**given, **options})

    return connect


@pytest.fixture
def login_script(sshd: Sshd) -> Iterator[Callable[[str, str], None]]:
    """``login_script("bash", "echo hello")``: what that account runs at each login."""
    made: list[tuple[Path, str | None]] = []

    def write(suffix: str, text: str) -> None:
        path = Path(sshd.account(suffix).home) / _LOGIN_SCRIPTS[suffix]
        made.append((path, path.read_text() if path.exists() else None))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    yield write
    for path, before in made:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
