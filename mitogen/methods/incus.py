"""A running instance of Incus."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name of a running instance; remote:name.", is_operand=True),
    Option("incus_path", "incus", "The client program."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    argv = [options.incus_path, "exec", "--mode=non-interactive", options.container]
    return [*argv, "--", *remote_argv]


METHOD = Method(
    name="incus",
    doc="A running instance of Incus.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "incus.%s" % (options.container,),
)
