"""Reading documents: a folder of Markdown, text and HTML files, or a `corpus.jsonl`.

A document's text is kept exactly as it was decoded, since evidence points into it by character
offset. What cannot be read is named in `notices`, never left out in silence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import yaml

from headway.core.errors import InputError

READ_VERSION = 1  # goes into the fingerprint: raise it when the same file would read differently

CORPUS = "corpus.jsonl"
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its name is its path in the folder (with `/`), or its `_id` in a corpus."""

    name: str
    title: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    headings: tuple[tuple[int, int, str], ...] = ()
    """(offset in text, level from 1, heading), in order."""
    pages: tuple[int, ...] = ()
    """Offset at which each page begins; empty where there are no pages."""


@dataclass(frozen=True)
class Documents:
    """All that was read, by name in the order of names' reading, and what was passed over."""

    by_name: dict[str, Document]
    notices: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Hash of every document and of the way they are read; the order does not matter."""
        total = hashlib.sha256(f"read {READ_VERSION}".encode())
        for name in sorted(self.by_name):
            document = self.by_name[name]
            for part in (document.name, document.title, document.text):
                data = part.encode("utf-8", "surrogatepass")
                total.update(len(data).to_bytes(8, "big"))  # so that parts cannot run together
                total.update(data)
        return total.hexdigest()[:32]


class _Unreadable(Exception):
    """Why one file was passed over."""


def read(source: Path) -> Documents:
    """Documents of a folder, or of one file.

    Raises InputError where nothing at all can be read, where a corpus has a broken line (with
    file and line), or where two documents have the same name.
    """
    if not source.exists():
        raise InputError(
            "there are no documents here",
            where=str(source),
            valid=f"a folder of .md, .txt, .html files, or {CORPUS} of {{_id, title, text}}",
        )
    notices: list[str] = []
    found: dict[str, Document] = {}
    for file in [source] if source.is_file() else _files(source):
        name = file.name if source.is_file() else file.relative_to(source).as_posix()
        if file.suffix == ".jsonl" and (file.name == CORPUS or source.is_file()):
            documents = _corpus(file, name, notices)
        else:
            documents = _single(file, name, notices)
        for document in documents:
            if document.name in found:
                raise InputError(f"two documents are named {document.name!r}", where=str(file))
            found[document.name] = document
    if not found:
        raise InputError(
            "no document here can be read" + (f": {'; '.join(notices[:5])}" if notices else ""),
            where=str(source),
            valid=f"{', '.join(sorted(_READERS))}, or {CORPUS} of {{_id, title, text}}",
        )
    return Documents(found, tuple(notices))


def _files(folder: Path) -> Iterator[Path]:
    """Files in a stable order; hidden ones are nobody's documents."""
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _single(file: Path, name: str, notices: list[str]) -> Iterator[Document]:
    reader = _READERS.get(file.suffix.lower())
    try:
        if reader is None:
            kind = file.suffix.lower() or "a file without an ending"
            raise _Unreadable(f"{kind} is not read (we read {', '.join(sorted(_READERS))})")
        title, text = reader(_decode(file))
        if not text.strip():
            raise _Unreadable("it is empty")
    except _Unreadable as reason:
        notices.append(f"{name}: passed over, {reason}")
        return
    yield Document(name, title or file.stem, text)


def _decode(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _Unreadable(f"it cannot be opened ({error.strerror})") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
        if b"\0" in data:
            raise _Unreadable("it is not text")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # Guessing (Latin-1 takes anything) would put wrong letters into answers unseen.
        raise _Unreadable(f"it is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def _corpus(file: Path, name: str, notices: list[str]) -> Iterator[Document]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", where=str(file)) from None
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            where = f"{file}:{number}"
            try:
                data: Any = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError as error:
                raise InputError(
                    f"not valid JSON: {error}", where=where, valid="one whole JSON object a line"
                ) from None
            identity = data.get("_id") if isinstance(data, dict) else None
            text = data.get("text") if isinstance(data, dict) else None
            if not isinstance(identity, (str, int)) or not isinstance(text, str):
                raise InputError(
                    "a document needs _id and text",
                    where=where,
                    valid='{"_id": "a1", "title": "...", "text": "..."}',
                )
            if not text.strip():
                notices.append(f"{name}: document {identity} passed over, it is empty")
                continue
            yield Document(str(identity), str(data.get("title") or ""), text)


def _markdown(text: str) -> tuple[str, str]:
    """Title from front matter, else the first heading. Front matter stays in the text."""
    front = _FRONT.match(text)
    if front:
        try:
            data = yaml.safe_load(front[1])
        except yaml.YAMLError:
            data = None  # not ours to mend, and the first heading will do
        if isinstance(data, dict) and data.get("title"):
            return str(data["title"]).strip(), text
    heading = _HEADING.search(text, front.end() if front else 0)
    return (heading[1].strip() if heading else ""), text


def _plain(text: str) -> tuple[str, str]:
    return "", text


class _Html(HTMLParser):
    """Visible text; block elements end a line."""

    BLOCKS = frozenset(
        {
            *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt"),
            *("figcaption", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"),
            *("main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
        }
    )
    HIDDEN = frozenset({"script", "style", "noscript", "template", "head"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self.heading: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._inside.clear()  # </head> may be left out
        if tag in self.BLOCKS:
            self.parts.append("\n")
        if tag in self.HIDDEN or tag in ("title", "h1"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self.parts.append("\n")
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]

    def handle_data(self, data: str) -> None:
        if "title" in self._inside:
            self.title.append(data)
        elif not self.HIDDEN.intersection(self._inside):
            self.parts.append(data)
            if "h1" in self._inside:
                self.heading.append(data)


def _html(text: str) -> tuple[str, str]:
    parser = _Html()
    parser.feed(text)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    title = " ".join("".join(parser.title or parser.heading).split())
    return title, body


_READERS: dict[str, Callable[[str], tuple[str, str]]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
    ".html": _html,
    ".htm": _html,
}
