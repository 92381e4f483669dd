"""A runner: the forked process that runs one job, as the process that stock Ansible starts would.

A module runs as `__main__` with its closure first on `sys.path`, and this process ends as an
interpreter does: threads are waited for, exit handlers run, the module's globals are let go,
output is flushed. What cannot be had in a fork (an interpreter reads some variables only when it
starts) is done in a fresh interpreter, which replaces this process.
"""

import importlib
import os
import runpy
import signal
import sys
import time
import types

from ansible_mitogen.target import fresh, leftovers, records, respawn, standard_streams
from ansible_mitogen.target.archive import Archive
from ansible_mitogen.target.departure import exit_status, leave
from ansible_mitogen.target.names import local, local_items

#: The core's own way to run a module, from 2.19 on.
LOADER = "ansible/module_utils/_internal/_ansiballz/_loader.py"


def run_command(job: "object", descriptors: "list") -> "None":
    """Become the program of a CommandJob. Does not return."""
    os.setsid()
    _take_descriptors(descriptors)
    if job.has_terminal:
        _take_terminal()
    # The interpreter ignores these; a program is to find them as any other does.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    environment = dict(os.environ, **local_items(job.environment))
    argv = [local(word) for word in job.argv]
    program = local(job.executable) if job.executable else argv[0]
    try:
        if job.cwd is not None:
            os.chdir(local(job.cwd))
        os.execvpe(program, argv, environment)
    except OSError as exc:
        text = "%s: %s\n" % (exc.filename or program, exc.strerror)
        os.write(2, os.fsencode(text))
        os._exit(127 if isinstance(exc, FileNotFoundError) else 126)


def run_module(
    job: "object", descriptors: "list", closure: "object", report: "respawn.Report | None"
) -> "None":
    """Run a ModuleJob. Does not return.

    :param closure: where its files are.
    :param report: None for a module that has nothing to say about restarts.
    """
    _take_descriptors(descriptors)
    leftovers.mark(job.job_id)
    closure.show(job.files)
    enter_folder(None if job.cwd is None else local(job.cwd))
    command = fresh.command(job.interpreter, local_items(job.environment))
    if job.unchanged and (command or respawn.has_changed(job.unchanged)):
        respawn.decline(report, records.ENVIRONMENT if command else records.CHANGED)
        os._exit(0)
    if command:
        fresh.become(job, closure, command)
    is_same_locale = standard_streams.has_same_locale(job.environment)
    os.environ.update(local_items(job.environment))
    # An interpreter looks at the time zone when it starts, and a task may have changed it.
    time.tzset()
    if is_same_locale:
        standard_streams.coerce_locale()
    else:
        standard_streams.follow_locale()
    if not hasattr(os, "register_at_fork") and "random" in sys.modules:  # 3.6
        sys.modules["random"].seed()
    leave(run_main(job, closure, report))


def _take_descriptors(descriptors: "list") -> "None":
    """Make *descriptors* (stdout, stderr, stdin) our standard ones."""
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[1], 2)
    if len(descriptors) > 2:
        os.dup2(descriptors[2], 0)
    for fd in descriptors:
        os.close(fd)


def _take_terminal() -> "None":
    """Have the terminal that is our output as input as well, and for what controls us."""
    import fcntl
    import termios

    os.dup2(1, 0)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def enter_folder(folder: "str | None") -> "None":
    """Be in *folder*, or stay; where that is not to be had, in a place that is there."""
    if folder is not None:
        os.chdir(folder)
        if "PWD" in os.environ:  # as the shell does that stock Ansible starts
            os.environ["PWD"] = folder
    try:
        os.getcwd()
    except OSError:
        # The core's own precaution: gone, or not for this account to see.
        try:
            os.chdir(os.path.expanduser("~"))
        except OSError:
            os.chdir("/")
        if "PWD" in os.environ:
            os.environ["PWD"] = os.getcwd()


def run_main(
    job: "object", closure: "object", report: "respawn.Report | None" = None
) -> "int":
    """Run the module as `__main__`; return the exit status."""
    archive = None

    def give_up(*_args: "object", **_kwargs: "object") -> "None":
        respawn.decline(report, records.ASKED)
        archive.remove()
        leave(0)

    sys.argv = [""]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        if report is not None:
            archive = Archive(job.name, closure)
            closure.move(archive.path)
        closure.enter()
        if archive is not None:
            respawn.follow()
        if job.unchanged:
            respawn.be_restarted(give_up)
        _run_main(job, closure.root)
    except BaseException as exc:
        if report is not None:
            respawn.note_restart(exc, report, closure.root)
        return exit_status(exc)
    finally:
        if archive is not None:
            archive.remove()
    return 0


def _run_main(job: "object", root: "str") -> "None":
    basic = importlib.import_module("ansible.module_utils.basic")
    # As the core sets it in an interpreter that a module was restarted in.
    names = {"_respawned": True} if job.unchanged else {}
    if LOADER in job.files and job.profile is not None:
        loader = importlib.import_module("ansible.module_utils._internal._ansiballz._loader")
        given = loader_arguments(loader.run_module, job, root)
        if names:
            given["init_globals"] = names
        loader.run_module(**given)
        return
    basic._ANSIBLE_ARGS = job.arguments
    if job.profile is not None:
        basic._ANSIBLE_PROFILE = job.profile
    runpy.run_module(
        job.module_fqn,
        init_globals=dict(names, _module_fqn=job.module_fqn, _modlib_path=root),
        run_name="__main__",
        alter_sys=True,
    )
    print('{"msg": "New-style module did not handle its own exit", "failed": true}')
    sys.exit(1)


def loader_arguments(function: "object", job: "object", root: "str") -> "dict":
    """The arguments that this version of the core's loader takes.

    :raises TypeError: it needs one that is not known.
    """
    given = {
        "json_params": job.arguments,
        "profile": job.profile,
        "module_fqn": job.module_fqn,
        "modlib_path": root,
        "extensions": {},
        "secrets": [],
    }
    given.update(job.extra)
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: given[name] for name in names if name in given}
