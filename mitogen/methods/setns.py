"""A running container, entered by its namespaces: without its manager's help, and as its root.

The leader of the container is asked of its manager, by a program that runs where the context is
started from, as the link's first process; it needs root there. It is a Python one, since a change
of account has to happen with the container's own list of them, behind the namespaces. Limits that
the manager sets on its own, of capabilities or resources, do not hold for what is started this way.
"""

import re
import sys

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import NamespaceError
from mitogen.methods.declaration import Method, Option

#: For each kind, the option that names its manager's program, and what that is asked: it answers
#: with the leader's pid, alone in a line or as one value of several.
KINDS = {
    "docker": ("docker_path", ["inspect", "--type=container", "--format={{.State.Pid}}"]),
    "podman": ("podman_path", ["inspect", "--type=container", "--format={{.State.Pid}}"]),
    "lxc": ("lxc_info_path", ["--no-humanize", "--pid", "--name"]),
    "lxd": ("lxc_path", ["info"]),
    "incus": ("incus_path", ["info"]),
    "machinectl": ("machinectl_path", ["show", "--property=Leader"]),
    "nspawn": ("machinectl_path", ["show", "--property=Leader"]),
}

OPTIONS = (
    Option("container", doc="Name of a running container.", is_operand=True),
    Option("kind", doc="What runs it: docker, podman, lxc, lxd, incus, machinectl, nspawn."),
    Option("username", "root", "User inside, of the container's own /etc/passwd."),
    Option("docker_path", "docker", "The program that is asked for the leader."),
    Option("podman_path", "podman", "The same."),
    Option("lxc_path", "lxc", "The same, of LXD."),
    Option("lxc_info_path", "lxc-info", "The same, of LXC."),
    Option("incus_path", "incus", "The same."),
    Option("machinectl_path", "machinectl", "The same, of machinectl and nspawn."),
)

#: Its arguments: user, number of words of the manager's command, those words, what to run inside.
PROGRAM = r"""
import os, re, subprocess, sys

def fail(text, *more):
    sys.stderr.write("setns: %s\n" % " ".join((text % more).split()))
    sys.exit(1)

def leader(argv):
    try:
        done = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = done.communicate()
    except OSError as exc:
        fail("%s: %s", argv[0], exc.strerror)
    if done.returncode:
        fail("%s", (err or out).decode("utf-8", "replace"))
    found = re.search(br"(?im)^(?:leader=|pid: *)?([1-9][0-9]*)\s*$", out)
    return found.group(1).decode() if found else fail("%s does not run", argv[-1])

def entries(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return [line.rstrip("\n").split(":") for line in lines]
    except FileNotFoundError:
        return []

def enter(pid):
    setns = getattr(os, "setns", None)
    if setns is None:
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        def setns(fd, kind):
            if libc.setns(fd, kind):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    # That of users last: what it takes to enter the others is lost with it.
    names = ["cgroup", "ipc", "uts", "net", "pid", "mnt", "user"]
    path = "/proc/%s/" % pid
    names = [n for n in names if os.path.exists(path + "ns/" + n)
             and not os.path.samefile(path + "ns/" + n, "/proc/self/ns/" + n)]
    fds = [os.open(path + "ns/" + name, os.O_RDONLY) for name in names]
    root = os.open(path + "root", os.O_RDONLY)
    last = names[-1:] == ["user"] and fds.pop()
    for fd in fds:
        setns(fd, 0)
    os.fchdir(root)
    os.chroot(".")
    os.chdir("/")
    if last:
        setns(last, 0)
    return "pid" in names

def run(user, environ, argv):
    accounts = [*entries("/etc/passwd"), ["root", "", "0", "0", "", "/root", ""]]
    account = [e for e in accounts if len(e) > 6 and user in (e[0], e[2])]
    if not account:
        fail("the container has no user %s", user)
    name, _, uid, gid, _, home, _ = account[0][:7]
    groups = [int(e[2]) for e in entries("/etc/group") if e[3:] and name in e[3].split(",")]
    os.setgroups(sorted({int(gid), *groups}))
    os.setgid(int(gid))
    os.setuid(int(uid))
    environ.update(HOME=home, USER=name, LOGNAME=name)
    environ.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    os.execvpe(argv[0], argv, environ)

def main(user, count, *words):
    count = int(count)
    pid = leader(words[:count])
    with open("/proc/%s/environ" % pid, errors="surrogateescape") as said:
        environ = dict(v.split("=", 1) for v in said.read().split("\0") if "=" in v)
    child = 0
    if enter(pid):
        # One becomes a member of another pid namespace by birth only.
        child = os.fork()
    if not child:
        run(user, environ, list(words[count:]))
    status = os.waitpid(child, 0)[1]
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))

is_root = os.geteuid() == 0
try:
    main(*sys.argv[1:])
except OSError as exc:
    fail("%s%s", exc, "" if is_root else " (it takes root)")
"""


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    path_option, words = KINDS[options.kind]
    asking = [getattr(options, path_option), *words, options.container]
    python = [sys.executable or "python3", "-ISc", PROGRAM.strip()]
    return [*python, options.username, str(len(asking)), *asking, *remote_argv]


def _check(options: "object") -> "None":
    if options.kind not in KINDS:
        raise ValueError("kind is one of %s, not %r" % (", ".join(KINDS), options.kind))


METHOD = Method(
    name="setns",
    doc="A running container, entered by its namespaces, which takes root where it starts.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "setns.%s" % (options.container,),
    prompts=PromptTable((), (Refusal(re.compile(rb"^setns: "), NamespaceError),)),
    check=_check,
)
