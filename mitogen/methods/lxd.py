"""A running instance of LXD, through lxc exec."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("container", doc="Name of a running instance; remote:name.", is_operand=True),
    Option("lxc_path", "lxc", "The client program."),
    Option("lxc_args", None, "More arguments, in front of its command, a list."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    client = [options.lxc_path, *words_of(options, "lxc_args")]
    argv = [*client, "exec", "--mode=non-interactive", options.container]
    return [*argv, "--", *remote_argv]


METHOD = Method(
    name="lxd",
    doc="A running instance of LXD, through lxc exec.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "lxd.%s" % (options.container,),
    check=lambda options: words_of(options, "lxc_args"),
)
