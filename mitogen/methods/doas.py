"""Another user of the machine, through doas (of OpenBSD, or OpenDoas).

With a password doas gets a terminal, which is where it asks; without one it is told not to ask.
"""

import re

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import EofError, PasswordError
from mitogen.methods import user_prompts
from mitogen.methods.declaration import Method, Option, words_of
from mitogen.methods.prompt_words import password_prompt

OPTIONS = (
    Option("username", "root", "User to become."),
    Option("doas_path", "doas", "The program."),
    Option("password", None, "Password that doas asks for.", is_secret=True),
    Option("doas_args", None, "More arguments, a list, such as -C and a file."),
    *user_prompts.OPTIONS,
)

PROMPTS = PromptTable(
    prompts=(password_prompt("doas"),),
    refusals=(
        Refusal(
            re.compile(rb"(?i)^doas: (authentication|authorization) (required|failed|failure)"),
            PasswordError,
        ),
        Refusal(re.compile(rb"(?i)^doas: Operation not permitted"), EofError, "see doas.conf"),
        Refusal(re.compile(rb"^doas: "), EofError),
    ),
)


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    asking = ["-n"] if options.password is None else []
    argv = [options.doas_path, *asking, *words_of(options, "doas_args"), "-u", options.username]
    return [*argv, "--", *remote_argv]


def _check(options: "object") -> "None":
    words_of(options, "doas_args")
    user_prompts.check(options)


METHOD = Method(
    name="doas",
    doc="Another user of the machine, through doas.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "doas.%s" % (options.username,),
    needs_tty=lambda options: options.password is not None,
    prompts=PROMPTS,
    adapt_prompts=user_prompts.adapt,
    check=_check,
)
