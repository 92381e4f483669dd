"""Jobs and results as values."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_mitogen.target.records import CommandJob, JobResult, ModuleJob, job_from_value
from mitogen.errors import DecodeError

COMMAND = {"job_id": "1", "argv": ["true"]}
MODULE = {"job_id": "1", "name": "n", "module_fqn": "a.n", "files": {"a/n.py": "0"},
          "entry": "a/n.py", "arguments": b"{}"}  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), [(COMMAND, CommandJob), (MODULE, ModuleJob)])
def test_a_job_travels(value: dict[str, Any], kind: type) -> None:
    """What is left out gets its default, what is not known is ignored."""
    job = job_from_value({**value, "of_a_newer_version": 1})
    assert type(job) is kind
    assert job.environment == {}
    assert job.timeout is None
    assert job_from_value(job.to_value()) == job
    assert job.environment is not job_from_value(value).environment


def test_a_result_travels() -> None:
    """And is empty by default."""
    result = JobResult(rc=3, stdout=b"x", missing=["0"])
    assert JobResult.from_value(result.to_value()) == result
    assert JobResult().to_value() == {
        "rc": 0, "stdout": b"", "stderr": b"", "ended": "exit", "detail": "", "missing": [],
        "respawned": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        *({**COMMAND, name: 1} for name in ("job_id", "argv", "stdin", "environment", "cwd")),
        {**COMMAND, "timeout": "1"},
        *({key: MODULE[key] for key in MODULE if key != name} for name in MODULE),
        {**MODULE, "arguments": "text"},
    ],
    ids=repr,
)
def test_what_is_no_job(value: Any) -> None:
    """Is refused."""
    with pytest.raises(DecodeError):
        job_from_value(value)


def test_a_record_made_wrong() -> None:
    """Is a mistake of the caller's."""
    with pytest.raises(TypeError, match="needs argv"):
        CommandJob(job_id="1")
    with pytest.raises(TypeError, match="has no nonsense"):
        CommandJob(job_id="1", argv=[], nonsense=1)
