"""mitogen.bootstrap.handshake: from bytes and the time to events."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitogen.bootstrap import handshake
from mitogen.bootstrap.handshake import (
    Answer,
    DiagnosticLine,
    Failed,
    Handshake,
    Interpreter,
    InterpreterInfo,
    Up,
    up_marker,
)
from mitogen.bootstrap.prompts import NO_PROMPTS, Prompt, PromptTable, Refusal
from mitogen.errors import (
    ConnectTimeoutError,
    DecodeError,
    EofError,
    HostKeyError,
    PasswordError,
    PythonNotFoundError,
    StreamError,
)

NONCE = "00aa11bb"
SHELL = b"MITOGEN1 00aa11bb sh\n"
PYTHON = b"\nMITOGEN1 00aa11bb (3, 11, 7, 'a70d0d0a', 0, '2f62696e2f70')\n"
OLD = b"\nMITOGEN1 00aa11bb (2, 7, 18)\n"
INFO = InterpreterInfo((3, 11, 7), "a70d0d0a", 0, "/bin/p")

TABLE = PromptTable(
    (
        Prompt("passphrase", re.compile(rb"(?i)passphrase:\s*\Z"), answer=b""),
        Prompt(
            "password",
            re.compile(rb"(?i)password:\s*\Z"),
            "password",
            missing_error=PasswordError,
            missing="needs one",
            repeated="wrong one",
        ),
    ),
    (
        Refusal(re.compile(rb"^denied"), PasswordError, "try harder"),
        Refusal(re.compile(rb"^changed"), HostKeyError),
    ),
)


class Options(SimpleNamespace):
    def secrets(self) -> list[str]:
        return [self.password] if self.password is not None else []


def make(password: str | None = None, table: PromptTable = TABLE) -> Handshake:
    return Handshake(NONCE, table, Options(password=password), "ssh.web1", 100.0)


def events(shake: Handshake) -> list[object]:
    return list(iter(shake.next_event, None))


def only_error(shake: Handshake) -> Exception:
    found = [event for event in events(shake) if not isinstance(event, DiagnosticLine)]
    assert [type(event) for event in found] == [Failed]
    return found[0].error


# The link ---------------------------------------------------------------------------------------


def test_the_ordinary_way():
    """A Python is found, is sent its boot code, and is up; the rest belongs to the frames."""
    shake = make()
    shake.feed_link(b"Welcome!\n" + SHELL + PYTHON)
    assert events(shake) == [Interpreter(INFO)]
    shake.feed_link(up_marker(NONCE) + b"\x01frames")
    assert events(shake) == [Up(b"\x01frames")]
    assert shake.next_deadline is None


@given(st.data())
def test_any_division_into_chunks_gives_the_same_events(data: st.DataObject):
    """TCP does not know where lines end."""
    stream = b"noise MITOGEN1 x\n" + SHELL + OLD + PYTHON + up_marker(NONCE) + b"rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    shake = make()
    found: list[object] = []
    leftover = b""
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if any(isinstance(event, Up) for event in found):
            leftover += stream[begin:end]
            continue
        shake.feed_link(stream[begin:end])
        found += events(shake)
    assert found[:-1] == [Interpreter(INFO)]
    assert isinstance(found[-1], Up)
    assert found[-1].leftover + leftover == b"rest"


def test_a_marker_in_the_middle_of_a_line():
    """Noise without a newline, and a terminal's carriage return, do no harm."""
    shake = make()
    shake.feed_link(b"% " + PYTHON.strip() + b"\r\n")
    assert events(shake) == [Interpreter(INFO)]


def test_a_marker_of_another_start_is_noise():
    """Only our nonce counts."""
    shake = make()
    shake.feed_link(PYTHON.replace(b"00aa11bb", b"00aa11bc"))
    assert events(shake) == []


@pytest.mark.parametrize("none", [b"()", b"none mitogen:alice@control:77 python3"])
def test_no_python(none: bytes):
    """Said by the shell, or by the last of the Pythons that are too old."""
    shake = make()
    shake.feed_link(b"MITOGEN1 00aa11bb " + none + b"\n")
    error = only_error(shake)
    assert isinstance(error, PythonNotFoundError)
    assert str(error).startswith("ssh.web1: no Python 3.6 or newer")


