"""What the conformance suite calls in the contexts it looks at. Python 3.6, standard library."""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time

from mitogen.runtime.deadline import Deadline


def echo(value: "object") -> "object":
    """The argument."""
    return value


def process_id() -> "int":
    """Of this context."""
    return os.getpid()


def fail(text: "str") -> "None":
    """Raise a ValueError."""
    raise ValueError(text)


def unsendable() -> "object":
    """What does not travel."""
    return object()


def speak(text: "str") -> "None":
    """Print, on stdout, on stderr, and by a program."""
    sys.stdout.write(text + " on stdout\n")
    sys.stderr.write(text + " on stderr\n")
    subprocess.check_call(["echo", text + " by a program"])


def log(name: "str", text: "str") -> "None":
    """Make a log record."""
    logging.getLogger(name).warning(text)


def kill_oneself() -> "None":
    """End this process without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    # The first process of a container cannot be killed from inside.
    os._exit(1)


def has_ended(pid: "int", seconds: "float") -> "bool":
    """Whether the process ends in that time; one that nobody has collected has ended, too."""
    deadline = Deadline(seconds)
    while _is_alive(pid):
        if not deadline.remaining():
            return False
        time.sleep(0.01)
    return True


def _is_alive(pid: "int") -> "bool":
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        with open("/proc/%d/stat" % pid, "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except FileNotFoundError:
        return not os.path.exists("/proc/self/stat")
    except ProcessLookupError:
        return False


#: Bytes of no encoding, what looks like the beginning of what we look for, no end of the line.
NOISE = r"""
printf 'Welcome!\r\n\033[1m\377\376\nMITOGEN1\nMITOGEN1 0 (3, 6, 0)\n%070000d' 7
printf 'tput: no terminal\n\377\033[0m' >&2
exec "$0" "$@"
"""


def write_noisy_python() -> "str":
    """The path of a shell script that says a lot and then becomes this Python."""
    fd, path = tempfile.mkstemp(prefix="mitogen-noise-")
    with os.fdopen(fd, "w") as script:
        script.write(NOISE.replace('"$0"', "'%s'" % (sys.executable,)))
    return path


def remove(path: "str") -> "None":
    """Remove a file."""
    os.unlink(path)
