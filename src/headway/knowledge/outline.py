"""The headings of a document as sections: where each begins, and what each part stands under."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from headway.knowledge.read import Document

BETWEEN = " › "


class Outline:
    """Sections of one text. headings: (offset, level, heading) in order, as in Document.

    A heading with nothing of its own before the next, deeper one belongs to that one's section:
    alone it says nothing that could be found.
    """

    def __init__(
        self, text: str, headings: Sequence[tuple[int, int, str]], title: str = ""
    ) -> None:
        self._size = len(text)
        self.starts = [_line_start(text, offset) for offset, _, _ in headings]
        self.ends = [_line_end(text, offset) for offset, _, _ in headings]
        self._paths = _paths(headings, title)
        self._bare = [
            i + 1 < len(headings)
            and headings[i + 1][1] > headings[i][1]
            and not any(map(str.isalnum, text[self.ends[i] : self.starts[i + 1]]))
            for i in range(len(headings))
        ]
        self.lead: str | None = None  # kept here by lines.summary
        self._begins = [0] + [
            start for i, start in enumerate(self.starts) if i == 0 or not self._bare[i - 1]
        ]

    def sections(self) -> list[tuple[int, int]]:
        """(start, end) of every section, in order; together they are the whole text."""
        ends = [*self._begins[1:], self._size]
        return [(a, b) for a, b in zip(self._begins, ends, strict=True) if a < b]

    def section(self, at: int) -> tuple[int, int]:
        """(start, end) of the section that holds the offset `at`."""
        number = bisect_right(self._begins, at)
        end = self._begins[number] if number < len(self._begins) else self._size
        return self._begins[number - 1], end

    def path(self, start: int, end: int) -> tuple[str, ...]:
        """The headings that a passage beginning at `start` stands under, outermost first and
        without the document's title; empty before the first heading."""
        number = bisect_right(self.starts, start) - 1
        if number < 0:
            return ()
        while self._bare[number] and self.starts[number + 1] < end:
            number += 1
        return self._paths[number]


class Outlines:
    """Outlines of the documents that were asked for last."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._held: dict[str, Outline] = {}

    def of(self, document: Document) -> Outline:
        """The outline of a document. Safe in several threads: the worst is a second making."""
        found = self._held.get(document.name)
        if found is None:
            if len(self._held) >= self._most:
                self._held.clear()
            found = Outline(document.text, document.headings, document.title)
            self._held[document.name] = found
        return found


def _paths(headings: Sequence[tuple[int, int, str]], title: str) -> list[tuple[str, ...]]:
    """For each heading itself below those that it stands under."""
    paths: list[tuple[str, ...]] = []
    above: list[tuple[int, str]] = []
    for _, level, heading in headings:
        while above and above[-1][0] >= level:
            above.pop()
        above.append((level, " ".join(heading.split())))
        names = tuple(name for _, name in above if name)
        same = bool(names) and names[0].casefold() == " ".join(title.split()).casefold()
        paths.append(names[1:] if same else names)
    return paths


def _line_start(text: str, offset: int) -> int:
    """Where the heading's line begins, if only marks stand before it."""
    start = text.rfind("\n", 0, offset) + 1
    return start if not any(map(str.isalnum, text[start:offset])) else offset


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end
