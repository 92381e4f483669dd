"""Dies in the way it is asked to, with a temporary folder made and a word said."""

import ctypes
import os
import resource
import signal
import sys

from ansible.module_utils.basic import AnsibleModule


def die(how, fifo):
    """Does not return."""
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "terminated":
        os.kill(os.getpid(), signal.SIGTERM)
    if how == "orphaned":
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(0)
    if how == "exits":
        os._exit(3)
    if how == "crashes":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    if how == "out of memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(1 << 40)
    if how == "hangs":
        with open(fifo) as stream:  # until somebody writes
            stream.read()
    raise RuntimeError("still alive")


def main():
    """Make the folder, then die."""
    module = AnsibleModule(
        argument_spec={"how": {"type": "str"}, "fifo": {"type": "path"}},
    )
    with open(os.path.join(module.tmpdir, "content"), "w") as target:
        target.write("x")
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    die(module.params["how"], module.params["fifo"])


if __name__ == "__main__":
    main()
