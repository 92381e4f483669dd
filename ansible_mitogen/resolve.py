"""From a connection plugin's resolved options to its stack."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from typing import Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible

from ansible_mitogen import discovery, escalation
from ansible_mitogen import stack as stacks
from ansible_mitogen.compat.module_command import quotes_interpreters
from ansible_mitogen.escalation import become_user
from ansible_mitogen.kinds import KINDS, Asked
from ansible_mitogen.options import GetOption, optional, refuse_ssh
from ansible_mitogen.plain import plain
from ansible_mitogen.ssh_arguments import SshOptions
from ansible_mitogen.stack import Hop


def login_stack(
    kind: str, get_option: GetOption, play_context: Any, via: Sequence[Hop] = ()
) -> list[Hop]:
    """The stack of a connection of *kind* before any escalation.

    :param via: how the place is reached that the login starts from, where that is not here.
    :raises CannotAccelerate: only the stock plugin honours what was asked for.
    """
    account = _account(get_option)
    if kind == "local":
        return [stacks.local_hop(account)]
    if kind in KINDS:
        address, user = plain(play_context.remote_addr), plain(play_context.remote_user)
        options = KINDS[kind].method_options(Asked(get_option, address, user or None))
        seconds = play_context.timeout or C.DEFAULT_TIMEOUT
        return [*via, stacks.other_hop(KINDS[kind].method or kind, options, account, seconds)]
    login = _ssh_options(get_option, play_context)
    if via and login.is_agent_key:
        raise stacks.CannotAccelerate("a private key given as text is for a login from here")
    if not via and shutil.which(login.executable) is None:
        raise stacks.CannotAccelerate(f"there is no program {login.executable}")
    if not via and login.private_key_file:
        # Elsewhere it is for ssh to expand.
        key_file = os.path.expanduser(login.private_key_file)
        login = dataclasses.replace(login, private_key_file=key_file)
    return [*via, stacks.ssh_hop(login, account)]


def become_stack(
    login: list[Hop], plugin: Any, login_user: str | None, shell: Any
) -> list[Hop]:
    """*login* followed by the escalation that the become *plugin* stands for.

    :param login_user: who the login is, as far as Ansible knows.
    :param shell: the connection's shell plugin.
    :raises CannotAccelerate: only the stock plugins honour what was asked for.
    """
    if become_user(plugin) == login_user and not C.BECOME_ALLOW_SAME_USER:
        return login
    account = stacks.Account(login[-1].options["python_path"], login[-1].options["remote_name"])
    hop = escalation.become_hop(plugin, shell, account)
    # A local escalation needs no interpreter of its own in between.
    return [*(() if is_here(login) else login), hop]


def is_here(stack: Sequence[Hop]) -> bool:
    """Whether *stack* leads nowhere: to the account that runs Ansible."""
    return [hop.method for hop in stack] == ["local"]


def _account(get_option: GetOption) -> stacks.Account:
    python = stacks.python_candidates(
        discovery.named(get_option("mitogen_interpreter_python")),
        discovery.likely_first(plain(get_option("mitogen_interpreter_fallback"))),
        is_path=quotes_interpreters(),
    )
    return stacks.Account(python, "ansible" if get_option("mitogen_mask_remote_name") else None)


def _ssh_options(get_option: GetOption, play_context: Any) -> SshOptions:
    refuse_ssh(get_option)
    debug_level = plain(get_option("mitogen_ssh_debug_level"))
    return SshOptions(
        host=plain(get_option("host") or play_context.remote_addr),
        user=plain(get_option("remote_user")),
        port=plain(get_option("port")),
        password=_ssh_password(get_option, play_context),
        executable=plain(get_option("ssh_executable")),
        ssh_args=plain(get_option("ssh_args")),
        common_args=plain(get_option("ssh_common_args")),
        extra_args=plain(get_option("ssh_extra_args")),
        private_key_file=plain(get_option("private_key_file")) or None,
        is_agent_key=bool(plain(optional(get_option, "private_key"))),
        host_key_checking=plain(get_option("host_key_checking")) is not False,
        timeout=plain(get_option("timeout")) or C.DEFAULT_TIMEOUT,
        verbosity=debug_level or plain(optional(get_option, "verbosity")) or 0,
        compression=plain(get_option("mitogen_ssh_compression")),
        keepalive_interval=plain(get_option("mitogen_ssh_keepalive_interval")),
        keepalive_count=plain(get_option("mitogen_ssh_keepalive_count")),
    )


def _ssh_password(get_option: GetOption, play_context: Any) -> str | None:
    if plain(optional(get_option, "password_mechanism")) == "disable":
        return None
    return plain(get_option("password") or play_context.password) or None
