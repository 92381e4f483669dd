"""mitogen.methods.sudo: command lines, what sudo says in many languages, and the real one."""

from __future__ import annotations

import os
import shutil

import pytest

import mitogen.sudo
from mitogen import methods
from mitogen.errors import EofError
from mitogen.methods.sudo import PROMPT
from tests.bootstrap.driver import started
from tests.methods.replay import recorded_json, replay
from tests.support.sshd import Sshd

SUDO = methods.find("sudo")
LANGUAGES = recorded_json("sudo_languages.json")
RS = recorded_json("sudo_rs.json")


def argv(**given: object) -> list[str]:
    return SUDO.argv(methods.build_options(SUDO, **given), ["sh", "-c", "BODY"], "COMMAND")


def test_the_usual_command_line():
    """root, without a question, the command as an argument list."""
    assert argv() == ["sudo", "-u", "root", "-n", "--", "sh", "-c", "BODY"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"password": "x"}, ["-u", "root", "-p", PROMPT]),
        ({"username": "bob", "login": True}, ["-u", "bob", "-n", "-i"]),
        ({"preserve_env": True, "set_home": True}, ["-u", "root", "-n", "-E", "-H"]),
        ({"selinux_role": "r", "selinux_type": "t"}, ["-u", "root", "-n", "-r", "r", "-t", "t"]),
        # Arguments that stand for an option of ours.
        ({"sudo_args": ["-H", "-E", "-i"]}, ["-u", "root", "-n", "-E", "-H", "-i"]),
        ({"sudo_args": ["-HE", "--login"]}, ["-u", "root", "-n", "-E", "-H", "-i"]),
        ({"sudo_args": ["-u", "bob"]}, ["-u", "bob", "-n"]),
        ({"sudo_args": ["-ubob"]}, ["-u", "bob", "-n"]),
        ({"sudo_args": ["--user=bob"]}, ["-u", "bob", "-n"]),
        ({"sudo_args": ["--user", "bob"]}, ["-u", "bob", "-n"]),
        ({"sudo_args": ["-Hu", "bob"]}, ["-u", "bob", "-n", "-H"]),
        ({"sudo_args": ["--role=r", "-t", "t"]}, ["-u", "root", "-n", "-r", "r", "-t", "t"]),
        ({"sudo_args": ["-u", "bob"], "username": "eve"}, ["-u", "eve", "-n"]),
        # Everything else is passed on.
        ({"sudo_args": ["-g", "adm", "-P"]}, ["-u", "root", "-n", "-g", "adm", "-P"]),
        ({"sudo_args": ["--chdir=/x", "-k"]}, ["-u", "root", "-n", "--chdir=/x", "-k"]),
        ({"sudo_args": ["--group", "adm"]}, ["-u", "root", "-n", "--group=adm"]),
        # How it asks is our business.
        ({"sudo_args": ["-n", "-S", "-p", "x:", "--prompt=y", "-b", "--"]}, ["-u", "root", "-n"]),
        (
            {"sudo_args": ["--preserve-env=PATH,LANG"]},
            ["-u", "root", "-n", "--preserve-env=PATH,LANG"],
        ),
    ],
)
def test_options(given: dict[str, object], expected: list[str]):
    """Keywords and sudo_args come to one command line."""
    words = argv(**given)
    assert words[0] == "sudo"
    assert words[1 : words.index("--")] == expected
    assert words[words.index("--") :] == ["--", "sh", "-c", "BODY"]


@pytest.mark.parametrize(
    ("arguments", "error"), [(["-u"], ValueError), (["--user"], ValueError), ("-H", TypeError)]
)
def test_arguments_that_cannot_be(arguments: object, error: type[Exception]):
    """Said at the caller."""
    with pytest.raises(error):
        argv(sudo_args=arguments)


def test_names_of_contexts():
    """By the user."""
    assert SUDO.default_name(methods.build_options(SUDO)) == "sudo.root"
    given = methods.build_options(SUDO, sudo_args=["-u", "bob"])
    assert SUDO.default_name(given) == "sudo.bob"


# What sudo says ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_question_in_any_language(language: str):
    """Answered once; without a password it is an error of that type."""
    question = LANGUAGES[language]["question"].encode()
    assert replay(question, "sudo", ends=False, password="pw").answers == [b"pw\n"]
    error = replay(question, "sudo", ends=False).error
    assert isinstance(error, mitogen.sudo.PasswordError)


@pytest.mark.parametrize("question", [b"Sesame? ", b"mitogen sudo password:"])
def test_questions_of_ones_own(question: bytes):
    """Those of a PAM module that asks in no language, and sudo's own, which is ours."""
    given = {"password": "pw", "password_prompt": "Sesame?", "incorrect_prompts": ["alas"]}
    outcome = replay(question + b"\nAlas, no\n", "sudo", **given)
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.sudo.PasswordError)
    assert replay(b"Password: ", "sudo", ends=False, **given).answers == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_password_is_required_in_any_language(language: str):
    """What `sudo -n` says."""
    error = replay(LANGUAGES[language]["required"].encode(), "sudo").error
    assert isinstance(error, mitogen.sudo.PasswordError)


