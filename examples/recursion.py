"""Contexts that start contexts that start contexts: each level adds itself to the answer."""

import os

import mitogen.core
import mitogen.utils


@mitogen.core.takes_router
def descend(depth, router):
    """Start a child and let it do the same, *depth* times; collect the process ids."""
    if not depth:
        return [os.getpid()]
    return [os.getpid(), *router.local().call(descend, depth - 1)]


@mitogen.utils.with_router
def main(router):
    """Print how many processes took part."""
    pids = router.local().call(descend, 3)
    print(len(set(pids)), "processes answered")


if __name__ == "__main__":
    main()
