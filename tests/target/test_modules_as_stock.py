"""Modules in a runner, compared with the very program that Ansible sends, in the same Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import interpreters
from tests.target.conftest import Host
from tests.target.packed import Module, Outcome, builtin, own, supported_pythons

PYTHONS = supported_pythons(interpreters.available())

_CHANGING = re.compile(
    r'"(?:start|end|delta|atime|mtime|ctime|version|inode|dest|path|cmd|ansible_date_time'
    r'|ansible_env|ansible_loadavg|ansible_uptime_seconds|ansible_local)"'
)


def _without_changing(value: Any) -> Any:
    """*value* without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: _without_changing(item)
            for key, item in value.items()
            if not _CHANGING.fullmatch(f'"{key}"')
        }
    if isinstance(value, list):
        return [_without_changing(item) for item in value]
    return _without_places(value) if isinstance(value, str) else value


def _without_places(text: str) -> str:
    """*text* with the random part of paths taken out."""
    text = re.sub(r"\S*/ansible_[\w.]+_payload_\w+/ansible_[\w.]+_payload.zip", "PAYLOAD", text)
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def _comparable(outcome: Outcome) -> tuple[Any, ...]:
    try:
        shown: Any = _without_changing(json.loads(outcome.stdout))
    except ValueError:
        shown = _without_places(outcome.stdout.decode("utf-8", "surrogateescape"))
    stderr = _without_places(outcome.stderr.decode("utf-8", "surrogateescape"))
    # What the program itself adds: its own frames, above those of the module.
    stderr = re.sub(r'  File "<stdin>", line .*\n', "", stderr)
    return outcome.rc, shown, stderr


def _file(folder: Path) -> dict[str, Any]:
    return {"path": str(folder / "made"), "state": "touch", "mode": "0640"}


def _copy(folder: Path) -> dict[str, Any]:
    source = folder / "source"
    source.write_bytes(b"content\n")
    return {"src": str(source), "dest": str(folder / "copied"), "remote_src": True}


CORE = {
    "ping": lambda _folder: {"data": "p\u00f6ng"},
    "command": lambda _folder: {"_raw_params": "printf '\\377 %s' \"$HOME\"; exit 3",
                                "_uses_shell": True},
    "stat": lambda _folder: {"path": "/etc/passwd"},
    "setup": lambda _folder: {"gather_subset": ["!all", "platform", "python", "user"]},
    "file": _file,
    "copy": _copy,
    "tempfile": lambda folder: {"path": str(folder), "state": "directory"},
    "wait_for": lambda _folder: {"path": "/etc/passwd", "timeout": 1},
    "slurp": lambda _folder: {"src": "/etc/hostname"},
    # One that may restart itself, whose files are somewhere else.
    "package_facts": lambda _folder: {"manager": ["portage"]},
}  # fmt: skip


@pytest.mark.parametrize("name", CORE)
def test_a_module_of_the_core(name: str, host: Host, tmp_path: Path) -> None:
    """It returns what it returns with stock Ansible; also the second time, when all is loaded."""
    module = builtin(name)
    expected = []
    for run in ("stock", "ours", "again"):
        folder = tmp_path / run
        folder.mkdir()
        arguments = CORE[name](folder)
        if run == "stock":
            stock = module.run_stock(host.python, arguments)
            expected.append(_comparable(stock))
            continue
        found = _comparable(host.outcome(module.job(arguments)))
        assert _relative(found, folder) == _relative(expected[0], tmp_path / "stock")


def _relative(found: Any, folder: Path) -> Any:
    return json.loads(json.dumps(found).replace(str(folder), "FOLDER"))


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python(version: str, make_host: Callable[..., Host]) -> None:
    """Three modules in each Python that the core supports."""
    host = make_host(version)
    for name in ("ping", "command", "stat"):
        module = builtin(name)
        arguments = CORE[name](Path("/"))
        expected = _comparable(module.run_stock(host.python, arguments))
        assert _comparable(host.outcome(module.job(arguments))) == expected
        assert _comparable(host.outcome(module.job(arguments, supplied={}))) == expected


