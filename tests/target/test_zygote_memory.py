"""What a zygote keeps: files up to a limit, loaded modules until a library comes or goes."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_mitogen.target.channel import Cancel, Decoder, Ended, Missing, Start, encode
from ansible_mitogen.target.files import FileStore
from tests.support import interpreters
from tests.target.conftest import Host
from tests.target.packed import own

ROOT = Path(__file__).resolve().parents[2]


def _supplied(*digests: str) -> dict[str, bytes]:
    return {digest: zlib.compress(b"#" * 100) for digest in digests}


def test_files_over_the_limit() -> None:
    """Make place for those of the job at hand, which stay, however many."""
    store = FileStore(250)
    assert store.take(_supplied("a", "b"), {"1": "a", "2": "b"}) == []
    assert store.drops == 0
    assert store.take(_supplied("c"), {"1": "a", "2": "c"}) == []
    assert store.drops == 1
    assert store.take({}, {"1": "b", "2": "c"}) == ["b"]
    many = {str(number): str(number) for number in range(9)}
    assert store.take(_supplied(*many), many) == []
    assert store.content("8") == b"#" * 100


def test_code_is_made_once() -> None:
    """And goes with its file."""
    store = FileStore(150)
    store.take(_supplied("a"), {"1": "a"})
    assert store.code("a", "x") is store.code("a", "x")
    assert store.code("a", "x") is not store.code("a", "y")
    store.take(_supplied("b"), {"1": "b"})
    with pytest.raises(KeyError):
        store.code("a", "x")


def test_messages_in_pieces() -> None:
    """Whatever way the bytes are cut."""
    messages = [
        Start(1, {"argv": ["x"], "stdin": b"\xff"}, "", True),
        Cancel(1),
        Ended(1, 256),
        Missing(2, ["a"]),
    ]
    data = b"".join(map(encode, messages))
    decoder = Decoder()
    found = [message for byte in data for message in decoder.feed(bytes([byte]))]
    assert found == messages
    assert [type(message) for message in found] == [Start, Cancel, Ended, Missing]
    assert Decoder().feed(data) == messages


def test_a_library_that_comes(
    make_host: Callable[..., Host], library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the core's parts look for when loaded is looked for again once packages were installed."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    host = make_host()
    module = own(
        library,
        "from ansible.module_utils.basic import AnsibleModule\n"
        "from ansible.module_utils import basic\n"
        "print(basic.has_journal); exit(0)\n",
    )
    assert host.outcome(module.job({})).stdout == b"False\n"
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd" / "__init__.py").write_text("")
    (tmp_path / "systemd" / "journal.py").write_text("sendv = None\n")
    (tmp_path / "systemd" / "daemon.py").write_text("def booted():\n    return True\n")
    assert host.outcome(module.job({})).stdout == b"True\n"


@pytest.mark.parametrize("version", interpreters.available())
def test_every_file_in_every_python(version: str) -> None:
    """Target code runs on all of them, and needs nothing but them."""
    names = [path.stem for path in (ROOT / "ansible_mitogen" / "target").glob("[!_]*.py")]
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + "".join(
        f"import ansible_mitogen.target.{name}\n" for name in names
    )
    python = interpreters.find(version)
    done = subprocess.run([str(python), "-W", "error", "-c", program], capture_output=True)
    assert done.stderr == b""
