"""The smallest useful program: run functions in a child and see what comes back."""

import os

import mitogen.master


def describe(greeting):
    """Runs in the child."""
    return greeting, os.getpid(), os.getppid()


def main():
    """Runs here."""
    broker = mitogen.master.Broker()
    router = mitogen.master.Router(broker)
    try:
        child = router.local()
        greeting, pid, parent = child.call(describe, "hello from the child")
        print(greeting)
        print("it ran in another process:", pid != os.getpid() and parent == os.getpid())
        named = router.local(remote_name="i-have-a-name")
        print("a child with a name of its own:", named.call(describe, "hi")[0])
    finally:
        broker.shutdown()
        broker.join()


if __name__ == "__main__":
    main()
