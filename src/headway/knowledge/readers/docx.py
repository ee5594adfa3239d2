"""DOCX by python-docx. Needs the extra `documents`.

Read are the body with its tables, content controls and text boxes, and the notes at its end;
headers and footers repeat themselves and are left out, as are hidden and deleted text.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headway.knowledge.readers.metadata import dated, flat, stated
from headway.knowledge.readers.parsed import (
    Closed,
    Lines,
    MissingPackage,
    Parsed,
    Unreadable,
    one_line,
)

LARGEST = 500_000_000  # bytes of all parts, unpacked
LARGEST_XML = 100_000_000  # of one part that is parsed
MOST_PARTS = 10_000
TEMPLATE_DAY = "2013-12-23"  # of python-docx's own template: of all that it writes without a date

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_BETWEEN = frozenset(
    {_W + n for n in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "hyperlink")}
    | {_W + name for name in ("r", "fldSimple", "dir", "bdo")}
    | {_MC + "AlternateContent", _MC + "Choice"}
)
_SIGNS = {
    **{_W + name: "\n" for name in ("br", "cr")},
    **{_W + name: " " for name in ("tab", "ptab")},
    _W + "noBreakHyphen": "-",
}
_OLE = b"\xd0\xcf\x11\xe0"


def read(file: Path) -> Parsed:
    """One DOCX. Raises Unreadable for what is damaged, encrypted or unpacks to too much, and
    MissingPackage."""
    try:
        import docx
    except ImportError:
        raise MissingPackage from None
    try:
        with file.open("rb") as stream:
            _check(stream)
            stream.seek(0)
            return _read(docx.Document(stream))
    except OSError as error:
        raise Closed(f"it cannot be opened ({error.strerror or error})") from None
    except Unreadable:
        raise
    except Exception as error:  # what a broken package makes a parser raise has no common class
        reason = one_line(str(error))[:80] or type(error).__name__
        raise Unreadable(f"it is damaged ({reason})") from None


def _check(stream: Any) -> None:
    """Look before unpacking; no part can hold more than it declares, as unpacking stops there."""
    start = stream.read(8)
    if not start:
        raise Unreadable("it is empty")
    if start.startswith(_OLE):
        raise Unreadable("it is encrypted, or an old .doc: save it as .docx without a password")
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        what = "it is damaged" if start.startswith(b"PK") else "it is no DOCX"
        raise Unreadable(what) from None
    total = sum(part.file_size for part in parts)
    largest = max((p.file_size for p in parts if p.filename.endswith((".xml", ".rels"))), default=0)
    if total > LARGEST or largest > LARGEST_XML or len(parts) > MOST_PARTS:
        raise Unreadable(
            f"it unpacks to {total / 1e6:,.0f} MB in {len(parts):,} parts, more than is safe"
            f" ({LARGEST / 1e6:,.0f} MB, {LARGEST_XML / 1e6:,.0f} MB of text,"
            f" {MOST_PARTS:,} parts)"
        )
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise Unreadable("it is no DOCX")


def _read(document: Any) -> Parsed:
    body = _Body(_levels(document.styles.element))
    body.blocks(document.element.body)
    for part in _notes(document):
        body.blocks(part)
    lines = body.lines
    if not lines.text:
        raise Unreadable("it holds no text")
    told, day = _properties(document)
    first = lines.headings[0] if lines.headings else None
    title = body.title or told.pop("title", "") or (first[2] if first else "")
    told.pop("title", None)
    below = first[0] + len(first[2]) if first and not first[0] else 0
    metadata = {**stated(lines.text, below), **told}
    return Parsed(title, lines.text, dated(metadata, otherwise=day), tuple(lines.headings))


def _properties(document: Any) -> tuple[dict[str, str], str]:
    """title, author, subject and the day. Where a file has no properties python-docx makes some
    up (with today's date), and what it writes without a date has its template's: neither must be
    taken for the document's own."""
    relations = document.part.package.rels.values()
    if not any(relation.reltype.endswith("/core-properties") for relation in relations):
        return {}, ""
    core = document.core_properties
    told = flat({name: getattr(core, name) for name in ("title", "author", "subject")})
    moment = core.modified or core.created
    day = moment.date().isoformat() if moment else ""
    return told, "" if day == TEMPLATE_DAY else day


def _notes(document: Any) -> Iterator[Any]:
    """Footnotes and endnotes, without the lines that part them from the text."""
    from docx.oxml import parse_xml

    for relation in document.part.rels.values():
        if relation.reltype.endswith(("/footnotes", "/endnotes")) and not relation.is_external:
            for note in parse_xml(relation.target_part.blob):
                if note.get(_W + "type") in (None, "normal"):
                    yield note


def _levels(styles: Any) -> dict[str, int]:
    """Heading level of each style that has one; 0 is a title."""
    own: dict[str, int] = {}
    based: dict[str, str] = {}
    for style in styles.iter(_W + "style"):
        identity = style.get(_W + "styleId") or ""
        name = _value(style.find(_W + "name")).lower()
        outline = _value(style.find(f"{_W}pPr/{_W}outlineLvl"))
        if name == "title":
            own[identity] = 0
        elif name.startswith("heading ") and name[8:].isdecimal():
            own[identity] = int(name[8:])
        elif outline.isdecimal() and int(outline) < 9:
            own[identity] = int(outline) + 1
        based[identity] = _value(style.find(_W + "basedOn"))
    found: dict[str, int] = {}
    for identity in based:
        at = identity
        for _ in range(20):  # styles may go round in a ring
            if at in own:
                found[identity] = own[at]
                break
            at = based.get(at, "")
    return found


def _value(element: Any) -> str:
    return "" if element is None else str(element.get(_W + "val") or "")


class _Body:
    """Walks a body and writes what it finds."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.lines = Lines()
        self.title = ""
        self._levels = levels
        self._tables = 0

    def blocks(self, parent: Any) -> None:
        """Paragraphs and tables of an element, in order."""
        for child in parent:
            if child.tag == _W + "p":
                self._paragraph(child)
            elif child.tag == _W + "tbl":
                self._tables += 1
                table = self._tables
                for row in _inside(child, "tr"):
                    cells = [_cell(cell) for cell in _inside(row, "tc")]
                    self.lines.add(" | ".join(cells) if any(cells) else "", group=table)
            elif child.tag in _BETWEEN:
                self.blocks(child)

    def _paragraph(self, paragraph: Any) -> None:
        boxes: list[Any] = []
        text = "".join(_texts(paragraph, boxes))
        level = self._level(paragraph)
        if level == 0:
            self.title = self.title or one_line(text)
        self.lines.add(
            "\n".join(filter(None, map(one_line, text.split("\n")))),
            level=-1 if level is None else max(1, level),
        )
        for box in boxes:
            self.blocks(box)

    def _level(self, paragraph: Any) -> int | None:
        outline = _value(paragraph.find(f"{_W}pPr/{_W}outlineLvl"))
        if outline.isdecimal():
            return int(outline) + 1 if int(outline) < 9 else None
        return self._levels.get(_value(paragraph.find(f"{_W}pPr/{_W}pStyle")))


def _inside(parent: Any, name: str) -> Iterator[Any]:
    """Rows of a table or cells of a row, those in content controls too."""
    for child in parent:
        if child.tag == _W + name:
            yield child
        elif child.tag in _BETWEEN:
            yield from _inside(child, name)


def _cell(cell: Any) -> str:
    """A cell on one line, tables in it too."""
    parts = []
    for child in cell:
        if child.tag == _W + "p":
            boxes: list[Any] = []
            parts.append("".join(_texts(child, boxes)))
            parts += [_cell(box) for box in boxes]
        elif child.tag in _BETWEEN or child.tag in (_W + "tbl", _W + "tr", _W + "tc"):
            parts.append(_cell(child))
    return one_line(" ".join(parts))


def _texts(parent: Any, boxes: list[Any]) -> Iterator[str]:
    """Pieces of text in a paragraph; text boxes are put aside."""
    for child in parent:
        tag = child.tag
        if tag in (_W + "t", _M + "t"):
            yield child.text or ""
        elif tag in _SIGNS:
            yield _SIGNS[tag]
        elif tag in _BETWEEN:
            if tag != _W + "r" or not _vanishes(child):
                yield from _texts(child, boxes)
        elif tag in (_W + "drawing", _W + "pict"):
            boxes += child.iter(_W + "txbxContent")
        elif isinstance(tag, str) and tag.startswith(_M):
            yield from _texts(child, boxes)


def _vanishes(run: Any) -> bool:
    mark = run.find(f"{_W}rPr/{_W}vanish")
    return mark is not None and _value(mark).lower() not in ("0", "false", "off")
