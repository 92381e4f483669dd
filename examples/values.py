"""Every type of value that travels, there and back."""

import mitogen.core
import mitogen.utils

VALUES = [
    None, True, 7, 2**100, 1.5, "text with ünïcödé", b"bytes", bytearray(b"array"),
    [1, [2]], (1, (2,)), {"key": {"nested": 1}, 3: "three", (1, 2): "pair"},
    {1, 2}, frozenset([3]), mitogen.core.Blob(b"large"), mitogen.core.Secret("never printed"),
    mitogen.core.Kwargs({"a": 1}),
]  # fmt: skip


def echo(value):
    """Runs in the child."""
    return value


def main(router):
    """Send each value to a child and compare what comes back."""
    child = router.local()
    same = [child.call(echo, value) == value for value in VALUES]
    print(all(same), len(same))


if __name__ == "__main__":
    mitogen.utils.run_with_router(main)
