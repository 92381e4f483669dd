"""Another machine, through the OpenSSH client.

With a password or a passphrase the client gets a terminal, which is where it asks; without one it
runs in batch mode and asks nothing.
"""

import re

from mitogen.bootstrap.prompts import Prompt, PromptTable, Refusal
from mitogen.errors import EofError, HostKeyError, PasswordError
from mitogen.methods import user_prompts
from mitogen.methods.declaration import Method, Option
from mitogen.methods.prompt_words import ENDS_IN_PASSWORD

OPTIONS = (
    Option("hostname", doc="Host name, address, or a Host of the ssh configuration."),
    Option("username", None, "User to log in as; ssh's own choice when not given."),
    Option("port", None, "Port; ssh's own choice when not given."),
    Option("ssh_path", "ssh", "The client program."),
    Option("ssh_args", None, "More arguments for it, a list; they win over those made here."),
    Option("password", None, "Password of the user.", is_secret=True),
    Option("one_time_code", None, "Verification code, if it asks for one.", is_secret=True),
    *user_prompts.OPTIONS,
    Option("identity_file", None, "Private key to use."),
    Option("key_passphrase", None, "Passphrase of private keys that have one.", is_secret=True),
    Option("identities_only", True, "With an identity_file: offer no other keys."),
    Option(
        "check_host_keys",
        "enforce",
        "enforce: the key must be known; accept: an unknown one is added, a changed one refused; "
        "ignore: nothing is checked or stored; configured: as ssh_args and ssh_config say.",
    ),
    Option("compression", True, "Compress the link."),
    Option("keepalive_enabled", True, "Notice a dead link."),
    Option("keepalive_count", 3, "Unanswered keep-alives until it is dead."),
    Option("keepalive_interval", 15, "Seconds between them."),
    Option("ssh_debug_level", None, "Number of -v given to the client."),
)

_HOST_KEYS = {
    "configured": [],
    "enforce": ["-o", "StrictHostKeyChecking=yes"],
    "accept": ["-o", "StrictHostKeyChecking=accept-new"],
    "ignore": [
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "GlobalKnownHostsFile=/dev/null",
    ],
}

_PASSPHRASE = re.compile(rb"(?i)^enter passphrase for .*:\s*\Z")
_WITH_PASSPHRASE = Prompt(
    "passphrase",
    _PASSPHRASE,
    answer_option="key_passphrase",
    repeated_error=PasswordError,
    repeated="the passphrase of the key was not accepted",
)

PROMPTS = PromptTable(
    prompts=(
        # Asked when the ssh configuration leaves it at `ask`; the refusal below then says why.
        Prompt(
            "host key", re.compile(rb"(?i)continue connecting \(yes/no[^)]*\)\?\s*\Z"), answer=b"no"
        ),
        # An empty answer makes the client go on to the next key, or to the password.
        Prompt("passphrase", _PASSPHRASE),
        Prompt(
            "password",
            ENDS_IN_PASSWORD,
            answer_option="password",
            missing_error=PasswordError,
            missing="a password is asked for, and none was given",
            repeated="the password was not accepted",
        ),
        # In the words of pam_google_authenticator and its like.
        Prompt(
            "code",
            re.compile(
                rb"(?i)^(\(\S+\) )?(verification|authentication|one-time) code[^\r\n]*:\s*\Z"
            ),
            answer_option="one_time_code",
            missing_error=PasswordError,
            missing="a one-time code is asked for, and none was given",
            repeated="the one-time code was not accepted",
        ),
    ),
    refusals=(
        Refusal(
            re.compile(rb"REMOTE HOST IDENTIFICATION HAS CHANGED|HOST KEY .*CHANGED"),
            HostKeyError,
            "the host's key is not the one that is stored: find out why, then remove the old one "
            "with ssh-keygen -R",
        ),
        Refusal(
            re.compile(rb"^No .* host key is known for .* and you have requested strict checking"),
            HostKeyError,
            "add the key to known_hosts, or connect with check_host_keys='accept'",
        ),
        Refusal(re.compile(rb"^Host key verification failed"), HostKeyError),
        Refusal(re.compile(rb"REVOKED HOST KEY"), HostKeyError),
        Refusal(
            re.compile(rb"^(\S+@)?\S+: Permission denied \([a-z,-]*(password|keyboard)"),
            PasswordError,
            "neither a key nor a password was accepted",
        ),
        Refusal(
            re.compile(rb"^(\S+@)?\S+: Permission denied \("),
            PasswordError,
            "no key was accepted",
        ),
        Refusal(re.compile(rb"^Received disconnect from .*: Too many auth"), PasswordError),
        Refusal(re.compile(rb"^ssh: Could not resolve hostname "), EofError),
        Refusal(re.compile(rb"^ssh: connect to host .* port \d+: "), EofError),
        Refusal(
            re.compile(rb"^(command-line|\S+)( line \d+)?: Bad (configuration|yes/no)"), EofError
        ),
        Refusal(re.compile(rb"^(kex_exchange_identification|banner exchange): "), EofError),
        Refusal(re.compile(rb"^Connection timed out during banner exchange"), EofError),
    ),
)


