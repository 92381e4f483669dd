"""What contexts tell each other to keep the tree working, as named records.

Each has `to_value`, a plain list that travels, and `from_value`, which refuses anything else with
DecodeError.
"""

from mitogen.errors import DecodeError


def _is_optional(kind: "type") -> "tuple":
    return (kind, type(None))


class Record:
    """Base: `FIELDS` are pairs of name and accepted types."""

    __slots__ = ()
    FIELDS = ()

    def __init__(self, *values: "object", **named: "object") -> "None":
        names = [name for name, _kinds in self.FIELDS]
        given = dict(zip(names, values), **named)
        if len(values) > len(names) or set(given) != set(names):
            raise TypeError("%s takes %s" % (type(self).__name__, ", ".join(names)))
        for name in names:
            setattr(self, name, given[name])

    def to_value(self) -> "list":
        """The record as it travels."""
        return [getattr(self, name) for name, _kinds in self.FIELDS]

    @classmethod
    def from_value(cls, value: "object") -> "object":
        """The record that travelled.

        :raises mitogen.errors.DecodeError: *value* is none of this kind.
        """
        if type(value) is not list or len(value) != len(cls.FIELDS):
            raise DecodeError("this is no %s" % (cls.__name__,))
        for (name, kinds), field in zip(cls.FIELDS, value):
            if type(field) not in kinds:
                raise DecodeError("%s has a strange %s" % (cls.__name__, name))
        return cls(*value)

    def __eq__(self, other: "object") -> "bool":
        return type(other) is type(self) and other.to_value() == self.to_value()

    __hash__ = None

    def __repr__(self) -> "str":
        return "%s(%s)" % (
            type(self).__name__,
            ", ".join("%s=%.60r" % (name, getattr(self, name)) for name, _kinds in self.FIELDS),
        )


class AddRoute(Record):
    """The context *context_id* is reached through the sender."""

    __slots__ = ("context_id", "name")
    FIELDS = (("context_id", (int,)), ("name", _is_optional(str)))


class DelRoute(Record):
    """The context *context_id* is lost."""

    __slots__ = ("context_id",)
    FIELDS = (("context_id", (int,)),)


class ForwardLog(Record):
    """A log record of the sender."""

    __slots__ = ("level", "logger", "message")
    FIELDS = (("logger", (str,)), ("level", (int,)), ("message", (str,)))


class AllocateId(Record):
    """Asks the master for *count* context ids."""

    __slots__ = ("count",)
    FIELDS = (("count", (int,)),)


class IdRange(Record):
    """The master's answer: *count* ids from *first* on."""

    __slots__ = ("count", "first")
    FIELDS = (("first", (int,)), ("count", (int,)))


class GetModule(Record):
    """Asks for the module *fullname*."""

    __slots__ = ("fullname",)
    FIELDS = (("fullname", (str,)),)


class LoadModule(Record):
    """A module: compressed *source*, or marshalled *code* for the Python of *magic*, or *error*.

    *related* are records of modules it imports, sent along.
    """

    __slots__ = (
        "code", "error", "fullname", "is_package", "magic", "path", "related", "source",
    )  # fmt: skip
    FIELDS = (
        ("fullname", (str,)),
        ("is_package", (bool,)),
        ("path", _is_optional(str)),
        ("source", _is_optional(bytes)),
        ("code", _is_optional(bytes)),
        ("magic", _is_optional(bytes)),
        ("error", _is_optional(str)),
        ("related", (list,)),
    )

    def to_value(self) -> "list":
        """The record as it travels, related ones included."""
        return [*super().to_value()[:-1], [record.to_value() for record in self.related]]

    @classmethod
    def from_value(cls, value: "object") -> "LoadModule":
        """The record that travelled; related ones have no related ones of their own."""
        record = super().from_value(value)
        related = [super(LoadModule, cls).from_value(item) for item in record.related]
        if any(item.related for item in related):
            raise DecodeError("related modules with related modules")
        record.related = related
        return record
