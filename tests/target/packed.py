"""Modules in both forms: as jobs of ours, and as the program that Ansible itself would send."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import re
import subprocess
import uuid
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible.executor import module_common
from ansible.module_utils import basic
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader as loaders
from ansible.template import Templar

from ansible_mitogen.compat import module_zip
from ansible_mitogen.modules import Source, _Archive, fqn_of

#: What `_update_module_args` of every version adds, as far as the modules here look at it.
INTERNAL = {
    "_ansible_check_mode": False,
    "_ansible_diff": False,
    "_ansible_keep_remote_files": False,
    "_ansible_no_log": False,
    "_ansible_remote_tmp": "~/.ansible/tmp",
    "_ansible_shell_executable": "/bin/sh",
    "_ansible_socket": None,
    "_ansible_verbosity": 0,
}


class Outcome(NamedTuple):
    """What a run left."""

    rc: int
    stdout: bytes
    stderr: bytes


class Module:
    """A module with everything it needs."""

    def __init__(self, source: Source, contents: dict[str, bytes], profile: str | None) -> None:
        self.source = source
        self.contents = contents
        self.profile = profile
        self.files = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}

    @property
    def supplied(self) -> dict[str, bytes]:
        """The files, compressed, by digest."""
        return {self.files[path]: zlib.compress(data, 1) for path, data in self.contents.items()}

    def job(self, arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """A job that brings all its files."""
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**INTERNAL, **arguments}})
        job = {
            # Temporary names come from it, and sessions share their folder.
            "job_id": uuid.uuid4().hex,
            "name": self.source.name,
            "module_fqn": self.source.fqn,
            "files": self.files,
            "supplied": self.supplied,
            "entry": self.source.entry,
            "arguments": text.encode(),
            "profile": self.profile,
        }
        return {**job, **fields}

    def text(self, arguments: dict[str, Any]) -> bytes:
        """The program that Ansible would send."""
        return _packed(self.source, arguments)

    def run_stock(
        self, python: str, arguments: dict[str, Any], environment: dict[str, str] | None = None
    ) -> Outcome:
        """Run that program as pipelining does: a shell, an interpreter, the text on its stdin."""
        done = subprocess.run(
            ["/bin/sh", "-c", f"{python} && sleep 0"],
            input=self.text(arguments),
            capture_output=True,
            timeout=60,
            env=environment,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class SmallModule(Module):
    """A module that needs no more than `basic` does: packed by changing another one's source."""

    def __init__(self, source: Source, template: Module) -> None:
        contents = {**template.contents, source.entry: source.data}
        super().__init__(source, contents, template.profile)
        self._template = template

    def text(self, arguments: dict[str, Any]) -> bytes:
        """The program that Ansible would send."""
        packed = _packed(self._template.source, arguments)
        found = re.search(rb"""(?:zip_data=|ZIPDATA = )b?['"]+([A-Za-z0-9+/=]+)""", packed)
        assert found is not None
        old = zipfile.ZipFile(io.BytesIO(base64.b64decode(found[1])))
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as new:
            for name in old.namelist():
                content = old.read(name) if name != self.source.entry else self.source.data
                new.writestr(name, content)
        return packed.replace(found[1], base64.b64encode(data.getvalue()))


def _collect(source: Source) -> Module:
    archive = _Archive()
    manager = module_zip.extension_manager({})
    profile = module_zip.collect(
        source.name, source.fqn, source.path, source.data, archive, manager
    )
    return Module(source, archive.contents, profile)


def _packed(source: Source, arguments: dict[str, Any]) -> bytes:
    built: Any = module_common.modify_module(
        module_name=source.name,
        module_path=source.path,
        module_args={**INTERNAL, **arguments},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    return bytes(built[0] if isinstance(built, tuple) else built.b_module_data)


@functools.cache
def builtin(name: str) -> Module:
    """A module of the core."""
    path = loaders.module_loader.find_plugin(name)
    return _collect(Source(name, fqn_of(name, path), path, Path(path).read_bytes()))


IMPORT = b"from ansible.module_utils.basic import AnsibleModule\n"
_ANSIBLE_IMPORT = re.compile(rb"(?:from|import) ansible\.")


@functools.cache
def _template(folder: Path, name: str) -> Module:
    return _collect(_written(folder, IMPORT, name))


def _written(folder: Path, text: bytes, name: str) -> Source:
    path = folder / f"{name}.py"
    path.write_bytes(text)
    return Source(name, fqn_of(name, str(path)), str(path), text)


def own(folder: Path, text: str, name: str = "mine") -> Module:
    """A module whose source is *text*; *folder* is the same for all tests."""
    source = Source(name, fqn_of(name, str(folder / f"{name}.py")), "", text.encode())
    rest = source.data.replace(IMPORT, b"", 1)
    if rest == source.data or _ANSIBLE_IMPORT.search(rest):
        # The core keeps what it packed under the name.
        name += hashlib.sha256(source.data).hexdigest()[:8]
        return _collect(_written(folder, source.data, name))
    return SmallModule(source, _template(folder, name))


def supported_pythons(versions: Sequence[str]) -> list[str]:
    """Those of *versions* that the modules of this core run in."""
    # A tuple from 2.19 on; before, whether the Python at hand is new enough.
    known: Any = getattr(basic, "_PY_MIN", None)
    oldest = known if isinstance(known, tuple) else (3, 6)
    return [v for v in versions if tuple(map(int, v.split("."))) >= oldest]
