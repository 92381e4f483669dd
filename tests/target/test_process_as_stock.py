"""What a module sees of its process, in each Python and several languages, compared with stock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import interpreters
from tests.target.conftest import Host
from tests.target.packed import own, supported_pythons

PYTHONS = supported_pythons(interpreters.available())
LOOK = Path(__file__).parents[1] / "integration" / "state" / "library" / "look.py"


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        text = json.dumps(value)
        text = re.sub(r"/tmp/ansible_[\w.]+_payload_\w+/[\w.]+\.zip", "PAYLOAD", text)
        return {path: re.sub(r"ansible-moduletmp-[\w.-]+", "MODULETMP", text)}
    return {k: v for key, item in value.items() for k, v in _flat(item, f"{path}.{key}").items()}


_LANGUAGES = ({"LANG": "C.UTF-8"}, {"LC_ALL": "C"}, {"PYTHONUTF8": "1"}, {"LC_CTYPE": "C.UTF-8"})
#: Fields that differ: random ones, and stdin, which stock's program came through.
_ACCEPTED = {".random", ".descriptors.0"}


@pytest.mark.parametrize(
    ("version", "environment"),
    [*((version, {}) for version in PYTHONS), *((None, one) for one in _LANGUAGES)],
    ids=str,
)
def test_it_sees_the_same(
    version: str | None,
    environment: dict[str, str],
    make_host: Callable[..., Host],
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """All of it; also what of its own is loaded, as nothing of ours is."""
    # A version manager has its interpreters below the home that it is found by.
    python = None if version is None else interpreters.find(version)
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(tmp_path), **environment}.items():
        monkeypatch.setenv(name, value)
    host = make_host(python=python)
    module = own(library, LOOK.read_text(), "look")
    arguments = {"_ansible_remote_tmp": str(tmp_path), "imports": ["_ctypes", "jinja2", "mitogen"]}
    expected = _flat(json.loads(module.run_stock(host.python, arguments).stdout))
    for _run in range(2):
        found = _flat(json.loads(host.outcome(module.job(arguments)).stdout))
        names = {name for name in {*expected, *found} if expected.get(name) != found.get(name)}
        differing = {name: (expected.get(name), found.get(name)) for name in names - _ACCEPTED}
        assert not differing
