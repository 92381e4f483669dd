"""The tree of contexts, keyed by what their stacks say. Everything runs on the broker thread.

A stack is made hop by hop: the next hop starts when the one before it is up, for it wants to know
what runs there. Whoever asks for a stack that is on its way waits with the others. What failed is
forgotten, so that the next task tries again, as stock Ansible does; but for hosts without a Python
(see lacks.py), and for what is beyond us.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_mitogen import stack as stacks
from ansible_mitogen.broker import bounds, failures
from ansible_mitogen.broker.lacks import Lacks
from ansible_mitogen.broker.respawns import Respawns
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.target import operations

LOG = logging.getLogger("ansible_mitogen.broker")

#: Messages that bring a context up, as counted for a task: the boot and its answer.
BOOT_MESSAGES = 1

#: Seconds that the processes of an account have to end before a task that is about it.
END_SECONDS = 5.0


@dataclasses.dataclass(eq=False)
class Node:
    """One hop of a stack: a context that is up, or on its way."""

    key: str
    hop: stacks.Hop
    parent: Node | None
    context: Any = None
    is_up: bool = False
    executable: str = ""
    version: list[int] = dataclasses.field(default_factory=list)
    #: Files that the context has, by digest.
    digests: set[str] = dataclasses.field(default_factory=set)
    waiters: list[Callable[[Any], None]] = dataclasses.field(default_factory=list)
    children: list[Node] = dataclasses.field(default_factory=list)
    respawns: Respawns = dataclasses.field(default_factory=Respawns)
    #: Requests that hold it or what lives on it, retired or not.
    holds: int = 0
    #: Of a login: requests that were cancelled there and have not ended.
    doubts: int = 0
    #: When it, or what is behind it, was asked for or let go of last, on the tree's clock.
    used: float = 0.0
    #: Whether it ends when nothing runs there any more, nor on what lives on it.
    is_retired: bool = False

    @property
    def stack(self) -> list[stacks.Hop]:
        """How it is reached."""
        return [*(self.parent.stack if self.parent else ()), self.hop]

    @property
    def login(self) -> Node:
        """How its machine was reached: the last login of its stack."""
        return self if self.parent is None or self.hop.is_login else self.parent.login

    @property
    def way(self) -> list[Node]:
        """It and what it lives on."""
        return [self, *(self.parent.way if self.parent else ())]

    @property
    def is_ready(self) -> bool:
        """Whether something new may begin there."""
        return self.is_up and not self.login.doubts

    def subtree(self) -> list[Node]:
        """It and all that lives on it."""
        return [self, *(node for child in self.children for node in child.subtree())]


@dataclasses.dataclass(frozen=True)
class Reached:
    """A stack that is up."""

    node: Node
    #: Whether a context was made for this request rather than found.
    is_new: bool


@dataclasses.dataclass(frozen=True)
class Retired:
    """What a stack was to be reached through has been retired meanwhile: once more, then."""


#: How opening a stack ends.
Outcome = Reached | failures.HopFailure


class ContextTree:
    """Finds and makes contexts.

    :param router: `mitogen.master.Router`; its factories are called with ``wait=False``.
    :param bytes salt: random, of this process: keys do not give passwords away.
    :param limits: how much is kept.
    :param clock: returns seconds, never going back.
    """

    def __init__(
        self,
        router: Any,
        salt: bytes,
        limits: bounds.Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._router = router
        self._salt = salt
        self._limits = limits or bounds.Bounds()
        #: When the batch of hosts began that runs now, on that clock.
        self._batch_began = float("-inf")
        self._clock = clock
        self._nodes: dict[str, Node] = {}
        #: What is beyond us, and would be each time, by key.
        self._beyond: dict[str, failures.HopFailure] = {}
        self._lacks = Lacks(clock)

    def find(self, key: str) -> Node | None:
        """The node of *key* when its context is up."""
        node = self._nodes.get(key)
        return node if node is not None and node.is_up else None

    def when_up(self, key: str, done: Callable[[Node | None], None]) -> None:
        """Call ``done(node)`` with that of *key*, once it is ready if it is to be; or None."""

        def on_outcome(outcome: Any) -> None:
            done(outcome.node if isinstance(outcome, Reached) else None)

        node = self._nodes.get(key)
        if node is None or node.is_ready:
            done(node)
        else:
            node.waiters.append(on_outcome)

    def hold(self, node: Node) -> None:
        """Something runs there: it is not to be ended when it is retired. See `release`."""
        for one in node.way:
            one.holds += 1

    def release(self, node: Node) -> None:
        """Undo one `hold`."""
        for one in node.way:
            one.holds -= 1
        self._use(node)
        # What it lives on may have been retired after it.
        for one in node.way:
            if one.is_retired:
                _end_when_idle(one)

    def doubt(self, node: Node) -> None:
        """A request that was cancelled there has not ended. See `trust`.

        Nothing begins on its login, until it has, or the login is retired.
        """
        node.login.doubts += 1

    def trust(self, node: Node) -> None:
        """Undo one `doubt`."""
        login = node.login
        login.doubts -= 1
        for member in login.subtree():
            if member.is_ready:
                self._answer(member, Reached(member, is_new=False))

    def retire(self, node: Node) -> None:
        """Let go of *node* and what lives on it, which end when nothing runs there any more.

        Whoever asks for one of them from now on gets a new one. Harmless when done already.
        """
        if self._nodes.get(node.key) is not node:
            return
        if node.parent is not None:
            node.parent.children.remove(node)
        node.is_retired = True
        members = node.subtree()
        for member in members:
            del self._nodes[member.key]
        for member in members:
            self._answer(member, Retired())
        _end_when_idle(node)

    def idle_beside(self, node: Node, *, with_logins: bool = False) -> list[Node]:
        """Accounts that tasks became on the machine of *node*, and where nothing runs now.

        :param with_logins: those logged in to as well.
        """
        return [
            other
            for other in self._nodes.values()
            if (with_logins or other is not other.login)
            # Another interpreter of the same account, which goes with that.
            and not (other.parent is not None and other.hop.method == "local")
            and _machine(other) == _machine(node)
            and node not in other.subtree()
            and bounds.is_idle(other)
        ]

    def end_unused(self) -> None:
        """End what nobody has used for long."""
        self._end_unused_since(self._clock() - self._limits.idle)

    def end_batch(self) -> None:
        """A batch of hosts is done: end what nobody has used since the one before it.

        Hosts that every batch needs, such as those that tasks are delegated to, stay.
        """
        self._batch_began, began = self._clock(), self._batch_began
        self._end_unused_since(began)

    def _end_unused_since(self, latest: float) -> None:
        for node in list(self._nodes.values()):
            # What was before it in the list may have taken it along.
            is_kept = self._nodes.get(node.key) is node
            if is_kept and node.used <= latest and bounds.is_idle(node):
                LOG.debug("%s: ended, unused for %.0f s", node.hop.describe(),
                          self._clock() - node.used)  # fmt: skip
                self.retire(node)

    def end(self, nodes: Sequence[Node], seen_from: Node, done: Callable[[], None]) -> None:
        """End idle accounts, then call ``done()``: when *seen_from* sees no process of theirs."""
        left = list(nodes)

        def on_answer(node: Node) -> None:
            left.remove(node)
            if not left:
                done()

        for node in nodes:
            self.retire(node)
            user = node.hop.options.get("username") or "root"
            receiver = seen_from.context.call_async(operations.await_departure, user, END_SECONDS)
            receiver.notify = lambda _receiver, node=node: on_answer(node)

    def open(
        self,
        stack: Sequence[stacks.Hop],
        done: Callable[[Outcome], None],
        *,
        needs_python: bool = True,
    ) -> None:
        """Call ``done(outcome)`` once the context at the end of *stack* is up, or cannot be.

        :param needs_python: see `Lacks.answer`.
        """
        lack = None
        if self._lacks:  # a key costs a digest, for each task
            lack = self._lacks.answer(self._login_key(stack), needs_python=needs_python)
        if lack is None:
            self._descend(stack, 1, None, done, is_new=False)
        else:
            done(lack)

    def open_beside(
        self, node: Node, interpreter: str, stamp: str, done: Callable[[Any], None]
    ) -> None:
        """Like `open`, for a context of the account of *node* that runs another interpreter.

        *done* may also be given `Retired`: somebody has found that context, or *node*, stale.

        :param stamp: another one means another interpreter of the same name.
        """
        # As a list it is a program, whatever it is called.
        options = {
            "python_path": [[interpreter]],
            "remote_name": node.hop.options.get("remote_name"),
        }
        hop = stacks.Hop("local", options)
        self._find_or_make(f"{node.key} {stamp} {interpreter}", hop, node, done, is_new=False)

    def reset(self, stack: Sequence[stacks.Hop]) -> None:
        """Retire the logins to the machine that *stack* leads to, and all that lives on them.

        Those to the same account; what they go through stays. As when stock stops its master, what
        others run there comes to its end.
        """
        account = stacks.account_key(stack)
        self._beyond.clear()
        self._lacks.clear()
        for node in list(self._nodes.values()):
            is_same = node is node.login and stacks.account_key(node.stack) == account
            if is_same and node.context:
                self.retire(node)

    def _login_key(self, stack: Sequence[stacks.Hop]) -> str:
        return stacks.digest(stack[: stacks.login_depth(stack)], self._salt)

    def _descend(
        self,
        stack: Sequence[stacks.Hop],
        depth: int,
        parent: Node | None,
        done: Callable[[Outcome], None],
        *,
        is_new: bool,
    ) -> None:
        key = stacks.digest(stack[:depth], self._salt)

        def step(outcome: Outcome | Retired) -> None:
            try:
                advance(outcome)
            except Exception as exc:
                LOG.exception("%s: cannot be opened", stack[depth - 1].describe())
                done(failures.classify(stack[depth - 1], exc))

        def advance(outcome: Outcome | Retired) -> None:
            if isinstance(outcome, Retired):
                self._descend(stack, 1, None, done, is_new=True)
            elif isinstance(outcome, failures.HopFailure) and depth < stacks.login_depth(stack):
                done(failures.on_the_way(outcome, stack[depth - 1].describe()))
            elif isinstance(outcome, failures.HopFailure) or depth == len(stack):
                done(outcome)
            else:
                made = is_new or outcome.is_new
                self._descend(stack, depth + 1, outcome.node, done, is_new=made)

        self._find_or_make(key, stack[depth - 1], parent, step, is_new=is_new)

    def _find_or_make(
        self,
        key: str,
        hop: stacks.Hop,
        parent: Node | None,
        done: Callable[[Outcome], None],
        *,
        is_new: bool,
    ) -> None:
        node = self._nodes.get(key)
        if node is not None:
            self._use(node)
        if key in self._beyond:
            done(self._beyond[key])
        elif node is None:
            self._make_room(hop, parent)
            self._make(key, hop, parent, done)
        elif node.is_ready:
            done(Reached(node, is_new))
        else:
            node.waiters.append(done)

    def _use(self, node: Node | None) -> None:
        now = self._clock()
        while node is not None:
            node.used = now
            node = node.parent

    def _make_room(self, hop: stacks.Hop, parent: Node | None) -> None:
        """End what idles longest, if there are as many as are kept of what *hop* leads to."""
        if hop.is_login:
            beside = [node for node in self._nodes.values() if _is_login_from(node, parent)]
            limit = self._limits.logins if parent is None else self._limits.behind
            leaving = bounds.to_make_room(beside, limit)
        elif hop.method in stacks.ESCALATIONS:
            login = None if parent is None else parent.login
            beside = [node for node in self._nodes.values() if _is_account_of(node, login)]
            leaving = bounds.to_make_room(beside, self._limits.interpreters)
        else:
            return
        for node in leaving:
            LOG.debug("%s: ended to make room", node.hop.describe())
            self.retire(node)

    def _make(
        self,
        key: str,
        hop: stacks.Hop,
        parent: Node | None,
        waiter: Callable[[Outcome], None],
    ) -> None:
        node = Node(key, hop, parent, waiters=[waiter])
        self._nodes[key] = node
        self._use(node)
        if parent is not None:
            parent.children.append(node)
        try:
            factory = getattr(self._router, hop.method)
            via = None if parent is None else parent.context
            node.context = factory(via=via, wait=False, **_options(hop, parent))
        except Exception as exc:
            LOG.debug("%s: cannot be started", hop.method, exc_info=True)
            self._fail(node, failures.classify(hop, exc))
            return
        node.context.listen("disconnect", lambda: self._forget(node))
        node.context.connection.notify(lambda connection: self._on_connection(node, connection))

    def _on_connection(self, node: Node, connection: Any) -> None:
        if connection.error is not None:
            self._fail(node, failures.classify(node.hop, connection.error, node.context.name))
            return
        if node.is_up or self._nodes.get(node.key) is not node:
            return
        node.is_up = True
        node.executable = str(connection.interpreter.executable)
        node.version = [int(part) for part in connection.interpreter.version[:3]]
        self._answer(node, Reached(node, is_new=True))

    def _fail(self, node: Node, failure: failures.HopFailure) -> None:
        if failure.kind is FailureKind.UNSUPPORTED:
            self._beyond[node.key] = dataclasses.replace(failure, is_known=True)
        elif failure.kind is FailureKind.NO_PYTHON and node.hop.is_login:
            failure = self._lacks.note(node.key, failure)
        self._forget(node)
        self._answer(node, failure)

    def _answer(self, node: Node, outcome: Outcome | Retired) -> None:
        waiters, node.waiters = node.waiters, []
        for waiter in waiters:
            waiter(outcome)

    def _forget(self, node: Node) -> None:
        """Drop *node* and all behind it; whoever waits for them is told."""
        if self._nodes.get(node.key) is not node:
            return
        del self._nodes[node.key]
        if node.parent is not None:
            node.parent.children.remove(node)
        was_up, node.is_up = node.is_up, False
        if was_up:
            # Nothing has begun of what waits for something to end there.
            self._answer(node, Retired())
        for child in list(node.children):
            self._forget(child)
            self._answer(child, failures.lost(node.hop.method))
        if not was_up and node.context is not None and node.context.connection.error is None:
            # Lost before it was up without an error of its own: closed on request.
            self._answer(node, failures.lost(node.hop.method))


def _is_login_from(node: Node, start: Node | None) -> bool:
    return node.parent is start and node.hop.is_login


def _is_account_of(node: Node, login: Node | None) -> bool:
    """Whether it is an account that a task became behind that *login*, None being this machine."""
    if node.hop.method not in stacks.ESCALATIONS:
        return False
    return (None if node.parent is None else node.parent.login) is login


def _machine(node: Node) -> str:
    """The same for nodes that may be on the same machine."""
    login = node.login
    name = login.hop.options.get("hostname")
    if name not in {None, "localhost", "127.0.0.1", "::1"}:
        return str(name)
    # The same machine once more, as seen from there.
    return "localhost" if login.parent is None else _machine(login.parent)


def _end_when_idle(top: Node) -> None:
    if not top.holds:
        top.context.shutdown()


def _options(hop: stacks.Hop, parent: Node | None) -> dict[str, Any]:
    """The factory's keyword arguments: what is None has the factory's own default."""
    options = {name: value for name, value in hop.options.items() if value is not None}
    python = options.get("python_path", [])
    if parent is not None and not hop.is_login and parent.executable and len(python) > 1:
        # Discovery happens once, as the login user; the escalated account uses what it found.
        # As a list it is a program, whatever it is called.
        options["python_path"] = [
            [parent.executable],
            *(candidate for candidate in python if candidate != parent.executable),
        ]
    return options
