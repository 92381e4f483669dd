"""How the commands of `raw` and `script` run behind a login: as sshd would run them."""

from __future__ import annotations

from typing import Any

#: Starts the account's own shell, as sshd does for a command that nothing is put around.
_LOGIN_SHELL = ("/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -c "$0"')


def by_login_shell(job: dict[str, Any], text: str) -> None:
    """Have *job* run the command *text* in the account's own shell."""
    job["argv"] = [*_LOGIN_SHELL, text]


def wants_terminal(action: str) -> bool:
    """Whether the stock plugins give a terminal to an *action* that is asked for one.

    To all commands; but a module's output is not for people.
    """
    return action.rpartition(".")[2] in {"raw", "script"}
