"""The tree of contexts, with a router whose connections come up when the test says so."""

from __future__ import annotations

import pytest

from ansible_mitogen.broker import bounds
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


class FakeReceiver:
    """Its `notify` is called by the test."""

    def __init__(self, function, arguments):
        self.function = function
        self.arguments = arguments
        self.notify = None


class FakeContext:
    def __init__(self, method, options):
        self.method = method
        self.name = f"{method}.place"
        self.options = options
        self.connection = FakeConnection()
        self.is_shut_down = False
        self.calls = []
        self._listeners = []

    def call_async(self, function, *arguments):
        receiver = FakeReceiver(function, arguments)
        self.calls.append(receiver)
        return receiver

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

    context_class = FakeContext

    def __init__(self):
        self.made = []
        self.refusal = None

    def __getattr__(self, method):
        def factory(**options):
            if self.refusal is not None:
                raise self.refusal
            assert options.pop("wait") is False
            context = self.context_class(method, options)
            self.made.append(context)
            return context

        return factory


@pytest.fixture
def router():
    return FakeRouter()


class Clock:
    """Stands still until the test says otherwise."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tree(router, clock):
    return ContextTree(router, b"salt", clock=clock)


SSH = Hop("ssh", {"hostname": "h", "python_path": ["python3.12", "python3"]})
SUDO = Hop("sudo", {"username": "root", "password": None, "python_path": ["python3.12", "python3"]})
WRAPPED = Hop("wrapped", {"command": "other PLACE", "place": "PLACE"})
SUDO_BY_PASSWORD = Hop("sudo", {**SUDO.options, "password": "x"})


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


def _ended(status, *, was_reached=False):
    error = errors.EofError("ended")
    error.exit_status = status
    error.was_reached = was_reached
    return error


def _silent(*, was_reached):
    error = errors.ConnectTimeoutError("timed out")
    error.was_reached = was_reached
    return error


@pytest.mark.parametrize(
    ("hops", "error", "kind"),
    [
        ([SSH], errors.EofError("no route"), FailureKind.CONNECT),
        ([SSH], _ended(255), FailureKind.CONNECT),
        ([SSH], _ended(-9), FailureKind.CONNECT),
        ([SSH], _silent(was_reached=False), FailureKind.CONNECT),
        ([SSH, SUDO], _ended(1), FailureKind.BECOME),
        ([SSH, SUDO], _ended(1, was_reached=True), FailureKind.BECOME),
        ([SSH], errors.PasswordError("no"), FailureKind.AUTHENTICATION),
        ([SSH], errors.HostKeyError("another"), FailureKind.HOST_KEY),
        ([SSH, SUDO_BY_PASSWORD], errors.PasswordError("sorry"), FailureKind.PASSWORD_WRONG),
        ([SSH, SUDO], errors.PasswordError("a password is required"), FailureKind.PASSWORD_MISSING),
        ([SSH, SUDO], errors.EofError("not in sudoers"), FailureKind.BECOME),
        ([SSH, WRAPPED], errors.PasswordError("sorry"), FailureKind.PASSWORD_MISSING),
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


@pytest.mark.parametrize(
    "error",
    [
        _ended(1),
        _ended(255, was_reached=True),
        _silent(was_reached=True),
        errors.PythonNotFoundError("none"),
    ],
)
def test_a_host_without_python(router, tree, clock, error):
    """Asked once, and again when there may be one; what is told again says so."""

    def fails_after(count, **how):
        outcomes = []
        tree.open([SSH, SUDO], outcomes.append, **how)
        assert len(router.made) == count
        if not outcomes:
            router.made[-1].connection.settle(error=error)
        (outcome,) = outcomes
        assert (outcome.kind, outcome.hop) == (FailureKind.NO_PYTHON, "ssh")
        return outcome.is_known

    assert not fails_after(1)
    assert fails_after(1)
    # What runs without Python is not held up; what comes behind it looks again.
    assert fails_after(1, needs_python=False)
    assert fails_after(2)
    clock.now += 29.0
    assert fails_after(2)
    clock.now += 1.0
    assert fails_after(3)
    error.args = ("for another reason",)
    tree.open([SSH], [].append, needs_python=False)
    assert not fails_after(4)
    tree.reset([SSH])
    assert not fails_after(5)


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
    tree.reset([Hop("ssh", {"hostname": "h", "connect_timeout": 1}), SUDO])
    assert router.made[0].is_shut_down
    opened(tree, SSH)
    assert len(router.made) == 3


def test_reset_spares_others(router, tree):
    """Another account of the same host goes on."""
    opened(tree, SSH)
    router.made[0].connection.settle()
    tree.reset([Hop("ssh", {"hostname": "h", "username": "other"})])
    assert not router.made[0].is_shut_down


def up(router, tree, *stack):
    """The node at the end of *stack*, made now."""
    outcomes = opened(tree, *stack)
    while not outcomes:
        router.made[-1].connection.settle()
    return outcomes[0].node


def test_retired_when_idle(router, tree):
    """It ends at once, what it lives on stays, and the next one to ask gets another."""
    node = up(router, tree, SSH, SUDO)
    tree.retire(node)
    tree.retire(node)  # by somebody else who noticed
    assert [context.is_shut_down for context in router.made] == [False, True]
    other = up(router, tree, SSH, SUDO)
    assert other is not node
    assert other.key == node.key
    assert other.parent is node.parent
    assert tree.find(node.key) is other


def test_retired_while_something_runs(router, tree):
    """It ends when the last that runs there has; meanwhile there is another."""
    node = up(router, tree, SSH, SUDO)
    tree.hold(node)
    tree.hold(node)
    tree.retire(node)
    other = up(router, tree, SSH, SUDO)
    tree.hold(other)
    tree.release(node)
    assert not router.made[1].is_shut_down
    tree.release(node)
    assert router.made[1].is_shut_down
    tree.release(other)
    assert not other.context.is_shut_down


def test_retired_below_something_that_runs(router, tree):
    """A login goes with all that lives on it, when nothing of that runs any more."""
    node = up(router, tree, SSH, SUDO)
    tree.hold(node)
    tree.retire(node.login)
    assert tree.find(node.key) is None
    assert not router.made[0].is_shut_down
    tree.release(node)
    assert router.made[0].is_shut_down


def test_a_login_whose_retired_account_is_busy(router, tree):
    """It is not idle, and if it is retired later, it ends with what runs there; so does a bastion."""
    first = up(router, tree, SSH, SUDO)
    tree.hold(first)
    tree.retire(first)
    tree.hold(other := up(router, tree, SSH, SUDO))
    tree.release(other)
    assert not bounds.is_idle(first.login)
    tree.retire(first.login)
    assert not first.login.context.is_shut_down
    tree.release(first)
    assert first.context.is_shut_down
    assert first.login.context.is_shut_down


def test_reset_spares_what_runs(router, tree):
    """Another worker's task comes to its end, and one that only waits for the login gets the next."""
    node = up(router, tree, SSH)
    tree.hold(node)
    outcomes = opened(tree, SSH, SUDO)
    tree.reset([SSH])
    assert not node.context.is_shut_down
    tree.release(node)
    assert node.context.is_shut_down
    router.made[1].connection.settle(error=errors.EofError("its login ended"))
    router.made[2].connection.settle()
    router.made[3].connection.settle()
    assert [outcome.node.context for outcome in outcomes] == [router.made[3]]


