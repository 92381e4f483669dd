"""Run Python functions on other machines, as other users, in containers: anywhere Python is.

The module attributes describe this process: the program that started everything is the master,
context 0; any other process is a context with parents.
"""

#: An independent implementation of the Mitogen API.
__version__ = (1, 0, 0, "dev0")

is_master = True
context_id = 0
parent_id = None
parent_ids = []


def main(log_level: "str" = "INFO", profiling: "bool | None" = None) -> "object":  # noqa: ARG001
    """Decorator: run ``func(router)`` at once when its module is the program's main one.

    In children, which import the same module, nothing happens.

    :param log_level: for records of this process and its children; see `mitogen.utils.log_to_file`.
    :param profiling: accepted for compatibility.
    """

    def decorate(func: "object") -> "object":
        if func.__module__ == "__main__" and is_master:
            import mitogen.utils  # here: children have no use for it

            mitogen.utils.log_to_file(level=log_level)
            mitogen.utils.run_with_router(func)
        return func

    return decorate
