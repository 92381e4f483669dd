"""The files of a module as a place on `sys.path`, without being on disk.

Stock Ansible puts a zip file there. Ours looks like that zip file: modules have the same names,
their `__file__` and code objects the paths that they would have in it, and sources and data are
had through the loader. Where something needs the real file, `archive` writes it.
"""

import importlib.machinery
import importlib.util
import io
import os
import sys


class Closure:
    """The place on `sys.path`, and which files are there at the moment.

    :param store: the `FileStore`.
    :param root: the path of the zip file that there is not.
    """

    def __init__(self, store: "object", root: "str") -> "None":
        self.store = store
        self.root = root
        #: What code objects say; the same after `move`, for they are compiled by then.
        self._code_root = root
        self.files = {}
        self._folders = None

    def show(self, files: "dict") -> "None":
        """Have these files (digests by path) there from now on."""
        self.files = files
        self._folders = None

    def move(self, root: "str") -> "None":
        """Be at *root* from now on."""
        self.root = root
        sys.path_importer_cache.pop(root, None)

    def enter(self) -> "None":
        """Become the first place that modules are looked for at."""
        if self._hook not in sys.path_hooks:
            sys.path_hooks.insert(0, self._hook)
        sys.path.insert(0, self.root)

    def leave(self) -> "None":
        """Undo `enter`, for modules that are imported from now on."""
        sys.path.remove(self.root)

    def _hook(self, path: "str") -> "PathFinder":
        # Packages that were loaded before `move` have paths below the first root.
        for root in (self.root, self._code_root):
            if path == root or path.startswith(root + "/"):
                return PathFinder(self, path[len(root) + 1 :])
        raise ImportError("not a folder of the module's files")

    def has_folder(self, path: "str") -> "bool":
        """Whether there are files below *path*."""
        if self._folders is None:
            self._folders = set()
            for name in self.files:
                while name:
                    name = name.rpartition("/")[0]  # noqa: PLW2901 -- from the file up to the root
                    self._folders.add(name)
        return path in self._folders

    def filename(self, path: "str") -> "str":
        """Where the file *path* would be."""
        return self.root + "/" + path

    def content(self, path: "str") -> "bytes":
        """The bytes of the file *path*.

        :raises OSError: there is none.
        """
        digest = self.files.get(path)
        if digest is None:
            raise FileNotFoundError(2, "not among the module's files", self.filename(path))
        return self.store.content(digest)

    def code(self, path: "str", digest: "str") -> "object":
        """The code object of the file *path* with the content of *digest*."""
        return self.store.code(digest, self._code_root + "/" + path)


class PathFinder:
    """Finds modules in one folder of a closure."""

    def __init__(self, closure: "Closure", folder: "str") -> "None":
        self._closure = closure
        self._prefix = folder + "/" if folder else ""

    def find_spec(self, fullname: "str", target: "object" = None) -> "object":
        """The module's spec; None when it is not here."""
        closure = self._closure
        path = self._prefix + fullname.rpartition(".")[2]
        for tail, is_package in (("/__init__.py", True), (".py", False)):
            if path + tail in closure.files:
                loader = FileLoader(closure, fullname, path + tail)
                filename = closure.filename(path + tail)
                spec = importlib.machinery.ModuleSpec(
                    fullname, loader, origin=filename, is_package=is_package
                )
                spec.has_location = True
                if is_package:
                    spec.submodule_search_locations.append(closure.filename(path))
                return spec
        if not closure.has_folder(path):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations.append(closure.filename(path))
        return spec

    def iter_modules(self, prefix: "str" = "") -> "object":
        """For pkgutil: names of the modules here, and whether each is a package."""
        seen = set()
        for path in sorted(self._closure.files):
            if not path.startswith(self._prefix):
                continue
            name, slash, rest = path[len(self._prefix) :].partition("/")
            is_package = bool(slash) and rest == "__init__.py"
            if not slash and name.endswith(".py"):
                name = name[:-3]
            elif not is_package:
                continue
            if name != "__init__" and name not in seen:
                seen.add(name)
                yield prefix + name, is_package

    def invalidate_caches(self) -> "None":
        """Nothing is cached here."""


class FileLoader:
    """Loads one module of a closure.

    `path` is the file's path in `closure`, `digest` that of the content that was loaded.
    """

    def __init__(self, closure: "Closure", fullname: "str", path: "str") -> "None":
        self.closure = closure
        self.name = fullname
        self.path = path
        self.digest = closure.files[path]

    def create_module(self, spec: "object") -> "None":
        """Leave it to the import system."""

    def exec_module(self, module: "object") -> "None":
        """Run the module's code."""
        exec(self.get_code(module.__name__), module.__dict__)

    def is_package(self, fullname: "str") -> "bool":
        """Whether the module is a package."""
        return self.path.endswith("/__init__.py")

    def get_code(self, fullname: "str") -> "object":
        """The module's code object."""
        return self.closure.code(self.path, self.digest)

    def get_source(self, fullname: "str") -> "str":
        """The module's source text.

        :raises ImportError: it is asked for by another name, as of the module that is `__main__`.
        """
        if fullname != self.name:
            raise ImportError("this is %s" % (self.name,), name=fullname)
        return importlib.util.decode_source(self.closure.store.content(self.digest))

    def get_filename(self, fullname: "str") -> "str":
        """Where the module would be."""
        return self.closure.filename(self.path)

    def get_resource_reader(self, fullname: "str") -> "ResourceReader | None":
        """For importlib.resources; None when the module is no package."""
        return ResourceReader(self.closure, self.path) if self.is_package(fullname) else None

    def get_data(self, path: "str") -> "bytes":
        """The bytes of a file beside the module, by the path it would have.

        :raises OSError: there is none.
        """
        root = self.closure.root + os.sep
        return self.closure.content(path[len(root) :] if path.startswith(root) else path)


class ResourceReader:
    """The files of one package, for importlib.resources.

    :param path: of the package's `__init__.py` in the closure.
    """

    def __init__(self, closure: "Closure", path: "str") -> "None":
        self._closure = closure
        self._prefix = path[: -len("__init__.py")]

    def open_resource(self, resource: "str") -> "io.BytesIO":
        """The file's content as a stream."""
        return io.BytesIO(self._closure.content(self._prefix + resource))

    def resource_path(self, resource: "str") -> "str":
        """There is no such path."""
        raise FileNotFoundError(resource)

    def is_resource(self, name: "str") -> "bool":
        """Whether *name* is a file of the package."""
        return self._prefix + name in self._closure.files

    def contents(self) -> "list":
        """Names of files and folders of the package."""
        length = len(self._prefix)
        files = [path[length:] for path in self._closure.files if path.startswith(self._prefix)]
        return sorted({path.partition("/")[0] for path in files})
