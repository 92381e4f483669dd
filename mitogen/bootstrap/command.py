"""The command line that finds a Python and boots it, in any shell and through any login.

It is ``sh -c '...'``. Between the quotes there is no newline, single quote, ``!`` or backslash, so
that bash, dash, zsh, tcsh and fish all hand it on unchanged, and no ``$`` either: ``sudo -i``
escapes every special character for the login shell except that one. Hence no loop and no variable;
the walk over the candidates is one command substitution, split at ``:``, which no path holds::

    echo "MITOGEN1 "NONCE sh;IFS=:;exec `command -v A||command -v B||echo echo` -c ...

It begins with a marker of its own, so that a Python that does not start can be told from a program
that does not lead there. None stands in it as it is said, for a shell may show what it runs. Where
no candidate exists, ``echo`` is run in its place, and says so by its arguments.
The first candidate that exists is started, once; it decides itself whether it is new enough, and
otherwise goes on to the others, which it finds among its arguments.
"""

import shlex

from mitogen.bootstrap import first_stage, markers

#: Tried in this order when nobody names an interpreter.
DEFAULT_CANDIDATES = (
    "python3",
    "/usr/libexec/platform-python",
    "/usr/local/bin/python3",
    "python",
)

_NAME_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.:_+-/"
)
_UNQUOTABLE = frozenset("\"'`$!\\\n\r\0:*?[")


def remote_argv(python_candidates: "list | None", nonce: "str", remote_name: "str") -> "list":
    """The command as an argument list, for methods that run one without a shell.

    :param python_candidates: interpreters in order of preference (see `candidate_words`), None
        for the usual ones.
    :param nonce: letters and digits that only this start uses.
    :param remote_name: shown in the process table until the child has a title of its own.
    :raises ValueError: a candidate holds a character that no shell quoting survives.
    """
    candidates = [candidate_words(c) for c in python_candidates or DEFAULT_CANDIDATES]
    walk = "||".join([_probe(words) for words in candidates])
    prefix = '"%s "%s' % (markers.WORD, nonce)
    parts = [
        "echo %s sh;IFS=:;exec `%s||echo echo`" % (prefix, walk),
        '-c "%s" "%s"' % (first_stage.START, first_stage.UNPACK),
        first_stage.packed_program(),
        prefix,
        "none",
        _harmless(remote_name),
    ]
    # The first one is not repeated: it is the one that asks for the others.
    parts.extend(_quoted(":".join(words)) for words in candidates[1:])
    return ["sh", "-c", " ".join(parts)]


def remote_command(python_candidates: "list | None", nonce: "str", remote_name: "str") -> "str":
    """The command as one string, for whatever hands it to a shell of its own."""
    return "sh -c '%s'" % (remote_argv(python_candidates, nonce, remote_name)[2],)


def candidate_words(candidate: "str | list") -> "list":
    """The words of one interpreter command.

    A string is split as a shell would (``"/usr/bin/env python3"``; quote a path with a space), a
    list is taken as it is.

    :raises ValueError: it is empty, or cannot be quoted for every shell.
    """
    words = shlex.split(candidate) if isinstance(candidate, str) else list(candidate)
    if not words:
        raise ValueError("an empty Python interpreter was named")
    for word in words:
        if not word or not _UNQUOTABLE.isdisjoint(word):
            raise ValueError(
                "the Python interpreter %r holds a character that does not survive every shell"
                % (candidate,)
            )
    return words


def boot_message(bundle: "bytes", boot_record: "bytes") -> "bytes":
    """What the first stage reads from its stdin."""
    return b"%d\n%b%d\n%b" % (len(bundle), bundle, len(boot_record), boot_record)


def _probe(words: "list") -> "str":
    """A shell command that prints the interpreter command if its program exists."""
    if len(words) == 1:
        return "command -v %s" % (_quoted(words[0]),)
    return "command -v %s>/dev/null&&echo %s" % (_quoted(words[0]), _quoted(":".join(words)))


def _quoted(word: "str") -> "str":
    return word if _NAME_CHARACTERS.issuperset(word) else '"%s"' % (word,)


def _harmless(name: "str") -> "str":
    return "".join([c if c in _NAME_CHARACTERS else "_" for c in name]) or "_"
