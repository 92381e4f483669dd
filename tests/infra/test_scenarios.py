"""`make molecule` knows each scenario, and says of those that cannot run here why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.ansible_run import REPOSITORY
from tests.support.scenarios import SCENARIOS


def test_each_scenario_is_known() -> None:
    """A new folder is not forgotten."""
    found = {path.parent.name for path in (REPOSITORY / "molecule").glob("*/molecule.yml")}
    assert {scenario.name for scenario in SCENARIOS} == found


def test_the_reason_is_said(tmp_path: Path) -> None:
    """Without any program nothing runs, and nothing fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.scenarios"],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [one.name for one in SCENARIOS]
    assert all(": skipped: " in line and " need" in line for line in lines), lines
