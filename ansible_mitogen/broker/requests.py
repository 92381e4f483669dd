"""What a client may ask, one class for each: started, answered by callbacks, cancelled.

Everything runs on the broker thread and nothing waits: an answer of a context comes through its
receiver's `notify`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen import stack as stacks
from ansible_mitogen.broker import accounts
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.failures import HopFailure
from ansible_mitogen.broker.tree import BOOT_MESSAGES, ContextTree, Node, Outcome
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.target import operations
from ansible_mitogen.target.records import CANCEL_HANDLE, JOB_HANDLE, STALE, STALE_LOGIN
from mitogen.core import CallError, ChannelError, Message

LOG = logging.getLogger("ansible_mitogen.broker")

#: A job is sent again when the context says that it lost files; once is what that can take.
MAX_SENDS = 3


@dataclasses.dataclass
class Environment:
    """What requests work with; one for the process."""

    tree: ContextTree
    contents: ContentCache
    #: Sets variables of this process that children inherit (SSH_AUTH_SOCK).
    set_variables: Callable[[dict[str, str]], None]


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

    def fail(self, kind: FailureKind, message: str, hop: str = "") -> None:
        """Give a failure as the final answer."""
        self.finish(protocol.Failed(self.number, kind, hop, message))

    def with_node(self, key: str, use: Callable[[Node], None]) -> None:
        """``use(node)`` with the node of *key*, held; fails the request when there is none."""

        def on_node(node: Node | None) -> None:
            if node is None:
                self.fail(FailureKind.CLOSED, "the connection is closed")
            elif not self.is_over:
                self.hold(node)
                use(node)

        self.environment.tree.when_up(key, on_node)

    def hold(self, node: Node) -> None:
        """Keep *node* from being ended, instead of what was held before."""
        self.environment.tree.hold(node)
        self.let_go()
        self._held = node

    def let_go(self) -> None:
        """Nothing of ours runs any more."""
        held, self._held = self._held, None
        if held is not None:
            self.environment.tree.release(held)


class OpenRequest(Request):
    """See `protocol.Open`."""

    def __init__(self, record: protocol.Open, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._record = record

    def start(self) -> None:
        """Find or make the context."""
        stack = [stacks.Hop.from_value(value) for value in self._record.stack]
        self.environment.set_variables(self._record.environment)
        self.environment.tree.open(stack, self._on_outcome)

    def _on_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, HopFailure):
            self.fail(outcome.kind, outcome.message, outcome.hop)
            return
        node = outcome.node
        messages = BOOT_MESSAGES if outcome.is_new else 0
        self.finish(
            protocol.Opened(
                self.number, node.key, node.executable, node.version, messages, messages
            )
        )


class RunRequest(Request):
    """See `protocol.Run`."""

    def __init__(self, record: protocol.Run, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._key = record.key
        self._job = record.job
        self._files: dict[str, str] = record.job.get("files") or {}
        #: The context's `Node`, once it was found.
        self._node: Any = None
        self._sent = 0
        self._is_under_way = False
        #: Why another context was made for it; '' when none was.
        self._why_renewed = ""

    def start(self) -> None:
        """Send the job, or ask for its files."""
        self.with_node(self._key, self._on_node)

    def _on_node(self, node: Node) -> None:
        self._node = node
        in_the_way = self._in_the_way(node)
        if in_the_way:
            self.environment.tree.end(in_the_way, node, self._send_or_ask)
        else:
            self._send_or_ask()

    def _in_the_way(self, node: Node) -> list[Node]:
        """Idle contexts that the job might find, where with stock Ansible there is nothing."""
        tree = self.environment.tree
        if accounts.unmounts(self._job):
            return tree.idle_beside(node, with_logins=True)
        return [
            other
            for other in tree.idle_beside(node)
            if accounts.is_about(self._job, other.hop.options.get("username") or "root")
        ]

    def on_files(self, record: protocol.Files) -> None:
        """The client's answer to `protocol.NeedFiles`."""
        if self.is_over:
            return
        self.environment.contents.add(record.contents)
        missing = self.environment.contents.missing(self._wanted())
        if missing:
            self.fail(FailureKind.INTERNAL, f"files {missing} of a module are not to be had")
        else:
            self._send()

    def finish(self, answer: protocol.Record) -> None:
        """Give the final answer."""
        self.let_go()
        super().finish(answer)

    def cancel(self) -> None:
        """End what runs there."""
        super().cancel()
        if not self._is_under_way:
            self.let_go()
        elif self._node.is_up:
            message = Message.pickled(self._job["job_id"], handle=CANCEL_HANDLE)
            self._node.context.send(message)

    def _wanted(self) -> list[str]:
        return [digest for digest in set(self._files.values()) if digest not in self._node.digests]

    def _send_or_ask(self) -> None:
        if self.is_over:
            return
        missing = self.environment.contents.missing(self._wanted())
        if missing:
            self._answer(protocol.NeedFiles(self.number, missing))
        else:
            self._send()

    def _send(self) -> None:
        node = self._node
        job = {**self._job, "method": node.hop.method}
        if self._files:
            wanted = self._wanted()
            job["supplied"] = self.environment.contents.take(wanted)
            node.digests.update(wanted)
        self._sent += 1
        self._is_under_way = True
        receiver = node.context.send_async(Message.pickled(job, handle=JOB_HANDLE))
        receiver.notify = self._on_result

    def _on_result(self, receiver: Any) -> None:
        self._is_under_way = False
        message = receiver.get(block=False, throw_dead=False)
        if self.is_over:
            self.let_go()
            return
        try:
            result = message.unpickle()
        except ChannelError as exc:
            self.fail(FailureKind.LOST, str(exc))
            return
        except Exception as exc:
            self.fail(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")
            return
        if result["ended"] in {STALE, STALE_LOGIN}:
            self._renew(result)
            return
        missing = result.get("missing")
        if missing and self._sent < MAX_SENDS:
            self._node.digests.difference_update(missing)
            self._send_or_ask()
            return
        result["renewed"] = self._why_renewed
        self.finish(protocol.Finished(self.number, result, self._sent, self._sent))

    # A context that is not what a new one would be -------------------------------------------

    def _renew(self, result: dict[str, Any]) -> None:
        """Have another context made, once, and run the job there."""
        node, tree = self._node, self.environment.tree
        # What was supplied with the job was not kept.
        tree.retire(node.login if result["ended"] == STALE_LOGIN else node)
        if self._why_renewed:
            self.fail(FailureKind.LOST, f"it keeps changing: {result['detail']}", node.hop.method)
            return
        self._why_renewed = result["detail"]
        LOG.info("%s: a new context, for %s", node.hop.describe(), self._why_renewed)
        self.let_go()
        tree.open(node.stack, self._on_renewed)

    def _on_renewed(self, outcome: Outcome) -> None:
        if isinstance(outcome, HopFailure):
            self.fail(outcome.kind, outcome.message, outcome.hop)
        elif not self.is_over:
            self.hold(outcome.node)
            self._on_node(outcome.node)


class CallRequest(Request):
    """See `protocol.Call`."""

    def __init__(self, record: protocol.Call, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._record = record

    def start(self) -> None:
        """Call the operation."""
        self.with_node(self._record.key, self._call)

    def _call(self, node: Node) -> None:
        name = self._record.operation
        function = None if name.startswith("_") else getattr(operations, name, None)
        if function is None:
            self.let_go()
            self.fail(FailureKind.INTERNAL, f"there is no operation {name!r}")
            return
        receiver = node.context.call_async(function, *self._record.arguments)
        receiver.notify = self._on_result

    def _on_result(self, receiver: Any) -> None:
        self.let_go()
        try:
            value = receiver.get(block=False, throw_dead=False).unpickle()
        except ChannelError as exc:
            self.fail(FailureKind.LOST, str(exc))
        except CallError as exc:
            self.fail(FailureKind.REMOTE, exc.message)
        except Exception as exc:
            self.fail(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")
        else:
            self.finish(protocol.Returned(self.number, value))


class ResetRequest(Request):
    """See `protocol.Reset`."""

    def __init__(self, record: protocol.Reset, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._stack = record.stack

    def start(self) -> None:
        """End the login."""
        self.environment.tree.reset(stacks.Hop.from_value(self._stack[0]))
        self.finish(protocol.Returned(self.number, None))


#: Which class serves which record. `protocol.Files` belongs to a request that is under way.
REQUESTS: dict[type[protocol.Record], Any] = {
    protocol.Open: OpenRequest,
    protocol.Run: RunRequest,
    protocol.Call: CallRequest,
    protocol.Reset: ResetRequest,
}
