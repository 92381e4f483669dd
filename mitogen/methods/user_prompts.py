"""The prompt table of ssh, sudo, su or doas, changed as the user's options say.

Their texts are plain ones, not patterns, and found in any case of letters.
"""

import re

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import PasswordError
from mitogen.methods.declaration import Option

OPTIONS = (
    Option(
        "password_prompt",
        None,
        "Text, or list of texts, that it asks for the password with; the usual ones of many "
        "languages when not given.",
    ),
    Option(
        "incorrect_prompts",
        None,
        "List of texts that say the password is wrong, besides the usual ones.",
    ),
)


def adapt(
    prompts: "PromptTable", options: "object", also: "tuple" = ()
) -> "PromptTable":
    """The table for these options; the question for a password is of the kind ``password``.

    :param also: texts that are such a question besides those of the user.
    """
    asked = prompts.prompts
    texts = _texts(options, "password_prompt")
    if texts:
        texts = [*texts, *also]
        pattern = re.compile(b"(?i)(?:" + _any_of(texts) + b")[ \t]*:?[ \t]*\\Z")
        asked = tuple(
            [p._replace(pattern=pattern) if p.kind == "password" else p for p in asked]
        )
    wrong = _texts(options, "incorrect_prompts")
    if not wrong:
        return PromptTable(asked, prompts.refusals)
    refusal = Refusal(re.compile(b"(?i)(?:" + _any_of(wrong) + b")"), PasswordError)
    return PromptTable(asked, (refusal, *prompts.refusals))


def check(options: "object") -> "None":
    """See that both options are what they can be.

    :raises TypeError: one is not.
    """
    for option in OPTIONS:
        _texts(options, option.name)


def _texts(options: "object", name: "str") -> "list":
    given = getattr(options, name)
    if given is None:
        return []
    texts = [given] if isinstance(given, (str, bytes)) else given
    if not isinstance(texts, (list, tuple)) or not all(
        isinstance(text, (str, bytes)) and text.strip() for text in texts
    ):
        raise TypeError("%s is a text or a list of texts, not %r" % (name, given))
    return [text if isinstance(text, bytes) else text.encode() for text in texts]


def _any_of(texts: "list") -> "bytes":
    return b"|".join([re.escape(text.strip()) for text in texts])
