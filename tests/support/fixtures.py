"""The fixtures that tests of every package may ask for; conftest hands them on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import interpreters
from tests.support import sshd as server


@pytest.fixture(scope="session")
def public_folder() -> Iterator[Path]:
    """A folder every user may enter (pytest's own temporary folders are for one user only)."""
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sshd(public_folder: Path) -> Iterator[server.Sshd]:
    """A real sshd with the test accounts, or a skip that says what is missing."""
    missing = server.missing_for_sshd()
    if missing is not None:
        pytest.skip(f"no sshd for tests: {missing}")
    folder = public_folder / "sshd"
    folder.mkdir()
    with server.running_sshd(folder) as running:
        yield running


@pytest.fixture(scope="session")
def public_interpreter(public_folder: Path) -> Callable[[str], str]:
    """`public_interpreter("3.6")`: a path of that Python which every test user can run."""

    def make(version: str) -> str:
        path = interpreters.make_public(version, public_folder)
        if path is None:
            pytest.skip(f"no Python {version} on this machine")
        return str(path)

    return make
