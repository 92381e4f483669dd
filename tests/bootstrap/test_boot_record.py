"""mitogen.bootstrap.boot_record: what a context is told about itself."""

from __future__ import annotations

from mitogen.bootstrap.boot_record import BootRecord
from mitogen.bootstrap.markers import marker_prefix, up_marker


def test_travels_complete():
    """Every field arrives as it was, names with any character included."""
    record = BootRecord(
        7, (3, 0), "mitogen:ü@h:1", "ab12", 10, 4096, True, "a.b:c", ("x",), ("y", "z"), ("o",),
        True,
    )  # fmt: skip
    other = BootRecord.from_bytes(record.to_bytes())
    for name in BootRecord._FIELDS:
        assert getattr(other, name) == getattr(record, name)
    assert other.parent_ids == [3, 0]
    assert other.link_fds == ()
    assert "7" in repr(other)


def test_markers_are_lines_of_their_own():
    """Also behind output without a newline."""
    assert up_marker("ab12") == b"\nMITOGEN1 ab12 up\n"
    assert up_marker("ab12").startswith(b"\n" + marker_prefix("ab12"))
