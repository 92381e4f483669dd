"""`mitogen_via`, with the inventory and the plugins that Ansible really has; nothing connects."""

from __future__ import annotations

import json

import pytest
from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleOptionsError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_mitogen import stack as stacks
from ansible_mitogen import takeover, via
from ansible_mitogen.via import Via

HOSTS = {
    "far": {"ansible_host": "192.0.2.1", "ansible_user": "fay", "mitogen_via": "{{ gate }}"},
    "bastion": {
        "ansible_host": "192.0.2.2",
        "ansible_port": 2222,
        "ansible_user": "{{ whose }}",
        "ansible_password": "{{ 'pass' + 'word' }}",
        "ansible_become": True,
        "ansible_become_password": "becomes",
        "ansible_ssh_private_key_file": "~/.ssh/bastion",
        "ansible_ssh_common_args": "-o A={{ hostvars.far.ansible_user }}",
        "whose": "bess",
    },
    "doer": {"ansible_become_method": "doas", "mitogen_via": ""},
    "behind": {"mitogen_via": "root@bastion"},
    "third": {"mitogen_via": "sudo:bob@behind", "ansible_ssh_private_key_file": "~/.ssh/third"},
    "first": {"mitogen_via": "last"},
    "middle": {"mitogen_via": "me@first"},
    "last": {"mitogen_via": "middle"},
    "self": {"mitogen_via": "root@self"},
    "lost": {"mitogen_via": "nowhere"},
    "unclear": {"mitogen_via": "vague"},
    "vague": {"ansible_user": "{{ not_defined }}"},
    "foreign": {"mitogen_via": "windows"},
    "windows": {"ansible_connection": "psrp"},
    "unknown": {"mitogen_via": "runas:root@bastion"},
    "out": {"mitogen_via": "localhost"},
    "box": {"ansible_connection": "mitogen_setns"},
    "boxed": {"ansible_user": "fay", "mitogen_via": "box"},
    "own_box": {"ansible_connection": "mitogen_setns", "ansible_ssh_user": "bo{{ 'x' }}"},
    "own_boxed": {"ansible_user": "fay", "mitogen_via": "own_box"},
    "up": {"mitogen_via": "bob@localhost"},
    "local": {"mitogen_via": "bastion", "ansible_connection": "local"},
}


class Inventory:
    """Hosts, and connections to them as Ansible's executor sets them up."""

    def __init__(self, folder):
        path = folder / "hosts.json"
        hosts = {name: {"gate": "bastion", **variables} for name, variables in HOSTS.items()}
        path.write_text(json.dumps({"all": {"hosts": hosts}}))
        self.loader = DataLoader()
        inventory = InventoryManager(loader=self.loader, sources=[str(path)])
        self.variables = VariableManager(loader=self.loader, inventory=inventory)
        self.hosts = inventory
        HostVars(inventory, self.variables, self.loader)
        connection_loader.add_directory(str(takeover.PLUGIN_DIRECTORY))

    def connection(self, name, *, kind="ssh", passwords=None, become=False, **keys):
        """Set up, and connected to nothing."""
        variables = self.variables.get_vars(host=self.hosts.get_host(name))
        play_context = PlayContext(passwords=passwords)
        play_context.password = variables.get("ansible_password", play_context.password)
        play_context.become_pass = variables.get(
            "ansible_become_password", play_context.become_pass
        )
        play_context.remote_user = variables.get("ansible_user")
        connection = connection_loader.get(takeover.OURS[kind], play_context, new_stdin=None)
        plugin = become_loader.get("sudo") if become else None
        connection.set_become_plugin(plugin)
        templar = Templar(loader=self.loader, variables=variables)
        known = C.config.get_plugin_vars("connection", takeover.OURS[kind])
        options = {key: templar.template(variables[key]) for key in known if key in variables}
        connection.set_options(task_keys=keys, var_options=options)
        if plugin is not None:
            plugin.set_options()
        connection.update_vars(variables)
        return connection

    def stack(self, name, **options):
        """The stack of that connection."""
        return self.connection(name, **options).mitogen_stack()


@pytest.fixture
def inventory(tmp_path):
    return Inventory(tmp_path)


def described(stack):
    """Whom each hop leads to."""
    return [hop.describe() for hop in stack]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bastion", Via("bastion")),
        (" bastion ", Via("bastion")),
        ("root@bastion", Via("bastion", "root")),
        ("doas:root@bastion", Via("bastion", "root", "doas")),
        ("root@fe80::1", Via("fe80::1", "root")),
        ("fe80::1", Via("fe80::1")),
    ],
)
def test_forms(text, expected):
    """A host, whom to become there, and how."""
    assert via.parse(text) == expected


@pytest.mark.parametrize("text", ["@bastion", ":root@bastion", "sudo:@bastion", "a@b@c", "a b"])
def test_what_is_of_no_form(text):
    """Is refused, and the form named."""
    with pytest.raises(AnsibleOptionsError, match="inventory_host"):
        via.parse(text)


def test_options_of_the_host_on_the_way(inventory):
    """They are its own, templated with its own variables; a task's become is not about it."""
    stack = inventory.stack("far", become=True)
    assert described(stack) == ["ssh bess@192.0.2.2:2222", "ssh fay@192.0.2.1", "sudo root"]
    bastion, far, root = (hop.options for hop in stack)
    assert (bastion["password"], far["password"], root["password"]) == ("password", None, None)
    assert "A=fay" in bastion["ssh_args"]
    assert "A=fay" not in far["ssh_args"]
    assert not any('IdentityFile="~' in argument for argument in bastion["ssh_args"])


