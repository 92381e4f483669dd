"""A real OpenSSH server for tests: own configuration, own port on 127.0.0.1, own keys.

Nothing of the machine's own sshd is read or changed. All files live in one folder that other users
may look into (the test users log in), secrets in it are readable by root only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.accounts import PREFIX, Account, missing_for_accounts, test_accounts

_HOST = "127.0.0.1"
_START_SECONDS = 20.0

_SERVER_CONFIG = """\
Port {port}
ListenAddress {host}
HostKey {folder}/host_key
PidFile none
UsePAM {pam}
UseDNS no
StrictModes no
PrintMotd no
PrintLastLog no
PermitRootLogin no
PubkeyAuthentication yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile {folder}/authorized_keys
AllowUsers {prefix}*
LoginGraceTime 30
MaxStartups 200
MaxSessions 100
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""

_NO_KEY_BLOCK = """\
Match User {users}
    PubkeyAuthentication no
"""

_CLIENT_CONFIG = """\
Host *
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ControlMaster no
    ControlPath none
"""


@dataclass(frozen=True)
class Sshd:
    """A running server and what a client needs to talk to it."""

    host: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    accounts: dict[str, Account] = field(repr=False)

    @property
    def key(self) -> Path:
        """The private key that logs in as every account that has one."""
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        """A known-hosts file with exactly this server's key."""
        return self.folder / "known_hosts"

    @property
    def client_config(self) -> Path:
        """For `ssh -F`: key, known hosts, no multiplexing."""
        return self.folder / "client_config"

    @property
    def log(self) -> str:
        """What the server has said so far."""
        return (self.folder / "sshd.log").read_text(errors="replace")

    def account(self, suffix: str) -> Account:
        """The account of that name; skips the test when its login shell is not installed."""
        import pytest  # the demo and the benches use this module without it

        if suffix not in self.accounts:
            pytest.skip(f"no {suffix} on this machine")
        return self.accounts[suffix]

    def ssh_argv(self, account: Account) -> list[str]:
        """A plain ssh command line for that account."""
        config = str(self.client_config)
        return ["ssh", "-F", config, "-p", str(self.port), "-l", account.username, self.host]

    def inventory_vars(self, account: Account) -> dict[str, object]:
        """What Ansible has to know, whichever connection plugin is used."""
        return {
            "ansible_host": self.host,
            "ansible_port": self.port,
            "ansible_user": account.username,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-F {self.client_config}",
        }


def missing_for_sshd() -> str | None:
    """Why no server can be started here, or None when one can."""
    for program in ("sshd", "ssh", "ssh-keygen"):
        if _which(program) is None:
            return f"needs {program}"
    return missing_for_accounts()


def _which(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(path: Path) -> str:
    """Make a key pair, the private half at *path*; the public half."""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(argv, check=True, timeout=30)
    return path.with_suffix(".pub").read_text()


def _write_files(folder: Path, port: int, accounts: dict[str, Account], pam: str) -> None:
    folder.chmod(0o755)
    host_key = make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(make_key(folder / "user_key"))
    (folder / "known_hosts").write_text(f"[{_HOST}]:{port} {host_key}")
    (folder / "client_config").write_text(_CLIENT_CONFIG.format(folder=folder))
    config = _SERVER_CONFIG.format(port=port, host=_HOST, folder=folder, prefix=PREFIX, pam=pam)
    without_key = [a.username for a in accounts.values() if not a.has_key]
    if without_key:
        config += _NO_KEY_BLOCK.format(users=",".join(without_key))
    for name in ("authorized_keys", "known_hosts", "client_config"):
        (folder / name).chmod(0o644)
    (folder / "sshd_config").write_text(config)
    _allow_many_failures(folder / "sshd_config", config)


def _allow_many_failures(path: Path, config: str) -> None:
    """From 9.8 on a source address with failed logins is shut out; tests fail logins often."""
    path.write_text("PerSourcePenalties no\n" + config)
    # Full path: sshd refuses to run without it, as it re-executes itself.
    sshd = str(_which("sshd"))
    if subprocess.run([sshd, "-t", "-f", str(path)], capture_output=True, timeout=30).returncode:
        path.write_text(config)


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the server that *process* is, or has in it, answers.

    :raises RuntimeError: it does not; the text is the *log*.
    """
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((_HOST, port), 5) as client:
            if client.recv(4) == b"SSH-":
                return
        time.sleep(0.02)
    raise RuntimeError(f"sshd did not come up: {log.read_text(errors='replace')}")


@contextlib.contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """A server with all test accounts; its files go to `folder`, which must exist."""
    with test_accounts() as accounts, sshd_for(folder, accounts) as server:
        yield server


@contextlib.contextmanager
def sshd_for(folder: Path, accounts: dict[str, Account], pam: str = "no") -> Iterator[Sshd]:
    """A server for these accounts only; `pam`: whether logins go through PAM."""
    # Where sshd chroots its unprivileged half; Debian makes it when the service starts.
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    port = free_port()
    _write_files(folder, port, accounts, pam)
    argv = [str(_which("sshd")), "-D", "-e", "-f", str(folder / "sshd_config")]
    log = folder / "sshd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_until_up(process, port, log)
        yield Sshd(_HOST, port, folder, process, accounts)
    finally:
        process.terminate()
        process.wait(timeout=10)
