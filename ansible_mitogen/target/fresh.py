"""Modules that need an interpreter of their own: run in a new one.

Their task sets what an interpreter reads only when it starts (`PYTHONPATH`, `LD_LIBRARY_PATH` and
their like, and locales whose encoding is not UTF-8), or they ask for another Python than this. It
takes as long as with stock Ansible, and does the same.
"""

import os
import sys

from ansible_mitogen.target import standard_streams
from ansible_mitogen.target.archive import Archive
from ansible_mitogen.target.names import local_items

_PREFIXES = ("PYTHON", "LD_", "DYLD_", "GLIBC_TUNABLES", "MALLOC_")
_UTF8 = ("utf-8", "utf8")

#: Variables that have the effect of options.
_OPTION_VARIABLES = {
    "-B": "PYTHONDONTWRITEBYTECODE",
    "-O": "PYTHONOPTIMIZE",
    "-P": "PYTHONSAFEPATH",
    "-W": "PYTHONWARNINGS",
    "-d": "PYTHONDEBUG",
    "-i": "PYTHONINSPECT",
    "-s": "PYTHONNOUSERSITE",
    "-v": "PYTHONVERBOSE",
}

#: Read from stdin, like stock Ansible's program. What follows the dots is filled in.
_PROGRAM = """\
import os, runpy, shutil, sys
sys.path = [path for path in sys.path if path not in ("", ".")]
folder, modlib_path, module_fqn, profile, json_params, extra = %r
try:
    sys.path.insert(0, modlib_path)
    try:
        from ansible.module_utils._internal._ansiballz import _loader
    except ImportError:
        _loader = None
    if _loader is not None and profile is not None:
        code = _loader.run_module.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        given = dict(
            json_params=json_params, profile=profile, module_fqn=module_fqn,
            modlib_path=modlib_path, extensions={}, secrets=[],
        )
        given.update(extra)
        _loader.run_module(**{name: given[name] for name in names if name in given})
    from ansible.module_utils import basic
    basic._ANSIBLE_ARGS = json_params
    runpy.run_module(
        module_fqn, init_globals=dict(_module_fqn=module_fqn, _modlib_path=modlib_path),
        run_name="__main__", alter_sys=True,
    )
    print('{"msg": "New-style module did not handle its own exit", "failed": true}')
    sys.exit(1)
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""


def command(interpreter: "list", added: "dict") -> "list | None":
    """The command that starts the new interpreter; None where this process will do.

    :param interpreter: the command of the Python that the module asks for; empty if it does not.
    :param added: variables that its task sets.
    """
    if interpreter:
        path = _program(interpreter, added)
        if path is None or not _is_ours(path):
            return list(interpreter)
        # The name that it asked for, of what it asked for.
        sys.executable = path
    return [sys.executable, *_options()] if is_needed(added) else None


def _program(interpreter: "list", added: "dict") -> "str | None":
    """The file that the command starts, if it starts it with no more than its name."""
    words = interpreter[1:] if os.path.basename(interpreter[0]) == "env" else interpreter
    if len(words) != 1:
        return None
    if "/" in words[0]:
        return words[0]
    for folder in added.get("PATH", os.environ.get("PATH", os.defpath)).split(os.pathsep):
        path = os.path.join(folder, words[0])
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _is_ours(path: "str") -> "bool":
    """Whether *path* starts the Python of this process: by its folder it knows what is its own."""
    if not sys.executable or os.path.dirname(path) != os.path.dirname(sys.executable):
        return False
    try:
        return os.path.samefile(path, sys.executable)
    except OSError:
        return False


def _options() -> "list":
    """Those that this interpreter was started with, but for what variables say anyway."""
    import subprocess  # few runs need it

    given = subprocess._args_from_interpreter_flags()
    return [one for one in given if not os.environ.get(_OPTION_VARIABLES.get(one[:2], ""))]


def is_needed(added: "dict") -> "bool":
    """Whether a task with *added* on top of this process's environment needs a new interpreter."""
    if not sys.executable:
        return False
    for name, value in added.items():
        if name.startswith(_PREFIXES) and os.environ.get(name) != value:
            return True
    if standard_streams.has_same_locale(added):
        return False
    name = standard_streams.effective_locale(dict(os.environ, **added))
    if sys.getfilesystemencoding().lower() not in _UTF8 or sys.version_info < (3, 7):
        return True
    # From 3.7 on an interpreter in the C locale works in UTF-8.
    codeset = name.partition(".")[2].partition("@")[0].lower()
    return name not in ("C", "POSIX") and codeset not in _UTF8


def become(job: "object", closure: "object", command: "list") -> "None":
    """Replace this process by a new interpreter that runs the ModuleJob. Does not return."""
    added = local_items(job.environment)
    environment = dict(os.environ, **added)
    os.environ.update(added)  # for TMPDIR
    archive = Archive(job.name, closure)
    fields = (
        archive.folder, archive.path, job.module_fqn, job.profile, job.arguments, job.extra
    )  # fmt: skip
    path = os.path.join(archive.folder, "run.py")
    with open(path, "w", encoding="utf-8") as target:
        target.write(_PROGRAM % (fields,))
    fd = os.open(path, os.O_RDONLY)
    os.unlink(path)  # it holds the task's arguments
    os.dup2(fd, 0)
    os.close(fd)
    # The interpreter's own settings of signals do not survive, ours do.
    try:
        os.execvpe(command[0], command, environment)
    except OSError:
        # Nobody is left to remove it; and what is wrong with the command, a shell is to say.
        archive.remove()
        os.execve("/bin/sh", ["/bin/sh", "-c", " ".join(command) + " && sleep 0"], environment)
