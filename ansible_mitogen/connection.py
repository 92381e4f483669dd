"""What our connection plugins have in common: stock plugins that reach a persistent interpreter.

All of Ansible's own logic stays as it is. This class answers for an accelerated connection what
makes actions take their simplest way: commands arrive unwrapped, modules by pipelining, helper
commands as texts we know (shell.py), escalation as nothing (become.py), for the connection *is*
the escalated account. What cannot be accelerated is the stock plugin's, the whole connection.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.utils.display import Display

from ansible_mitogen import (
    bare,
    discovery,
    fast_path,
    interpreter,
    isolation,
    options,
    resolve,
    via,
)
from ansible_mitogen.become import BecomeProxy
from ansible_mitogen.documentation import COMMON_OPTIONS
from ansible_mitogen.escalation import become_user
from ansible_mitogen.plain import plain
from ansible_mitogen.session import (
    Counted,
    NoBrokerError,
    NotForUsError,
    RefusedError,
    Session,
    Target,
    broker_socket,
)
from ansible_mitogen.shell import CommandResult, marking_shell, take_executable
from ansible_mitogen.stack import CannotAccelerate, Hop
from ansible_mitogen.trace import TraceLine, Way, trace

if TYPE_CHECKING:
    from ansible.plugins.connection import ConnectionBase as StockConnection
else:
    StockConnection = object

display = Display()

DEFAULT_SHELL = "/bin/sh"


class MitogenConnection(StockConnection):  # type: ignore[misc]
    """What our connection plugins have in common; comes before the stock class."""

    #: The stock plugin that this one stands for.
    mitogen_kind = ""

    _shell: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        run_pid = kwargs.get("ansible_playbook_pid")
        #: The process that the broker belongs to; absent when that process itself makes us.
        self._mitogen_run_pid = int(run_pid) if run_pid else os.getpid()
        self._mitogen_session: Session | None = None
        self._mitogen_real_become: Any = None
        self._mitogen_task_keys: dict[str, Any] = {}
        #: Of the task, as Ansible changes them while it runs.
        self._mitogen_task_vars: dict[str, Any] = {}
        self._mitogen_way = via.Way(self._mitogen_run_pid)
        #: The interpreter that discovery chose, where we would have started another one.
        self._mitogen_python: str | None = None
        #: Why the stock plugin does this task's work; '' when we do, None until that is decided.
        self._mitogen_why_stock: str | None = None
        self._mitogen_is_updating_vars = False
        self._mitogen_allow_executable = True
        #: The name that a strategy replaced by ours; '' when we were asked for.
        self.mitogen_stock_name = ""
        #: Modules that fast_path prepared, by the token that it put into the command.
        self.pending_modules: dict[str, fast_path.ModulePlan] = {}
        #: Why the core packed the last module itself; '' when it did not.
        self.mitogen_why_packed = ""
        super().__init__(*args, **kwargs)
        self._shell = marking_shell(self._shell)
        # Before the task's action prepares its module; changes nothing for others' connections.
        fast_path.install()

    # What Ansible sets -------------------------------------------------------------------------

    def set_options(
        self,
        task_keys: dict[str, Any] | None = None,
        var_options: dict[str, Any] | None = None,
        direct: dict[str, Any] | None = None,
    ) -> None:
        """Ansible resolved the options of the task that comes."""
        var_options = var_options or {}
        if "hostvars" in var_options:
            # Up to 2.18 a connection that is to be reset gets all variables, as they were written.
            names = C.config.get_plugin_vars("connection", self._load_name)
            with contextlib.suppress(AnsibleError):  # an error would end the run
                var_options = {**var_options, **via.templated(names, var_options)}
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        self._mitogen_task_keys = task_keys or {}
        self._mitogen_task_vars = {}
        self._mitogen_way.note(var_options)
        self._mitogen_python = None
        self._mitogen_why_stock = None

    def set_become_plugin(self, plugin: Any) -> None:
        """Ansible chose the become plugin of the task that comes, or none.

        :raises AnsibleError: it needs a terminal, which there is none of.
        """
        if self.mitogen_stock_name and getattr(plugin, "require_tty", False) and not self.has_tty:
            # Ansible says so next, but by a name that the user did not give.
            raise AnsibleError(
                f"The '{self.mitogen_stock_name}' connection does not provide a TTY which is"
                f" required for the selected become plugin: {plugin.name}."
            )
        self._mitogen_real_become = plugin
        self._mitogen_why_stock = None
        if plugin is not None:
            plugin = BecomeProxy(plugin, self._mitogen_is_escalated)
        super().set_become_plugin(plugin)

    def update_vars(self, variables: dict[str, Any]) -> None:
        """Tell the task about the connection: the login's own facts, not the escalated ones."""
        self._mitogen_is_updating_vars = True
        self._mitogen_task_vars = variables
        self._mitogen_way.note(variables)
        if self.mitogen_stock_name:
            variables.setdefault("ansible_connection", self.mitogen_stock_name)
        try:
            super().update_vars(variables)
        finally:
            self._mitogen_is_updating_vars = False

    def _resolve_option_variables(self, variables: dict[str, Any], templar: Any) -> Any:
        # From 2.19 on, all that a connection is told which is to be reset.
        self._mitogen_way.note(variables)
        return super()._resolve_option_variables(variables, templar)

    # What Ansible asks -------------------------------------------------------------------------

    def get_option(self, option: str, hostvars: dict[str, Any] | None = None) -> Any:
        """The stock option, but for two that say how an accelerated connection is to be used."""
        if option in {"pipelining", "remote_user"} and not self._mitogen_is_updating_vars:
            # Ansible asks for the user to find out whether escalation leads away from it.
            if option == "pipelining" and self._mitogen_would_accelerate():
                return True
            real = self._mitogen_real_become
            if option == "remote_user" and real is not None and self._mitogen_is_escalated():
                super().get_option(option, hostvars)  # KeyError where there is no such option
                return become_user(real)
        return super().get_option(option, hostvars)

    @property
    def allow_executable(self) -> bool:
        """False: commands reach us as they are, not wrapped in a shell."""
        return self._mitogen_allow_executable and not self._mitogen_accelerates()

    @allow_executable.setter
    def allow_executable(self, value: bool) -> None:
        self._mitogen_allow_executable = value

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Modules come through `exec_command` whenever that loses nothing."""
        if self._mitogen_accelerates():
            return not C.DEFAULT_KEEP_REMOTE_FILES and not wrap_async
        return bool(super().is_pipelining_enabled(wrap_async))

    def mitogen_accelerates(self) -> bool:
        """Whether this connection is ours; reaches the context to find out.

        :raises ansible.errors.AnsibleConnectionFailure: it cannot be reached.
        """
        return self._mitogen_accelerates()

    def mitogen_why_stock(self) -> str:
        """Why the stock plugin has to do this task, as far as known; '' when we do it.

        :raises ansible.errors.AnsibleError: neither can.
        """
        return "" if self._mitogen_would_accelerate() else self._mitogen_why_stock or ""

    def mitogen_stack(
        self, trail: Sequence[str] = (), first_task: via.Task | None = None
    ) -> list[Hop]:
        """How the account of this task is reached; connects to nothing.

        :param trail: the hosts that this one is part of the way to, then this one.
        :param first_task: the task that the way is for.
        :raises CannotAccelerate: the stock plugin has to do it.
        """
        self._mitogen_way.leads_on(trail, first_task)
        return self._mitogen_stack()

    def mitogen_isolation(self) -> isolation.TaskIsolation:
        """The process that the task's module is to run in.

        :raises ansible.errors.AnsibleOptionsError: the user's word for it is none.
        """
        return isolation.task_isolation(str(plain(self.get_option("mitogen_task_isolation"))))

    def mitogen_has_plain_python(self) -> bool:
        """Whether the interpreter that runs there is started by no script and without options."""
        named = discovery.named(self.get_option("mitogen_interpreter_python"))
        return interpreter.is_plain(named, self._mitogen_live_session().executable)

    # What Ansible does -------------------------------------------------------------------------

    def _connect(self) -> Any:
        if not self._mitogen_accelerates():
            return super()._connect()
        return self

    def exec_command(
        self, cmd: Any, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command, a helper command or a module."""
        if not self._mitogen_accelerates():
            self._mitogen_trace("stock", self._mitogen_why_stock or "")
            stock_result: tuple[int, bytes, bytes] = super().exec_command(
                cmd, in_data=in_data, sudoable=sudoable
            )
            return stock_result
        text = os.fsdecode(cmd) if isinstance(cmd, bytes) else plain(cmd)
        executable = take_executable(self._shell)
        try:
            result = self._mitogen_execute(text, in_data, executable)
        except NotForUsError as exc:
            # Its Python was removed since: a module finds none, as with stock; all else runs.
            self._mitogen_say_stock(str(exc), is_known=exc.is_known)
            self._mitogen_trace("stock", str(exc))
            stock_command = self._mitogen_stock_command(text, executable, sudoable)
            return tuple(super().exec_command(stock_command, in_data, sudoable))
        return result.rc, result.stdout, result.stderr

    def put_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file of the controller there."""
        if not self._mitogen_accelerates():
            return super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._play_context.remote_addr)
        self._mitogen_trace("operation", "put_file", 1, 1)
        self._mitogen_live_session().put_file(plain(in_path), plain(out_path))
        return None

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        """Copy a file from there to the controller."""
        if not self._mitogen_accelerates():
            return super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._play_context.remote_addr)
        self._mitogen_trace("operation", "fetch_file", 1, 1)
        self._mitogen_live_session().fetch_file(plain(in_path), plain(out_path))
        return None

    def reset(self) -> None:
        """End the login, so that the next task logs in anew."""
        try:
            is_ours = self._mitogen_would_accelerate()
        except AnsibleError as exc:
            # Where no task got there is nothing to end; the next one says so again, and fails.
            display.vv(f"Mitogen has nothing to reset: {exc}", host=self._play_context.remote_addr)
            return
        if is_ours:
            stack = self._mitogen_stack()
            self._mitogen_session_for(stack).reset()
            if not self._mitogen_via():
                self._mitogen_forget_login(stack[0])
            # A host that lacked Python may have one by now.
            self._mitogen_why_stock = None
            self._connected = False
        else:
            super().reset()

    def close(self) -> None:
        """The task is done; the broker keeps what it needs for the next one."""
        if self._mitogen_session is not None:
            self._mitogen_session.close()
            self._mitogen_session = None
        super().close()

    # Ours --------------------------------------------------------------------------------------

    @property
    def _mitogen_action(self) -> str:
        """The name that the task has for its action; '' where there is no task."""
        return str(self._mitogen_task_keys.get("action") or "")

    def _mitogen_would_accelerate(self) -> bool:
        """Whether this connection is ours as far as known, without reaching for the host."""
        if self._mitogen_why_stock is None:
            try:
                self._mitogen_stack()
            except CannotAccelerate as exc:
                self._mitogen_say_stock(str(exc), AnsibleError)
            else:
                return True
        return not self._mitogen_why_stock

    def _mitogen_is_escalated(self) -> bool:
        """Whether commands run as the account that the task becomes; reaches for it to find out."""
        try:
            return self._mitogen_accelerates()
        except AnsibleError:
            return True  # the task's first command will say why it failed

    def _mitogen_accelerates(self) -> bool:
        if self._mitogen_why_stock:
            return False
        try:
            session = self._mitogen_live_session()
            was_open = session.is_open
            session.open()
            if self._mitogen_is_to_change_python(session.executable):
                session = self._mitogen_session_for(self._mitogen_stack())
                was_open = False
                session.open()
        except CannotAccelerate as exc:
            self._mitogen_say_stock(str(exc), AnsibleError)
            return False
        except NotForUsError as exc:
            self._mitogen_say_stock(str(exc), is_known=exc.is_known)
            return False
        except RefusedError as exc:
            if self._mitogen_is_only_way():
                raise
            self._mitogen_say_stock(str(exc), AnsibleError)
            return False
        except NoBrokerError as exc:
            display.warning(f"Mitogen cannot be used: {exc}")
            self._mitogen_say_stock(str(exc))
            return False
        if not was_open:
            hops = ", then ".join(hop.describe() for hop in session.target.stack)
            message = f"MITOGEN {hops}: {session.executable}"
            display.vvv(message, host=self._play_context.remote_addr)
        self._mitogen_why_stock = ""
        self._connected = True
        return True

    def _mitogen_is_only_way(self) -> bool:
        """Whether there is no stock plugin that would go the same way."""
        return bool(self._mitogen_via())

    def _mitogen_say_stock(
        self,
        reason: str,
        error: type[AnsibleError] = AnsibleConnectionFailure,
        *,
        is_known: bool = False,
    ) -> None:
        """Leave this connection to the stock plugin, if that would go the same way.

        :param is_known: whether an earlier task said so.
        :raises error: it would not.
        """
        through = self._mitogen_via()
        if through:
            raise error(f"mitogen_via is {through!r}, and it cannot be gone that way: {reason}")
        self._mitogen_why_stock = reason
        # The stock plugin has yet to connect, if we were until now.
        self._connected = False
        say = display.vvv if is_known else display.vv
        say(
            f"Mitogen leaves this connection to Ansible's own {self.transport} plugin: {reason}",
            host=self._play_context.remote_addr,
        )

    def _mitogen_is_to_change_python(self, executable: str) -> bool:
        """Whether discovery chose another interpreter than the one that runs; remembers it."""
        named = discovery.named(super().get_option("mitogen_interpreter_python"))
        delegate_to = self._mitogen_task_keys.get("delegate_to")
        chosen = discovery.chosen(self._mitogen_task_vars, delegate_to)
        if named is not None or chosen in {None, executable, self._mitogen_python}:
            return False
        self._mitogen_python = chosen
        return True

    def _mitogen_resolved(self, name: str) -> Any:
        if name == "mitogen_interpreter_python" and self._mitogen_python is not None:
            return self._mitogen_python
        return super().get_option(name)

    def _mitogen_stack(self) -> list[Hop]:
        """How the account of this task is reached.

        :raises CannotAccelerate: the stock plugin has to do it.
        """
        if getattr(self._shell, "SHELL_FAMILY", "") != "sh":
            raise CannotAccelerate("the remote shell is not a POSIX one")
        login = self._mitogen_login_stack()
        if self._mitogen_real_become is None:
            return login
        user = self._mitogen_login_user(self._mitogen_resolved)
        return resolve.become_stack(login, self._mitogen_real_become, user, self._shell)

    def _mitogen_login_stack(self) -> list[Hop]:
        known = self._mitogen_known_options()
        if known:
            known |= frozenset(COMMON_OPTIONS)
            options.refuse_unknown(self._load_name, known, super().get_option)
        through, keys = self._mitogen_via(), self._mitogen_task_keys
        start = self._mitogen_way.stack(through, keys, self._play_context)
        return resolve.login_stack(
            self.mitogen_kind, self._mitogen_resolved, self._play_context, start
        )

    def _mitogen_via(self) -> str:
        return str(plain(super().get_option("mitogen_via")) or "").strip()

    def _mitogen_forget_login(self, hop: Hop) -> None:
        """End what else keeps the login that *hop* is, which starts here."""

    def _mitogen_known_options(self) -> frozenset[str]:
        """Options of the stock plugin that we know the meaning of; none where all mean nothing."""
        return frozenset()

    def _mitogen_login_user(self, get_option: options.GetOption) -> str | None:
        user: str | None = plain(get_option("remote_user"))
        return user

    def _mitogen_live_session(self) -> Session:
        session = self._mitogen_session
        # Once decided, the stack is that of the options which were set since.
        if session is None or self._mitogen_why_stock is None:
            session = self._mitogen_session_for(self._mitogen_stack())
        return session

    def _mitogen_session_for(self, stack: list[Hop]) -> Session:
        session = self._mitogen_session
        if session is None or session.target.stack != stack:
            if session is not None:
                session.close()
            session = self._mitogen_session = self._mitogen_new_session(stack)
        return session

    def _mitogen_new_session(self, stack: list[Hop]) -> Session:
        become = getattr(self._mitogen_real_become, "name", "")
        is_secret = bool(self._play_context.no_log)
        needs_python = not bare.is_bare(self._mitogen_action)
        target = Target(stack, self._mitogen_retries(), is_secret, become, needs_python)
        return Session(target, functools.partial(broker_socket, self._mitogen_run_pid))

    def _mitogen_retries(self) -> int:
        return 0

    def _mitogen_execute(
        self, text: str, in_data: bytes | None, executable: str | None
    ) -> CommandResult:
        session = self._mitogen_live_session()
        operation = None if in_data else self._shell.mitogen_commands.find(text)
        if operation is not None:
            self._mitogen_trace("operation", operation.name, 1, 1)
            return session.run_operation(operation)
        if not in_data and discovery.is_discovery(text):
            self._mitogen_trace("operation", "discovery")
            return discovery.found(session.executable)
        if discovery.is_about_platform(text, in_data):
            return self._mitogen_ask_login(text, in_data)
        plan = self._mitogen_plan(in_data)
        if plan is not None:
            display.vvv(f"MODULE {plan.name}", host=self._play_context.remote_addr)
            job = {**plan.job(), "cwd": self._mitogen_cwd()}
            counted = self._mitogen_run_job(session, job, plan.contents)
            self._mitogen_trace(
                "module", counted.renewed, counted.sent, counted.received, counted.interpreter
            )
            return counted.result
        display.vvv(f"EXEC {text}", host=self._play_context.remote_addr)
        given = self._mitogen_command_job(text, in_data, executable)
        counted = self._mitogen_run_job(session, given)
        reason = counted.renewed or self.mitogen_why_packed
        self._mitogen_trace("command", reason, counted.sent, counted.received)
        self.mitogen_why_packed = ""
        return self._mitogen_command_result(given, counted.result)

    def _mitogen_command_result(self, _job: dict[str, Any], result: CommandResult) -> CommandResult:
        """The result of a command as the stock plugin would have it."""
        return result

    def _mitogen_run_job(
        self, session: Session, job: dict[str, Any], contents: Any = None
    ) -> Counted:
        counted = session.run_job(job, contents)
        if counted.renewed:
            message = f"MITOGEN a new context, for {counted.renewed}"
            display.vvv(message, host=self._play_context.remote_addr)
        return counted

    def _mitogen_stock_command(self, text: str, executable: str | None, sudoable: bool) -> str:
        """What the core makes of a command where `allow_executable` is True."""
        real = self._mitogen_real_become
        if real is not None and sudoable:
            text = real.build_become_command(text, self._shell)
        shell = executable or self._mitogen_default_shell()
        return f"{shell} -c {shlex.quote(text)}"

    def _mitogen_ask_login(self, text: str, in_data: bytes | None) -> CommandResult:
        with contextlib.closing(self._mitogen_new_session(self._mitogen_login_stack())) as session:
            counted = session.run_job(self._mitogen_command_job(text, in_data, None))
        self._mitogen_trace("operation", "discovery", counted.sent, counted.received)
        return counted.result

    def _mitogen_plan(self, in_data: bytes | None) -> fast_path.ModulePlan | None:
        return fast_path.plan_for(self, in_data)

    def _mitogen_command_job(
        self, text: str, in_data: bytes | None, executable: str | None
    ) -> dict[str, Any]:
        shell = executable or self._mitogen_default_shell()
        return {"argv": [shell, "-c", text], "stdin": in_data, "cwd": self._mitogen_cwd()}

    def _mitogen_is_bare_raw(self, executable: str | None) -> bool:
        """Whether the command is what `raw` was given, and neither it nor become adds a shell."""
        is_raw = bare.is_raw(self._mitogen_action)
        return is_raw and not executable and self._mitogen_real_become is None

    def _mitogen_default_shell(self) -> str:
        return plain(self._play_context.executable) or DEFAULT_SHELL

    def _mitogen_cwd(self) -> str | None:
        return None

    def _mitogen_trace(
        self,
        way: Way,
        reason: str = "",
        sent: int = 0,
        received: int = 0,
        interpreter: str = "",
    ) -> None:
        trace(
            TraceLine(
                host=str(self.get_option("mitogen_inventory_hostname") or ""),
                task=str(self._mitogen_task_keys.get("name") or ""),
                action=self._mitogen_action,
                way=way,
                reason=reason,
                interpreter=interpreter,
                sent=sent,
                received=received,
            )
        )
