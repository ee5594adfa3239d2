"""DOCX: real files, made here by python-docx; and hostile ones."""

from __future__ import annotations

import builtins
import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml

from headway.core.errors import InputError
from headway.knowledge.read import read

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def made() -> Any:
    document = docx.Document()
    document.core_properties.title = "From the properties"
    document.core_properties.author = "Ann"
    document.core_properties.subject = "Leave"
    document.core_properties.modified = datetime(2025, 3, 4, 5)
    document.add_heading("Leave of absence", 1)
    document.add_paragraph("Status: in force")
    document.add_paragraph("First\tline").add_run().add_break()
    document.add_heading("Days", 2)
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("Kind", "Days"), ("Sick", "10")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("After the table")
    return document


def written(document: Any) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def put(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (folder / f"{name}.docx").write_bytes(data)
    return folder


def test_structure(tmp_path: Path) -> None:
    found = read(put(tmp_path, a=written(made()))).by_name["a.docx"]
    assert found.title == "From the properties"
    assert found.text == (
        "Leave of absence\n\nStatus: in force\n\nFirst line\n\nDays\n\nKind | Days\nSick | 10\n\n"
        "After the table"
    )
    assert [(found.text[at:].split("\n")[0], level) for at, level, _ in found.headings] == [
        ("Leave of absence", 1),
        ("Days", 2),
    ]
    assert found.metadata == {
        "folder": "",
        "format": "docx",
        "author": "Ann",
        "subject": "Leave",
        "status": "in force",
        "date": "2025-03-04",
    }


def test_content_that_python_docx_passes_by(tmp_path: Path) -> None:
    document = made()
    parts = [
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        "<w:p><w:ins><w:r><w:t>Inserted</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>Deleted</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden</w:t></w:r>"
        "<w:r><w:instrText>FIELD</w:instrText></w:r></w:p>",
    ]
    for part in parts:
        xml = part.replace(">", f" {W}>", 1)
        document.element.body.insert(0, parse_xml(xml))
    text = read(put(tmp_path, a=written(document))).by_name["a.docx"].text
    assert "In a control" in text
    assert "Inserted" in text
    assert not any(word in text for word in ("Deleted", "Hidden", "FIELD"))


def test_a_title_by_its_style_and_a_style_of_ones_own(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = ""
    document.add_heading("The title", 0)
    own = document.styles.add_style("Own", 1)
    own.base_style = document.styles["Heading 3"]
    document.add_paragraph("By a style", style="Own")
    found = read(put(tmp_path, a=written(document))).by_name["a.docx"]
    assert found.title == "The title"
    assert [row[1:] for row in found.headings] == [(1, "The title"), (3, "By a style")]


def test_a_file_without_properties_has_no_date(tmp_path: Path) -> None:
    data = rewritten(
        written(made()),
        {"docProps/core.xml": None},
        {"_rels/.rels": lambda xml: without(xml, "core-properties")},
    )
    found = read(put(tmp_path, a=data)).by_name["a.docx"]
    assert "date" not in found.metadata
    assert found.title == "Leave of absence"


def without(xml: bytes, kind: str) -> bytes:
    parts = xml.split(b"<Relationship ")
    return b"<Relationship ".join(
        part if kind.encode() not in part else part[part.index(b"/>") + 2 :] for part in parts
    ).replace(b"<Relationship <", b"<").replace(b"<Relationship \n<", b"<")  # fmt: skip


def rewritten(data: bytes, drop: dict[str, None], change: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in drop:
                new.writestr(name, change.get(name, bytes)(old.read(name)))
    return stream.getvalue()


def bomb(name: str, megabytes: int) -> bytes:
    stream = io.BytesIO(written(made()))
    with (
        zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as part,
    ):
        for _ in range(megabytes):
            part.write(bytes(1_000_000))
    return stream.getvalue()


def lied(data: bytes) -> bytes:
    """A part that declares one byte and unpacks to more."""
    at = data.rindex(b"word/document.xml")  # in the list of contents
    head = data.rindex(b"PK\x01\x02", 0, at)
    return data[: head + 24] + (1).to_bytes(4, "little") + data[head + 28 :]


def test_hostile_files_are_named(tmp_path: Path) -> None:
    good = written(made())
    put(
        tmp_path,
        bomb=bomb("word/media/image1.png", 501),
        bomb2=bomb("word/more.xml", 101),
        cut=good[: len(good) // 2],
        empty=b"",
        garbled=good[:300] + bytes(200) + good[500:],
        good=good,
        lied=lied(good),
        ole=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        pdf=b"%PDF-1.7 not me",
        text=b"only text",
        zip=rewritten(good, {"[Content_Types].xml": None}, {}),
    )
    found = read(tmp_path)
    assert list(found.by_name) == ["good.docx"]
    reasons = dict(notice.split(".docx: passed over, ") for notice in found.notices)
    assert {name: reason.split(" (")[0] for name, reason in reasons.items()} == {
        "bomb": "it unpacks to 502 MB in 18 parts, more than is safe",
        "bomb2": "it unpacks to 102 MB in 18 parts, more than is safe",
        "cut": "it is damaged",
        "empty": "it is empty",
        "garbled": "it is damaged",
        "lied": "it is damaged",
        "ole": "it is encrypted, or an old .doc: save it as .docx without a password",
        "pdf": "it is no DOCX",
        "text": "it is no DOCX",
        "zip": "it is no DOCX",
    }


def test_entities_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("SECRET")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{tmp_path / "secret"}">]><w:document'
    data = rewritten(
        written(made()),
        {},
        {
            "word/document.xml": lambda xml: xml.replace(
                b"<w:document", entity.encode(), 1
            ).replace(b"After the table", b"After &e;")
        },
    )
    found = read(put(tmp_path, a=data, good=written(made())))
    assert not any("SECRET" in document.text for document in found.by_name.values())


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".")[0] in ("docx", "pypdfium2"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in ("a.pdf", "b.pdf", "c.pdf", "d.pdf", "e.docx"):
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    with pytest.raises(InputError, match=r"pip install \"headway\[documents\]\""):
        read(tmp_path)
    (tmp_path / "good.md").write_text("x")
    assert read(tmp_path, tmp_path / ".kept").notices == (
        '4 .pdf files: passed over, reading them needs a package that is not installed:'
        ' pip install "headway[documents]" (a.pdf, b.pdf, c.pdf and 1 more)',
        '1 .docx file: passed over, reading them needs a package that is not installed:'
        ' pip install "headway[documents]" (e.docx)',
    )  # fmt: skip
    monkeypatch.undo()
    assert "damaged" in read(tmp_path, tmp_path / ".kept").notices[0]


def test_the_day_of_a_template_is_none_of_the_documents(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Nobody said when this was written.")
    assert "date" not in read(put(tmp_path, a=written(document))).by_name["a.docx"].metadata
