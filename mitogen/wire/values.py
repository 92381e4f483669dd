"""Values as bytes: an explicit list of types, no pickle.

::

    length of structure u32 | structure: JSON | bulk bytes, one after the other

JSON carries None, bool, int, float, str, list and dict with str keys as they are. Anything else is
an object with the single key `TAG`, whose value is a list of a kind and its fields; a dict that has
that key itself is tagged too. Bytes and long texts lie behind the structure, which holds their
lengths, so that bulk data is neither escaped nor copied more than once.

JSON because the interpreter has it in C on both sides. Pickle with every global refused still takes
930 MB for nine bytes, and marshal crashes on rubbish.
"""

import math
import struct
from _json import encode_basestring, make_encoder, make_scanner

from mitogen.errors import CallError, DecodeError, EncodeError
from mitogen.wire.frame import COPY_LIMIT
from mitogen.wire.pieces import PieceReader, Pieces

TAG = "$"
MAX_DEPTH = 100
#: A text longer than this travels as bulk bytes.
LONG_TEXT = 1024
#: Bytes of structure accepted: decoded, each byte may become some forty bytes of objects.
MAX_STRUCTURE = 33554432
_INT64 = 1 << 63
_LENGTH = struct.Struct(">I")


class Blob(bytes):
    """Bytes whose repr is a summary."""

    __slots__ = ()

    def __repr__(self) -> "str":
        return "Blob(%d bytes)" % (len(self),)


class Secret(str):
    """Text that is never shown: its repr is a mask."""

    __slots__ = ()

    def __repr__(self) -> "str":
        return "Secret('***')"


class Kwargs(dict):
    """Keyword arguments."""

    def __repr__(self) -> "str":
        return "Kwargs(%s)" % (dict.__repr__(self),)


class Dead:
    """The value of a message that has none; see `DEAD`."""

    __slots__ = ()

    def __repr__(self) -> "str":
        return "<dead>"


DEAD = Dead()


class Reference:
    """Base of objects that travel as their identity (contexts, senders).

    `wire_kind` names the class, `wire_fields` what to make it from; see `decode` for the way back.
    """

    wire_kind = ""

    def wire_fields(self) -> "list":
        """Plain values that identify the object to another context."""
        return []


_PLAIN = frozenset((type(None), bool))


class _Encoder:
    """Turns one value into a structure that the JSON encoder takes, collecting bulk bytes."""

    __slots__ = ("bulk",)

    def __init__(self) -> "None":
        self.bulk = []

    def walk(self, value: "object", depth: "int") -> "object":
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is str:
            if len(value) > LONG_TEXT:
                return self._bulk("s", value.encode("utf-8", "surrogatepass"))
            return value
        if kind is int:
            return value if -_INT64 <= value < _INT64 else {TAG: ["i", "%x" % value]}
        if kind is float:
            return value if math.isfinite(value) else {TAG: ["f", repr(value)]}
        if depth >= MAX_DEPTH:
            raise EncodeError("the value is nested deeper than %d levels" % (MAX_DEPTH,))
        if kind is list:
            walk = self.walk
            return [walk(item, depth + 1) for item in value]
        if kind is dict:
            return self._dict(value, depth)
        make = _MAKERS.get(kind)
        if make is not None:
            return make(self, value, depth + 1)
        if isinstance(value, Reference):
            return {TAG: ["r", value.wire_kind, self.walk(value.wire_fields(), depth + 1)]}
        if isinstance(value, CallError):
            fields = [value.type_name, value.message, value.traceback_text]
            return {TAG: ["e", self.walk(fields, depth + 1)]}
        raise EncodeError("%s.%s does not travel" % (kind.__module__, kind.__qualname__))

    def _bulk(self, kind: "str", data: "bytes") -> "dict":
        self.bulk.append(data)
        return {TAG: [kind, len(data)]}

    def _dict(self, value: "dict", depth: "int") -> "dict":
        # All keys first: an item is walked once, since its bulk bytes are collected on the way.
        for key in value:
            if type(key) is not str or key == TAG or len(key) > LONG_TEXT:
                return {TAG: ["d", self._pairs(value, depth + 1)]}
        walk = self.walk
        depth += 1
        return {key: walk(item, depth) for key, item in value.items()}

    def _pairs(self, value: "dict", depth: "int") -> "list":
        return [
            [self.walk(key, depth + 1), self.walk(item, depth + 1)] for key, item in value.items()
        ]

    def _items(self, value: "object", depth: "int") -> "list":
        return [self.walk(item, depth) for item in value]


