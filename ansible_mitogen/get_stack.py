"""The action `mitogen_get_stack`: what a task's connection would go through, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from ansible_mitogen import stack as stacks

if TYPE_CHECKING:
    ActionBase = Any
else:
    from ansible.plugins.action import ActionBase


class GetStackAction(ActionBase):  # type: ignore[misc]
    """Answers with the hops of the connection that this very task has; connects to nothing.

    ``result`` is a list of them, each with its method and options, secrets masked. Where the
    connection is left to Ansible's own plugin there are none, and ``msg`` says why.
    """

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Called by Ansible."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._task.args:
            raise AnsibleActionFail("mitogen_get_stack takes no arguments")
        # As `debug` does: the answer is what the task is for.
        result["_ansible_verbose_always"] = True
        return {**result, "changed": False, **_answer(self._connection)}


def _answer(connection: Any) -> dict[str, Any]:
    name = connection.ansible_name or connection.transport
    if not hasattr(connection, "mitogen_stack"):
        return {"result": [], "msg": f"the connection plugin {name} is none of ours"}
    why_stock = connection.mitogen_why_stock()
    if why_stock:
        return {"result": [], "msg": f"left to Ansible's own {name} plugin: {why_stock}"}
    return {"result": stacks.describe(connection.mitogen_stack())}
