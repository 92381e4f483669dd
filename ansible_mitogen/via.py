"""The way to a host that is reached through others: what `mitogen_via` means.

The host that it names is asked as Ansible would ask it for a task delegated to it: a connection
plugin of ours is given the options that Ansible resolves for that host, and says what its stack
is. That host may have a `mitogen_via` of its own. Nothing is connected to.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible import context
from ansible.errors import AnsibleOptionsError
from ansible.plugins.loader import become_loader, connection_loader
from ansible.template import Templar

from ansible_mitogen import resolve, takeover
from ansible_mitogen.plain import plain
from ansible_mitogen.stack import CannotAccelerate, Hop

_FORM = re.compile(r"(?:(?:(?P<method>[^:@\s]+):)?(?P<user>[^:@\s]+)@)?(?P<host>[^@\s]+)")

#: What Ansible gives every plugin of a task, of that which concerns how a host is logged in to.
_LOGIN_KEYS = ("remote_user", "port", "timeout")


@dataclasses.dataclass(frozen=True)
class Via:
    """A value of `mitogen_via`: a host, and whom to become there."""

    host: str
    user: str | None = None
    method: str | None = None


@dataclasses.dataclass(frozen=True)
class Task:
    """What the task, and the run, say about logins to any host."""

    #: The task's keywords, as a plugin is given them.
    keys: Mapping[str, Any]
    #: The variables of all hosts, by name; None where Ansible did not tell.
    hostvars: Any
    play_context: Any
    #: The process of the run; see `connection.MitogenConnection`.
    run_pid: int
    #: Passwords that the run was given for all hosts (``-k``, ``-K``).
    password: str | None = None
    become_password: str | None = None


def parse(text: str) -> Via:
    """The parts of ``[[method:]user@]inventory_host``.

    :raises ansible.errors.AnsibleOptionsError: it is nothing of that form.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        form = "[[become_method:]become_user@]inventory_host"
        raise AnsibleOptionsError(f"mitogen_via is {text!r}, which is not of the form {form}")
    return Via(match["host"], match["user"], match["method"])


