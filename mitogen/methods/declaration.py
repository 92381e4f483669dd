"""What a connection method is: options, a command line, what its program asks. And nothing else.

A method is one `Method` in a file of its own, called ``METHOD``. Router factory, Ansible plugin and
reference documentation are derived from it.
"""

import collections

from mitogen.bootstrap.prompts import NO_PROMPTS

_REQUIRED = object()


class Option(collections.namedtuple("Option", "name default doc is_secret is_operand")):
    """One keyword argument of a method.

    :ivar bool is_secret: its value shows nowhere.
    :ivar bool is_operand: its value stands in a command line where an option could stand, and
        therefore must not look like one.
    """

    __slots__ = ()

    def __new__(
        cls,
        name: "str",
        default: "object" = _REQUIRED,
        doc: "str" = "",
        is_secret: "bool" = False,
        is_operand: "bool" = False,
    ) -> "Option":
        """Make one; without *default* it has to be given."""
        return super().__new__(cls, name, default, doc, is_secret, is_operand)

    @property
    def is_required(self) -> "bool":
        """Whether there is no default."""
        return self.default is _REQUIRED


COMMON = (
    Option("name", None, "Name of the context; made from the options when not given."),
    Option("remote_name", None, "Title of the process in ps; mitogen:<user>@<host>:<pid>."),
    Option("python_path", None, "Interpreter to start: one command, or a list of candidates."),
    Option("debug", False, "Log debug records of the context."),
    Option("connect_timeout", 30.0, "Seconds until connecting is given up."),
    Option("profiling", False, "Accepted; there is no profiler yet."),
    Option("unidirectional", None, "Pass only traffic to and from parents; None: as the parent."),
    Option("max_message_size", None, "Bytes; None: as the parent."),
)


class Method:
    """One way to start a context.

    :param str name: what ``router.<name>()`` is called.
    :param str doc: one line.
    :param options: the method's own `Option` records.
    :param argv: ``argv(options, remote_argv, remote_command)`` -> argument list that runs the
        remote command, given as a list and as one string for a shell.
    :param default_name: ``default_name(options)`` -> name for the context.
    :param needs_tty: ``needs_tty(options)``: whether its program asks on a terminal only.
    :param prompts: `mitogen.bootstrap.prompts.PromptTable`.
    :param adapt_prompts: ``adapt_prompts(prompts, options)`` -> the table to use, where options
        have a say in it.
    :param asks_on_stdin: with a terminal, its program takes answers from its stdin only: that is
        the terminal then, and `argv` has what it runs take its stdin from its stdout.
    :param is_fork: no program is started, but this process is forked; `argv` is not asked.
    :param check: ``check(options)`` raises TypeError or ValueError for what cannot be.
    :param default_python: ``default_python()`` -> candidates when no python_path is given, asked
        in the process that starts the context; None for the usual ones.
    """

    __slots__ = (
        "_adapt_prompts",
        "_check",
        "argv",
        "asks_on_stdin",
        "default_name",
        "default_python",
        "doc",
        "is_fork",
        "name",
        "needs_tty",
        "options",
        "prompts",
    )

    def __init__(
        self,
        name: "str",
        doc: "str",
        options: "tuple",
        argv: "object",
        default_name: "object",
        needs_tty: "object" = None,
        prompts: "object" = NO_PROMPTS,
        check: "object" = None,
        default_python: "object" = None,
        adapt_prompts: "object" = None,
        asks_on_stdin: "bool" = False,
        is_fork: "bool" = False,
    ) -> "None":
        self.name = name
        self.doc = doc
        self.options = tuple(options) + COMMON
        self.argv = argv
        self.default_name = default_name
        self.needs_tty = needs_tty or _never
        self.prompts = prompts
        self._check = check or _never
        self.default_python = default_python or _usual_python
        self.asks_on_stdin = asks_on_stdin
        self.is_fork = is_fork
        self._adapt_prompts = adapt_prompts or _as_declared

    def prompts_for(self, options: "Options") -> "object":
        """What its program asks and says, given these options."""
        return self._adapt_prompts(self.prompts, options)

    def build_options(self, given: "dict") -> "Options":
        """The options record for keyword arguments.

        :raises TypeError: one is unknown or missing.
        :raises ValueError: a value cannot be.
        """
        known = {option.name: option for option in self.options}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise TypeError("%s() has no option %s" % (self.name, ", ".join(unknown)))
        missing = [o.name for o in self.options if o.is_required and given.get(o.name) is None]
        if missing:
            raise TypeError("%s() needs %s" % (self.name, ", ".join(missing)))
        record = Options(self, {n: given.get(n, known[n].default) for n in known})
        python_candidates(record.given["python_path"])
        for option in self.options:
            if option.is_operand:
                _require_operand(option.name, record.given[option.name])
        self._check(record)
        return record

    def __repr__(self) -> "str":
        return "Method(%r)" % (self.name,)


