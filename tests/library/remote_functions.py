"""Functions that the tests call in other contexts. Runs on every Python from 3.6 on."""

import logging
import os
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

    return os.getpid(), os.getppid(), mitogen.context_id, list(mitogen.parent_ids), mitogen.is_master


def version():
    return list(sys.version_info[:3])


def user_id():
    return os.getuid()


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


def hang():
    while True:
        time.sleep(3600)


def ignore_term_and_hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


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
def descend(depth, router):
    if depth == 0:
        return [os.getpid()]
    return [os.getpid()] + router.local().call(descend, depth - 1)


class Greeter:
    greeting = "hello"

    @classmethod
    def greet(cls, name):
        return "%s %s" % (cls.greeting, name)

    def method(self):
        return None
