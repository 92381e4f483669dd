"""A running container of LXC, through lxc-attach."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name of a running container.", is_operand=True),
    Option("lxc_attach_path", "lxc-attach", "The program."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    # Without the first one the environment out here, its HOME and PATH, goes in.
    argv = [options.lxc_attach_path, "--clear-env", "--name", options.container]
    return [*argv, "--", *remote_argv]


METHOD = Method(
    name="lxc",
    doc="A running container of LXC, through lxc-attach.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "lxc.%s" % (options.container,),
)
