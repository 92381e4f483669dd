"""Calling functions in a child: values, errors, chains, recursion."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import pytest

import mitogen
import mitogen.core
import mitogen.master
import mitogen.parent
from mitogen.controller import connector
from mitogen.errors import ConnectTimeoutError
from tests.library import remote_functions as remote
from tests.support import interpreters, processes

VALUES = [
    None,
    True,
    0,
    -1,
    2**64,
    -(10**80),
    1.5,
    float("inf"),
    "",
    "ünïcödé \U0001f40d",
    "lone \udcff surrogate",
    b"",
    bytes(range(256)),
    bytearray(b"array"),
    [1, [2, [3]]],
    (1, (2,), ()),
    {"a": 1, 2: "b", (3, 4): {"c": None}},
    {1, "two"},
    frozenset([b"x"]),
    mitogen.core.Blob(b"blob"),
    mitogen.core.Secret("secret"),
    mitogen.core.Kwargs({"k": 1}),
    "x" * 100_000,
    b"y" * 3_000_000,
]


def test_every_type_of_value_travels(router: Any) -> None:
    """Value and type come back as they went."""
    child = router.local()
    for value in VALUES:
        result = child.call(remote.echo, value)
        assert result == value
        assert type(result) is type(value)


def test_an_unsupported_argument_fails_here(router: Any) -> None:
    """Before anything is sent; the error is a TypeError and names the type."""
    child = router.local()
    with pytest.raises(TypeError, match="object"):
        child.call(remote.echo, object())
    assert child.call(remote.echo, 1) == 1


def test_an_unsupported_result_is_a_call_error(router: Any) -> None:
    """The context lives on."""
    child = router.local()
    with pytest.raises(mitogen.core.CallError, match="object"):
        child.call(remote.unsendable)
    assert child.call(remote.echo, 1) == 1


def test_an_exception_carries_the_remote_traceback(router: Any) -> None:
    """Type name, message and the lines of the remote stack."""
    child = router.local()
    with pytest.raises(mitogen.core.CallError) as caught:
        child.call(remote.fail, "it broke")
    text = str(caught.value)
    assert "ValueError" in text
    assert "it broke" in text
    assert "remote_functions.py" in text
    assert "raise ValueError(text)" in text


def test_exit_of_a_function_does_not_end_the_child(router: Any) -> None:
    """`sys.exit` is an exception like any other."""
    child = router.local()
    with pytest.raises(mitogen.core.CallError, match="SystemExit"):
        child.call(remote.leave, 3)
    assert child.call(remote.echo, 1) == 1


def test_class_methods_are_called_on_their_class(router: Any) -> None:
    """By the names of module, class and method."""
    assert router.local().call(remote.Greeter.greet, "you") == "hello you"


@pytest.mark.parametrize(
    "fn",
    [lambda: 1, remote.Greeter().method, remote.Greeter.method, remote.Greeter, 3],
    ids=["lambda", "bound", "unbound", "class", "number"],
)
def test_what_cannot_be_found_by_name_is_refused_at_once(router: Any, fn: Any) -> None:
    """TypeError, without a message on the wire."""
    context = router.context_by_id(4711)
    with pytest.raises(TypeError, match="cannot be called in another context"):
        context.call(fn)


def test_builtin_functions_can_be_called(router: Any) -> None:
    """They have a module and a name like any function."""
    assert router.local().call(os.getpid) != os.getpid()


def test_call_async_overlaps(router: Any) -> None:
    """Two children work at the same time on what one thread asked of both."""
    children = [router.local(), router.local()]
    receivers = [child.call_async(remote.identity) for child in children]
    pids = {receiver.get().unpickle()[0] for receiver in receivers}
    assert len(pids) == 2


def test_calls_of_one_child_keep_their_order(router: Any) -> None:
    """Also those without a reply."""
    child = router.local()
    for number in range(50):
        child.call_no_reply(remote.remember, number)
    assert child.call(remote.remember, 50) == list(range(51))


def test_a_pipelined_chain_stops_at_its_first_failure(router: Any) -> None:
    """Later calls are not executed and fail with the same error, until `reset`."""
    child = router.local()
    chain = mitogen.parent.CallChain(child, pipelined=True)
    chain.call_no_reply(remote.fail, "the first")
    chain.call_no_reply(remote.remember, "never")
    with pytest.raises(mitogen.core.CallError, match="the first"):
        chain.call(remote.remember, "never either")
    assert child.call(remote.remember, "another") == ["another"]
    chain.reset()
    assert chain.call(remote.remember, "again") == ["another", "again"]


def test_chains_do_not_share_their_failures(router: Any) -> None:
    """Only calls of the failed chain fail."""
    child = router.local()
    with mitogen.parent.CallChain(child, pipelined=True) as broken:
        broken.call_no_reply(remote.fail, "mine")
        other = mitogen.parent.CallChain(child, pipelined=True)
        assert other.call(remote.echo, 1) == 1


def test_a_call_may_have_a_time_limit(router: Any) -> None:
    """TimeoutError here; the child can still be shut down although its main thread hangs."""
    child = router.local()
    child.call(remote.echo, 0)
    with pytest.raises(mitogen.core.TimeoutError):
        child.call_timeout(0.05, remote.hang)
    child.shutdown(wait=True, timeout=20)
    with pytest.raises(mitogen.core.ChannelError):
        child.call(remote.echo, 1)


def test_a_time_limit_includes_the_sending(router: Any) -> None:
    """Of an argument that a stopped process does not read."""
    child = router.local()
    pid = child.call(os.getpid)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(mitogen.core.TimeoutError):
            child.call_timeout(0.05, len, bytes(60_000_000))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert child.call(remote.echo, 1) == 1


def test_a_context_that_does_not_answer_starts_no_child(
    router: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ConnectTimeoutError; a child that comes up later is not kept."""
    monkeypatch.setattr(connector, "CODE_PATIENCE", 0.0)
    child = router.local()
    pid = child.call(os.getpid)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(ConnectTimeoutError, match="does not answer"):
            router.local(via=child, connect_timeout=0.05)
    finally:
        os.kill(pid, signal.SIGCONT)
    again = router.local(via=child, connect_timeout=30)
    assert again.call(os.getppid) == pid
    while len(processes.descendants(pid)) > 1:
        again.call(remote.echo, 1)


