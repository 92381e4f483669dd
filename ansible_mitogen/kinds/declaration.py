"""What a kind of connection is: a stock plugin, and how its options become those of a hop. Pure."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ansible_mitogen.options import GetOption, optional
from ansible_mitogen.plain import plain
from ansible_mitogen.stack import CannotAccelerate


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a connection knows about itself.

    :ivar get_option: of the plugin; KeyError for what this version of it does not have.
    :ivar address: of the host, for plugins that have no option for it.
    :ivar remote_user: of the task, for plugins that have no option for it.
    """

    get_option: GetOption
    address: str
    remote_user: str | None

    def value(self, name: str) -> Any:
        """The option as a plain value; None where there is none, or it is empty."""
        found = plain(optional(self.get_option, name))
        return None if found in ("", [], {}) else found

    def text(self, name: str) -> str | None:
        """The option as text; None where there is none."""
        found = self.value(name)
        return None if found is None else str(found)

    def words(self, name: str) -> list[str]:
        """The option as a shell would split it."""
        return shlex.split(self.text(name) or "")

    def refuse(self, **reasons: str) -> None:
        """Leave the host to the stock plugin where one of these options is set.

        :param reasons: what each option asks for, by its name.
        :raises CannotAccelerate: it is.
        """
        for name, reason in reasons.items():
            if self.value(name) not in (None, False):
                raise CannotAccelerate(f"{reason} ({name}) is left to Ansible")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of connection.

    :ivar name: of the kind.
    :ivar twin: the plugin that it stands for, by its full name; None where there is none.
    :ivar options: of the twin, those which `hop_options` knows the meaning of.
    :ivar hop_options: the method's options, but those that all methods have; raises
        CannotAccelerate for what only the twin honours.
    :ivar programs: the method's options that name programs; variables of ours name them, too.
    :ivar own: options, as Ansible declares them, for where the twin is not installed.
    :ivar method: of the library; '' where it has the name of the kind.
    :ivar raw_has_shell: whether the twin runs what `raw` is given in a shell.
    :ivar has_login_shell: whether that is the account's own.
    :ivar terminal_option: of the twin, the one that gives commands a terminal; '' for none.
    """

    name: str
    twin: str | None
    options: frozenset[str]
    hop_options: Callable[[Asked], dict[str, Any]]
    programs: tuple[str, ...]
    own: Mapping[str, Any]
    method: str = ""
    raw_has_shell: bool = True
    has_login_shell: bool = False
    terminal_option: str = ""

    @property
    def program_options(self) -> dict[str, Any]:
        """Options of ours that name programs, as Ansible declares them."""
        return {
            f"mitogen_{name}": {
                "description": "The program that leads there.",
                "type": "string",
                "vars": [{"name": f"mitogen_{name}"}],
            }
            for name in self.programs
        }

    @property
    def plugin(self) -> str:
        """The name of our plugin."""
        return f"mitogen_{self.name}"

    def method_options(self, asked: Asked) -> dict[str, Any]:
        """All options of the hop but those that all methods have.

        :raises CannotAccelerate: only the twin honours what was asked for.
        """
        found = self.hop_options(asked)
        for name in self.programs:
            program = asked.text(f"mitogen_{name}")
            if program is not None:
                found[name] = program
        return found


def address(kind: str) -> dict[str, Any]:
    """The option that says which container."""
    names = ("inventory_hostname", "ansible_host", f"ansible_{kind}_host")
    return {
        "remote_addr": {
            "description": "The container.",
            "type": "string",
            "default": "inventory_hostname",
            "vars": [{"name": name} for name in names],
        }
    }


#: The option that says who to be in there.
USER: dict[str, Any] = {
    "remote_user": {
        "description": "The account in there; the container's own choice when not given.",
        "type": "string",
        "vars": [{"name": "ansible_user"}],
        "env": [{"name": "ANSIBLE_REMOTE_USER"}],
        "ini": [{"section": "defaults", "key": "remote_user"}],
        "cli": [{"name": "user"}],
        "keyword": [{"name": "remote_user"}],
    }
}


def variable(name: str, description: str) -> dict[str, Any]:
    """An option that is set by the variable ``ansible_<name>``."""
    option = {"description": description, "type": "string", "vars": [{"name": f"ansible_{name}"}]}
    return {name: option}
