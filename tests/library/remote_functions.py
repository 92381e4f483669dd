"""Functions that the tests call in other contexts. Runs on every Python from 3.6 on."""

import atexit
import logging
import os
import pwd
import signal
import subprocess
import sys
import threading
import time

import mitogen.core


def echo(value):
    return value


def identity():
    import mitogen

    return (
        os.getpid(),
        os.getppid(),
        mitogen.context_id,
        list(mitogen.parent_ids),
        mitogen.is_master,
    )


def version():
    return list(sys.version_info[:3])


def user_id():
    return os.getuid()


def user_name():
    return pwd.getpwuid(os.getuid()).pw_name


def environment(name):
    return os.environ.get(name)


def surroundings():
    """Where this process is, and as whom."""
    spaces = [os.readlink("/proc/self/ns/" + name) for name in ("mnt", "pid", "ipc", "uts", "net")]
    variables = {name: os.environ.get(name) for name in ("HOME", "PATH")}
    groups = sorted({os.getgid(), *os.getgroups()})
    return spaces, os.getuid(), os.getgid(), groups, variables, sorted(os.listdir("/"))


def executable():
    return sys.executable


def command_line():
    with open("/proc/self/cmdline", "rb") as fp:
        return fp.read().replace(b"\0", b" ").strip().decode()


def parent_command_line_count():
    """How many ancestors of this process are Python interpreters that hold our name."""
    return os.getppid()


def fail(text):
    raise ValueError(text)


def leave(status):
    sys.exit(status)


def unsendable():
    return object()


def large(size):
    return b"x" * size


def remember(value, store=[]):  # noqa: B006 - the state between calls is the point
    store.append(value)
    return list(store)


def speak(text):
    print(text)
    sys.stderr.write(text + " on stderr\n")
    subprocess.check_call(["echo", text + " from a program"])


def record(name, text):
    logging.getLogger(name).warning(text)


def say_at_exit(text):
    atexit.register(sys.stdout.write, text)


def write_bytes(data):
    os.write(1, data)


def root_level():
    return logging.getLogger().level


def log_often(count):
    for number in range(count):
        logging.getLogger("flood").warning("record %d of many", number)


def hang():
    while True:
        time.sleep(3600)


def ignore_term_and_hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def start_program(*argv):
    """A process that holds the standard output of this one, and lives on."""
    return subprocess.Popen(argv).pid


def fork_daemon():
    """A process forked from this one, as daemons are: no exec, all descriptors inherited."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    while True:
        time.sleep(3600)


def fork_and_log():
    """A forked process that logs, prints and ends like any other."""
    pid = os.fork()
    if not pid:
        logging.getLogger("forked").error("not heard")
        print("printed in a fork")
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def start_thread():
    """A thread that never ends and is no daemon."""
    threading.Thread(target=hang).start()


def hold_output():
    """Print without end."""
    while True:
        sys.stdout.write("x" * 1000 + "\n")


@mitogen.core.takes_econtext
def detach(econtext):
    econtext.detach()
    return os.getpid()


def wait_for_orphanage(path, sender):
    """Say that this runs, live on until the parent is gone, then say so in a file."""
    parent = os.getppid()
    sender.send("running")
    while os.getppid() == parent:
        time.sleep(0.01)
    with open(path, "w") as fp:
        fp.write("alone")


def descriptors():
    return sorted(
        os.readlink("/proc/self/fd/%s" % fd)
        for fd in os.listdir("/proc/self/fd")
        if os.path.lexists("/proc/self/fd/%s" % fd)
    )


def thread_names():
    return sorted(thread.name for thread in threading.enumerate())


def call_back(context, value):
    return context.call(echo, value)


def send_to(sender, value):
    sender.send(value)


@mitogen.core.takes_router
def local_child(router):
    return router.local()


@mitogen.core.takes_router
def local_child_with(python_path, router):
    return router.local(python_path=python_path)


def arguments():
    return sys.argv


@mitogen.core.takes_router
def descend(depth, router):
    if depth == 0:
        return [os.getpid()]
    return [os.getpid()] + router.local().call(descend, depth - 1)


@mitogen.core.takes_router
def select_children(count, router):
    import mitogen.select

    receivers = [router.local().call_async(echo, number) for number in range(count)]
    return [msg.unpickle() for msg in mitogen.select.Select(receivers)]


class Greeter:
    greeting = "hello"

    @classmethod
    def greet(cls, name):
        return "%s %s" % (cls.greeting, name)

    def method(self):
        return None
