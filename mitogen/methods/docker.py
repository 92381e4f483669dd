"""A Docker container: one that runs, or a new one that is removed with the context."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("container", None, "Name or id of a running container.", is_operand=True),
    Option("image", None, "Image to run a new container of.", is_operand=True),
    Option("docker_path", "docker", "The client program."),
    Option("username", None, "User inside; the container's own choice when not given."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    user = [] if options.username is None else ["--user", options.username]
    if options.container is not None:
        argv = [options.docker_path, "exec", "--interactive", *user, options.container]
    else:
        argv = [options.docker_path, "run", "--interactive", "--rm", *user, options.image]
    return argv + remote_argv


def _check(options: "object") -> "None":
    if (options.container is None) == (options.image is None):
        raise TypeError("docker() needs one of container and image")


METHOD = Method(
    name="docker",
    doc="A Docker container: one that runs, or a new one of an image.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "docker.%s" % (options.container or options.image,),
    check=_check,
)