@pytest.mark.parametrize("language", sorted(k for k, v in LANGUAGES.items() if "wrong" in v))
def test_a_wrong_password_in_any_language(language: str):
    """Seen at the second question, not by its words."""
    outcome = replay(LANGUAGES[language]["wrong"].encode(), "sudo", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.sudo.PasswordError)
    assert "did not accept" in str(outcome.error)


@pytest.mark.parametrize("language", sorted(k for k, v in LANGUAGES.items() if "denied" in v))
def test_not_in_sudoers_in_any_language(language: str):
    """No password error: sudo's own words."""
    outcome = replay(LANGUAGES[language]["denied"].encode(), "sudo", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert type(outcome.error) is EofError
    assert "alice" in str(outcome.error)


@pytest.mark.parametrize("name", ["question", "own_question"])
def test_sudo_rs_asks(name: str):
    """The rewrite in Rust has a prompt of its own."""
    question = RS[name].encode()
    assert replay(question, "sudo", ends=False, password="pw").answers == [b"pw\n"]


@pytest.mark.parametrize("name", ["required", "required_without_tty", "no_tty"])
def test_sudo_rs_requires_a_password(name: str):
    """In its own words."""
    error = replay(RS[name].encode(), "sudo").error
    assert isinstance(error, mitogen.sudo.PasswordError)


def test_sudo_rs_does_not_accept_a_password():
    """Seen at the second question."""
    outcome = replay(RS["wrong"].encode(), "sudo", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.sudo.PasswordError)


@pytest.mark.parametrize("name", ["denied", "denied_n", "unknown_user"])
def test_sudo_rs_says_no(name: str):
    """Its line is the reason."""
    error = replay(RS[name].encode(), "sudo", password="pw").error
    assert type(error) is EofError
    assert RS[name].strip() in str(error)


def test_a_terminal_is_wanted():
    """The advice is how to do without."""
    error = replay(b"sudo: sorry, you must have a tty to run sudo\n", "sudo").error
    assert type(error) is EofError
    assert "requiretty" in str(error)


# The real one -----------------------------------------------------------------------------------


def as_user(sshd: Sshd, suffix: str, tmp_path: object) -> str:
    """A program that is sudo, run by that user."""
    user = sshd.account(suffix).username
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    path = sshd.folder / f"sudo-of-{suffix}"
    path.write_text(
        f'#!/bin/sh\nexec setpriv --reuid {user} --regid {user} --init-groups sudo -k "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


def test_becomes_another_user(sshd: Sshd, tmp_path: object):
    """Without a password where none is needed."""
    with started(method="sudo", sudo_path=as_user(sshd, "bash", tmp_path)) as child:
        assert child.error is None


def test_becomes_root_with_a_password(sshd: Sshd, tmp_path: object):
    """Typed at sudo's terminal; data does not pass the terminal."""
    path = as_user(sshd, "sudopass", tmp_path)
    password = sshd.account("sudopass").password
    with started(method="sudo", sudo_path=path, password=password) as child:
        assert child.error is None
        assert child.answers == 1
        assert password not in repr(child.lines)


def test_login_shell(sshd: Sshd, tmp_path: object):
    """sudo -i, as a user with another shell."""
    given = {"username": sshd.account("zsh").username, "login": True}
    with started(method="sudo", sudo_path=as_user(sshd, "bash", tmp_path), **given) as child:
        assert child.error is None


def test_a_password_is_needed(sshd: Sshd, tmp_path: object):
    """And none was given."""
    with started(method="sudo", sudo_path=as_user(sshd, "sudopass", tmp_path)) as child:
        assert isinstance(child.error, mitogen.sudo.PasswordError)


def test_a_wrong_password(sshd: Sshd, tmp_path: object):
    """It shows nowhere."""
    path = as_user(sshd, "sudopass", tmp_path)
    with started(method="sudo", sudo_path=path, password="wrong-one") as child:
        assert isinstance(child.error, mitogen.sudo.PasswordError)
        assert "wrong-one" not in repr(child.error) + repr(child.lines)


def test_not_in_sudoers(sshd: Sshd, tmp_path: object):
    """With a right password, and still no."""
    path = as_user(sshd, "password", tmp_path)
    password = sshd.account("password").password
    with started(method="sudo", sudo_path=path, password=password) as child:
        assert type(child.error) is EofError
        assert "sudoers" in str(child.error)


def test_an_unknown_user():
    """sudo's words."""
    if os.geteuid() != 0 or shutil.which("sudo") is None:
        pytest.skip("needs root and sudo")
    with started(method="sudo", username="mitogentest_nobody_there") as child:
        assert type(child.error) is EofError
        assert "mitogentest_nobody_there" in str(child.error)
