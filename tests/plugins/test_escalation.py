"""Become plugins and the hops they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.plugins import loader
from ansible.plugins.become import BecomeBase

from ansible_mitogen.escalation import PLACE, become_hop, is_login
from ansible_mitogen.stack import Account, CannotAccelerate
from mitogen import methods

ACCOUNT = Account(["/usr/bin/python3"])
COMMAND = """sh -c 'exec "$0" | (id; `true`)'"""


@pytest.fixture
def shell() -> Any:
    """Ansible's own for POSIX."""
    return loader.get_shell_plugin(shell_type="sh", executable="/bin/sh")


def _plugin(name: str, **variables: Any) -> Any:
    plugin = loader.become_loader.get(name)
    plugin.set_options(var_options={f"ansible_{key}": value for key, value in variables.items()})
    return plugin


class Other(BecomeBase):  # type: ignore[misc]
    """A plugin that nobody knows, with no options."""

    name = "other"
    answers: dict[str, Any] = {}

    def get_option(self, option: str, *_args: Any, **_more: Any) -> Any:
        """See the class."""
        return self.answers.get(option)

    def build_become_command(self, cmd: str, shell: Any) -> str:
        """See the class."""
        super().build_become_command(cmd, shell)
        return f"other {self._build_success_command(cmd, shell)}"


def test_su(shell: Any) -> None:
    """Its flags, its program, its own words for the question."""
    plugin = _plugin(
        "su", become_user="bob", become_flags="-l -s '/bin/b sh'", become_exe="/opt/su",
        become_password="x", su_prompt_l10n=["Word", "Wort"],
    )  # fmt: skip
    hop = become_hop(plugin, shell, ACCOUNT)
    assert hop.method == "su"
    assert hop.options["username"] == "bob"
    assert hop.options["su_args"] == ["-l", "-s", "/bin/b sh"]
    assert hop.options["su_path"] == "/opt/su"
    assert hop.options["password_prompt"] == ["Word", "Wort"]
    assert str(hop.options["password"]) == "x"
    methods.build_options(methods.find("su"), **hop.options)


def _runs(hop: Any) -> str:
    """The line that the method makes of its options."""
    record = methods.build_options(methods.find("wrapped"), **hop.options)
    argv = methods.find("wrapped").argv(record, [], COMMAND)
    assert argv[:2] == ["/bin/sh", "-c"]
    return str(argv[2])


def test_a_program_with_arguments(shell: Any) -> None:
    """It is run as its plugin says; the same each time, whatever is drawn; quotes are right."""
    plugin = _plugin("sudo", become_exe="/usr/bin/env sudo", become_password="x")
    hops = [become_hop(plugin, shell, ACCOUNT) for _ in range(2)]
    assert hops[0] == hops[1]
    assert hops[0].method == "wrapped"
    assert hops[0].options["password_prompt"] == "[sudo via ansible, key=mitogen] password:"
    assert hops[0].options["program"] == "sudo"
    from_link = methods.find("wrapped").argv.__globals__["FROM_LINK"]
    expected = plugin.build_become_command(from_link + COMMAND, shell)
    assert _runs(hops[0]) == expected.replace(plugin._id, "mitogen")


def test_a_plugin_that_nobody_knows(shell: Any) -> None:
    """The same; without a password nothing is asked."""
    hop = become_hop(Other(), shell, ACCOUNT)
    assert hop.options["command"].count(PLACE) == 1
    assert hop.options["password"] is None
    assert "BECOME-SUCCESS-mitogen" in hop.options["command"]


def _refused(plugin: Any, shell: Any) -> str:
    with pytest.raises(CannotAccelerate) as caught:
        become_hop(plugin, shell, ACCOUNT)
    return str(caught.value)


def test_refusals(shell: Any) -> None:
    """What cannot be known to work is left to Ansible."""

    class Needy(Other):
        require_tty = True
        answers = {"become_pass": "x"}

    class Hungry(Other):
        require_tty = True
        pipelining = False

    class Asking(Other):
        answers = {"become_pass": "x"}

        def check_password_prompt(self, b_output: bytes) -> bool:
            return b_output == b"?"

    class Escaping(Other):
        def build_become_command(self, cmd: str, shell: Any) -> str:
            return "other " + cmd.replace("$", "\\$")

    class Ignoring(Other):
        def build_become_command(self, cmd: str, shell: Any) -> str:
            return "other"

    for plugin in (Needy(), Hungry()):
        assert "needs a terminal" in _refused(plugin, shell)
    assert "asks in a way of its own" in _refused(Asking(), shell)
    for plugin in (Escaping(), Ignoring()):
        assert "not to be understood" in _refused(plugin, shell)


@pytest.mark.parametrize(
    ("name", "flags", "is_one"),
    [
        ("sudo", "-H -S -n", False),
        ("sudo", "-n --login", True),
        ("sudo", "-Hin", True),
        ("sudo", "-E --preserve-env=HOME -u admin", False),
        ("su", "", False),
        ("su", "-", True),
        ("su", "-ml", True),
        ("su", "-s /bin/shell", False),
    ],
)
def test_logins(name: str, flags: str, is_one: bool) -> None:
    """Flags tell whether a program begins in the account's home."""
    assert is_login(_plugin(name, become_flags=flags)) is is_one


def test_sessions_are_logins() -> None:
    """What systemd runs begins in the account's home, with no flag at all."""

    class Session(Other):
        name = "community.general.run0"

    assert is_login(Session())
    assert not is_login(Other())
