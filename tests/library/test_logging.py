"""What children log, print and fail to say reaches the program's log."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
import mitogen.utils
from tests.library import remote_functions as remote
from tests.support.programs import Program, write_tree


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything from INFO on, which children are told when they start."""
    caplog.set_level(logging.INFO)
    return caplog


def _wait_for(log: pytest.LogCaptureFixture, child: Any, text: str) -> logging.LogRecord:
    """The record, which precedes the answer to a call made after it."""
    for _ in range(200):
        for record in log.records:
            if text in record.getMessage():
                return record
        child.call(remote.echo, 1)
    raise AssertionError(f"{text!r} was not logged: {log.text}")


def test_records_keep_their_level_and_say_where_they_are_from(
    router: Any, log: pytest.LogCaptureFixture
) -> None:
    """The logger is named after the context."""
    child = router.local(name="there")
    child.call(remote.record, "my.logger", "%s: look at this")
    record = _wait_for(log, child, "look at this")
    assert record.levelno == logging.WARNING
    assert record.name == "ctx.there"
    assert record.getMessage() == "my.logger: %s: look at this"


def test_records_of_grandchildren(router: Any, log: pytest.LogCaptureFixture) -> None:
    """Come from as far as they have to."""
    below = router.local(via=router.local(), name="below")
    below.call(remote.record, "deep", "from below")
    assert _wait_for(log, below, "from below").name == "ctx.below"


def test_printed_lines(router: Any, log: pytest.LogCaptureFixture) -> None:
    """Of Python and of programs it starts, each a record at INFO."""
    child = router.local()
    child.call(remote.speak, "hello")
    for text in ("stdout: hello", "stderr: hello on stderr", "stdout: hello from a program"):
        record = _wait_for(log, child, text)
        assert (record.levelno, record.getMessage()) == (logging.INFO, text)


def test_print_keeps_its_order_with_programs(router: Any, log: pytest.LogCaptureFixture) -> None:
    """A line is out before the function goes on, also without PYTHONUNBUFFERED."""
    child = router.local()
    child.call(remote.speak, "hello")
    _wait_for(log, child, "from a program")
    lines = [record.getMessage() for record in log.records if "stdout" in record.getMessage()]
    assert lines == ["stdout: hello", "stdout: hello from a program"]


def test_the_last_words_of_a_child(router: Any, log: pytest.LogCaptureFixture) -> None:
    """What exit handlers and unfinished lines say still arrives."""
    child = router.local()
    child.call(remote.say_at_exit, "goodbye")
    child.shutdown(wait=True, timeout=20)
    router.broker.defer_sync(int)
    assert "stdout: goodbye" in [record.getMessage() for record in log.records]


def test_long_and_broken_lines(router: Any, log: pytest.LogCaptureFixture) -> None:
    """Are cut; bytes that are no text are replaced."""
    child = router.local()
    child.call(remote.write_bytes, b"\xff\xfe" + b"x" * 200_000 + b"END\n")
    _wait_for(log, child, "xEND")
    assert max(len(record.getMessage()) for record in log.records) < 150_000


def test_levels_follow_the_program(router: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody would see is not sent."""
    caplog.set_level(logging.ERROR)
    child = router.local()
    child.call(remote.record, "quiet", "a warning")
    assert child.call(remote.root_level) == logging.ERROR
    assert not caplog.records
    caplog.set_level(logging.DEBUG)
    assert router.local().call(remote.root_level) == logging.DEBUG


def test_enable_debug(router: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Children started from now on report what they do, and so does this side."""
    logger = logging.getLogger("mitogen")
    before = logger.level
    caplog.set_level(logging.WARNING)
    caplog.handler.setLevel(logging.DEBUG)
    router.enable_debug()
    try:
        child = router.local()
        assert child.call(remote.root_level) == logging.DEBUG
        assert "started process" in caplog.text
        grandchild = child.call(remote.local_child)
        assert grandchild.call(remote.root_level) == logging.DEBUG
        _wait_for(caplog, child, "started process")
    finally:
        logger.setLevel(before)


def test_a_flood_of_records_does_not_lock_anything(
    router: Any, log: pytest.LogCaptureFixture
) -> None:
    """Calls get their answers meanwhile."""
    child = router.local()
    child.call(remote.log_often, 5000)
    assert child.call(remote.echo, 1) == 1


PROGRAM = """\
    import logging, sys
    import mitogen.core, mitogen.utils

    def speak():
        print("printed there")
        logging.getLogger("there").warning("warned there")

    def main(router):
        router.local(name="child").call(speak)
        logging.getLogger("here").warning("warned here")

    if __name__ == "__main__":
        mitogen.utils.log_to_file(*sys.argv[1:])
        mitogen.utils.run_with_router(main)
"""


@pytest.mark.parametrize(
    ("arguments", "environment", "is_info", "is_debug"),
    [
        ((), {}, True, False),
        (("LOG",), {}, True, False),
        (("LOG", "WARNING"), {}, False, False),
        (("LOG", "DEBUG"), {}, True, True),
        ((), {"MITOGEN_LOG_LEVEL": "DEBUG"}, True, True),
        (("LOG", "DEBUG"), {"MITOGEN_LOG_LEVEL": "warning"}, False, False),
    ],
    ids=["stderr", "file", "level", "debug", "environment", "environment-wins"],
)
def test_log_to_file(
    tmp_path: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    is_info: bool,
    is_debug: bool,
) -> None:
    """Records of the program and its children, in a file or on stderr."""
    path = write_tree(tmp_path, {"program.py": PROGRAM}) / "program.py"
    log_path = tmp_path / "LOG"
    with Program(path, *arguments, environment=environment) as program:
        outcome = program.finish()
    assert outcome.status == 0, outcome.err
    text = log_path.read_text() if arguments else outcome.err
    assert (outcome.err == "") == bool(arguments)
    assert "W here: warned here" in text
    assert "W ctx.child: there: warned there" in text
    assert ("I ctx.child: stdout: printed there" in text) == is_info
    assert ("started process" in text) == is_debug


def test_an_unknown_level(tmp_path: Path) -> None:
    """Is said at once."""
    with pytest.raises(ValueError, match="VERBOSE"):
        mitogen.utils.log_to_file(str(tmp_path / "log"), "VERBOSE")
    assert os.listdir(tmp_path) == []
