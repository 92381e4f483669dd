"""`importlib.resources.files` on Python 3.9, which asks no loader and looks on the disk only.

3.10 and later ask the loader's resource reader; earlier ones have no `files`.
"""

import sys
from _frozen_importlib_external import PathFinder, SourceFileLoader

from mitogen.imports.loader import WireLoader

_MODULE = "importlib._common"


def install() -> "None":
    """Mend `files`, now or when it is imported: it imports too much to do so in any case."""
    if _MODULE in sys.modules:
        _mend(sys.modules[_MODULE])
    else:
        sys.meta_path.insert(0, _Hook())


def _mend(module: "object") -> "None":
    stock = module.from_package

    def from_package(package: "object") -> "object":
        loader = package.__spec__.loader
        if not isinstance(loader, WireLoader):
            return stock(package)
        return loader.get_resource_reader(loader.fullname).files()

    module.from_package = from_package


class _Hook:
    """Is there until the module is imported."""

    def find_spec(
        self, fullname: "str", path: "object" = None, target: "object" = None
    ) -> "object":
        """The module's spec, with a loader that mends it."""
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _MendingLoader(fullname, spec.origin)
        return spec


class _MendingLoader(SourceFileLoader):
    def exec_module(self, module: "object") -> "None":
        """As ever, and one change at the end."""
        super().exec_module(module)
        _mend(module)
