"""Does something as soon as a module has been imported, without importing it."""

import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery's, without its import
from _frozen_importlib_external import PathFinder


def call_after_import(fullname: "str", fn: "object") -> "None":
    """Call ``fn(module)`` once *fullname*, of the standard library, has been imported, or now."""
    module = sys.modules.get(fullname)
    if module is None:
        sys.meta_path.insert(0, _Hook(fullname, fn))
    else:
        fn(module)


class _Hook:
    """Calls once; stays, since an import of another thread may be going through the finders."""

    def __init__(self, fullname: "str", fn: "object") -> "None":
        self._fullname = fullname
        self._fn = fn

    def find_spec(
        self, fullname: "str", path: "object" = None, target: "object" = None
    ) -> "ModuleSpec | None":
        """The module's spec, with a loader that calls when it is done."""
        if fullname != self._fullname:
            return None
        self._fullname = ""
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = _CallingLoader(spec.loader, self._fn)
        return spec


class _CallingLoader:
    def __init__(self, loader: "object", fn: "object") -> "None":
        self._loader = loader
        self._fn = fn

    def create_module(self, spec: "ModuleSpec") -> "object":
        """As ever."""
        return self._loader.create_module(spec)

    def exec_module(self, module: "object") -> "None":
        """As ever, and one call at the end."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._fn(module)
