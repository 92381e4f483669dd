"""Imports the boot code of a context from memory.

Runs in the new interpreter as the first module of ours, before any other; it must not import
what is not needed in any case.
"""

import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery's, without its import

PREFIX = "mitogen-boot"
_THIS = "mitogen.bootstrap.loader"

#: Where a bundle says what it fits: None for source, else (import magic in hex, optimisation).
FORM = ".form"

#: Last argument of an interpreter that was restarted for its title.
RETITLED = "="


class BundleImporter:
    """Finder and loader of the modules in a bundle.

    :param modules: ``{full name: (is package, source text or code object)}``.
    :param bundle: the same as it came, compressed; kept for children of this context.
    """

    def __init__(self, modules: "dict", bundle: "bytes") -> "None":
        self.modules = modules
        self.bundle = bundle

    def find_spec(
        self, fullname: "str", path: "object" = None, target: "object" = None
    ) -> "ModuleSpec | None":
        """The module's spec; None when it is not in the bundle."""
        entry = self.modules.get(fullname)
        if entry is None:
            return None
        spec = ModuleSpec(fullname, self, origin=self.get_filename(fullname), is_package=entry[0])
        spec.has_location = True
        return spec

    def create_module(self, spec: "ModuleSpec") -> "None":
        """Leave it to the import system."""

    def exec_module(self, module: "object") -> "None":
        """Run the module's code."""
        exec(self.get_code(module.__name__), module.__dict__)

    def is_package(self, fullname: "str") -> "bool":
        """Whether the module is a package."""
        return self._entry(fullname)[0]

    def get_filename(self, fullname: "str") -> "str":
        """Where its byte code was made, or for source a path that does not exist."""
        code = self._entry(fullname)[1]
        if not isinstance(code, str):
            return code.co_filename
        tail = "/__init__.py" if self._entry(fullname)[0] else ".py"
        return "%s/%s%s" % (PREFIX, fullname.replace(".", "/"), tail)

    def get_code(self, fullname: "str") -> "object":
        """The module's code object."""
        code = self._entry(fullname)[1]
        if isinstance(code, str):
            code = compile(code, self.get_filename(fullname), "exec", 0, True)
        return code

    def get_source(self, fullname: "str") -> "str | None":
        """The module's source as it was sent; None when byte code was."""
        code = self._entry(fullname)[1]
        return code if isinstance(code, str) else None

    def _entry(self, fullname: "str") -> "tuple":
        try:
            return self.modules[fullname]
        except KeyError:
            raise ImportError("%s is not part of the boot code" % (fullname,), name=fullname)


def boot_importer() -> "BundleImporter | None":
    """The importer of this process's own boot code; None in a program that was not booted."""
    for finder in sys.meta_path:
        if isinstance(finder, BundleImporter):
            return finder
    return None


def boot_bundle() -> "bytes":
    """The boot code of this process, compressed, for a child with a Python that it fits."""
    return boot_importer().bundle


def boot_bundle_fits(interpreter: "object") -> "bool":
    """Whether the *interpreter* (an InterpreterInfo) can run what this process was booted from."""
    form = boot_importer().modules[FORM]
    return form in (None, (interpreter.magic, interpreter.optimize))


def start(modules: "dict", bundle: "bytes", boot_bytes: "bytes") -> "None":
    """Become a context; called by the boot code's first lines, does not return."""
    importer = BundleImporter(modules, bundle)
    sys.meta_path.insert(0, importer)
    _adopt(sys.modules[_THIS], importer)
    from mitogen.bootstrap.boot_record import BootRecord  # from the bundle, now

    boot = BootRecord.from_bytes(boot_bytes)
    _set_title(boot.name)
    from mitogen.child.main import main

    main(boot)


def _adopt(module: "object", importer: "BundleImporter") -> "None":
    """Make this module, which was run by hand, look like any other."""
    spec = importer.find_spec(_THIS)
    module.__spec__ = spec
    module.__loader__ = importer
    module.__file__ = spec.origin
    module.__package__ = spec.parent
    package = __import__(spec.parent, fromlist=["loader"])
    package.loader = module


def _set_title(title: "str") -> "None":
    """Show *title* in the process table, if need be by starting the interpreter once more.

    A restarted one prints its marker again, and is sent the boot message again.
    """
    from mitogen.bootstrap import process_title

    arguments = sys.argv
    sys.argv = [title]
    if arguments[-1] == RETITLED:
        process_title.recover_executable()
    elif not process_title.set_title(title):
        process_title.restart(
            title, ["-c", "import sys;" + arguments[1], *arguments[1:5], RETITLED]
        )
