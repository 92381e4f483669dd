"""mitogen.bootstrap.command and first_stage: finding and starting a Python, for real."""

from __future__ import annotations

import marshal
import shutil
import string
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from mitogen.bootstrap import command
from mitogen.errors import EofError, PythonNotFoundError
from tests.bootstrap.driver import NONCE, TITLE, started
from tests.support import interpreters
from tests.support.sshd import Sshd

SHELLS = ("bash", "dash", "zsh", "tcsh", "fish", "csh", "ksh", "busybox")


def fake_program(folder: Path, name: str, script: str) -> str:
    """An executable shell script."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path)


def old_python() -> str:
    """A Python 2, or a skip."""
    found = interpreters.find("2.7")
    if found is None:
        pytest.skip("no Python 2.7 on this machine")
    return str(found)


# What it looks like -----------------------------------------------------------------------------


def test_fits_in_its_budget():
    """The usual command line, with a long title, is at most 900 bytes."""
    title = "mitogen:someuser@host.example.com:12345"
    line = command.remote_command(None, NONCE, title)
    assert len(line) <= 900


@pytest.mark.parametrize("python", [None, ["python3"], ["/usr/bin/env python3", "/opt/x/python"]])
def test_has_no_character_that_a_shell_would_change(python):
    """Between the quotes: no newline, quote, backslash, "!", and no "$", which sudo -i expands."""
    line = command.remote_command(python, NONCE, TITLE)
    assert line.startswith("sh -c '")
    assert line.endswith("'")
    body = line[len("sh -c '") : -1]
    assert not set("\n'\\!$") & set(body)
    assert set(body) <= set(string.printable)
    assert command.remote_argv(python, NONCE, TITLE) == ["sh", "-c", body]


@pytest.mark.parametrize("name", ["it's", "a b;rm -rf x", "$HOME`id`", "", "ü", "!!"])
def test_a_name_with_special_characters_is_made_harmless(name):
    """A remote_name is only shown; nothing in it reaches a shell."""
    body = command.remote_argv(["python3"], NONCE, name)[2]
    plain = command.remote_argv(["python3"], NONCE, "X")[2]
    assert body.replace(plain[:-1], "").strip(string.ascii_letters + "_-") == ""


@pytest.mark.parametrize(
    "python", ["/opt/it's/python", "/opt/$X/python", "'pyth\non'", "a`b`", "py!thon", "'a*b'", "''"]
)
def test_an_interpreter_that_cannot_be_quoted_is_refused(python):
    """What does not survive every shell is refused at once, by name."""
    with pytest.raises(ValueError, match="interpreter|quotation"):
        command.remote_command([python], NONCE, TITLE)


# Through shells and logins ----------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_boots_through_any_login_shell(shell):
    """Each shell hands the command on unchanged."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell} on this machine")
    argv = [path, *(["sh"] if shell == "busybox" else []), "-c", "COMMAND"]
    with started(argv) as child:
        assert child.error is None
        assert child.up is not None


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
@pytest.mark.parametrize(
    "form",
    [
        ["sudo", "-n", "-u", "USER", "-i", "--", "ARGV"],
        ["sudo", "-n", "-u", "USER", "-s", "--", "ARGV"],
        ["sudo", "-n", "-u", "USER", "-H", "--", "ARGV"],
        ["su", "-", "USER", "-c", "COMMAND"],
        ["su", "USER", "-c", "COMMAND"],
    ],
    ids=["sudo-i", "sudo-s", "sudo", "su-", "su"],
)
def test_boots_through_any_login_form(form: list[str], shell: str, sshd: Sshd):
    """A login that has the user's shell read the command once more changes nothing in it."""
    user = sshd.account(shell).username
    with started([word.replace("USER", user) for word in form]) as child:
        assert child.error is None
        assert child.up is not None


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
def test_boots_through_ssh(shell: str, sshd: Sshd):
    """And so does a real ssh login."""
    argv = [*sshd.ssh_argv(sshd.account(shell)), "COMMAND"]
    with started(argv) as child:
        assert child.error is None
        assert child.up is not None


def test_boots_through_two_shells(sshd: Sshd):
    """A command line that passes a login shell and then sudo -i's."""
    account = sshd.account("tcsh")
    line = "sudo -n -u " + sshd.account("fish").username + " -i -- COMMAND"
    with started([*sshd.ssh_argv(account), line]) as child:
        assert child.error is None


# Interpreters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_boots_every_supported_python(version: str):
    """3.6 to 3.13, by source or byte code; what it is is known before anything is sent."""
    python = interpreters.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    with started(python=str(python)) as child:
        assert child.error is None
        assert ".".join(map(str, child.info.version[:2])) == version
        assert Path(child.info.executable).samefile(python)
        assert child.info.optimize == 0
        assert len(child.interpreters) == 1


def test_sees_the_optimisation_level(tmp_path: Path):
    """An interpreter started with -O is not sent byte code of another level."""
    with started(python=[sys.executable, "-O"]) as child:
        assert child.error is None
        assert child.info.optimize == 1


def test_one_start_when_the_first_is_good(tmp_path: Path):
    """Later candidates are not even looked at."""
    spy = fake_program(tmp_path, "python", f"touch {tmp_path}/touched\n")
    with started(python=[[sys.executable], [spy]]) as child:
        assert child.error is None
    assert not (tmp_path / "touched").exists()