def test_retired_while_somebody_waits(router, tree):
    """An account on its way through a retired login is reached through the next one."""
    login = up(router, tree, SSH)
    outcomes = opened(tree, SSH, SUDO)
    tree.retire(login)
    assert [context.method for context in router.made] == ["ssh", "sudo", "ssh"]
    router.made[1].connection.settle(error=errors.EofError("its login ended"))
    assert not outcomes
    router.made[2].connection.settle()
    router.made[3].connection.settle()
    (outcome,) = outcomes
    assert outcome.is_new
    assert outcome.node.context is router.made[3]


def test_when_up(router, tree):
    """A key is waited for while its context is on its way; one that fails is none."""
    node = up(router, tree, SSH)
    found = []
    tree.when_up("no such key", found.append)
    tree.when_up(node.key, found.append)
    assert found == [None, node]
    for error in (None, errors.EofError("no")):
        tree.retire(tree.find(node.key) or node)
        opened(tree, SSH)
        tree.when_up(node.key, found.append)
        router.made[-1].connection.settle(error=error)
    assert found[2:] == [found[2], None]
    assert found[2].context is router.made[1]


BOB, EVE = (Hop("sudo", {**SUDO.options, "username": name}) for name in ("bob", "eve"))


def test_idle_accounts(router, tree):
    """Those that were become on the same machine, by whichever login, and where nothing runs."""
    carol, elsewhere = (
        Hop("ssh", {**SSH.options, **options})
        for options in ({"username": "carol"}, {"hostname": "other"})
    )
    bob, eve, root = (up(router, tree, SSH, hop) for hop in (BOB, EVE, SUDO))
    bob_of_carol = up(router, tree, carol, BOB)
    far_bob = up(router, tree, elsewhere, BOB)
    behind = up(router, tree, elsewhere, BOB, EVE)
    tree.hold(eve)
    assert tree.idle_beside(root) == [bob, bob_of_carol]
    tree.hold(behind)
    assert tree.idle_beside(far_bob.login) == []
    login = bob_of_carol.login
    assert tree.idle_beside(root, with_logins=True) == [bob, login, bob_of_carol]
    opened(tree, carol, EVE)  # on its way
    assert tree.idle_beside(root, with_logins=True) == [bob, bob_of_carol]


def test_this_machine_has_several_names(router, tree):
    """An account of the machine that Ansible runs on is found, however it was reached."""
    local = up(router, tree, Hop("local", {}))
    bob = up(router, tree, Hop("ssh", {**SSH.options, "hostname": "127.0.0.1"}), BOB)
    assert tree.idle_beside(local) == [bob]


