"""mitogen.methods.su: command lines, what su says in many languages, and the real one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import mitogen.su
from mitogen import methods
from mitogen.errors import EofError
from tests.bootstrap.driver import started
from tests.methods.replay import recorded_json, replay
from tests.support.sshd import Sshd

SU = methods.find("su")
LANGUAGES = recorded_json("su_languages.json")
OTHERS = recorded_json("su_others.json")
RUN = "sh -c 'exec 0<&1;exec \"$@\"' sh COMMAND"


def argv(**given: object) -> list[str]:
    return SU.argv(methods.build_options(SU, **given), ["sh", "-c", "BODY"], "COMMAND")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["su", "root", "-c", RUN]),
        ({"username": "bob", "password": "x"}, ["su", "bob", "-c", RUN]),
        ({"su_path": "/opt/su", "su_args": ["-l"]}, ["/opt/su", "-l", "root", "-c", RUN]),
        ({"su_args": ["-s", "/bin/sh"]}, ["su", "-s", "/bin/sh", "root", "-c", RUN]),
    ],
)
def test_command_lines(given: dict[str, object], expected: list[str]):
    """What the user's shell shall run is one argument."""
    assert argv(**given) == expected


@pytest.mark.parametrize(
    "given", [{"su_args": "-l"}, {"su_args": [1]}, {"password_prompt": 5}, {"password_prompt": ""},
              {"incorrect_prompts": [None]}, {"incorrect_prompts": [" "]}],
)  # fmt: skip
def test_values_that_cannot_be(given: dict[str, object]):
    """Said at the caller."""
    with pytest.raises(TypeError, match=next(iter(given))):
        argv(**given)


def test_the_name_of_the_context():
    """By the user."""
    assert SU.default_name(methods.build_options(SU, username="bob")) == "su.bob"


# What su says -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_question_in_any_language(language: str):
    """Answered once; without a password it is an error of that type."""
    question = LANGUAGES[language]["question"].encode()
    assert replay(question, "su", ends=False, password="pw").answers == [b"pw\n"]
    error = replay(question, "su", ends=False).error
    assert isinstance(error, mitogen.su.PasswordError)
    assert "none was given" in str(error)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_wrong_password_in_any_language(language: str):
    """By su's last words, since it asks once only."""
    outcome = replay(LANGUAGES[language]["wrong"].encode(), "su", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.su.PasswordError)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_other_kinds_of_su(name: str):
    """BusyBox, the BSDs, shadow: a refused password."""
    error = replay(OTHERS[name]["wrong"].encode(), "su", password="pw").error
    assert isinstance(error, mitogen.su.PasswordError)


@pytest.mark.parametrize(
    "said",
    [
        "su: user bob does not exist or the user entry does not contain all the required fields",
        "su: Permission denied",
        "su: failed to execute /no/such/shell: No such file or directory",
    ],
)
def test_other_refusals(said: str):
    """No password error: su's own words."""
    error = replay(said.encode() + b"\r\n", "su", password="pw").error
    assert type(error) is EofError
    assert said in str(error)


@pytest.mark.parametrize("given", ["Secret word", b"secret word:", ["nothing", "SECRET WORD: "]])
@pytest.mark.parametrize("asked", [b"Secret word: ", b"please, your secret word:"])
def test_a_prompt_of_ones_own(given: object, asked: bytes):
    """A text or several, in any case of letters; the usual ones then mean nothing."""
    outcome = replay(asked, "su", ends=False, password="pw", password_prompt=given)
    assert outcome.answers == [b"pw\n"]
    outcome = replay(b"Password: ", "su", ends=False, password="pw", password_prompt=given)
    assert outcome.answers == []


def test_no_texts_of_ones_own():
    """Empty lists change nothing; above all they do not match everything."""
    given = {"password": "pw", "password_prompt": [], "incorrect_prompts": []}
    assert replay(b"Last login: ", "su", ends=False, **given).answers == []
    assert replay(b"Password: ", "su", ends=False, **given).answers == [b"pw\n"]


def test_words_of_refusal_of_ones_own():
    """Beside the usual ones, which go on to count."""
    for said in (b"get lost, alice\n", b"su: Authentication failure\n"):
        error = replay(said, "su", password="pw", incorrect_prompts=["nope", "Get lost"]).error
        assert isinstance(error, mitogen.su.PasswordError)


# The real one -----------------------------------------------------------------------------------


def as_user(sshd: Sshd, suffix: str) -> str:
    """A program that is su, run by that user."""
    user = sshd.account(suffix).username
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    path = sshd.folder / f"su-of-{suffix}"
    path.write_text(
        f'#!/bin/sh\nexec setpriv --reuid {user} --regid {user} --init-groups su "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("password", [None, "not asked for"], ids=["pipe", "terminal"])
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
def test_into_every_shell(sshd: Sshd, shell: str, password: str | None):
    """The command survives it, and finds the link, also where su's stdin is a terminal."""
    given = {"username": sshd.account(shell).username, "su_args": ["-l"], "password": password}
    with started(method="su", **given) as child:
        assert child.error is None
        assert child.up is not None


def test_with_a_password(sshd: Sshd):
    """Typed at su's terminal."""
    account = sshd.account("password")
    given = {"username": account.username, "password": account.password}
    with started(method="su", su_path=as_user(sshd, "plain"), **given) as child:
        assert child.error is None
        assert child.answers == 1
        assert account.password not in repr(child.lines)


def test_a_wrong_password(sshd: Sshd):
    """It shows nowhere."""
    given = {"username": sshd.account("password").username, "password": "wrong-one"}
    with started(method="su", su_path=as_user(sshd, "plain"), **given) as child:
        assert isinstance(child.error, mitogen.su.PasswordError)
        assert "wrong-one" not in repr(child.error) + repr(child.lines)


def test_without_the_password(sshd: Sshd):
    """Said as soon as su asks."""
    given = {"username": sshd.account("password").username}
    with started(method="su", su_path=as_user(sshd, "plain"), **given) as child:
        assert isinstance(child.error, mitogen.su.PasswordError)
        assert "none was given" in str(child.error)


def test_an_unknown_user():
    """su's words."""
    if os.geteuid() != 0 or shutil.which("su") is None:
        pytest.skip("needs root and su")
    with started(method="su", username="mitogentest_nobody_there") as child:
        assert type(child.error) is EofError
        assert "mitogentest_nobody_there" in str(child.error)


@pytest.mark.parametrize("password", [None, "right"])
def test_a_su_that_asks_on_its_output(tmp_path: Path, password: str | None):
    """As that of BusyBox does, which reads from its stdin alone."""
    program = tmp_path / "su"
    program.write_text(
        "#!/bin/sh\nprintf 'Password: '\nread -r word\n"
        '[ "$word" = right ] || { echo "su: incorrect password" >&2; exit 1; }\n'
        'shift 2\nexec sh -c "$1"\n'
    )
    program.chmod(0o755)
    with started(method="su", su_path=str(program), password=password) as child:
        if password is None:
            assert isinstance(child.error, mitogen.su.PasswordError)
        else:
            assert child.error is None
            assert child.answers == 1
