"""Runs the functions others call here, one at a time, on the main thread."""

import sys

from mitogen.calls import Call, ChainFailures
from mitogen.errors import CallError
from mitogen.runtime.injection import takes_econtext
from mitogen.runtime.journal import LOG
from mitogen.runtime.message import has_parent_authority
from mitogen.runtime.receiver import Receiver
from mitogen.wire.handles import CALL_FUNCTION


class Dispatcher:
    """Takes calls from the queue of CALL_FUNCTION until it is closed.

    :param econtext: handed to functions that ask for it.
    """

    def __init__(self, econtext: "object") -> "None":
        self._econtext = econtext
        self.chain_failures = ChainFailures()
        self._is_dropping = False
        self._receiver = Receiver(
            econtext.router, handle=CALL_FUNCTION, policy=has_parent_authority
        )

    def run(self) -> "None":
        """Serve calls until `close`. Main thread."""
        for msg in self._receiver:
            if not self._is_dropping:
                self._dispatch(msg)

    def close(self, drop_waiting: "bool" = False) -> "None":
        """End `run` after the calls that have arrived, or only the one it is in. Any thread."""
        self._is_dropping = self._is_dropping or drop_waiting
        self._receiver.close()

    def _dispatch(self, msg: "object") -> "None":
        chain_id = None
        try:
            call = Call.from_value(msg.unpickle(throw=False))
            chain_id = call.chain_id
            failure = self.chain_failures.failure_of(chain_id)
            msg.reply(self._run(call) if failure is None else failure)
        except BaseException as exc:
            error = CallError.from_exception(exc)
            self.chain_failures.record(chain_id, error)
            if not msg.reply_to:
                LOG.error("a call without reply failed: %s", error)
            msg.reply(error)

    def _run(self, call: "Call") -> "object":
        owner = _module(call.module)
        if call.class_name is not None:
            owner = getattr(owner, call.class_name)
        fn = getattr(owner, call.function)
        kwargs = call.kwargs
        if getattr(fn, "mitogen_takes_econtext", False):
            kwargs = dict(kwargs, econtext=self._econtext)
        if getattr(fn, "mitogen_takes_router", False):
            kwargs = dict(kwargs, router=self._econtext.router)
        return fn(*call.args, **kwargs)


def _module(name: "str") -> "object":
    module = sys.modules.get(name)
    # What another thread is importing right now has to be waited for.
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        __import__(name)
        module = sys.modules[name]
    return module


@takes_econtext
def forget_chain(chain_id: "str", econtext: "object" = None) -> "None":
    """Let a pipelined chain go on after a failure."""
    econtext.dispatcher.chain_failures.reset(chain_id)
