"""The files of modules that the broker has seen: each worker sends what nobody sent before."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

#: Bytes of compressed files kept; a whole ansible-core is some 5 MB of them.
MAX_BYTES = 64 * 1024 * 1024


class ContentCache:
    """Compressed files by digest, the least recently used dropped first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._contents: collections.OrderedDict[str, bytes] = collections.OrderedDict()

    def add(self, contents: Mapping[str, bytes]) -> None:
        """Keep these files."""
        for digest, content in contents.items():
            if digest not in self._contents:
                self._contents[digest] = content
                self._size += len(content)
        while self._size > self._max_bytes and len(self._contents) > len(contents):
            _digest, dropped = self._contents.popitem(last=False)
            self._size -= len(dropped)

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Those of *digests* that are not here."""
        return [digest for digest in digests if digest not in self._contents]

    def take(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The files of those *digests* that are here."""
        found = {}
        for digest in digests:
            content = self._contents.get(digest)
            if content is not None:
                self._contents.move_to_end(digest)
                found[digest] = content
        return found
