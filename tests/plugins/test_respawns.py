"""What the broker makes of modules that restart themselves: where their next job goes."""

from __future__ import annotations

import json
from collections import deque

import pytest

from ansible_mitogen import protocol
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.request import Environment
from ansible_mitogen.broker.respawns import Respawns, Restart
from ansible_mitogen.broker.run_request import RunRequest
from ansible_mitogen.broker.tree import ContextTree
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.stack import Hop
from ansible_mitogen.target.records import ASKED, CHANGED, DECLINED, ENVIRONMENT, STALE, STALE_LOGIN
from mitogen import errors
from tests.plugins.test_tree import FakeContext, FakeRouter

SYSTEM = "/usr/bin/python3"
RESTARTED = {"interpreter": SYSTEM, "unchanged": {SYSTEM: "1 2", "/lib/python": "3 4"}}
DONE = {"rc": 0, "stdout": b"{}", "stderr": b"", "ended": "exit", "detail": "", "missing": []}


def job(module="apt", environment=None, /, **arguments):
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    fqn = module if "." in module else f"ansible.modules.{module}"
    return {"job_id": "1", "module_fqn": fqn, "arguments": text, "environment": environment or {}}


def foreseen(known, asked):
    respawns = Respawns()
    respawns.learn(known, Restart.from_value(RESTARTED))
    return respawns.foresee(asked) is not None


def test_by_library():
    """For the core's own it is enough that the interpreter lacks the library."""
    assert foreseen(job("apt", name="a"), job("apt", name="b", state="absent"))
    assert not foreseen(job("apt"), job("dnf"))
    assert not foreseen(job("apt"), {"job_id": "1", "argv": ["true"]})


def test_by_call():
    """Any other module may restart for what it is asked to do: it has to be the same."""
    name = "ansible_collections.a.b.plugins.modules.c"
    known = job(name, x=1, _ansible_verbosity=0)
    assert foreseen(known, job(name, x=1, _ansible_verbosity=3))
    assert not foreseen(known, job(name, x=2))
    assert not foreseen(known, job(name, x=1, _ansible_check_mode=True))
    assert not foreseen(known, job(name, {"A": "b"}, x=1))


@pytest.mark.parametrize(
    "value",
    [
        None, [], {}, {"interpreter": SYSTEM}, {"interpreter": 1, "unchanged": {}},
        {"interpreter": SYSTEM, "unchanged": {}},
        {"interpreter": SYSTEM, "unchanged": {SYSTEM: 1}},
    ],
)  # fmt: skip
def test_no_restart(value):
    """A result that tells of no restart, or in words that we do not know."""
    assert Restart.from_value(value) is None


class Answer:
    """A context's answer to a message, given when the test says so."""

    def __init__(self, value):
        self.value = value
        self.notify = None

    def get(self, **_options):
        return self

    def unpickle(self):
        return self.value

    def give(self, **fields):
        self.value = {**DONE, **fields}
        self.notify(self)


class WorkingContext(FakeContext):
    """Takes jobs."""

    def __init__(self, *args):
        super().__init__(*args)
        self.jobs = deque()
        self.answers = deque()

    def send_async(self, message):
        self.jobs.append(message.unpickle())
        self.answers.append(Answer(None))
        return self.answers[-1]


class WorkingRouter(FakeRouter):
    context_class = WorkingContext


class Bench:
    """A context that is up, and requests for it."""

    def __init__(self):
        self.router = WorkingRouter()
        self.tree = ContextTree(self.router, b"salt")
        outcomes = []
        hop = Hop("ssh", {"hostname": "h", "python_path": ["/venv/python"], "remote_name": "me"})
        self.tree.open([hop], outcomes.append)
        (self.home,) = self.router.made
        self.home.connection.settle("/venv/python")
        self.key = outcomes[0].node.key

    def run(self, the_job=None):
        """Start a request; what it will have been answered."""
        answers = []
        environment = Environment(self.tree, ContentCache(), lambda _variables: None, None)
        record = protocol.Run(1, self.key, the_job or job())
        RunRequest(record, environment, answers.append).start()
        return answers

    def learn(self):
        """Have apt restart itself."""
        answers = self.run()
        self.home.answers.pop().give(respawned=RESTARTED)
        self.home.jobs.clear()
        assert "interpreter" not in answers[0].result

    def beside(self):
        """The context that was made last."""
        return self.router.made[-1]

    def settle_beside(self):
        """It is up, and home, which is looked at then, is as a new one would be."""
        self.beside().connection.settle(SYSTEM)
        assert self.home.jobs.pop()["argv"] == ["true"]
        self.home.answers.pop().give()


@pytest.fixture
def bench():
    """A context on which apt restarted itself."""
    bench = Bench()
    bench.learn()
    return bench


