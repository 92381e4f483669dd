"""``python -m ansible_mitogen config``: what to write into ansible.cfg."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

_USAGE = "usage: python -m ansible_mitogen config\n\nPrints the lines to add to ansible.cfg."

_TEMPLATE = """\
# Add ONE of these to ansible.cfg, below the [defaults] that may be there already.

# 1. Every host that uses ssh or local, also the implicit localhost, or a container by the short
#    name of its plugin (docker, podman, ...); one that is named in full (ansible.builtin.ssh,
#    community.docker.docker) may stay Ansible's own. No warning, no strategy.
[defaults]
connection_plugins = {package}/shadow

# 2. Hosts that name no connection of their own; name mitogen_local where that is wanted.
[defaults]
connection_plugins = {package}/plugins/connection
transport = mitogen_ssh

# 3. By strategy: the same, also by their full names. ansible-core 2.19 and newer warn about
#    strategies that are not its own. Others: mitogen, mitogen_free, mitogen_host_pinned,
#    mitogen_debug.
[defaults]
strategy_plugins = {package}/plugins/strategy
strategy = mitogen_linear

# With any of them, for the action mitogen_get_stack; add this line to the same section.
[defaults]
action_plugins = {package}/plugins/action
"""


def ansible_cfg(package: Path = PACKAGE) -> str:
    """The lines for the installation at *package*, for each of the three ways."""
    return _TEMPLATE.format(package=package)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status."""
    if list(arguments) != ["config"]:
        print(_USAGE, file=sys.stderr)
        return 2
    print(ansible_cfg(), end="")
    return 0
