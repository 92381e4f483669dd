"""Where things are kept from run to run."""

from __future__ import annotations

from pathlib import Path

from ansible_mitogen.compat.core import constants


def lasting_folder() -> Path:
    """The folder for what holds until its sources change."""
    return Path(constants.ANSIBLE_HOME) / "mitogen" / "modules"
