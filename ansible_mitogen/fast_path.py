"""Modules as messages: what the core's `_configure_module` does for our connections.

The core's own method does nearly all of it unchanged, in every version: it looks the module up,
follows redirects, computes the environment, discovers the interpreter (through commands, which the
connection may answer from what it knows). Only the call of `modify_module` at its end, which packs
module, arguments and imports into a program of 200 kB, is answered by us for a connection of ours,
in the form of that version (a tuple up to 2.18, a `_BuiltModule` from 2.19 on), with a *token* in
the place of the program.

What a connection has to offer::

    mitogen_accelerates()        whether it is ours for this task, asked for each module and again
                                  when its interpreter is known
    mitogen_isolation()          the `TaskIsolation` of the task
    pending_modules              a dict, where the plan is kept under its token
    mitogen_why_packed           a str, set when the core has to pack the module
    mitogen_has_plain_python()   whether its Python is started by no script and without options

The `ModulePlan` kept there holds closure, arguments (encoded by the core, `_ansible_*` and all) and
the environment of the task as a dict. The core goes on as always: command line, then `exec_command`
with the token as *in_data*, where the connection gets the plan from `plan_for(self, in_data)` and
sends `ModulePlan.job()`, with the files that `ModulePlan.contents()` has for those who lack them.
The command line holds the same environment and the interpreter, and is of no use.

Packed by the core as ever, with the reason in `mitogen_why_packed` and at `-vv`: what is not a
new-style Python module, or names an interpreter that may be no Python of ours, async tasks, and
what asks for something that only the packed program does. The connection runs that program like any
other.

The method is run with a name of its globals replaced, not copied and not patched in its module, so
there is one thing to install and to remove: ``ActionBase._configure_module``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import os
import re
import types
import uuid
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_mitogen import interpreter, isolation
from ansible_mitogen.compat import (
    built_module,
    module_arguments,
    module_secrets,
    module_zip,
)
from ansible_mitogen.compat.core import action, constants, module_common
from ansible_mitogen.modules import (
    Closure,
    ClosureStore,
    Source,
    UnknownFileError,
    default_store,
    fqn_of,
)
from ansible_mitogen.plain import plain

display = Display()

#: Python, so that a token which goes astray says so wherever it is run.
_MARKER = 'raise SystemExit("mitogen-module:{} was prepared for another connection")'
_MARKER_START = _MARKER.partition("{}")[0].encode()
#: Of anything else the shell makes something else than a variable.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Tests of Ansible itself; versions before the debugging extensions.
_COVERAGE = "_ANSIBLE_COVERAGE_CONFIG"


class NotFastError(Exception):
    """The core has to pack this module; the message says why."""


@dataclasses.dataclass(frozen=True)
class ModulePlan:
    """One run of a module. Holds secrets: what could be one is not in its repr."""

    source: Source = dataclasses.field(repr=False)
    closure: Closure = dataclasses.field(repr=False)
    arguments: bytes = dataclasses.field(repr=False)
    environment: dict[str, str] = dataclasses.field(repr=False)
    #: More arguments for the core's loader on the target, by name.
    extra: dict[str, Any] = dataclasses.field(repr=False)
    #: The command of the Python that it asks for; empty for that of the connection.
    interpreter: list[str]
    store: ClosureStore = dataclasses.field(repr=False)
    #: Whether it may run in a process where others ran.
    may_reuse: bool = False

    @property
    def name(self) -> str:
        """The module's name, as the task or its action gives it."""
        return self.source.name

    def job(self) -> dict[str, Any]:
        """The job, but for its id (see `ansible_mitogen.target.records.ModuleJob`)."""
        return {
            "kind": "module",
            "name": self.name,
            "module_fqn": self.closure.fqn,
            "files": dict(self.closure.files),
            "foreign": list(self.closure.foreign),
            "may_reuse": self.may_reuse,
            "supplied": {},
            "entry": self.closure.entry,
            "arguments": self.arguments,
            "profile": self.closure.profile,
            "environment": self.environment,
            "extra": self.extra,
            "interpreter": self.interpreter,
        }

    def contents(self, digests: list[str]) -> dict[str, bytes]:
        """The compressed files of those digests; collected anew where the cache has lost them.

        :raises ansible.errors.AnsibleError: they changed since.
        """
        try:
            return self.store.contents_of(digests)
        except UnknownFileError:
            self.store.restore(self.source)
        try:
            return self.store.contents_of(digests)
        except UnknownFileError as exc:
            raise AnsibleError(
                f"the files that the {self.name} module imports changed while it was to be run"
            ) from exc


def plan_for(connection: Any, in_data: bytes | None) -> ModulePlan | None:
    """The plan whose token *in_data* is, taken from the connection; None for anything else.

    :raises ansible.errors.AnsibleError: it is a token, but none of this connection's.
    """
    if not in_data or not in_data.startswith(_MARKER_START):
        return None
    plan: ModulePlan | None = connection.pending_modules.pop(bytes(in_data).decode(), None)
    if plan is None:
        raise AnsibleError("a module was prepared for another connection than it is to run through")
    return plan


@functools.cache
def _modify_module_signature() -> inspect.Signature:
    return inspect.signature(module_common.modify_module)


