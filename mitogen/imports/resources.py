"""Data files of packages that came over the wire, for importlib.resources."""

import io
import json

from mitogen.imports.records import Resource


class PackageReader:
    """What `importlib.resources` wants of a loader (ResourceReader and TraversableResources)."""

    def __init__(self, loader: "object") -> "None":
        self._loader = loader

    def files(self) -> "WirePath":
        """The package's folder."""
        return WirePath(self._loader, "")

    def open_resource(self, resource: "str") -> "object":
        """A file to read bytes from.

        :raises OSError: there is none.
        """
        return io.BytesIO(self._loader.read_resource(resource))

    def resource_path(self, resource: "str") -> "str":
        """There is no file on this machine: callers make one from `open_resource`."""
        raise FileNotFoundError(2, "has no path on this machine", resource)

    def is_resource(self, path: "str") -> "bool":
        """Whether *path* is a file of the package."""
        return self.files().joinpath(path).is_file()

    def contents(self) -> "object":
        """Names in the package's folder."""
        return (child.name for child in self.files().iterdir())


class WirePath:
    """A file or folder in a package (importlib.resources' Traversable)."""

    def __init__(self, loader: "object", path: "str") -> "None":
        self._loader = loader
        self._path = path

    @property
    def name(self) -> "str":
        """The last part of the path."""
        return self._path.rpartition("/")[2] or self._loader.fullname.rpartition(".")[2]

    def _listing(self) -> "list":
        folder = self._path + "/" if self._path else ""
        return json.loads(self._loader.read_resource(folder).decode("utf-8"))

    def iterdir(self) -> "object":
        """What is in the folder.

        :raises OSError: it is none.
        """
        for name in self._listing():
            yield self.joinpath(name.rstrip("/"))

    def is_dir(self) -> "bool":
        """Whether this is a folder."""
        try:
            self._listing()
        except OSError:
            return False
        return True

    def is_file(self) -> "bool":
        """Whether this is a file."""
        if not self._path:
            return False
        folder, _slash, name = self._path.rpartition("/")
        try:
            return name in WirePath(self._loader, folder)._listing()
        except OSError:
            return False

    def joinpath(self, *parts: "str") -> "WirePath":
        """The file or folder below this one.

        :raises FileNotFoundError: it would be outside of the package.
        """
        names = [str(part).strip("/") for part in parts if part]
        path = "/".join(filter(None, [self._path, *names]))
        if not Resource(self._loader.fullname, path).is_inside():
            raise FileNotFoundError(2, "only files of the package can be read", path)
        return WirePath(self._loader, path)

    __truediv__ = joinpath

    def open(self, mode: "str" = "r", *args: "object", **kwargs: "object") -> "object":
        """A file to read from, as `open` would give."""
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **kwargs)

    def read_bytes(self) -> "bytes":
        """The content.

        :raises OSError: this is no file.
        """
        return self._loader.read_resource(self._path)

    def read_text(self, encoding: "str | None" = None, errors: "str | None" = None) -> "str":
        """The content, decoded."""
        with self.open("r", encoding=encoding or "utf-8", errors=errors) as stream:
            return stream.read()

    def __str__(self) -> "str":
        return self._loader.path.rpartition("/")[0] + "/" + self._path

    def __repr__(self) -> "str":
        return "WirePath(%r)" % (str(self),)