_IMPORT = "from ansible.module_utils.basic import AnsibleModule\n"

#: Ways to behave, each the end of a module.
ODD = {
    "exits with a number": "import sys; print('x'); sys.exit(3)",
    "exits with a large number": "import sys; sys.exit(256 + 7)",
    "exits with a negative number": "import sys; sys.exit(-1)",
    "exits with nothing": "import sys; print('{}'); sys.exit()",
    "exits with true": "import sys; sys.exit(True)",
    "exits with a text": "import sys; print('x'); sys.exit('no more')",
    "exits with an object": "import sys; sys.exit([1, 2])",
    "forgets to exit": "print('done')",
    "leaves at once": "import os; print('lost'); os._exit(5)",
    "raises": "def f():\n    raise ValueError('wrong')\nf()",
    "raises from": "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('k') from e",
    "cannot import": "import no_such_module_at_all",
    "cannot import from us": "import mitogen",
    "cannot import from the plugins": "import ansible_mitogen.target.runner",
    "does not compile late": "eval('1 +')",
    "fails itself": "AnsibleModule({}).fail_json(msg='bad', a=1)",
    "gets wrong arguments": "AnsibleModule({'x': {'required': True}})",
    "prints at exit": "import atexit; atexit.register(print, 'bye'); print('hello'); exit()",
    "raises at exit": "import atexit, sys; atexit.register(lambda: 1 / 0); sys.exit(4)",
    "uses globals at exit": "import atexit, sys\nTEXT = 'bye'\ndef say():\n"
    "    sys.stdout.write(TEXT)\natexit.register(say)\nsys.exit(0)",
    "uses globals while cleaning up": "import sys\nTEXT = 'gone'\nclass C:\n"
    "    def __del__(self):\n        sys.stdout.write(TEXT)\n_c = C()\nd = C()\nsys.exit(0)",
    "uses globals after an error": "import atexit, sys\nTEXT = 'bye'\ndef say():\n"
    "    sys.stdout.write(TEXT)\natexit.register(say)\nclass C:\n    def __del__(self):\n"
    "        sys.stdout.write(TEXT)\nc = C()\n1 / 0",
    "writes bytes": "import os, sys; os.write(1, b'\\xff\\xfe\\0'); sys.exit(0)",
    "writes past Python": "import os, sys; print('1'); sys.stdout.flush()\n"
    "os.system('echo 2; echo 3 >&2'); print('4', file=sys.stderr); sys.exit(0)",
    "prints what has no bytes": "print('\\udcff')",
    "replaces its output": "import os, sys; print('result')\n"
    "sys.stdout = open(os.devnull, 'w'); print('hidden'); sys.exit(0)",
    "closes its output": "import sys; sys.stdout.close(); sys.exit(0)",
    "closes its descriptors": "import os, sys; os.close(1); os.close(2); print('x'); sys.exit(0)",
    "leaves a thread": "import threading, sys\nt = threading.Timer(0.05, print, ['late'])\n"
    "t.start()\nsys.exit(0)",
    "leaves a daemon thread": "import threading, sys\nt = threading.Timer(60, print, ['late'])\n"
    "t.daemon = True\nt.start()\nsys.exit(0)",
    "cleans up in a global": "class C:\n    def __del__(self):\n        print('gone')\n"
    "c = C()\nimport sys\nsys.exit(0)",
    "cleans up in a local": "class C:\n    def __del__(self):\n        print('gone')\n"
    "def main():\n    c = C()\n    import sys\n    sys.exit(0)\nmain()",
    "leaves a temporary file": "import tempfile, atexit, os, sys\n"
    "f = tempfile.NamedTemporaryFile()\nd = tempfile.TemporaryDirectory()\n"
    "sys.exit(0 if os.path.exists(f.name) else 1)",
    "reads its input": "import sys; print(repr(sys.stdin.read())); sys.exit(0)",
    "looks at itself": "import sys, os\nm = sys.modules['__main__']\n"
    "print(__name__, __package__, __file__, sys.argv, m.__name__, m._module_fqn, m._modlib_path,\n"
    "      sys.path[0], type(__spec__).__name__, __builtins__ is not None, m.__file__)\n"
    "sys.exit(0)",
    "looks at its frames": "import sys, traceback\n"
    "print([f.name for f in traceback.extract_stack()][-4:]); sys.exit(0)",
    "looks at the process": "import os, sys, signal\nm = os.umask(0)\n"
    "print(os.getcwd(), m, sorted(os.listdir('/proc/self/fd'))[:3],\n"
    "      [signal.getsignal(s) for s in (2, 13, 15, 17)], sys.executable, sys.flags,\n"
    "      sys.stdout.encoding, sys.stdout.errors, sys.stdin.encoding, sys.stdin.errors,\n"
    "      sys.stderr.errors, sys.getfilesystemencoding(), sys.stdout.line_buffering,\n"
    "      sys.stdout.isatty())\nsys.exit(0)",
    "looks at its environment": "import os, sys\n"
    "leave = ('_', 'PWD', 'OLDPWD', 'SHLVL', 'COLUMNS', 'PYTEST_CURRENT_TEST', 'PYTEST_VERSION')\n"
    "print(sorted(i for i in os.environ.items() if i[0] not in leave))\n"
    "sys.exit(0)",
    "looks at sys.path": "import sys; print(sys.path[1:]); sys.exit(0)",
    "looks for packages": "import pkgutil, sys, ansible.modules, ansible.module_utils as u\n"
    "print(sorted(n for _, n, _ in pkgutil.iter_modules(u.__path__)),\n"
    "      pkgutil.get_data('ansible.module_utils', 'basic.py')[:20])\nsys.exit(0)",
    "looks for resources": "import sys\nfrom importlib import resources\n"
    "import ansible.module_utils\n"
    "print(resources.files('ansible.module_utils').joinpath('basic.py').read_bytes()[:20])\n"
    "sys.exit(0)",
    "looks at sources": "import inspect, sys\nfrom ansible.module_utils import basic\n"
    "print(len(inspect.getsource(basic)), inspect.getsource(basic.AnsibleModule.exit_json)[:30],\n"
    "      basic.__file__)\nsys.exit(0)",
    "forks a child that exits": "import os, sys\npid = os.fork()\nif not pid:\n"
    "    print('child'); sys.exit(0)\nos.waitpid(pid, 0)\nprint('parent')\nsys.exit(0)",
    "uses a pool": "import sys\nfrom concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(2) as p:\n    print(list(p.map(abs, [-1])))\nsys.exit(0)",
    "begins a session": "import os, sys\nled = os.getpgrp() == os.getpid()\nos.setsid()\n"
    "print(led, os.getpgrp() == os.getsid(0) == os.getpid()); sys.exit(0)",
    "exits from a hook": "import sys\ndef hook(kind, value, trace):\n"
    "    print(value, trace is not None); sys.exit(5)\n"
    "sys.excepthook = hook\nraise ValueError('it broke')",
    "has a broken hook": "import sys\ndef hook(kind, value, trace):\n    raise KeyError('hook')\n"
    "sys.excepthook = hook\nraise SystemError('it broke')",
    "exits from a hook when interrupted": "import sys\ndef hook(kind, value, trace):\n"
    "    sys.exit('%r' % (value,))\nsys.excepthook = hook\nraise KeyboardInterrupt",
    "meets a closed pipe": "import os, sys, subprocess\nr, w = os.pipe(); os.close(r)\n"
    "try:\n    os.write(w, b'x')\nexcept BrokenPipeError as e:\n    print(type(e))\n"
    "print(subprocess.call('yes | head -1', shell=True)); sys.exit(0)",
}  # fmt: skip


