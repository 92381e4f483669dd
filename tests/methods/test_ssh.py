"""mitogen.methods.ssh: command lines, what the client says, and a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import mitogen.ssh
from mitogen import methods
from mitogen.errors import EofError
from tests.bootstrap.driver import started
from tests.methods.replay import recorded, recorded_json, replay
from tests.support.sshd import Sshd

SSH = methods.find("ssh")
INTERACTIVE = recorded_json("ssh_keyboard_interactive.json")


def argv(**given: object) -> list[str]:
    return SSH.argv(methods.build_options(SSH, hostname="web1", **given), ["REMOTE"], "COMMAND")


def has(words: list[str], *wanted: str) -> bool:
    """Whether the words follow each other."""
    return any(words[n : n + len(wanted)] == list(wanted) for n in range(len(words)))


def test_the_usual_command_line():
    """Batch mode, strict about keys, compressed, kept alive; the command is one argument."""
    assert argv() == [
        "ssh",
        "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "Compression=yes",
        "-o", "ServerAliveInterval=15",
        "-o", "ServerAliveCountMax=3",
        "-T", "--", "web1", "COMMAND",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"username": "bob"}, ["-l", "bob"]),
        ({"port": 2222}, ["-p", "2222"]),
        ({"ssh_debug_level": 2}, ["-vv"]),
        ({"ssh_debug_level": 9}, ["-vvv"]),
        ({"identity_file": "/k"}, ["-i", "/k", "-o", "IdentitiesOnly=yes"]),
        ({"check_host_keys": "accept"}, ["-o", "StrictHostKeyChecking=accept-new"]),
        ({"check_host_keys": "ignore"}, ["-o", "UserKnownHostsFile=/dev/null"]),
        ({"check_host_keys": "ignore"}, ["-o", "StrictHostKeyChecking=no"]),
        ({"keepalive_interval": 30}, ["-o", "ServerAliveInterval=30"]),
        ({"keepalive_count": 10}, ["-o", "ServerAliveCountMax=10"]),
        ({"password": "x"}, ["-o", "NumberOfPasswordPrompts=1"]),
    ],
)
def test_options(given: dict[str, object], wanted: list[str]):
    """Each option has its place in the command line."""
    assert has(argv(**given), *wanted)


def test_options_switched_off():
    """What is not wanted is not there."""
    words = argv(
        compression=False, keepalive_enabled=False, identity_file="/k", identities_only=False
    )
    assert not [w for w in words if w.startswith(("Compression", "ServerAlive", "IdentitiesOnly"))]
    assert "BatchMode=yes" not in argv(password="x")


def test_host_keys_as_configured():
    """Nothing is said about them."""
    assert not [w for w in argv(check_host_keys="configured") if "HostKey" in w or "Known" in w]


def test_own_arguments_win():
    """The client takes the first value it sees."""
    words = argv(ssh_args=["-o", "StrictHostKeyChecking=no", "-F", "/f"], ssh_path="/opt/ssh")
    assert words[:5] == ["/opt/ssh", "-o", "StrictHostKeyChecking=no", "-F", "/f"]


def test_a_host_name_is_never_an_option():
    """Nor is one that begins with a dash."""
    record = methods.build_options(SSH, hostname="-oProxyCommand=evil")
    assert SSH.argv(record, [], "COMMAND")[-3:] == ["--", "-oProxyCommand=evil", "COMMAND"]


def test_names_of_contexts():
    """By host, and port if there is one."""
    assert SSH.default_name(methods.build_options(SSH, hostname="web1")) == "ssh.web1"
    assert SSH.default_name(methods.build_options(SSH, hostname="web1", port=5)) == "ssh.web1:5"


@pytest.mark.parametrize(
    ("given", "error"),
    [({"check_host_keys": "maybe"}, ValueError), ({"ssh_args": "-v"}, TypeError)],
)
def test_values_that_cannot_be(given: dict[str, object], error: type[Exception]):
    """Said at the caller, before anything is started."""
    with pytest.raises(error):
        argv(**given)


# What the client says ---------------------------------------------------------------------------


def test_the_password_is_given():
    """Where it is asked for."""
    outcome = replay(recorded("ssh_password.txt"), "ssh", ends=False, hostname="h", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert outcome.error is None


@pytest.mark.parametrize(
    "question",
    [
        b"(alice@web1) Password: ",
        b"Password:",
        b"alice@web1's password: ",
        b"(alice@web1) Passwort: ",
        "(alice@web1) パスワード: ".encode(),
        "Mot de passe : ".encode(),
    ],
)
def test_the_password_is_given_to_pam(question: bytes):
    """Keyboard-interactive shows the other machine's own words."""
    outcome = replay(question, "ssh", ends=False, hostname="h", password="pw")
    assert outcome.answers == [b"pw\n"]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("ssh_password_wrong.txt", mitogen.ssh.PasswordError, "Permission denied (password)"),
        ("ssh_batch_denied.txt", mitogen.ssh.PasswordError, "Permission denied (password)"),
        ("ssh_host_key_unknown.txt", mitogen.ssh.HostKeyError, "known_hosts"),
        ("ssh_host_key_changed.txt", mitogen.ssh.HostKeyError, "ssh-keygen -R"),
        ("ssh_host_key_changed_accept_new.txt", mitogen.ssh.HostKeyError, "ssh-keygen -R"),
        ("ssh_refused.txt", EofError, "Connection refused"),
        ("ssh_unresolved.txt", EofError, "no-such-host.invalid"),
        ("ssh_bad_option.txt", EofError, "nosuchoption"),
    ],
)
def test_refusals(name: str, kind: type[Exception], text: str):
    """Each reason has its type, and the client's own words."""
    error = replay(recorded(name), "ssh", hostname="h", password="pw").error
    assert type(error) is kind
    assert text in str(error)


