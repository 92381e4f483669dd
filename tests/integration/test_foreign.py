"""Connections that are none of ours stay what they are, in a play that has ours as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_differential import report
from tests.support import collections
from tests.support.ansible_run import OURS, STOCK, World
from tests.support.compare import Difference, differences

PLAYBOOK = Path(__file__).parent / "foreign" / "main.yml"
#: Some lack a library here, or a device to talk to: what they say of it is compared.
NAMES = (
    "winrm",
    "ansible.builtin.psrp",
    "ansible.netcommon.network_cli",
    "ansible.netcommon.httpapi",
    "ansible.netcommon.netconf",
    "ansible.netcommon.libssh",
    "amazon.aws.aws_ssm",
    "community.general.chroot",
    "community.general.zone",
    "nobody.knows.this",
)


def _is_expected(one: Difference) -> bool:
    """Each run has a folder of its own for the files on their way."""
    return one.is_of_loading or "ansible-tmp-" in f"{one.stock}{one.ours}"


def test_the_same_as_stock(world: World) -> None:
    """Every result, and each is reached by its own plugin alone."""
    try:
        path = collections.collections_path()
    except collections.UnavailableError as exc:
        pytest.skip(str(exc))
    world.settings["collections_path"] = str(path)
    everything = world.inventory["all"]
    everything["hosts"]["ours"] = everything["hosts"].pop("far")
    here = {"ansible_python_interpreter": everything["hosts"]["here"]["ansible_python_interpreter"]}
    plugins = {name.rpartition(".")[2]: name for name in NAMES}
    hosts = {name: {"ansible_connection": full} for name, full in plugins.items()}
    hosts["courier"] = {"ansible_connection": "courier", **here, "ansible_courier_word": "mine"}
    hosts["ours"] = {}
    everything["children"] = {"foreign": {"hosts": hosts}}
    everything["vars"]["ansible_host"] = "127.0.0.1"
    runs = {}
    for kind in (STOCK, OURS):
        world.fresh_folder("run")
        runs[kind] = world.run(PLAYBOOK, kind, *([] if kind == STOCK else ["-vvv"]))
        world.close_masters()
    stock, ours = runs[STOCK], runs[OURS]
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, report(found)
    (marked,) = (event for event in stock.events_of("a command") if event.host == "courier")
    assert marked.result["stdout"] == "mine"
    assert len(stock.events_of("back")) == 2, stock.output
    assert {line.way for line in ours.trace if line.host == "ours"} >= {"module", "command"}
    assert not [line for line in ours.trace if line.way == "stock"]
    for name in ("courier", *NAMES):
        assert f"the plugin {name} is none of ours" in ours.output
    assert "the plugin ssh is none of ours" not in ours.output
