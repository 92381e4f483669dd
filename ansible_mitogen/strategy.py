"""What our strategy plugins have in common: stock strategies during which we take over."""

from __future__ import annotations

from typing import Any

from ansible_mitogen import takeover
from ansible_mitogen.parent import end_batch, start_with_parent


class MitogenStrategy:
    """Comes before the stock strategy's class."""

    def run(self, iterator: Any, play_context: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the play with our connections in the place of stock ones."""
        start_with_parent()
        with takeover.connections_taken_over():
            takeover.warm_parent()
            result = super().run(iterator, play_context, *args, **kwargs)  # type: ignore[misc]
        if iterator._play.serial:
            end_batch()
        return result

    def _queue_task(self, host: Any, task: Any, task_vars: Any, play_context: Any) -> Any:
        takeover.warm(str(task_vars.get("ansible_connection") or play_context.connection))
        return super()._queue_task(host, task, task_vars, play_context)  # type: ignore[misc]
