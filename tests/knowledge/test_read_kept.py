"""What was parsed is kept, by the content of the file."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.knowledge.read import read
from headway.knowledge.readers import READERS
from headway.knowledge.readers.parsed import Parsed, Unreadable


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were really parsed."""
    names: list[str] = []
    format, reader, costly = READERS[".html"]

    def counting(file: Path) -> Parsed:
        names.append(file.name)
        return reader(file)

    monkeypatch.setitem(READERS, ".html", (format, counting, costly))
    return names


def put(folder: Path, **pages: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page)
    return folder


PAGE = "<title>T</title><meta name=author content=A><h1>One</h1><p>two"


def test_each_file_is_parsed_once(tmp_path: Path, parsed: list[str]) -> None:
    folder, cache = put(tmp_path / "in", a=PAGE, b="<p hidden>no", c="x"), tmp_path / "kept"
    first = read(folder, cache)
    assert parsed == ["a.html", "b.html", "c.html"]
    assert first == read(folder)
    parsed.clear()
    again = read(folder, cache)
    assert parsed == []
    assert again == first
    assert again.fingerprint == first.fingerprint == read(folder).fingerprint
    (folder / "a.html").rename(folder / "z.html")
    put(folder, c="y")
    parsed.clear()
    moved = read(folder, cache)
    assert parsed == ["c.html"]
    assert moved.by_name["z.html"].headings == ((0, 1, "One"),)
    assert not list(cache.glob(".*"))


def test_a_title_from_the_name_is_the_names(tmp_path: Path) -> None:
    put(tmp_path, a="<p>same", b="<p>same")
    found = read(tmp_path, tmp_path / ".kept").by_name
    assert [document.title for document in found.values()] == ["a", "b"]


@pytest.mark.parametrize("how", ["cut", "bit", "empty", "json", "folder"])
def test_a_damaged_one_is_parsed_anew(tmp_path: Path, parsed: list[str], how: str) -> None:
    folder, cache = put(tmp_path / "in", a=PAGE), tmp_path / "kept"
    first = read(folder, cache)
    (file,) = cache.iterdir()
    data = file.read_bytes()
    if how == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {
                "cut": data[:-9],
                "bit": data.replace(b"two", b"twp"),
                "empty": b"",
                "json": b"{}",
            }[how]
        )
    parsed.clear()
    assert read(folder, cache) == first
    assert parsed == ["a.html"]
    assert read(folder, cache) == first
    assert parsed == ["a.html"] * (2 if how == "folder" else 1)


def test_a_new_version_parses_anew(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = put(tmp_path / "in", a=PAGE), tmp_path / "kept"
    old = read(folder, cache).fingerprint
    monkeypatch.setattr(importlib.import_module("headway.knowledge.read"), "READ_VERSION", 99)
    assert read(folder, cache).fingerprint != old
    assert parsed == ["a.html", "a.html"]


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    folder = put(tmp_path / "in", a=PAGE)
    assert read(folder, tmp_path / "kept") == read(folder)


def test_what_can_be_mended_without_a_change_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = put(tmp_path / "in", a=PAGE, b="<p hidden>no"), tmp_path / "kept"

    def shut(self: Path, *args: object, **more: object) -> object:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", shut)
        with pytest.raises(InputError, match="Permission denied"):
            read(folder, cache)
    assert list(read(folder, cache).by_name) == ["a.html"]


def test_only_one_written_whole_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr(os, "replace", killed)
    folder, cache = put(tmp_path / "in", a=PAGE), tmp_path / "kept"
    assert read(folder, cache) == read(folder)
    assert list(cache.iterdir()) == []


def test_reasons_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    format, _, costly = READERS[".html"]
    calls: list[Path] = []

    def refusing(file: Path) -> Parsed:
        calls.append(file)
        raise Unreadable("it is odd")

    monkeypatch.setitem(READERS, ".html", (format, refusing, costly))
    folder = put(tmp_path / "in", a=PAGE)
    (folder / "b.md").write_text("x")
    for _ in range(2):
        notices = read(folder, tmp_path / "kept").notices
        assert notices == ("a.html: passed over, it is odd",)
    assert len(calls) == 1
