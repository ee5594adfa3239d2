"""One reader a kind of file. A new one is a file beside this, and one line in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headway.knowledge.readers import docx, html, pdf
from headway.knowledge.readers.markdown import markdown, plain
from headway.knowledge.readers.parsed import Parsed, contents, decode

Reader = Callable[[Path], Parsed]


def _markdown(file: Path) -> Parsed:
    return markdown(decode(contents(file)))


def _plain(file: Path) -> Parsed:
    return plain(decode(contents(file)))


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
