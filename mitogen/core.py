"""The documented import path of everything a context has: messages, queues, errors, values."""

from mitogen.errors import (
    CallError,
    ChannelError,
    Error,
    LatchError,
    SecurityError,
    StreamError,
    TimeoutError,
)
from mitogen.runtime.broker import Broker
from mitogen.runtime.context import CallChain, Context
from mitogen.runtime.injection import takes_econtext, takes_router
from mitogen.runtime.latch import Latch
from mitogen.runtime.message import Message, has_parent_authority
from mitogen.runtime.receiver import Channel, Receiver, Sender
from mitogen.runtime.router import Router
from mitogen.runtime.signals import fire, listen, unlisten
from mitogen.runtime.stream import Stream
from mitogen.wire.handles import (
    ADD_ROUTE,
    ALLOCATE_ID,
    CALL_FUNCTION,
    CALL_SERVICE,
    DEL_ROUTE,
    DETACHING,
    FORWARD_LOG,
    FORWARD_MODULE,
    GET_MODULE,
    IS_DEAD,
    LOAD_MODULE,
    SHUTDOWN,
)
from mitogen.wire.values import Blob, Kwargs, Secret
from mitogen.wire.values import Dead as _DEAD  # noqa: N814 - the documented name

__all__ = [
    "ADD_ROUTE", "ALLOCATE_ID", "CALL_FUNCTION", "CALL_SERVICE", "DEL_ROUTE", "DETACHING",
    "FORWARD_LOG", "FORWARD_MODULE", "GET_MODULE", "IS_DEAD", "LOAD_MODULE", "SHUTDOWN",
    "_DEAD", "Blob", "Broker", "CallChain", "CallError", "Channel", "ChannelError", "Context",
    "Error", "Kwargs", "Latch", "LatchError", "Message", "Receiver", "Router", "Secret",
    "SecurityError", "Sender", "Stream", "StreamError", "TimeoutError", "fire",
    "has_parent_authority", "listen", "takes_econtext", "takes_router", "unlisten",
]