#: Ways to die of a signal; the shell of stock Ansible adds its name to what was printed.
DYING = {
    "is killed": "import os; print('lost'); os.kill(os.getpid(), 9)",
    "is terminated": "import os; print('x', flush=True); os.kill(os.getpid(), 15)",
    "aborts": "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.abort()",
    "is interrupted": "import os, time; print('x', flush=True)\nos.kill(os.getpid(), 2)\n"
    "time.sleep(9)",
}  # fmt: skip


@pytest.mark.parametrize("behaviour", ODD)
def test_an_odd_module(behaviour: str, host: Host, library: Path) -> None:
    """Status, output and what it sees of the world are those of stock Ansible."""
    module = own(library, _IMPORT + ODD[behaviour] + "\n")
    stock = _comparable(module.run_stock(host.python, {}))
    assert _comparable(host.outcome(module.job({}))) == stock


@pytest.mark.parametrize("behaviour", DYING)
def test_a_dying_module(behaviour: str, host: Host, library: Path) -> None:
    """The status is that of a shell, and what was printed arrives."""
    module = own(library, _IMPORT + DYING[behaviour] + "\n")
    stock = module.run_stock(host.python, {})
    result = host.run(module.job({}))
    assert (result["rc"], result["stdout"]) == stock[:2]
    assert result["ended"] == "signal"
    assert result["detail"].startswith("ended by SIG")