def _modify_module(task_action: Any, *args: Any, **kwargs: Any) -> Any:
    """In the place of the core's function of that name, for an action whose connection is ours."""
    given = _modify_module_signature().bind(*args, **kwargs)
    given.apply_defaults()
    connection = task_action._connection
    try:
        return _prepare(task_action, given.arguments)
    except NotFastError as exc:
        display.vv(
            f"Mitogen has Ansible pack the module {given.arguments['module_name']}: {exc}",
            host=connection._play_context.remote_addr,
        )
        connection.mitogen_why_packed = str(exc)
    return module_common.modify_module(*args, **kwargs)


def _prepare(task_action: Any, given: dict[str, Any]) -> Any:
    task_vars = given["task_vars"] or {}
    source = _read_source(given["module_name"], given["module_path"])
    _refuse_special(task_action, given)
    asked_for = module_common._extract_interpreter(source.data)
    shebang = _shebang(given, asked_for, task_vars)
    if not task_action._connection.mitogen_accelerates():
        raise NotFastError("the interpreter that was discovered is none for us")
    words = _interpreter(task_action._connection, asked_for, shebang)
    store = default_store()
    closure = store.closure_of(source)
    try:
        arguments = module_arguments.encode(given["module_args"], closure.profile)
    except TypeError as exc:
        raise NotFastError(f"its arguments have no text form: {exc}") from exc
    environment = _environment(given["environment"] or {})
    extra = module_secrets.loader_arguments(arguments)
    chosen = isolation.may_reuse(task_action._connection.mitogen_isolation(), source.path)
    plan = ModulePlan(source, closure, arguments, environment, extra, words, store, chosen)
    token = _MARKER.format(uuid.uuid4().hex)
    task_action._connection.pending_modules[token] = plan
    return built_module.built_module(token.encode(), shebang, closure.profile)


def _read_source(name: str, path: str) -> Source:
    with open(path, "rb") as stream:
        data = stream.read()
    if module_common._is_binary(data):
        raise NotFastError("it is a binary")
    if module_common.REPLACER in data:
        data = data.replace(module_common.REPLACER, b"from ansible.module_utils.basic import *")
    elif not module_common.NEW_STYLE_PYTHON_MODULE_RE.search(data):
        raise NotFastError("it is no new-style Python module")
    return Source(plain(name), fqn_of(plain(name), path), plain(path), data)


def _refuse_special(task_action: Any, given: dict[str, Any]) -> None:
    if given["async_timeout"]:
        raise NotFastError("the task is async")
    if constants.DEFAULT_KEEP_REMOTE_FILES:
        raise NotFastError("remote files are to be kept")
    if not task_action._is_pipelining_enabled("new"):
        raise NotFastError("modules do not travel by pipelining here")
    task_vars = given["task_vars"] or {}
    limit = constants.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", variables=task_vars)
    if str(plain(limit)) != "0":
        raise NotFastError("python_module_rlimit_nofile is set")
    if (
        module_zip.has_extensions(module_zip.extension_manager(task_vars))
        or _COVERAGE in os.environ
    ):
        raise NotFastError("a debugging extension is switched on")


def _shebang(given: dict[str, Any], asked_for: Any, task_vars: dict[str, Any]) -> str:
    """The core's choice of an interpreter; raises its request for discovery."""
    path, arguments = asked_for
    shebang, _path = module_common._get_shebang(
        path or "/usr/bin/python",
        task_vars,
        given["templar"],
        arguments,
        remote_is_local=given["remote_is_local"],
    )
    return str(plain(shebang))


def _interpreter(connection: Any, asked_for: Any, shebang: str) -> list[str]:
    """The command of the Python that the module asks for; empty for that of the connection."""
    if interpreter.is_left_to_connection(*asked_for):
        return []
    command = plain(connection._shell.build_module_command("", shebang, "")).strip()
    words = interpreter.command_words(command)
    if words is None:
        raise NotFastError(f"it asks for {command}")
    if not connection.mitogen_has_plain_python():
        raise NotFastError(f"it asks for {command}, and Python is a special one here")
    return words


def _environment(given: dict[Any, Any]) -> dict[str, str]:
    environment = {str(plain(key)): str(plain(value)) for key, value in given.items()}
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise NotFastError(f"{name!r} cannot be a variable of its environment")
    return environment


def _with_globals(function: Any, **replaced: Any) -> Any:
    """*function* again, with some of the names it refers to replaced."""
    copy = types.FunctionType(
        function.__code__,
        {**function.__globals__, **replaced},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def install() -> None:
    """Take part in the preparation of modules, for connections of ours only. Once is enough.

    Does nothing where the core's method is not as we know it: modules are packed as ever then.
    """
    original = action.ActionBase._configure_module
    if not inspect.isfunction(original) or "modify_module" not in original.__code__.co_names:
        return

    @functools.wraps(original)
    def _configure_module(self: Any, *args: Any, **kwargs: Any) -> Any:
        accelerates = getattr(self._connection, "mitogen_accelerates", None)
        if accelerates is None or not accelerates():
            return original(self, *args, **kwargs)
        replacement = functools.partial(_modify_module, self)
        return _with_globals(original, modify_module=replacement)(self, *args, **kwargs)

    _configure_module.mitogen_original = original  # type: ignore[attr-defined]
    action.ActionBase._configure_module = _configure_module


def remove() -> None:
    """Undo `install`."""
    original = getattr(action.ActionBase._configure_module, "mitogen_original", None)
    if original is not None:
        action.ActionBase._configure_module = original


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """`install`, and `remove` afterwards."""
    install()
    try:
        yield
    finally:
        remove()
