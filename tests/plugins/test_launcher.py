"""Where the broker's socket is, and who may use it."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_mitogen import launcher


def test_the_place_is_private(tmp_path):
    """The directory is ours alone, and the same for everybody who asks for the run."""
    place = launcher.find_place(123, [tmp_path])
    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700
    assert launcher.find_place(123, [tmp_path]) == place
    assert launcher.find_place(124, [tmp_path]) != place


def test_a_long_path_is_passed_over(tmp_path):
    """A long TMPDIR cannot hold a UNIX socket; the next directory does."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    short = tmp_path / "s"
    short.mkdir()
    place = launcher.find_place(1, [long, short])
    assert place.directory.parent == short
    with pytest.raises(launcher.NoDirectoryError, match="too long"):
        launcher.find_place(1, [long])


def test_a_directory_open_to_others_is_refused(tmp_path):
    """Somebody may have made it for us: its mode gives that away."""
    planted = launcher.find_place(5, [tmp_path]).directory
    planted.chmod(0o777)
    with pytest.raises(launcher.NoDirectoryError, match="open to others"):
        launcher.find_place(5, [tmp_path])


def test_a_symbolic_link_is_refused(tmp_path):
    """A link of our name to elsewhere is not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / f"ansible-mitogen-{os.geteuid()}-6").symlink_to(elsewhere)
    with pytest.raises(launcher.NoDirectoryError, match="somebody else"):
        launcher.find_place(6, [tmp_path])


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a directory away takes root")
def test_a_directory_of_somebody_else_is_refused(tmp_path):
    """A directory that another user owns is never used, whatever its mode."""
    planted = launcher.find_place(7, [tmp_path]).directory
    os.chown(planted, 65534, 65534)
    with pytest.raises(launcher.NoDirectoryError, match="somebody else"):
        launcher.find_place(7, [tmp_path])


def test_candidates_are_absolute(monkeypatch):
    """A relative TMPDIR means another directory to each process."""
    monkeypatch.setenv("TMPDIR", "relative")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    bases = [str(base) for base in launcher.candidate_bases()]
    assert bases == ["/run/user/1", "/tmp", "/var/tmp"]
