"""What a reader gives, what keeps it from reading, and decoding that never guesses."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_HEADING = 300  # characters; what is longer was marked as a heading for its looks
LONGEST_TEXT = 200_000_000  # characters of one document

# All that a terminal, an index or a prompt may choke on; line ends and tabs stay.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
# Codecs that a page may name: others run code-like transformations, or hide text from view.
_CHARSETS = re.compile(r"utf-8|ascii|iso8859|cp\d|koi8|gb|hz|big5|euc|shift_jis|mac-|tis-620|ptcp")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document as a reader found it; fields as in `Document`.

    notes: what of it could not be read, each a clause that follows the document's name.
    """

    title: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    headings: tuple[tuple[int, int, str], ...] = ()
    pages: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """Why one file was passed over: a clause. It holds as long as the file does not change."""


class Closed(Unreadable):
    """The file cannot be opened now; another time it may."""


class MissingPackage(Exception):
    """The package that reads such files is not installed."""


class Lines:
    """Builds a text of paragraphs, and knows where its headings begin."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._group: object = None
        self.headings: list[tuple[int, int, str]] = []

    def add(self, text: str, *, level: int = 0, group: object = None) -> None:
        """One more paragraph. Those of one group (rows of a table, items of a list) follow each
        other line by line, others after a blank line. level: of a heading, from 1; 0 is none."""
        text = clean(text).strip()
        if not text:
            return
        if self._parts:
            same = group is not None and group == self._group
            self._append("\n" if same else "\n\n")
        if level > 0 and len(text) <= LONGEST_HEADING:
            text = " ".join(text.split())
            self.headings.append((self._length, level, text))
        self._append(text)
        self._group = group

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise Unreadable(f"it holds more than {LONGEST_TEXT:,} characters of text")

    @property
    def text(self) -> str:
        return "".join(self._parts)


def clean(text: str) -> str:
    """Without control characters and lone surrogates."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """Without control characters, and with single spaces only."""
    return " ".join(clean(text).split())


def contents(file: Path) -> bytes:
    """All bytes of a file. Raises Closed."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Closed(f"it cannot be opened ({error.strerror})") from None


def decode(data: bytes, charset: str = "") -> str:
    """Text by its byte order mark, else by the charset that it declares, else as UTF-8.

    Raises Unreadable where the bytes are something else: guessing (Latin-1 takes anything) would
    put wrong letters into answers unseen.
    """
    known = _known(data)
    if known:
        raise Unreadable(f"it is not text but {known}: give it the right ending")
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        encoding = "utf-32"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif charset and not data.startswith(codecs.BOM_UTF8):
        encoding = _codec(charset)
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        said = "UTF-8" if encoding == "utf-8-sig" else charset or encoding.upper()
        raise Unreadable(
            f"it is not {said} (byte {error.start}): save it as UTF-8"
            + (
                f", and say so in its <meta charset> instead of {charset}"
                if said == charset
                else ""
            )
        ) from None
    if "\0" in text:
        raise Unreadable("it is not text")
    return text


def _known(data: bytes) -> str:
    if data.startswith(b"%PDF-"):
        return "a PDF"
    if data.startswith(b"PK\x03\x04"):
        return "a zip archive (a .docx?)"
    return ""


def _codec(charset: str) -> str:
    """The codec of a charset that a page declares, as browsers take it."""
    name = charset.strip().lower()
    if name.startswith("utf-16") or name in ("unicode", "utf8", "unicode-1-1-utf-8"):
        return "utf-8-sig"  # what says so in ASCII letters cannot be UTF-16
    if name in ("iso-8859-1", "latin1", "latin-1", "ascii", "us-ascii", "iso8859-1"):
        return "cp1252"
    if name in ("gb2312", "gbk", "gb_2312-80"):
        return "gb18030"
    try:
        found = codecs.lookup(name).name
    except LookupError:
        found = ""
    if not _CHARSETS.match(found):
        raise Unreadable(f"its charset {charset[:40]!r} is not known: save it as UTF-8")
    return "utf-8-sig" if found == "utf-8" else found