def _argv(options: "object", _remote_argv: "list", remote_command: "str") -> "list":
    argv = [options.ssh_path]
    argv += list(options.ssh_args or ())
    if options.ssh_debug_level:
        argv.append("-" + "v" * min(int(options.ssh_debug_level), 3))
    if options.username:
        argv += ["-l", options.username]
    if options.port is not None:
        argv += ["-p", str(options.port)]
    argv += _authentication(options)
    argv += _HOST_KEYS[options.check_host_keys]
    if options.compression:
        argv += ["-o", "Compression=yes"]
    if options.keepalive_enabled:
        argv += ["-o", "ServerAliveInterval=%d" % (options.keepalive_interval,)]
        argv += ["-o", "ServerAliveCountMax=%d" % (options.keepalive_count,)]
    # -T: a terminal over there would translate what passes.
    return [*argv, "-T", "--", options.hostname, remote_command]


def _authentication(options: "object") -> "list":
    argv = []
    if not _needs_tty(options):
        argv += ["-o", "BatchMode=yes"]
    else:
        # Of passphrases, too: a wrong one is not asked for again.
        argv += ["-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1"]
    if options.password is None and options.key_passphrase is not None:
        argv += ["-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no"]
    if options.identity_file:
        argv += ["-i", options.identity_file]
        if options.identities_only:
            argv += ["-o", "IdentitiesOnly=yes"]
    return argv


def _check(options: "object") -> "None":
    if options.check_host_keys not in _HOST_KEYS:
        raise ValueError(
            "check_host_keys is one of %s, not %r"
            % (", ".join(sorted(_HOST_KEYS)), options.check_host_keys)
        )
    if isinstance(options.ssh_args, str):
        raise TypeError("ssh_args is a list of arguments, not a string")
    user_prompts.check(options)


def _needs_tty(options: "object") -> "bool":
    return options.password is not None or options.key_passphrase is not None


def _adapt(prompts: "PromptTable", options: "object") -> "PromptTable":
    prompts = user_prompts.adapt(prompts, options)
    if options.key_passphrase is None:
        return prompts
    asked = [_WITH_PASSPHRASE if p.kind == "passphrase" else p for p in prompts.prompts]
    return PromptTable(tuple(asked), prompts.refusals)


def _default_name(options: "object") -> "str":
    name = "ssh.%s" % (options.hostname,)
    return name if options.port is None else "%s:%s" % (name, options.port)


METHOD = Method(
    name="ssh",
    doc="Another machine, through the OpenSSH client.",
    options=OPTIONS,
    argv=_argv,
    default_name=_default_name,
    needs_tty=_needs_tty,
    prompts=PROMPTS,
    adapt_prompts=_adapt,
    check=_check,
)
