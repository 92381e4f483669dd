"""Many hosts at once: time, descriptors and memory of the broker process.

    python bench/many.py [--hosts 200] [--forks 50]

All hosts are one sshd of this machine, by as many names; so the machine does the work of all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.support.ansible_run import OURS, PACKAGE, World  # noqa: E402
from tests.support.sshd import running_sshd  # noqa: E402


class Watch:
    """Looks at the broker process of a run until stopped: the most of what it had."""

    def __init__(self) -> None:
        self.descriptors = 0
        self.mebibytes = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.1):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes()
                    if b"--listen-fd" not in line:
                        continue
                    count = len(os.listdir(f"/proc/{pid}/fd"))
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                self.descriptors = max(self.descriptors, count)
                size = int(status.partition("VmRSS:")[2].split()[0]) / 1024
                self.mebibytes = max(self.mebibytes, size)


def main() -> int:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--forks", type=int, default=50)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mitogen-bench-"))
    folder.chmod(0o755)
    try:
        (folder / "sshd").mkdir()
        with running_sshd(folder / "sshd") as sshd:
            host = sshd.inventory_vars(sshd.accounts["bash"])
            # The same login by the same options would be one connection.
            hosts = {
                f"host{number:04}": {**host, "mitogen_ssh_keepalive_count": 10 + number}
                for number in range(options.hosts)
            }
            world = World(folder, {"all": {"hosts": hosts}}, package=PACKAGE)
            tasks = [{"ping": {}}, {"command": "id -un", "become": True}, {"command": "true"}]
            play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
            playbook = folder / "many.yml"
            playbook.write_text(json.dumps([play]))
            watch = Watch()
            run = world.run(playbook, OURS, "--forks", str(options.forks), timeout=1800)
            watch.stop()
        failed = [event for event in run.events if event.status in {"failed", "unreachable"}]
        print(
            f"{options.hosts} hosts, 3 tasks, {options.forks} forks: {run.seconds:.1f} s,"
            f" {len(failed)} failures; the broker: {watch.descriptors} descriptors,"
            f" {watch.mebibytes:.0f} MiB"
        )
        for event in failed[:3]:
            print("   ", event.host, str(event.result.get("msg"))[:200])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