def test_a_module_that_does_not_compile(host: Host, library: Path) -> None:
    """Neither ahead nor in the runner; it says so as ever."""
    module = own(library, _IMPORT)
    broken = b"from ansible.module_utils.basic import AnsibleModule\ndef (:\n"
    module.contents[module.source.entry] = broken
    module.files[module.source.entry] = "0" * 64
    outcome = host.outcome(module.job({}))
    assert outcome.rc == 1
    assert b"SyntaxError" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"X": "1", "EMPTY": "", "UMLAUT": "\u00e4"},
        {"TZ": "Asia/Tokyo"},
        {"LANG": "C"},
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "en_US.ISO-8859-1"},
        {"PYTHONPATH": "/nonexistent"},
        {"PYTHONIOENCODING": "latin-1:replace"},
        {"LD_LIBRARY_PATH": "/nonexistent"},
        {"HOME": "/nonexistent", "PATH": "/bin"},
    ],
    ids=lambda environment: next(iter(environment)) + "=" + next(iter(environment.values())),
)
def test_the_environment_of_a_task(environment: dict[str, str], host: Host, library: Path) -> None:
    """Reaches the module, also where an interpreter heeds it when it starts."""
    module = own(
        library,
        _IMPORT + "import os, sys, time, locale\n"
        f"print([os.environ.get(n) for n in {sorted(environment)}], time.strftime('%Z'),\n"
        "      sys.stdout.encoding, sys.stdout.errors, sys.getfilesystemencoding(),\n"
        "      sys.path[1:], os.path.expanduser('~'), locale.setlocale(locale.LC_CTYPE),\n"
        "      ascii(os.environ.get('UMLAUT')))\n"
        "sys.exit(0)\n",
    )
    words = " ".join(f"{name}='{value}'" for name, value in environment.items())
    stock = module.run_stock(f"{words} {host.python}", {})
    ours = host.outcome(module.job({}, environment=environment))
    assert _comparable(ours) == _comparable(stock)


def test_the_working_folder(host: Host, library: Path) -> None:
    """The job's, or that of the login; the variable says the same."""
    module = own(
        library,
        _IMPORT + "import os, sys; print(os.getcwd(), os.environ['PWD'])\nsys.exit(0)\n",
    )
    for folder in ("/", "/tmp"):
        expected = f"{folder} {folder}\n".encode()
        assert host.outcome(module.job({}, cwd=folder)).stdout == expected


