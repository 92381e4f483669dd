"""Jobs of a context: programs, output, input, ends of all kinds, many at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen.target import operations
from tests.support import interpreters, processes
from tests.target.conftest import SECONDS, Host
from tests.target.packed import builtin, own

_IMPORT = "from ansible.module_utils.basic import AnsibleModule\n"


def _command(*argv: str, **fields: Any) -> dict[str, Any]:
    return {"job_id": "1", "argv": list(argv), **fields}


def _shell(text: str, **fields: Any) -> dict[str, Any]:
    return _command("/bin/sh", "-c", text, **fields)


def test_a_program(host: Host) -> None:
    """Its status and its output, byte for byte."""
    result = host.run(_shell("printf 'a\\377'; printf b >&2; exit 7"))
    assert result == {
        "rc": 7,
        "stdout": b"a\xff",
        "stderr": b"b",
        "ended": "exit",
        "detail": "",
        "missing": [],
        "respawned": {},
    }


@pytest.mark.parametrize("version", interpreters.available())
def test_a_program_in_every_python(version: str, make_host: Callable[..., Host]) -> None:
    """Input, environment and folder reach it."""
    host = make_host(version)
    job = _shell("cat; pwd; echo $X", stdin=b"in\n", cwd="/", environment={"X": "x"})
    assert host.outcome(job).stdout == b"in\n/\nx\n"


@pytest.mark.parametrize("version", interpreters.available())
def test_names_in_the_c_locale(
    version: str, make_host: Callable[..., Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to 3.6 it has no letters but ASCII for an interpreter; programs and files are to see all."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    host = make_host(version)
    folder = tmp_path / "grün"
    folder.mkdir()
    text = 'printf \'%s \' "$PWD" "$1" "$X" "${LC_CTYPE-none}"'
    argv = ["/bin/sh", "-c", text, "sh", "süß"]
    environment = {"X": "weiß"}
    job = _command(*argv, cwd=str(folder), environment=environment)
    assert host.outcome(job).stdout.decode() == f"{folder} süß weiß none "
    path = str(folder / "größe")
    host.context.call(operations.write_chunk, path, 0, b"12")
    assert (folder / "größe").read_bytes() == b"12"
    made = host.context.call(operations.make_temporary_directory, str(folder), "weiß")
    assert made == str(folder / "weiß")
    assert (folder / "weiß").is_dir()


#: Signals 32 and 33: no program can change what it inherited of them.
_OF_THE_C_LIBRARY = 3 << 31


def test_a_program_sees_an_ordinary_process(host: Host) -> None:
    """No descriptor but the standard ones, empty input, default signals, no terminal."""
    outcome = host.outcome(_shell("ls /proc/self/fd | wc -l; wc -c; (: < /dev/tty) 2>/dev/null\n"
                                  "echo $?; grep -E 'Sig(Ign|Blk)' /proc/self/status"))  # fmt: skip
    lines = outcome.stdout.split()
    assert lines[:2] == [b"4", b"0"]  # the fourth is that of the listing
    assert lines[2] != b"0"
    assert {int(word, 16) & ~_OF_THE_C_LIBRARY for word in lines[4::2]} == {0}


def test_a_program_that_is_not_there(host: Host) -> None:
    """The status and the words of a shell."""
    outcome = host.outcome(_command("/no/such/program"))
    assert outcome.rc == 127
    assert outcome.stderr == b"/no/such/program: No such file or directory\n"
    assert host.outcome(_command("/etc/passwd")).rc == 126


def test_a_folder_that_is_not_there(host: Host, library: Path) -> None:
    """Neither a program nor a module runs elsewhere."""
    assert host.outcome(_shell("pwd", cwd="/no/such")).rc == 127
    module = own(library, _IMPORT + "print('ran')\n")
    outcome = host.outcome(module.job({}, cwd="/no/such"))
    assert outcome.rc == 1
    assert b"/no/such" in outcome.stderr
    assert b"ran" not in outcome.stdout


def test_much_output(host: Host) -> None:
    """50 MB arrive whole."""
    outcome = host.outcome(_shell("head -c 50000000 /dev/zero; echo end >&2"))
    assert len(outcome.stdout) == 50_000_000
    assert outcome.stderr == b"end\n"


def test_too_much_output(host: Host) -> None:
    """What no message can carry ends the job."""
    result = host.run(_shell("exec cat /dev/zero"))
    assert result["ended"] == "killed"
    assert "output is longer than" in result["detail"]


def test_much_input(host: Host) -> None:
    """More than a pipe holds, and not all of it read."""
    data = bytes(range(256)) * 20_000
    assert host.outcome(_shell("cat", stdin=data)).stdout == data
    assert host.outcome(_shell("head -c 3", stdin=data)).stdout == data[:3]
    assert host.outcome(_shell("exit 4", stdin=data)).rc == 4


def test_a_program_from_its_input(host: Host) -> None:
    """The text of a module goes to an interpreter as with pipelining."""
    job = _command(host.python, stdin=builtin("ping").text({"data": "x"}))
    assert b'"ping": "x"' in host.outcome(job).stdout


def _ended(process_id: int) -> bool:
    entry = processes.table().get(process_id)
    return entry is None or entry.state == "Z"


def test_a_daemon_that_keeps_the_output(host: Host, library: Path) -> None:
    """It does not hold up the job that left it."""
    module = own(
        library,
        _IMPORT + "import os, sys, time\n"
        "read, write = os.pipe()\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    pid = os.fork()\n"
        "    if pid:\n"
        "        os.write(write, str(pid).encode())\n"
        "        os._exit(0)\n"
        "    time.sleep(600)\n"
        "print(os.read(read, 99).decode())\n"
        "sys.exit(0)\n",
    )
    outcome = host.outcome(module.job({}))
    assert outcome.rc == 0
    daemon = int(outcome.stdout)
    assert not _ended(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_a_daemon_that_writes_for_ever(host: Host) -> None:
    """Neither does one that never lets the pipe run dry."""
    outcome = host.outcome(_shell("setsid yes & echo $!; exit 3"))
    assert outcome.rc == 3


def test_jobs_at_once(host: Host, tmp_path: Path) -> None:
    """Each of many jobs runs while the others do."""
    names = [str(tmp_path / str(number)) for number in range(8)]
    for name in names:
        os.mkfifo(name)
    # Each waits for the next one; the last lets go of all.
    texts = [f"read x < {a}; echo $x > {b}" for a, b in zip(names, names[1:])]
    waiting = [host.start(_shell(text, job_id=str(i))) for i, text in enumerate(texts)]
    last = host.start(_shell(f"read x < {names[-1]}; echo $x"))
    assert host.outcome(_shell(f"echo go > {names[0]}")).rc == 0
    assert host.result(last)["stdout"] == b"go\n"
    assert [host.result(receiver)["rc"] for receiver in waiting] == [0] * len(waiting)


def _running(
    host: Host, text: str, tmp_path: Path, first: str = ":", **fields: Any
) -> tuple[Any, int]:
    """Start a shell program; its receiver and its pid, once it runs and *first* is done."""
    fifo = tmp_path / "running"
    os.mkfifo(fifo)
    receiver = host.start(_shell(f"{first}; echo $$ > {fifo}; {text}", job_id="it", **fields))
    return receiver, int(fifo.read_text())


def test_a_cancelled_job(host: Host, tmp_path: Path) -> None:
    """All of it ends, and the answer says so."""
    receiver, pid = _running(host, "sleep 600 & wait", tmp_path)
    host.cancel("it")
    result = host.result(receiver)
    assert (result["ended"], result["detail"], result["rc"]) == ("killed", "cancelled", 143)
    assert _ended(pid)
    host.cancel("it")  # nobody there
    assert host.outcome(_shell("exit 1")).rc == 1


def test_a_stubborn_job(host: Host, tmp_path: Path) -> None:
    """What ignores the polite signal gets the other one."""
    receiver, _pid = _running(host, "while :; do sleep 1; done", tmp_path, "trap '' TERM")
    host.cancel("it")
    assert host.result(receiver)["rc"] == 137


def test_a_job_that_takes_too_long(host: Host) -> None:
    """Ends when its time is over."""
    result = host.run(_shell("echo begun; exec sleep 600", timeout=0.2))
    assert result["ended"] == "killed"
    assert result["detail"] == "it took more than 0.2 seconds"
    assert result["stdout"] == b"begun\n"


def test_a_cancelled_module(host: Host, library: Path, tmp_path: Path) -> None:
    """Programs that it started end with it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    module = own(
        library,
        _IMPORT + "import subprocess\n"
        f"subprocess.call('echo $$ > {fifo}; exec sleep 600', shell=True)\n",
    )
    receiver = host.start(module.job({}, job_id="it"))
    pid = int(fifo.read_text())
    host.cancel("it")
    assert host.result(receiver)["ended"] == "killed"
    host.run(_shell("true"))
    assert _ended(pid)


