"""Where a piece of evidence stands in a document, in raw character offsets.

A quotation seldom has the very characters of the document: typographic forms differ and lines
were broken elsewhere. So both are compared after NFKC and with white space folded, and a map
leads back to the raw text.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folded:
    """A text after NFKC and white-space folding. starts[i] and ends[i] are the raw offsets of
    what folded character i came from."""

    text: str
    starts: array[int]
    ends: array[int]


def _extends(char: str) -> bool:
    """Whether a character may be composed with the one before it."""
    return (
        unicodedata.combining(char) != 0
        or unicodedata.category(char).startswith("M")
        or "\u1161" <= char <= "\u11ff"  # vowels and finals of Korean syllables
        or char in "\uff9e\uff9f"  # voicing marks of half-width Japanese
    )


def fold(text: str) -> Folded:
    """NFKC, runs of white space as one space, none at the ends."""
    out: list[str] = []
    starts, ends = array("I"), array("I")
    at, size = 0, len(text)
    while at < size:
        stop = at + 1
        while stop < size and _extends(text[stop]):
            stop += 1
        raw = text[at:stop]
        for char in raw if raw.isascii() else unicodedata.normalize("NFKC", raw):
            if char.isspace():
                if not out or out[-1] == " ":
                    continue
                char = " "
            out.append(char)
            starts.append(at)
            ends.append(stop)
        at = stop
    if out and out[-1] == " ":
        out.pop()
        starts.pop()
        ends.pop()
    return Folded("".join(out), starts, ends)


def find(
    text: str, wanted: str, start: int | None, folded: Callable[[], Folded] | None = None
) -> tuple[int, int] | None:
    """(start, end) of `wanted` in `text`; of several the nearest to `start`, else the first.

    Offsets are raw; None where it does not stand there. `folded` gives a fold(text)
    that is kept.
    """
    if start is not None and wanted and text.startswith(wanted, start):
        return start, start + len(wanted)
    needle = fold(wanted).text
    if not needle:
        return None
    hay = folded() if folded else fold(text)
    best: tuple[int, int] | None = None
    at = hay.text.find(needle)
    while at >= 0:
        found = hay.starts[at], hay.ends[at + len(needle) - 1]
        if start is None:
            return found
        if best is not None and abs(found[0] - start) >= abs(best[0] - start):
            break  # further on they only get further away
        best = found
        at = hay.text.find(needle, at + 1)
    return best
