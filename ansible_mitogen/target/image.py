"""What a zygote has loaded ahead: the core's `ansible.module_utils` that its modules import.

They are imported once, in the zygote, and each runner that is forked has them. A runner keeps of
them what its own module would import, byte for byte; where a file differs, it forgets them all and
imports its own.

Only the core's own, which do nothing but define things, are run ahead: what every module needs when
the first one comes, the rest of what modules have brought so far while there is nothing else to do.
Other files, a user's or a collection's, are compiled ahead, and run in the runner, in the
environment of its task.
"""

import gc
import importlib
import io
import os
import site
import sys

#: The part that nearly every module imports, and with it most of what it needs.
BASIC = "ansible/module_utils/basic.py"
_UTILS = "ansible/module_utils/"
_MODULES = "ansible/modules/__init__.py"
#: The core's own parts that `basic` imports late or never, but every module run does.
_FURTHER = (
    "ansible/module_utils/_internal/_ansiballz/",
    "ansible/module_utils/_internal/_json/",
)
#: Asks the controller to debug; does something when imported.
_NOT = ("_extensions/", "_respawn_wrapper.py")


class Image:
    """The loaded modules of this process that came from closures.

    :param closure: where they are imported from.
    """

    def __init__(self, closure: "object") -> "None":
        self._closure = closure
        #: Loaders of what is loaded, by module name.
        self._loaded = {}
        #: Digests of `BASIC` that did not load: a Python too old for the core, say.
        self._failed = set()
        #: What `prepare` returned, by their key.
        self._unfit = {}
        #: Files to be loaded when there is time, and those that were looked at: digests by path.
        self._to_warm = {}
        self._seen = {}
        self._libraries = None
        #: Names of what was loaded along with it, of the host's packages.
        self._foreign = []

    def prepare(self, files: "dict", key: "int", foreign: "list") -> "list":
        """Load and compile what a module with these *files* needs. Zygote.

        :param key: the same for the same files.
        :param foreign: those of them that are not the core's own.
        :returns: names of loaded modules that it would not have, or not these; see `forget`.

        What is done already is found out without a look at each file: each object that is looked
        at, here or in the runner, is a page of memory to be copied after the fork.
        """
        self._closure.show(files)
        basic = files.get(BASIC)
        if self._loaded and self.is_outdated():
            self._forget_all()
        if not self._loaded and basic is not None and basic not in self._failed:
            self._load(basic, files, foreign)
        unfit = self._unfit.get(key)
        if unfit is None:
            self._compile(files)
            self._plan_warming(files, foreign)
            unfit = self._unfit[key] = self._find_unfit(files)
        return unfit

    def is_outdated(self) -> "bool":
        """Whether a library came or went since the loading."""
        return self._libraries != _libraries(self._foreign)

    def closure_dropped(self) -> "None":
        """What was compiled may be gone."""
        self._unfit.clear()
        self._to_warm.clear()

    def names(self) -> "list":
        """Names of what is loaded."""
        return list(self._loaded)

    def _forget_all(self) -> "None":
        self.forget([*self._loaded, *self._foreign])
        for record in (self._loaded, self._foreign, self._unfit, self._to_warm, self._seen):
            record.clear()
        if hasattr(gc, "unfreeze"):
            gc.unfreeze()
        importlib.invalidate_caches()
        _adopt_path()

    def _compile(self, files: "dict") -> "None":
        for path, digest in files.items():
            if path.endswith(".py"):
                try:
                    self._closure.code(path, digest)
                except (SyntaxError, ValueError):
                    pass  # the runner will say so, if the module uses that file

    def _find_unfit(self, files: "dict") -> "list":
        absent = []
        for name, loader in self._loaded.items():
            digest = files.get(loader.path)
            if digest is None:
                absent.append(name)
            elif digest != loader.digest:
                return list(self._loaded)
        return absent

    def forget(self, names: "list") -> "None":
        """Have these modules imported anew."""
        for name in names:
            module = sys.modules.pop(name, None)
            parent, _, tail = name.rpartition(".")
            if module is not None and parent in sys.modules:
                vars(sys.modules[parent]).pop(tail, None)

    # Loading --------------------------------------------------------------------------------

    def _load(self, basic: "str", files: "dict", foreign: "list") -> "None":
        # Before anything is looked for: what is installed meanwhile is not to be missed.
        self._libraries = _libraries([])
        self._closure.show(_without(files, foreign))
        paths = [
            path
            for path in self._closure.files
            if path == _MODULES or (path.startswith(_FURTHER) and not _is_left(path))
        ]
        if not self._import([BASIC, *paths]) and not foreign:
            self._failed.add(basic)
        self._closure.show(files)
        _keep_apart()

    def _plan_warming(self, files: "dict", foreign: "list") -> "None":
        if not self._loaded:
            return
        for path, digest in _without(files, foreign).items():
            is_fit = path.startswith(_UTILS) and path.endswith(".py") and not _is_left(path)
            if is_fit and self._seen.setdefault(path, digest) == digest:
                self._to_warm[path] = digest

    def can_warm(self) -> "bool":
        """Whether `warm` has something to do."""
        return bool(self._to_warm)

    def warm(self) -> "None":
        """Load one more of the modules that were seen."""
        path = next(iter(self._to_warm))
        del self._to_warm[path]
        if _module_name(path) not in sys.modules:
            # With all that was seen, for it imports others.
            self._closure.show(self._seen)
            self._import([path])
        if not self._to_warm:
            _keep_apart()

    def _import(self, paths: "list") -> "bool":
        """Import them; whether all could be."""
        before = set(sys.modules)
        self._closure.enter()
        # What is said now is no module's: it would lie in the buffer that every runner inherits.
        stdout, sys.stdout = sys.stdout, io.StringIO()
        try:
            for path in paths:
                importlib.import_module(_module_name(path))
        except BaseException:  # also SystemExit: the core's word to a Python that is too old
            for name in set(sys.modules) - before:
                del sys.modules[name]
            return False
        finally:
            sys.stdout = stdout
            self._closure.leave()
        self._note_loaded(before)
        return True

    def _note_loaded(self, before: "set") -> "None":
        self._unfit.clear()
        for name, module in list(sys.modules.items()):
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            if getattr(loader, "digest", None) and loader.closure is self._closure:
                self._loaded[name] = loader
        standard = os.path.dirname(os.__file__)
        foreign = [
            name
            for name in sys.modules
            if name not in before and name not in self._loaded and not _is_below(name, standard)
        ]
        self._foreign += foreign
        self._libraries += _stamps(_paths_of(foreign))