def test_the_user_of_a_container_on_the_way(inventory):
    """Is its own, or that of the task, and never that of the host behind it."""
    users = [
        inventory.stack(name, **keys)[0].options["username"]
        for name, keys in [("boxed", {}), ("own_boxed", {}), ("boxed", {"remote_user": "tess"})]
    ]
    assert users == ["root", "box", "tess"]


def test_recursion_with_accounts_on_the_way(inventory):
    """Each host may be reached through another; passwords are those of the host they are for."""
    stack = inventory.stack("third", passwords={"conn_pass": "k", "become_pass": "K"})
    assert described(stack) == [
        "ssh bess@192.0.2.2:2222",
        "sudo root",
        "ssh behind",
        "sudo bob",
        "ssh third",
    ]
    passwords = [hop.options["password"] for hop in stack]
    assert passwords == ["password", "becomes", "k", "K", "k"]
    # It is the account on the host before that reads it.
    assert 'IdentityFile="~/.ssh/third"' in stack[-1].options["ssh_args"]


def test_a_password_of_one_host_is_not_told_to_another(inventory):
    """What Ansible mixes up with that of the run is told from it."""
    stack = inventory.stack("far", passwords={"conn_pass": "k"})
    assert [hop.options["password"] for hop in stack] == ["password", "k"]
    for name in ("ansible_password", "ansible_become_password"):
        inventory.hosts.get_host("behind").set_variable(name, "own")
        del inventory.hosts.get_host("bastion").vars[name]
    stack = inventory.stack("behind", become=True)
    assert [hop.options["password"] for hop in stack[:3]] == [None, None, "own"]


def test_keywords_of_the_task_are_for_logins(inventory):
    """As with a task delegated there: `remote_user` for who has no user of its own.

    Those that are about becoming somebody are for the task's own host.
    """
    keys = {"become_method": "su", "become_user": "eve", "become_flags": "-x"}
    stack = inventory.stack("third", remote_user="kay", **keys)
    assert "-x" not in stack[1].options["sudo_args"]
    assert described(stack)[::2] == ["ssh bess@192.0.2.2:2222", "ssh kay@behind", "ssh kay@third"]


@pytest.mark.parametrize(
    ("name", "circle"),
    [
        ("first", "first -> last -> middle -> first"),
        ("last", "last -> middle -> first -> last"),
        ("self", "self -> self"),
    ],
)
def test_circles(inventory, name, circle):
    """Are refused, and shown."""
    with pytest.raises(AnsibleOptionsError, match=circle):
        inventory.stack(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lost", "lost names nowhere, which is no host"),
        ("unclear", "not_defined"),
        ("foreign", "psrp, is not one of ours"),
        ("unknown", "become method .runas. is left"),
    ],
)
def test_what_cannot_be_made_out(inventory, name, reason):
    """Fails, says why, and is never a reason to connect directly."""
    with pytest.raises(AnsibleError, match=reason):
        inventory.stack(name)
    with pytest.raises(AnsibleError, match=reason):
        inventory.connection(name).exec_command("true")


def test_what_only_stock_honours_cannot_be_reached(inventory):
    """The stock plugin knows nothing of the way."""
    connection = inventory.connection("far")
    connection.set_option("pkcs11_provider", "/lib/cards.so")
    with pytest.raises(AnsibleError, match="mitogen_via is 'bastion'.*PKCS#11"):
        connection.exec_command("true")


def test_starting_from_here(inventory):
    """The account that runs Ansible is no hop; another one of this machine is."""
    assert described(inventory.stack("out")) == ["ssh out"]
    assert described(inventory.stack("up")) == ["sudo bob", "ssh up"]
    assert described(inventory.stack("doer")) == ["ssh doer"]


def test_this_machine_is_reached_through_nothing(inventory):
    """A variable for all hosts does not move local tasks elsewhere."""
    assert described(inventory.stack("local", kind="local")) == ["local"]


def test_a_stack_for_people_holds_no_password(inventory):
    """Of no hop."""
    shown = stacks.describe(inventory.stack("third", passwords={"conn_pass": "kkk"}))
    text = json.dumps(shown)
    assert [hop["password"] for hop in shown if "password" in hop] == [stacks.MASK] * 4
    for secret in ('password": "password', "becomes", "kkk"):
        assert secret not in text


def test_a_connection_to_be_reset(inventory):
    """Ansible tells it less, in a way that depends on the version; the way is found all the same."""
    variables = inventory.variables.get_vars(host=inventory.hosts.get_host("far"))
    connection = connection_loader.get("mitogen_ssh", PlayContext(), new_stdin=None)
    templar = Templar(loader=inventory.loader, variables=variables)
    try:
        variables = connection._resolve_option_variables(variables, templar)
    except AttributeError:  # up to 2.18
        pass
    connection.set_options(task_keys={}, var_options=variables)
    assert described(connection.mitogen_stack()) == ["ssh bess@192.0.2.2:2222", "ssh fay@192.0.2.1"]


def test_a_reset_on_a_wrong_way(inventory):
    """Is no reason to end the run, which is what an error means then."""
    inventory.connection("first").reset()
