"""`__main__` of a context: that of the program, fetched when somebody looks into it."""

import sys
import threading
import types


class MainModule(types.ModuleType):
    """Stands in `sys.modules` under the name `__main__`, and loads at the first look.

    A function of the program's main script is called by that name. What ran this process as
    `__main__` is the boot code, which nobody wants to see.

    :param finder: `WireFinder` to load through.
    """

    def __init__(self, finder: "object") -> "None":
        super().__init__("__main__")
        self.__dict__["_mitogen_load"] = _Load(self, finder)

    def install(self) -> "None":
        """Take the place of `__main__`."""
        self._mitogen_load.replaced = sys.modules.get("__main__")
        sys.modules["__main__"] = self

    def remove(self) -> "None":
        """Put back what was there."""
        if sys.modules.get("__main__") is self:
            sys.modules["__main__"] = self._mitogen_load.replaced

    def __getattr__(self, name: "str") -> "object":
        # Only reached for what is not there. Double underscores are asked for by machinery
        # (warnings, pickle, inspect) that means this process, not the program.
        if not (name.startswith("__") and name.endswith("__")):
            self.__dict__["_mitogen_load"].run()
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError("module '__main__' has no attribute %r" % (name,))


class _Load:
    """The one time `__main__` is loaded. Any thread; the others wait."""

    def __init__(self, module: "MainModule", finder: "object") -> "None":
        self._module = module
        self._finder = finder
        self._lock = threading.RLock()
        self._is_begun = False
        self.replaced = None

    def run(self) -> "None":
        """Load the module, unless that has been done, or is what this thread is doing.

        :raises ImportError: the program's main script cannot be had, with the reason.
        """
        with self._lock:
            if self._is_begun:
                return
            spec = self._finder.find_on_wire("__main__", is_import=True)
            self._is_begun = True
            names = self._module.__dict__
            before = dict(names)
            names.update(
                __spec__=spec, __loader__=spec.loader, __file__=spec.origin, __package__=""
            )
            try:
                spec.loader.exec_module(self._module)
            except BaseException:
                # As after any failed import: the next one tries again.
                names.clear()
                names.update(before)
                self._is_begun = False
                raise
