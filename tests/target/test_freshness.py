"""What a context notices of what it was started from, and that nothing runs in one that is old."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_mitogen.target.freshness import Freshness
from tests.support import interpreters
from tests.target.conftest import Host

METHODS = ("local", "ssh", "sudo")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What is in front of /etc."""
    for folder in ("sudoers.d", "security/limits.d", "pam.d"):
        (tmp_path / "etc" / folder).mkdir(parents=True)
    for name in ("passwd", "group", "environment", "sudoers", "sudoers.d/one"):
        (tmp_path / "etc" / name).write_text("before\n")
    return tmp_path


def _noticed(freshness: Freshness) -> set[str]:
    """The methods of which a job would not be run."""
    return {method for method in METHODS if freshness.why_stale(method)}


_HOME = pwd.getpwuid(os.getuid()).pw_dir.lstrip("/")


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("etc/environment", {"ssh", "sudo"}),
        ("etc/security/pam_env.conf", {"ssh", "sudo"}),
        (f"{_HOME}/.pam_environment", {"ssh", "sudo"}),
        ("etc/sudoers", {"sudo"}),
        ("etc/sudoers.d/one", {"sudo"}),
        ("etc/sudoers.d/other", {"sudo"}),
        ("etc/security/limits.conf", {"sudo"}),
        ("etc/security/limits.d/other.conf", {"sudo"}),
        ("etc/hosts", set()),
    ],
)
def test_changed_files(root: Path, name: str, methods: set[str]) -> None:
    """Made, written to, replaced by the same, removed: each is noticed where it matters."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    freshness = Freshness(str(root))
    assert _noticed(freshness) == set()
    path.write_text("after\n")
    assert _noticed(freshness) == methods
    for change in (_replace, Path.unlink):
        freshness = Freshness(str(root))
        change(path)
        assert _noticed(freshness) == methods


def _replace(path: Path) -> None:
    other = path.with_name("draft")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def test_whoever_became_the_account(root: Path) -> None:
    """What that account's login was made from matters too; then it is the login that is old."""
    home = root / "home/caller"
    home.mkdir(parents=True)
    caller = ("caller", 1, 1, "/home/caller", "/bin/bash")
    own = ("own", 2, 2, "/home/own", "/bin/bash")
    for name, is_login in (("caller/.pam_environment", True), ("own/.pam_environment", False)):
        freshness = Freshness(str(root), lambda: [own, caller])
        (root / "home" / name).parent.mkdir(exist_ok=True)
        (root / "home" / name).write_text("x\n")
        stale = freshness.why_stale("sudo")
        assert stale is not None
        assert stale.is_login is is_login


def test_the_reason_names_the_file(root: Path) -> None:
    """People are told why."""
    freshness = Freshness(str(root))
    (root / "etc/environment").write_text("after\n")
    stale = freshness.why_stale("ssh")
    assert stale is not None
    assert stale.reason == f"{root}/etc/environment has changed"
    assert stale.is_login


def test_other_peoples_accounts(root: Path) -> None:
    """Another user or group added makes no difference; one's own does, for good."""
    groups: list[int] = []
    freshness = Freshness(str(root), lambda: [None, ("x", 1, 1, "/x", "sh", *groups)])
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text("somebody new\n")
        assert _noticed(freshness) == set()
    groups.append(1)
    assert _noticed(freshness) == set()  # nobody looks while the files are the same
    (root / "etc/group").write_text("one more\n")
    assert _noticed(freshness) == {"sudo"}
    assert _noticed(freshness) == {"sudo"}


def test_passwords(root: Path) -> None:
    """Somebody else's makes no difference, one's own does."""
    shadow = root / "etc/shadow"
    name = pwd.getpwuid(os.getuid()).pw_name
    shadow.write_text(f"{name}:one:1::::::\n")
    freshness = Freshness(str(root))
    shadow.write_text(f"{name}:one:1::::::\n{name}x:other:1::::::\n")
    assert _noticed(freshness) == set()
    shadow.write_text(f"{name}:two:1::::::\n")
    assert _noticed(freshness) == {"sudo"}


@pytest.mark.parametrize("version", interpreters.available())
def test_a_replaced_interpreter(
    version: str, make_host: Callable[..., Host], tmp_path: Path
) -> None:
    """Nothing runs any more in a context whose interpreter is another one now, or is gone."""
    original = interpreters.find(version)
    assert original is not None
    python = tmp_path / "python"
    python.symlink_to(original)
    host = make_host(python=python)
    made = tmp_path / "made"
    job = {"job_id": "1", "argv": ["touch", str(made)], "method": "local"}
    assert host.run(job)["ended"] == "exit"
    made.unlink()
    python.unlink()
    gone = host.run(job)
    python.symlink_to("/bin/sh")
    for result in (gone, host.run(job)):
        assert (result["ended"], result["detail"]) == ("stale-login", f"{python} has been replaced")
    assert not made.exists()
