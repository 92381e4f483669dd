"""Runs ansible-playbook in a world of its own, the stock way or ours, and collects the results.

No configuration of the caller is seen: ansible.cfg, home of Ansible, inventory and control sockets
are made for the run. Nothing is installed; our plugins are used from this tree.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
_CALLBACKS = Path(__file__).parent / "callback_plugins"
PACKAGE = REPOSITORY / "ansible_mitogen"

STOCK = "stock"
OURS = "mitogen_linear"

# Ways to switch us on, by what `config_lines` makes of them.
STRATEGIES = ("mitogen", "mitogen_linear", "mitogen_free", "mitogen_host_pinned", "mitogen_debug")
WAYS = (*STRATEGIES, "shadow", "transport")


def config_lines(way: str, package: Path) -> dict[str, str]:
    """The [defaults] that switch the `ansible_mitogen` at `package` on in the given way."""
    if way == STOCK:
        return {}
    if way in STRATEGIES:
        return {"strategy_plugins": str(package / "plugins" / "strategy"), "strategy": way}
    if way == "shadow":
        # No strategy: plain `ssh` and `local` are ours because these files win.
        return {"connection_plugins": str(package / "shadow")}
    # No strategy: hosts that name no connection.
    connections = str(package / "plugins" / "connection")
    return {"connection_plugins": connections, "transport": "mitogen_ssh"}


def has_ansible() -> bool:
    """Whether ansible-core can be imported by this Python."""
    return importlib.util.find_spec("ansible") is not None


@dataclass(frozen=True)
class Event:
    """One line of the collecting callback: one host's result of one task."""

    status: str
    host: str
    task: str = ""
    play: str = ""
    action: str = ""
    way: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    #: How many items of a loop ran; None where there is no loop.
    items: int | None = None

    @property
    def key(self) -> str:
        """Play, task and host: what the same event of another run is found by."""
        return f"{self.play} | {self.task} | {self.host} | {self.status}"


@dataclass(frozen=True)
class TraceLine:
    """One request that a worker made for a task: the way it took and its messages."""

    host: str
    task: str
    action: str
    way: str
    reason: str
    sent: int
    received: int
    interpreter: str


@dataclass(frozen=True)
class Run:
    """All that is known of one finished ansible-playbook."""

    returncode: int
    output: str
    seconds: float
    events: list[Event]
    trace: list[TraceLine]

    @property
    def requests(self) -> list[TraceLine]:
        """The trace without what is part of connecting: which Python a new context runs on."""
        return [
            line for line in self.trace if (line.way, line.reason) != ("operation", "discovery")
        ]

    def events_of(self, task: str) -> list[Event]:
        """The results of the task with that name, in order."""
        return [event for event in self.events if event.task == task]


@dataclass
class World:
    """A folder with ansible.cfg, inventory and homes; runs happen inside."""

    folder: Path
    inventory: dict[str, Any]
    python: str = sys.executable
    package: Path = PACKAGE
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    #: Further sections of ansible.cfg.
    sections: dict[str, dict[str, str]] = field(default_factory=dict)

    def _config(self, kind: str) -> str:
        settings = {
            "inventory": str(self.folder / "inventory.json"),
            "callback_plugins": str(_CALLBACKS),
            "callbacks_enabled": "collect_results",
            "retry_files_enabled": "False",
            "host_key_checking": "True",
            "deprecation_warnings": "False",
            "forks": "10",
            "nocows": "True",
            **config_lines(kind, self.package),
            **self.settings,
        }
        sections = {"defaults": settings, "connection": {"pipelining": "True"}, **self.sections}
        lines = []
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
        return "\n".join(lines) + "\n"

    def clean_environment(self) -> dict[str, str]:
        """The environment of a run: nothing of the caller's Ansible or of ours in it."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "MITOGEN", "PYTEST_", "COV_"))
        }
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        clean.update(
            {
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
                "ANSIBLE_HOME": str(home),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
                "ANSIBLE_FORCE_COLOR": "0",
                "ANSIBLE_LOCALHOST_WARNING": "False",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
                "PYTHONDONTWRITEBYTECODE": "1",
                "LC_ALL": "C.UTF-8",
                "MITOGENTEST_RESULTS": str(self.folder / "results.jsonl"),
                # Not read by stock, but seen by what runs on this machine.
                "MITOGEN_TRACE_FILE": str(self.folder / "trace.jsonl"),
                **self.environment,
            }
        )
        return clean

    def start(self, playbook: Path, kind: str, *arguments: str) -> subprocess.Popen[str]:
        """Start the same without waiting; the caller reads its output and collects it."""
        self._write(kind)
        return subprocess.Popen(
            [self.python, "-m", "ansible", "playbook", str(playbook), *arguments],
            cwd=self.folder,
            env=self.clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _write(self, kind: str) -> None:
        (self.folder / "ansible.cfg").write_text(self._config(kind))
        (self.folder / "inventory.json").write_text(json.dumps(self.inventory, indent=1))
        for name in ("results.jsonl", "trace.jsonl"):
            (self.folder / name).unlink(missing_ok=True)

    def run(self, playbook: Path, kind: str, *arguments: str, timeout: float = 900) -> Run:
        """Run the playbook the stock way (`STOCK`) or in one of our `WAYS`."""
        began = time.monotonic()
        process = self.start(playbook, kind, *arguments)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            output, _ = process.communicate(timeout=30)
            output += f"\n*** ended after {timeout} s ***\n"
        seconds = time.monotonic() - began
        self.close_masters()
        return Run(process.returncode, output, seconds, self._events(), self._trace())

    def fresh_folder(self, name: str) -> Path:
        """An empty folder in this world that every user may write to."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        folder.chmod(0o777)
        return folder

    def close_masters(self) -> None:
        """End the ssh masters that stock Ansible leaves running for a minute."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self.folder / "cp"):
                control = str(self.folder / "cp" / name)
                argv = ["ssh", "-o", f"ControlPath={control}", "-O", "exit", "any"]
                subprocess.run(argv, capture_output=True, timeout=30)

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.exists():
            return []
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]

    def _events(self) -> list[Event]:
        return [Event(**line) for line in self._lines("results.jsonl")]

    def _trace(self) -> list[TraceLine]:
        return [
            TraceLine(
                host=str(line.get("host", "")),
                task=str(line.get("task", "")),
                action=str(line.get("action", "")),
                way=str(line.get("way", "")),
                reason=str(line.get("reason", "")),
                sent=int(line.get("sent", 0)),
                received=int(line.get("received", 0)),
                interpreter=str(line.get("interpreter", "")),
            )
            for line in self._lines("trace.jsonl")
        ]
