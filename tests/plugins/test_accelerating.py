"""When a connection finds out whether it is ours; nothing connects."""

from __future__ import annotations

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ansible_mitogen import fast_path, takeover
from ansible_mitogen.session import RefusedError, Target


class Reached:
    """A session with what is reached at once."""

    executable = "/usr/bin/python3"

    def __init__(self, stack):
        self.target = Target(stack)
        self.is_open = False

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False


class Refusing(Reached):
    """A session that another account would have to be become for, and cannot."""

    def open(self):
        raise RefusedError("Missing sudo password")


def plugin_class(name):
    """The class of our plugin of that name."""
    connection_loader.add_directory(str(takeover.PLUGIN_DIRECTORY))
    return connection_loader.get(name, class_only=True)


@pytest.fixture
def connection():
    """One by ssh, which counts how often it makes out how the account is reached."""
    plugin = plugin_class(takeover.OURS["ssh"])

    class Connection(plugin):  # Ansible goes by the name
        made = 0

        def _mitogen_stack(self):
            self.made += 1
            return super()._mitogen_stack()

        def _mitogen_new_session(self, stack):
            return Reached(stack)

    with fast_path.installed():
        yield Connection(PlayContext(), new_stdin=None)


def begin_task(connection, **options):
    """As Ansible does for each task, or item of a loop."""
    connection.set_become_plugin(None)
    connection.set_options(task_keys={"action": "ping"}, var_options=options)


def test_once_for_a_task(connection):
    """However often an action asks; and again for the next item, which may have other options."""
    for count in (1, 2):
        begin_task(connection, ansible_ssh_executable="/bin/sh")
        assert all(connection.mitogen_accelerates() for _ in range(3))
        assert connection.is_pipelining_enabled()
        assert connection.made == count


def test_a_program_that_comes_and_goes(connection, tmp_path):
    """Each task looks for it anew: the host is left to stock only while it is not there."""
    program = tmp_path / "ssh"
    for is_there in (False, True, False):
        if is_there:
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
        else:
            program.unlink(missing_ok=True)
        begin_task(connection, ansible_ssh_executable=str(program))
        assert connection.mitogen_accelerates() is is_there
        assert connection.mitogen_accelerates() is is_there
    assert connection.mitogen_why_stock() == f"there is no program {program}"


def refused_connection(name):
    """One of the plugin of that name."""

    class Connection(plugin_class(name)):  # Ansible goes by the name
        def _mitogen_new_session(self, stack):
            return Refusing(stack)

    return Connection(PlayContext(), new_stdin=None)


def test_refused_where_there_is_a_stock_plugin():
    """It is asked to do the same, so that the words are its own."""
    with fast_path.installed():
        connection = refused_connection("mitogen_ssh")
        begin_task(connection)
        assert not connection.mitogen_accelerates()
        assert connection.mitogen_why_stock() == "Missing sudo password"


def test_refused_where_there_is_none():
    """What we were told is all that there is to say."""
    with fast_path.installed():
        connection = refused_connection("mitogen_sudo")
        begin_task(connection, ansible_user="root")
        with pytest.raises(RefusedError, match="^Missing sudo password$"):
            connection.mitogen_accelerates()


def test_stock_connects_after_us(connection):
    """What a plugin does in `_connect` is still to be done when it takes over in mid-task."""
    begin_task(connection)
    assert connection.mitogen_accelerates()
    assert connection.connected
    connection._mitogen_new_session = Refusing
    begin_task(connection, ansible_user="another")
    assert not connection.mitogen_accelerates()
    assert not connection.connected
