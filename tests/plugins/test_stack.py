"""Resolved options to hops."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_mitogen import stack as stacks
from ansible_mitogen.ssh_arguments import SshOptions, asks_for_terminal
from ansible_mitogen.stack import Account, CannotAccelerate, Hop, SudoOptions

ACCOUNT = Account(["python3"])


def ssh_args(**options):
    return stacks.ssh_hop(SshOptions("h", **options), ACCOUNT).options["ssh_args"]


@pytest.mark.parametrize(
    ("interpreter", "expected"),
    [
        (None, ["a", "b"]),
        ("/usr/bin/python3", ["/usr/bin/python3"]),
        ("/usr/bin/env python3", ["/usr/bin/env python3"]),
        ("automatic", ["automatic"]),
    ],
)
def test_python_candidates(interpreter, expected):
    """Ansible's list where one is to be discovered; else the interpreter, with arguments."""
    assert stacks.python_candidates(interpreter, ["a", "b"]) == expected


def test_a_path_with_blanks():
    """Where the core takes an interpreter for one word, we do too."""
    given = stacks.python_candidates("/a b/python3", ["a", "b"], is_path=True)
    assert given == [["/a b/python3"]]
    assert stacks.python_candidates(None, ["a", "b"], is_path=True) == ["a", "b"]


@pytest.mark.parametrize("interpreter", ["'/a b/python3'", "$HOME/python3", "a\nb"])
def test_what_only_a_shell_understands(interpreter):
    """Is left to the stock plugin, which has one."""
    with pytest.raises(CannotAccelerate):
        stacks.python_candidates(interpreter, [], is_path=True)


def test_ssh_never_becomes_a_master():
    """ControlMaster=no is the first value that ssh sees, whatever the user's arguments say."""
    args = ssh_args(ssh_args="-o ControlMaster=auto -o ControlPersist=60s")
    assert args[:2] == ["-o", "ControlMaster=no"]
    assert args[2:4] == ["-o", "ControlMaster=auto"]


def test_nobody_becomes_a_master():
    """The short form of the option would win over the option itself."""
    args = ssh_args(ssh_args="-M -o A=1", common_args="-MM", extra_args="-M")
    assert not {"-M", "-MM"} & {*args}
    assert "A=1" in args


def test_default_ssh_args_are_dropped():
    """The -C of Ansible's default is nobody's wish; a -C of the user's own is kept."""
    assert "-C" not in ssh_args()
    assert "-C" in ssh_args(ssh_args="-C")
    assert stacks.ssh_hop(SshOptions("h"), ACCOUNT).options["compression"] is False
    wished = stacks.ssh_hop(SshOptions("h", compression=True), ACCOUNT)
    assert wished.options["compression"] is True


def test_ssh_args_come_in_the_stock_order():
    """ssh takes the first value of an option, so the order of sources matters."""
    args = ssh_args(
        ssh_args="-o A=1",
        common_args="-o B=2",
        extra_args="-o C=3 -o 'D=4 5'",
        host_key_checking=False,
        timeout=7,
        user="u",
        port=22,
        private_key_file="/a key",
        is_agent_key=True,
    )
    wanted = ["ControlMaster=no", "A=1", "StrictHostKeyChecking=no", "Port=22"]
    wanted += ["IdentitiesOnly=yes"]
    wanted += ['IdentityFile="/a key"', "PasswordAuthentication=no", 'User="u"', "ConnectTimeout=7"]
    wanted += ["B=2", "C=3", "D=4 5"]
    positions = [args.index(value) for value in wanted]
    assert positions == sorted(positions)


def test_other_keys_of_an_agent_may_be_tried():
    """Unless the one that is meant was put there as such."""
    assert "IdentitiesOnly=yes" not in ssh_args(private_key_file="/a key")


def test_no_password_means_no_password_prompt():
    """Without a password ssh is told not to ask for one, as by the stock plugin."""
    assert "PasswordAuthentication=no" in ssh_args()
    assert "PasswordAuthentication=no" not in ssh_args(password="x")


@pytest.mark.parametrize(
    "args",
    ["-t", "-tt", "-o RequestTTY=yes", "-o 'RequestTTY force'", "-orequesttty=FORCE"],
)
def test_terminal_that_is_asked_for(args):
    """In each form that ssh knows, in any of the options."""
    assert asks_for_terminal([None, "", args])
    assert asks_for_terminal([f"-C {args} -v", None])


@pytest.mark.parametrize("args", [None, "-o RequestTTY=no", "-T", "-o Tag=tt", "-v -o 'X t'"])
def test_terminal_that_is_not(args):
    """Arguments that only look like it do not count."""
    assert not asks_for_terminal([args])


