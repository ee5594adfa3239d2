"""Reading: what is read, what its title is, and that nothing is passed over in silence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.knowledge.read import Document, Documents, read


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_titles(tmp_path: Path) -> None:
    found = read(
        put(
            tmp_path,
            {
                "a/front.md": '---\ntitle: "From the front"\n---\n# Heading\nText',
                "heading.md": "Before\n\n## The *heading* ##\ntext",
                "plain.txt": "# not a heading in a text file",
                "broken.md": "---\ntitle: [\n---\n# After all\n",
                "page.html": "<html><head><title>The\n page</title><style>p{}</style></head>"
                "<body><h1>Big</h1><p>One &amp; two<br>three</p><script>x()</script></body></html>",
                "open.htm": "<head><body><h1>No title</h1>Seen",
            },
        )
    ).by_name
    assert {name: document.title for name, document in found.items()} == {
        "a/front.md": "From the front",
        "heading.md": "The *heading*",
        "plain.txt": "plain",
        "broken.md": "After all",
        "page.html": "The page",
        "open.htm": "No title",
    }
    assert found["page.html"].text == "Big\n\nOne & two\nthree"
    assert found["heading.md"].text == "Before\n\n## The *heading* ##\ntext"


def test_text_is_kept_to_the_character(tmp_path: Path) -> None:
    text = "\r\nTwo  spaces\r\n\tand a tab \n"
    assert read(put(tmp_path, {"a.txt": text})).by_name["a.txt"].text == text


def test_byte_order_marks(tmp_path: Path) -> None:
    found = read(
        put(tmp_path, {"a.txt": b"\xef\xbb\xbfeins", "b.txt": "zwei".encode("utf-16")})
    ).by_name
    assert (found["a.txt"].text, found["b.txt"].text) == ("eins", "zwei")


def test_what_is_passed_over_is_named(tmp_path: Path) -> None:
    found = read(
        put(
            tmp_path,
            {
                "good.md": "text",
                "empty.md": " \n",
                "latin.txt": "Grüße".encode("latin-1"),
                "binary.txt": b"a\0b",
                "scan.pdf": b"%PDF",
                "letter.docx": b"PK",
                "slides.pptx": b"PK",
                "README": "x",
                ".hidden.md": "x",
                ".git/config.md": "x",
            },
        )
    )
    assert list(found.by_name) == ["good.md"]
    assert [notice.split(":")[0] for notice in found.notices] == [
        "README",
        "binary.txt",
        "empty.md",
        "latin.txt",
        "letter.docx",
        "scan.pdf",
        "slides.pptx",
    ]
    assert "byte 2" in found.notices[3]
    assert [notice.partition(": passed over, ")[2] for notice in found.notices[4:6]] == [
        "it is damaged",
        "it is damaged",
    ]
    assert ".pptx is not read" in found.notices[6]
    assert "and corpus.jsonl" in found.notices[6]


def test_corpus(tmp_path: Path) -> None:
    lines = '{"_id": "a", "title": "A", "text": "one"}\n\n{"_id": 7, "text": "two"}\n'
    lines += '{"_id": "e", "text": " "}\n'
    found = read(put(tmp_path, {"corpus.jsonl": lines, "more.md": "three"}))
    assert list(found.by_name) == ["a", "7", "more.md"]
    assert found.notices == ("corpus.jsonl: document e: passed over, it is empty",)
    assert list(read(tmp_path / "corpus.jsonl").by_name) == ["a", "7"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "corpus.jsonl:2: not valid JSON"),
        ("[]", "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": "b"}', "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": true, "text": "b"}', "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": "", "text": "b"}', "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": "a", "text": "again"}', "corpus.jsonl:2: two documents are named 'a'"),
        ('{"_id": "b", "text": "\udcfc"}', "corpus.jsonl:2: not UTF-8 (byte 22 of the line)"),
    ],
)
def test_a_broken_corpus_is_an_error_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    data = '{"_id": "a", "text": "one"}\n' + line
    put(tmp_path, {"corpus.jsonl": data.encode(errors="surrogateescape")})
    with pytest.raises(InputError) as error:
        read(tmp_path)
    assert what in str(error.value)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no documents here"):
        read(tmp_path / "nowhere")
    put(tmp_path, {"scan.pdf": b"%PDF"})
    with pytest.raises(InputError, match=r"no document here can be read: scan\.pdf"):
        read(tmp_path)


def test_metadata_of_a_corpus(tmp_path: Path) -> None:
    lines = [
        '{"_id": "a", "text": "x", "metadata": {"Kind": "rule", "deep": {"n": 1}}, "Year": 2024}',
        '{"_id": "b", "text": "x", "updated": "2025-02-03T10:00:00Z", "live": true, "no": null}',
        '{"_id": "c", "text": "x", "tags": ["a", "b"], "date": "soon", "metadata": {}}',
    ]
    found = read(put(tmp_path, {"sub/corpus.jsonl": "\n".join(lines)})).by_name
    common = {"folder": "sub", "format": "jsonl"}
    assert found["a"].metadata == {**common, "kind": "rule", "year": "2024"}
    assert found["b"].metadata == {
        **common, "updated": "2025-02-03T10:00:00Z", "live": "true", "date": "2025-02-03"
    }  # fmt: skip
    assert found["c"].metadata == {**common, "tags": "a, b"}


def test_folder_and_format(tmp_path: Path) -> None:
    names = ("top.txt", "a/one.md", "a/b/two.markdown", "c/three.htm")
    found = read(put(tmp_path, {name: "<p>text" for name in names})).by_name
    assert {n: (d.metadata["folder"], d.metadata["format"]) for n, d in found.items()} == {
        "top.txt": ("", "txt"),
        "a/one.md": ("a", "md"),
        "a/b/two.markdown": ("a", "md"),
        "c/three.htm": ("c", "html"),
    }
    assert read(tmp_path / "a/one.md").by_name["one.md"].metadata["folder"] == ""


# --- odd folders ----------------------------------------------------------------------------


def test_a_folder_named_like_a_document_is_a_folder(tmp_path: Path) -> None:
    found = read(put(tmp_path, {"x.md/inner.md": "text", "x.pdf/inner.md": "more"}))
    assert list(found.by_name) == ["x.md/inner.md", "x.pdf/inner.md"]
    assert not found.notices


def test_links_are_followed_once(tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.md": "one", "sub/b.md": "two"})
    put(tmp_path / "out", {"c.md": "three"})
    (folder / "away").symlink_to(tmp_path / "out", target_is_directory=True)
    (folder / "ring").symlink_to(folder, target_is_directory=True)
    (tmp_path / "out" / "back").symlink_to(folder, target_is_directory=True)
    (folder / "self.md").symlink_to(folder / "self.md")
    (folder / "gone.md").symlink_to(tmp_path / "nothing")
    (folder / "other.md").symlink_to(folder / "a.md")
    found = read(folder)
    assert list(found.by_name) == ["a.md", "away/c.md", "other.md", "sub/b.md"]
    assert sorted(notice.split(":")[0] for notice in found.notices) == [
        "away/back", "gone.md", "ring", "self.md"
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "one"})
    os.mkfifo(tmp_path / "pipe.md")
    assert read(tmp_path).notices == ("pipe.md: passed over, it is not a file",)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_what_may_not_be_opened_is_named(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "one", "shut.md": "two", "shut/b.md": "three"})
    (tmp_path / "shut.md").chmod(0)
    (tmp_path / "shut").chmod(0)
    try:
        notices = read(tmp_path).notices
    finally:
        (tmp_path / "shut").chmod(0o700)
    assert [notice.split(":")[0] for notice in notices] == ["shut", "shut.md"]


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "one"})
    try:
        (tmp_path / os.fsdecode(b"b\xff.md")).write_text("two")
    except OSError:
        pytest.skip("this file system takes no such names")
    found = read(tmp_path)
    assert list(found.by_name) == ["a.md"]
    assert found.notices == ("b?.md: passed over, its name is not UTF-8",)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff\xfeh\0i\0\0", "not UTF-16"),
        (b"\xff\xfe\0\0h\0\0\0", ""),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"", "it is empty"),
        (b"%PDF-1.7 and so on", "it is not text but a PDF"),
        (b"PK\x03\x04 and so on", "it is not text but a zip archive"),
    ],
)
def test_odd_bytes(tmp_path: Path, data: bytes, why: str) -> None:
    found = read(put(tmp_path, {"odd.md": data, "good.md": "text"}))
    assert len(found.notices) == bool(why)
    assert why in "".join(found.notices)
    assert ("odd.md" in found.by_name) != bool(why)


def test_fingerprint_holds_all_that_is_known_of_a_document() -> None:
    def of(**more: Any) -> str:
        return Documents({"a": Document("a", "A", "text", **more)}, ()).fingerprint

    prints = {
        of(),
        of(metadata={"a": "b"}),
        of(metadata={"a": "c"}),
        of(metadata={"a": "b", "c": "d"}),
        of(headings=((0, 1, "text"),)),
        of(headings=((0, 2, "text"),)),
        of(pages=(0,)),
        of(pages=(0, 2)),
    }
    assert len(prints) == 8
    assert of(metadata={"a": "b", "c": "d"}) == of(metadata={"c": "d", "a": "b"})


def test_fingerprint_is_of_content_not_of_place(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"b.md": "two", "a.md": "one"}
    one, two = read(put(tmp_path / "1", files)), read(put(tmp_path / "2", files))
    assert one.fingerprint == two.fingerprint
    for changed in ({"a.md": "onf"}, {"c.md": "three"}, {"a.md": "onetwo", "b.md": " "}):
        three = read(put(tmp_path / repr(changed), {**files, **changed}))
        assert three.fingerprint != one.fingerprint
