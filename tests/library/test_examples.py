"""The examples do what they say, as programs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import REPOSITORY, Program, run, write_tree

EXAMPLES = REPOSITORY / "examples"

OUTPUT = {
    "getting_started.py": [
        "hello from the child",
        "it ran in another process: True",
        "a child with a name of its own: hi",
    ],
    "recursion.py": ["4 processes answered"],
    "values.py": ["True 16"],
}


def test_all_examples_are_known() -> None:
    """Each has its output here."""
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(OUTPUT)


@pytest.mark.parametrize("name", OUTPUT)
def test_examples(name: str) -> None:
    """They print what they should, end by themselves and say nothing else."""
    with Program(EXAMPLES / name) as program:
        outcome = program.finish()
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == OUTPUT[name]


def test_getting_started_under_run_with_router(tmp_path: Path) -> None:
    """The same program without broker and router of its own."""
    source = """\
        import os
        import mitogen.utils

        def describe(greeting):
            return greeting, os.getpid(), os.getppid()

        def main(router, farewell):
            child = router.local()
            greeting, pid, parent = child.call(describe, "hello")
            print(greeting, pid != os.getpid(), parent == os.getpid())
            return farewell

        if __name__ == "__main__":
            print(mitogen.utils.run_with_router(main, farewell="bye"))
    """
    outcome = run(tmp_path, source)
    assert (outcome.status, outcome.out, outcome.err) == (0, "hello True True\nbye\n", "")


def test_process_titles(tmp_path: Path) -> None:
    """Seen from outside: the usual title, and a name of one's own."""
    source = """\
        import getpass, os, socket, subprocess
        import mitogen.utils

        def main(router):
            pids = [router.local().call(os.getpid),
                    router.local(remote_name="i-have-a-name").call(os.getpid)]
            usual = "mitogen:%s@%s:%d" % (getpass.getuser(), socket.gethostname(), os.getpid())
            for pid, wanted in zip(pids, (usual, "i-have-a-name")):
                shown = subprocess.check_output(["ps", "-o", "args=", "-p", str(pid)], text=True)
                print(shown.strip() == wanted or shown)

        if __name__ == "__main__":
            mitogen.utils.run_with_router(main)
    """
    outcome = run(tmp_path, source)
    assert (outcome.status, outcome.out, outcome.err) == (0, "True\nTrue\n", "")


def test_several_routers_and_brokers(tmp_path: Path) -> None:
    """Separate trust domains in one broker, separate lifetimes of brokers, in one program."""
    source = """\
        import os
        import mitogen.core, mitogen.master

        def main():
            first = mitogen.master.Broker()
            second = mitogen.master.Broker()
            routers = [mitogen.master.Router(first), mitogen.master.Router(first),
                       mitogen.master.Router(second)]
            children = [router.local() for router in routers]
            print(len({child.call(os.getpid) for child in children}))
            first.shutdown()
            first.join()
            for child in children[:2]:
                try:
                    child.call(os.getpid)
                except mitogen.core.Error as exc:
                    print(type(exc).__name__)
            print(children[2].call(os.getpid) != os.getpid())
            with mitogen.master.Router() as own:
                print(own.local().call(os.getpid) != os.getpid())

        if __name__ == "__main__":
            main()
    """
    path = write_tree(tmp_path, {"program.py": source}) / "program.py"
    with Program(path) as program:
        outcome = program.finish()
    assert outcome.status == 0, outcome.err
    assert outcome.out.split() == ["3", "ChannelError", "ChannelError", "True", "True"]
