"""A running Podman container."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name or id of a running container.", is_operand=True),
    Option("podman_path", "podman", "The program."),
    Option("username", None, "User inside; the container's own choice when not given."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    user = [] if options.username is None else ["--user", options.username]
    return [options.podman_path, "exec", "--interactive", *user, options.container, *remote_argv]


METHOD = Method(
    name="podman",
    doc="A running Podman container.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "podman.%s" % (options.container,),
)
