"""Functions that want to know where they run."""


def takes_econtext(fn: "object") -> "object":
    """Decorator: when called from another context, *fn* gets ``econtext=``, its own context."""
    fn.mitogen_takes_econtext = True
    return fn


def takes_router(fn: "object") -> "object":
    """Decorator: when called from another context, *fn* gets ``router=``, to start children."""
    fn.mitogen_takes_router = True
    return fn
