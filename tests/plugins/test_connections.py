"""Whole runs over real ssh and sudo: what the connection itself is responsible for.

Results as such are compared with stock Ansible's in tests/integration.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tests.support.ansible_run import OURS, World

LONG_TASK = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def play(world: World, hosts: str, *tasks: dict) -> object:
    """Run these tasks through us; the run has to end well."""
    run = try_play(world, hosts, *tasks)
    assert run.returncode == 0, run.output
    return run


def try_play(world: World, hosts: str, *tasks: dict, arguments: tuple[str, ...] = ("-vv",)):
    path = world.folder / "play.yml"
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}]))
    return world.run(path, OURS, *arguments, timeout=120)


def result_of(run, task):
    return run.events_of(task)[-1].result


_BECOME_PLUGIN = """
DOCUMENTATION = '''
name: needy
short_description: sudo that asks in a way of its own
options:
    become_user: {default: root, vars: [{name: ansible_become_user}]}
    become_pass: {vars: [{name: ansible_become_password}]}
'''
from ansible.plugins.become import BecomeBase

class BecomeModule(BecomeBase):
    name = 'needy'

    def check_password_prompt(self, b_output):
        return b'?' in b_output

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return 'sudo -n ' + self._build_success_command(cmd, shell)
"""


def test_other_become_methods_are_stock(world):
    """Escalation that we have no method for: the whole connection is stock, and -vv says why."""
    folder = world.folder / "become_plugins"
    folder.mkdir()
    (folder / "needy.py").write_text(_BECOME_PLUGIN)
    world.settings["become_plugins"] = str(folder)
    far = world.inventory["all"]["hosts"]["far"]
    far.update(ansible_become_method="needy", ansible_become_password="x")
    run = play(world, "far", {"name": "who", "command": "id -un", "become": True})
    assert result_of(run, "who")["stdout"] == "root"
    assert {line.way for line in run.trace} == {"stock"}
    assert "become method 'needy', which asks in a way of its own" in run.output


def test_verbose_output_shows_how_a_task_ran(world):
    """At -vvv: the way to the account when it is opened, and each module that went as a message."""
    task = {"name": "who", "command": "id -un", "become": True}
    output = try_play(world, "far", task, arguments=("-vvv",)).output
    assert re.search(
        r"<127.0.0.1> MITOGEN ssh \S+@127.0.0.1:\d+, then sudo root: /\S*python", output
    )
    assert "<127.0.0.1> MODULE ansible.legacy.command" in output


def test_what_was_discovered_before_is_used(world, public_interpreter):
    """The facts of a host name its interpreter: for the login and for whom it becomes."""
    other = public_interpreter("3.9")
    task = {"setup": {"gather_subset": ["!all", "!min", "python"]}}
    run = play(
        world,
        "far",
        {"name": "first", **task},
        {"set_fact": {"discovered_interpreter_python": other, "cacheable": True}},
        {"name": "other", **task},
        {"name": "as root", "become": True, **task},
    )
    for name in ("other", "as root"):
        facts = result_of(run, name)["ansible_facts"]
        assert facts["ansible_python"]["executable"] == other
    assert result_of(run, "first")["ansible_facts"]["ansible_python"]["executable"] != other
    assert {line.way for line in run.requests} == {"module"}


def _processes(run, task):
    return [item["stdout"] for item in result_of(run, task)["results"]]


def test_the_process_of_a_module(world):
    """Some share one, unless the play, the host or the task says otherwise."""
    task = {"shell": "echo $PPID", "loop": list(range(8))}
    forked = {"mitogen_task_isolation": "fork"}
    world.inventory["all"]["hosts"]["locked"]["mitogen_task_isolation"] = "{{ word }}"
    world.inventory["all"]["vars"]["word"] = "fork"
    run = play(
        world,
        "far:locked",
        {"name": "shared", **task},
        {"name": "own", **task, "vars": forked},
        {"block": [{"name": "of a block", **task}], "vars": forked},
    )
    by_host = {event.host: event for event in run.events_of("shared")}
    numbers = {
        host: {item["stdout"] for item in event.result["results"]}
        for host, event in by_host.items()
    }
    assert len(numbers["far"]) < 8
    assert len(numbers["locked"]) == 8
    for name in ("own", "of a block"):
        assert len(set(_processes(run, name))) == 8


def test_a_wrong_word_for_the_process(world):
    """Fails the task, and says what the variable can be."""
    task = {"name": "wrong", "ping": {}, "vars": {"mitogen_task_isolation": "proces"}}
    run = try_play(world, "far", task)
    assert run.returncode == 2
    assert "mitogen_task_isolation is 'proces'" in result_of(run, "wrong")["msg"]


def test_reset_connection_logs_in_again(world):
    """A reset ends the login and all accounts reached through it."""
    show = "echo $SSH_CONNECTION; ps -o pid= -p $PPID"
    run = play(
        world,
        "far",
        {"name": "user before", "shell": "echo $SSH_CONNECTION"},
        {"name": "root before", "shell": show, "become": True},
        {"meta": "reset_connection"},
        {"name": "user after", "shell": "echo $SSH_CONNECTION"},
        {"name": "root after", "shell": show, "become": True},
    )
    for name in ("user", "root"):
        before, after = (result_of(run, f"{name} {when}")["stdout"] for when in ("before", "after"))
        assert before != after


def test_wait_for_connection(world):
    """Ansible's own way to find out whether a host is back."""
    run = play(world, "far", {"name": "wait", "wait_for_connection": {"timeout": 30}})
    assert run.events_of("wait")[0].status == "ok"


