"""One file that an example shows, of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.knowledge import read_one


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("a.md", "# Title\n\nText.", "# Title\n\nText."),
        ("a.txt", "Text.", "Text."),
        ("a.html", "<h1>Title</h1><p>Text.</p>", "Title\n\nText."),
        ("a.csv", "x,y\n1,2\n", "x,y\n1,2\n"),
        ("a.JSON", '{"a": 1}', '{"a": 1}'),
        ("a.jsonl", '{"a": 1}\n', '{"a": 1}\n'),
        ("a.log", "\x1b[31mred\x00"[:-1], "[31mred"),
    ],
)
def test_what_is_shown_of_it(tmp_path: Path, name: str, text: str, shown: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_one(tmp_path / name, name, tmp_path / "kept").text == shown


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.md", b" \n", "it is empty"),
        ("a.csv", b"", "it is empty"),
        ("a.csv", b"\x80\x81", "not UTF-8"),
        ("a.json", b"%PDF-1.7", "not text but a PDF"),
        ("a.pdf", b"%PDF-1.7 and no more", "cannot be read"),
        ("a.docx", b"PK\x03\x04", "cannot be read"),
        ("a.png", b"x", "no reader for .png"),
        ("README", b"x", "no reader for it"),
    ],
)
def test_one_clear_message(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_one(tmp_path / name, f"in/{name}", tmp_path / "kept")
    assert said in caught.value.what
    assert f"'in/{name}'" in caught.value.what
    assert caught.value.what.count("cannot be read") == 1
