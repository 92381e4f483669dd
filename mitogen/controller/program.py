"""Conveniences for programs: a router for one function, logging, plain values."""

import functools
import logging
import os
import sys

import mitogen.master
from mitogen.wire.values import Blob, Kwargs, Reference, Secret

_TRAVELLING = (Blob, Kwargs, Secret, Reference)
_SCALARS = (bool, bytearray, bytes, float, int, str)


def run_with_router(func: "object", *args: "object", **kwargs: "object") -> "object":
    """Call ``func(router, *args, **kwargs)`` with a new router; everything ends with it.

    :returns: what *func* returns.
    """
    broker = mitogen.master.Broker()
    try:
        return func(mitogen.master.Router(broker), *args, **kwargs)
    finally:
        broker.shutdown()
        broker.join()


def with_router(func: "object") -> "object":
    """Decorator: calls of *func* go through `run_with_router`."""

    @functools.wraps(func)
    def wrapper(*args: "object", **kwargs: "object") -> "object":
        return run_with_router(func, *args, **kwargs)

    return wrapper


def log_to_file(path: "str | None" = None, level: "str | int" = "INFO") -> "None":
    """Write log records of this program and its children to *path*.

    :param str path: None for stderr.
    :param level: name or number; the environment's ``MITOGEN_LOG_LEVEL`` wins over it.
    :raises ValueError: the level is unknown.
    """
    level = os.environ.get("MITOGEN_LOG_LEVEL") or level
    number = getattr(logging, level.upper(), None) if isinstance(level, str) else level
    if not isinstance(number, int):
        raise ValueError("unknown log level %r" % (level,))  # noqa: TRY004 - of the right type
    handler = logging.FileHandler(path) if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter(
            "%(asctime)s.%(msecs)03d %(levelname).1s %(name)s: %(message)s", "%H:%M:%S"
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(number)


def cast(obj: "object") -> "object":
    """A copy of *obj* in which subclasses of the travelling types have become plain values.

    :raises TypeError: it holds something that does not travel.
    """
    if obj is None or isinstance(obj, _TRAVELLING) or type(obj) in _SCALARS:
        return obj
    if isinstance(obj, dict):
        return {cast(key): cast(value) for key, value in obj.items()}
    for kind in (list, tuple, set, frozenset):
        if isinstance(obj, kind):
            return kind(cast(item) for item in obj)
    for kind in _SCALARS:
        if isinstance(obj, kind):
            # The base's own method: a subclass may have one that returns something else.
            return kind.__str__(obj) if kind is str else kind(obj)
    raise TypeError("%s does not travel" % (type(obj).__name__,))


def setup_gil() -> "None":
    """Switch threads rarely: they wait for descriptors here, not for the interpreter."""
    sys.setswitchinterval(10.0)


def disable_site_packages() -> "None":
    """Take site-packages off `sys.path`, to see what a program imports from there."""
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
