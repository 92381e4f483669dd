"""The edge every context runs on: broker thread, router, streams, queues for waiting threads."""
