"""mitogen.imports.forwarder."""

from __future__ import annotations

from mitogen.imports.forwarder import Answer, Ask, ModuleCache, Wait
from mitogen.wire.control import LoadModule


def module(name, related=(), size=10, error=None):
    """A record as the parent would send it."""
    return LoadModule(
        fullname=name,
        is_package=False,
        path=f"/{name}.py",
        source=None if error else b"s" * size,
        code=None,
        magic=None,
        error=error,
        related=list(related),
    )


def names(record):
    """What was sent along with a record."""
    return [other.fullname for other in record.related]


def test_the_first_request_is_asked_the_others_wait():
    """Any number of children costs one request, and all get the answer, in order."""
    cache = ModuleCache()
    assert cache.request("a", "one") == Ask("a")
    assert cache.request("a", "two") == Wait("a")
    answers = cache.store(module("a"))
    assert [answer.who for answer in answers] == ["one", "two"]
    assert {answer.record.fullname for answer in answers} == {"a"}


def test_later_requests_are_answered_at_once():
    """What passed through is kept."""
    cache = ModuleCache()
    cache.store(module("a"))
    verdict = cache.request("a", "me")
    assert type(verdict) is Answer
    assert verdict.record.source == b"s" * 10
    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_refusals_are_kept():
    """A refusal is an answer like any other."""
    cache = ModuleCache()
    cache.store(module("a", error="because"))
    assert cache.request("a", "me").record.error == "because"


def test_related_modules_answer_their_own_requests():
    """What came along is there for others, and for whoever already waits for it."""
    cache = ModuleCache()
    cache.request("a", "first")
    cache.request("b", "second")
    answers = cache.store(module("a", [module("b"), module("c")]))
    assert [(answer.who, answer.record.fullname) for answer in answers] == [
        ("first", "a"),
        ("second", "b"),
    ]
    assert type(cache.request("c", "third")) is Answer


def test_related_modules_are_handed_on():
    """A child gets along what this context got along."""
    cache = ModuleCache()
    cache.store(module("a", [module("b")]))
    assert names(cache.request("a", "me", "peer").record) == ["b"]


def test_nothing_is_sent_along_twice_to_the_same_peer():
    """What a peer has had is left out for it, and only for it; an explicit request is answered."""
    cache = ModuleCache()
    cache.store(module("a", [module("c")]))
    cache.store(module("b", [module("c"), module("a")]))
    assert names(cache.request("a", 1, "peer").record) == ["c"]
    assert names(cache.request("b", 2, "peer").record) == []
    assert names(cache.request("b", 3, "other").record) == ["c", "a"]
    assert type(cache.request("c", 4, "peer")) is Answer
    cache.forget_peer("peer")
    assert names(cache.request("b", 5, "peer").record) == ["c", "a"]


def test_failure_is_answered_and_forgotten():
    """When the parent was out of reach, the next request asks it again."""
    cache = ModuleCache()
    cache.request("a", "me")
    failed = module("a", error="no answer")
    assert cache.fail("a", failed) == [Answer("me", failed)]
    assert cache.request("a", "me") == Ask("a")


def test_unasked_failure():
    """A failure nobody waits for is nobody's."""
    assert ModuleCache().fail("a", module("a", error="x")) == []


def test_bytes_are_bounded():
    """The oldest modules go when there are too many bytes, and can be asked for again."""
    cache = ModuleCache(max_bytes=250)
    for name in "abc":
        cache.store(module(name, size=100))
    assert cache.get("a") is None
    assert cache.get("b") is not None
    assert cache.request("a", "me") == Ask("a")


def test_refusals_are_bounded():
    """Answers without bytes are limited in number."""
    cache = ModuleCache(max_records=2)
    for name in "abc":
        cache.store(module(name, error="no"))
    assert [cache.get(name) is not None for name in "abc"] == [False, True, True]


def test_a_module_too_large_to_keep_is_still_answered():
    """The limit concerns what is kept."""
    cache = ModuleCache(max_bytes=5)
    cache.request("a", "me")
    assert [answer.who for answer in cache.store(module("a"))] == ["me"]


def test_a_newer_record_replaces_the_old_one():
    """Bytes are counted once per name."""
    cache = ModuleCache(max_bytes=100)
    for _ in range(10):
        cache.store(module("a", size=60))
    assert cache.get("a") is not None


def test_evicted_relatives_are_left_out():
    """A module's relatives that are gone from here are asked for by name later."""
    cache = ModuleCache(max_records=2)
    cache.store(module("a", [module("b"), module("c")]))
    record = cache.request("a", "me", "peer").record
    assert len(names(record)) == 1
