"""What modules cost on the target: CPU by way of running them, and memory of what stays there.

    python bench/target.py [--count N] [--python PATH]

Stock is the program that Ansible itself sends, run in a shell as pipelining does. Ours are jobs of
a local context: `forked` in a process of their own, `shared` in one that is kept (for modules that
may share one; see `mitogen_task_isolation`). All are milliseconds of CPU of everything that runs
for the module on the target, in one Python, warm; `first` is ours when the context has not seen the
module, and for the first of all when it has seen none.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from ansible import constants as C  # noqa: E402, N812 -- its name everywhere in Ansible
from ansible.plugins import loader as loaders  # noqa: E402

import mitogen.master  # noqa: E402
from ansible_mitogen.isolation import REUSABLE  # noqa: E402
from ansible_mitogen.target.records import JOB_HANDLE  # noqa: E402
from mitogen.core import Message  # noqa: E402
from tests.target.packed import Module, builtin  # noqa: E402

TICK = 1000.0 / os.sysconf("SC_CLK_TCK")


def arguments_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The modules measured, with their arguments."""
    (folder / "source").write_bytes(b"x" * 1000)
    return {
        "ping": {},
        "command": {"_raw_params": "true"},
        "stat": {"path": str(folder / "source")},
        "copy": {
            "src": str(folder / "source"), "dest": str(folder / "copy"), "remote_src": True,
        },
        "file": {"path": str(folder), "state": "directory"},
        "setup": {"gather_subset": ["!all", "!min", "platform", "python", "user"]},
    }  # fmt: skip


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        found += tree(int(child))
    return found


def cpu_of(pid: int) -> float:
    """Milliseconds that the process, all below it and what ended there have used."""
    total = 0
    for each in tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total * TICK


def stock_cost(module: Module, python: str, arguments: dict[str, Any], count: int) -> float:
    """Milliseconds of CPU for one run of the program that Ansible sends."""
    text = module.text(arguments)
    module.text = lambda arguments: text  # type: ignore[method-assign] # noqa: ARG005
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(count):
        assert module.run_stock(python, arguments).rc == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return used * 1000 / count


class Target:
    """A local context with a zygote."""

    def __init__(self, router: Any, python: str) -> None:
        self._context = router.local(python_path=python)
        self.pid: int = self._context.call(os.getpid)

    def run(self, job: dict[str, Any]) -> None:
        """Run a module to its end."""
        message = Message.pickled(job, handle=JOB_HANDLE)
        result = self._context.send_async(message).get(timeout=60).unpickle()
        assert result["rc"] == 0, result

    def cost(self, job: dict[str, Any], count: int) -> float:
        """Milliseconds of CPU for one run of a job, warm."""
        for _ in range(5):
            self.run(job)
        before = cpu_of(self.pid)
        for _ in range(count):
            self.run(job)
        return (cpu_of(self.pid) - before) / count

    def memory(self) -> list[dict[str, int]]:
        """Resident and own (not shared with another process of it) KiB of each process."""
        found = []
        for pid in tree(self.pid):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
            own = values["Private_Dirty"] + values["Private_Clean"]
            found.append({"resident": values["Rss"], "own": own, "share": values["Pss"]})
        return found


def show_costs(target: Target, python: str, folder: Path, count: int) -> None:
    """A line for each module."""
    print(f"{'CPU on the target, ms':<24}{'stock':>9}{'forked':>9}{'shared':>9}")
    for name, arguments in arguments_of(folder).items():
        module = builtin(name)
        before = cpu_of(target.pid)
        target.run(module.job(arguments))
        first = cpu_of(target.pid) - before
        job = module.job(arguments, supplied={})
        costs = [stock_cost(module, python, arguments, max(3, count // 10))]
        costs.append(target.cost(job, count))
        if name in REUSABLE:
            costs.append(target.cost({**job, "may_reuse": True}, count))
        texts = "".join(f"{cost:>9.1f}" for cost in costs)
        print(f"{name:<24}{texts}   (first {first:.0f})", flush=True)


def show_memory(target: Target) -> None:
    """A line for each process that stays."""
    print(f"\n{'memory, MiB':<24}{'resident':>9}{'share':>9}{'own':>9}")
    for name, sizes in zip(("context", "zygote", "runner"), target.memory(), strict=False):
        texts = "".join(f"{sizes[kind] / 1024:>9.1f}" for kind in ("resident", "share", "own"))
        print(f"{name:<24}{texts}")


def with_router(run: Callable[[Any], None]) -> None:
    """Call *run* with a router whose contexts have zygotes."""
    broker = mitogen.master.Broker()
    try:
        run(
            mitogen.master.Router(
                broker,
                early_hook="ansible_mitogen.target.hook:start",
                bundle_extra=("ansible_mitogen.target",),
            )
        )
    finally:
        broker.shutdown()
        broker.join()


def main() -> int:
    """Take all figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--python", default=sys.executable, help="the target's")
    options = parser.parse_args()
    loaders.init_plugin_loader()

    def run(router: Any) -> None:
        target = Target(router, options.python)
        show_costs(target, options.python, folder, options.count)
        show_memory(target)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        C.DEFAULT_LOCAL_TMP = name
        with_router(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
