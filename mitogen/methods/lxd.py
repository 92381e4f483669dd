"""A running instance of LXD, through lxc exec."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name of a running instance; remote:name.", is_operand=True),
    Option("lxc_path", "lxc", "The client program."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    argv = [options.lxc_path, "exec", "--mode=non-interactive", options.container]
    return [*argv, "--", *remote_argv]


METHOD = Method(
    name="lxd",
    doc="A running instance of LXD, through lxc exec.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "lxd.%s" % (options.container,),
)
