"""A running jail of FreeBSD, through jexec."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name or number of a running jail.", is_operand=True),
    Option("jexec_path", "/usr/sbin/jexec", "The program."),
    Option("username", None, "User inside, of the jail's own; root when not given."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    user = [] if options.username is None else ["-U", options.username]
    return [options.jexec_path, *user, str(options.container), *remote_argv]


METHOD = Method(
    name="jail",
    doc="A running jail of FreeBSD, through jexec.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "jail.%s" % (options.container,),
)