def test_a_password_nobody_gave():
    """Is said at once."""
    outcome = replay(recorded("ssh_password.txt"), "ssh", ends=False, hostname="h")
    assert isinstance(outcome.error, mitogen.ssh.PasswordError)
    assert "none was given" in str(outcome.error)


def test_a_passphrase_is_passed_over():
    """The client then tries the next key, or the password."""
    outcome = replay(
        recorded("ssh_passphrase.txt") + b"\n" + recorded("ssh_password.txt"),
        "ssh", ends=False, hostname="h", password="pw",
    )  # fmt: skip
    assert outcome.answers == [b"\n", b"pw\n"]


def test_a_host_key_is_never_accepted_by_answering():
    """A configuration that says `ask` gets a no, and the reason is the error."""
    said = recorded("ssh_host_key_question.txt") + b"no\nHost key verification failed.\r\n"
    outcome = replay(said, "ssh", hostname="h", password="pw", check_host_keys="configured")
    assert outcome.answers == [b"no\n"]
    assert isinstance(outcome.error, mitogen.ssh.HostKeyError)


def test_an_unknown_question_is_shown_when_it_ends():
    """We cannot answer it; the user sees what it was."""
    outcome = replay(b"Which colour? ", "ssh", hostname="h", password="pw")
    assert outcome.answers == []
    assert "Which colour" in str(outcome.error)


@pytest.mark.parametrize(
    ("name", "given", "answers"),
    [
        ("pam", {"password": "pw"}, [b"pw\n"]),
        ("password and code", {"password": "pw", "one_time_code": "123"}, [b"pw\n", b"123\n"]),
        # It is called a password, and is one.
        ("code", {"password": "123"}, [b"123\n"]),
    ],
)
def test_keyboard_interactive(name: str, given: dict[str, str], answers: list[bytes]):
    """What PAM modules ask through it, one after the other."""
    question = INTERACTIVE[name]["question"].encode()
    outcome = replay(question, "ssh", ends=False, hostname="h", **given)
    assert (outcome.answers, outcome.error) == (answers, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [("password and code", "a one-time code is asked for"), ("expired", "was not accepted")],
)
def test_what_a_password_is_not_enough_for(name: str, said: str):
    """Is said at once: a code, a change of the password."""
    question = INTERACTIVE[name]["question"].encode()
    outcome = replay(question, "ssh", ends=False, hostname="h", password="pw")
    assert outcome.answers == [b"pw\n"]
    assert isinstance(outcome.error, mitogen.ssh.PasswordError)
    assert said in str(outcome.error)


def test_questions_of_ones_own():
    """Texts of a server that asks in no language."""
    given = {"hostname": "h", "password": "pw", "password_prompt": "Sesame?"}
    assert replay(b"(a@b) sesame? ", "ssh", ends=False, **given).answers == [b"pw\n"]
    assert replay(b"Password: ", "ssh", ends=False, **given).answers == []


