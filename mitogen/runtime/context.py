"""A context as seen from here, and chains of calls to it."""

import itertools
import os
import types

from mitogen.calls import Call
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.message import Message
from mitogen.runtime.receiver import Receiver
from mitogen.runtime.signals import Emitter
from mitogen.wire.handles import CALL_FUNCTION, CALL_SERVICE
from mitogen.wire.values import Kwargs, Reference

_FUNCTION_TYPES = (types.FunctionType, types.BuiltinFunctionType)
_chain_numbers = itertools.count(1)


class CallTarget:
    """The names under which another context finds a function."""

    __slots__ = ("class_name", "function", "module")

    def __init__(self, fn: "object") -> "None":
        """Find the names of *fn*.

        :raises TypeError: *fn* is no module-level function and no class method of a module-level
            class, so it cannot be found by name elsewhere.
        """
        owner = getattr(fn, "__self__", None)
        qualname = getattr(fn, "__qualname__", "")
        if isinstance(fn, types.MethodType) and isinstance(owner, type):
            if "." in owner.__qualname__:
                raise TypeError(_NOT_CALLABLE % (fn,))
            self.module, self.class_name = owner.__module__, owner.__qualname__
        elif isinstance(fn, _FUNCTION_TYPES) and "." not in qualname and "<" not in qualname:
            self.module, self.class_name = fn.__module__, None
        else:
            raise TypeError(_NOT_CALLABLE % (fn,))
        if self.module is None:
            raise TypeError(_NOT_CALLABLE % (fn,))
        self.function = fn.__name__


_NOT_CALLABLE = (
    "%r cannot be called in another context: only module-level functions and class methods of "
    "module-level classes can be found there by name (no lambda, closure, instance method)"
)


class CallChain:
    """Calls to *context* that share a fate when *pipelined*.

    In a pipelined chain the first call that fails makes every later one fail with the same error,
    without being executed, until `reset`. Calls can so be sent without waiting for each other.

    :param float timeout: seconds that `call` waits for a result, None for no limit.
    """

    def __init__(
        self, context: "Context", pipelined: "bool" = False, timeout: "float | None" = None
    ) -> "None":
        self.context = context
        self.chain_id = None
        self._timeout = timeout
        if pipelined:
            self.chain_id = "%d-%d-%d" % (
                context.router.identity.context_id,
                os.getpid(),
                next(_chain_numbers),
            )

    def _message(self, fn: "object", args: "tuple", kwargs: "dict") -> "Message":
        target = CallTarget(fn)
        call = Call(
            self.chain_id, target.module, target.class_name, target.function, args, kwargs
        )
        return Message.pickled(call.to_value(), handle=CALL_FUNCTION)

    def call(self, fn: "object", *args: "object", **kwargs: "object") -> "object":
        """Run ``fn(*args, **kwargs)`` in the context; return its result.

        :raises mitogen.core.CallError: it raised there.
        :raises mitogen.core.ChannelError: the context is gone.
        :raises mitogen.core.TimeoutError: no result within the chain's time-out; the function
            may still run.
        """
        receiver = self.call_async(fn, *args, **kwargs)
        try:
            return receiver.get(self._timeout).unpickle()
        except BaseException:
            receiver.close()
            raise

    def call_async(self, fn: "object", *args: "object", **kwargs: "object") -> "Receiver":
        """Like `call`, without waiting: the receiver gets the result message."""
        return self.context.send_async(self._message(fn, args, kwargs))

    def call_no_reply(self, fn: "object", *args: "object", **kwargs: "object") -> "None":
        """Like `call`, without a result; a failure is logged there (and kept in a chain)."""
        self.context.send(self._message(fn, args, kwargs))

    def reset(self) -> "None":
        """Forget the failure of a pipelined chain, behind all calls made so far."""
        if self.chain_id is not None:
            call = Call(None, "mitogen.child.dispatcher", None, "forget_chain", (self.chain_id,), {})
            self.context.send(Message.pickled(call.to_value(), handle=CALL_FUNCTION))

    def __enter__(self) -> "CallChain":
        return self

    def __exit__(self, *_exc: "object") -> "None":
        self.reset()