def test_missing_files(host: Host, library: Path) -> None:
    """A context that lacks files runs nothing, and says which."""
    module = own(library, _IMPORT + "print('ran'); exit(0)\n", "missing")
    result = host.run(module.job({}, supplied={}))
    assert (result["ended"], result["stdout"]) == ("lost", b"")
    assert module.files[module.source.entry] in result["missing"]
    missing = {digest: module.supplied[digest] for digest in result["missing"]}
    assert host.run(module.job({}, supplied=missing))["stdout"] == b"ran\n"
    assert host.run(module.job({}, supplied={}))["stdout"] == b"ran\n"


@pytest.mark.parametrize(
    "value",
    [None, 1, {}, {"job_id": "x"}, {"argv": []}, {"job_id": "x", "argv": "no list"}],
    ids=repr,
)
def test_rubbish(host: Host, value: Any) -> None:
    """Is answered, and changes nothing."""
    assert host.run(value)["ended"] == "lost"
    assert host.outcome(_shell("exit 1")).rc == 1


def test_an_empty_command(host: Host) -> None:
    """There is nothing to run, which is an answer too."""
    assert host.run(_command())["rc"] != 0


def _zygote(host: Host) -> int:
    """The process that forks runners."""
    return int(host.outcome(_shell("echo $PPID")).stdout)


