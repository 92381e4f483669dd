"""From a become plugin to the hop that it stands for.

Three programs have methods of their own. Any other is run as its plugin says: the plugin builds the
line of shell, once, around a word that stands for the interpreter. What it draws anew each time,
such as the marker of its success, is replaced by what lasts, for the line is part of what an
interpreter is known by.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from ansible.plugins.become import BecomeBase

from ansible_mitogen import stack as stacks
from ansible_mitogen.options import optional
from ansible_mitogen.plain import plain
from ansible_mitogen.stack import Account, CannotAccelerate, Hop, SudoOptions
from ansible_mitogen.stock import is_stock_become

#: Stands for what a become command is to run: a word of no meaning to any shell.
PLACE = "mitogen_what_it_runs"
#: What a remote command consists of besides words and single quotes; passes quotes unchanged.
_SPECIALS = '"$`;|()<&{} '
#: Plugins whose way to recognize a question is no text, but one that the usual words are good for.
_ASK_WITH_USUAL_WORDS = frozenset({"su", "community.general.doas", "community.general.ksu"})

#: Of systemd: what it runs is a session of its own, which begins in the home of its account.
_ALWAYS_LOGIN = "community.general.run0"
#: A word with which sudo, su and their like begin a login, alone or among others in one word.
_LOGIN_FLAG = re.compile(r"-|--login|-(?=\w*i)[ABEHKNPSbiknps]+|-(?=\w*l)[Pflmp]+")


def become_hop(plugin: Any, shell: Any, account: Account) -> Hop:
    """The hop that the become *plugin* stands for.

    :param shell: the shell plugin of the connection.
    :raises CannotAccelerate: only the stock plugins honour what was asked for.
    """
    is_plain = len(_executable(plugin)) == 1
    if is_plain and is_stock_become(plugin, "sudo"):
        if optional(plugin.get_option, "sudo_chdir"):
            raise CannotAccelerate("sudo_chdir is set")
        return stacks.sudo_hop(_sudo_options(plugin), account)
    if is_plain and is_stock_become(plugin, "su"):
        return _su_hop(plugin, account)
    if is_plain and plugin.name == "community.general.doas":
        return _doas_hop(plugin, account)
    return _wrapped_hop(plugin, shell, account)


def become_user(plugin: Any) -> str:
    """Who the become *plugin* leads to."""
    return str(plain(plugin.get_option("become_user")) or "root")


def is_login(plugin: Any) -> bool:
    """Whether what the become *plugin* leads to begins in the home of that account."""
    words = [*_executable(plugin), *_flags(plugin)]
    return plugin.name == _ALWAYS_LOGIN or any(_LOGIN_FLAG.fullmatch(word) for word in words)


def _executable(plugin: Any) -> list[str]:
    return shlex.split(str(plain(optional(plugin.get_option, "become_exe")) or "a"))


def _flags(plugin: Any) -> list[str]:
    return shlex.split(plain(optional(plugin.get_option, "become_flags")) or "")


def _password(plugin: Any) -> str | None:
    return plain(optional(plugin.get_option, "become_pass")) or None


def _prompts(plugin: Any) -> list[str] | None:
    return plain(optional(plugin.get_option, "prompt_l10n")) or None


def _sudo_options(plugin: Any) -> SudoOptions:
    return SudoOptions(
        user=become_user(plugin),
        executable=plain(plugin.get_option("become_exe")) or "sudo",
        flags=plain(plugin.get_option("become_flags")),
        password=_password(plugin),
    )


def _su_hop(plugin: Any, account: Account) -> Hop:
    options = {
        "username": become_user(plugin),
        "su_path": plain(plugin.get_option("become_exe")) or "su",
        "su_args": _flags(plugin),
        "password_prompt": _prompts(plugin),
    }
    return stacks.escalation_hop("su", options, _password(plugin), account)


def _doas_hop(plugin: Any, account: Account) -> Hop:
    options = {
        "username": become_user(plugin),
        "doas_path": plain(plugin.get_option("become_exe")) or "doas",
        # Whether it may ask is the method's business.
        "doas_args": [word for word in _flags(plugin) if word != "-n"],
        "password_prompt": _prompts(plugin),
    }
    return stacks.escalation_hop("doas", options, _password(plugin), account)


def _wrapped_hop(plugin: Any, shell: Any, account: Account) -> Hop:
    password = _password(plugin)
    if plugin.require_tty and (password is not None or not getattr(plugin, "pipelining", True)):
        # What it runs would have the terminal for its stdin, which changes bytes.
        raise CannotAccelerate(f"become method {plugin.name!r}, which needs a terminal,"
                               " is left to Ansible")  # fmt: skip
    if password is not None and not _has_known_questions(plugin):
        raise CannotAccelerate(f"become method {plugin.name!r}, which asks in a way of its own,"
                               " is left to Ansible")  # fmt: skip
    quote = _quote(plugin, shell)
    command = _lasting(plugin, plugin.build_become_command(PLACE, shell))
    if command.strip() == PLACE:
        raise CannotAccelerate(f"become method {plugin.name!r} is left to Ansible")
    question = plugin.prompt if isinstance(plugin.prompt, str) else ""
    options = {
        "command": command,
        "place": PLACE,
        "quote": quote,
        "program": plugin.name,
        "username": become_user(plugin),
        "password_prompt": _lasting(plugin, question) or None,
        "incorrect_prompts": [str(text) for text in (*plugin.fail, *plugin.missing)] or None,
    }
    return stacks.escalation_hop("wrapped", options, password, account)


def _has_known_questions(plugin: Any) -> bool:
    is_as_usual = type(plugin).check_password_prompt is BecomeBase.check_password_prompt
    return is_as_usual or plugin.name in _ASK_WITH_USUAL_WORDS


def _quote(plugin: Any, shell: Any) -> str:
    """What the plugin makes of a single quote in what it is to run."""
    text = plugin.build_become_command(f"{PLACE}'{PLACE}{_SPECIALS}{PLACE}", shell)
    parts = text.split(PLACE)
    if len(parts) != 4 or parts[2] != _SPECIALS:
        raise CannotAccelerate(f"become method {plugin.name!r}, whose commands are not to be"
                               " understood, is left to Ansible")  # fmt: skip
    return str(parts[1])


def _lasting(plugin: Any, text: str) -> str:
    """*text* without what is drawn anew for each command."""
    drawn = getattr(plugin, "_id", "")
    text = text.replace(drawn, "mitogen") if drawn else text
    return re.sub(r"BECOME-SUCCESS-[a-z]{32}", "BECOME-SUCCESS-mitogen", text)