_MAKERS = {
    tuple: lambda self, value, depth: {TAG: ["t", self._items(value, depth)]},
    set: lambda self, value, depth: {TAG: ["S", self._items(value, depth)]},
    frozenset: lambda self, value, depth: {TAG: ["F", self._items(value, depth)]},
    bytes: lambda self, value, depth: self._bulk("b", value),
    bytearray: lambda self, value, depth: self._bulk("a", bytes(value)),
    Blob: lambda self, value, depth: self._bulk("B", bytes(value)),
    Secret: lambda self, value, depth: {TAG: ["x", str.__str__(value)]},
    Kwargs: lambda self, value, depth: {TAG: ["k", self._pairs(value, depth)]},
    Dead: lambda self, value, depth: {TAG: ["z"]},
}


def _refuse(value: "object") -> "None":
    """The walk has left nothing that JSON lacks."""
    raise EncodeError("%s does not travel" % (type(value).__qualname__,))


#: What json.JSONEncoder makes anew for each value, for 2 of 6 us: no check for cycles, text as it
#: is, no indent, the separators, keys unsorted, no key skipped, no NaN. The json module around it
#: is 5 ms of a context's start.
_iterate = make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, False)
_join = "".join


def _dumps(value: "object") -> "str":
    return _join(_iterate(value, 0))


def encode_head(items: "list") -> "str":
    """The beginning of a list, plain values, for `encode` to put before other items."""
    return _dumps(_Encoder().walk(items, 0))[:-1] + ","


def encode(value: "object", head: "str | None" = None) -> "bytes":
    """*value* as bytes. Any thread.

    :param str head: from `encode_head`: what a *value* that is a list, and not empty, begins with.
    :raises mitogen.errors.EncodeError: it holds a type that does not travel (subclasses of the
        travelling types do not either), or is nested too deep.
    """
    buffers = _encode(value, head)
    return buffers[0] if len(buffers) == 1 else b"".join(buffers)


def encode_pieces(value: "object", head: "str | None" = None) -> "bytes | Pieces":
    """As `encode`; bulk data of some size is not copied."""
    buffers = _encode(value, head)
    if len(buffers) == 1:
        return buffers[0]
    pieces = Pieces([buffer for buffer in buffers if buffer])
    return bytes(pieces) if pieces.size <= COPY_LIMIT else pieces


def _encode(value: "object", head: "str | None") -> "list":
    encoder = _Encoder()
    text = _dumps(encoder.walk(value, 0))
    if head is not None:
        text = head + text[1:]
    structure = text.encode("utf-8", "surrogatepass")
    if len(structure) > MAX_STRUCTURE:
        raise EncodeError("the value has %d bytes of structure; %d are allowed" % (
            len(structure), MAX_STRUCTURE))
    return [_LENGTH.pack(len(structure)) + structure, *encoder.bulk]


_TAG_BYTES = b'"$"'
#: Longer than any number we send: such a run is looked at before Python turns it into an int, for
#: which old versions need quadratic time.
_MANY_DIGITS = b"0" * 25
_TO_ZEROS = bytes([0x30 if 0x30 <= code <= 0x39 else code for code in range(256)])
MAX_HEX_DIGITS = 65536
_MAX_NUMBER = 400


def _number(text: "str", make: "object") -> "object":
    if len(text) > _MAX_NUMBER:
        raise DecodeError("a number of %d digits" % (len(text),))
    return make(text)


def _refuse_constant(text: "str") -> "None":
    raise DecodeError("%s is no value of ours" % (text,))


class _Decoder:
    """Makes objects of the tagged parts of one structure, in the order they were encoded.

    :param reader: `PieceReader` of what lies behind the structure.
    """

    __slots__ = ("_reader", "_revive")

    def __init__(self, reader: "PieceReader", revive: "object") -> "None":
        self._reader = reader
        self._revive = revive

    def hook(self, value: "dict") -> "object":
        """Called by the JSON decoder for each object, innermost first."""
        if TAG not in value:
            return value
        if len(value) != 1:
            raise DecodeError("a tagged value with other keys")
        kind, *fields = value[TAG]
        return _READERS[kind](self, *fields)

    def bulk(self, length: "int") -> "list":
        """The next *length* bulk bytes, as views."""
        if type(length) is not int or not 0 <= length <= self._reader.left:
            raise DecodeError("bulk bytes are missing")
        return self._reader.take(length)

    def reference(self, kind: "str", fields: "list") -> "object":
        if self._revive is None:
            raise DecodeError("a reference of kind %r has no meaning here" % (kind,))
        return self._revive(kind, fields)


def _hex(_decoder: "_Decoder", text: "str") -> "int":
    if len(text) > MAX_HEX_DIGITS:
        raise DecodeError("a number of %d digits" % (len(text),))
    return int(text, 16)


