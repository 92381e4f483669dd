"""The shell plugin that remembers what its helper commands mean."""

from __future__ import annotations

import subprocess

import pytest
from ansible.plugins import loader

from ansible_mitogen.shell import marking_shell, take_executable


@pytest.fixture
def stock():
    """Ansible's own sh plugin with its options set."""
    shell = loader.get_shell_plugin(shell_type="sh", executable="/bin/sh")
    shell.set_options(var_options={})
    return shell


@pytest.fixture
def shell(stock):
    """The same as a remembering one."""
    return marking_shell(stock)


COMMANDS = [
    lambda shell: shell.expand_user("~"),
    lambda shell: shell.expand_user("~root"),
    lambda shell: shell.expand_user("~", "root"),
    lambda shell: shell.expand_user("~a b; c"),
    lambda shell: shell.mkdtemp("name", False, 0o700, "/tmp/x y"),
    lambda shell: shell.mkdtemp("name", True, 0o700, "/tmp"),
    lambda shell: shell.exists("/a b"),
    lambda shell: shell.remove("/a b", recurse=True),
    lambda shell: shell.chmod(["/a", "/b c"], "u+rwx"),
    lambda shell: shell.chown(["/a"], "root"),
]


@pytest.mark.parametrize("make", COMMANDS)
def test_texts_are_the_stock_ones(stock, shell, make):
    """An action that puts its own command together from ours gets what it would get from stock."""
    assert make(shell) == make(stock)


@pytest.mark.parametrize(
    ("make", "name", "arguments"),
    [
        (COMMANDS[0], "expand_user", ("~",)),
        (COMMANDS[1], "expand_user", ("~root",)),
        (COMMANDS[2], "expand_user", ("~root",)),
        (COMMANDS[6], "exists", ("/a b",)),
        (COMMANDS[7], "remove", ("/a b", True)),
        (COMMANDS[8], "chmod", (["/a", "/b c"], "u+rwx")),
        (COMMANDS[9], "chown", (["/a"], "root")),
    ],
)
def test_texts_are_remembered(shell, make, name, arguments):
    """A helper command is found again by its text, with the arguments it was made from."""
    operation = shell.mitogen_commands.find(make(shell))
    assert (operation.name, operation.arguments) == (name, arguments)


def test_what_is_put_together_goes_to_a_real_shell(shell):
    """Only the exact text is known."""
    text = shell.exists("/a")
    assert shell.mitogen_commands.find(f"{text} && echo yes") is None
    assert shell.mitogen_commands.find(shell.expand_user("~a b")) is None


def test_mkdtemp_result_is_what_the_command_prints(shell, tmp_path):
    """Ansible parses ``name=path``; so the operation's result has that form."""
    text = shell.mkdtemp("name", False, 0o700, str(tmp_path))
    printed = subprocess.run(["sh", "-c", text], capture_output=True, check=True).stdout
    operation = shell.mitogen_commands.find(text)
    assert operation.to_result(str(tmp_path / "name")).stdout == printed


def test_exists_result_is_an_exit_status(shell):
    """``test -e`` says it by its status."""
    operation = shell.mitogen_commands.find(shell.exists("/a"))
    assert operation.to_result(True).rc == 0
    assert operation.to_result(False).rc == 1


def test_it_is_still_the_same_plugin(stock, shell):
    """Name, options and temporary directory are kept, and Ansible sees its plugin type."""
    assert isinstance(shell, type(stock))
    assert shell.plugin_type == "shell"
    assert shell._load_name == stock._load_name
    assert shell.get_option("remote_tmp") == stock.get_option("remote_tmp")
    assert shell.executable == "/bin/sh"
    shell.set_options(var_options={"ansible_remote_tmp": "/elsewhere"})
    assert shell.get_option("remote_tmp") == "/elsewhere"


def test_executable_is_for_one_command(shell):
    """What an action sets for one command does not stick to the next."""
    assert take_executable(shell) is None
    shell.executable = "/bin/bash"
    assert take_executable(shell) == "/bin/bash"
    assert take_executable(shell) is None
    assert shell.executable == "/bin/bash"