def test_no_python_names_the_old_ones():
    """A user wants to know that there is one, and why it will not do."""
    shake = make()
    shake.feed_link(OLD + b"\nMITOGEN1 00aa11bb ()\n")
    assert "only 2.7.18" in str(only_error(shake))


@pytest.mark.parametrize("was_reached", [False, True])
@pytest.mark.parametrize("end", ["ends", "hangs"])
def test_whether_a_shell_was_reached(end: str, was_reached: bool):
    """A Python that does not start is not a program that does not lead there."""
    shake = make()
    if was_reached:
        shake.feed_link(SHELL)
    if end == "ends":
        shake.process_ended(255)
    else:
        shake.expire(100.0)
    error = only_error(shake)
    assert error.was_reached is was_reached
    assert ("Python" in str(error)) is was_reached


def test_a_shell_is_asked_for_no_password():
    """What leads there has done its part: what looks like a prompt or a refusal is none."""
    shake = make("s3cret")
    shake.feed_diagnostics(b"denied, said the banner\n")
    shake.feed_link(SHELL)
    shake.feed_diagnostics(b"changed\npassword: ")
    shake.process_ended(1)
    error = only_error(shake)
    assert isinstance(error, EofError)
    assert error.was_reached


def test_a_second_shell_fails():
    """There is one."""
    shake = make()
    shake.feed_link(SHELL + SHELL)
    assert type(only_error(shake)) is StreamError


def test_a_restarted_interpreter_is_booted_again():
    """Once, where the title cannot be written in place."""
    shake = make()
    shake.feed_link(PYTHON + PYTHON)
    assert events(shake) == [Interpreter(INFO), Interpreter(INFO)]
    shake.feed_link(PYTHON)
    assert isinstance(only_error(shake), StreamError)


@pytest.mark.parametrize(
    "text",
    [
        b"(3, 11, 7, 'a70d0d0a', 7, '2f')",
        b"(3, 11, 7, 'a70d0d0a', 0, 'zz')",
        b"__import__('os')",
        b"up",
        b"",
        b"(99999999999999999999, 1, 1, 'a70d0d0a', 0, '')",
    ],
)
def test_a_strange_marker_fails(text: bytes):
    """Whoever has the nonce and says something else is not ours."""
    shake = make()
    shake.feed_link(b"MITOGEN1 00aa11bb " + text + b"\n")
    assert type(only_error(shake)) is StreamError


def test_an_endless_marker_fails():
    """Nothing is kept without bound."""
    shake = make()
    shake.feed_link(b"MITOGEN1 00aa11bb " + b"x" * 10000)
    assert type(only_error(shake)) is StreamError


def test_noise_is_not_kept_without_bound():
    """A login script that never stops costs a few kilobytes."""
    shake = make()
    for _ in range(100):
        shake.feed_link(b"x" * 10000)
        shake.feed_diagnostics(b"y" * 10000)
    shake.process_ended(1)
    assert len(str(only_error(shake))) < 4 * handshake.KEPT


def test_nothing_happens_after_the_end():
    """What arrives late is ignored."""
    shake = make()
    shake.process_ended(1)
    events(shake)
    shake.feed_link(PYTHON)
    shake.process_ended(0)
    shake.expire(1000.0)
    shake.feed_diagnostics(b"password: ")
    assert events(shake) == []


# The end ----------------------------------------------------------------------------------------


def test_an_early_end_says_where_how_and_what_was_said():
    """Everything a user needs to see why it did not work."""
    shake = make()
    shake.feed_link(b"Account disabled.\n")
    shake.feed_diagnostics(b"bye\r\n")
    shake.process_ended(255)
    error = only_error(shake)
    assert isinstance(error, EofError)
    assert error.exit_status == 255
    for part in ("ssh.web1", "exit status 255", "Account disabled.", "bye"):
        assert part in str(error)


def test_an_end_by_signal_and_without_a_word():
    """Killed, and silent."""
    shake = make()
    shake.process_ended(-9)
    text = str(only_error(shake))
    assert "signal 9" in text
    assert "said nothing" in text


