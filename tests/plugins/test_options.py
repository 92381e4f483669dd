"""Every option of the stock ssh plugin has a meaning here, or leaves the host to that plugin."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.plugins.loader import connection_loader

from ansible_mitogen import documentation, options, takeover
from ansible_mitogen.stack import CannotAccelerate

KNOWN = options.SSH | frozenset({*documentation.COMMON_OPTIONS, *documentation.SSH_OPTIONS})


@pytest.fixture
def plugin() -> str:
    """Our ssh plugin, loaded."""
    connection_loader.add_directory(str(takeover.PLUGIN_DIRECTORY))
    name = takeover.OURS["ssh"]
    assert connection_loader.get(name, class_only=True) is not None
    return name


def test_every_option_is_known(plugin: str) -> None:
    """Of the core that is installed."""
    assert options.unknown(plugin, KNOWN) == []


def test_an_option_that_is_new(plugin: str) -> None:
    """It is left alone while it has its default, and to the stock plugin when it has not."""
    definitions = C.config.get_configuration_definitions("connection", plugin)
    known = KNOWN - {"timeout"}
    default = definitions["timeout"]["default"]
    options.refuse_unknown(plugin, known, {"timeout": default}.__getitem__)
    with pytest.raises(CannotAccelerate, match="the option timeout is left to Ansible"):
        options.refuse_unknown(plugin, known, {"timeout": default + 1}.__getitem__)


@pytest.mark.parametrize("name", options.SSH_STOCK)
def test_what_only_the_stock_plugin_honours(name: str) -> None:
    """Each such option leaves the host to it."""

    def get_option(asked: str) -> Any:
        if asked != name:
            raise KeyError(asked)
        return "x"

    with pytest.raises(CannotAccelerate, match="left to Ansible"):
        options.refuse_ssh(get_option)


def test_nothing_is_set() -> None:
    """Then nothing is left to it."""
    options.refuse_ssh({"private_key": None, "pkcs11_provider": ""}.__getitem__)
