"""PDF by PDFium, page by page. Needs the extra `documents`.

PDFium gives a page's lines as they were drawn; a wider gap between two lines ends a paragraph.
Tables keep a row a line, without marks between their cells, as a PDF has no cells.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from headway.knowledge.readers.metadata import dated, flat, iso_date, stated
from headway.knowledge.readers.parsed import (
    LONGEST_HEADING,
    LONGEST_TEXT,
    Closed,
    MissingPackage,
    Parsed,
    Unreadable,
    clean,
    one_line,
)

MOST_PAGES = 100_000
MOST_BOOKMARKS = 10_000
GAP = 1.4  # of the usual distance of two lines: what is more ends a paragraph

_LOCK = threading.Lock()  # PDFium is not made for threads
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_HYPHEN = re.compile("(?<=\\w)[\ufffe\x02\u00ad](?:\r?\n)?(?=\\w)")
_NAMELESS = re.compile(r"\(?(?:untitled|unbenannt|anonymous|unspecified|无标题)[ \d.-]*\)?", re.I)
_WRITERS = re.compile(r"^Microsoft (?:Word|PowerPoint|Excel) - |\.(?:docx?|pptx?|xlsx?|pdf|indd)$")


def read(file: Path) -> Parsed:
    """One PDF. Raises Unreadable for what is damaged, encrypted or a scan without text, and
    MissingPackage."""
    try:
        import pypdfium2
    except ImportError:
        raise MissingPackage from None
    _begins(file)
    with _LOCK:
        try:
            # By its path: PDFium then reads what it needs, and not the whole file into memory.
            document = pypdfium2.PdfDocument(file.resolve())
        except pypdfium2.PdfiumError as error:
            if error.err_code == _PASSWORD:
                raise Unreadable("it is encrypted: save it without a password") from None
            raise Unreadable("it is damaged") from None
        except OSError as error:
            raise Closed(f"it cannot be opened ({error.strerror})") from None
        try:
            return _read(document)
        except (pypdfium2.PdfiumError, ValueError, IndexError, OSError) as error:
            raise Unreadable(f"it is damaged ({one_line(str(error))[:80]})") from None
        finally:
            document.close()


def _begins(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            start = stream.read(1024)
    except OSError as error:
        raise Closed(f"it cannot be opened ({error.strerror})") from None
    if not start.strip():
        raise Unreadable("it is empty")
    if b"%PDF" not in start:  # the standard lets other bytes stand before it
        raise Unreadable("it is no PDF")


def _read(document: Any) -> Parsed:
    count = len(document)
    if count > MOST_PAGES:
        raise Unreadable(f"it has {count:,} pages, more than {MOST_PAGES:,}")
    parts: list[str] = []
    pages: list[int] = []
    length = 0
    broken, pictures = [], []
    for number in range(count):
        try:
            text, picture = _page(document, number)
        except RuntimeError:  # PdfiumError is one
            text, picture = "", False
            broken.append(number + 1)
        if picture:
            pictures.append(number + 1)
        pages.append(length)
        parts.append(text + ("\n\n" if number + 1 < count else "\n"))
        length += len(parts[-1])
        if length > LONGEST_TEXT:
            raise Unreadable(f"it holds more than {LONGEST_TEXT:,} characters of text")
    whole = "".join(parts)
    if not whole.strip():
        if broken:
            raise Unreadable("it is damaged: none of its pages can be read")
        raise Unreadable(
            f"its {count} page{'s' * (count > 1)} hold no text, as in a scan: run OCR over it,"
            " such as ocrmypdf IN.pdf OUT.pdf"
        )
    told = {key: clean(document.get_metadata_value(key)) for key in ("Title", "Author", "Subject")}
    days = (iso_date(document.get_metadata_value(key)) for key in ("ModDate", "CreationDate"))
    metadata = {
        **stated(whole),
        **flat({key.lower(): told[key] for key in ("Author", "Subject")}),
    }
    return Parsed(
        _title(told["Title"]),
        whole,
        dated(metadata, otherwise=next(filter(None, days), "")),
        tuple(_headings(document, whole, pages)),
        tuple(pages),
        tuple(_notes(count, broken, "cannot be read"))
        + tuple(_notes(count, pictures, "are pictures without text")),
    )


def _notes(count: int, pages: Sequence[int], why: str) -> Iterator[str]:
    if pages:
        more = f" and {len(pages) - 5} more" if len(pages) > 5 else ""
        named = ", ".join(map(str, pages[:5]))
        yield f"{len(pages)} of its {count} pages {why} (page {named}{more})"


def _title(title: str) -> str:
    title = one_line(title)
    title = _WRITERS.sub("", _WRITERS.sub("", title)).strip()
    return "" if _NAMELESS.fullmatch(title) else title[:LONGEST_HEADING]


def _page(document: Any, number: int) -> tuple[str, bool]:
    """A page's text, and whether it is a picture instead."""
    from pypdfium2 import raw

    page = document[number]
    try:
        found = page.get_textpage()
        try:
            text = _paragraphs(found)
        finally:
            found.close()
        if text:
            return text, False
        pictures = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2)
        return "", next(iter(pictures), None) is not None
    finally:
        page.close()


def _paragraphs(page: Any) -> str:
    """Lines of a page, with a blank one where the distance to the next is wide."""
    lines = page.get_text_range().split("\r\n")
    gaps = [
        None if above is None or below is None else above - below
        for above, below in pairwise(_heights(page, lines))
    ]
    down = [gap for gap in gaps if gap is not None and gap > 1]
    wide = GAP * median(down) if len(down) > 2 else math.inf
    parts = [lines[0]]
    for line, gap in zip(lines[1:], gaps, strict=True):
        parts.append(("\n\n" if gap is not None and gap > wide else "\n") + line)
    joined = clean(_HYPHEN.sub("", "".join(parts)))
    tidy = "\n".join(line.strip() for line in joined.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", tidy).strip()


def _heights(page: Any, lines: Sequence[str]) -> list[float | None]:
    """Each line's base line, by its first character, in points from the page's lower edge."""
    from pypdfium2 import raw

    heights: list[float | None] = []
    at = 0
    for line in lines:
        blank = len(line) - len(line.lstrip())
        index = raw.FPDFText_GetCharIndexFromTextIndex(page, at + blank) if line.strip() else -1
        x, y = ctypes.c_double(), ctypes.c_double()
        known = index >= 0 and raw.FPDFText_GetCharOrigin(page, index, x, y)
        heights.append(y.value if known else None)
        at += len(line.encode("utf-16-le", "surrogatepass")) // 2 + 2  # PDFium counts in UTF-16
    return heights


def _headings(document: Any, text: str, pages: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Bookmarks, at the line that says the same, else where their page begins."""
    found: list[tuple[int, int, str]] = []
    last = 0
    for place, mark in enumerate(document.get_toc()):
        if place == MOST_BOOKMARKS:
            break
        heading = one_line(mark.get_title())[:LONGEST_HEADING]
        target = mark.get_dest()
        number = target.get_index() if target is not None else None
        if not heading or number is None or not 0 <= number < len(pages):
            continue
        begin = pages[number]
        end = pages[number + 1] if number + 1 < len(pages) else len(text)
        words = r"\s+".join(map(re.escape, heading.split()))
        line = re.compile(rf"^[\d.]*[ \t]*{words}[ \t]*$", re.MULTILINE | re.IGNORECASE)
        at = line.search(text, max(begin, last), end) or line.search(text, begin, end)
        last = at.start() if at else last if begin <= last < end else begin
        found.append((last, mark.level + 1, heading))
    yield from sorted(found, key=lambda row: row[0])
