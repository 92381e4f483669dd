"""Whatever a command leads to that runs the words behind it: chroot, nsenter, nice, ..."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("argv", doc="The command, a list; what it shall run is put behind it, word by word."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    return words_of(options, "argv") + remote_argv


def _check(options: "object") -> "None":
    if not words_of(options, "argv"):
        raise TypeError("command() needs an argv of at least one word")


METHOD = Method(
    name="command",
    doc="Whatever a command leads to that runs the words behind it.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "command.%s" % (options.argv[0].rpartition("/")[2],),
    check=_check,
)
