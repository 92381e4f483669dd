"""The boot code for the interpreters that a program meets, made once.

Byte code is there in 20 ms. Source for other Pythons is minified, which takes half a second, and is
worth keeping from run to run.
"""

from __future__ import annotations

import sys
import zlib
from typing import Protocol

from mitogen.bootstrap import bundle
from mitogen.bootstrap.handshake import InterpreterInfo


class BundleCache(Protocol):
    """Keeps bytes by name, from run to run. What it returns is run on targets: it is trusted."""

    def read(self, name: str) -> bytes | None:
        """What was written under that name; None when it is not there any more."""

    def write(self, name: str, data: bytes) -> bool:
        """Keep *data*; whether that was possible."""


class BootCode:
    """See the module. Broker thread.

    :param extra: names of packages or modules that come with it.
    :param cache: where source is kept; None: it is made once for each program.
    """

    def __init__(self, extra: tuple[str, ...] = (), cache: BundleCache | None = None) -> None:
        self._extra = extra
        self._cache = cache
        self._source: bytes | None = None

    def for_interpreter(self, interpreter: InterpreterInfo) -> bytes:
        """The boot code for *interpreter*."""
        if self._cache is None or bundle.takes_code(interpreter):
            return bundle.build_for(interpreter, self._extra)
        if self._source is None:
            name = f"boot-{bundle.fingerprint(self._extra)}-{sys.implementation.cache_tag}"
            self._source = _intact(self._cache.read(name))
            if self._source is None:
                self._source = bundle.build_for(interpreter, self._extra)
                self._cache.write(name, self._source)
        return self._source


def _intact(data: bytes | None) -> bytes | None:
    """*data* if it is whole: it is compressed, and carries a sum of its own."""
    try:
        zlib.decompress(data or b"")
    except zlib.error:
        return None
    return data
