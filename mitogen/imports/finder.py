"""The end of `sys.meta_path`: what is not here comes from the parent."""

import sys
import threading

from mitogen.errors import Error
from mitogen.imports.loader import WireLoader, interpreter_name
from mitogen.imports.main_module import MainModule
from mitogen.wire.control import GetModule

#: Packages of which a context has a part, and its parent the rest.
_OUR_PACKAGES = ("mitogen", "ansible_mitogen")


def missing(fullname: "str", reason: "str") -> "ModuleNotFoundError":
    """What an import of *fullname* ends with."""
    return ModuleNotFoundError(
        "No module named %r: %s does not have it, and the program that started it does not send "
        "it: %s" % (fullname, interpreter_name(), reason),
        name=fullname,
    )


class WireFinder:
    """Finds modules through the parent. Any thread.

    :param requester: ``requester(GetModule) -> LoadModule``; blocks, raises an `Error` of ours
        when there is no answer.
    :param policy: `ImportPolicy`.
    """

    def __init__(self, requester: "object", policy: "object") -> "None":
        self.requester = requester
        self._policy = policy
        # Sent along with something else, or refused: taken from here at the first import.
        self._records = {}
        # Threads that are asking: what the request itself imports must not ask again.
        self._asking = set()
        self._first = FirstFinder(self)
        self._main = MainModule(self)

    def install(self) -> "None":
        """Take part in imports, `__main__` included; `remove` undoes it."""
        if self._policy.has_first():
            sys.meta_path.insert(0, self._first)
        sys.meta_path.append(self)
        self._main.install()
        if sys.version_info[:2] == (3, 9):
            # Nobody else needs it.
            from mitogen.imports import files_39

            files_39.install()

    def remove(self) -> "None":
        """Leave imports alone again; what has been imported stays."""
        for finder in (self._first, self):
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)
        self._main.remove()

    def goes_first(self, fullname: "str") -> "bool":
        """Whether the parent's copy comes before one that is here."""
        return self._policy.goes_first(fullname)

    def find_spec(
        self, fullname: "str", path: "object" = None, target: "object" = None
    ) -> "object":
        """The spec of a module that is not here; None when it is nowhere.

        :raises ModuleNotFoundError: to an import statement, with the reason. Code that only asks
            whether there is such a module gets None.
        :raises ImportError: the parent does not answer.
        """
        if self._has_own_package(fullname):
            return None
        for finder in _after(self):
            # Finders added later, such as those of six, have what no file says.
            if hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return self.find_on_wire(fullname, _is_import(sys._getframe(1)))

    def find_on_wire(self, fullname: "str", is_import: "bool" = False) -> "object":
        """As `find_spec`, without a look at what is here."""
        reason = self._policy.refusal_of(fullname)
        if reason is None:
            record = self.fetch(fullname)
            if record is None:
                return None
            if record.error is None:
                return WireLoader(record, self.fetch).spec()
            reason = record.error
        if is_import:
            raise missing(fullname, reason)
        return None

    def fetch(self, address: "str") -> "object":
        """The record of a module or resource (see `records`); None when asking to ask.

        :raises ImportError: the parent does not answer.
        """
        record = self._records.get(address)
        if record is not None:
            # A refusal is final. A module is imported once; its bytes are kept by its loader.
            if record.error is None:
                self._records.pop(address, None)
            return record
        me = threading.get_ident()
        if me in self._asking:
            return None
        self._asking.add(me)
        try:
            record = self.requester(GetModule(address))
        except Error as exc:
            raise ImportError(
                "%s cannot be imported by %s: no answer from the program that started it: %s"
                % (address, interpreter_name(), exc),
                name=address,
            )
        finally:
            self._asking.discard(me)
        for related in record.related:
            if related.fullname not in sys.modules:
                self._records.setdefault(related.fullname, related)
        if record.error is not None:
            self._records[address] = record
        return record

    def _has_own_package(self, fullname: "str") -> "bool":
        """Whether the package is here as a whole: mixing it with another one breaks both."""
        package = sys.modules.get(fullname.rpartition(".")[0])
        if package is None or fullname.partition(".")[0] in _OUR_PACKAGES:
            return False
        spec = getattr(package, "__spec__", None)
        loader = getattr(spec, "loader", None)
        if isinstance(loader, WireLoader) or spec is None:
            return False
        # A namespace package is never whole: other folders, here or there, may add to it.
        return getattr(spec, "origin", None) not in (None, "namespace")


class FirstFinder:
    """The front of `sys.meta_path`, for names whose copy here does not count."""

    def __init__(self, finder: "WireFinder") -> "None":
        self._finder = finder

    def find_spec(
        self, fullname: "str", path: "object" = None, target: "object" = None
    ) -> "object":
        """The parent's copy; None when it has none, or for any other name."""
        if not self._finder.goes_first(fullname):
            return None
        return self._finder.find_on_wire(fullname)


def _after(finder: "object") -> "list":
    finders = list(sys.meta_path)
    return finders[finders.index(finder) + 1 :] if finder in finders else []


def _is_import(frame: "object") -> "bool":
    """Whether *frame*, which called a finder, does so for an import, not for a question.

    `importlib.util.find_spec` has to return None for what does not exist, while an import should
    fail with the reason; both call finders through the same function.
    """
    caller = frame.f_back
    return caller is not None and caller.f_code.co_name == "_find_and_load_unlocked"
