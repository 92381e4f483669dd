"""`importlib.resources.files` on Python 3.9, which asks no loader and looks on the disk only.

3.10 and later ask the loader's resource reader; earlier ones have no `files`.
"""

from mitogen.imports.after_import import call_after_import
from mitogen.imports.loader import WireLoader


def install() -> "None":
    """Mend `files`, now or when it is imported: it imports too much to do so in any case."""
    call_after_import("importlib._common", _mend)


def _mend(module: "object") -> "None":
    stock = module.from_package

    def from_package(package: "object") -> "object":
        loader = package.__spec__.loader
        if not isinstance(loader, WireLoader):
            return stock(package)
        return loader.get_resource_reader(loader.fullname).files()

    module.from_package = from_package
