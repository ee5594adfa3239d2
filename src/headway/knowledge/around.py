"""Search small, read large: what was found with some of what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from headway.core.protocols import Unit
from headway.knowledge.cut import LETTERS, LONGEST, TOKEN
from headway.knowledge.outline import Outline

_WIDTH = 16  # characters a token that are looked at first, going back


def widened(
    text: str, span: tuple[int, int], around: int, unit: Unit, outline: Outline
) -> tuple[int, int]:
    """The span with up to `around` tokens before and after it, ending between tokens.

    Never beyond the text; with unit `headings` not beyond the section that the span begins in.
    """
    if around <= 0 or unit == "document":
        return span
    low, high = outline.section(span[0]) if unit == "headings" else (0, len(text))
    start, end = span
    for number, token in enumerate(TOKEN.finditer(text, end, max(end, high))):
        if number == around:
            break
        end = token.end()
    return _back(text, min(low, start), start, around), end


def _back(text: str, low: int, start: int, around: int) -> int:
    """Where the token begins that is `around` tokens before `start`, or the first from `low`."""
    width = around * _WIDTH
    while True:
        at = _begun(text, low, max(low, start - width))
        found = [match.start() for match in TOKEN.finditer(text, at, start)]
        if at == low:
            return found[-around:][0] if found else start
        if len(found) > around:  # the first may be the rest of a token that begins before `at`
            return found[-around]
        width *= 4


def _begun(text: str, low: int, at: int) -> int:
    """Where the letters begin in which `at` stands: a long run's tokens are counted from there."""
    while at - LONGEST >= low and LETTERS.fullmatch(text, at - LONGEST, at):
        at -= LONGEST
    while at > low and LETTERS.match(text, at - 1, at):
        at -= 1
    return at


@dataclass(slots=True)
class Wide:
    """A passage to hand over. section: where its section begins, 0 wherever those do not count."""

    document: int
    start: int
    end: int
    score: float = 0.0
    section: int = 0


def together(text: str, one: Wide, other: Wide) -> bool:
    """Whether two passages of one document overlap or touch, with nothing but white space
    between, and stand in the same section."""
    first, second = (one, other) if one.start <= other.start else (other, one)
    return one.section == other.section and not text[first.end : second.start].strip()


def gathered(hits: Iterable[Wide], text_of: Callable[[int], str], k: int) -> list[Wide]:
    """At most k passages, best first.

    The hits are taken in their order, best first, each joined to those of its document that it
    overlaps or touches, until k stand apart or there are no more. What is joined has the rank
    and the score of its best.
    """
    found: list[Wide] = []
    for hit in hits:
        text = text_of(hit.document)
        near = [w for w in found if w.document == hit.document and together(text, w, hit)]
        if near:
            best = near[0]
            best.start = min(hit.start, *(w.start for w in near))
            best.end = max(hit.end, *(w.end for w in near))
            found = [w for w in found if w is best or not any(w is other for other in near)]
        else:
            found.append(hit)
        if len(found) == k:
            break
    return found


def chained(passages: Sequence[Wide], text: str) -> list[Wide]:
    """The largest passages that hits of one document, given in order, can be joined to."""
    found: list[Wide] = []
    for wide in passages:
        if found and together(text, found[-1], wide):
            start, end = min(found[-1].start, wide.start), max(found[-1].end, wide.end)
            found[-1] = replace(found[-1], start=start, end=end)
        else:
            found.append(wide)
    return found
