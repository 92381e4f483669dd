"""Whether a context is still what its account would get now.

Stock Ansible becomes another user anew for each task, and so sees at once what an earlier task
changed: groups, limits, the right to become it, the environment of a login, the interpreter. A
context lives on. It remembers what the files looked like that all this was read from, and before
each job looks whether they still do: a few microseconds a file, and nothing is read while nothing
changes. When the files of accounts did, the system is asked for two of them, which may take as long
as it takes: a directory that does not answer would have kept stock Ansible waiting, too.
"""

import os
import pwd
import sys

#: What a login takes its environment from, whoever's it is.
_LOGIN_FILES = (
    "/etc/environment",
    "/etc/default/locale",
    "/etc/login.defs",
    "/etc/security/pam_env.conf",
)
#: The same, below the account's home.
_HOME_FILES = (".pam_environment", ".ssh/environment")
#: Files that a shell reads also when it runs a command only, or as a login shell.
_SHELL_FILES = {
    "bash": ("/etc/bash.bashrc", "/etc/profile", ".bashrc", ".bash_profile", ".profile"),
    "zsh": ("/etc/zsh/zshenv", "/etc/zshenv", ".zshenv", ".zprofile"),
    "tcsh": ("/etc/csh.cshrc", ".tcshrc", ".cshrc", ".login"),
    "csh": ("/etc/csh.cshrc", ".cshrc", ".login"),
    "fish": ("/etc/fish/config.fish", ".config/fish/config.fish"),
}
_OTHER_SHELL_FILES = ("/etc/profile", ".profile")
#: What the programs that escalate, and PAM on their behalf, decide by.
_ESCALATION_FILES = (
    "/etc/sudo.conf",
    "/etc/sudoers",
    "/etc/doas.conf",
    "/etc/security",
    "/etc/security/limits.conf",
    "/etc/pam.d",
)
#: The same; here each file is looked at.
_ESCALATION_FOLDERS = ("/etc/sudoers.d", "/etc/security/limits.d")
#: Only the lines of this account, and of the one that became it, matter in these.
_SHADOW = "/etc/shadow"
_ACCOUNT_FILES = ("/etc/passwd", "/etc/group", _SHADOW)
_LOGINS = ("ssh",)
_ESCALATIONS = ("sudo", "su", "doas", "wrapped")


class Stale:
    """Why a context is to be replaced.

    :param is_login: whether that goes for the login which it lives on as well.
    """

    __slots__ = ("is_login", "reason")

    def __init__(self, reason: "str", is_login: "bool" = False) -> "None":
        self.reason = reason
        self.is_login = is_login


class Freshness:
    """What this process was started from, as it is when this is made.

    :param root: goes in front of all paths but the interpreter's.
    :param find_account: returns the records of this account, and of the one that became it.
    """

    def __init__(self, root: "str" = "", find_account: "object" = None) -> "None":
        self._find_account = find_account or (lambda: _account(root))
        self._account = self._find_account()
        own, invoker = self._account
        self._interpreter = _stamps([sys.executable or os.devnull])
        # What sudo keeps of the environment comes from the account that calls it.
        self._login = _stamps([root + path for path in _LOGIN_FILES] + _files_of(root, invoker))
        self._own = _stamps(_files_of(root, own))
        self._escalation = _stamps(_escalation_files(root))
        self._accounts = _stamps([root + path for path in _ACCOUNT_FILES])

    def why_stale(self, method: "str") -> "Stale | None":
        """Why nothing must run here that came by this connection *method*; None if it may."""
        changed = _changed(self._interpreter)
        if changed:
            return Stale("%s has been replaced" % (changed,), is_login=True)
        if method in _LOGINS or method in _ESCALATIONS:
            changed = _changed(self._login)
            if changed:
                return Stale("%s has changed" % (changed,), is_login=True)
            changed = _changed(self._own)
        if method in _ESCALATIONS:
            changed = changed or _changed(self._escalation) or self._changed_account()
        return Stale("%s has changed" % (changed,)) if changed else None

    def _changed_account(self) -> "str":
        if not _changed(self._accounts):
            return ""
        now = _stamps(self._accounts)
        if self._find_account() != self._account:
            return "the account, or a group of it,"
        self._accounts = now
        return ""


def _files_of(root: "str", record: "tuple | None") -> "list":
    """What the account's logins read."""
    if record is None:
        return []
    home, shell = record[3:5]
    paths = (*_HOME_FILES, *_SHELL_FILES.get(os.path.basename(shell), _OTHER_SHELL_FILES))
    return [root + (path if path[0] == "/" else os.path.join(home, path)) for path in paths]


def _escalation_files(root: "str") -> "list":
    paths = [root + path for path in _ESCALATION_FILES]
    for folder in _ESCALATION_FOLDERS:
        try:
            names = os.listdir(root + folder)
        except OSError:  # not there, or not for this account to see
            names = []
        # The folder itself tells when files come, go and are replaced.
        paths += [root + folder, *(os.path.join(root + folder, name) for name in names)]
    return paths


def _account(root: "str") -> "list":
    """The records of this account, and of the one that became it."""
    invoker = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER")
    return [_record(root, pwd.getpwuid, os.getuid()), _record(root, pwd.getpwnam, invoker)]


def _record(root: "str", find: "object", key: "object") -> "tuple | None":
    try:
        entry = find(key)
        groups = sorted(os.getgrouplist(entry.pw_name, entry.pw_gid))
    except (KeyError, TypeError, OSError):  # there is no such account, no name, no answer
        return None
    return (entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell, groups,
            _secret(root + _SHADOW, entry.pw_name))  # fmt: skip


def _secret(path: "str", name: "str") -> "int | None":
    """Changes with the account's password and expiry; None where that cannot be seen."""
    start = name.encode() + b":"
    try:
        with open(path, "rb") as lines:
            return hash(tuple(line for line in lines if line.startswith(start)))
    except OSError:
        return None


def _stamps(paths: "object") -> "dict":
    return {path: _stamp(path) for path in paths}


def _stamp(path: "str") -> "tuple | None":
    try:
        found = os.stat(path)
    except OSError:
        return None
    # The time of the change says it all, but for two changes within one tick of the clock.
    return (found.st_mode, found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino,
            found.st_dev)  # fmt: skip


def _changed(stamps: "dict") -> "str":
    """The first path that is not what it was; '' when all are."""
    for path, before in stamps.items():
        if _stamp(path) != before:
            return path
    return ""
