"""A reusable runner: a process for one module after the other, as long as each leaves nothing.

What a module leaves and cannot be put back (see `surroundings`) makes it the last one here: the
process ends with it, as a one-shot runner does, and the next job gets another.
"""

import _socket as socket
import _thread
import atexit
import gc
import os
import time

from ansible_mitogen.target import (
    channel,
    departure,
    fresh,
    leftovers,
    records,
    runner,
    standard_streams,
)
from ansible_mitogen.target.inbox import Inbox
from ansible_mitogen.target.names import local, local_items
from ansible_mitogen.target.surroundings import Surroundings


def serve(
    fd: "int", closures: "dict", closure: "object", image: "object", folder: "object"
) -> "None":
    """Run the modules that come over the socket *fd*. Does not return.

    :param closures: files by the numbers of closures, as far as the zygote knows them.
    :param closure: where files are shown.
    :param image: what is loaded.
    :param folder: where modules start.
    """
    ReusableRunner(socket.socket(fileno=fd), closures, closure, image, folder).run()
    os._exit(0)


class ReusableRunner:
    """See the module."""

    def __init__(
        self,
        sock: "socket.socket",
        closures: "dict",
        closure: "object",
        image: "object",
        folder: "object",
    ) -> "None":
        self._sock = sock
        self._inbox = Inbox(sock)
        self._closures = closures
        self._closure = closure
        self._image = image
        self._folder = folder
        self._pid = os.getpid()
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._known = self._identities()
        self._put_aside()
        # Once, for its hook stays; what belongs on the path is looked at between jobs.
        self._closure.enter()
        self._closure.leave()
        self._surroundings = Surroundings(image.names(), self._null)
        if hasattr(gc, "freeze"):  # not on 3.6
            gc.freeze()

    def run(self) -> "None":
        """Serve until the context closes the socket."""
        while True:
            messages = self._inbox.receive()
            if messages is None:
                return
            for message in messages:
                self._start(message)

    def _start(self, message: "channel.Start") -> "None":
        descriptors = self._inbox.take(2)
        files = self._closures.get(message.closure)
        if files is None or self._image.is_outdated():
            channel.close_all(descriptors)
            self._tell(channel.Missing(message.number, []))
            return
        job = records.job_from_value(message.job)
        job.files = files
        if _needs_own(local_items(job.environment)):
            channel.close_all(descriptors)
            self._tell(channel.Refused(message.number, "its environment"))
            return
        self._tell(channel.Began(message.number))
        for number, fd in enumerate(descriptors, 1):
            os.dup2(fd, number)
            os.close(fd)
        self._tell(channel.Ended(message.number, self._run(job) << 8))

    def _tell(self, message: "channel.Message") -> "None":
        self._sock.sendall(channel.encode(message))

    def _run(self, job: "records.ModuleJob") -> "int":
        """Run the module to its end; the exit status."""
        leftovers.mark(job.job_id)
        self._closure.show(job.files)
        self._folder.begin()
        runner.enter_folder(None if job.cwd is None else local(job.cwd))
        os.environ.update(local_items(job.environment))
        time.tzset()
        standard_streams.coerce_locale()
        status = runner.run_main(job, self._closure)
        is_fork = os.getpid() != self._pid
        if is_fork or _thread._count():
            departure.leave(status)
        try:
            atexit._run_exitfuncs()
        except BaseException:
            pass  # as at the end of an interpreter
        gc.collect()  # see departure.leave
        is_written = departure.flush()
        if not is_written or not self._is_as_it_was(job):
            os._exit(departure.final_status(status, is_written))
        return status

    def _is_as_it_was(self, job: "records.ModuleJob") -> "bool":
        try:
            if self._identities() != self._known:
                return False  # closed, and maybe something else by now
            self._put_aside()
            return self._surroundings.restore(job.module_fqn)
        except Exception:  # such as that of a standard stream that is in pieces
            return False

    def _identities(self) -> "list":
        """What our own descriptors are."""
        return [os.fstat(fd)[1:3] for fd in (self._sock.fileno(), self._null)]

    def _put_aside(self) -> "None":
        """Have nothing of a job as standard streams."""
        for number in range(3):
            os.dup2(self._null, number)


def _needs_own(environment: "dict") -> "bool":
    """Whether a task with these variables needs a process of its own."""
    if not environment:
        return False
    return fresh.is_needed(environment) or not standard_streams.has_same_locale(environment)