class Context(Reference, Emitter):
    """A Python interpreter somewhere in the tree. Equal when router and id are.

    Signal ``disconnect`` (no argument) fires on the broker thread when it is lost.
    """

    SIGNALS = ("disconnect",)
    wire_kind = "context"

    def __init__(self, router: "object", context_id: "int", name: "str | None" = None) -> "None":
        Emitter.__init__(self)
        self.router = router
        self.context_id = context_id
        self.name = name
        #: How the connection came about (controller/connection.py); None for contexts that
        #: somebody else connected.
        self.connection = None
        self.via = None
        self.default_call_chain = CallChain(self)

    def wire_fields(self) -> "list":
        """What identifies this context to another one."""
        return [self.context_id, self.name]

    def send(self, msg: "Message") -> "None":
        """Send *msg* to a handle of this context. Any thread."""
        msg.dst_id = self.context_id
        self.router.send(msg)

    def send_async(self, msg: "Message", persist: "bool" = False) -> "Receiver":
        """Send *msg*; return the receiver of the answer, or of several when *persist*."""
        receiver = Receiver(self.router, persist=persist, respondent=self)
        msg.dst_id = self.context_id
        msg.reply_to = receiver.handle
        self.router.send(msg)
        return receiver

    def send_await(self, msg: "Message", deadline: "float | None" = None) -> "object":
        """Send *msg* and return the value of the answer.

        :param float deadline: seconds to wait at most.
        :raises mitogen.core.TimeoutError: no answer in time.
        """
        receiver = self.send_async(msg)
        try:
            return receiver.get(deadline).unpickle()
        finally:
            receiver.close()

    def call(self, fn: "object", *args: "object", **kwargs: "object") -> "object":
        """Run ``fn(*args, **kwargs)`` here and return its result; see `CallChain.call`."""
        return self.default_call_chain.call(fn, *args, **kwargs)

    def call_async(self, fn: "object", *args: "object", **kwargs: "object") -> "Receiver":
        """Like `call`, without waiting: the receiver gets the result message."""
        return self.default_call_chain.call_async(fn, *args, **kwargs)

    def call_no_reply(self, fn: "object", *args: "object", **kwargs: "object") -> "None":
        """Like `call`, without a result; a failure is logged there."""
        self.default_call_chain.call_no_reply(fn, *args, **kwargs)

    def call_timeout(
        self, timeout: "float", fn: "object", *args: "object", **kwargs: "object"
    ) -> "object":
        """Like `call`, waiting at most *timeout* seconds.

        :raises mitogen.core.TimeoutError: no result in time; the function may still run.
        """
        return CallChain(self, timeout=timeout).call(fn, *args, **kwargs)

    def call_service_async(self, name: "str", method: "str", **kwargs: "object") -> "Receiver":
        """Call *method* of the service *name*; the receiver gets the result message."""
        value = [name, method, Kwargs(kwargs)]
        return self.send_async(Message.pickled(value, handle=CALL_SERVICE))

    def call_service(self, name: "str", method: "str", **kwargs: "object") -> "object":
        """Call *method* of the service *name* and return its result."""
        return self.call_service_async(name, method, **kwargs).get().unpickle()

    def shutdown(self, wait: "bool" = False, timeout: "float | None" = None) -> "None":
        """End the context, also when its main thread hangs.

        :param bool wait: return only when it is gone.
        :param float timeout: seconds to wait at most.
        :raises mitogen.core.TimeoutError: it is still there.
        """
        self.router.shut_down(self, Deadline(timeout) if wait else None)

    def __eq__(self, other: "object") -> "bool":
        return (
            isinstance(other, Context)
            and other.context_id == self.context_id
            and other.router is self.router
        )

    def __hash__(self) -> "int":
        return hash((id(self.router), self.context_id))

    def __repr__(self) -> "str":
        return "Context(%r, %r)" % (self.context_id, self.name)
