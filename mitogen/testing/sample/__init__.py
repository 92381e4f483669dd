"""A package that a context has to fetch: the conformance suite asks one of its modules."""

GREETING = "hello"