def _call_error(_decoder: "_Decoder", fields: "list") -> "CallError":
    type_name, message, text = fields
    if not all(type(field) is str for field in fields):
        raise DecodeError("an error with unknown fields")
    return CallError(type_name, message, text)


def _pairs(pairs: "list", make: "type") -> "dict":
    result = make()
    for key, item in pairs:
        result[key] = item
    return result


_READERS = {
    "s": lambda self, length: b"".join(self.bulk(length)).decode("utf-8", "surrogatepass"),
    "b": lambda self, length: b"".join(self.bulk(length)),
    "a": lambda self, length: bytearray().join(self.bulk(length)),
    "B": lambda self, length: Blob(b"".join(self.bulk(length))),
    "i": _hex,
    "f": lambda self, text: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text],
    "t": lambda self, items: tuple(items),
    "S": lambda self, items: set(items),
    "F": lambda self, items: frozenset(items),
    "d": lambda self, pairs: _pairs(pairs, dict),
    "k": lambda self, pairs: _pairs(pairs, Kwargs),
    "x": lambda self, text: Secret(text),
    "e": _call_error,
    "r": lambda self, kind, fields: self.reference(kind, fields),
    "z": lambda self: DEAD,
}

class _Grammar:
    """The attributes that a scanner of the json module is made from; cheaper than a JSONDecoder."""

    __slots__ = ("object_hook", "parse_float", "parse_int")
    strict = True
    object_pairs_hook = None
    parse_constant = staticmethod(_refuse_constant)

    def __init__(
        self, object_hook: "object" = None, parse_int: "object" = int, parse_float: "object" = float
    ) -> "None":
        self.object_hook = object_hook
        self.parse_int = parse_int
        self.parse_float = parse_float


_PLAIN_SCANNER = make_scanner(_Grammar())
_MALFORMED = (
    ValueError, TypeError, LookupError, RecursionError, ArithmeticError, StopIteration
)  # fmt: skip


def decode(data: "bytes | memoryview | Pieces", revive: "object" = None) -> "object":
    """The value that `encode` made bytes of. Any thread.

    :param revive: ``revive(kind, fields)`` makes an object of a `Reference`; without it, or when it
        raises DecodeError, references are refused.
    :raises mitogen.errors.DecodeError: these bytes are no value.
    """
    if len(data) < _LENGTH.size:
        raise DecodeError("a value of %d bytes" % (len(data),))
    size = len(data)
    if size <= COPY_LIMIT and type(data) is bytes and _LENGTH.unpack_from(data)[0] == size - 4:
        # The usual case: a small value without bulk bytes.
        structure = data[_LENGTH.size :]
        reader = _NO_BULK
    else:
        reader = PieceReader(data)
        structure = _read_structure(reader)
    try:
        value = _decode(structure, reader, revive)
    except _MALFORMED as exc:
        raise DecodeError("malformed value: %s" % (exc,))
    if reader.left:
        raise DecodeError("bytes are left behind the value")
    if structure.count(b"[") + structure.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


_NO_BULK = PieceReader(b"")


def _read_structure(reader: "PieceReader") -> "bytes":
    (length,) = _LENGTH.unpack(b"".join(reader.take(_LENGTH.size)))
    if length > MAX_STRUCTURE or length > reader.left:
        raise DecodeError("a structure of %d bytes" % (length,))
    return b"".join(reader.take(length))


def _decode(structure: "bytes", reader: "PieceReader", revive: "object") -> "object":
    text = structure.decode("utf-8", "surrogatepass")
    if _MANY_DIGITS in structure.translate(_TO_ZEROS):
        grammar = _Grammar(
            _Decoder(reader, revive).hook,
            lambda number: _number(number, int),
            lambda number: _number(number, float),
        )
        scan = make_scanner(grammar)
    elif _TAG_BYTES in structure:
        scan = make_scanner(_Grammar(_Decoder(reader, revive).hook))
    else:
        scan = _PLAIN_SCANNER
    value, end = scan(text, 0)
    if end != len(text):
        raise DecodeError("text is left behind the structure")
    return value


_CONTAINERS = (list, tuple, set, frozenset, dict, Kwargs)


def _check_depth(value: "object") -> "None":
    """Without recursion, since that is what it guards against."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = []
        for item in level:
            if type(item) in _CONTAINERS:
                inner.extend(item)
                if isinstance(item, dict):
                    inner.extend(item.values())
        if not inner:
            return
        level = inner
    raise DecodeError("the value is nested deeper than %d levels" % (MAX_DEPTH,))