def test_a_task_that_times_out_is_ended_on_the_host(world):
    """``timeout:`` fails the task, and what it ran does not run on."""
    pid_file = world.fresh_folder("run") / "pid"
    program = ["python3", "-c", LONG_TASK, str(pid_file)]
    run = play(
        world,
        "far",
        {"name": "warm", "command": "true"},
        {
            "name": "long",
            "command": {"argv": program},
            "timeout": 4,
            "ignore_errors": True,
        },
        {
            "name": "gone",
            # Ended, or an orphan that waits for whoever inherited it to collect it.
            "shell": f"case $(ps -o state= -p $(cat {pid_file})) in ''|Z) ;; *) false; esac",
            "retries": 20,
            "delay": 1,
            "register": "gone",
            "until": "gone.rc == 0",
        },
    )
    # Up to 2.18: "failed to execute in the expected time frame (4) and was terminated".
    assert re.search(r"imed out|expected time frame", str(result_of(run, "long")["msg"]))


@pytest.mark.parametrize("become", [False, True])
@pytest.mark.parametrize("host", ["far", "here"])
def test_files_travel_both_ways(world, host, become):
    """Empty, of one chunk and of many: there and back again, as whoever the task is."""
    folder = world.fresh_folder("run")
    tasks = []
    for size in (0, 10, 256 * 1024, 3_000_001):
        source = world.folder / f"source{size}"
        source.write_bytes(os.urandom(size))
        there, back = folder / f"there{size}", world.folder / f"back{size}"
        tasks += [
            {"copy": {"src": str(source), "dest": str(there), "mode": "0600"}, "become": become},
            {"fetch": {"src": str(there), "dest": str(back), "flat": True}, "become": become},
        ]
    play(world, host, *tasks)
    for source in world.folder.glob("source*"):
        back = world.folder / source.name.replace("source", "back")
        assert back.read_bytes() == source.read_bytes()


def test_a_file_that_cannot_be_written_fails_the_task(world):
    """As in stock: the task fails, the host is not unreachable."""
    tasks = [
        {"name": "script", "script": "/dev/null", "args": {"chdir": "/no/such"}},
        {"name": "copy", "copy": {"content": "x", "dest": "/root/x"}},
    ]
    for task in tasks:
        run = try_play(world, "far", task)
        assert run.returncode == 2, run.output


def test_raw_uses_the_shell_it_is_told_to(world):
    """``raw`` needs no Python, and its ``executable`` is honoured."""
    run = play(
        world,
        "far",
        {"name": "default", "raw": "echo $0; echo err >&2"},
        {"name": "told", "raw": "echo $0", "args": {"executable": "/bin/bash"}},
        {"name": "again", "raw": "echo $0"},
    )
    assert result_of(run, "told")["stdout"] == "/bin/bash\n"
    assert result_of(run, "again")["stdout"] == result_of(run, "default")["stdout"]


def test_keep_remote_files(world):
    """Modules are put and executed as files, and stay there."""
    world.environment["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
    home = "ls ~/.ansible/tmp/*/AnsiballZ_ping.py"
    run = play(world, "far", {"name": "ping", "ping": {}}, {"name": "kept", "shell": home})
    assert "AnsiballZ_ping.py" in result_of(run, "kept")["stdout"]
    assert "stock" not in {line.way for line in run.trace}


def test_delegation(world):
    """A delegated task runs where it is delegated to, as whom it says."""
    run = play(
        world,
        "here",
        {"name": "who", "command": "id -un", "delegate_to": "locked", "become": True},
        {"name": "where", "shell": "echo $SSH_CONNECTION", "delegate_to": "far"},
    )
    assert result_of(run, "who")["stdout"] == "root"
    assert result_of(run, "where")["stdout"]


def test_unreachable_is_worded_as_in_stock(world):
    """Monitoring greps for it."""
    run = try_play(world, "gone", {"name": "ping", "ping": {}})
    assert run.returncode == 4, run.output
    message = result_of(run, "ping")["msg"]
    assert "Failed to connect to the host via ssh: " in message
    assert "Connection refused" in message


def test_ad_hoc(world):
    """The parent of ``ansible`` imports no connection plugin: the worker starts the broker."""
    path = world.folder / "play.yml"
    path.write_text("[]")
    world.start(path, "shadow").communicate(timeout=60)
    environment = world.clean_environment()
    result = subprocess.run(
        [world.python, "-m", "ansible", "adhoc", "far", "-b", "-m", "command", "-a", "id -un"],
        cwd=world.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "root" in result.stdout
    lines = (world.folder / "trace.jsonl").read_text().splitlines()
    ways = [json.loads(line)["way"] for line in lines]
    assert ways
    assert "stock" not in ways


@pytest.mark.parametrize("argument", ["--syntax-check", "--list-tasks", "--list-hosts"])
def test_nothing_is_started_for_a_look(world, argument):
    """Looking at a playbook starts no broker."""
    run_folder = world.fresh_folder("runtime")
    run_folder.chmod(0o700)
    world.environment["XDG_RUNTIME_DIR"] = str(run_folder)
    run = try_play(world, "far", {"ping": {}}, arguments=(argument,))
    assert run.returncode == 0, run.output
    assert not list(run_folder.iterdir())


def test_options_beyond_us_go_to_stock(world):
    """Another question of ssh for its password is something only the stock plugin answers."""
    world.inventory["all"]["hosts"]["far"]["ansible_sshpass_prompt"] = "Word?"
    run = play(world, "far", {"name": "ping", "ping": {}})
    assert {line.way for line in run.trace} == {"stock"}
    assert "another question for the password" in run.output
