"""What a request of a client is: started, answered by callbacks, cancelled. Broker thread.

Nothing waits: an answer of a context comes through its receiver's `notify`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.tree import ContextTree, Node
from ansible_mitogen.protocol import FailureKind

LOG = logging.getLogger("ansible_mitogen.broker")

#: Seconds that what was cancelled has to end; a job is killed after two of them.
CANCEL_SECONDS = 5.0


@dataclasses.dataclass
class Environment:
    """What requests work with; one for the process."""

    tree: ContextTree
    contents: ContentCache
    #: Sets variables of this process that children inherit (SSH_AUTH_SOCK).
    set_variables: Callable[[dict[str, str]], None]
    #: ``after(seconds, function)`` calls it then, unless what is returned is told to ``cancel``.
    after: Callable[[float, Callable[[], None]], Any]


class Request:
    """One request of a client; `answer` is called with each record for it.

    `is_over` is set once the final answer is given, or the request is cancelled.
    """

    def __init__(
        self, number: int, environment: Environment, answer: Callable[[protocol.Record], None]
    ) -> None:
        self.number = number
        self.environment = environment
        self.is_over = False
        self._answer = answer
        self._held: Node | None = None
        #: Runs while what was cancelled has not ended.
        self._patience: Any = None

    def start(self) -> None:
        """Begin."""
        raise NotImplementedError

    def cancel(self) -> None:
        """The client is gone: nobody wants the answer."""
        self.is_over = True

    def finish(self, answer: protocol.Record) -> None:
        """Give the final answer."""
        if not self.is_over:
            self.is_over = True
            self._answer(answer)

    def fail(
        self, kind: FailureKind, message: str, hop: str = "", *, is_known: bool = False
    ) -> None:
        """Give a failure as the final answer."""
        self.finish(protocol.Failed(self.number, kind, hop, message, is_known))

    def guarded(self, use: Callable[..., None]) -> Callable[..., None]:
        """*use* as a callback: what it raises fails the request, for its client waits."""

        def call(*arguments: Any) -> None:
            try:
                use(*arguments)
            except Exception as exc:
                LOG.exception("a request failed")
                self.let_go()
                self.fail(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")

        return call

    def with_node(self, key: str, use: Callable[[Node], None]) -> None:
        """``use(node)`` with the node of *key*, held; fails the request when there is none."""

        def on_node(node: Node | None) -> None:
            if node is None:
                self.fail(FailureKind.CLOSED, "the connection is closed")
            elif not self.is_over:
                self.hold(node)
                use(node)

        self.environment.tree.when_up(key, self.guarded(on_node))

    def hold(self, node: Node) -> None:
        """Keep *node* from being ended, instead of what was held before."""
        self.environment.tree.hold(node)
        self.let_go()
        self._held = node

    def let_go(self) -> None:
        """Nothing of ours runs any more."""
        held, self._held = self._held, None
        if held is None:
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            self.environment.tree.trust(held)
        self.environment.tree.release(held)

    def await_end(self) -> None:
        """What was cancelled still runs, until `let_go`; it does not get for ever for that.

        A process there may be stopped, or wait for a disk that does not answer. The next task is
        not to wait with it.
        """
        held = self._held
        if held is None:
            return

        def give_up() -> None:
            LOG.warning("%s: does not end what was cancelled", held.login.hop.describe())
            self.environment.tree.retire(held.login)
            self.let_go()

        self.environment.tree.doubt(held)
        self._patience = self.environment.after(CANCEL_SECONDS, give_up)
