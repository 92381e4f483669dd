"""Modules that share a process: which may, what is put back after them, and what ends the process."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen.isolation import REUSABLE
from tests.support import interpreters
from tests.support.processes import wait_gone
from tests.target.conftest import Host
from tests.target.packed import Module, Outcome, builtin, own, supported_pythons
from tests.target.test_modules_as_stock import DYING, ODD, _comparable

_IMPORT = "from ansible.module_utils.basic import AnsibleModule\n"

#: Everything a module could change, told apart from run to run of the same process.
_PROBE = (
    _IMPORT
    + """
import gc, json, locale, os, resource, signal, sys, threading
def names(module):
    return {k: repr(v) for k, v in vars(module).items() if not k.startswith("__")}
def leads_to(number):
    # What leads nowhere may be there any number of times.
    path = "/proc/self/fd/" + number
    return os.readlink(path).partition(":")[0] if os.path.exists(path) else "/dev/null"
mask = os.umask(0o22)
os.umask(mask)
print(json.dumps({
    "pid": os.getpid(),
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "umask": mask,
    "descriptors": sorted({leads_to(n) for n in os.listdir("/proc/self/fd")}),
    "timer": signal.getitimer(signal.ITIMER_REAL)[0],
    "threads": threading.active_count(),
    "handlers": [repr(signal.getsignal(n)) for n in range(1, signal.NSIG) if n not in (32, 33)],
    "blocked": repr(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "locale": locale.setlocale(locale.LC_ALL),
    "modules": sorted(sys.modules),
    "path": sys.path[1:],
    "limits": [resource.getrlimit(n) for n in range(9)],
    "children": open("/proc/self/task/%d/children" % os.getpid()).read(),
    "utils": {n: names(m) for n, m in sys.modules.items() if n.startswith("ansible.module_utils")},
}))
sys.exit(0)
"""
)

#: Arguments for each of the modules, in a folder of their own.
ARGUMENTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "assemble": lambda folder: {"src": str(folder / "parts"), "dest": str(folder / "made")},
    "blockinfile": lambda folder: {"path": str(folder / "text"), "block": "a\nb"},
    "command": lambda folder: {"_raw_params": "cd; umask 0; export A=1; pwd; exit 3",
                               "_uses_shell": True, "chdir": str(folder)},
    "copy": lambda folder: {"src": str(folder / "text"), "dest": str(folder / "copied"),
                            "remote_src": True, "mode": "0604"},
    "file": lambda folder: {"path": str(folder / "made"), "state": "touch", "mode": "u=rw,o=r"},
    "find": lambda folder: {"paths": str(folder), "recurse": True, "get_checksum": True},
    "getent": lambda _folder: {"database": "passwd", "key": "root"},
    "lineinfile": lambda folder: {"path": str(folder / "text"), "line": "new", "regexp": "^l"},
    "ping": lambda _folder: {"data": "crash"},
    "replace": lambda folder: {"path": str(folder / "text"), "regexp": "l(.)", "replace": "\\1"},
    "slurp": lambda folder: {"src": str(folder / "text")},
    "stat": lambda folder: {"path": str(folder / "text"), "get_checksum": True},
    "tempfile": lambda folder: {"path": str(folder), "state": "directory"},
}  # fmt: skip


def _prepared(folder: Path) -> Path:
    folder.mkdir()
    (folder / "parts").mkdir()
    (folder / "parts" / "1").write_text("one\n")
    (folder / "text").write_text("line\nlast\n")
    return folder


class SharedProcess:
    """Runs modules in one process of a host, and says in which."""

    def __init__(self, host: Host, library: Path) -> None:
        self._host = host
        self._probe = own(library, _PROBE, "probe")
        self._pids: set[int] = set()

    def prepare(self, *modules: Module) -> None:
        """Have the process know these; those that the host knows are not loaded one by one."""
        for module in (self._probe, *modules):
            self._host.run(module.job({}))
        # What they import is loaded while the host has nothing else to do: until it is, processes
        # end after each module.
        for _ in range(200):
            if self.look()["pid"] == self.look()["pid"]:
                return
        raise AssertionError("no process is used twice")

    def run(self, module: Module, arguments: dict[str, Any], **fields: Any) -> Outcome:
        """Run a module there."""
        job = module.job(arguments, may_reuse=True, supplied={}, **fields)
        return self._host.outcome(job)

    def look(self) -> dict[str, Any]:
        """What a module sees of the process."""
        seen: dict[str, Any] = json.loads(self.run(self._probe, {}).stdout)
        self._pids.add(seen["pid"])
        return seen

    def close(self) -> None:
        """End the process, which would go on for a while."""
        if self._pids:
            pid = self.look()["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_gone([pid])


@pytest.fixture
def shared(host: Host, library: Path) -> Iterator[SharedProcess]:
    """A process of our own Python."""
    shared = SharedProcess(host, library)
    yield shared
    shared.close()


def test_every_module_that_may_share_is_tested() -> None:
    """The list and the arguments here are of the same modules."""
    assert set(ARGUMENTS) == REUSABLE


@pytest.mark.parametrize("name", sorted(REUSABLE))
def test_a_module_that_may_share(
    name: str, shared: SharedProcess, host: Host, tmp_path: Path
) -> None:
    """Runs twice in one process, as it does in one of its own, and leaves nothing there."""
    module = builtin(name)
    shared.prepare(module)
    folders = {kind: _prepared(tmp_path / kind) for kind in ("own", "shared")}
    arguments = {kind: ARGUMENTS[name](folder) for kind, folder in folders.items()}
    seen = [shared.look()]
    for _ in range(2):
        expected = host.outcome(module.job(arguments["own"], supplied={}))
        outcome = shared.run(module, arguments["shared"])
        seen.append(shared.look())
        assert _placeless(outcome, folders["shared"]) == _placeless(expected, folders["own"])
    # Parts of the standard library are loaded by the first run that needs them.
    loaded = [set(each.pop("modules")) for each in seen]
    assert not {name for name in loaded[2] - loaded[0] if name.startswith("ansible")}
    assert not loaded[0] - loaded[2]
    assert seen[2] == seen[1] == seen[0]


def _placeless(outcome: Outcome, folder: Path) -> Any:
    return json.loads(json.dumps(_comparable(outcome)).replace(str(folder), "FOLDER"))


@pytest.mark.parametrize("version", supported_pythons(interpreters.available()))
def test_every_python(version: str, make_host: Callable[..., Host], library: Path) -> None:
    """There is sharing in each of them."""
    shared = SharedProcess(make_host(version), library)
    module = builtin("file")
    shared.prepare(module)
    before = shared.look()
    assert shared.run(module, {"path": "/", "state": "directory"}).rc == 0
    assert shared.look()["pid"] == before["pid"]


#: What a module leaves, and is put back.
RESTORED = {
    "environment": "os.environ['LEFT'] = '1'; del os.environ['PATH']",
    "folder": "os.chdir('/usr')",
    "a folder that is gone": "import tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
    "path": "sys.path.insert(0, '/left'); sys.path.append('/left')",
    "locale": "import locale; locale.setlocale(locale.LC_ALL, 'POSIX')",
    "names": "basic.LEFT = 1; del basic.AnsibleModule; basic.os = None",
    "lists": "basic._literal_eval = 1; basic.FILE_COMMON_ARGUMENTS['left'] = {}",
    "warnings": "w = AnsibleModule({}); w.warn('left'); w.deprecate('left', version='9.9')",
    "output": "sys.stdout = sys.stderr",
    "hooks": "sys.excepthook = sys.displayhook = print",
    "alarm": "import signal; signal.alarm(1000)",
    "arguments": "sys.argv.append('left')",
    "a folder for temporary files": "import tempfile; tempfile.tempdir = '/left'",
    "a handler for the end": "import atexit; atexit.register(lambda: None)",
    "standard modules": "import wave",
    "a descriptor": "os.open('/', os.O_RDONLY)",
    "an ended child": "os.posix_spawn if False else os.spawnlp(os.P_NOWAIT, 'true', 'true')\n"
    "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)",
}  # fmt: skip

#: What a module leaves, and makes its process the module's own.
KEPT = {
    "umask": "os.umask(0o77)",
    "many descriptors": "for _ in range(40): os.open('/', os.O_RDONLY)",
    "closed descriptors": "os.closerange(3, 100)",
    "other descriptors": "os.closerange(3, 100); [os.open('/', os.O_RDONLY) for _ in range(9)]",
    "handler": "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)",
    "blocked signal": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {10})",
    "limit": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "running child": "os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '0.3')",
    "daemon thread": "import threading; t = threading.Timer(60, print); t.daemon = True; t.start()",
    "output in pieces": "out = sys.stdout.detach()",
    "finder": "sys.meta_path.insert(0, sys.meta_path[0])",
    "filter": "import warnings; warnings.simplefilter('error')",
    "foreign module": "sys.path.insert(0, FOLDER); import left_behind",
    "session": "os.setsid()",
}  # fmt: skip


def _leaving(library: Path, text: str) -> Module:
    text = text.replace("FOLDER", repr(str(library)))
    return own(
        library,
        _IMPORT + "import os, sys\nfrom ansible.module_utils import basic\n" + text + "\n"
        "sys.exit(0)\n",
        "leaving",
    )


@pytest.mark.parametrize("what", RESTORED)
def test_what_is_put_back(what: str, shared: SharedProcess, library: Path) -> None:
    """The next module in the process sees nothing of it."""
    module = _leaving(library, RESTORED[what])
    shared.prepare(module)
    before = shared.look()
    assert shared.run(module, {}).rc == 0
    after = shared.look()
    before.pop("modules")
    after.pop("modules")
    assert after == before


def test_a_link_to_the_log(shared: SharedProcess, library: Path, tmp_path: Path) -> None:
    """Libraries keep it for good, and go on to write to it from the next module."""
    path = tmp_path / "log"
    opens = own(
        library,
        _IMPORT + "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"s.connect({str(path)!r})\nprint(s.detach())\nsys.exit(0)\n",
        "opens",
    )
    writes = own(
        library,
        _IMPORT + "import os, sys\nfd = AnsibleModule({'fd': {'type': 'int'}}).params['fd']\n"
        "os.write(fd, b'said')\nsys.exit(0)\n",
        "writes",
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        shared.prepare(opens, writes)
        pid = shared.look()["pid"]
        fd = int(shared.run(opens, {}).stdout)
        assert shared.run(writes, {"fd": fd}).rc == 0
        assert log.recv(9) == b"said"
        assert shared.look()["pid"] == pid


@pytest.mark.parametrize("what", KEPT)
def test_what_is_not_put_back(what: str, shared: SharedProcess, library: Path) -> None:
    """The process ends, and the next module has another."""
    (library / "left_behind.py").write_text("")
    module = _leaving(library, KEPT[what])
    shared.prepare(module)
    before = shared.look()
    outcome = shared.run(module, {})
    assert outcome.rc == (0 if "pieces" not in what else 120)
    after = shared.look()
    assert after.pop("pid") != before.pop("pid")
    before.pop("modules")
    after.pop("modules")
    assert after == before


@pytest.mark.parametrize("behaviour", [name for name in ODD if "packages" not in name])
def test_an_odd_module(behaviour: str, shared: SharedProcess, host: Host, library: Path) -> None:
    """Behaves as in a process of its own, both times, and others after it as ever."""
    module = own(library, _IMPORT + ODD[behaviour] + "\n")
    expected = _comparable(host.outcome(module.job({})))
    shared.prepare()
    assert _comparable(shared.run(module, {})) == expected
    assert _comparable(shared.run(module, {})) == expected
    shared.look()


@pytest.mark.parametrize("behaviour", DYING)
def test_a_dying_module(behaviour: str, shared: SharedProcess, host: Host, library: Path) -> None:
    """It alone dies: its result is that of a process of its own."""
    module = own(library, _IMPORT + DYING[behaviour] + "\n")
    expected = host.run(module.job({}))
    shared.prepare()
    before = shared.look()["pid"]
    assert host.run(module.job({}, may_reuse=True, supplied={})) == expected
    assert shared.look()["pid"] != before


@pytest.mark.parametrize("way", ["cancelled", "overdue"])
def test_a_module_that_hangs(way: str, shared: SharedProcess, host: Host, library: Path) -> None:
    """Is ended with all it started, and the process with it."""
    module = own(
        library,
        _IMPORT + "import os, sys\nprint(os.getpid(), flush=True)\nos.system('sleep 600; echo')\n",
    )
    host.run(module.job({}, timeout=0.01))
    shared.prepare()
    before = shared.look()["pid"]
    fields = {"timeout": 0.2} if way == "overdue" else {}
    receiver = host.start(module.job({}, may_reuse=True, supplied={}, job_id="hanging", **fields))
    if way == "cancelled":
        host.cancel("hanging")
    result = host.result(receiver)
    assert result["ended"] == "killed"
    assert shared.look()["pid"] != before


def test_the_environment_of_a_task(shared: SharedProcess, library: Path) -> None:
    """Is there for the task alone; what only a new interpreter heeds gets one."""
    module = own(
        library,
        _IMPORT + "import os, sys, time\nprint(os.getpid(), os.environ.get('X'),\n"
        "      time.strftime('%Z'), os.environ.get('PYTHONPATH'))\nsys.exit(0)\n",
    )
    shared.prepare(module)
    pid = shared.look()["pid"]
    found = shared.run(module, {}, environment={"X": "1", "TZ": "Asia/Tokyo"}).stdout.split()
    assert found == [str(pid).encode(), b"1", b"JST", b"None"]
    found = shared.run(module, {}, environment={}).stdout.split()
    assert found[:2] == [str(pid).encode(), b"None"]
    assert found[2] != b"JST"
    found = shared.run(module, {}, environment={"PYTHONPATH": "/x"}).stdout.split()
    assert found[0] != str(pid).encode()
    assert found[3] == b"/x"


def test_the_working_folder(shared: SharedProcess, library: Path) -> None:
    """The job's own, each time."""
    module = own(library, _IMPORT + "import os, sys; print(os.getcwd()); sys.exit(0)\n")
    shared.prepare(module)
    pid = shared.look()["pid"]
    assert shared.run(module, {}, cwd="/usr").stdout == b"/usr\n"
    assert shared.run(module, {}, cwd="/etc").stdout == b"/etc\n"
    assert shared.look()["pid"] == pid


def test_a_library_that_comes(
    make_host: Callable[..., Host], library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is looked for by the next module, whatever the process had found before."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    host = make_host()
    shared = SharedProcess(host, library)
    module = own(
        library,
        _IMPORT + "from ansible.module_utils import basic\nprint(basic.has_journal); exit(0)\n",
    )
    shared.prepare(module)
    assert shared.run(module, {}).stdout == b"False\n"
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd" / "__init__.py").write_text("")
    (tmp_path / "systemd" / "journal.py").write_text("sendv = None\n")
    (tmp_path / "systemd" / "daemon.py").write_text("def booted():\n    return True\n")
    assert shared.run(module, {}).stdout == b"True\n"


def test_a_process_that_is_killed_while_idle(shared: SharedProcess) -> None:
    """The next module gets another."""
    shared.prepare()
    pid = shared.look()["pid"]
    os.kill(pid, signal.SIGKILL)
    assert shared.look()["pid"] != pid
