"""The tree of contexts, with a router whose connections come up when the test says so."""

from __future__ import annotations

import pytest

from ansible_mitogen.broker.tree import ContextTree
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.stack import Hop
from mitogen import errors


class Interpreter:
    def __init__(self, executable):
        self.executable = executable
        self.version = (3, 11, 2)


class FakeConnection:
    """Comes up or fails when told; says so to whoever asked, once."""

    def __init__(self):
        self.error = None
        self.interpreter = None
        self._callbacks = []

    def notify(self, callback):
        self._callbacks.append(callback)

    def settle(self, executable="/usr/bin/python3", error=None):
        self.error = error
        self.interpreter = None if error else Interpreter(executable)
        for callback in self._callbacks:
            callback(self)


class FakeContext:
    def __init__(self, method, options):
        self.method = method
        self.options = options
        self.connection = FakeConnection()
        self.is_shut_down = False
        self._listeners = []

    def listen(self, signal, callback):
        assert signal == "disconnect"
        self._listeners.append(callback)

    def lose(self):
        for callback in self._listeners:
            callback()

    def shutdown(self):
        self.is_shut_down = True


class FakeRouter:
    """Has one factory for each method; keeps what it made."""

    def __init__(self):
        self.made = []
        self.refusal = None

    def __getattr__(self, method):
        def factory(**options):
            if self.refusal is not None:
                raise self.refusal
            assert options.pop("wait") is False
            context = FakeContext(method, options)
            self.made.append(context)
            return context

        return factory


@pytest.fixture
def router():
    return FakeRouter()


@pytest.fixture
def tree(router):
    return ContextTree(router, b"salt")


SSH = Hop("ssh", {"hostname": "h", "python_path": ["python3.12", "python3"]})
SUDO = Hop("sudo", {"username": "root", "password": None, "python_path": ["python3.12", "python3"]})


def opened(tree, *stack):
    """The outcomes of one open; empty while it is under way."""
    outcomes = []
    tree.open(stack, outcomes.append)
    return outcomes


def test_hop_by_hop(router, tree):
    """The next hop starts when the one before it is up, through it."""
    outcomes = opened(tree, SSH, SUDO)
    assert [context.method for context in router.made] == ["ssh"]
    router.made[0].connection.settle()
    assert [context.method for context in router.made] == ["ssh", "sudo"]
    assert router.made[1].options["via"] is router.made[0]
    assert not outcomes
    router.made[1].connection.settle("/usr/bin/python3.12")
    (outcome,) = outcomes
    assert outcome.is_new
    assert outcome.node.executable == "/usr/bin/python3.12"
    assert tree.find(outcome.node.key) is outcome.node


def test_found_again(router, tree):
    """The same stack is the same context; a longer one shares its beginning."""
    first = opened(tree, SSH)
    router.made[0].connection.settle()
    second = opened(tree, SSH)
    assert second[0].node is first[0].node
    assert not second[0].is_new
    opened(tree, SSH, SUDO)
    assert [context.method for context in router.made] == ["ssh", "sudo"]


def test_many_wait_for_one(router, tree):
    """Whoever asks while it is on its way waits for the same context."""
    outcomes = [opened(tree, SSH) for _ in range(3)]
    assert len(router.made) == 1
    router.made[0].connection.settle()
    assert {len(outcome) for outcome in outcomes} == {1}


def test_other_options_are_another_context(router, tree):
    """A password or a port makes another account."""
    opened(tree, SSH)
    opened(tree, Hop("ssh", {**SSH.options, "port": 2222}))
    assert len(router.made) == 2


def test_unset_options_are_the_factorys_defaults(router, tree):
    """What is None is not passed on."""
    opened(tree, SSH, SUDO)
    router.made[0].connection.settle()
    assert "password" not in router.made[1].options


def test_escalation_uses_the_login_users_interpreter(router, tree):
    """Discovery happens as the login user, as in stock Ansible."""
    opened(tree, SSH, SUDO)
    router.made[0].connection.settle("python3")
    assert router.made[1].options["python_path"] == [["python3"], "python3.12"]


