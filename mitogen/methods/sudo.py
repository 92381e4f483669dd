"""Another user of the machine, through sudo (or sudo-rs).

With a password sudo gets a terminal, which is where it asks; without one it is told not to ask.
"""

import re

from mitogen.bootstrap.prompts import PromptTable, Refusal
from mitogen.errors import EofError, PasswordError
from mitogen.methods import user_prompts
from mitogen.methods.declaration import Method, Option
from mitogen.methods.prompt_words import HAS_PASSWORD, password_prompt

#: What we have sudo ask with; PAM modules may ask in words of their own nevertheless.
PROMPT = "mitogen sudo password:"

OPTIONS = (
    Option("username", "root", "User to become."),
    Option("sudo_path", "sudo", "The program."),
    Option("password", None, "Password that sudo asks for.", is_secret=True),
    Option("preserve_env", None, "Keep the environment (-E)."),
    Option("set_home", None, "Set HOME to the user's (-H)."),
    Option(
        "sudo_args",
        None,
        "More arguments, a list. Those that another option stands for count as that option, "
        "unless it is given; every other one is passed on.",
    ),
    Option("login", None, "Run the user's login shell (-i)."),
    Option("selinux_role", None, "SELinux role (-r)."),
    Option("selinux_type", None, "SELinux type (-t)."),
    *user_prompts.OPTIONS,
)

#: Options of sudo(8) that take a value, so that the value is not mistaken for the command.
_WITH_VALUE = {
    "-C": "--close-from", "-D": "--chdir", "-R": "--chroot", "-T": "--command-timeout",
    "-U": "--other-user", "-a": "--auth-type", "-c": "--login-class", "-g": "--group",
    "-h": "--host", "-p": "--prompt", "-r": "--role", "-t": "--type", "-u": "--user",
}  # fmt: skip
_OUR_FLAGS = {
    "-E": "preserve_env", "--preserve-env": "preserve_env", "-H": "set_home",
    "--set-home": "set_home", "-i": "login", "--login": "login",
}  # fmt: skip
_OUR_VALUES = {
    "-u": "username", "--user": "username", "-r": "selinux_role", "--role": "selinux_role",
    "-t": "selinux_type", "--type": "selinux_type",
}  # fmt: skip
#: We decide how it asks.
_DROPPED_FLAGS = frozenset(
    ("-n", "--non-interactive", "-S", "--stdin", "-A", "--askpass", "-b", "--background", "--")
)
_DROPPED_VALUES = frozenset(("-p", "--prompt"))

PROMPTS = PromptTable(
    prompts=(password_prompt("sudo"),),
    refusals=(
        Refusal(
            re.compile(rb"(?i)^sudo(-rs)?: .*\b(tty|terminal)\b"),
            EofError,
            "remove requiretty from the sudoers file",
        ),
        Refusal(re.compile(rb"(?i)sudoers"), EofError),
        Refusal(re.compile(b"(?i)^sudo(-rs)?: .*" + HAS_PASSWORD.pattern[4:]), PasswordError),
        Refusal(
            re.compile(rb"(?i)^sudo(-rs)?: .*(interactive )?authentication (is required|fail)"),
            PasswordError,
        ),
        Refusal(re.compile(rb"^sudo(-rs)?: "), EofError),
        Refusal(re.compile(rb"^Sorry, user .* is not allowed to execute "), EofError),
    ),
)


class _Arguments:
    """`sudo_args`, sorted: what stands for an option of ours, and the rest."""

    def __init__(self, words: "list") -> "None":
        self.ours = {}
        self.others = []
        words = list(words)
        while words:
            self._take(words.pop(0), words)

    def _take(self, word: "str", words: "list") -> "None":
        name, has_value, value = word.partition("=")
        if not word.startswith("--"):
            if len(word) > 2 and word[:1] == "-":
                self._take_cluster(word, words)
                return
            name, has_value = word, ""
        if name in _WITH_VALUE or name in _WITH_VALUE.values():
            if not has_value:
                if not words:
                    raise ValueError("sudo_args: %s needs a value" % (name,))
                value = words.pop(0)
            self._take_value(name, value)
        elif word in _OUR_FLAGS:
            self.ours[_OUR_FLAGS[word]] = True
        elif word not in _DROPPED_FLAGS:
            self.others.append(word)

    def _take_cluster(self, word: "str", words: "list") -> "None":
        """``-HE``, ``-uroot``, ``-Hu root``."""
        flag, rest = word[:2], word[2:]
        if flag in _WITH_VALUE:
            self._take_value(flag, rest)
            return
        self._take(flag, words)
        self._take("-" + rest, words)

    def _take_value(self, name: "str", value: "str") -> "None":
        if name in _OUR_VALUES:
            self.ours[_OUR_VALUES[name]] = value
        elif name not in _DROPPED_VALUES:
            self.others += ["%s=%s" % (name, value)] if name[:2] == "--" else [name, value]


def _effective(options: "object") -> "dict":
    """Our options, each from its keyword if that was given, else from `sudo_args`."""
    arguments = _Arguments(options.sudo_args or ())
    values = {"others": arguments.others}
    for option in OPTIONS:
        given = getattr(options, option.name)
        is_given = given is not None and given != option.default
        values[option.name] = given if is_given else arguments.ours.get(option.name, given)
    return values


def _argv(options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    values = _effective(options)
    argv = [options.sudo_path, "-u", values["username"]]
    argv += ["-n"] if options.password is None else ["-p", PROMPT]
    for name, flag in (("preserve_env", "-E"), ("set_home", "-H"), ("login", "-i")):
        if values[name]:
            argv.append(flag)
    for name, flag in (("selinux_role", "-r"), ("selinux_type", "-t")):
        if values[name]:
            argv += [flag, values[name]]
    return argv + values["others"] + ["--"] + remote_argv


def _check(options: "object") -> "None":
    if isinstance(options.sudo_args, str):
        raise TypeError("sudo_args is a list of arguments, not a string")
    _Arguments(options.sudo_args or ())
    user_prompts.check(options)


def _adapt(prompts: "PromptTable", options: "object") -> "PromptTable":
    # What it asks with where PAM does not.
    return user_prompts.adapt(prompts, options, also=(PROMPT.encode(),))


METHOD = Method(
    name="sudo",
    doc="Another user of the machine, through sudo.",
    options=OPTIONS,
    argv=_argv,
    default_name=lambda options: "sudo.%s" % (_effective(options)["username"],),
    needs_tty=lambda options: options.password is not None,
    prompts=PROMPTS,
    adapt_prompts=_adapt,
    check=_check,
)
