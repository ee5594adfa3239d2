"""Reading documents: a folder of Markdown, text, HTML, PDF and DOCX files, or a `corpus.jsonl`.

The text of Markdown, text files and a corpus is kept exactly as it was decoded, since evidence
points into it by character offset; of the other formats we make one. What cannot be read is named
in `notices`, never left out in silence.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import InputError
from headway.knowledge.readers import READERS, TEXTS
from headway.knowledge.readers.kept import kept
from headway.knowledge.readers.metadata import dated, flat
from headway.knowledge.readers.parsed import MissingPackage, Parsed, Unreadable

READ_VERSION = 3  # goes into the fingerprint: raise it when the same file would read differently

CORPUS = "corpus.jsonl"
INSTALL = 'pip install "headway[documents]"'
SHOWN = 3  # files that one notice names
PASSED = ": passed over, "  # between a file's name and the reason


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
            fields = (f"{key}={value}" for key, value in sorted(document.metadata.items()))
            for part in (
                *(document.name, document.title, document.text, *fields),
                *(repr(list(document.headings)), repr(list(document.pages))),
            ):
                data = part.encode("utf-8", "surrogatepass")
                total.update(len(data).to_bytes(8, "big"))  # so that parts cannot run together
                total.update(data)
        return total.hexdigest()[:32]


def read(source: Path, cache: Path | None = None) -> Documents:
    """Documents of a folder, or of one file.

    cache: a folder in which parsed PDF, DOCX and HTML files are kept, so that each is parsed once.

    Every document has in its metadata `folder` (the first part of its path; empty at the top),
    `format` (md, txt, html, pdf, docx, jsonl) and, where one is known, `date` (yyyy-mm-dd).

    Raises InputError where nothing at all can be read, where a corpus has a broken line (with
    file and line), or where two documents have the same name.
    """
    if not source.exists():
        raise InputError(
            "there are no documents here",
            where=str(source),
            valid=f"a folder of {_endings()} files, or {CORPUS} of {{_id, title, text}}",
        )
    reading = _Reading(cache)
    for name, file in [(source.name, source)] if source.is_file() else reading.files(source):
        if file.suffix == ".jsonl" and (file.name == CORPUS or source.is_file()):
            documents = _corpus(file, name, reading)
        else:
            documents = reading.single(file, name)
        for document in documents:
            if document.name in reading.found:
                raise InputError(f"two documents are named {document.name!r}", where=str(file))
            reading.found[document.name] = document
    notices = reading.all_notices()
    if not reading.found:
        raise InputError(
            "no document here can be read" + (f": {'; '.join(notices[:5])}" if notices else ""),
            where=str(source),
            valid=f"{_endings()}, or {CORPUS} of {{_id, title, text}}",
            do=INSTALL if reading.missing else None,
        )
    return Documents(reading.found, notices)


def read_one(file: Path, name: str, cache: Path | None = None) -> Document:
    """One file that an example shows: what `read` reads, and other kinds of text as they are
    (tables, data). Raises InputError, for an empty one too."""
    ending = file.suffix.lower()
    reading = _Reading(cache)
    if ending not in READERS and ending not in TEXTS:
        raise InputError(
            f"the file {name!r} cannot be read: we know no reader for {ending or 'it'}",
            valid=", ".join(sorted((*READERS, *TEXTS))),
        )
    if ending in TEXTS:
        try:
            text = TEXTS[ending](file)
        except Unreadable as reason:
            raise InputError(f"the file {name!r} cannot be read: {reason}") from None
        return Document(name, name, text, {"format": ending[1:]})
    found = next(reading.single(file, name), None)
    if found is None:
        why = "; ".join(reading.all_notices()).removeprefix(f"{name}{PASSED}")
        raise InputError(
            f"the file {name!r} cannot be read: {why}", do=INSTALL if reading.missing else None
        )
    return found


def _endings() -> str:
    return ", ".join(sorted(READERS))


class _Reading:
    """One reading of a source: what was found, and what was passed over."""

    def __init__(self, cache: Path | None) -> None:
        self.found: dict[str, Document] = {}
        self.notices: list[str] = []
        self.missing: dict[str, list[str]] = defaultdict(list)
        """Files that only a package which is not installed reads, by ending."""
        self._cache = cache

    def all_notices(self) -> tuple[str, ...]:
        """A notice a file, and one for all files of an ending that need a package."""
        for ending, names in self.missing.items():
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            files = f"{len(names)} {ending} file{'s' * (len(names) > 1)}"
            self.notices.append(
                f"{files}{PASSED}reading them needs a package that is not installed: {INSTALL}"
                f" ({', '.join(names[:SHOWN])}{more})"
            )
        return tuple(self.notices)

    # --- one file ---------------------------------------------------------------------------

    def single(self, file: Path, name: str) -> Iterator[Document]:
        """The document of a file, unless it is passed over."""
        ending = file.suffix.lower()
        try:
            if ending not in READERS:
                kind = ending or "a file without an ending"
                raise Unreadable(f"{kind} is not read (we read {_endings()} and {CORPUS})")
            parsed = self._parse(file, ending)
            if not parsed.text.strip():
                raise Unreadable("it is empty")
        except Unreadable as reason:
            self.notices.append(f"{name}{PASSED}{reason}")
            return
        except MissingPackage:
            self.missing[ending].append(name)
            return
        self.notices += [f"{name}: {note}" for note in parsed.notes]
        yield Document(
            name,
            parsed.title or file.stem,
            parsed.text,
            {**parsed.metadata, "folder": _folder(name), "format": READERS[ending][0]},
            parsed.headings,
            parsed.pages,
        )

    def _parse(self, file: Path, ending: str) -> Parsed:
        format, reader, costly = READERS[ending]
        if self._cache is None or not costly:
            return reader(file)
        return kept(self._cache, file, f"{READ_VERSION} {format}", reader)

    # --- the folder -------------------------------------------------------------------------

    def files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """(name, file), in a stable order; hidden ones are nobody's documents.

        Links to folders are followed, after all others; each folder is read once, so a ring of
        links ends.
        """
        seen: set[tuple[int, int]] = set()
        found: list[tuple[str, Path]] = []
        later = [("", folder)]
        while later:
            prefix, place = later.pop(0)
            links: list[tuple[str, Path]] = []
            found += self._walk(prefix, place, seen, links)
            later += sorted(links)
        yield from sorted(found)

    def _walk(
        self,
        prefix: str,
        folder: Path,
        seen: set[tuple[int, int]],
        links: list[tuple[str, Path]],
    ) -> Iterator[tuple[str, Path]]:
        """Files below a folder; links to folders are put aside."""
        inner = [(prefix, folder)]
        while inner:
            prefix, folder = inner.pop()
            try:
                status = folder.stat()
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                self._pass(prefix, f"it cannot be opened ({error.strerror})")
                continue
            if (status.st_dev, status.st_ino) in seen and status.st_ino:
                self._pass(prefix, "it is a link to a folder that is read already")
                continue
            seen.add((status.st_dev, status.st_ino))
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                name = f"{prefix}/{entry.name}" if prefix else entry.name
                place = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    inner.append((name, place))
                elif _is_folder(place):
                    links.append((name, place))
                elif self._is_file(name, place):
                    yield name, place

    def _is_file(self, name: str, place: Path) -> bool:
        try:
            name.encode()
            mode = place.stat().st_mode
        except UnicodeEncodeError:
            self._pass(name, "its name is not UTF-8")
            return False
        except OSError as error:
            self._pass(name, f"it cannot be opened ({error.strerror})")
            return False
        if not stat.S_ISREG(mode):  # a pipe would be waited for
            self._pass(name, "it is not a file")
        return stat.S_ISREG(mode)

    def _pass(self, name: str, reason: str) -> None:
        shown = name.encode("utf-8", "replace").decode() or "the folder"
        self.notices.append(f"{shown}{PASSED}{reason}")


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:  # a ring of links
        return False


def _folder(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


def _corpus(file: Path, name: str, reading: _Reading) -> Iterator[Document]:
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
                what, valid = f"not valid JSON: {error}", "one whole JSON object a line"
                try:
                    line.decode()
                except UnicodeDecodeError as wrong:
                    what, valid = f"not UTF-8 (byte {wrong.start} of the line)", "UTF-8"
                raise InputError(what, where=where, valid=valid) from None
            identity = data.get("_id") if isinstance(data, dict) else None
            text = data.get("text") if isinstance(data, dict) else None
            named = isinstance(identity, (str, int)) and not isinstance(identity, bool)
            if not named or identity == "" or not isinstance(text, str):
                raise InputError(
                    "a document needs _id and text",
                    where=where,
                    valid='{"_id": "a1", "title": "...", "text": "..."}',
                )
            if not text.strip():
                reading.notices.append(f"{name}: document {identity}{PASSED}it is empty")
                continue
            if str(identity) in reading.found:
                raise InputError(f"two documents are named {str(identity)!r}", where=where)
            metadata = {"folder": _folder(name), "format": "jsonl", **_fields(data)}
            yield Document(str(identity), str(data.get("title") or ""), text, metadata)


def _fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Metadata of one line of a corpus: its further fields, and those of its `metadata`."""
    inner = data.get("metadata")
    own = {k: v for k, v in data.items() if k not in ("_id", "title", "text", "metadata")}
    return dated(flat({**(inner if isinstance(inner, dict) else {}), **own}))
