"""Process groups: what is ended together.

A process that leads a group cannot begin a session (setsid of POSIX), which a module may want to,
and may in stock Ansible. So a runner is in a group that nobody leads: it is begun by a process that
ends at once, and lasts as long as somebody is in it.
"""

import os


def begin() -> "int":
    """Begin a group; return its number, which is the pid of what holds it. See `let_go`."""
    try:
        # A third of what a fork costs: this process is large.
        return os.posix_spawn("/bin/sh", ["sh", "-c", ":"], {}, setpgroup=0)
    except (AttributeError, OSError):  # before 3.8, or no shell
        pid = os.fork()
    if not pid:
        enter(0, 0)
        os._exit(0)
    enter(pid, pid)
    return pid


def enter(pid: "int", group: "int") -> "None":
    """Have a process enter a group. It and its parent both do, for neither knows who is first.

    :param pid: 0 for this process.
    """
    try:
        os.setpgid(pid, group)
    except OSError:
        pass  # it has ended, or begun a session; the other one was first


def let_go(holder: "int") -> "None":
    """Collect the holder of a group that others are in by now."""
    os.waitpid(holder, 0)


def lives(group: "int") -> "bool":
    """Whether the process group has a member that has not ended; True when that cannot be seen."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return True
    is_seen = False
    for name in names:
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % (name,), "rb") as source:
                    # Behind the name, which may hold anything: state, parent, group.
                    state, _parent, other = source.read().rpartition(b")")[2].split()[:3]
            except (OSError, ValueError):
                continue
            is_seen = True
            if int(other) == group and state not in (b"Z", b"X"):
                return True
    return not is_seen
