"""The program's half of the tests: a responder, and child interpreters that ask it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mitogen.bootstrap import bundle
from mitogen.controller.module_responder import ModuleResponder
from mitogen.wire.control import GetModule

FAR_SIDE = Path(__file__).with_name("far_side.py")
TIMEOUT = 60


class RemoteError(Exception):
    """What the script in the child ended with."""

    def __init__(self, type_name: str, message: str, text: str) -> None:
        super().__init__(f"{type_name}: {message}")
        self.type_name = type_name
        self.message = message
        self.text = text


def copy_target_layers(folder: Path) -> Path:
    """What is in every child's bundle, and nothing else of ours."""
    for part in bundle.listing():
        base = folder / part.name.replace(".", "/")
        path = base / "__init__.py" if part.is_package else base.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part.loader.get_source(part.name).encode())
    return folder


@dataclass
class Child:
    """Runs scripts in fresh interpreters of one version, answering what they ask for."""

    interpreter: str
    layers: Path
    responder: ModuleResponder = field(default_factory=ModuleResponder)
    whitelist: list[str] = field(default_factory=list)
    blacklist: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    failure: str | None = None
    arguments: list[str] = field(default_factory=list)

    def run(self, script: str) -> Any:
        """The `result` of the script; RemoteError when it raised."""
        task = {
            "script": script,
            "path": self.path,
            "whitelist": self.whitelist,
            "blacklist": self.blacklist,
            "overrides": self.overrides,
        }
        process = subprocess.Popen(
            [self.interpreter, *self.arguments, FAR_SIDE, self.layers, json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                return self._serve(process)
            finally:
                process.stdin.close()
                process.wait(TIMEOUT)

    def _serve(self, process: subprocess.Popen[str]) -> Any:
        sent: set[str] = set()
        for line in process.stdout:
            kind, *fields = json.loads(line)
            if kind == "result":
                return fields[0]
            if kind == "raised":
                raise RemoteError(*fields)
            self.asked.append(fields[0])
            answer: Any = self.failure
            if self.failure is None:
                answer = self.responder.respond(GetModule(fields[0]), sent).to_value()
            process.stdin.write(repr(answer) + "\n")
            process.stdin.flush()
        raise AssertionError("the child ended without an answer")
