"""Library figures of whichever `mitogen` this Python finds, as JSON on stdout.

Only the public API that both implementations have is used, so the same file measures both.
"""

import json
import sys
import time

import mitogen.utils


def nothing():
    """Return nothing."""


def size_of(value):
    """Return how large the value was on arrival."""
    return len(value)


def best(repeat, measure):
    """Return the smallest of several results: the machine is shared."""
    return min(measure() for _ in range(repeat))


def empty_call(context):
    """Seconds for one call that does nothing, answer included."""
    count = 300
    began = time.perf_counter()
    for _ in range(count):
        context.call(nothing)
    return (time.perf_counter() - began) / count


def pipelined_call(context):
    """Seconds for each of many calls that do not wait for one another."""
    count = 3000
    began = time.perf_counter()
    receivers = [context.call_async(nothing) for _ in range(count)]
    for receiver in receivers:
        receiver.get().unpickle()
    return (time.perf_counter() - began) / count


def large_argument(context):
    """Seconds for a call with 50 MB of bytes."""
    data = b"x" * 50_000_000
    began = time.perf_counter()
    if context.call(size_of, data) != len(data):
        raise ValueError("the argument arrived short")
    return time.perf_counter() - began


def first_answer(router):
    """Seconds from asking for a local context to its first answer."""
    began = time.perf_counter()
    context = router.local()
    context.call(nothing)
    seconds = time.perf_counter() - began
    context.shutdown(wait=True)
    return seconds


def main(router):
    """Measure everything once."""
    first = best(7, lambda: first_answer(router))
    context = router.local()
    context.call(nothing)
    figures = {
        "empty call": best(5, lambda: empty_call(context)),
        "pipelined call": best(3, lambda: pipelined_call(context)),
        "50 MB argument": best(3, lambda: large_argument(context)),
        "router.local() to first answer": first,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    mitogen.utils.run_with_router(main)
