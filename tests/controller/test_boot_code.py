"""Boot code that is kept from run to run."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from mitogen.bootstrap import bundle
from mitogen.bootstrap.handshake import InterpreterInfo
from mitogen.controller.boot_code import BootCode

MAGIC = importlib.util.MAGIC_NUMBER.hex()


class Shelf(dict):
    """A cache; `reads` and `writes` are the names it was asked for and given."""

    def __init__(self):
        super().__init__()
        self.reads = []
        self.writes = []

    def read(self, name):
        self.reads.append(name)
        return self.get(name)

    def write(self, name, data):
        self.writes.append(name)
        self[name] = data
        return True


def _interpreter(magic):
    fields = dict.fromkeys(InterpreterInfo._fields)
    fields.update(magic=magic, optimize=sys.flags.optimize)
    return InterpreterInfo(**fields)


def test_source_is_kept():
    """Made in one run, found in the next, looked for once in each."""
    shelf = Shelf()
    other = _interpreter("330d0d0a")
    made = BootCode(cache=shelf).for_interpreter(other)
    assert made == bundle.build_for(other)
    bundle.build.cache_clear()
    next_run = BootCode(cache=shelf)
    assert next_run.for_interpreter(other) is shelf[shelf.writes[0]]
    assert next_run.for_interpreter(other) == made
    assert len(shelf.writes) == 1
    assert len(shelf.reads) == 2


def test_byte_code_is_not_kept():
    """It is there in no time."""
    shelf = Shelf()
    ours = _interpreter(MAGIC)
    assert BootCode(cache=shelf).for_interpreter(ours) is bundle.build_for(ours)
    assert not shelf.reads


@pytest.mark.parametrize("damaged", [b"", b"x", None])
def test_what_is_damaged_is_made_anew(damaged):
    """Also what is cut short."""
    shelf = Shelf()
    other = _interpreter("330d0d0a")
    made = BootCode(cache=shelf).for_interpreter(other)
    (name,) = shelf
    shelf[name] = made[:-1] if damaged is None else damaged
    assert BootCode(cache=shelf).for_interpreter(other) == made
    assert shelf[name] == made


def test_other_boot_code_has_another_name():
    """What comes along counts, and so does what the files say."""
    assert bundle.fingerprint() != bundle.fingerprint(("ansible_mitogen.target",))
    assert bundle.fingerprint() == bundle.fingerprint()
