"""The files of modules that a zygote has got, and what they compile to. Each is kept once."""

import zlib

#: Bytes of source kept; a whole ansible-core is some 20 MB.
MAX_BYTES = 48 * 1024 * 1024


class FileStore:
    """Contents by digest, and code objects made of them."""

    def __init__(self, max_bytes: "int" = MAX_BYTES) -> "None":
        self._max_bytes = max_bytes
        self._size = 0
        self._contents = {}
        #: Code objects by digest and file name.
        self._codes = {}
        self.drops = 0

    def take(self, supplied: "dict", files: "dict") -> "list":
        """Keep the *supplied* files (compressed, by digest); digests of *files* that are not here.

        Where none is missing, none of *files* is dropped either. `drops` counts how often others
        were.
        """
        for digest, data in supplied.items():
            if digest not in self._contents:
                content = zlib.decompress(data)
                self._contents[digest] = content
                self._size += len(content)
        missing = [digest for digest in files.values() if digest not in self._contents]
        if self._size > self._max_bytes:
            self._drop_others(set(files.values()))
        return missing

    def _drop_others(self, kept: "set") -> "None":
        """Drop all but *kept*: this happens once in thousands of modules, if at all."""
        self.drops += 1
        self._contents = {
            digest: content for digest, content in self._contents.items() if digest in kept
        }
        self._size = sum(map(len, self._contents.values()))
        self._codes = {key: code for key, code in self._codes.items() if key[0] in kept}

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
