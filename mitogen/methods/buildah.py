"""A working container of Buildah."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", doc="Name or id of a working container.", is_operand=True),
    Option("buildah_path", "buildah", "The program."),
    Option("username", None, "User inside; the container's own choice when not given."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    user = [] if options.username is None else ["--user", options.username]
    return [options.buildah_path, "run", *user, options.container, "--", *remote_argv]


METHOD = Method(
    name="buildah",
    doc="A working container of Buildah.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "buildah.%s" % (options.container,),
)
