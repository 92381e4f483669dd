"""A small Debian in containers, each with an sshd on 127.0.0.1, for what needs a system of its own.

A Docker daemon that answers is used. Where none does, one is started, with files of its own, and
ended afterwards. The image is made of the mirror that apt uses here, once: its tag is a digest of
the recipe. All names carry a fixed prefix; containers are removed at the start (left over from a
killed session) and at the end. One session at a time: the next one waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import sshd

PREFIX = "mitogentest"
#: Logs in by key, and becomes root without a password.
USER = "mitogentest"
#: A Python that sees none of the system's packages.
VENV_PYTHON = "/opt/venv/bin/python"

_STATE = Path("/run/mitogentest")
_SOCKET = _STATE / "docker.sock"
_PID_FILE = _STATE / "docker.pid"
_RUN_FILES = _STATE / "docker"
_DATA = Path("/var/lib/mitogentest/docker")
_START_SECONDS = 60.0

#: What most tests take. It has what they install from and with.
RELEASE = "bookworm"
_FALLBACK_MIRROR = "http://deb.debian.org/debian"
_PACKAGES = ("openssh-server", "python3", "sudo")
_MORE_PACKAGES = {
    RELEASE: ("createrepo-c", "python3-apt", "python3-debian", "python3-dnf", "rpm"),
}
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
#: Run outside, in a shell, `$1` being the root of the new system.
_FINISH = (
    'chroot "$1" python3 -m venv --without-pip --copies /opt/venv',
    f'chroot "$1" useradd --create-home --password "*" --shell /bin/bash {USER}',
    f'echo "{USER} ALL=(ALL:ALL) NOPASSWD:ALL" >"$1/etc/sudoers.d/{USER}"',
    'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/ssh/ssh_host_*',
)

_SERVER_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /mitogentest/host_key
AuthorizedKeysFile /mitogentest/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""

#: Comes back when all processes but the first have been killed, as they are by a reboot.
_SERVER = """
mkdir -p /run/sshd
while :; do /usr/sbin/sshd -D -e -f /mitogentest/sshd_config; sleep 1; done
"""

_CLIENT_CONFIG = """\
Host *
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


class UnavailableError(Exception):
    """No containers can be had here; the text says why."""


@dataclass(frozen=True)
class Docker:
    """A daemon, and how it is spoken to."""

    argv: Sequence[str]

    def run(self, *arguments: str, timeout: float = 120) -> str:
        """What ``docker ARGUMENTS`` says.

        :raises RuntimeError: it fails.
        """
        done = subprocess.run(
            [*self.argv, *arguments], capture_output=True, text=True, timeout=timeout
        )
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]} failed: {done.stderr}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What leads programs to it that are not told."""
        return {"DOCKER_HOST": self.argv[-1]} if self.argv[1:] else {}

    def answers(self) -> bool:
        """Whether there is a daemon."""
        with contextlib.suppress(RuntimeError):
            return bool(self.run("version", "--format", "{{.Server.Version}}").strip())
        return False

    def remove_containers(self) -> None:
        """Remove all that carry the prefix."""
        names = self.run("ps", "--all", "--quiet", "--filter", f"name=^{PREFIX}").split()
        if names:
            self.run("rm", "--force", *names)


@dataclass(frozen=True)
class Container:
    """A running one: its name, and how its sshd is reached."""

    docker: Docker
    name: str
    port: int
    folder: Path

    def execute(self, script: str) -> str:
        """What this shell script prints when root runs it inside.

        :raises RuntimeError: it fails.
        """
        return self.docker.run("exec", self.name, "/bin/sh", "-euc", script)

    def inventory_vars(self) -> dict[str, object]:
        """What Ansible has to know, whichever connection plugin is used."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": USER,
            "ansible_ssh_common_args": f"-F {self.folder}/client_config",
        }


def missing_for_containers() -> str | None:
    """Why there can be none here, or None when that is not known yet."""
    if os.geteuid() != 0:
        return "containers need root"
    for program in ("docker", "mmdebstrap", "ssh", "ssh-keygen"):
        if shutil.which(program) is None:
            return f"containers need {program}"
    return None


