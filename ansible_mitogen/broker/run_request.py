"""The request that runs a job: where, with which files, and again where nothing ran. Broker thread.

Its context is *home*. The job of a module that would restart itself under another interpreter goes
to a context *beside* it (see respawns.py). Either may turn out not to be what a new one would be;
home is made anew then.
"""

from __future__ import annotations

import logging
from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen.broker import accounts
from ansible_mitogen.broker.failures import HopFailure
from ansible_mitogen.broker.request import Request
from ansible_mitogen.broker.respawns import Restart
from ansible_mitogen.broker.tree import BOOT_MESSAGES, Node, Outcome, Reached, Retired
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.target import records
from ansible_mitogen.target.records import CANCEL_HANDLE, JOB_HANDLE, STALE, STALE_LOGIN
from mitogen.core import ChannelError, Message

LOG = logging.getLogger("ansible_mitogen.broker")

#: A job is sent again when the context says that it lost files; once is what that can take.
MAX_SENDS = 3


class RunRequest(Request):
    """See `protocol.Run`."""

    def __init__(self, record: protocol.Run, *rest: Any) -> None:
        super().__init__(record.request, *rest)
        self._key = record.key
        self._job = record.job
        self._files: dict[str, str] = record.job.get("files") or {}
        #: The nodes of the context that the job belongs to, and of the one that it goes to.
        self._home: Any = None
        self._node: Any = None
        #: What is expected of the module that is on its way to where it would restart itself.
        self._restart: Restart | None = None
        self._sent = 0
        #: Messages besides those of the job in its place.
        self._extra = 0
        self._is_under_way = False
        #: Why another context was made for it; '' when none was.
        self._why_renewed = ""

    def start(self) -> None:
        """Send the job, or ask for its files."""
        self.with_node(self._key, self._on_home)

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
            return
        self.await_end()
        if self._node.is_up:
            message = Message.pickled(self._job["job_id"], handle=CANCEL_HANDLE)
            self._node.context.send(message)

    # Where it goes -----------------------------------------------------------------------------

    def _on_home(self, node: Node) -> None:
        self._home = node
        in_the_way = self._in_the_way(node)
        if in_the_way:
            self.environment.tree.end(in_the_way, node, self.guarded(self._choose))
        else:
            self._choose()

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

    def _choose(self) -> None:
        if self.is_over:
            return
        self._restart = self._home.respawns.foresee(self._job)
        if self._restart is None:
            self._send_home()
        else:
            interpreter, stamp = self._restart.interpreter, self._restart.stamp
            done = self.guarded(self._on_beside)
            self.environment.tree.open_beside(self._home, interpreter, stamp, done)

    def _send_home(self) -> None:
        self._restart = None
        if not self._home.is_up:
            self.fail(FailureKind.CLOSED, "the connection is closed")
            return
        self.hold(self._home)
        self._node = self._home
        self._send_or_ask()

    def _on_beside(self, outcome: Outcome | Retired) -> None:
        """The context of the other interpreter is up, or cannot be."""
        if self.is_over or self._restart is None:
            return
        if not isinstance(outcome, Reached):
            if isinstance(outcome, HopFailure):
                self._home.respawns.give_up_interpreter(self._restart.interpreter)
            self._send_home()
            return
        self.hold(outcome.node)
        self._node = outcome.node
        if outcome.is_new:
            # It has home's environment: home is asked whether that is still what it would be.
            self._extra += BOOT_MESSAGES + 1
            job = {"job_id": f"{self._job['job_id']} home", "argv": ["true"]}
            self._send_to(self._home, job, self._on_home_looked_at)
        else:
            self._send_or_ask()

    def _on_home_looked_at(self, result: dict[str, Any]) -> None:
        if result["ended"] in {STALE, STALE_LOGIN}:
            self._renew(result)
        else:
            self._send_or_ask()

    # There and back ----------------------------------------------------------------------------

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
        job = dict(self._job)
        if self._restart is not None:
            job["unchanged"] = dict(self._restart.unchanged)
        if self._files:
            wanted = self._wanted()
            job["supplied"] = self.environment.contents.take(wanted)
            self._node.digests.update(wanted)
        self._sent += 1
        self._send_to(self._node, job, self._on_result)

    def _send_to(self, node: Node, job: dict[str, Any], use: Any) -> None:
        """Run *job* there; ``use(result)`` with its result, unless the request is over."""

        def on_message(receiver: Any) -> None:
            self._is_under_way = False
            message = receiver.get(block=False, throw_dead=False)
            if self.is_over:
                self.let_go()
                return
            try:
                result = message.unpickle()
            except ChannelError as exc:
                self.fail(FailureKind.LOST, str(exc))
            except Exception as exc:
                self.fail(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")
            else:
                # A host may answer anything.
                self.guarded(use)(result)

        job = {**job, "method": self._home.hop.method}
        self._is_under_way = True
        receiver = node.context.send_async(Message.pickled(job, handle=JOB_HANDLE))
        receiver.notify = on_message

    def _on_result(self, result: dict[str, Any]) -> None:
        missing = result.get("missing")
        if result["ended"] in {STALE, STALE_LOGIN}:
            self._on_stale(result)
        elif missing and self._sent < MAX_SENDS:
            self._node.digests.difference_update(missing)
            self._send_or_ask()
        elif result["ended"] == records.DECLINED:
            self._on_declined(result.get("detail"))
        else:
            self._finish_with(result)

    def _finish_with(self, result: dict[str, Any]) -> None:
        if self._restart is not None:
            result = self._restart.result_of(result)
        else:
            restart = Restart.from_value(result.get("respawned"))
            if restart is not None:
                self._home.respawns.learn(self._job, restart)
        result["renewed"] = self._why_renewed
        messages = self._sent + self._extra
        self.finish(protocol.Finished(self.number, result, messages, messages))

    # Where nothing ran -------------------------------------------------------------------------

    def _on_declined(self, reason: str | None) -> None:
        """A restart was foreseen that may not happen: run it where it belongs."""
        if reason == records.CHANGED:
            self._home.respawns.forget(self._job)
        elif reason == records.ASKED:
            self._home.respawns.give_up(self._job)
        self._return_home()

    def _return_home(self) -> None:
        self._extra += self._sent
        self._sent = 0
        self._send_home()

    def _on_stale(self, result: dict[str, Any]) -> None:
        if self._restart is None:
            self._renew(result)
            return
        # Home says whether it is, too.
        self.environment.tree.retire(self._node)
        self._home.respawns.forget(self._job)
        self._return_home()

    def _renew(self, result: dict[str, Any]) -> None:
        """Have another home made, once, and run the job there."""
        home, tree = self._home, self.environment.tree
        # What was supplied with the job was not kept.
        tree.retire(home.login if result["ended"] == STALE_LOGIN else home)
        if self._why_renewed:
            self.fail(FailureKind.LOST, f"it keeps changing: {result['detail']}", home.hop.method)
            return
        self._why_renewed = result["detail"]
        LOG.info("%s: a new context, for %s", home.hop.describe(), self._why_renewed)
        self.let_go()
        tree.open(home.stack, self.guarded(self._on_renewed))

    def _on_renewed(self, outcome: Outcome) -> None:
        if isinstance(outcome, HopFailure):
            self.fail(outcome.kind, outcome.message, outcome.hop)
        elif not self.is_over:
            self.hold(outcome.node)
            self._on_home(outcome.node)