def test_a_python_that_dies_while_booting():
    """Is told apart from a connection that never got so far."""
    shake = make()
    shake.feed_link(PYTHON)
    events(shake)
    shake.feed_diagnostics(b"MemoryError\n")
    shake.link_eof()
    text = str(only_error(shake))
    assert "Python ended" in text
    assert "MemoryError" in text


def test_the_deadline():
    """Not before; then with what it was waiting for and what was said."""
    shake = make()
    shake.feed_diagnostics(b"Verification code: ")
    assert shake.next_deadline == 100.0
    shake.expire(99.9)
    assert events(shake) == []
    shake.expire(100.0)
    error = only_error(shake)
    assert isinstance(error, ConnectTimeoutError)
    assert isinstance(error, TimeoutError)
    assert "Verification code" in str(error)


# Diagnostics ------------------------------------------------------------------------------------


def test_a_password_is_given_once():
    """It is asked for, it is given; asked again, it was wrong."""
    shake = make("s3cret")
    shake.feed_diagnostics(b"alice's pass")
    assert events(shake) == []
    shake.feed_diagnostics(b"word: ")
    assert events(shake) == [
        DiagnosticLine("alice's password: "),
        Answer(b"s3cret\n", handshake.DIAGNOSTICS),
    ]
    shake.feed_diagnostics(b"\r\nPassword: ")
    error = only_error(shake)
    assert isinstance(error, PasswordError)
    assert str(error) == "ssh.web1: wrong one"


def test_a_password_that_nobody_gave():
    """The error says so at once instead of waiting for the deadline."""
    shake = make()
    shake.feed_diagnostics(b"\rpassword: ")
    assert str(only_error(shake)) == "ssh.web1: needs one"


def test_a_fixed_answer_may_be_given_often_but_not_for_ever():
    """Ten keys may ask for their passphrases; a program in a loop may not."""
    shake = make()
    for _ in range(handshake.MAX_ANSWERS):
        shake.feed_diagnostics(b"passphrase: ")
    answers = [event for event in events(shake) if isinstance(event, Answer)]
    assert [answer.data for answer in answers] == [b"\n"] * handshake.MAX_ANSWERS
    shake.feed_diagnostics(b"passphrase: ")
    assert type(only_error(shake)) is StreamError


def test_a_finished_line_is_no_prompt():
    """A banner that mentions "password:" is not a question."""
    shake = make("s3cret")
    shake.feed_diagnostics(b"Rules for your password:\nbe good\n")
    assert events(shake) == [DiagnosticLine("Rules for your password:"), DiagnosticLine("be good")]


ON_LINK = PromptTable((TABLE.prompts[1]._replace(is_also_on_link=True),), ())


@pytest.mark.parametrize("step", [1, 1000])
def test_a_prompt_on_the_link(step: int):
    """Of a program that asks on its stdout: answered once, on its terminal."""
    shake = make("s3cret", ON_LINK)
    said = b"welcome\nPassword: "
    for begin in range(0, len(said), step):
        shake.feed_link(said[begin : begin + step])
    line, answer = events(shake)
    assert line.text.strip() == "Password:"
    assert answer == Answer(b"s3cret\n", handshake.DIAGNOSTICS)
    shake.feed_link(b"\n" + PYTHON)
    assert events(shake) == [Interpreter(INFO)]


@pytest.mark.parametrize("password", [None, "s3cret"])
def test_a_prompt_on_the_link_that_is_no_good(password: str | None):
    """Nothing to answer it with, or the same question again."""
    shake = make(password, ON_LINK)
    shake.feed_link(b"Password: ")
    if password is not None:
        events(shake)
        shake.feed_link(b"\nPassword: ")
    text = "needs one" if password is None else "wrong one"
    assert text in str(only_error(shake))


def test_what_is_no_prompt_on_the_link():
    """A program that asks elsewhere, a finished line, and anything once Python runs."""
    shake = make("s3cret")
    shake.feed_link(b"password: ")
    assert events(shake) == []
    shake = make("s3cret", ON_LINK)
    shake.feed_link(b"password:\n" + PYTHON + b"password: ")
    assert events(shake) == [Interpreter(INFO)]


def test_no_prompt_is_answered_once_python_runs():
    """From then on whatever asks is not the login program."""
    shake = make("s3cret")
    shake.feed_link(PYTHON)
    events(shake)
    shake.feed_diagnostics(b"password: ")
    assert events(shake) == []


