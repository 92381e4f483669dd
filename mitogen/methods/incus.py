"""A running instance of Incus."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("container", doc="Name of a running instance; remote:name.", is_operand=True),
    Option("incus_path", "incus", "The client program."),
    Option("incus_args", None, "More arguments, in front of its command, a list."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    client = [options.incus_path, *words_of(options, "incus_args")]
    argv = [*client, "exec", "--mode=non-interactive", options.container]
    return [*argv, "--", *remote_argv]


METHOD = Method(
    name="incus",
    doc="A running instance of Incus.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "incus.%s" % (options.container,),
    check=lambda options: words_of(options, "incus_args"),
)
