"""Processes of children end, and are waited for; a stubborn one gets TERM, then KILL."""

import logging

LOG = logging.getLogger("mitogen")

#: Seconds a process has to end after its link was closed, and again after TERM.
PATIENCE = 1.0
FIRST_DELAY = 0.005
LONGEST_DELAY = 0.2
#: Seconds a killed process gets to be collected at the very end.
LAST_WAIT = 1.0


class Reaper:
    """Watches one process from the moment nobody needs it any more. Broker thread.

    There is no SIGCHLD handler, which belongs to the program; the delays between looks double.
    """

    def __init__(self, broker: "object", process: "object") -> "None":
        self._broker = broker
        self._process = process
        self._delay = FIRST_DELAY
        self._steps = [process.terminate, process.kill]
        self._next_step_at = broker.timers.clock() + PATIENCE
        if broker.is_exiting:
            self._on_exit()
            return
        broker.hold(self)
        broker.listen("exit", self._on_exit)
        self._look()

    def _look(self) -> "None":
        if self._process.poll() is not None:
            self._broker.release(self)
            self._broker.unlisten("exit", self._on_exit)
            return
        now = self._broker.timers.clock()
        if self._steps and now >= self._next_step_at:
            _strike(self._steps.pop(0))
            self._next_step_at = now + PATIENCE
        self._broker.timers.after(self._delay, self._look)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _on_exit(self) -> "None":
        if self._process.wait(FIRST_DELAY) is None:
            LOG.debug("%r is still there at the end and is killed", self._process)
            _strike(self._process.kill)
            self._process.wait(LAST_WAIT)


def _strike(step: "object") -> "None":
    try:
        step()
    except PermissionError:
        pass  # sudo runs as somebody else: it ends because its link was closed, or not at all