def test_calls_from_many_threads(router: Any) -> None:
    """Each thread gets the results of its own calls."""
    child = router.local()
    wrong: list[tuple[int, Any]] = []

    def work(number: int) -> None:
        for step in range(100):
            result = child.call(remote.echo, [number, step])
            if result != [number, step]:
                wrong.append((number, result))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_recursion_through_children_of_children(router: Any) -> None:
    """Each level starts the next; all are different processes."""
    pids = router.local().call(remote.descend, 4)
    assert len(set(pids)) == 5


def test_a_function_may_get_a_context_and_call_it(router: Any) -> None:
    """A child calls the context below it that this program connected through it."""
    child = router.local()
    below = router.local(via=child)
    assert child.call(remote.call_back, below, "down there") == "down there"
    assert below.call(os.getppid) == child.call(os.getpid)


def test_siblings_have_no_authority_over_each_other(router: Any) -> None:
    """Messages pass, calls are refused: trust goes down only."""
    first, second = router.local(), router.local()
    with pytest.raises(mitogen.core.CallError, match="refused by the policy"):
        first.call(remote.call_back, second, "over there")


def test_a_context_made_by_a_child_is_usable_here(router: Any) -> None:
    """The grandchild's Context travels, and its route is known."""
    child = router.local()
    grandchild = child.call(remote.local_child)
    pid, parent_pid, context_id, parent_ids, is_master = grandchild.call(remote.identity)
    assert parent_pid == child.call(os.getpid) != pid
    assert context_id == grandchild.context_id
    assert parent_ids == [child.context_id, 0]
    assert is_master is False


def test_senders_travel(router: Any) -> None:
    """A receiver here gets what a child sends, until it is closed."""
    child = router.local()
    with mitogen.core.Receiver(router) as receiver:
        child.call(remote.send_to, receiver.to_sender(), {"news": 1})
        assert receiver.get(10).unpickle() == {"news": 1}


@pytest.mark.parametrize("via_old_python", [False, True])
def test_a_child_may_select(router: Any, via_old_python: bool) -> None:
    """It waits for children of its own; the code for that is fetched."""
    path = interpreters.find("3.6") if via_old_python else sys.executable
    assert sorted(router.local(python_path=str(path)).call(remote.select_children, 3)) == [0, 1, 2]


def test_the_master_describes_itself() -> None:
    """The module attributes of a program."""
    assert (mitogen.is_master, mitogen.context_id, mitogen.parent_id) == (True, 0, None)
    assert mitogen.parent_ids == []


def test_unidirectional_siblings_cannot_talk(router: Any) -> None:
    """Only traffic to or from a parent passes."""
    router.unidirectional = True
    first, second = router.local(), router.local()
    with pytest.raises(mitogen.core.CallError):
        first.call(remote.call_back, second, "secret")
    assert first.call(remote.echo, 1) == 1


def test_messages_over_the_limit_are_refused(router: Any) -> None:
    """Arguments here, results there; nobody waits for ever, the link survives."""
    router.max_message_size = 100_000
    child = router.local(max_message_size=100_000)
    with pytest.raises(mitogen.core.ChannelError, match="exceeds the limit"):
        child.call(remote.echo, b"x" * 200_000)
    with pytest.raises(mitogen.core.ChannelError, match="exceeds the limit"):
        child.call(remote.large, 200_000)
    assert child.call(remote.echo, 1) == 1


def test_several_routers_share_a_broker() -> None:
    """Separate trust domains: the same ids mean different contexts."""
    broker = mitogen.master.Broker()
    try:
        first, second = mitogen.master.Router(broker), mitogen.master.Router(broker)
        one, other = first.local(), second.local()
        assert one.context_id == other.context_id
        assert one != other
        assert one.call(os.getpid) != other.call(os.getpid)
    finally:
        broker.shutdown()
        broker.join(20)


def test_several_brokers_have_separate_lives(router: Any) -> None:
    """Ending one leaves the other's children alone."""
    survivor = router.local()
    broker = mitogen.master.Broker()
    mitogen.master.Router(broker).local().call(remote.echo, 1)
    broker.shutdown()
    broker.join(20)
    assert survivor.call(remote.echo, 1) == 1
