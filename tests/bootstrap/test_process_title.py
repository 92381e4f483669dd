"""mitogen.bootstrap.process_title: what `ps` shows."""

from __future__ import annotations

import ast
import marshal
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from mitogen.bootstrap import process_title
from tests.bootstrap.driver import TITLE, started
from tests.support import interpreters

NO_PROC = """
from mitogen.bootstrap import process_title
process_title.set_title = lambda title: False
"""


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_ps_shows_the_title(version: str):
    """In /proc/PID/cmdline, without a train of NULs, and without a second interpreter start."""
    python = interpreters.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    with started(python=str(python)) as child:
        assert child.cmdline.rstrip(b"\0") == TITLE.encode()
        assert len(child.interpreters) == 1
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(child.process.pid)], capture_output=True, timeout=30
        )
        assert shown.stdout.strip() == TITLE.encode()


def test_the_title_shows_through_sudo():
    """Also for a process that sudo has started as another user."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    argv = ["sudo", "-n", "-u", "nobody", "--", "ARGV"]
    with started(argv) as child:
        assert child.error is None
        table = subprocess.run(["ps", "-eo", "args="], capture_output=True, timeout=30)
        assert TITLE.encode() in table.stdout.splitlines()


def run_alone(program: str, *arguments: str) -> str:
    """A new interpreter with this tree on its path."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("title", "expected"),
    [("short", b"short"), ("with blanks and ü", "with blanks and ü".encode()), ("a\0b", b"a b")],
)
def test_any_text(title: str, expected: bytes):
    """A NUL would end it."""
    program = (
        "from mitogen.bootstrap.process_title import set_title\n"
        f"print(set_title({title!r}), open('/proc/self/cmdline', 'rb').read().rstrip(b'\\0'))"
    )
    assert run_alone(program, "x" * 50) == f"True {expected!r}\n"


def test_a_long_title_is_cut():
    """To the room that the arguments took; the environment behind them stays as it is."""
    program = (
        "import os\nfrom mitogen.bootstrap.process_title import set_title\n"
        "size = len(open('/proc/self/cmdline', 'rb').read())\n"
        "before = open('/proc/self/environ', 'rb').read()\n"
        "print(set_title('t' * 5000), size - len(open('/proc/self/cmdline', 'rb').read()) < 3,\n"
        "      before == open('/proc/self/environ', 'rb').read())"
    )
    assert run_alone(program) == "True True True\n"


@pytest.mark.parametrize(
    "stat",
    [
        None,
        b"",
        b"1 (x) S 1 2",
        b"1 (x) S " + b"0 " * 60,
        b"1 (evil) name) S " + b"0 " * 44 + b"5 6 0",
        b"1 (x) S " + b"x " * 60,
        b"1 (x) S " + b"9 " * 44 + b"99999999999999999999999 99999999999999999999999999",
    ],
)
def test_changes_nothing_where_it_cannot(stat: bytes | None, tmp_path: Path):
    """No /proc, one without bounds (gVisor), one that makes no sense."""
    if stat is not None:
        (tmp_path / "stat").write_bytes(stat)
    assert process_title.set_title("title", str(tmp_path)) is False


def test_a_title_that_does_not_read_back_is_no_title(tmp_path: Path):
    """Whatever accepted the write: what counts is what is shown."""
    (tmp_path / "stat").write_bytes(b"1 (x) S " + b"0 " * 44 + b"16 48 0")
    (tmp_path / "mem").write_bytes(b"\0" * 64)
    (tmp_path / "cmdline").write_bytes(b"something else\0")
    assert process_title.set_title("title", str(tmp_path)) is False
    (tmp_path / "cmdline").write_bytes(b"title\0")
    assert process_title.set_title("title", str(tmp_path)) is True
    assert (tmp_path / "mem").read_bytes()[16:22] == b"title\0"


RESTARTED = """
import os, sys
from mitogen.bootstrap.markers import up_marker
def main(boot):
    import site, mitogen
    state = [sys.executable, sys.prefix, sys.path, sys.argv, sorted(os.environ)]
    os.write(1, up_marker(boot.nonce) + repr(state).encode() + b"\\n")
    while os.read(0, 4096):
        pass
    os._exit(0)
"""


@pytest.mark.parametrize("version", ["3.6", "3.11", "3.13", "venv"])
def test_without_proc_the_interpreter_is_restarted(version: str, monkeypatch: pytest.MonkeyPatch):
    """It shows the title too, and finds its library and packages where the first one had."""
    python = sys.executable if version == "venv" else interpreters.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    monkeypatch.setattr("tests.bootstrap.driver.with_main", without_proc)
    plain = state_of(python, RESTARTED + "# proc")
    again = state_of(python, RESTARTED)
    assert again == plain


def without_proc(boot_code: bytes, main: str) -> bytes:
    """Boot code for a system on which the title cannot be written."""
    modules = marshal.loads(zlib.decompress(boot_code))
    modules["mitogen.child.main"] = (False, main)
    if not main.endswith("# proc"):
        source = Path(process_title.__file__).read_text().replace("/proc", "/no/proc")
        modules["mitogen.bootstrap.process_title"] = (False, source)
    return zlib.compress(marshal.dumps(modules), 1)


def state_of(python: object, main: str) -> object:
    with started(python=str(python), main=main) as child:
        assert child.error is None
        assert child.up is not None
        is_plain = main.endswith("# proc")
        assert len(child.interpreters) == (1 if is_plain else 2)
        assert child.cmdline.partition(b"\0")[0] == TITLE.encode()
        link = child.process.link
        link.setblocking(True)
        data = child.up.leftover
        while b"\n" not in data:
            data += link.recv(65536)
        return ast.literal_eval(data.decode())