def test_goes_on_when_a_candidate_is_missing():
    """By name and by path."""
    python = [["no-such-python"], ["/no/such/python"], [sys.executable]]
    with started(python=python) as child:
        assert child.error is None
        assert child.info.version[:2] == sys.version_info[:2]


def test_goes_on_when_a_candidate_is_too_old():
    """Python 2.7 hands over to the next one, missing ones in between included."""
    python = [[old_python()], ["no-such-python"], [sys.executable]]
    with started(python=python) as child:
        assert child.error is None
        assert child.info.version[:2] == sys.version_info[:2]


def test_only_old_ones():
    """When there are only old ones the error is typed and says which."""
    with started(python=[[old_python()], ["no-such-python"]]) as child:
        assert isinstance(child.error, PythonNotFoundError)
        assert "2.7" in str(child.error)


def test_no_python_at_all():
    """None of the candidates exists: a typed error, no guess from "command not found"."""
    with started(python=[["no-such-python"], ["/no/such"]]) as child:
        assert isinstance(child.error, PythonNotFoundError)
        assert "the test: no Python 3.6 or newer" in str(child.error)


def test_the_usual_candidates_and_an_empty_path():
    """With nothing on PATH the usual candidates end in the same typed error."""
    found = [p for p in command.DEFAULT_CANDIDATES if p.startswith("/") and Path(p).exists()]
    if found:
        pytest.skip(f"{found[0]} exists here")
    env = shutil.which("env")
    # printf, echo and sh still have to be found, python must not.
    with started([env, "PATH=/usr/lib/none", "/bin/sh", "-c", "COMMAND"]) as child:
        assert child.error is not None


def test_a_candidate_with_arguments():
    """A command of several words, as a string and as a list."""
    with started(python="/usr/bin/env " + sys.executable) as child:
        assert child.error is None
    with started(python=["/usr/bin/env", "MITOGEN_TEST=1", sys.executable]) as child:
        assert child.error is None
    with started(python=[["/no/env", "x"], ["/usr/bin/env", sys.executable]]) as child:
        assert child.error is None


def test_a_path_with_a_space(tmp_path: Path):
    """Quoted in a string, or as one word of a list."""
    python = fake_program(tmp_path, "my folder/python", f'exec {sys.executable} "$@"\n')
    with started(python=f'"{python}"') as child:
        assert child.error is None
    with started(python=[[old_python()], [python]]) as child:
        assert child.error is None


def test_a_candidate_that_is_no_python(tmp_path: Path):
    """Its last words and exit status are in the error."""
    python = fake_program(tmp_path, "python", "echo I am not a snake >&2; exit 3\n")
    with started(python=python) as child:
        assert isinstance(child.error, EofError)
        assert "I am not a snake" in str(child.error)


# Surroundings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        "echo Welcome",
        "printf 'no newline at the end'",
        "echo MITOGEN1 0123 none",
        "echo MITOGEN1",
        "head -c 300000 /dev/urandom",
        "echo to stderr >&2",
    ],
)
def test_noise_before_the_marker(noise: str):
    """Login scripts may print what they like, as much as they like."""
    with started(["/bin/sh", "-c", noise + ";COMMAND"]) as child:
        assert child.error is None
        assert child.up is not None
        assert child.up.leftover.startswith(b"(5,")


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_boot_code_in_small_pieces(chunk: int):
    """The first stage waits for all of it, however it arrives."""
    with started(python=sys.executable, chunk=chunk) as child:
        assert child.error is None


def test_nothing_is_imported_from_the_current_directory(tmp_path: Path):
    """Whoever may write to the directory of the login must not choose what root runs."""
    (tmp_path / "zlib.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "marshal.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "mitogen.py").write_text("raise SystemExit('taken over')")
    with started(["/bin/sh", "-c", f"cd {tmp_path};COMMAND"]) as child:
        assert child.error is None


def test_the_boot_code_wins_over_an_installed_package(tmp_path: Path):
    """A `mitogen` of whatever version that is installed there is not looked at."""
    (tmp_path / "mitogen").mkdir()
    (tmp_path / "mitogen" / "__init__.py").write_text("raise SystemExit('the installed one')")
    with started(["/bin/sh", "-c", f"export PYTHONPATH={tmp_path};COMMAND"]) as child:
        assert child.error is None


def test_a_link_that_closes_early_ends_the_interpreter():
    """A first stage whose parent has gone ends by itself, with an error."""
    argv = command.remote_argv([sys.executable], NONCE, TITLE)
    done = subprocess.run(argv, input=b"", capture_output=True, timeout=30)
    assert done.returncode != 0


def test_the_first_stage_imports_nothing_slow():
    """Start-up time is the product: little more is loaded than a bare interpreter has."""
    probe = "import sys;print(*sys.modules)"
    bare = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=30)
    boot_code = zlib.compress(marshal.dumps({"": probe}))
    done = subprocess.run(
        command.remote_argv([[sys.executable]], NONCE, TITLE),
        input=command.boot_message(boot_code, b""),
        capture_output=True,
        timeout=30,
    )
    more = set(done.stdout.decode().splitlines()[-1].split()) - set(bare.stdout.split())
    assert more <= {"zlib", "binascii"}