def test_an_idle_account_is_ended(router, tree):
    """What wants it to be gone is told when its processes are, as seen from where it will run."""
    nodes = [up(router, tree, SSH, hop) for hop in (BOB, EVE)]
    root = up(router, tree, SSH, SUDO)
    done = []
    tree.end(nodes, root, lambda: done.append(True))
    assert [context.is_shut_down for context in router.made] == [False, True, True, False]
    calls = root.context.calls
    assert [call.arguments[0] for call in calls] == ["bob", "eve"]
    calls[1].notify(calls[1])
    assert not done
    calls[0].notify(calls[0])
    assert done == [True]


FAR, FARTHER = (Hop("ssh", {**SSH.options, "hostname": name}) for name in ("far", "farther"))


def test_hosts_behind_one_bastion(router, tree):
    """They share its context, and start from it at the same time."""
    opened(tree, SSH, FAR)
    opened(tree, SSH, FARTHER)
    assert len(router.made) == 1
    router.made[0].connection.settle()
    assert [context.options["hostname"] for context in router.made] == ["h", "far", "farther"]
    assert {context.options.get("via") for context in router.made[1:]} == {router.made[0]}


def test_another_machine_has_interpreters_of_its_own(router, tree):
    """What the bastion's discovery found is nothing to the host behind; its escalation uses it."""
    opened(tree, SSH, FAR, SUDO)
    router.made[0].connection.settle("/bastion/python3")
    assert router.made[1].options["python_path"] == FAR.options["python_path"]
    router.made[1].connection.settle("/far/python3")
    assert router.made[2].options["python_path"][0] == ["/far/python3"]


def test_a_failure_in_the_words_of_the_program(router, tree):
    """Our own name for the place is not among them."""
    outcomes = opened(tree, SSH)
    router.made[0].connection.settle(error=errors.EofError("ssh.place: ssh: no route to ssh.place"))
    (outcome,) = outcomes
    assert outcome.message == "ssh: no route to ssh.place"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.PasswordError("it did not accept the password"), FailureKind.AUTHENTICATION),
        (errors.PasswordError("a password is asked for"), FailureKind.AUTHENTICATION),
        (errors.EofError("sudo: no"), FailureKind.CONNECT),
        (ValueError("an option"), FailureKind.CONNECT),
    ],
)
def test_a_failure_on_the_way(router, tree, error, kind):
    """Whatever keeps us from the login to the host makes that unreachable, and says where."""
    outcomes = opened(tree, SSH, BOB, FAR, SUDO)
    router.made[0].connection.settle()
    router.made[1].connection.settle(error=error)
    (outcome,) = outcomes
    assert outcome.kind is kind
    assert "sudo bob" in outcome.message
    assert str(error) in outcome.message


def test_a_failure_of_the_last_escalation(router, tree):
    """Is that of the task, also behind a bastion."""
    outcomes = opened(tree, SSH, FAR, SUDO)
    for context_number in range(2):
        router.made[context_number].connection.settle()
    router.made[2].connection.settle(error=errors.EofError("sudo: no"))
    assert outcomes[0].kind is FailureKind.BECOME


def test_the_login_of_a_host_behind_a_bastion(router, tree):
    """Is the last one: when it is retired or reset, the bastion stays."""
    node = up(router, tree, SSH, FAR, SUDO)
    other = up(router, tree, SSH, FARTHER)
    assert node.login.hop is FAR
    tree.retire(node.login)
    assert [context.is_shut_down for context in router.made] == [False, True, False, False]
    tree.reset([SSH, FARTHER])
    assert other.context.is_shut_down
    assert not router.made[0].is_shut_down
    again = up(router, tree, SSH, FARTHER)
    tree.reset([FARTHER])  # by another way: another machine, for all we know
    assert not again.context.is_shut_down
    tree.reset([SSH])
    assert router.made[0].is_shut_down


def test_machines_behind_a_bastion(router, tree):
    """An account is looked for on its own machine; localhost is the bastion, seen from there."""
    here = Hop("ssh", {**SSH.options, "hostname": "localhost"})
    bob = up(router, tree, SSH, here, BOB)
    far = up(router, tree, SSH, FAR)
    assert tree.idle_beside(far) == []
    assert tree.idle_beside(far.parent) == [bob]
    login = bob.login
    assert tree.idle_beside(far.parent, with_logins=True) == [login, bob]


@pytest.mark.parametrize("error", [errors.EofError("no"), errors.ConnectTimeoutError("silence")])
def test_what_leads_nowhere_is_tried_once(router, tree, error):
    """A program that passes no bytes is beyond us: known from then on, and left to Ansible."""
    first = opened(tree, SSH, WRAPPED)
    router.made[0].connection.settle()
    router.made[1].connection.settle(error=error)
    second = opened(tree, SSH, WRAPPED)
    assert [outcome[0].kind for outcome in (first, second)] == [FailureKind.UNSUPPORTED] * 2
    assert str(error) in second[0].message
    assert len(router.made) == 2
