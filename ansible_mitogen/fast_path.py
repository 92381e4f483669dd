"""Modules as messages: what the core's `_configure_module` does for our connections.

The core's own method does nearly all of it unchanged, in every version: it looks the module up,
follows redirects, computes the environment, discovers the interpreter. Only the call of
`modify_module` at its end, which packs module, arguments and imports into a program of 200 kB, is
answered by us for a connection of ours, with a *token* in the place of that program, and with a
`ModulePlan` that waits under the token in ``connection.pending_modules``. The core goes on as
always: temporary folder if one is needed, command line, `exec_command` with the token as input,
where the connection takes the plan (`plan_for`) and runs it in the persistent interpreter.

What is not a new-style Python module, or wants something only the packed program can do, is packed
by the core as ever, and the connection runs that program. `-vv` says why.

The method is run with a name of its globals replaced, not copied and not patched in its module, so
there is one thing to install and to remove: ``ActionBase._configure_module``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import types
import uuid
from collections.abc import Iterator
from typing import Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.errors import AnsibleError
from ansible.executor import module_common
from ansible.plugins import action as action_module
from ansible.utils.display import Display

from ansible_mitogen.compat import built_module, module_arguments, module_zip
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

TOKEN_PREFIX = b"mitogen-module:"


class NotFastError(Exception):
    """The core has to pack this module; the message says why."""


@dataclasses.dataclass(frozen=True)
class ModulePlan:
    """One run of a module."""

    name: str
    closure: Closure
    arguments: bytes
    environment: dict[str, str]
    store: ClosureStore

    def job(self) -> dict[str, Any]:
        """The job, but for its id (see `ansible_mitogen.target.records.ModuleJob`)."""
        return {
            "kind": "module",
            "name": self.name,
            "module_fqn": self.closure.fqn,
            "files": dict(self.closure.files),
            "supplied": {},
            "entry": self.closure.entry,
            "arguments": self.arguments,
            "profile": self.closure.profile,
            "environment": self.environment,
        }

    def contents(self, digests: list[str]) -> dict[str, bytes]:
        """The compressed files of those digests.

        :raises ansible.errors.AnsibleError: they are gone from the cache, and cannot be had again.
        """
        try:
            return self.store.contents_of(digests)
        except UnknownFileError as exc:
            raise AnsibleError(
                f"the cached files of the {self.name} module are damaged ({exc}); "
                "remove the folder mitogen/modules of the Ansible home"
            ) from exc


def plan_for(connection: Any, in_data: bytes | None) -> ModulePlan | None:
    """The plan whose token *in_data* is, taken from the connection; None for anything else."""
    if not in_data or not in_data.startswith(TOKEN_PREFIX):
        return None
    plan: ModulePlan | None = connection.pending_modules.pop(bytes(in_data).decode(), None)
    return plan


@functools.cache
def _modify_module_signature() -> inspect.Signature:
    return inspect.signature(module_common.modify_module)


def modify_module(connection: Any, *args: Any, **kwargs: Any) -> Any:
    """In the place of the core's function of that name, for the connection of the task."""
    given = _modify_module_signature().bind(*args, **kwargs)
    given.apply_defaults()
    try:
        return _prepare(connection, given.arguments)
    except NotFastError as exc:
        display.vv(
            f"Mitogen has Ansible pack the module {given.arguments['module_name']}: {exc}",
            host=connection._play_context.remote_addr,
        )
        connection.mitogen_why_packed = str(exc)
    return module_common.modify_module(*args, **kwargs)


def _prepare(connection: Any, given: dict[str, Any]) -> Any:
    task_vars = given["task_vars"] or {}
    source = _read_source(given["module_name"], given["module_path"])
    _refuse_special(given, source, task_vars)
    shebang = _shebang(given, source, task_vars)
    manager = module_zip.extension_manager(task_vars)
    if module_zip.has_extensions(manager):
        raise NotFastError("a debugging extension is switched on")
    store = default_store()
    closure = store.closure_of(source, manager)
    try:
        arguments = module_arguments.encode(given["module_args"], closure.profile)
    except TypeError as exc:
        raise NotFastError(f"its arguments have no text form: {exc}") from exc
    environment = {str(key): str(value) for key, value in (given["environment"] or {}).items()}
    plan = ModulePlan(source.name, closure, arguments, environment, store)
    token = TOKEN_PREFIX.decode() + uuid.uuid4().hex
    connection.pending_modules[token] = plan
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
    return Source(plain(name), fqn_of(plain(name), path), path, data)


def _refuse_special(given: dict[str, Any], source: Source, task_vars: dict[str, Any]) -> None:
    if given["async_timeout"]:
        raise NotFastError("the task is async")
    if C.DEFAULT_KEEP_REMOTE_FILES:  # type: ignore[attr-defined]
        raise NotFastError("remote files are to be kept")
    limit = C.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", variables=task_vars)
    if str(plain(limit)) != "0":
        raise NotFastError("python_module_rlimit_nofile is set")
    interpreter, arguments = module_common._extract_interpreter(source.data)
    if arguments or (interpreter or "python").rpartition("/")[2].strip() != "python":
        # Anything else is no matter of `ansible_python_interpreter`.
        raise NotFastError(f"it asks for {' '.join([interpreter, *arguments])}")


def _shebang(given: dict[str, Any], source: Source, task_vars: dict[str, Any]) -> str:
    """The core's choice of an interpreter; raises its request for discovery."""
    interpreter, arguments = module_common._extract_interpreter(source.data)
    shebang, _interpreter = module_common._get_shebang(
        interpreter or "/usr/bin/python",
        task_vars,
        given["templar"],
        arguments,
        remote_is_local=given["remote_is_local"],
    )
    return str(shebang)


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
    """Take part in the preparation of modules, for connections of ours only. Once is enough."""
    original = action_module.ActionBase._configure_module
    if hasattr(original, "mitogen_original") or not inspect.isfunction(original):
        return

    @functools.wraps(original)
    def _configure_module(self: Any, *args: Any, **kwargs: Any) -> Any:
        connection = self._connection
        accelerates = getattr(connection, "mitogen_accelerates", None)
        if accelerates is None or not accelerates():
            return original(self, *args, **kwargs)
        prepare = _with_globals(
            original, modify_module=functools.partial(modify_module, connection)
        )
        return prepare(self, *args, **kwargs)

    _configure_module.mitogen_original = original  # type: ignore[attr-defined]
    action_module.ActionBase._configure_module = _configure_module  # type: ignore[method-assign]


def remove() -> None:
    """Undo `install`."""
    current = action_module.ActionBase._configure_module
    original = getattr(current, "mitogen_original", None)
    if original is not None:
        action_module.ActionBase._configure_module = original  # type: ignore[method-assign]


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """`install`, and `remove` afterwards."""
    install()
    try:
        yield
    finally:
        remove()