@contextlib.contextmanager
def running_docker() -> Iterator[Docker]:
    """A daemon with nothing of ours in it.

    :raises UnavailableError: there can be none.
    """
    _STATE.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(_STATE / "docker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _any_daemon() as docker:
            docker.remove_containers()
            try:
                yield docker
            finally:
                docker.remove_containers()
    finally:
        os.close(lock)


@contextlib.contextmanager
def _any_daemon() -> Iterator[Docker]:
    docker = Docker(["docker"])
    if docker.answers():
        yield docker
        return
    _end_left_over()
    docker = Docker(["docker", "--host", f"unix://{_SOCKET}"])
    process = _start_daemon(docker)
    try:
        yield docker
    finally:
        process.terminate()
        process.wait(timeout=60)
        _remove_run_files()


def _remove_run_files() -> None:
    for name in (_RUN_FILES / "netns").glob("*"):
        subprocess.run(["umount", "--quiet", str(name)], timeout=30)
    shutil.rmtree(_RUN_FILES, ignore_errors=True)


def _end_left_over() -> None:
    """End a daemon of ours whose session was killed."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(_PID_FILE.read_text())
        if str(_DATA).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + _START_SECONDS
            while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
                time.sleep(0.02)


def _start_daemon(docker: Docker) -> subprocess.Popen[bytes]:
    program = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/sbin")
    if program is None:
        raise UnavailableError("no Docker daemon answers, and there is no dockerd to start")
    _DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Containers use the network of this machine: no bridge, and no rules for packets.
    argv = [program, "--bridge=none", "--iptables=false", "--ip6tables=false"]
    argv += [f"--host=unix://{_SOCKET}", f"--pidfile={_PID_FILE}"]
    argv += [f"--data-root={_DATA}", f"--exec-root={_RUN_FILES}"]
    log = _STATE / "docker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if docker.answers():
            return process
        time.sleep(0.05)
    process.kill()
    process.wait(timeout=10)
    lines = log.read_text(errors="replace").splitlines()
    raise UnavailableError(f"dockerd does not start: {lines[-1:]}")


def make_image(docker: Docker, release: str = RELEASE) -> str:
    """The tag of the image of that Debian, which is made unless it is there.

    :raises UnavailableError: the mirror cannot be reached.
    """
    packages = sorted({*_PACKAGES, *_MORE_PACKAGES.get(release, ())})
    repository = PREFIX if release == RELEASE else f"{PREFIX}-{release}"
    argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt"]
    argv += [f"--include={','.join(packages)}"]
    argv += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    argv += [f"--customize-hook={command}" for command in _FINISH]
    tag = f"{repository}:{hashlib.sha256(repr(argv).encode()).hexdigest()[:16]}"
    if docker.run("images", "--quiet", tag).strip():
        return tag
    log = _STATE / "image.log"
    with log.open("wb") as out:
        making = subprocess.Popen(
            [*argv, release, "-", _mirror()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
        )
        done = subprocess.run(
            [*docker.argv, "import", "-", f"{tag}-new"], stdin=making.stdout, capture_output=True
        )
        assert making.stdout is not None
        making.stdout.close()
        if making.wait():
            lines = log.read_text(errors="replace").splitlines()
            raise UnavailableError(f"no Debian can be had: {lines[-3:]}")
        if done.returncode:
            raise RuntimeError(f"docker import failed: {done.stderr.decode()}")
    # Not under its name until it is known to be whole. Those of older recipes are of no use.
    docker.run("tag", f"{tag}-new", tag)
    tags = docker.run("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split()
    docker.run("rmi", *(name for name in tags if name != tag))
    return tag


def _mirror() -> str:
    """Where apt gets Debian from on this machine; proxies are apt's business, too."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]
    done = subprocess.run(
        [*argv, "Created-By: Packages"], capture_output=True, text=True, timeout=60
    )
    for line in done.stdout.splitlines():
        uri, _, rest = line.partition(" ")
        if rest == f"{RELEASE} main":
            return uri
    return _FALLBACK_MIRROR


@contextlib.contextmanager
def running_container(docker: Docker, image: str, folder: Path) -> Iterator[Container]:
    """A new container whose sshd answers; keys and logs go to the empty *folder*."""
    port = sshd.free_port()
    name = f"{PREFIX}-{uuid.uuid4().hex[:8]}"
    host_key = sshd.make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(sshd.make_key(folder / "user_key"))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "client_config").write_text(_CLIENT_CONFIG.format(folder=folder))
    (folder / "sshd_config").write_text(_SERVER_CONFIG.format(port=port))
    folder.chmod(0o755)
    argv = [*docker.argv, "run", "--rm", "--name", name, "--network=host"]
    argv += ["--volume", f"{folder}:/mitogentest:ro", image]
    argv += ["/bin/sh", "-c", _SERVER]
    log = folder / "container.log"
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        sshd.wait_until_up(process, port, log)
        yield Container(docker, name, port, folder)
    finally:
        # Its client ends with it.
        docker.run("rm", "--force", name)
        process.wait(timeout=30)
