"""The files of modules that a zygote has got, and what they compile to. Each is kept once."""

import zlib

#: Bytes of source kept; a whole ansible-core is some 20 MB.
MAX_BYTES = 48 * 1024 * 1024


class FileStore:
    """Contents by digest, the least recently used dropped first."""

    def __init__(self, max_bytes: "int" = MAX_BYTES) -> "None":
        self._max_bytes = max_bytes
        self._size = 0
        self._contents = {}
        #: Code objects by digest and file name.
        self._codes = {}

    def add(self, supplied: "dict") -> "None":
        """Keep compressed files, by digest."""
        for digest, data in supplied.items():
            if digest not in self._contents:
                content = zlib.decompress(data)
                self._contents[digest] = content
                self._size += len(content)

    def missing(self, digests: "object") -> "list":
        """Those of *digests* that are not here; the others count as used."""
        missing = []
        contents = self._contents
        for digest in digests:
            content = contents.pop(digest, None)
            if content is None:
                missing.append(digest)
            else:
                contents[digest] = content
        return missing

    def shrink(self, kept: "object") -> "None":
        """Drop what is over the limit, but nothing of the digests *kept*."""
        if self._size <= self._max_bytes:
            return
        kept = set(kept)
        for digest in [digest for digest in self._contents if digest not in kept]:
            if self._size <= self._max_bytes:
                break
            self._size -= len(self._contents.pop(digest))
        for key in [key for key in self._codes if key[0] not in self._contents]:
            del self._codes[key]

    def content(self, digest: "str") -> "bytes":
        """The file; it must be here."""
        return self._contents[digest]

    def code(self, digest: "str", filename: "str") -> "object":
        """The file's code object, compiled when first asked for.

        :raises SyntaxError: it does not compile.
        """
        key = (digest, filename)
        code = self._codes.get(key)
        if code is None:
            source = self._contents[digest]
            code = self._codes[key] = compile(source, filename, "exec", 0, True)
        return code
