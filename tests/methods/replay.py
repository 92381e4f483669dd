"""Plays a recorded transcript of a real program to a method's prompt table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mitogen import methods
from mitogen.bootstrap.handshake import Answer, Failed, Handshake

FOLDER = Path(__file__).parent / "transcripts"


def recorded(name: str) -> bytes:
    """What the program said, as it came."""
    return (FOLDER / name).read_bytes()


def recorded_json(name: str) -> dict[str, dict[str, str]]:
    """Several short ones of a kind."""
    loaded: dict[str, dict[str, str]] = json.loads((FOLDER / name).read_text())
    return loaded


@dataclass
class Outcome:
    """What the handshake made of it."""

    answers: list[bytes]
    error: Exception | None


def replay(said: bytes, method: str, ends: bool = True, **given: object) -> Outcome:
    """The program says it, byte by byte, and then ends (or waits, with `ends=False`)."""
    declared = methods.find(method)
    options = methods.build_options(declared, **given)
    shake = Handshake("nonce", declared.prompts_for(options), options, "the test", 100.0)
    for position in range(len(said)):
        shake.feed_diagnostics(said[position : position + 1])
    if ends:
        shake.process_ended(1)
    events = list(iter(shake.next_event, None))
    errors = [event.error for event in events if isinstance(event, Failed)]
    assert len(errors) <= 1
    answers = [event.data for event in events if isinstance(event, Answer)]
    return Outcome(answers, errors[0] if errors else None)
