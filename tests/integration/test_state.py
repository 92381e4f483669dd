"""A module finds its process and its world as with stock Ansible, whatever ran before it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.accounts import PREFIX, Account
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.routes import wrong_ways
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "state" / "main.yml"

#: Homes that are unlike others, and the mount options that make them so.
_HOMES = {
    "own": "",
    "other": "",
    "shadowed": "",
    "homeless": "",
    "readonly": "ro",
    "noexec": "noexec",
}
_FIFOS = ("hangs", "daemon", "child", "untidy")

# Fields in which the two may differ although both are right: (part of the event, field, reason).
ACCEPTED: tuple[tuple[str, str, str], ...] = (
    ("", "descriptors.0[0]", "stock's stdin is what the program came through, at its end"),
    ("", "system.in_own_group", "stock's has a shell above it in its group"),
    ("look in an environment", "interpreter.argv", "the folder of a file that there is not"),
    ("look in an environment", "interpreter.file", "same"),
    ("look in an environment", "interpreter.path[0]", "same"),
    ("look in the C locale | here", "interpreter.flags[14]", "set when an interpreter starts"),
    ("look in the C locale | here", "place.encodings[1]", "the same one by another name"),
    ("look in the C locale | here", "place.locale", "UTF-8 without that flag"),
    ("raw at home | homeless", "stderr", "sshd's word for a login, which is not made anew"),
    ("killed", "module_stderr", "stock: the words of the account's shell for the signal"),
    ("terminated", "module_stderr", "same"),
    ("crashes", "module_stderr", "same"),
    ("left behind", "listed", "stock leaves the folders of modules that died"),
    ("left behind", "owned", "same"),
    ("script at home | readonly", "", "stock has no place for it; ours falls back to /tmp"),
    ("script at home | homeless", "", "same"),
)


def _command(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _make_account(name: str) -> Account:
    username = f"{PREFIX}{name}{os.getpid()}"
    _command("useradd", "--create-home", "--password", "*", "--shell", "/bin/bash", username)
    return Account(username, "", "bash", "none", True, pwd.getpwnam(username).pw_dir)


def _shadow(home: Path) -> None:
    """What an old ansible, and a file of that name, may look like in a home."""
    wrong = "raise ImportError('the wrong ansible')\n"
    name = _command("/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    site = home / ".local" / "lib" / f"python{name.strip()}" / "site-packages"
    (home / "ansible.py").write_text(wrong)
    for folder in (home / "ansible", site / "ansible"):
        (folder / "module_utils").mkdir(parents=True)
        (folder / "__init__.py").write_text(wrong)
        (folder / "module_utils" / "__init__.py").write_text(wrong)


class Homes:
    """Accounts of one test, each with a home of its own kind."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self._mounted: list[str] = []

    def make(self) -> None:
        """Make the accounts; those whose homes cannot be mounted here are left out."""
        for name, options in _HOMES.items():
            account = _make_account(name)
            self.accounts[name] = account
            if options and not self._mount(account.home, options):
                del self.accounts[name]

    def _mount(self, home: str, options: str) -> bool:
        argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", home]
        if subprocess.run(argv, capture_output=True, timeout=60).returncode:
            return False
        self._mounted.append(home)
        return True

    def renew(self) -> None:
        """Have each home as it is to be found, and nothing of the accounts elsewhere."""
        for name, account in self.accounts.items():
            self._clear(account)
            home = Path(account.home)
            if name == "homeless" or _HOMES.get(name) == "ro":
                continue
            home.mkdir(exist_ok=True)
            if name == "shadowed":
                _shadow(home)
            _command("chown", "-R", f"{account.username}:", account.home)

    def _clear(self, account: Account) -> None:
        home = Path(account.home)
        if account.home not in self._mounted:
            shutil.rmtree(home, ignore_errors=True)
        elif os.access(home, os.W_OK):
            for entry in home.iterdir():
                shutil.rmtree(entry)
        # Others come and go meanwhile, which find minds but says only.
        find = ["find", "/tmp", "-maxdepth", "1", "-user", account.username]
        subprocess.run([*find, "-exec", "rm", "-rf", "{}", "+"], capture_output=True, timeout=60)

    def remove(self) -> None:
        """Undo it all."""
        for account in self.accounts.values():
            self._clear(account)
        for home in self._mounted:
            _command("umount", home)
        for name in _HOMES:
            argv = ["userdel", "--remove", "--force", f"{PREFIX}{name}{os.getpid()}"]
            subprocess.run(argv, capture_output=True, timeout=60)


