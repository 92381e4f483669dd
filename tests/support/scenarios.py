"""Runs the Molecule scenarios that this machine can run, and says of the others why it cannot.

``python -m tests.support.scenarios [SCENARIO ...]``
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support import collections, containers
from tests.support.ansible_run import REPOSITORY
from tests.support.sshd import missing_for_sshd


@dataclass(frozen=True)
class Scenario:
    """One folder below ``molecule/``, and what it needs."""

    name: str
    missing: Callable[[], str | None]
    needs_collections: bool = False


@functools.cache
def _missing_for_docker() -> str | None:
    """Why no container can be started here; else there is an image for them afterwards."""
    missing = containers.missing_for_containers()
    if missing is None:
        try:
            with containers.running_docker() as docker:
                containers.make_image(docker)
        except containers.UnavailableError as exc:
            missing = str(exc)
    return missing


SCENARIOS = (
    Scenario("default", missing_for_sshd),
    Scenario("delegation", missing_for_sshd),
    Scenario("via", missing_for_sshd),
    Scenario("docker", _missing_for_docker, needs_collections=True),
    Scenario("reset", _missing_for_docker),
)


def _run(scenario: Scenario) -> str:
    """How it went, in a word or a few."""
    missing = scenario.missing()
    environment = dict(os.environ)
    if missing is None and scenario.needs_collections:
        try:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections.collections_path())
        except collections.UnavailableError as exc:
            missing = str(exc)
    if missing is not None:
        return f"skipped: {missing}"
    began = time.monotonic()
    argv = ["molecule", "test", "--scenario-name", scenario.name]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment)
    word = "FAILED" if done.returncode else "passed"
    return f"{word} after {time.monotonic() - began:.0f} s"


def main(names: list[str]) -> int:
    """Run those of that name, or all; returns the exit status."""
    known = [scenario.name for scenario in SCENARIOS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    ended = {one.name: _run(one) for one in SCENARIOS if not names or one.name in names}
    for name, how in ended.items():
        print(f"{name}: {how}")
    return int(any(how.startswith("FAILED") for how in ended.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
