"""``python -m ansible_mitogen config``."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

from ansible_mitogen import config


def test_the_lines_name_folders_that_are_there():
    """Each of the three ways, and what goes with any, names a folder of this installation."""
    text = config.ansible_cfg()
    named = [line.partition(" = ")[2] for line in text.splitlines() if "_plugins = " in line]
    assert len(named) == 4
    for folder in named:
        assert list(Path(folder).glob("*.py"))


def test_each_way_is_valid_configuration():
    """A way can be pasted as it is."""
    for way in config.ansible_cfg().split("\n\n")[1:]:
        parser = configparser.ConfigParser()
        parser.read_string(way)
        assert parser.has_section("defaults")


def test_who_is_taken_over():
    """Each way says of which names."""
    shadow, transport, strategy = config.ansible_cfg().split("\n\n")[1:4]
    assert "named in full" in shadow
    assert "name no connection" in transport
    assert "full names" in strategy


def test_command_line():
    """The command prints the lines; anything else shows how to use it."""
    run = [sys.executable, "-m", "ansible_mitogen"]
    result = subprocess.run([*run, "config"], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, config.ansible_cfg())
    result = subprocess.run(run, capture_output=True, text=True)
    assert result.returncode == 2
    assert "usage" in result.stderr
