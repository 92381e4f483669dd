"""What Ansible asks a shell for, as functions called in a context, on its main thread.

Each does what the shell command of the stock plugin does and returns a plain value; what goes wrong
is the OSError of the system call. Modules are imported where used: most contexts need few of them.
"""

import functools
import os
import stat

from ansible_mitogen.target.names import local, original
from mitogen.runtime.injection import takes_econtext


def _of_a_login(operation: "object") -> "object":
    """What a shell of a login would do: in the folder that it starts in.

    Texts, and lists of them, are passed by the names they have here, and a text back by ours.
    """

    def in_local_names(value: "object") -> "object":
        if isinstance(value, str):
            return local(value)
        return [local(item) for item in value] if isinstance(value, (list, tuple)) else value

    @takes_econtext
    @functools.wraps(operation)
    def call(*arguments: "object", econtext: "object" = None) -> "object":
        folder = getattr(econtext, "start_folder", None)
        if folder is None:
            result = operation(*map(in_local_names, arguments))
        else:
            folder.enter()
            try:
                result = operation(*map(in_local_names, arguments))
            finally:
                folder.quit()
        return original(result) if isinstance(result, str) else result

    return call


@_of_a_login
def expand_user(path: "str") -> "str":
    """*path* with a leading ``~`` or ``~name`` replaced; as it is when there is no such user."""
    return os.path.expanduser(path)


def expand_path(path: "str") -> "str":
    """*path* with a leading ``~`` and variables replaced."""
    return os.path.expandvars(os.path.expanduser(path))


@_of_a_login
def exists(path: "str") -> "bool":
    """Whether something is there; a dangling link is nothing."""
    return os.path.exists(path)


@_of_a_login
def make_temporary_directory(
    base: "str", name: "str", mode: "int" = 0o700, fallbacks: "list" = ()
) -> "str":
    """Make the folder *name* below *base*, which is made too, and return its path.

    :param fallbacks: folders to try where *base* cannot be made or written to, as for accounts
        without a home.
    :raises OSError: there is no place for it; why *base* is none.
    """
    error = None
    for folder in map(expand_path, (base, *fallbacks)):
        path = os.path.join(folder, name)
        try:
            make_directories(folder)
            # The umask is the process's, and other threads may be making files: mode afterwards.
            os.mkdir(path, mode & 0o700)
            os.chmod(path, mode)
            return path
        except OSError as exc:
            if isinstance(exc, FileExistsError) and exc.filename == path:
                raise  # a name that was to be unique: somebody else's
            error = error or exc
    raise error


def make_directories(path: "str") -> "None":
    """Make *path* and what is missing above it, for this account only."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path.rstrip("/"))
    if parent:
        make_directories(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


@_of_a_login
def remove(path: "str", recurse: "bool" = False) -> "None":
    """Remove a file, or with *recurse* whatever is there; nothing there is fine."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if is_folder and recurse:
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)


@_of_a_login
def chmod(paths: "list", mode: "str") -> "None":
    """Change modes as the program of that name does, *mode* in octal or symbols."""
    for path in paths:
        before = os.stat(path).st_mode
        os.chmod(path, changed_mode(before, mode, _umask()))


def _umask() -> "int":
    try:
        with open("/proc/self/status") as lines:
            for line in lines:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except (OSError, ValueError):
        pass
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_WHO = {"u": 0o700, "g": 0o070, "o": 0o007}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111}


def changed_mode(before: "int", mode: "str", umask: "int") -> "int":
    """The permission bits that *mode*, as chmod(1) takes it, makes of *before*. Pure.

    :raises ValueError: it is none.
    """
    bits = stat.S_IMODE(before)
    if mode.isdigit():
        # A folder keeps these unless it takes five digits to say so.
        kept = bits & 0o6000 if stat.S_ISDIR(before) and len(mode) < 5 else 0
        return int(mode, 8) | kept
    for clause in mode.split(","):
        who, rest = _split_clause(clause)
        mask = 0
        for letter in who:
            mask |= 0o777 if letter == "a" else _WHO[letter]
        if not who:
            mask = 0o777 & ~umask
        for action, letters in _actions(rest):
            change, special = _change(before, bits, letters, who)
            change &= mask
            if action == "+":
                bits |= change | special
            elif action == "-":
                bits &= ~(change | special)
            else:
                bits = bits & ~_cleared(before, who) | change | special
    return bits


