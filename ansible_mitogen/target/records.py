"""What a context is asked to run, and what it answers.

A job is the value of a message to `JOB_HANDLE`, a result that of its reply; both travel as dicts,
so that either side may leave out what it has no use for. A message to `CANCEL_HANDLE` holds the id
of a job whose result nobody waits for any more; the reply to the job comes all the same.
"""

from mitogen.errors import DecodeError

JOB_HANDLE = 200
CANCEL_HANDLE = 201

#: How a job ended. `EXITED`: its process returned a status. `SIGNALLED`: a signal that was not ours
#: ended it. `KILLED`: we ended it, `JobResult.detail` says why. `LOST`: it could not be run, or its
#: end was not seen; the detail says what happened. `STALE`: nothing ran, as the context is not what
#: its account would get now (see freshness.py); `STALE_LOGIN`: nor is the login that it lives on.
EXITED = "exit"
SIGNALLED = "signal"
KILLED = "killed"
LOST = "lost"
STALE = "stale"
STALE_LOGIN = "stale-login"
#: Nothing was done: a restart was foreseen that may not happen (see `respawn`). The detail is one
#: of the names below: something is not as it was; the module asked about restarts; the task's
#: environment is for another interpreter to read.
DECLINED = "declined"
CHANGED = "changed"
ASKED = "asked"
ENVIRONMENT = "environment"

#: The part of the core that restarts a module under another interpreter (see `respawn`).
RESPAWN = "ansible/module_utils/common/respawn.py"

_REQUIRED = object()
_TEXT = (str,)
_OPTIONAL_TEXT = (str, type(None))
_OPTIONAL_BYTES = (bytes, type(None))
_OPTIONAL_NUMBER = (int, float, type(None))


class Record:
    """Base: `FIELDS` are triples of name, accepted types and default (or `_REQUIRED`)."""

    __slots__ = ()
    FIELDS = ()

    def __init__(self, **given: "object") -> "None":
        for name, _kinds, default in self.FIELDS:
            value = given.pop(name, default)
            if value is _REQUIRED:
                raise TypeError("%s needs %s" % (type(self).__name__, name))
            # Defaults are immutable or empty; an empty one is made anew for each record.
            setattr(self, name, type(value)() if value is default and not value else value)
        if given:
            raise TypeError("%s has no %s" % (type(self).__name__, ", ".join(sorted(given))))

    def to_value(self) -> "dict":
        """The record as it travels."""
        return {name: getattr(self, name) for name, _kinds, _default in self.FIELDS}

    @classmethod
    def from_value(cls, value: "object") -> "Record":
        """The record that travelled.

        :raises mitogen.errors.DecodeError: *value* is none of this kind.
        """
        if type(value) is not dict:
            raise DecodeError("this is no %s" % (cls.__name__,))
        given = {}
        for name, kinds, default in cls.FIELDS:
            field = value.get(name, default)
            if field is _REQUIRED:
                raise DecodeError("%s lacks %s" % (cls.__name__, name))
            if field is not default and type(field) not in kinds:
                raise DecodeError("%s has a strange %s" % (cls.__name__, name))
            given[name] = field
        return cls(**given)

    def __eq__(self, other: "object") -> "bool":
        return type(other) is type(self) and other.to_value() == self.to_value()

    __hash__ = None

    def __repr__(self) -> "str":
        return "%s(%s)" % (
            type(self).__name__,
            ", ".join("%s=%.60r" % item for item in self.to_value().items() if _is_shown(item[0])),
        )


def _is_shown(field: "str") -> "bool":
    """Whether a field never holds a secret."""
    return field not in ("arguments", "stdin", "environment", "extra", "supplied")


class ModuleJob(Record):
    """Run a new-style Ansible module with the files it needs.

    `files` maps the paths of its closure to digests (SHA-256, hex) of their contents; `supplied`
    holds the contents (zlib) of those that the context has not seen, by digest. `entry` is the path
    of the module itself among the files and `module_fqn` its name as a Python module. `arguments`
    is the text that the module takes its arguments from; `profile` the name of the serialisation
    profile, None where the core has none. `environment` goes on top of that of the login. `extra`
    holds further arguments for the core's own module loader, by name. `interpreter` is the command
    of the Python that the module asks for, empty where it leaves that to the context. After
    `timeout` seconds the job is killed. `foreign` are those of the files that are not the core's
    own: they are not loaded ahead. With `may_reuse` the module may run in a process where others
    ran and will run. A job is foreseen (see `respawn`) when `unchanged` holds the stamps, by path,
    of what has to be as it was. `method` is how the context was reached from the one before it.
    """

    FIELDS = (
        ("job_id", _TEXT, _REQUIRED),
        ("name", _TEXT, _REQUIRED),
        ("module_fqn", _TEXT, _REQUIRED),
        ("files", (dict,), _REQUIRED),
        ("supplied", (dict,), {}),
        ("foreign", (list,), []),
        ("may_reuse", (bool,), False),
        ("entry", _TEXT, _REQUIRED),
        ("arguments", (bytes,), _REQUIRED),
        ("profile", _OPTIONAL_TEXT, None),
        ("environment", (dict,), {}),
        ("extra", (dict,), {}),
        ("interpreter", (list, tuple), []),
        ("cwd", _OPTIONAL_TEXT, None),
        ("timeout", _OPTIONAL_NUMBER, None),
        ("unchanged", (dict,), {}),
        ("method", _TEXT, ""),
    )
    __slots__ = tuple(name for name, _kinds, _default in FIELDS)


class CommandJob(Record):
    """Run the program *argv* with *stdin* as its input; None is an empty one.

    `executable` is the file to run where it is not the first of *argv*. With `has_terminal` it has
    a terminal of its own, all that it says on which is its output; it has no *stdin* then.
    """

    FIELDS = (
        ("job_id", _TEXT, _REQUIRED),
        ("argv", (list, tuple), _REQUIRED),
        ("stdin", _OPTIONAL_BYTES, None),
        ("environment", (dict,), {}),
        ("cwd", _OPTIONAL_TEXT, None),
        ("executable", _OPTIONAL_TEXT, None),
        ("has_terminal", (bool,), False),
        ("timeout", _OPTIONAL_NUMBER, None),
        ("method", _TEXT, ""),
    )
    __slots__ = tuple(name for name, _kinds, _default in FIELDS)


def job_from_value(value: "object") -> "Record":
    """The job that *value* stands for: a program where there is an `argv`, else a module.

    :raises mitogen.errors.DecodeError: it is none.
    """
    kind = CommandJob if type(value) is dict and "argv" in value else ModuleJob
    return kind.from_value(value)


class JobResult(Record):
    """What a job left.

    `rc` is its exit status, or 128 and the number of the signal that ended it, as in a shell.
    `ended` is one of the names above. `missing` lists digests of files that the context has not
    got: nothing ran, send the job once more with them supplied. `respawned` tells of a module that
    restarted itself: the `interpreter`, and what has to be `unchanged` for it to do so again.
    """

    FIELDS = (
        ("rc", (int,), 0),
        ("stdout", (bytes,), b""),
        ("stderr", (bytes,), b""),
        ("ended", _TEXT, EXITED),
        ("detail", _TEXT, ""),
        ("missing", (list,), []),
        ("respawned", (dict,), {}),
    )
    __slots__ = tuple(name for name, _kinds, _default in FIELDS)
