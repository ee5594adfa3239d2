"""Reading: what is read, what its title is, and that nothing is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.knowledge.read import read


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
    ]
    assert "byte 2" in found.notices[3]
    assert ".pdf is not read" in found.notices[5]


def test_corpus(tmp_path: Path) -> None:
    lines = '{"_id": "a", "title": "A", "text": "one"}\n\n{"_id": 7, "text": "two"}\n'
    lines += '{"_id": "e", "text": " "}\n'
    found = read(put(tmp_path, {"corpus.jsonl": lines, "more.md": "three"}))
    assert list(found.by_name) == ["a", "7", "more.md"]
    assert found.notices == ("corpus.jsonl: document e passed over, it is empty",)
    assert list(read(tmp_path / "corpus.jsonl").by_name) == ["a", "7"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "corpus.jsonl:2: not valid JSON"),
        ("[]", "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": "b"}', "corpus.jsonl:2: a document needs _id and text"),
        ('{"_id": "a", "text": "again"}', "two documents are named 'a'"),
    ],
)
def test_a_broken_corpus_is_an_error_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    put(tmp_path, {"corpus.jsonl": '{"_id": "a", "text": "one"}\n' + line})
    with pytest.raises(InputError) as error:
        read(tmp_path)
    assert what in str(error.value)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no documents here"):
        read(tmp_path / "nowhere")
    put(tmp_path, {"scan.pdf": b"%PDF"})
    with pytest.raises(InputError, match=r"no document here can be read: scan\.pdf"):
        read(tmp_path)


def test_fingerprint_is_of_content_not_of_place(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"b.md": "two", "a.md": "one"}
    one, two = read(put(tmp_path / "1", files)), read(put(tmp_path / "2", files))
    assert one.fingerprint == two.fingerprint
    for changed in ({"a.md": "onf"}, {"c.md": "three"}, {"a.md": "onetwo", "b.md": " "}):
        three = read(put(tmp_path / repr(changed), {**files, **changed}))
        assert three.fingerprint != one.fingerprint
