"""Addresses: the one namespace of what can be asked for with GetModule.

============================  ==================================================================
``package.module``            a module
``package/folder/file.txt``   a data file beside the package, as the record's source
``package/folder/``           the names in a folder of the package, sorted, folders with a ``/``
============================  ==================================================================

A module's name has no slash, so one request, one answer and one cache on the way do for all.
"""

import zlib

from mitogen.errors import DecodeError

#: Most bytes a packed source or file may unfold to: a few hundred bytes must not fill the memory.
MAX_UNPACKED = 128 * 1048576


class Resource:
    """A file or folder inside a package.

    :param str package: full name of the package.
    :param str path: relative to the package's folder; "" or a trailing slash for a folder.
    """

    __slots__ = ("package", "path")

    def __init__(self, package: "str", path: "str") -> "None":
        self.package = package
        self.path = path

    @property
    def is_folder(self) -> "bool":
        """Whether a listing is asked for, not content."""
        return not self.path or self.path.endswith("/")

    def is_inside(self) -> "bool":
        """Whether the path stays inside the package: no `..`, no empty part, nothing absolute."""
        parts = self.path[:-1].split("/") if self.path.endswith("/") else self.path.split("/")
        if not self.path:
            return True
        return "\0" not in self.path and not any(part in ("", ".", "..") for part in parts)

    def address(self) -> "str":
        """What to ask for."""
        return self.package + "/" + self.path

    @classmethod
    def from_address(cls, address: "str") -> "Resource | None":
        """None when *address* names a module."""
        package, slash, path = address.partition("/")
        return cls(package, path) if slash else None


def pack(data: "bytes", level: "int" = 6) -> "bytes":
    """A record's source, as it travels."""
    return zlib.compress(data, level)


def unpack(data: "bytes") -> "bytes":
    """The reverse of `pack`.

    :raises mitogen.errors.DecodeError: damaged, or larger than allowed.
    """
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, MAX_UNPACKED)
    except zlib.error as exc:
        raise DecodeError("packed data is damaged: %s" % (exc,))
    if not unpacker.eof:
        raise DecodeError("packed data is damaged, or larger than %d bytes" % (MAX_UNPACKED,))
    return plain
