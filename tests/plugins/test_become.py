"""The become plugin as actions see it."""

from __future__ import annotations

import pytest
from ansible.plugins import loader

from ansible_mitogen.become import BecomeProxy
from ansible_mitogen.stock import is_stock_become


@pytest.fixture
def sudo():
    """Ansible's own sudo plugin with its options set."""
    plugin = loader.become_loader.get("sudo")
    plugin.set_options(var_options={"ansible_become_password": "x"})
    return plugin


def test_accelerated_commands_are_left_alone(sudo):
    """The connection is the become user already."""
    assert BecomeProxy(sudo, lambda: True).build_become_command("id", None) == "id"


def test_stock_commands_are_wrapped(sudo):
    """Where the connection is stock after all, so is escalation."""
    shell = loader.get_shell_plugin(shell_type="sh", executable="/bin/sh")
    proxy = BecomeProxy(sudo, lambda: False)
    assert proxy.build_become_command("id", shell).startswith("sudo ")
    assert proxy.check_success(proxy.success.encode())


def test_everything_else_is_the_real_plugin(sudo):
    """Options, prompts and names are answered by it."""
    proxy = BecomeProxy(sudo, lambda: True)
    assert proxy.name == "sudo"
    assert proxy.get_option("become_user") == "root"
    assert proxy._load_name == sudo._load_name
    proxy.set_options(var_options={"ansible_become_user": "nobody"})
    assert sudo.get_option("become_user") == "nobody"


def test_whose_plugin_it_is(sudo):
    """A plugin of the user's own that is called sudo is not taken for Ansible's."""

    class BecomeModule(type(sudo)):
        pass

    assert is_stock_become(sudo, "sudo")
    assert not is_stock_become(BecomeModule(), "sudo")
    assert not is_stock_become(loader.become_loader.get("su"), "sudo")
