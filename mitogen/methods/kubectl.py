"""A container of a Kubernetes pod."""

from mitogen.methods.declaration import Method, Option, words_of

OPTIONS = (
    Option("pod", doc="The pod, or a type and name such as deploy/web.", is_operand=True),
    Option("kubectl_path", "kubectl", "The client program."),
    Option("kubectl_args", None, "More arguments for it, a list: -c container, -n namespace, ..."),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    # Behind `exec`, where kubectl takes its general options as well as those of exec.
    more = words_of(options, "kubectl_args")
    return [options.kubectl_path, "exec", "--stdin", *more, options.pod, "--", *remote_argv]


METHOD = Method(
    name="kubectl",
    doc="A container of a Kubernetes pod.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "kubectl.%s" % (options.pod,),
    check=lambda options: words_of(options, "kubectl_args"),
)
