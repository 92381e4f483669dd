"""Places to log in to that outlive the command that starts them, for tools that want three steps.

    python -m tests.support.serve start FOLDER KIND   comes back when they are up
    python -m tests.support.serve stop FOLDER         comes back when they are gone

KIND is ``sshd``, a server with throw-away users, or ``docker``, containers. FOLDER/ready.json tells
how to get there: under ``instances`` what Molecule wants to know of each.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support import containers
from tests.support.sshd import missing_for_sshd, running_sshd

#: The image of the containers may have to be made first.
_SECONDS = 300.0

Told = dict[str, Any]


@contextlib.contextmanager
def _sshd(folder: Path) -> Iterator[Told]:
    """Two users who log in by key, and one who needs a password for that and for sudo."""
    with running_sshd(folder) as sshd:
        server = {"address": sshd.host, "port": sshd.port}
        by_key = {"identity_file": str(sshd.key)}
        locked = sshd.accounts["sudopass"]
        by_password = {"password": locked.password, "become_pass": locked.password}
        users = {
            "one": {"user": sshd.accounts["bash"].username, **by_key},
            "two": {"user": sshd.accounts["dash"].username, **by_key},
            "locked": {"user": locked.username, **by_password},
        }
        yield {"instances": [{"instance": name, **server, **user} for name, user in users.items()]}


@contextlib.contextmanager
def _docker(folder: Path) -> Iterator[Told]:
    """Two containers through docker, as root and as a user, and the second one by ssh."""
    with contextlib.ExitStack() as stack:
        docker = stack.enter_context(containers.running_docker())
        image = containers.make_image(docker)
        made = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            made.append(
                stack.enter_context(containers.running_container(docker, image, folder / name))
            )
        first, second = made
        through = {"connection": "community.docker.docker"}
        instances = [
            {"instance": "one", "address": first.name, **through},
            {"instance": "two", "address": second.name, "user": containers.USER, **through},
            {
                "instance": "three",
                "address": "127.0.0.1",
                "port": second.port,
                "user": containers.USER,
                "identity_file": str(second.folder / "user_key"),
            },
        ]
        yield {"instances": instances, "docker_words": " ".join(docker.argv[1:])}


_KINDS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Told]]] = {
    "sshd": _sshd,
    "docker": _docker,
}
_MISSING = {"sshd": missing_for_sshd, "docker": containers.missing_for_containers}


def _serve(folder: Path, kind: str) -> None:
    """Serve until a TERM comes; never longer than an hour."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _KINDS[kind](folder) as told:
        draft = folder / "ready.draft"
        draft.write_text(json.dumps({**told, "pid": os.getpid()}))
        draft.rename(folder / "ready.json")
        time.sleep(3600)


def _start(folder: Path, kind: str) -> None:
    missing = _MISSING[kind]()
    if missing is not None:
        sys.exit(f"no {kind}: {missing}")
    if (folder / "ready.json").exists():
        return
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.serve", "serve", str(folder), kind],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    end = time.monotonic() + _SECONDS
    while not (folder / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            # TERM and not KILL: what it has made by now is removed.
            process.terminate()
            process.wait(timeout=_SECONDS)
            sys.exit((folder / "serve.log").read_text())
        time.sleep(0.05)
    # It lives on; Python would call that a leak of this process.
    process.returncode = 0


def _stop(folder: Path) -> None:
    ready = folder / "ready.json"
    if ready.exists():
        pid = int(json.loads(ready.read_text())["pid"])
        if _is_server(pid):
            # Once only: a second one would cut the removal of the users short.
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _SECONDS
        while _is_server(pid) and time.monotonic() < end:
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _is_server(pid: int) -> bool:
    try:
        return b"tests.support.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    command, place, *kinds = sys.argv[1:]
    if command == "stop":
        _stop(Path(place))
    else:
        {"start": _start, "serve": _serve}[command](Path(place), *kinds)
