"""Pieces of a text that could be an answer: dates, numbers, names, and phrases between small words.

By rules: which of them answers a question is the reader's work, and a rule that offers too many
costs little. Scripts without capitals and without spaces give dates, numbers and phrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headway.core.sentences import sentence_spans

Kind = Literal["date", "number", "name", "phrase"]
LONGEST = 8  # words of a piece
MOST = 120  # pieces of one text; the first, as a passage holds fewer

_MONTHS = re.findall(
    r"\w+",
    """
    January February March April May June July August September October November December
    Januar Februar März Mai Juni Juli Oktober Dezember
    """,
)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = re.compile(
    rf"(?:\b\d{{1,2}}\.?\s+)?\b(?:{_MONTH})\b(?:\s+\d{{1,2}}(?!\d))?(?:,?\s+\d{{4}}\b)?"
    r"|\b\d{4}-\d{2}(?:-\d{2})?\b|\b(?:1[0-9]|20)\d{2}(?:\s?[–-]\s?\d{2,4}|s)?\b"
    r"|\d{1,4}年(?:\d{1,2}月)?(?:\d{1,2}日)?"
)
_AMOUNT = re.compile(
    r"[$€£¥]?\d+(?:[.,']\d+)*"
    r"\s?(?:%|percent|per cent|Prozent|million|billion|Mio|hundred|thousand)?"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty)\b",
    re.IGNORECASE,
)
_CAPITAL = r"[^\W\d_a-zß-ÿ][\w'’.&-]*\w|[^\W\d_a-zß-ÿ]"
_NAME = re.compile(
    rf"(?:{_CAPITAL})(?:\s+(?:(?:of|the|de|von|van|and|for|der|la)\s+)?(?:{_CAPITAL}))*"
)
_EAST = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
# Words at which a phrase ends, and with which none begins.
_SMALL = frozenset(
    re.findall(
        r"\w+",
        """
        a an and are as at be been but by for from had has have he her his if in into is it its of
        on or she so than that the their them then there these they this those to us was we were
        when where which while who will with would not no also only such can could may might must
        should did do does
        der die das den dem des ein eine einer eines einem einen und oder aber im am auf aus bei
        mit nach von vom zu zum zur ist sind war waren wird wurde wurden hat haben als auch nicht
        sich
        """,
    )
)
_WORD = re.compile(r"[\w'’-]+(?:[.,]\d+)*%?|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text with its offsets."""

    text: str
    start: int
    end: int
    kind: Kind

    def touches(self, start: int, end: int) -> bool:
        """Whether it shares characters with a span."""
        return self.start < end and start < self.end


def kind_of(text: str) -> Kind:
    """What kind of answer a text is."""
    if (found := _DATE.search(text)) is not None and len(found[0]) >= 0.5 * len(text.strip()):
        return "date"
    if any(c.isdigit() for c in text) or _AMOUNT.fullmatch(text.strip()):
        return "number"
    words = [w for w in text.split() if w.casefold() not in _SMALL]
    capital = sum(w[:1].isupper() for w in words)
    return "name" if words and capital * 2 > len(words) else "phrase"


def pieces(text: str) -> list[Piece]:
    """The pieces of a text, in order, each once; pieces may overlap."""
    found: dict[tuple[int, int], Piece] = {}
    for pattern, kind in ((_DATE, "date"), (_AMOUNT, "number"), (_NAME, "name"), (_EAST, "phrase")):
        for match in pattern.finditer(text):
            _add(found, text, match.start(), match.end(), kind)  # type: ignore[arg-type]
    for start, end in _phrases(text):
        _add(found, text, start, end, kind_of(text[start:end]))
    ordered = sorted(found.values(), key=lambda p: (p.start, p.end))
    return ordered[:MOST]


def _add(found: dict[tuple[int, int], Piece], text: str, start: int, end: int, kind: Kind) -> None:
    own = text[start:end].strip()
    start = start + text[start:end].find(own) if own else start
    if own and len(own.split()) <= LONGEST:
        found.setdefault((start, start + len(own)), Piece(own, start, start + len(own), kind))


def _phrases(text: str) -> Iterator[tuple[int, int]]:
    """Runs of words between small words and marks, and two such runs around one small word."""
    for first, last in sentence_spans(text):
        runs: list[tuple[int, int]] = []
        gaps: list[bool] = []  # whether one small word parts a run from the one before it
        small, start, end = 9, -1, -1
        for match in _WORD.finditer(text, first, last):
            word = match[0]
            if word.casefold() in _SMALL or not (word[0].isalnum() or word[0] == "_"):
                if start >= 0:
                    runs.append((start, end))
                    start = -1
                    small = 0
                small += 1 if word[0].isalnum() else 9
                continue
            if start < 0:
                start = match.start()
                gaps.append(small == 1)
            end = match.end()
        if start >= 0:
            runs.append((start, end))
        yield from runs
        for (a, _), (_, b), near in zip(runs, runs[1:], gaps[1:], strict=False):
            if near:
                yield a, b