def _cleared(before: "int", who: "str") -> "int":
    """The bits that ``=`` clears; a folder keeps those for user and group ids."""
    everybody = not who or "a" in who
    cleared = 0
    for letter, special in (("u", 0o4000), ("g", 0o2000), ("o", 0o1000)):
        if everybody or letter in who:
            cleared |= _WHO[letter]
            if letter == "o" or not stat.S_ISDIR(before):
                cleared |= special
    return cleared


def _split_clause(clause: "str") -> "tuple":
    who = clause[: len(clause) - len(clause.lstrip("ugoa"))]
    rest = clause[len(who) :]
    if not rest or rest[0] not in "+-=":
        raise ValueError("invalid mode: %r" % (clause,))
    return who, rest


def _actions(rest: "str") -> "list":
    """Pairs of a sign and the letters behind it."""
    actions = []
    for letter in rest:
        if letter in "+-=":
            actions.append((letter, ""))
        else:
            actions[-1] = (actions[-1][0], actions[-1][1] + letter)
    return actions


def _change(before: "int", bits: "int", letters: "str", who: "str") -> "tuple":
    """The bits that *letters* stand for, and the special ones among them."""
    change = special = 0
    for letter in letters:
        if letter in _BITS:
            change |= _BITS[letter]
        elif letter == "X":
            if stat.S_ISDIR(before) or bits & 0o111:
                change |= 0o111
        elif letter in _WHO:
            three = (bits & _WHO[letter]) >> {"u": 6, "g": 3, "o": 0}[letter]
            change |= three * 0o111
        elif letter == "s":
            special |= 0o4000 if not who or set(who) & set("ua") else 0
            special |= 0o2000 if not who or set(who) & set("ga") else 0
        elif letter == "t":
            special |= 0o1000
        else:
            raise ValueError("invalid mode: %r" % (letters,))
    return change, special


@_of_a_login
def chown(paths: "list", user: "str") -> "None":
    """Give *paths* to *user*: a name or number, with ``:group`` behind it if that is to change.

    :raises LookupError: there is no such user or group.
    """
    owner, _, group = user.partition(":")
    uid = _number_of(owner, "user")
    gid = _number_of(group, "group")
    for path in paths:
        os.chown(path, uid, gid)


def _number_of(name: "str", kind: "str") -> "int":
    if not name:
        return -1
    try:
        if kind == "user":
            import pwd

            return pwd.getpwnam(name).pw_uid
        import grp

        return grp.getgrnam(name).gr_gid
    except KeyError:
        if name.isdigit():
            return int(name)
        raise LookupError("invalid %s: %r" % (kind, name))


@_of_a_login
def file_size(path: "str") -> "int":
    """Bytes in the file *path*.

    :raises OSError: it is no file that can be read.
    """
    with open(path, "rb") as source:
        return os.fstat(source.fileno()).st_size


@_of_a_login
def read_chunk(path: "str", offset: "int", size: "int") -> "bytes":
    """At most *size* bytes of the file from *offset* on; none at its end."""
    with open(path, "rb", buffering=0) as source:
        source.seek(offset)
        return source.read(size)


@_of_a_login
def write_chunk(path: "str", offset: "int", data: "bytes") -> "None":
    """Write *data* at *offset*; at 0 the file is made, or made empty."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (0 if offset else os.O_TRUNC)
    fd = os.open(path, flags, 0o666)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            offset += written
            view = view[written:]
    finally:
        os.close(fd)


@_of_a_login
def checksum(path: "str") -> "str":
    """The SHA-1 of a file, as Ansible compares files by."""
    import hashlib

    digest = hashlib.sha1()  # noqa: S324 -- Ansible's choice; nothing is secured by it
    with open(path, "rb") as source:
        while True:
            data = source.read(1 << 18)
            if not data:
                return digest.hexdigest()
            digest.update(data)


def await_departure(user: "str", seconds: "float") -> "bool":
    """Wait until no context of *user* that belongs to the same run as this one is left.

    :returns: False when there still is one after *seconds*.
    """
    import pwd
    import time

    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return True
    if uid == os.getuid():
        return True  # there always is this one
    # All of a run carry the same one.
    title = _command_line("self")
    deadline = time.monotonic() + seconds
    while title and title in _command_lines(uid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _command_lines(uid: "int") -> "list":
    """Those of all processes of the account, as far as they can be seen."""
    return [_command_line(name) for name in os.listdir("/proc")
            if name.isdigit() and _owner("/proc/" + name) == uid]  # fmt: skip


def _owner(path: "str") -> "int":
    try:
        return os.stat(path).st_uid
    except OSError:
        return -1


def _command_line(process: "str") -> "bytes":
    try:
        with open("/proc/%s/cmdline" % (process,), "rb") as source:
            return source.read()
    except OSError:
        return b""
