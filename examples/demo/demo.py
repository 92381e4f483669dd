"""A playbook stock and with mitogen, side by side: results and times. Run by `make demo`.

Always over the local connection; over ssh and sudo as well when an sshd of our own can be started
(that needs root, since throw-away users are made for it; they are gone afterwards).
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1]))

from tests.support.ansible_run import OURS, STOCK, Run, World, config_lines  # noqa: E402
from tests.support.compare import differences  # noqa: E402
from tests.support.sshd import missing_for_sshd, running_sshd  # noqa: E402

RULE = "-" * 78


def installed_package() -> Path:
    """Where the plugins are that `pip install` brought."""
    spec = importlib.util.find_spec("ansible_mitogen")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("ansible_mitogen is not installed for this Python; run `make demo`")
    return Path(next(iter(spec.submodule_search_locations)))


@contextmanager
def open_world(variables: dict[str, Any]) -> Iterator[World]:
    """A temporary folder with an inventory of one host called `demo`."""
    # Short, and open to other users: the ssh part logs in as one.
    folder = Path(tempfile.mkdtemp(prefix="mitogen-demo-"))
    folder.chmod(0o755)
    host = {"work": str(folder / "shared" / "work"), **variables}
    inventory = {"all": {"hosts": {"demo": host}}}
    world = World(folder, inventory, package=installed_package())
    try:
        yield world
    finally:
        world.close_masters()
        shutil.rmtree(folder, ignore_errors=True)


def show(text: str) -> None:
    """Print at once: what follows takes seconds."""
    print(text, flush=True)


def run(world: World, kind: str) -> Run:
    """One run from an empty folder, its output as Ansible prints it."""
    world.fresh_folder("shared")
    result = world.run(HERE / "playbook.yml", kind)
    show(result.output.strip())
    if result.returncode != 0:
        show(f"\nThe playbook failed with {result.returncode}; this should not happen.")
    return result


def compare(world: World, title: str) -> tuple[str, bool]:
    """Run both ways; one line for the summary, and whether all was well."""
    show(f"\n{RULE}\n{title}: stock Ansible (with pipelining)\n{RULE}")
    stock = run(world, STOCK)
    show(f"\n{RULE}\n{title}: the same playbook with two more lines in ansible.cfg\n")
    for name, value in config_lines(OURS, world.package).items():
        show(f"    {name} = {value}")
    show(RULE)
    ours = run(world, OURS)
    found = differences(stock, ours)
    for difference in found:
        show(str(difference))
    results = sum(1 for event in ours.events if event.status != "stats")
    agree = f"all {results} equal" if not found else f"{len(found)} fields DIFFER"
    ratio = stock.seconds / ours.seconds
    line = f"{title:<22}{stock.seconds:>8.1f} s{ours.seconds:>8.1f} s{ratio:>9.1f}   {agree}"
    return line, not found and stock.returncode == ours.returncode == 0


def main() -> int:
    """Show both connections, then the figures."""
    lines = []
    with open_world({"ansible_connection": "local"}) as world:
        # Which Python is no question here, so that discovery plays no part.
        world.inventory["all"]["hosts"]["demo"]["ansible_python_interpreter"] = sys.executable
        lines.append(compare(world, "local"))
    missing = missing_for_sshd()
    if missing is None:
        with open_world({}) as world:
            folder = world.folder / "sshd"
            folder.mkdir()
            with running_sshd(folder) as sshd:
                host = world.inventory["all"]["hosts"]["demo"]
                host.update(sshd.inventory_vars(sshd.accounts["bash"]), ansible_become=True)
                lines.append(compare(world, "ssh + sudo"))
    show(f"\n{RULE}\n{'':<22}{'stock':>10}{'mitogen':>10}{'faster':>9}   results\n{RULE}")
    for line, _ in lines:
        show(line)
    show(RULE)
    if missing is not None:
        show(f"ssh and sudo were left out: {missing}.")
    return 0 if all(well for _, well in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