def test_explicit_interpreter_is_used_as_it_is(router, tree):
    """An interpreter that the user named is named to every hop."""
    sudo = Hop("sudo", {"python_path": ["/opt/python"]})
    opened(tree, SSH, sudo)
    router.made[0].connection.settle()
    assert router.made[1].options["python_path"] == ["/opt/python"]


def _ended(status):
    error = errors.EofError("ended")
    error.exit_status = status
    return error


@pytest.mark.parametrize(
    ("hops", "error", "kind"),
    [
        ([SSH], errors.EofError("no route"), FailureKind.CONNECT),
        ([SSH], _ended(255), FailureKind.CONNECT),
        ([SSH], _ended(-9), FailureKind.CONNECT),
        ([SSH], _ended(1), FailureKind.NO_PYTHON),
        ([SSH, SUDO], _ended(1), FailureKind.BECOME),
        ([SSH], errors.PasswordError("no"), FailureKind.AUTHENTICATION),
        ([SSH], errors.PythonNotFoundError("none"), FailureKind.NO_PYTHON),
        (
            [SSH, SUDO],
            errors.PasswordError("sudo did not accept the password"),
            FailureKind.PASSWORD_WRONG,
        ),
        ([SSH, SUDO], errors.PasswordError("a password is required"), FailureKind.PASSWORD_MISSING),
        ([SSH, SUDO], errors.EofError("not in sudoers"), FailureKind.BECOME),
    ],
)
def test_failures_say_what_they_mean(router, tree, hops, error, kind):
    """A typed error of a hop becomes what Ansible has to tell apart; nothing is remembered."""
    outcomes = opened(tree, *hops)
    if len(hops) > 1:
        router.made[0].connection.settle()
    router.made[-1].connection.settle(error=error)
    (outcome,) = outcomes
    assert (outcome.kind, outcome.hop) == (kind, hops[-1].method)
    assert str(error) in outcome.message
    before = len(router.made)
    opened(tree, *hops)
    assert len(router.made) == before + 1


def test_loss_before_the_failure_is_told(router, tree):
    """The disconnect signal may come before the connection says why; the reason is what counts."""
    outcomes = opened(tree, SSH)
    context = router.made[0]
    context.connection.error = errors.EofError("refused")
    context.lose()
    context.connection.settle(error=errors.EofError("refused"))
    (outcome,) = outcomes
    assert "refused" in outcome.message


def test_refusal_at_once(router, tree):
    """A factory that raises fails the request, not the broker."""
    router.refusal = TypeError("no option 'x'")
    (outcome,) = opened(tree, SSH)
    assert outcome.kind is FailureKind.UNSUPPORTED


def test_loss_takes_what_is_behind(router, tree):
    """When a login is lost, so are the accounts reached through it, and those on their way."""
    login = opened(tree, SSH)
    router.made[0].connection.settle()
    become = opened(tree, SSH, SUDO)
    router.made[0].lose()
    assert tree.find(login[0].node.key) is None
    (outcome,) = become
    assert outcome.kind is FailureKind.CONNECT
    opened(tree, SSH)
    assert [context.method for context in router.made] == ["ssh", "sudo", "ssh"]


def test_reset_ends_the_login(router, tree):
    """All logins to the account end, however they were reached; the next open makes a new one."""
    opened(tree, SSH, SUDO)
    router.made[0].connection.settle()
    router.made[1].connection.settle()
    tree.reset(Hop("ssh", {"hostname": "h", "connect_timeout": 1}))
    assert router.made[0].is_shut_down
    opened(tree, SSH)
    assert len(router.made) == 3


def test_reset_spares_others(router, tree):
    """Another account of the same host goes on."""
    opened(tree, SSH)
    router.made[0].connection.settle()
    tree.reset(Hop("ssh", {"hostname": "h", "username": "other"}))
    assert not router.made[0].is_shut_down