def test_straight_there(bench):
    """The next job waits for a context of that interpreter, the one after it finds it."""
    answers = bench.run()
    beside = bench.beside()
    assert beside.method == "local"
    assert beside.options == {
        "via": bench.home, "python_path": [[SYSTEM]], "remote_name": "me",
    }  # fmt: skip
    bench.settle_beside()
    assert beside.jobs[0]["unchanged"] == RESTARTED["unchanged"]
    beside.answers.pop().give(rc=3)
    (finished,) = answers
    assert (finished.result["rc"], finished.result["interpreter"]) == (3, SYSTEM)
    assert finished.sent == 3  # a context, a look at home, and a job
    answers = bench.run()
    beside.answers.pop().give()
    assert answers[0].sent == 1
    assert not bench.home.jobs


def test_a_signal(bench):
    """The process that would have waited has a status of its own for that."""
    answers = bench.run()
    bench.settle_beside()
    bench.beside().answers.pop().give(ended="signal", rc=128 + 9, detail="ended by SIGKILL")
    assert answers[0].result["rc"] == 256 - 9
    assert (answers[0].result["ended"], answers[0].result["detail"]) == ("exit", "")


def test_an_interpreter_that_does_not_start(bench):
    """The ordinary way is taken, now and later."""
    answers = bench.run()
    bench.beside().connection.settle(error=errors.EofError("gone", ""))
    bench.home.answers.pop().give(respawned=RESTARTED)
    assert answers[0].result["rc"] == 0
    bench.run()
    assert len(bench.home.jobs) == 2
    assert len(bench.router.made) == 2


@pytest.mark.parametrize(
    ("reason", "is_learnt_anew", "is_ahead"),
    [(CHANGED, True, True), (CHANGED, False, False), (ASKED, True, False),
     (ENVIRONMENT, False, True)],
)  # fmt: skip
def test_declined(bench, reason, is_learnt_anew, is_ahead):
    """It runs where it belongs. What is done with the next one depends."""
    answers = bench.run()
    beside = bench.beside()
    bench.settle_beside()
    beside.answers.pop().give(ended=DECLINED, detail=reason)
    assert not answers
    assert "unchanged" not in bench.home.jobs[0]
    bench.home.answers.pop().give(respawned=RESTARTED if is_learnt_anew else {})
    assert answers[0].result["ended"] == "exit"
    assert answers[0].sent == 4
    bench.run()
    assert (len(bench.home.jobs), len(beside.jobs)) == ((1, 2) if is_ahead else (2, 1))


def test_another_interpreter_of_that_name(bench):
    """An upgraded interpreter is another context."""
    answers = bench.run()
    bench.settle_beside()
    bench.beside().answers.pop().give(ended=DECLINED, detail=CHANGED)
    changed = {**RESTARTED, "unchanged": {SYSTEM: "1 3"}}
    bench.home.answers.pop().give(respawned=changed)
    assert len(answers) == 1
    bench.run()
    assert len(bench.router.made) == 3


def test_a_lost_login(bench):
    """When the context itself goes away meanwhile nothing ran: the client may try again."""
    answers = bench.run()
    bench.home.lose()
    (failed,) = answers
    assert failed.failure is FailureKind.CLOSED


def test_a_lost_context(bench):
    """What went away is made anew."""
    bench.run()
    bench.settle_beside()
    bench.beside().lose()
    bench.run()
    assert len(bench.router.made) == 3


@pytest.mark.parametrize("ended", [STALE, STALE_LOGIN])
def test_a_stale_home(bench, ended):
    """It is made anew before anything runs beside it, and the job runs there."""
    answers = bench.run()
    bench.beside().connection.settle(SYSTEM)
    bench.home.answers.pop().give(ended=ended, detail="a file has changed")
    assert not bench.router.made[1].jobs
    renewed = bench.beside()
    assert renewed.method == "ssh"
    renewed.connection.settle("/venv/python")
    renewed.answers.pop().give()
    assert answers[0].result["renewed"] == "a file has changed"


def test_a_stale_context(bench):
    """What is beside home is made anew when next wanted; home says whether it is stale, too."""
    bench.run()
    bench.settle_beside()
    bench.beside().answers.pop().give()
    answers = bench.run()
    beside = bench.beside()
    beside.answers.pop().give(ended=STALE, detail="a file has changed")
    assert not answers
    bench.home.answers.pop().give(respawned=RESTARTED)
    assert answers[0].result["ended"] == "exit"
    bench.run()
    assert bench.beside() is not beside


@pytest.mark.parametrize("result", [None, {"missing": 7, "ended": "lost"}, {"stdout": b""}])
def test_an_answer_that_makes_no_sense(bench, result):
    """The task fails, and nothing is left of the request."""
    answers = bench.run(job("command"))
    answer = bench.home.answers.pop()
    answer.value = result
    answer.notify(answer)
    (failed,) = answers
    assert failed.failure is FailureKind.INTERNAL
    assert bench.tree.find(bench.key).holds == 0
