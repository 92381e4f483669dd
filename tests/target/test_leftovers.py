"""The temporary folder of a module goes with the module, however that ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.target.conftest import Host
from tests.target.packed import own

_TEXT = """\
import ctypes, os, resource, sys, tempfile
from ansible.module_utils.basic import AnsibleModule
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
module = AnsibleModule({})
for _ in range(3):
    tempfile.mkstemp()
folder = module.tmpdir
open(folder + '/content', 'w').close()
"""
_ENDS = {
    "is killed": "os.kill(os.getpid(), 9)",
    "crashes": "ctypes.string_at(0)",
    "leaves at once": "os._exit(3)",
    "raises": "1 / 0",
    "exits": "sys.exit(4)",
    "returns": "module.exit_json(x=1)",
}


@pytest.mark.parametrize("may_reuse", [False, True])
@pytest.mark.parametrize("end", _ENDS)
def test_nothing_is_left(
    end: str, may_reuse: bool, host: Host, library: Path, tmp_path: Path
) -> None:
    """Neither by a module that removes it itself, nor by one that cannot; others' stay."""
    base = tmp_path / "base"
    others = base / "ansible-moduletmp-1.5-abcd_123"
    others.mkdir(parents=True)
    module = own(library, _TEXT + _ENDS[end] + "\n")
    # The core's limit ends a reusable runner's process: none outlives the test.
    job = module.job({"_ansible_remote_tmp": str(base)}, environment={"TMPDIR": str(tmp_path)})
    if may_reuse:
        host.run(own(library, _TEXT + _ENDS[end] + "\n").job({"_ansible_remote_tmp": "/tmp"}))
        job = {**job, "supplied": {}, "may_reuse": True}
    result = host.run(job)
    assert (result["rc"] == 0) is (end == "returns"), result
    assert os.listdir(base) == [others.name]
    # Made by its own will, and its own business, as with stock.
    assert len([name for name in os.listdir(tmp_path) if name.startswith("tmp")]) == 3


def test_temporary_names_are_not_the_same_twice(host: Host, library: Path, tmp_path: Path) -> None:
    """Not in another run, and not in a process that the module forks."""
    text = (
        "import json, os, sys, tempfile\nfrom ansible.module_utils.basic import AnsibleModule\n"
        "read, write = os.pipe()\n"
        "if not os.fork():\n"
        "    os.write(write, next(tempfile._get_candidate_names()).encode())\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(json.dumps([os.read(read, 99).decode(), next(tempfile._get_candidate_names())]))\n"
        "sys.exit(0)\n"
    )
    module = own(library, text)
    drawn = []
    for job_id in ("first", "second"):
        drawn += json.loads(host.outcome(module.job({}, job_id=job_id)).stdout)
    assert len(set(drawn)) == 4