def _keep_apart() -> "None":
    """Objects that are there to stay need not be looked at, nor copied, by each runner."""
    gc.collect()
    if hasattr(gc, "freeze"):  # not on 3.6
        gc.freeze()


def _without(files: "dict", foreign: "list") -> "dict":
    if not foreign:
        return files
    return {path: digest for path, digest in files.items() if path not in foreign}


def _is_left(path: "str") -> "bool":
    return any(word in path for word in _NOT)


def _module_name(path: "str") -> "str":
    name = path[: -len(".py")] if path.endswith(".py") else path
    if name.endswith("/__init__"):
        name = name[: -len("/__init__")]
    return name.replace("/", ".")


def site_folders() -> "list":
    """Where packages may be installed, whether or not the folder is there."""
    folders = []
    if hasattr(site, "getsitepackages"):
        folders += site.getsitepackages()
    if site.ENABLE_USER_SITE and hasattr(site, "getusersitepackages"):
        folders.append(site.getusersitepackages())
    return folders


def _is_below(name: "str", folder: "str") -> "bool":
    """Whether the loaded module comes from *folder*, packages installed there aside, or no file."""
    paths = _paths_of([name])
    return all(path.startswith(folder) and "-packages" not in path for path in paths)


def _paths_of(names: "list") -> "list":
    """The files and folders of loaded modules, as far as they have any."""
    paths = []
    for module in map(sys.modules.get, names):
        paths += [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    return [path for path in paths if isinstance(path, str)]


def _libraries(foreign: "list") -> "list":
    """Changes when a package is installed or removed, or one of the modules *foreign* changes.

    The core's modules look for optional libraries (libselinux, systemd) while they are imported: a
    play that installs one expects the next task to find it.
    """
    # The second one is read once by some C libraries, and says where accounts are looked up.
    system = ["/etc/ld.so.cache", "/etc/nsswitch.conf"]
    return _stamps([*system, *sys.path, *site_folders(), *_paths_of(foreign)])


def _stamps(paths: "list") -> "list":
    stamps = []
    for path in paths:
        try:
            stamps.append(os.stat(path).st_mtime_ns)
        except OSError:
            stamps.append(None)
    return stamps


def _adopt_path() -> "None":
    """Have what a new interpreter would: folders made since, what .pth files name and do."""
    for folder in site_folders():
        if os.path.isdir(folder):
            site.addsitedir(folder)
    # What is named no more: who knows that best is a new interpreter.
    import ast
    import subprocess

    null = subprocess.DEVNULL
    program = "import sys; print(ascii([p for p in sys.path if p not in ('', '.')]))"
    try:
        argv = [sys.executable or "", "-c", program]
        text = subprocess.check_output(argv, stdin=null, stderr=null)
        sys.path[:] = ast.literal_eval(text.decode())
    except (OSError, ValueError, SyntaxError, subprocess.SubprocessError):
        pass  # as it is, then
