"""What programs that lead to another account or machine ask and say before they let us in.

A connection method describes its program with these records; the handshake acts on them.
"""

import collections


class Prompt(
    collections.namedtuple(
        "Prompt",
        "kind pattern answer_option answer missing_error missing repeated_error repeated "
        "is_also_on_link",
    )
):
    """A question at the end of what was said so far, without a newline behind it.

    :ivar str kind: what it asks for, such as ``password``.
    :ivar pattern: compiled bytes pattern, searched in the unfinished line.
    :ivar answer_option: the option that holds the answer; None: `answer` is it.
    :ivar missing_error, missing: error class and its words when the option is not given.
    :ivar repeated_error, repeated: the same when the answer was not accepted.
    :ivar bool is_also_on_link: its program may ask on its stdout, which is the link.
    """

    __slots__ = ()

    def __new__(
        cls,
        kind: "str",
        pattern: "object",
        answer_option: "str | None" = None,
        answer: "bytes" = b"",
        missing_error: "type | None" = None,
        missing: "str" = "",
        repeated_error: "type | None" = None,
        repeated: "str" = "",
        is_also_on_link: "bool" = False,
    ) -> "Prompt":
        """Make one; a repeated question is of the same kind of error as a missing answer."""
        return super().__new__(
            cls,
            kind,
            pattern,
            answer_option,
            answer,
            missing_error,
            missing,
            repeated_error or missing_error,
            repeated,
            is_also_on_link,
        )


class Refusal(collections.namedtuple("Refusal", "pattern error advice")):
    """A line that says why it will not work.

    It is believed only when the program ends (or says no more until the deadline): a login
    message with the same words must not break a connection that works.
    """

    __slots__ = ()

    def __new__(cls, pattern: "object", error: "type", advice: "str" = "") -> "Refusal":
        """Make one; *advice* says what to do, where the line itself does not."""
        return super().__new__(cls, pattern, error, advice)


class PromptTable(collections.namedtuple("PromptTable", "prompts refusals")):
    """Everything a program may ask or say."""

    __slots__ = ()


NO_PROMPTS = PromptTable((), ())
