"""A context as seen from here, and chains of calls to it."""

import itertools
import os
import types

from mitogen.calls import encode_call, encode_target
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.message import Message
from mitogen.runtime.receiver import Answer, Receiver
from mitogen.runtime.signals import Emitter
from mitogen.wire.handles import CALL_FUNCTION, CALL_SERVICE
from mitogen.wire.values import Kwargs, Reference

_FUNCTION_TYPES = (types.FunctionType, types.BuiltinFunctionType)
#: Lets a pipelined chain go on after a failure.
_FORGET_CHAIN = encode_target("mitogen.child.dispatcher", None, "forget_chain")
#: Functions of which the encoded names are kept.
MAX_TARGETS = 1000
_chain_numbers = itertools.count(1)


def _target_of(fn: "object") -> "str":
    """The names under which another context finds *fn*, encoded.

    :raises TypeError: *fn* is no module-level function and no class method of a module-level
        class, so it cannot be found by name elsewhere.
    """
    owner = getattr(fn, "__self__", None)
    qualname = getattr(fn, "__qualname__", "")
    class_name = None
    if isinstance(fn, types.MethodType) and isinstance(owner, type):
        module, class_name = owner.__module__, owner.__qualname__
        is_findable = "." not in class_name
    elif isinstance(fn, _FUNCTION_TYPES):
        module = fn.__module__
        is_findable = "." not in qualname and "<" not in qualname
    else:
        is_findable = False
    if not is_findable or module is None:
        raise TypeError(_NOT_CALLABLE % (fn,))
    return encode_target(module, class_name, fn.__name__)


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
        targets = self.context.router.call_targets
        target = targets.get(fn)
        if target is None:
            if len(targets) > MAX_TARGETS:
                targets.clear()
            target = targets[fn] = _target_of(fn)
        data = encode_call(target, self.chain_id, args, kwargs)
        return Message(self.context.context_id, None, None, CALL_FUNCTION, 0, data)

    def call(self, fn: "object", *args: "object", **kwargs: "object") -> "object":
        """Run ``fn(*args, **kwargs)`` in the context; return its result.

        :raises mitogen.core.CallError: it raised there.
        :raises mitogen.core.ChannelError: the context is gone.
        :raises mitogen.core.TimeoutError: no result within the chain's time-out; the function
            may still run.
        """
        msg = self._message(fn, args, kwargs)
        answer = Answer()
        router = self.context.router
        msg.reply_to = router.add_handler(answer.put, None, False, None, self.context)
        try:
            if self._timeout is None:
                router.send(msg)
                return answer.get().unpickle()
            deadline = Deadline(self._timeout)
            router.send(msg, deadline)
            return answer.get(deadline.remaining()).unpickle()
        except BaseException:
            router.del_handler(msg.reply_to)
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
            data = encode_call(_FORGET_CHAIN, None, (self.chain_id,), {})
            self.context.send(Message(handle=CALL_FUNCTION, data=data))

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
