"""Options of the stock plugins that ours stand for: which of them we know the meaning of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible

from ansible_mitogen.plain import plain
from ansible_mitogen.stack import CannotAccelerate

GetOption = Callable[[str], Any]

#: Options of the stock ssh plugin that hops are made of, or that its own code here asks for.
_SSH_HONOURED = frozenset(
    {"host", "host_key_checking", "password", "password_mechanism", "port", "private_key_file",
     "private_key", "private_key_passphrase", "reconnection_retries", "remote_user", "ssh_args",
     "ssh_common_args", "ssh_executable", "ssh_extra_args", "timeout", "use_tty", "verbosity"}
)  # fmt: skip

#: Those that say how it connects again and again, and how it moves files, which we do not.
_SSH_POINTLESS = frozenset(
    {"control_path", "control_path_dir", "pipelining", "scp_executable", "scp_extra_args",
     "scp_if_ssh", "sftp_batch_mode", "sftp_executable", "sftp_extra_args", "ssh_transfer_method"}
)  # fmt: skip

#: Those that only it honours, and what they ask for.
SSH_STOCK = {
    "pkcs11_provider": "a PKCS#11 provider",
    "sshpass_prompt": "another question for the password",
}

#: All that we know the meaning of.
SSH = _SSH_HONOURED | _SSH_POINTLESS | frozenset(SSH_STOCK)


def optional(get_option: GetOption, name: str) -> Any:
    """An option that only some versions have; None where it is not."""
    try:
        return get_option(name)
    except KeyError:
        return None


def refuse_ssh(get_option: GetOption) -> None:
    """Leave a host to the stock ssh plugin that asks for what only that honours.

    :raises CannotAccelerate: it does.
    """
    for name, meaning in SSH_STOCK.items():
        if optional(get_option, name):
            raise CannotAccelerate(f"{meaning} is left to Ansible")


def refuse_unknown(plugin: str, known: Collection[str], get_option: GetOption) -> None:
    """Leave a host to the stock plugin where an option is set that is younger than we are.

    :param plugin: the name of ours, which has the options of the stock one.
    :param known: those that we know the meaning of.
    :raises CannotAccelerate: one is.
    """
    for name in unknown(plugin, frozenset(known)):
        if plain(get_option(name)) != _defaults(plugin)[name]:
            raise CannotAccelerate(f"the option {name} is left to Ansible")


@functools.cache
def unknown(plugin: str, known: frozenset[str]) -> list[str]:
    """Options that this version of the *plugin* has besides those that are *known*, sorted."""
    return sorted(set(_defaults(plugin)) - known)


@functools.cache
def _defaults(plugin: str) -> dict[str, Any]:
    definitions = C.config.get_configuration_definitions("connection", plugin)
    return {name: plain(option.get("default")) for name, option in definitions.items()}