class Options:
    """The options of one connection, as attributes. Secrets never show in its repr.

    `given` holds the same as a dict, as it was given: a python_path that was not stays None, and
    is resolved where the context is started.
    """

    __slots__ = ("_method", "given")

    def __init__(self, method: "Method", values: "dict") -> "None":
        self._method = method
        self.given = values

    def __getattr__(self, name: "str") -> "object":
        try:
            return self.given[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def python_path(self) -> "list | None":
        """Candidates for `mitogen.bootstrap.command.remote_argv`."""
        given = self.given["python_path"]
        return self._method.default_python() if given is None else python_candidates(given)

    def secrets(self) -> "list":
        """Values that must not appear in any text."""
        names = [option.name for option in self._method.options if option.is_secret]
        return [self.given[name] for name in names if self.given[name] is not None]

    def __repr__(self) -> "str":
        secret = {option.name for option in self._method.options if option.is_secret}
        defaults = {option.name: option.default for option in self._method.options}
        shown = [
            "%s=%s" % (name, "********" if name in secret else repr(value))
            for name, value in self.given.items()
            if value != defaults[name]
        ]
        return "%s(%s)" % (self._method.name, ", ".join(shown))


def python_candidates(python_path: "str | list | None") -> "list | None":
    """The interpreters that a *python_path* names, in order of preference.

    A string is one command, split as a shell would. A list is one command as well when it looks
    like one (``["/usr/bin/env", "python3"]``, ``["python3", "-E"]``); a list of interpreters, or
    one that holds lists, is tried from left to right.

    :raises TypeError: it is something else.
    """
    if python_path is None:
        return None
    if isinstance(python_path, str):
        return [python_path]
    if not isinstance(python_path, (list, tuple)) or not python_path:
        raise TypeError("python_path is a string or a list, not %r" % (python_path,))
    return [list(python_path)] if _is_one_command(python_path) else list(python_path)


def _is_one_command(words: "list") -> "bool":
    if not all(isinstance(word, str) for word in words):
        return False
    program = words[0].rpartition("/")[2]
    is_python = "python" in program or "pypy" in program
    return not is_python or any(word.startswith("-") for word in words[1:])


def words_of(options: "Options", name: "str") -> "list":
    """The arguments a user gave in the option *name*: a list of strings; empty for None.

    :raises TypeError: it is something else.
    """
    given = getattr(options, name)
    if given is None:
        return []
    if not isinstance(given, (list, tuple)) or not all(isinstance(word, str) for word in given):
        raise TypeError("%s is a list of strings, not %r" % (name, given))
    return list(given)


def _require_operand(name: "str", value: "object") -> "None":
    if value is not None and str(value)[:1] in ("", "-"):
        raise ValueError("%s cannot be %r: it would not be taken for a name" % (name, value))


def _as_declared(prompts: "object", _options: "Options") -> "object":
    return prompts


def _never(_options: "Options") -> "bool":
    return False


def _usual_python() -> "None":
    return None
