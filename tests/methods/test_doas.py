"""mitogen.methods.doas: command lines, what doas says, and the real one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

import mitogen.doas
from mitogen import methods
from mitogen.errors import EofError
from tests.bootstrap.driver import started
from tests.methods.replay import recorded_json, replay
from tests.support.doas import doas_configured, missing_for_doas
from tests.support.sshd import Sshd

DOAS = methods.find("doas")
SAID = recorded_json("doas.json")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["doas", "-n", "-u", "root", "--"]),
        ({"username": "bob", "password": "x"}, ["doas", "-u", "bob", "--"]),
        ({"doas_path": "/opt/doas"}, ["/opt/doas", "-n", "-u", "root", "--"]),
    ],
)
def test_command_lines(given: dict[str, object], expected: list[str]):
    """The command is an argument list; without a password nothing is asked."""
    words = DOAS.argv(methods.build_options(DOAS, **given), ["sh", "-c", "BODY"], "COMMAND")
    assert words == [*expected, "sh", "-c", "BODY"]


def test_the_name_of_the_context():
    """By the user."""
    assert DOAS.default_name(methods.build_options(DOAS, username="bob")) == "doas.bob"


# What doas says ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(k for k, v in SAID.items() if "question" in v))
def test_a_question(name: str):
    """Answered once; without a password it is an error of that type."""
    question = SAID[name]["question"].encode()
    assert replay(question, "doas", ends=False, password="pw").answers == [b"pw\n"]
    error = replay(question, "doas", ends=False).error
    assert isinstance(error, mitogen.doas.PasswordError)


@pytest.mark.parametrize("name", sorted(k for k, v in SAID.items() if "wrong" in v))
def test_a_wrong_password(name: str):
    """By its last words, since it asks once only."""
    outcome = replay(SAID[name]["wrong"].encode(), "doas", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.doas.PasswordError)


@pytest.mark.parametrize("name", sorted(k for k, v in SAID.items() if "required" in v))
def test_a_password_is_required(name: str):
    """What `doas -n` says."""
    error = replay(SAID[name]["required"].encode(), "doas").error
    assert isinstance(error, mitogen.doas.PasswordError)


@pytest.mark.parametrize("name", sorted(k for k, v in SAID.items() if "denied" in v))
def test_other_refusals(name: str):
    """No password error: doas' own words."""
    error = replay(SAID[name]["denied"].encode(), "doas", password="pw").error
    assert type(error) is EofError
    assert SAID[name]["denied"].strip() in str(error)


def test_texts_of_ones_own():
    """A question and a refusal in words that no doas of ours has."""
    given = {"password": "pw", "password_prompt": "Open, sesame", "incorrect_prompts": ["alas"]}
    outcome = replay(b"open, sesame: \nAlas, no\n", "doas", **given)
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.doas.PasswordError)


# The real one -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doas() -> Iterator[None]:
    missing = missing_for_doas()
    if missing:
        pytest.skip(missing)
    with doas_configured():
        yield


def as_user(sshd: Sshd, suffix: str) -> str:
    """A program that is doas, run by that user."""
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    user = sshd.account(suffix).username
    path = sshd.folder / f"doas-of-{suffix}"
    path.write_text(
        f'#!/bin/sh\nexec setpriv --reuid {user} --regid {user} --init-groups doas "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.usefixtures("doas")
def test_becomes_root_with_a_password(sshd: Sshd):
    """Typed at doas' terminal."""
    path = as_user(sshd, "password")
    password = sshd.account("password").password
    with started(method="doas", doas_path=path, password=password) as child:
        assert child.error is None
        assert child.answers == 1
        assert password not in repr(child.lines)


@pytest.mark.usefixtures("doas")
def test_a_password_it_does_not_accept(sshd: Sshd):
    """It shows nowhere."""
    path = as_user(sshd, "password")
    with started(method="doas", doas_path=path, password="wrong-one") as child:
        assert isinstance(child.error, mitogen.doas.PasswordError)
        assert "wrong-one" not in repr(child.error) + repr(child.lines)


@pytest.mark.usefixtures("doas")
def test_without_the_password(sshd: Sshd):
    """Doas is told not to ask."""
    with started(method="doas", doas_path=as_user(sshd, "password")) as child:
        assert isinstance(child.error, mitogen.doas.PasswordError)


@pytest.mark.usefixtures("doas")
def test_of_a_user_who_may_not(sshd: Sshd):
    """No rule is for them."""
    with started(method="doas", doas_path=as_user(sshd, "plain"), password="x") as child:
        assert type(child.error) is EofError
        assert "not permitted" in str(child.error)
