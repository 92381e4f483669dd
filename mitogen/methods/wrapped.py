"""Another user of the machine, through whatever a line of shell leads to.

For programs that take what they run as a text, quoted in a way of their own. As with su (see
there), one that may ask gets a terminal, also as its stdin, and what it runs takes its stdin from
the link.
"""

import re

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import PasswordError
from mitogen.methods import user_prompts
from mitogen.methods.declaration import Method, Option
from mitogen.methods.prompt_words import password_prompt
from mitogen.methods.su import FROM_LINK

OPTIONS = (
    Option("command", doc="The line, for /bin/sh."),
    Option("place", doc="The word in it that stands for what it is to run."),
    Option("quote", "'", "How a single quote of that is to be written there."),
    Option("program", "command", "What to call it."),
    Option("username", None, "User it leads to, for names only."),
    Option("password", None, "Password that it asks for.", is_secret=True),
    *user_prompts.OPTIONS,
)

PROMPTS = PromptTable(
    prompts=(password_prompt("the program", is_also_on_link=True),),
    refusals=(
        Refusal(
            re.compile(rb"(?i)password is required"),
            PasswordError,
            "it would ask for a password, and none was given",
        ),
    ),
)


def _argv(options: "object", _remote_argv: "list", remote_command: "str") -> "list":
    command = (FROM_LINK + remote_command).replace("'", options.quote)
    return ["/bin/sh", "-c", options.command.replace(options.place, command)]


def _check(options: "object") -> "None":
    if options.command.count(options.place) != 1:
        raise ValueError("the command has to hold %r once" % (options.place,))
    user_prompts.check(options)


METHOD = Method(
    name="wrapped",
    doc="Another user of the machine, through whatever a line of shell leads to.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "wrapped.%s.%s" % (options.program, options.username),
    needs_tty=lambda options: options.password is not None,
    prompts=PROMPTS,
    adapt_prompts=user_prompts.adapt,
    check=_check,
    asks_on_stdin=True,
)
