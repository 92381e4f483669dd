"""The project's figures, taken side by side in one run, as ratios.

    python bench/run.py [--established /path/to/python] [--only library|ansible]

Stock means ansible-playbook over ssh with pipelining and ControlPersist. The established
implementation is whatever `mitogen` the given Python has from PyPI, used as a black box through its
public API and its documented ansible.cfg lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path.insert(0, str(REPOSITORY))

from tests.support.ansible_run import OURS, PACKAGE, STOCK, World, has_ansible  # noqa: E402
from tests.support.sshd import missing_for_sshd, running_sshd  # noqa: E402

TASKS = 100


@dataclass(frozen=True)
class Goal:
    """What a figure is compared with, and how much of it we may take."""

    against: str
    share: float


GOALS = {
    "empty call": Goal("established", 0.35),
    "pipelined call": Goal("established", 1 / 3),
    "50 MB argument": Goal("established", 1 / 4),
    "router.local() to first answer": Goal("established", 0.4),
    f"{TASKS} command tasks, ssh+sudo": Goal("established", 0.6),
    f"{TASKS} command tasks, ssh+sudo (stock)": Goal("stock", 1 / 3),
}


def library_figures(python: str, path: str | None) -> dict[str, float]:
    """Seconds by name, measured in a process of that Python; `path` goes first on sys.path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done = subprocess.run(
        [python, str(HERE / "library.py")],
        env=environment,
        cwd=tempfile.gettempdir(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def installed_package(python: str) -> Path:
    """Where that Python has its `ansible_mitogen`."""
    script = "import os, ansible_mitogen as a; print(os.path.dirname(a.__file__))"
    done = subprocess.run(
        [python, "-c", script],
        cwd=tempfile.gettempdir(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return Path(done.stdout.strip())


def playbook_seconds(world: World, kind: str, repeat: int) -> float:
    """The best of several runs of a hundred `command` tasks as root."""
    tasks = [{"command": f"echo {number}"} for number in range(TASKS)]
    play = {"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}
    playbook = world.folder / "hundred.yml"
    playbook.write_text(json.dumps([play]))
    best = float("inf")
    for _ in range(repeat):
        run = world.run(playbook, kind)
        if run.returncode != 0:
            sys.exit(f"the playbook failed ({kind}):\n{run.output[-3000:]}")
        best = min(best, run.seconds)
    return best


def ansible_figures(established: str | None) -> dict[str, float]:
    """Seconds for the playbook by implementation: stock, ours, established."""
    folder = Path(tempfile.mkdtemp(prefix="mitogen-bench-"))
    folder.chmod(0o755)
    found = {}
    try:
        (folder / "sshd").mkdir()
        with running_sshd(folder / "sshd") as sshd:
            host = sshd.inventory_vars(sshd.accounts["bash"])
            inventory = {"all": {"hosts": {"one": host}}}
            world = World(folder, inventory, package=PACKAGE)
            found["ours"] = playbook_seconds(world, OURS, 3)
            found["stock"] = playbook_seconds(world, STOCK, 1)
            if established is not None:
                other = World(
                    folder, inventory, python=established, package=installed_package(established)
                )
                found["established"] = playbook_seconds(other, OURS, 3)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def formatted(seconds: float | None) -> str:
    """Seconds in the unit that suits them."""
    if seconds is None:
        return "-"
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.1f} {unit}"
    return f"{seconds * 1e6:.0f} us"


def show(name: str, figures: dict[str, float | None]) -> None:
    """One line: ours, the other two, our share of what the goal is set against, the goal."""
    ours, goal = figures.get("ours"), GOALS[name]
    other = figures.get(goal.against)
    share = f"{ours / other:.2f} of {goal.against}" if ours and other else "-"
    verdict = "" if not (ours and other) else ("yes" if ours <= goal.share * other else "NO")
    columns = [formatted(figures.get(who)) for who in ("ours", "stock", "established")]
    print(f"{name:<42}" + "".join(f"{text:>11}" for text in columns), end="")
    print(f"   {share:<20} at most {goal.share:.2f}  {verdict}", flush=True)


def main() -> int:
    """Take all figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--established", metavar="PYTHON", help="a Python with mitogen from PyPI")
    parser.add_argument("--only", choices=["library", "ansible"])
    options = parser.parse_args()
    established: str | None = options.established
    if established is not None and os.path.isdir(established):
        established = os.path.join(established, "bin", "python")
    print(f"{'':<42}{'ours':>11}{'stock':>11}{'establ.':>11}   share                goal     met")
    if options.only != "ansible":
        ours = library_figures(sys.executable, str(REPOSITORY))
        theirs = library_figures(established, None) if established else {}
        for name, seconds in ours.items():
            show(name, {"ours": seconds, "established": theirs.get(name)})
    missing = missing_for_sshd() if has_ansible() else "needs ansible-core"
    if options.only == "library":
        return 0
    if missing is not None:
        print(f"{TASKS} command tasks: left out, {missing}")
        return 0
    found: dict[str, float | None] = dict(ansible_figures(established))
    show(f"{TASKS} command tasks, ssh+sudo (stock)", found)
    show(f"{TASKS} command tasks, ssh+sudo", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