def test_host_keys_are_checked_as_the_user_configured():
    """Checking on adds nothing of ours: ssh_config and arguments decide, as with stock."""
    assert stacks.ssh_hop(SshOptions("h"), ACCOUNT).options["check_host_keys"] == "configured"
    assert "StrictHostKeyChecking=no" not in ssh_args()
    assert "StrictHostKeyChecking=no" in ssh_args(host_key_checking=False)


def test_timeout_is_for_the_network():
    """A host that is reached in time may take longer to start Python."""
    hop = stacks.ssh_hop(SshOptions("h", timeout=10), ACCOUNT)
    assert hop.options["connect_timeout"] == 10.0 + stacks.BOOT_SECONDS


def test_sudo_flags():
    """The plugin's flags go to the method as they are, split as a shell would."""
    hop = stacks.sudo_hop(SudoOptions(flags="-H -S -n -p 'my prompt'"), ACCOUNT)
    assert hop.options["sudo_args"] == ["-H", "-S", "-n", "-p", "my prompt"]


def test_sudo_defaults():
    """No user means root, no executable sudo."""
    options = stacks.sudo_hop(SudoOptions(user=None, executable=None), ACCOUNT).options
    assert (options["username"], options["sudo_path"]) == ("root", "sudo")


def test_digest_depends_on_everything_that_identifies():
    """Two stacks share a context only when nothing differs, the password included."""
    base = SshOptions("h", user="u", password="x")
    keys = {
        stacks.digest([stacks.ssh_hop(options, ACCOUNT)], b"salt")
        for options in (
            base,
            dataclasses.replace(base, host="i"),
            dataclasses.replace(base, user="v"),
            dataclasses.replace(base, port=2222),
            dataclasses.replace(base, password="y"),
            dataclasses.replace(base, password=None),
            dataclasses.replace(base, extra_args="-4"),
        )
    }
    assert len(keys) == 7
    again = stacks.digest([stacks.ssh_hop(base, ACCOUNT)], b"salt")
    assert again in keys
    assert stacks.digest([stacks.ssh_hop(base, ACCOUNT)], b"pepper") not in keys


def test_describe_masks_passwords():
    """What is shown to people holds no secret, and no option that is not set."""
    hops = [
        stacks.ssh_hop(SshOptions("h", password="s3cret"), ACCOUNT),
        stacks.sudo_hop(SudoOptions(password="t0psecret"), ACCOUNT),
    ]
    text = str(stacks.describe(hops))
    assert "s3cret" not in text
    assert "t0psecret" not in text
    assert "username': None" not in text
    assert [hop["method"] for hop in stacks.describe(hops)] == ["ssh", "sudo"]


def test_repr_of_a_hop_holds_no_password():
    """Hops end up in tracebacks."""
    assert "s3cret" not in repr(stacks.ssh_hop(SshOptions("h", password="s3cret"), ACCOUNT))


def test_hops_travel():
    """The broker gets what the worker made."""
    hop = stacks.ssh_hop(SshOptions("h", user="u", password="x"), ACCOUNT)
    assert stacks.Hop.from_value(hop.to_value()) == hop


def test_login_key_is_the_account():
    """How an account is reached does not make it another one for reset_connection."""
    one = stacks.ssh_hop(SshOptions("h", user="u", timeout=1), ACCOUNT)
    two = stacks.ssh_hop(SshOptions("h", user="u", timeout=2, extra_args="-4"), ACCOUNT)
    other = stacks.ssh_hop(SshOptions("h", user="v"), ACCOUNT)
    assert stacks.login_key(one) == stacks.login_key(two)
    assert stacks.login_key(one) != stacks.login_key(other)


def test_a_hop_describes_itself_without_secrets():
    """The method and whom it leads to."""
    ssh = stacks.ssh_hop(SshOptions("web1", user="deploy", port=22, password="geheim"), ACCOUNT)
    sudo = stacks.Hop("sudo", {"username": "root", "password": "geheim"})
    local = stacks.Hop("local", {})
    assert [hop.describe() for hop in (ssh, sudo, local)] == [
        "ssh deploy@web1:22",
        "sudo root",
        "local",
    ]


def test_the_login_of_a_stack():
    """Is its last hop to another machine, by whatever accounts that goes."""
    ssh, local = (Hop(method, {}) for method in ("ssh", "local"))
    root, bob = (Hop("sudo", {"username": name}) for name in ("root", "bob"))
    for stack, depth in (
        ([local], 1),
        ([root], 1),
        ([ssh, root], 1),
        ([ssh, bob, ssh, root], 3),
        ([root, ssh], 2),
    ):
        assert stacks.login_depth(stack) == depth
    far = [ssh, bob, ssh]
    assert stacks.account_key([*far, root]) == stacks.account_key(far)
    assert stacks.account_key(far) != stacks.account_key([ssh, root, ssh])
