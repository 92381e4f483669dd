"""Modules that only hand on names of others, without importing those before they are wanted.

A program's main script says ``import mitogen.master`` at the top, and is imported in every child
where its functions are called; a child that starts no children shall not fetch the controller, and
one with an old Python could not run it. The parent therefore sends such a module as a table, made
from its source, in the form of a call of `install`.
"""

import importlib
import sys
import types


class Facade(types.ModuleType):
    """A module whose names are resolved when they are first asked for."""

    def __init__(self, original: "object", sources: "dict") -> "None":
        super().__init__(original.__name__, original.__doc__)
        self.__dict__.update(original.__dict__)
        self.__dict__["__all__"] = sorted(sources)
        self.__dict__["_mitogen_sources"] = sources

    def __getattr__(self, name: "str") -> "object":
        source = self.__dict__["_mitogen_sources"].get(name)
        if source is None:
            raise AttributeError("module %r has no attribute %r" % (self.__name__, name))
        module, _colon, attribute = source.partition(":")
        value = importlib.import_module(module)
        if attribute:
            value = getattr(value, attribute)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> "list":
        return sorted(set(self.__dict__) | set(self._mitogen_sources))


def install(fullname: "str", sources: "dict") -> "None":
    """Replace the module *fullname*, which is being imported, by a `Facade`.

    :param sources: name to ``module:attribute``, or to ``module`` for a module itself.
    """
    sys.modules[fullname] = Facade(sys.modules[fullname], sources)
