"""One reader a kind of file. A new one is a file beside this, and one line in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headway.knowledge.readers import docx, html, pdf
from headway.knowledge.readers.markdown import markdown, plain
from headway.knowledge.readers.parsed import Parsed, Unreadable, clean, contents, decode

Reader = Callable[[Path], Parsed]


def _markdown(file: Path) -> Parsed:
    return markdown(decode(contents(file)))


def _plain(file: Path) -> Parsed:
    return plain(decode(contents(file)))


def _as_it_is(file: Path) -> str:
    text = clean(decode(contents(file)))
    if not text.strip():
        raise Unreadable("it is empty")
    return text


# Kinds of text that an example may show, and that are no documents of a knowledge.
TEXTS: dict[str, Callable[[Path], str]] = dict.fromkeys(
    (".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".xml", ".log", ".eml", ".sql"), _as_it_is
)

# By ending: what the format is called, who reads it, and whether reading it costs so much that
# it is kept. A reader raises Unreadable, Closed or MissingPackage, nothing else.
READERS: dict[str, tuple[str, Reader, bool]] = {
    ".md": ("md", _markdown, False),
    ".markdown": ("md", _markdown, False),
    ".txt": ("txt", _plain, False),
    ".html": ("html", html.read, True),
    ".htm": ("html", html.read, True),
    ".pdf": ("pdf", pdf.read, True),
    ".docx": ("docx", docx.read, True),
}
