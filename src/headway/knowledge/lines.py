"""What is indexed above a passage: what a passage from the middle of a document does not say.

It is indexed, for full text and vectors alike, and never handed over: a passage that is found is
always document.text[start:end].
"""

from __future__ import annotations

import re

from headway.core.protocols import Line
from headway.core.sentences import sentences
from headway.knowledge.cut import EAST, token_spans
from headway.knowledge.outline import BETWEEN, Outline
from headway.knowledge.read import Document

LEAD = 40  # tokens of a lead sentence that are taken
_GIVEN = ("summary", "description", "abstract")
_LOOKED = 8000  # characters in which a first sentence is looked for
_FRONT = re.compile(r"\A---[ \t]*\r?\n.*?\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NOT_BODY = re.compile(r"[#|>!\[{<`~=*+-]|\d{1,3}[.)]\s")
_MARK = re.compile(r"[.!?…。！？｡][^\w\s]*\Z")


def above(document: Document, outline: Outline, start: int, end: int, line: Line) -> str:
    """The line for the passage document.text[start:end]; empty where there is nothing to say
    that does not stand at its beginning already."""
    if line == "none":
        return ""
    parts = [document.title]
    if line == "headings":
        parts += outline.path(start, end)
    if line == "summary":
        parts.append(summary(document, outline))
    fresh = [part for part in parts if part and not _stands(part, document.text, start, end)]
    return ("\n" if line == "summary" else BETWEEN).join(fresh)


def _stands(part: str, text: str, start: int, end: int) -> bool:
    """Whether the passage begins with it, but for a few marks."""
    return text.find(part, start, min(end, start + len(part) + 8)) >= 0


def summary(document: Document, outline: Outline) -> str:
    """One line on what a document is about: what its metadata say (`summary`, `description` or
    `abstract`), else its lead sentence, at most LEAD tokens of it; empty where it has none."""
    if outline.lead is None:
        given = (" ".join(str(document.metadata.get(field, "")).split()) for field in _GIVEN)
        outline.lead = next(filter(None, given), "") or _lead(document.text, outline)
    return outline.lead


def _lead(text: str, outline: Outline) -> str:
    """The first real sentence: no heading, table, list or front matter, with an end and four
    words, or twelve characters of a script without spaces."""
    front = _FRONT.match(text)
    begin = front.end() if front else 0
    looked = text[begin : begin + _LOOKED]
    spans = token_spans(looked)
    heads = [(a - begin, b - begin) for a, b in zip(outline.starts, outline.ends, strict=True)]
    for first, last in sentences(looked, spans, [offset for head in heads for offset in head]):
        a, b = spans[first][0], spans[last - 1][1]
        sentence = looked[a:b]
        if any(x <= a < y for x, y in heads) or _NOT_BODY.match(sentence):
            continue
        words = sum(any(map(str.isalpha, looked[x:y])) for x, y in spans[first:last])
        least = 12 if EAST.search(sentence) else 4
        if words >= least and _MARK.search(sentence):
            return " ".join(looked[a : spans[min(last, first + LEAD) - 1][1]].split())
    return ""