def test_a_passphrase():
    """Is given once; without one the key is passed over. No password is asked for in its place."""
    asked = recorded("ssh_passphrase.txt")
    given = {"hostname": "h", "key_passphrase": "sesame"}
    assert replay(asked, "ssh", ends=False, **given).answers == [b"sesame\n"]
    outcome = replay(asked + b"\r\n" + asked, "ssh", ends=False, **given)
    assert outcome.answers == [b"sesame\n"]
    assert isinstance(outcome.error, mitogen.ssh.PasswordError)
    assert "passphrase" in str(outcome.error)
    method = methods.find("ssh")
    argv = method.argv(methods.build_options(method, **given), [], "x")
    assert {"BatchMode=no", "NumberOfPasswordPrompts=1", "PasswordAuthentication=no"} <= set(argv)


# A real server ----------------------------------------------------------------------------------


def given_for(server: Sshd, suffix: str, **more: object) -> dict[str, object]:
    return {
        "hostname": server.host,
        "port": server.port,
        "username": server.account(suffix).username,
        "ssh_args": ["-F", "/dev/null", "-o", f"UserKnownHostsFile={server.known_hosts}"],
        **more,
    }


def test_logs_in_with_a_key(sshd: Sshd):
    """And finds the usual Python there."""
    with started(method="ssh", **given_for(sshd, "bash", identity_file=str(sshd.key))) as child:
        assert child.error is None
        assert child.up is not None


@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_finds_the_interpreter_named(
    version: str, sshd: Sshd, public_interpreter: Callable[[str], str]
):
    """By its path over there."""
    python = public_interpreter(version)
    given = given_for(sshd, "bash", identity_file=str(sshd.key))
    with started(method="ssh", python=python, **given) as child:
        assert child.error is None
        assert ".".join(map(str, child.info.version[:2])) == version


def test_logs_in_with_a_password(sshd: Sshd):
    """Typed at the client's terminal."""
    account = sshd.account("password")
    given = given_for(sshd, "password", password=account.password)
    with started(method="ssh", **given) as child:
        assert child.error is None
        assert child.answers == 1


def test_a_wrong_password(sshd: Sshd):
    """Typed, and the wrong one shows nowhere."""
    given = given_for(sshd, "password", password="this-is-wrong")
    with started(method="ssh", **given) as child:
        assert isinstance(child.error, mitogen.ssh.PasswordError)
        assert "this-is-wrong" not in repr(child.error) + repr(child.lines)


def test_no_password(sshd: Sshd):
    """Batch mode: no question, a typed error."""
    with started(method="ssh", **given_for(sshd, "password")) as child:
        assert isinstance(child.error, mitogen.ssh.PasswordError)


@pytest.mark.parametrize("mode", ["enforce", "accept", "ignore"])
def test_an_unknown_host_key(mode: str, sshd: Sshd, tmp_path: Path):
    """Refused, stored or ignored, as asked."""
    known = tmp_path / "known_hosts"
    given = given_for(sshd, "bash", identity_file=str(sshd.key), check_host_keys=mode)
    given["ssh_args"] = ["-F", "/dev/null"]
    if mode != "ignore":
        given["ssh_args"] += ["-o", f"UserKnownHostsFile={known}"]
    with started(method="ssh", **given) as child:
        if mode == "enforce":
            assert isinstance(child.error, mitogen.ssh.HostKeyError)
        else:
            assert child.error is None
    assert known.exists() == (mode == "accept")


@pytest.mark.parametrize("mode", ["enforce", "accept"])
def test_a_changed_host_key(mode: str, sshd: Sshd, tmp_path: Path):
    """Refused in both modes."""
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"[{sshd.host}]:{sshd.port} " + other.with_suffix(".pub").read_text())
    given = given_for(sshd, "bash", identity_file=str(sshd.key), check_host_keys=mode)
    given["ssh_args"] = ["-F", "/dev/null", "-o", f"UserKnownHostsFile={known}"]
    with started(method="ssh", **given) as child:
        assert isinstance(child.error, mitogen.ssh.HostKeyError)


def test_a_locked_key_and_a_password(sshd: Sshd, tmp_path: Path):
    """The client is steered past the passphrase to the password."""
    key = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "phrase", "-f", str(key)], check=True
    )
    account = sshd.account("password")
    given = given_for(sshd, "password", identity_file=str(key), password=account.password)
    with started(method="ssh", **given) as child:
        assert child.error is None


def test_nobody_listens():
    """The client's words are the error's."""
    given = {"hostname": "127.0.0.1", "port": 1, "ssh_args": ["-F", "/dev/null"]}
    with started(method="ssh", **given) as child:
        assert isinstance(child.error, EofError)
        assert "Connection refused" in str(child.error)
