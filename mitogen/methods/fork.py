"""A copy of the process itself: with all that it has imported, and sharing its memory."""

from mitogen.methods.declaration import Method, Option

OPTIONS = (
    Option("on_fork", None, "Function called in the new process at once, before it is a context."),
    Option("on_start", None, "Function called there with the context, before it serves calls."),
    Option("importer", None, "Accepted; what has been fetched before is there in any case."),
)


METHOD = Method(
    name="fork",
    doc="A copy of the process itself, with all that it has imported.",
    options=OPTIONS,
    argv=None,
    default_name=lambda _options: "fork",
    is_fork=True,
)
