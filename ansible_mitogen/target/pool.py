"""The reusable runners of a context. Broker thread."""

import _socket as socket

from ansible_mitogen.target import channel
from ansible_mitogen.target.link import Link

#: Seconds after which a runner that has nothing to do ends, and how many may have nothing to do.
IDLE_SECONDS = 10.0
MAX_IDLE = 4


class Runner:
    """A reusable runner; `job` is the PendingJob that it runs, None while it waits for one.

    :param number: the zygote's name for it.
    :param last_closure: the highest number of a closure that it knows.
    """

    __slots__ = ("has_begun", "job", "last_closure", "link", "number", "timer")

    def __init__(self, number: "int", last_closure: "int") -> "None":
        self.number = number
        self.last_closure = last_closure
        self.link = None
        self.job = None
        #: Whether it said so of its job.
        self.has_begun = False
        self.timer = None


class RunnerPool:
    """Finds a runner for each job.

    :param spawn: called with a descriptor, has the zygote fork a runner, and returns its number.
    :param on_message: called with a runner and what it said.
    """

    def __init__(self, broker: "object", spawn: "object", on_message: "object") -> "None":
        self._broker = broker
        self._spawn = spawn
        self._on_message = on_message
        self._runners = {}

    def start(
        self, job: "object", message: "channel.Start", descriptors: "tuple", last_closure: "int"
    ) -> "Runner":
        """Have an idle runner, or a new one, run the job of this message.

        :param last_closure: the highest number of a closure that the zygote knows.
        """
        runner = self._take(message.closure) or self._make(last_closure)
        runner.job = job
        runner.has_begun = False
        runner.link.send(message, descriptors)
        return runner

    def release(self, runner: "Runner") -> "None":
        """The job of *runner* has ended and it can take another."""
        idle = [one for one in self._runners.values() if one.timer is not None]
        if len(idle) >= MAX_IDLE:
            self.drop(runner)
        else:
            runner.timer = self._broker.timers.after(IDLE_SECONDS, lambda: self.drop(runner))

    def drop(self, runner: "Runner") -> "None":
        """Give it no more jobs: it ends when it has no other."""
        self._runners.pop(runner.number, None)
        _stop_timer(runner)
        runner.link.close()

    def ended(self, number: "int") -> "Runner | None":
        """The process that the zygote knows by *number* has ended; the runner, if it is one."""
        runner = self._runners.get(number)
        if runner is not None:
            runner.link.drain()
            self.drop(runner)
        return runner

    def close(self) -> "None":
        """Drop all of them."""
        for runner in list(self._runners.values()):
            self.drop(runner)

    def drop_idle(self) -> "None":
        """Drop those that have no job, for what they know is not true any more."""
        for runner in list(self._runners.values()):
            if runner.job is None:
                self.drop(runner)
            runner.last_closure = 0

    def close_in_fork(self) -> "None":
        """This is a forked process."""
        for runner in self._runners.values():
            runner.link.close_in_fork()

    def _take(self, closure: "int") -> "Runner | None":
        for runner in list(self._runners.values()):
            if runner.job is None:
                if closure <= runner.last_closure:
                    _stop_timer(runner)
                    return runner
                self.drop(runner)  # a new one knows all that this one does, and this closure
        return None

    def _make(self, last_closure: "int") -> "Runner":
        ours, theirs = socket.socketpair()
        runner = Runner(self._spawn(theirs.detach()), last_closure)
        runner.link = Link(
            self._broker,
            ours,
            lambda answer: self._on_message(runner, answer),
            lambda _reason: None,  # the zygote says how it ended
        )
        self._runners[runner.number] = runner
        return runner


def _stop_timer(runner: "Runner") -> "None":
    if runner.timer is not None:
        runner.timer.cancel()
        runner.timer = None