@pytest.fixture
def homes(sshd: Sshd) -> Iterator[Homes]:  # noqa: ARG001 -- which holds the lock on test users
    """Accounts of this test alone, with homes of all kinds."""
    homes = Homes()
    try:
        homes.make()
        yield homes
    finally:
        homes.remove()


@pytest.fixture
def odd_world(world: World, sshd: Sshd, homes: Homes) -> World:
    """The world with hosts for these homes."""
    groups = world.inventory["all"]
    for name, account in homes.accounts.items():
        groups["hosts"][name] = sshd.inventory_vars(account)
    for name in ("far", *homes.accounts):
        groups["hosts"][name]["ansible_python_interpreter"] = "/usr/bin/python3"
    strange = [name for name in homes.accounts if name not in ("own", "other")]
    world.inventory["homes"] = {"hosts": dict.fromkeys(strange, {})}
    # What the kernel and others say of a program, but for the names of the session it is in.
    text = "env | grep -v '^SSH_\\|^_=\\|^SUDO_COMMAND=' | sort; ulimit -a; umask; pwd"
    groups["vars"].update(own_home=homes.accounts["own"].home, world=text)
    groups["vars"]["other_user"] = homes.accounts["other"].username
    return world


def _make_remote_tmp(username: str) -> None:
    """Have the folder that the first run on an account would make, and warn of."""
    account = pwd.getpwnam(username)
    folder = Path(account.pw_dir)
    for name in (".ansible", "tmp"):
        folder = folder / name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            os.chown(folder, account.pw_uid, account.pw_gid)


def _run(world: World, homes: Homes, kind: str, *arguments: str) -> Run:
    folder = world.fresh_folder("run")
    _make_remote_tmp(world.inventory["all"]["hosts"]["far"]["ansible_user"])
    homes.renew()
    for name in _FIFOS:
        os.mkfifo(folder / name)
        (folder / name).chmod(0o666)
    run = world.run(PLAYBOOK, kind, *arguments)
    failed = [event for event in run.events if event.status in {"failed", "unreachable"}]
    assert run.returncode == 0, f"{failed[:1]} {run.output[-2000:]}"
    return run


def _is_accepted(difference: Difference) -> bool:
    return any(
        event in difference.event and difference.field.startswith(field)
        for event, field, _reason in ACCEPTED
    )


def _counterparts(ours: Run) -> tuple[Run, Run]:
    """Results that have to be like others of the same run, and these, under the same names."""
    results, models = [], []
    for event in ours.events:
        name, comma, _ = event.task.partition(",")
        if comma:
            (model,) = [one for one in ours.events_of(name) if one.host == event.host]
            results.append(event)
            models.append(replace(model, play=event.play, task=event.task))
    return replace(ours, events=models), replace(ours, events=results)


def _unlike(one: Run, other: Run) -> list[Difference]:
    return [
        difference
        for difference in differences(one, other)
        if not _is_accepted(difference) and difference.field != "random"
    ]


def _end_daemon(folder: Path) -> None:
    """The one that holds the output of its task open has kept nobody, and lives on."""
    os.kill(int((folder / "untidy.pid").read_text()), 0)
    fd = os.open(folder / "untidy", os.O_RDWR)
    (folder / "untidy").unlink()
    os.close(fd)


def _report(found: list[Difference]) -> str:
    return f"{len(found)} differences:\n" + "\n".join(map(str, found))


def test_a_module_finds_all_as_with_stock(
    odd_world: World, homes: Homes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Process, interpreter and world are as in stock; those before it have left nothing."""
    stock = _run(odd_world, homes, STOCK, "--skip-tags", "ours")
    ours = _run(odd_world, homes, OURS)
    with capsys.disabled():
        print(f"\nstate playbook: stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    in_both = {event.task for event in stock.events if event.task}
    stock, common = (
        replace(run, events=[event for event in run.events if event.task in in_both])
        for run in (stock, ours)
    )
    found = _unlike(stock, common)
    assert not found, _report(found)
    models, results = _counterparts(ours)
    assert len(results.events) >= 15
    found = _unlike(models, results)
    assert not found, _report(found)
    _end_daemon(odd_world.folder / "run")
    (left,) = [event.result for event in ours.events_of("left behind")]
    assert not left["owned"]
    assert not left["listed"][f"{homes.accounts['own'].home}/.ansible/tmp"]
    drawn = [event.result["random"] for event in ours.events if "random" in event.result]
    assert len(set(drawn)) == len(drawn)
    wrong = wrong_ways(ours)
    assert not wrong, "\n".join(wrong)
