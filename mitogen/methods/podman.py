"""A running Podman container."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("container", doc="Name or id of a running container.", is_operand=True),
    Option("podman_path", "podman", "The program."),
    Option("username", None, "User inside; the container's own choice when not given."),
    Option("podman_args", None, "More arguments in front of its command, a list."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    user = [] if options.username is None else ["--user", options.username]
    argv = [options.podman_path, *words_of(options, "podman_args"), "exec", "--interactive", *user]
    return [*argv, options.container, *remote_argv]


METHOD = Method(
    name="podman",
    doc="A running Podman container.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "podman.%s" % (options.container,),
    check=lambda options: words_of(options, "podman_args"),
)
