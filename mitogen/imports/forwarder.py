"""The cache of a context between the program and the child that asks; pure.

A module passes each link once: several children asking for the same one at the same time wait for
one request, and what was sent along with one module answers the next.
"""

from mitogen.wire.control import LoadModule

#: Bytes of packed sources kept. The oldest go first: they can be asked for again.
MAX_BYTES = 64 * 1048576
#: Names kept, for answers that have no bytes.
MAX_RECORDS = 20000


class _Verdict:
    """Base; a namedtuple would be shorter, and takes `collections` to make (2 ms of a start)."""

    __slots__ = ()

    def __init__(self, *fields: "object") -> "None":
        for name, value in zip(self.__slots__, fields):
            setattr(self, name, value)

    def __eq__(self, other: "object") -> "bool":
        names = self.__slots__
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    __hash__ = None


class Ask(_Verdict):
    """Ask the parent for *fullname*."""

    __slots__ = ("fullname",)


class Wait(_Verdict):
    """The parent has been asked for *fullname*."""

    __slots__ = ("fullname",)


class Answer(_Verdict):
    """*record* answers the request *who*."""

    __slots__ = ("who", "record")  # noqa: RUF023 - in the order of the arguments


def _size_of(record: "object") -> "int":
    return len(record.source or b"") + len(record.code or b"")


class ModuleCache:
    """What has passed through here, and who waits for what is on its way.

    *who* is any hashable thing that names a request (a message to reply to); *peer* names the
    context it came from, so that nothing is sent along to it twice.
    """

    def __init__(self, max_bytes: "int" = MAX_BYTES, max_records: "int" = MAX_RECORDS) -> "None":
        self._records = {}
        self._related = {}
        self._waiting = {}
        self._sent = {}
        self._bytes = 0
        self._max_bytes = max_bytes
        self._max_records = max_records

    def get(self, fullname: "str") -> "object":
        """The record of *fullname*, without what belongs to it; None when it is not here."""
        return self._records.get(fullname)

    def request(self, fullname: "str", who: "object", peer: "object" = None) -> "object":
        """Decide about a request.

        :returns: `Answer(who, record)`; `Ask(fullname)`: ask the parent and `store` what it says
            (or `fail`); `Wait(fullname)`: that has been done already.
        """
        if fullname in self._records:
            return Answer(who, self._with_related(fullname, peer))
        waiting = self._waiting.get(fullname)
        if waiting is not None:
            waiting.append((who, peer))
            return Wait(fullname)
        self._waiting[fullname] = [(who, peer)]
        return Ask(fullname)

    def store(self, record: "object") -> "list":
        """Keep *record* and what came with it; a list of the `Answer` that can be given now."""
        names = [record.fullname]
        for related in record.related:
            self._keep(related)
            names.append(related.fullname)
        self._related[record.fullname] = names[1:]
        self._keep(record)
        answers = []
        for name in names:
            for who, peer in self._waiting.pop(name, ()):
                answers.append(Answer(who, self._with_related(name, peer)))
        self._shrink()
        return answers

    def fail(self, fullname: "str", record: "object") -> "list":
        """Answer everybody who waits for *fullname* with *record*, without keeping it."""
        return [Answer(who, record) for who, _peer in self._waiting.pop(fullname, ())]

    def forget_peer(self, peer: "object") -> "None":
        """The context *peer* is gone."""
        self._sent.pop(peer, None)

    def _with_related(self, fullname: "str", peer: "object") -> "object":
        sent = self._sent.setdefault(peer, set()) if peer is not None else set()
        record = self._records[fullname]
        related = [
            self._records[name]
            for name in self._related.get(fullname, ())
            if name not in sent and name != fullname and name in self._records
        ]
        sent.add(fullname)
        sent.update(other.fullname for other in related)
        return with_related(record, related)

    def _keep(self, record: "object") -> "None":
        old = self._records.pop(record.fullname, None)
        if old is not None:
            self._bytes -= _size_of(old)
        self._bytes += _size_of(record)
        self._records[record.fullname] = with_related(record, [])

    def _shrink(self) -> "None":
        while self._records and (
            self._bytes > self._max_bytes or len(self._records) > self._max_records
        ):
            # Dicts keep their order also where the language does not promise it, on 3.6.
            name = next(iter(self._records))
            record = self._records.pop(name)
            self._related.pop(name, None)
            self._bytes -= _size_of(record)


def with_related(record: "LoadModule", related: "list") -> "LoadModule":
    """A copy of the LoadModule *record* that has *related* sent along."""
    return LoadModule(
        fullname=record.fullname,
        is_package=record.is_package,
        path=record.path,
        source=record.source,
        code=record.code,
        magic=record.magic,
        error=record.error,
        related=related,
    )
