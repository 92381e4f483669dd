"""What a task changes on the machine is seen by the next: time zone and name servers.

The machine is one of its own as far as that goes: the context lives in a mount namespace, where the
files of /etc can be covered without anybody else seeing it.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.target.conftest import Host, make_router
from tests.target.packed import own

_COVER = """\
import os, subprocess, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({'source': {}, 'place': {}})
place = os.path.realpath(module.params['place'])
subprocess.check_call(['mount', '--bind', module.params['source'], place])
module.exit_json()
"""
_LOOK = """\
import json, socket, sys, time
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({'name': {}})
try:
    found = socket.gethostbyname(module.params['name'])
except OSError as exc:
    found = str(exc)
module.exit_json(zone=time.strftime('%Z %H', time.localtime(0)), address=found)
"""


def _zone(name: str, offset: int) -> bytes:
    """A time zone file (RFC 8536) with nothing but one offset from UTC."""
    text = name.encode() + b"\0"
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, len(text))
    block = counts + struct.pack(">lbb", offset, 0, 0) + text
    header = b"TZif2" + bytes(15)
    return header + block + header + block + f"\n<{name}>{-offset // 3600}\n".encode()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Host]:
    """A context in a mount namespace of its own."""
    if not Path("/etc/localtime").exists():
        pytest.skip("needs a file to cover")
    unshare = shutil.which("unshare")
    test = ["unshare", "--mount", "mount", "--bind", "/etc", "/etc"]
    if unshare is None or subprocess.run(test, capture_output=True, timeout=30).returncode:
        pytest.skip("needs unshare, and leave to mount")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {unshare} --mount {sys.executable} "$@"\n')
    python.chmod(0o755)
    with make_router() as router:
        yield Host(router.local(python_path=str(python)), sys.executable)


@pytest.fixture
def name_server() -> Iterator[Callable[[str, str], None]]:
    """``name_server(at, address)``: one that has this address for whatever it is asked."""
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(at: str, address: str) -> None:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets.append(server)
        try:
            server.bind((at, 53))
        except OSError as exc:
            pytest.skip(f"no name server can be had at {at}: {exc}")
        threads.append(threading.Thread(target=_serve, args=(server, address)))
        threads[-1].start()

    yield start
    for server in sockets:
        if server.getsockname()[1]:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"", server.getsockname())
    for thread in threads:
        thread.join(20)
    for server in sockets:
        server.close()


def _serve(server: socket.socket, address: str) -> None:
    while True:
        query, client = server.recvfrom(512)
        if not query:
            return
        end = query.index(b"\0", 12) + 5
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
        head = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, 1, 0, 0)
        server.sendto(head + query[12:end] + answer, client)


def test_a_change_is_seen(
    apart: Host,
    name_server: Callable[[str, str], None],
    library: Path,
    tmp_path: Path,
) -> None:
    """By the module of the next task, each time."""
    cover, look = own(library, _COVER, "cover"), own(library, _LOOK, "look")
    seen = []
    for number, (zone, offset) in enumerate([("AAA", 3600), ("BBB", 7200)], start=1):
        server, address = f"127.53.1.{number}", f"192.0.2.{number}"
        name_server(server, address)
        (tmp_path / zone).write_bytes(_zone(zone, offset))
        (tmp_path / address).write_text(f"nameserver {server}\noptions timeout:5 attempts:4\n")
        for source, place in ((zone, "/etc/localtime"), (address, "/etc/resolv.conf")):
            arguments = {"source": str(tmp_path / source), "place": place}
            assert apart.outcome(cover.job(arguments)).rc == 0
        shown = json.loads(apart.outcome(look.job({"name": "host.mitogentest"})).stdout)
        seen.append((shown["zone"], shown["address"]))
    assert seen == [("AAA 01", "192.0.2.1"), ("BBB 02", "192.0.2.2")]
