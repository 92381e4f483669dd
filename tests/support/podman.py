"""A Podman container of the image that the Docker tests use.

With files of its own, so that nothing of the machine's own Podman is seen or changed. It is made
while a `running_docker` is there, whose lock keeps other sessions away.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.support.containers import Docker, UnavailableError

_GLOBAL = ["--root", "/var/lib/mitogentest/podman", "--runroot", "/run/mitogentest/podman"]
#: Its own defaults are above what root may have on some machines.
_LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"]


@dataclass(frozen=True)
class Podman:
    """The program, and a container that runs."""

    argv: Sequence[str]
    container: str

    def execute(self, script: str) -> None:
        """Run this shell script inside, as root.

        :raises UnavailableError: it fails.
        """
        _run(*self.argv, "exec", "--user=root", self.container, "/bin/sh", "-euc", script)

    def inventory_vars(self) -> dict[str, object]:
        """What the connection plugin of `containers.podman` has to know."""
        return {
            "ansible_connection": "containers.podman.podman",
            "ansible_host": self.container,
            "ansible_podman_extra_args": " ".join(self.argv[1:]),
        }


def missing_for_podman() -> str | None:
    """Why Podman cannot be tested here, or None when it can."""
    return None if shutil.which("podman") else "there is no podman"


@contextlib.contextmanager
def running_podman(docker: Docker, image: str) -> Iterator[Podman]:
    """A container of *image*, which is taken over from *docker* the first time.

    :raises UnavailableError: Podman does not run containers here.
    """
    argv = ["podman", *_GLOBAL]
    repository = image.partition(":")[0]
    name = f"{repository}-podman"
    _run(*argv, "rm", "--force", "--ignore", "--time=0", name)
    if subprocess.run([*argv, "image", "exists", image], timeout=60).returncode:
        # Those of older recipes are of no use.
        for tag in _tags(argv, repository):
            _run(*argv, "rmi", "--force", tag)
        _load(docker, argv, image)
    options = ["--detach", "--network=host", *_LIMITS, "--name", name]
    _run(*argv, "run", *options, image, "sleep", "1000")
    try:
        yield Podman(argv, name)
    finally:
        _run(*argv, "rm", "--force", "--time=0", name)


def _tags(argv: list[str], repository: str) -> list[str]:
    shown = _run(*argv, "images", "--format", "{{.Repository}}:{{.Tag}}")
    return [tag for tag in shown.split() if f"/{repository}:" in tag]


def _load(docker: Docker, argv: list[str], image: str) -> None:
    saving = subprocess.Popen([*docker.argv, "save", image], stdout=subprocess.PIPE)
    assert saving.stdout is not None
    try:
        _run(*argv, "load", "--quiet", given=saving.stdout)
    finally:
        saving.stdout.close()
        saving.wait(timeout=60)


def _run(*argv: str, given: object = subprocess.DEVNULL) -> str:
    done = subprocess.run(
        argv,
        stdin=given,  # type: ignore[call-overload]  # a file or a constant
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise UnavailableError(f"{' '.join(argv)} failed: {done.stderr}")
    return str(done.stdout)