def test_a_lost_zygote(make_host: Callable[..., Host], tmp_path: Path) -> None:
    """Jobs under way are answered, and the context ends: the next task makes another."""
    host = make_host()
    zygote = _zygote(host)
    receiver, pid = _running(host, "exec sleep 600", tmp_path)
    os.kill(zygote, signal.SIGKILL)
    result = host.result(receiver)
    assert result["ended"] == "lost"
    assert "ended unexpectedly" in result["detail"]
    os.kill(pid, signal.SIGKILL)
    message = host.start(_shell("true")).get(timeout=SECONDS, throw_dead=False)
    assert message.is_dead or message.unpickle()["ended"] == "lost"


def test_the_end_of_a_context(make_host: Callable[..., Host], tmp_path: Path) -> None:
    """Ends the zygote and what runs; the fixture sees that nothing is left."""
    host = make_host()
    zygote = _zygote(host)
    _receiver, pid = _running(host, "exec sleep 600", tmp_path)
    host.context.shutdown(wait=True)
    processes.wait_gone([pid, zygote], SECONDS)


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_no_descriptor_is_left(make_host: Callable[..., Host], library: Path) -> None:
    """In neither process, whatever became of the job."""
    host = make_host()
    zygote = _zygote(host)
    context = processes.table()[zygote].parent
    module = own(library, _IMPORT + "exit(0)\n", "left")
    before = [_descriptors(pid) for pid in (context, zygote)]
    for _ in range(3):
        host.run(module.job({}, supplied={}))
        host.run(module.job({}))
        host.run(_shell("cat", stdin=b"x" * 500_000))
        host.run(_shell("exit 2", stdin=b"x" * 500_000))
        host.run(_shell("sleep 600", timeout=0.01))
        host.run({})
    for _ in range(100):
        # What the zygote has open for a moment is none that is left.
        if [_descriptors(pid) for pid in (context, zygote)] == before:
            break
        host.run(_shell("true"))
    assert [_descriptors(pid) for pid in (context, zygote)] == before


def test_the_zygote_holds_nothing_of_the_context(host: Host) -> None:
    """A daemon of a module must not keep ssh from ending: no link, nothing but its own."""
    zygote = _zygote(host)
    links = [os.readlink(f"/proc/{zygote}/fd/{fd}") for fd in os.listdir(f"/proc/{zygote}/fd")]
    sockets = [link for link in links if link.startswith("socket:")]
    assert len(sockets) == 1
    inherited = host.outcome(_shell("ls -l /proc/self/fd")).stdout.decode()
    assert sockets[0] not in inherited


@pytest.mark.parametrize("version", interpreters.available())
def test_a_terminal(version: str, make_host: Callable[..., Host]) -> None:
    """It is input and both outputs, controls the job, and translates; all of it arrives."""
    host = make_host(version)
    text = "test -t 0 && test -t 1 && test -t 2 && echo all; echo mine >/dev/tty; echo err >&2; "
    result = host.run(_shell(text + "seq 20000; exit 3", has_terminal=True))
    lines = ["all", "mine", "err", *map(str, range(1, 20001))]
    assert result["stdout"].decode() == "".join(f"{line}\r\n" for line in lines)
    assert (result["rc"], result["stderr"]) == (3, b"")


def test_a_terminal_ends_with_its_job(host: Host, tmp_path: Path) -> None:
    """What is left on it is hung up, as at the end of a login."""
    mark = tmp_path / "mark"
    text = f"sleep 600 & echo $! >{mark}; echo done"
    assert host.run(_shell(text, has_terminal=True))["stdout"] == b"done\r\n"
    processes.wait_gone([int(mark.read_text())])
