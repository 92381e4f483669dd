"""Stops the threads of this library for the moment of a fork, where they hold no lock."""

import threading

from mitogen.errors import Error, TimeoutError
from mitogen.runtime.deadline import Deadline

#: Seconds in which a thread comes to the end of what it is doing.
PATIENCE = 30.0


class Corker:
    """Holds up the threads of *brokers* and service *pools* between `cork` and `uncork`.

    A program that forks by itself wraps the fork in the two.
    """

    def __init__(self, brokers: "tuple" = (), pools: "tuple" = ()) -> "None":
        self._brokers = tuple(brokers)
        self._pools = tuple(pools)
        self._gate = threading.Lock()
        self._arrivals = threading.Semaphore(0)

    def cork(self) -> "None":
        """Return once all of them stand still. Not on one of them.

        :raises mitogen.core.Error: a broker has ended.
        :raises mitogen.core.TimeoutError: one of them is too busy.
        """
        self._gate.acquire()
        deadline = Deadline(PATIENCE)
        try:
            # What a pool is at may need a broker to be finished.
            for pool in self._pools:
                self._stop(pool, pool.size, deadline)
            for broker in self._brokers:
                self._stop(broker, 1, deadline)
        except BaseException:
            self._gate.release()
            raise

    def _stop(self, owner: "object", threads: "int", deadline: "Deadline") -> "None":
        for _ in range(threads):
            owner.defer(self._hold)
        for _ in range(threads):
            if not self._arrivals.acquire(timeout=deadline.remaining()):
                raise TimeoutError("a thread did not stop within %d seconds" % (PATIENCE,))

    def _hold(self) -> "None":
        self._arrivals.release()
        with self._gate:
            pass

    def uncork(self) -> "None":
        """Let them go on, in the process that has them.

        :raises mitogen.core.Error: they were not stopped.
        """
        if not self._gate.locked():
            raise Error("nothing is corked")
        self._gate.release()
