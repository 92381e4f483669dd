"""Modules that restart themselves under another interpreter, and those that are sent there ahead."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen.target.records import ASKED, CHANGED, DECLINED, ENVIRONMENT
from tests.support import interpreters
from tests.target.conftest import Host
from tests.target.packed import Module, own

#: What it tells is the same in the interpreter that it restarted itself under, however it got
#: there; but for the place of its files. `other` stands for a library that only one of them has.
_TEXT = """\
import os, sys
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module

def main():
    module = AnsibleModule(
        dict(other=dict(required=True), log={}, fail=dict(type='bool'), ask=dict(type='bool'),
             kill=dict(type='bool')))
    with open(module.params['log'], 'a') as log:
        log.write(sys.executable + chr(10))
    if sys.executable != module.params['other'] or module.params['ask']:
        if not has_respawned():
            respawn_module(module.params['other'])
    if module.params['kill']:
        os.kill(os.getpid(), 9)
    main = sys.modules['__main__']
    told = dict(
        executable=sys.executable, version=list(sys.version_info), argv=sys.argv[1:],
        respawned=vars(main).get('_respawned'), name=main.__name__, folder=os.getcwd(),
        path=[path for path in sys.path if 'payload' not in path], file=os.path.basename(__file__),
        stdin=sys.stdin.read(), environment=dict(os.environ), home=module._name)
    sys.stderr.write('told\\n')
    if module.params['fail']:
        module.fail_json(msg='as asked', **told)
    module.exit_json(changed=True, **told)

if __name__ == '__main__':
    main()
"""

#: Pythons that modules of every core run in, an old one and new ones.
_OTHERS = [
    version
    for version in ("3.9", "3.13", "3.12")
    if version != f"3.{sys.version_info[1]}" and interpreters.find(version)
]


@pytest.fixture(scope="module", params=_OTHERS[:2])
def other(request: pytest.FixtureRequest) -> str:
    """The path of another interpreter than ours."""
    return str(interpreters.find(request.param))


@pytest.fixture
def module(library: Path) -> Module:
    """The module above."""
    return own(library, _TEXT, "restarts")


@pytest.fixture
def there(other: str, request: pytest.FixtureRequest, make_host: Callable[..., Host]) -> Host:
    """A context of the other interpreter."""
    return make_host(request.node.callspec.params["other"])


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """What the module told, as far as it is the same for each start."""
    told: dict[str, Any] = json.loads(result["stdout"])
    # The contexts were started in different tests.
    told["environment"].pop("PYTEST_CURRENT_TEST", None)
    return told


@pytest.mark.parametrize("ending", [{}, {"fail": True}])
def test_straight_there(
    host: Host, there: Host, other: str, module: Module, ending: dict[str, Any], tmp_path: Path
) -> None:
    """A restart is reported; a module sent there ahead starts once and tells the same."""
    log = tmp_path / "log"
    arguments = {"other": other, "log": str(log), **ending}
    stock = module.run_stock(host.python, arguments)
    first = host.run(module.job(arguments))
    assert log.read_text().splitlines() == [host.python, other] * 2
    assert first["respawned"]["interpreter"] == other
    log.unlink()
    unchanged = first["respawned"]["unchanged"]
    # Where the library might come to, and where it is looked for.
    assert {other, host.python, sysconfig.get_path("purelib")} <= unchanged.keys()
    assert not any("payload" in path for path in unchanged)
    ahead = there.run(module.job(arguments, unchanged=unchanged))
    assert log.read_text().splitlines() == [other]
    assert ahead["respawned"] == {}
    assert ahead["rc"] == first["rc"] == stock.rc
    assert ahead["stderr"] == first["stderr"] == b"told\n"
    assert _told(ahead) == _told(first)
    stock_told = _told({"stdout": stock.stdout})
    assert _told(first).keys() == stock_told.keys()
    assert {**_told(first), "environment": 0} == {**stock_told, "environment": 0}


def test_what_is_no_restart(host: Host, module: Module, tmp_path: Path) -> None:
    """A module that stays, and one that starts itself under the same interpreter, report nothing."""
    arguments = {"other": host.python, "log": str(tmp_path / "log")}
    assert host.run(module.job(arguments))["respawned"] == {}
    again = host.run(module.job({**arguments, "ask": True}))
    assert again["respawned"] == {}
    assert _told(again)["respawned"]


def test_a_signal_there(host: Host, other: str, module: Module, tmp_path: Path) -> None:
    """The restarted module's status is reported as the one that waited for it has it."""
    arguments = {"other": other, "log": str(tmp_path / "log"), "kill": True}
    result = host.run(module.job(arguments))
    assert (result["ended"], result["rc"]) == ("exit", 256 - 9)
    assert result["respawned"]["interpreter"] == other


def _declined(there: Host, job: dict[str, Any], folder: Path, **environment: str) -> str:
    """Why a job was declined. It left nothing in the *folder* for temporary files."""
    result = there.run({**job, "environment": {"TMPDIR": str(folder), **environment}})
    assert result["ended"] == DECLINED, result
    assert not list(folder.iterdir())
    return str(result["detail"])


def test_declined(there: Host, other: str, module: Module, tmp_path: Path) -> None:
    """Nothing is done where the restart might not happen: something changed, or it asks."""
    log = tmp_path / "log"
    folder, temporary = tmp_path / "site-packages", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    arguments = {"other": other, "log": str(log)}
    found = os.stat(folder)
    unchanged = {str(folder): f"{found.st_ino} {found.st_mtime_ns}", str(tmp_path / "absent"): ""}
    job = module.job(arguments, unchanged=unchanged)
    assert there.run(job)["ended"] == "exit"
    asking = module.job({**arguments, "ask": True}, unchanged=unchanged)
    assert _declined(there, asking, temporary) == ASKED
    log.unlink()
    assert _declined(there, job, temporary, PYTHONPATH="/x") == ENVIRONMENT
    (folder / "library.py").touch()
    assert _declined(there, job, temporary) == CHANGED
    assert not log.exists()


_PROBING = """\
import sys
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import probe_interpreters_for_module
from ansible.module_utils.facts import packages
module = AnsibleModule({'other': {}})
for probe in (probe_interpreters_for_module, packages.probe_interpreters_for_module):
    print(probe([module.params['other']], 'json'))
sys.exit(0)
"""


def test_probing(host: Host, other: str, library: Path) -> None:
    """Other interpreters find the closure, whether the core's part for it was loaded ahead or not."""
    module = own(library, _PROBING, "probing")
    arguments = {"other": other}
    stock = module.run_stock(host.python, arguments)
    # The first one makes it known; what it imports is loaded before one of the next.
    for _run in range(4):
        assert host.outcome(module.job(arguments)).stdout == stock.stdout
