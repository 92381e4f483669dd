"""A Docker container: one that runs, or a new one that is removed with the context."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("container", None, "Name or id of a running container.", is_operand=True),
    Option("image", None, "Image to run a new container of.", is_operand=True),
    Option("docker_path", "docker", "The client program."),
    Option("username", None, "User inside; the container's own choice when not given."),
    Option("docker_args", None, "More arguments for the client, a list: --host ..., ..."),
    Option("exec_args", None, "More arguments of exec or run, a list: -w folder, -e A=b, ..."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    client = [options.docker_path, *words_of(options, "docker_args")]
    more = words_of(options, "exec_args")
    if options.username is not None:
        more = ["--user", options.username, *more]
    if options.container is not None:
        argv = [*client, "exec", "--interactive", *more, options.container]
    else:
        argv = [*client, "run", "--interactive", "--rm", *more, options.image]
    return argv + remote_argv


def _check(options: "object") -> "None":
    if (options.container is None) == (options.image is None):
        raise TypeError("docker() needs one of container and image")
    for name in ("docker_args", "exec_args"):
        words_of(options, name)


METHOD = Method(
    name="docker",
    doc="A Docker container: one that runs, or a new one of an image.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "docker.%s" % (options.container or options.image,),
    check=_check,
)
