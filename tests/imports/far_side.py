"""A child interpreter for tests of the finder: asks its parent through its own stdin and stdout.

Runs on Python 3.6. Arguments: the folder with the target layers; what to do as a JSON object.
"""

import ast
import json
import os
import sys

REQUESTS = os.fdopen(os.dup(1), "w")
ANSWERS = os.fdopen(os.dup(0), "r")


def ask(wanted):
    """One round trip to the test."""
    from mitogen.wire.control import LoadModule

    REQUESTS.write(json.dumps(["ask", wanted.fullname]) + "\n")
    REQUESTS.flush()
    value = ast.literal_eval(ANSWERS.readline())
    if isinstance(value, str):
        from mitogen.errors import Error

        raise Error(value)
    return LoadModule.from_value(value)


def run(folder, task):
    """Install the finder and execute the task's script; its `result` is the answer."""
    # Neither this folder nor the current one is on a context's path.
    sys.path[:] = task["path"] + [entry for entry in sys.path[1:] if entry]
    sys.path.append(folder)
    import mitogen
    from mitogen.imports.finder import WireFinder
    from mitogen.imports.policy import ImportPolicy

    sys.path.remove(folder)
    mitogen.is_master = False
    finder = WireFinder(ask, ImportPolicy(task["whitelist"], task["blacklist"], task["overrides"]))
    finder.install()
    names = {"finder": finder}
    try:
        exec(compile(task["script"], "<script>", "exec"), names)
        answer = ["result", names.get("result")]
    except BaseException as exc:
        import traceback

        answer = ["raised", type(exc).__name__, str(exc), traceback.format_exc()]
    REQUESTS.write(json.dumps(answer) + "\n")
    REQUESTS.flush()


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]))
