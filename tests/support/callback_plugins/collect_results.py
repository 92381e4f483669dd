"""Writes each task result as one JSON line, for tests that compare whole runs."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: collect_results
type: aggregate
short_description: one JSON line per task result
description: Writes to the file named in MITOGENTEST_RESULTS. For tests.
options: {}
"""


def _place(result):
    # Underscored names up to 2.18, plain ones after.
    host = getattr(result, "host", None) or result._host
    return host, getattr(result, "task", None) or result._task


class CallbackModule(CallbackBase):
    """One line per host and task, with the result as callbacks get it, the diff included.

    And with how many items of a loop ran: the result of a hidden loop has no items up to 2.18.
    """

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "collect_results"

    def __init__(self):
        super().__init__()
        self._path = os.environ.get("MITOGENTEST_RESULTS")
        self._play = ""
        self._items = {}

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_name()

    def v2_runner_item_on_ok(self, result):
        self._count(result, 1)

    def v2_runner_item_on_failed(self, result):
        self._count(result, 1)

    def v2_runner_item_on_skipped(self, result):
        self._count(result, 0)

    def v2_runner_on_ok(self, result):
        self._write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_playbook_on_notify(self, handler, host):
        self._append({"status": "notified", "host": str(host), "task": handler.name})

    def v2_playbook_on_stats(self, stats):
        hosts = sorted(stats.processed)
        for host in hosts:
            self._append({"status": "stats", "host": host, "result": stats.summarize(host)})

    def _count(self, result, ran):
        host, task = _place(result)
        key = host.get_name(), task._uuid
        self._items[key] = self._items.get(key, 0) + ran

    def _write(self, status, result):
        host, task = _place(result)
        values = result.result if hasattr(result, "result") else result._result
        self._append(
            {
                "play": self._play,
                "status": status,
                "host": host.get_name(),
                "task": task.name or task.get_name(),
                "action": str(task.action),
                "way": str(task.vars.get("way", "")),
                "result": values,
                "items": self._items.pop((host.get_name(), task._uuid), None),
            }
        )

    def _append(self, line):
        if not self._path:
            return
        with open(self._path, "a", encoding="utf-8") as out:
            out.write(json.dumps(line, default=repr, sort_keys=True) + "\n")