def test_a_refusal_counts_at_the_end():
    """The first one is the reason, and its kind is the error's type."""
    shake = make()
    shake.feed_diagnostics(b"changed\r\ndenied\r\n")
    assert [type(event) for event in events(shake)] == [DiagnosticLine, DiagnosticLine]
    shake.process_ended(1)
    assert isinstance(only_error(shake), HostKeyError)


def test_a_refusal_has_advice():
    """What to do about it is in the text."""
    shake = make()
    shake.feed_diagnostics(b"denied: go away\n")
    shake.expire(1e9)
    assert str(only_error(shake)) == "ssh.web1: denied: go away (try harder)"


def test_a_refusal_does_not_break_a_connection_that_works():
    """It may be part of a login message."""
    shake = make()
    shake.feed_diagnostics(b"denied\n")
    shake.feed_link(PYTHON + up_marker(NONCE))
    assert [type(e) for e in events(shake)] == [DiagnosticLine, Interpreter, Up]


@given(before=st.binary(max_size=30), after=st.binary(max_size=30), cut=st.integers(0, 80))
def test_secrets_show_nowhere(before: bytes, after: bytes, cut: int):
    """Echoed by a terminal, in whatever pieces: no event and no error has them."""
    secret = "Pa55-w0rd-ΔΔ"
    shake = make(secret)
    shake.feed_diagnostics(b"password: ")
    text = before + secret.encode() + after + b"\n"
    shake.feed_link(text[:cut])
    shake.feed_link(text[cut:])
    shake.feed_diagnostics(text[:cut])
    shake.feed_diagnostics(text[cut:])
    shake.process_ended(1)
    for event in events(shake):
        assert secret not in repr(event)
        assert secret not in str(getattr(event, "error", ""))
    assert secret not in repr(shake)


@pytest.mark.parametrize("extra", range(20))
def test_a_secret_is_not_cut_in_two(extra: int):
    """Where old output is dropped no half of a password is left."""
    shake = make("ABCDEFGHIJ")
    shake.feed_diagnostics(b"ABCDEFGHIJ" + b"." * (handshake.KEPT - extra) + b"\n")
    shake.feed_diagnostics(b"ABCDEFGHIJ" + b"." * (handshake.MAX_PROMPT - extra))
    shake.feed_link(b"ABCDEFGHIJ" + b"." * (handshake.KEPT - extra))
    shake.process_ended(1)
    said = " ".join(map(repr, events(shake)))
    assert "HIJ" not in said
    assert "ABC" not in said


def test_control_characters_do_not_reach_the_users_terminal():
    """What a remote program says may not move our cursor."""
    shake = make()
    shake.feed_diagnostics(b"\x1b[2Jhello\x07\n")
    assert events(shake) == [DiagnosticLine(" [2Jhello ")]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=20))
def test_any_bytes_give_documented_events_only(chunks: list[tuple[bool, bytes]]):
    """Nothing that arrives raises."""
    shake = make("x", TABLE)
    for is_link, data in chunks:
        (shake.feed_link if is_link else shake.feed_diagnostics)(data)
    shake.process_ended(0)
    kinds = (Answer, DiagnosticLine, Failed, Interpreter, Up)
    assert all(isinstance(event, kinds) for event in events(shake))


# Interpreter data -------------------------------------------------------------------------------


def test_interpreter_data_travels():
    """There and back."""
    assert InterpreterInfo.from_value(INFO.to_value()) == INFO


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [[3, 6, 1], "x", 0],
        [[3, 6], "x", 0, "p"],
        [[3, 6, "1"], "x", 0, "p"],
        [[3, 6, True], "x", 0, "p"],
        [[3, 6, 1], 5, 0, "p"],
        [[3, 6, 1], "x", "0", "p"],
    ],
)
def test_strange_interpreter_data_is_refused(value: object):
    """It comes from another context."""
    with pytest.raises(DecodeError):
        InterpreterInfo.from_value(value)


def test_a_program_that_asks_nothing():
    """A method without prompts."""
    shake = make(table=NO_PROMPTS)
    shake.feed_diagnostics(b"password: ")
    assert events(shake) == []
