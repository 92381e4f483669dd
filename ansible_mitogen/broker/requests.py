"""What a client may ask, one class for each."""

from __future__ import annotations

from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen import stack as stacks
from ansible_mitogen.broker.failures import HopFailure
from ansible_mitogen.broker.request import Request
from ansible_mitogen.broker.run_request import RunRequest
from ansible_mitogen.broker.tree import BOOT_MESSAGES, Node, Outcome
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.target import operations
from mitogen.core import CallError, ChannelError


class OpenRequest(Request):
    """See `protocol.Open`."""

    def __init__(self, record: protocol.Open, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._record = record

    def start(self) -> None:
        """Find or make the context."""
        stack = [stacks.Hop.from_value(value) for value in self._record.stack]
        self.environment.set_variables(self._record.environment)
        tree, needs_python = self.environment.tree, self._record.needs_python
        tree.open(stack, self._on_outcome, needs_python=needs_python)

    def _on_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, HopFailure):
            self.fail(outcome.kind, outcome.message, outcome.hop, is_known=outcome.is_known)
            return
        node = outcome.node
        messages = BOOT_MESSAGES if outcome.is_new else 0
        self.finish(
            protocol.Opened(
                self.number, node.key, node.executable, node.version, messages, messages
            )
        )


class CallRequest(Request):
    """See `protocol.Call`."""

    def __init__(self, record: protocol.Call, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._record = record

    def start(self) -> None:
        """Call the operation."""
        self.with_node(self._record.key, self._call)

    def cancel(self) -> None:
        """Wait for it to end, as a call does that nothing keeps up."""
        super().cancel()
        self.await_end()

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
        self.environment.tree.reset([stacks.Hop.from_value(value) for value in self._stack])
        self.finish(protocol.Returned(self.number, None))


class EndBatchRequest(Request):
    """See `protocol.EndBatch`."""

    def __init__(self, record: protocol.EndBatch, *rest: Any) -> None:
        super().__init__(record.request, *rest)

    def start(self) -> None:
        """End what the batch did not use."""
        self.environment.tree.end_batch()
        self.finish(protocol.Returned(self.number, None))


#: Which class serves which record. `protocol.Files` belongs to a request that is under way.
REQUESTS: dict[type[protocol.Record], Any] = {
    protocol.Open: OpenRequest,
    protocol.Run: RunRequest,
    protocol.Call: CallRequest,
    protocol.Reset: ResetRequest,
    protocol.EndBatch: EndBatchRequest,
}