def test_a_respawned_module(host: Host, library: Path) -> None:
    """The other interpreter finds the module and all it needs in a file, which is gone later."""
    text = (
        "import sys, json\n"
        "from ansible.module_utils.basic import AnsibleModule\n"
        "from ansible.module_utils.common.respawn import (\n"
        "    has_respawned, probe_interpreters_for_module, respawn_module)\n"
        "def main():\n"
        "    module = AnsibleModule({'x': {}})\n"
        "    found = probe_interpreters_for_module([sys.executable], 'json')\n"
        "    if not has_respawned():\n"
        "        respawn_module(found)\n"
        "    path = sys.modules['__main__'].__dict__.get('_modlib_path', sys.path[0])\n"
        "    module.exit_json(respawned=True, x=module.params['x'], place=path)\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    module = own(library, text)
    arguments = {"x": "y"}
    stock = module.run_stock(host.python, arguments)
    ours = host.outcome(module.job(arguments))
    assert ours.stderr == b""  # some versions' own file for other interpreters does not compile
    assert _comparable(ours)[:2] == _comparable(stock)[:2]
    shown = json.loads(ours.stdout)
    assert shown["respawned"]
    assert not Path(shown["place"]).exists()
    assert not Path(shown["place"]).parent.exists()


def test_modules_do_not_meet(host: Host, library: Path) -> None:
    """What one module does to its process, the next does not see."""
    spoil = own(
        library,
        _IMPORT + "import os, sys, ansible.module_utils.basic as b\n"
        "b.FLAG = 1; os.environ['SPOILT'] = '1'; os.chdir('/'); os.umask(0o777)\n"
        "sys.exit(0)\n",
        "spoil",
    )
    look = own(
        library,
        _IMPORT + "import os, sys, ansible.module_utils.basic as b\n"
        "print(hasattr(b, 'FLAG'), 'SPOILT' in os.environ, os.getcwd(), os.umask(0))\n"
        "sys.exit(0)\n",
        "look",
    )
    before = host.outcome(look.job({}))
    assert host.outcome(spoil.job({})).rc == 0
    assert host.outcome(look.job({})) == before


def _with_changed(module: Module, path: str, text: bytes) -> None:
    module.contents[path] = module.contents[path] + text
    module.files[path] = "f" * 64


def test_another_basic(host: Host, library: Path) -> None:
    """A module whose closure differs from what is loaded gets its own, byte for byte."""
    text = _IMPORT + (
        "import sys\nfrom ansible.module_utils import basic\n"
        "print(getattr(basic, 'MARK', None)); sys.exit(0)\n"
    )
    plain, changed = own(library, text), own(library, text)
    _with_changed(changed, "ansible/module_utils/basic.py", b"\nMARK = 1\n")
    assert host.outcome(plain.job({})).stdout == b"None\n"
    assert host.outcome(changed.job({})).stdout == b"1\n"
    assert host.outcome(plain.job({})).stdout == b"None\n"


def test_what_is_not_in_the_closure(make_host: Callable[..., Host], library: Path) -> None:
    """A module cannot import what another brought, though it is loaded."""
    host = make_host("3.11")  # one without an installed ansible-core
    text = _IMPORT + (
        "import sys\ntry:\n    import ansible.module_utils.common.validation as v\n"
        "    print(v.__name__)\nexcept ImportError as e:\n    print('no')\nsys.exit(0)\n"
    )
    module = own(library, text)
    assert host.outcome(module.job({})).stdout == b"ansible.module_utils.common.validation\n"
    bare = own(
        library,
        "import sys, ansible.module_utils as u  # from ansible.module_utils.basic import *\n"
        "print(hasattr(u, 'basic')); sys.exit(0)\n",
    )
    bare.contents = {p: c for p, c in bare.contents.items() if not p.endswith("/basic.py")}
    bare.files = {p: bare.files[p] for p in bare.contents}
    result = host.run(bare.job({}))
    assert b"No module named 'ansible.module_utils.basic'" in result["stderr"]
