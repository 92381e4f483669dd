"""Makes modules of records, so that they look as if they had come from a disk."""

import os
import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery's, without its import
from _frozen_importlib_external import decode_source  # importlib.util's

from mitogen.imports.records import Resource, unpack

#: Before the path a file has where it came from. Tracebacks show that path, and nobody mistakes it
#: for a file of this machine.
PREFIX = "master:"


def displayed_path(record: "object") -> "str":
    """The `__file__` of a module made from *record*."""
    return PREFIX + (record.path or record.fullname)


class WireLoader:
    """Loader of one module (PEP 302, 451), with source and data files.

    :param fetch: ``fetch(address) -> LoadModule``, for data files.
    """

    def __init__(self, record: "object", fetch: "object") -> "None":
        self.fullname = record.fullname
        self.path = displayed_path(record)
        self.is_namespace = record.is_package and record.source is None
        self._is_package = record.is_package
        self._packed = record.source
        self._fetch = fetch

    def spec(self) -> "object":
        """The spec of this loader's module."""
        spec = ModuleSpec(
            self.fullname,
            self,
            origin=None if self.is_namespace else self.path,
            is_package=self._is_package,
        )
        # The import system sets __file__ then.
        spec.has_location = not self.is_namespace
        return spec

    def create_module(self, spec: "object") -> "None":
        """The default one will do."""

    def exec_module(self, module: "object") -> "None":
        """Run the module's code in its namespace."""
        code = self.get_code(self.fullname)
        # With the lines at hand, inspect works also where it does not ask the loader. Whoever loads
        # that later (it imports `re` and more) finds modules that were there through `__loader__`.
        # Another thread may be importing it right now.
        lazycache = getattr(sys.modules.get("linecache"), "lazycache", None)
        if lazycache is not None:
            lazycache(self.path, module.__dict__)
        exec(code, module.__dict__)

    def get_code(self, fullname: "str") -> "object":
        """The compiled module.

        :raises SyntaxError: this Python is too old (or too new) for it.
        """
        self._check(fullname)
        return compile(self._source_bytes(), self.path, "exec", dont_inherit=True)

    def get_source(self, fullname: "str") -> "str":
        """The text of the module, decoded as Python would."""
        self._check(fullname)
        return decode_source(self._source_bytes())

    def is_package(self, fullname: "str") -> "bool":
        """Whether the module has submodules."""
        self._check(fullname)
        return self._is_package

    def get_filename(self, fullname: "str") -> "str":
        """Where the source is in the program that sent it."""
        self._check(fullname)
        return self.path

    def get_data(self, path: "str") -> "bytes":
        """The content of a file beside the module, *path* being what `__file__` leads to.

        :raises OSError: no such file, or it cannot be had.
        """
        if path == self.path:
            return self._source_bytes()
        folder = os.path.dirname(self.path) + "/"
        if not path.startswith(folder):
            raise FileNotFoundError(2, "only files of the package can be read", path)
        return self.read_resource(path[len(folder) :])

    def get_resource_reader(self, fullname: "str") -> "object":
        """For importlib.resources; None when this is no package."""
        if fullname != self.fullname or not self._is_package:
            return None
        # Seldom wanted: most contexts never read a data file.
        from mitogen.imports.resources import PackageReader

        return PackageReader(self)

    def read_resource(self, path: "str") -> "bytes":
        """The bytes of a file, or the listing of a folder (see `records`), in this package.

        :raises OSError: no such file, or it cannot be had.
        """
        package = self.fullname if self._is_package else self.fullname.rpartition(".")[0]
        resource = Resource(package, path)
        if not package or not resource.is_inside():
            raise FileNotFoundError(2, "only files of the package can be read", path)
        try:
            record = self._fetch(resource.address())
        except ImportError as exc:
            raise OSError(5, str(exc), path)
        if record is None or record.error is not None:
            raise FileNotFoundError(2, "no such file" if record is None else record.error, path)
        return unpack(record.source)

    def _source_bytes(self) -> "bytes":
        return b"" if self._packed is None else unpack(self._packed)

    def _check(self, fullname: "str") -> "None":
        if fullname != self.fullname:
            raise ImportError(
                "the loader of %s cannot load %s" % (self.fullname, fullname), name=fullname
            )


def interpreter_name() -> "str":
    """This Python as error messages name it."""
    return "Python %d.%d.%d (%s)" % (*sys.version_info[:3], sys.executable or "?")