def templated(names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a host's *variables*, `hostvars` among them, that have one of the *names*.

    As Ansible templates them for a task, not as `hostvars` itself does, which up to 2.18 leaves as
    it is what refers to something undefined.
    """
    loader = getattr(variables["hostvars"], "_loader", None)
    templar: Any = Templar(loader=loader, variables=variables)
    return {name: templar.template(variables[name]) for name in names if name in variables}


class Way:
    """What a connection knows about the way to its host.

    :param run_pid: the process of the run; see `connection.MitogenConnection`.
    """

    def __init__(self, run_pid: int) -> None:
        self._run_pid = run_pid
        #: Of the task; empty until Ansible tells.
        self._variables: Mapping[str, Any] = {}
        self._trail: Sequence[str] = ()
        self._task: Task | None = None
        self._found: list[Hop] | None = None

    def note(self, variables: Mapping[str, Any]) -> None:
        """Ansible told these; they may be those of the task."""
        self._found = None
        if "hostvars" in variables:
            self._variables = variables

    def leads_on(self, trail: Sequence[str], task: Task | None) -> None:
        """The host is part of the way to others, for a task of theirs; see `stack_through`."""
        self._trail, self._task = trail, task

    def stack(self, through: str, keys: Mapping[str, Any], play_context: Any) -> list[Hop]:
        """The stack that the login starts from; empty when that is the account of Ansible.

        :param through: `mitogen_via` of the host.
        :param keys: the task's keywords.
        :raises ansible.errors.AnsibleOptionsError: it cannot be made out.
        """
        if through and self._found is None:
            name = keys.get("delegate_to") or self._variables.get("inventory_hostname") or "?"
            task = self._task or self._own_task(keys, play_context)
            self._found = stack_through(parse(through), self._trail or [str(name)], task)
        return self._found or []

    def _own_task(self, keys: Mapping[str, Any], play_context: Any) -> Task:
        variables = self._variables
        if keys.get("delegate_to"):
            delegated = variables.get("ansible_delegated_vars", {})
            variables = delegated.get(keys["delegate_to"], {})

        def common(name: str) -> str | None:
            # The play context has the password of the run, unless the host has one of its own.
            if any(variable in variables for variable in C.MAGIC_VARIABLE_MAPPING[name]):
                return None
            return plain(getattr(play_context, name, None)) or None

        hostvars = self._variables.get("hostvars")
        passwords = common("password"), common("become_pass")
        return Task(keys, hostvars, play_context, self._run_pid, *passwords)


def stack_through(via: Via, trail: Sequence[str], task: Task) -> list[Hop]:
    """The stack that leads to *via*; empty when that is the account which runs Ansible.

    :param trail: the hosts that are reached through it, the task's own first.
    :raises ansible.errors.AnsibleOptionsError: it cannot be made out.
    """
    trail = [*trail, via.host]
    if via.host in trail[:-1]:
        raise AnsibleOptionsError(f"mitogen_via goes round in circles: {' -> '.join(trail)}")
    if task.hostvars is None:
        raise AnsibleOptionsError(f"the variables of {via.host}, of mitogen_via, are not to be had")
    if via.host not in task.hostvars:
        raise AnsibleOptionsError(
            f"mitogen_via of {trail[-2]} names {via.host}, which is no host of the inventory"
        )
    try:
        stack: list[Hop] = _Host(via, task).connection().mitogen_stack(trail, task)
    except CannotAccelerate as exc:
        raise AnsibleOptionsError(
            f"{trail[-2]} cannot be reached through {via.host}, as mitogen_via says: {exc}"
        ) from None
    return [] if resolve.is_here(stack) else stack


class _Host:
    """The host that a `mitogen_via` names, with Ansible's own options for it."""

    def __init__(self, via: Via, task: Task) -> None:
        self._via = via
        self._task = task
        raw = task.hostvars.raw_get(via.host)
        self._variables = {**raw, "hostvars": task.hostvars}

    def connection(self) -> Any:
        """A connection of ours to it that is connected to nothing."""
        connection = self._plugin()
        connection.set_become_plugin(self._become_plugin())
        variables = self._templated("connection", connection)
        keys = self._keys("password", self._task.password)
        connection.set_options(task_keys=keys, var_options=variables)
        return connection

    def _plugin(self) -> Any:
        name = self._template("ansible_connection") or C.DEFAULT_TRANSPORT
        kind = takeover.stock_kind(name)
        play_context = self._task.play_context.copy()
        play_context.remote_addr = self._template("ansible_host") or self._via.host
        play_context.remote_user = self._user()
        play_context.password = self._task.password
        play_context.become_pass = self._task.become_password
        pid = str(self._task.run_pid)
        # The strategies' name for it, and that of the shadow.
        for candidate in [takeover.OURS[kind], kind] if kind else [name]:
            found: Any = connection_loader.get(
                candidate, play_context, new_stdin=None, ansible_playbook_pid=pid
            )
            if hasattr(found, "mitogen_stack"):
                return found
        raise CannotAccelerate(f"its connection plugin, {name}, is not one of ours")

    def _user(self) -> Any:
        """Who logs in, for plugins that have no option for it."""
        found = (self._template(name) for name in C.MAGIC_VARIABLE_MAPPING["remote_user"])
        return next(filter(None, found), None) or self._task.keys.get("remote_user")

    def _become_plugin(self) -> Any:
        if self._via.user is None:
            return None
        method = self._via.method or self._template("ansible_become_method")
        # The task's keyword is about the task's host.
        method = method or context.CLIARGS.get("become_method") or C.DEFAULT_BECOME_METHOD
        plugin: Any = become_loader.get(method)
        if plugin is None:
            raise CannotAccelerate(f"there is no become method {method!r}")
        plugin.set_options(
            task_keys=self._keys("become_pass", self._task.become_password),
            var_options=self._templated("become", plugin),
            direct={"become_user": self._via.user},
        )
        return plugin

    def _keys(self, name: str, password: str | None) -> dict[str, Any]:
        keys = {key: self._task.keys[key] for key in _LOGIN_KEYS if key in self._task.keys}
        return keys if password is None else {**keys, name: password}

    def _templated(self, kind: str, plugin: Any) -> dict[str, Any]:
        names = C.config.get_plugin_vars(kind, plugin._load_name)
        return templated(names, self._variables)

    def _template(self, name: str) -> Any:
        return templated([name], self._variables).get(name)
