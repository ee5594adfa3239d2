"""A file is there in full or as it was."""

from pathlib import Path

import pytest

from headway.core.files import in_full


def test_a_file_stands_when_the_block_has_ended(tmp_path: Path) -> None:
    out = tmp_path / "new" / "a.txt"
    with in_full(out) as draft:
        draft.write_text("half")
        assert not out.exists()
        draft.write_text("all of it")
    assert out.read_text() == "all of it"
    assert [p.name for p in out.parent.iterdir()] == ["a.txt"]
    assert out.stat().st_mode & 0o444 == 0o444  # others may read it, as any file


def test_after_an_error_it_is_what_it_was(tmp_path: Path) -> None:
    out = tmp_path / "a.txt"
    out.write_text("before")
    with pytest.raises(ZeroDivisionError), in_full(out) as draft:
        draft.write_bytes(b"half" * (1 // 0))
    assert out.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_last_of_two_writers_stands(tmp_path: Path) -> None:
    out = tmp_path / "a.txt"
    with in_full(out) as first, in_full(out) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert out.read_text() == "first"
