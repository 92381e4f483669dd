"""Large byte strings that are never put together; pure.

Copying 50 MB takes 8 ms, but the fresh memory to copy it to takes 35 ms more: the kernel hands it
out page by page. So what is large stays the buffers it came as, until the value in it is made.
"""


class Pieces:
    """Bytes that lie in several buffers, one after the other.

    :param buffers: bytes-like objects; not empty ones.
    """

    __slots__ = ("buffers", "size")

    def __init__(self, buffers: "list") -> "None":
        self.buffers = buffers
        self.size = sum([len(buffer) for buffer in buffers])

    def __len__(self) -> "int":
        return self.size

    def __bytes__(self) -> "bytes":
        return b"".join(self.buffers)

    def __repr__(self) -> "str":
        return "Pieces(%d bytes)" % (self.size,)


def buffers_of(data: "bytes | memoryview | Pieces") -> "list":
    """The buffers that *data* lies in."""
    if type(data) is Pieces:
        return data.buffers
    return [data] if len(data) else []


class PieceReader:
    """Takes *data* apart from the beginning to the end."""

    __slots__ = ("_buffers", "_index", "_offset", "left")

    def __init__(self, data: "bytes | memoryview | Pieces") -> "None":
        self._buffers = buffers_of(data)
        self._index = 0
        self._offset = 0
        #: Bytes that have not been taken.
        self.left = len(data)

    def take(self, count: "int") -> "list":
        """The next *count* bytes as views; *count* is at most what is `left`."""
        self.left -= count
        views = []
        while count:
            buffer = self._buffers[self._index]
            stop = min(self._offset + count, len(buffer))
            views.append(memoryview(buffer)[self._offset : stop])
            count -= stop - self._offset
            self._offset = stop
            if stop == len(buffer):
                self._index += 1
                self._offset = 0
        return views


def cut(data: "bytes | memoryview | Pieces", size: "int") -> "object":
    """*data* in parts of *size* bytes, the last one shorter; nothing is copied."""
    reader = PieceReader(data)
    while reader.left:
        views = reader.take(min(size, reader.left))
        yield views[0] if len(views) == 1 else Pieces(views)
