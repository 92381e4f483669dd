"""What a client may ask, one class for each: started, answered by callbacks, cancelled.

Everything runs on the broker thread and nothing waits: an answer of a context comes through its
receiver's `notify`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen import stack as stacks
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.failures import HopFailure
from ansible_mitogen.broker.respawns import Restart
from ansible_mitogen.broker.tree import BOOT_MESSAGES, ContextTree, Node, Outcome
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.target import operations, records
from ansible_mitogen.target.records import CANCEL_HANDLE, JOB_HANDLE
from mitogen.core import CallError, ChannelError, Message

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

    def find(self, key: str) -> Node | None:
        """The node of *key*; fails the request when there is none."""
        node = self.environment.tree.find(key)
        if node is None:
            self.fail(FailureKind.CLOSED, "the connection is closed")
        return node


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
        #: The context's `Node`, once it was found, and the one that the job goes to.
        self._home: Any = None
        self._node: Any = None
        #: What is expected of the module that is on its way to where it would restart itself.
        self._restart: Restart | None = None
        self._sent = 0
        #: Messages besides those of the job in its place.
        self._extra = 0

    def start(self) -> None:
        """Send the job, or ask for its files."""
        self._home = self.find(self._key)
        if self._home is None:
            return
        self._restart = self._home.respawns.foresee(self._job)
        if self._restart is None:
            self._send_home()
        else:
            interpreter, stamp = self._restart.interpreter, self._restart.stamp
            self.environment.tree.open_beside(self._home, interpreter, stamp, self._on_beside)

    def _send_home(self) -> None:
        self._restart = None
        self._node = self.find(self._key)
        if self._node is not None:
            self._send_or_ask()

    def _on_beside(self, outcome: Outcome) -> None:
        """The context of the other interpreter is up, or cannot be."""
        if self.is_over or self._restart is None:
            return
        if isinstance(outcome, HopFailure):
            self._home.respawns.give_up_interpreter(self._restart.interpreter)
            self._send_home()
            return
        self._node = outcome.node
        self._extra += BOOT_MESSAGES if outcome.is_new else 0
        self._send_or_ask()

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

    def cancel(self) -> None:
        """End what runs there."""
        is_running = self._sent and not self.is_over
        super().cancel()
        if is_running and self._node is not None and self._node.is_up:
            message = Message.pickled(self._job["job_id"], handle=CANCEL_HANDLE)
            self._node.context.send(message)

    def _wanted(self) -> list[str]:
        return [digest for digest in set(self._files.values()) if digest not in self._node.digests]

    def _send_or_ask(self) -> None:
        missing = self.environment.contents.missing(self._wanted())
        if missing:
            self._answer(protocol.NeedFiles(self.number, missing))
        else:
            self._send()

    def _send(self) -> None:
        node = self._node
        job = dict(self._job)
        if self._restart is not None:
            job["unchanged"] = dict(self._restart.unchanged)
        if self._files:
            wanted = self._wanted()
            job["supplied"] = self.environment.contents.take(wanted)
            node.digests.update(wanted)
        self._sent += 1
        receiver = node.context.send_async(Message.pickled(job, handle=JOB_HANDLE))
        receiver.notify = self._on_result

    def _on_result(self, receiver: Any) -> None:
        message = receiver.get(block=False, throw_dead=False)
        if self.is_over:
            return
        try:
            result = message.unpickle()
        except ChannelError as exc:
            self.fail(FailureKind.LOST, str(exc))
            return
        except Exception as exc:
            self.fail(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")
            return
        missing = result.get("missing")
        if missing and self._sent < MAX_SENDS:
            self._node.digests.difference_update(missing)
            self._send_or_ask()
            return
        if self._restart is not None:
            if result.get("ended") == records.DECLINED:
                self._on_declined(result.get("detail"))
                return
            result = self._restart.result_of(result)
        else:
            restart = Restart.from_value(result.get("respawned"))
            if restart is not None:
                self._home.respawns.learn(self._job, restart)
        messages = self._sent + self._extra
        self.finish(protocol.Finished(self.number, result, messages, messages))

    def _on_declined(self, reason: str | None) -> None:
        """Nothing was done there: run it where it belongs."""
        if reason == records.CHANGED:
            self._home.respawns.forget(self._job)
        elif reason == records.ASKED:
            self._home.respawns.give_up(self._job)
        self._extra += self._sent
        self._sent = 0
        self._send_home()


class CallRequest(Request):
    """See `protocol.Call`."""

    def __init__(self, record: protocol.Call, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._record = record

    def start(self) -> None:
        """Call the operation."""
        node = self.find(self._record.key)
        if node is None:
            return
        name = self._record.operation
        function = None if name.startswith("_") else getattr(operations, name, None)
        if function is None:
            self.fail(FailureKind.INTERNAL, f"there is no operation {name!r}")
            return
        receiver = node.context.call_async(function, *self._record.arguments)
        receiver.notify = self._on_result

    def _on_result(self, receiver: Any) -> None:
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
