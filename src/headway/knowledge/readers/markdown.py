"""Markdown and plain text: kept as they are, with what stands at their top read as metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from headway.knowledge.readers.metadata import dated, flat, stated
from headway.knowledge.readers.parsed import LONGEST_HEADING, Parsed, one_line

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_MOST = 65_536  # characters; a longer one is a text between two rules
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # values stay as written: 1.10, no

# Every line that may begin, end or underline something; the rest is never looked at.
_MARK = re.compile(
    r"^[ ]{0,3}(?:(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)"
    r"|(?P<hash>\#{1,6})(?P<atx>[ \t][^\n]*|\r?$)"
    r"|(?P<under>=+|-+)[ \t\r]*$"
    r"|(?P<comment><!--))",
    re.MULTILINE,
)
# What a line begins with that cannot be a heading by the line below it.
_OTHER = re.compile(r"\s{4}|\t|\s*(?:[-*+>|#]|\d{1,9}[.)]\s|`{3}|~{3}|={3,}\s*$)")


def markdown(text: str) -> Parsed:
    """Title from front matter, else the first heading. Front matter stays in the text."""
    found = _FRONT.match(text)
    begin = found.end() if found else 0
    front = flat(_front(found[1])) if found else {}
    headings = tuple(headings_of(text, begin))
    title = front.pop("title", "") or (headings[0][2] if headings else "")
    below = begin
    if headings and not text[begin : headings[0][0]].strip():
        below = _after(text, headings[0])
    return Parsed(title, text, dated({**stated(text, below), **front}), headings)


def plain(text: str) -> Parsed:
    """A text without marks; its first line may be its title, so one line more is looked at."""
    first = text.lstrip().partition("\n")[0]
    begin = 0
    if not stated(first):
        begin = text.find(first) + len(first)
    return Parsed("", text, dated(stated(text, begin)))


def _front(text: str) -> dict[Any, Any]:
    if len(text) > _FRONT_MOST:
        return {}
    try:
        data = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}  # not ours to mend
    return data if isinstance(data, dict) else {}


def _after(text: str, heading: tuple[int, int, str]) -> int:
    """Where the text below a heading begins, an underline left behind."""
    end = text.find("\n", heading[0]) + 1 or len(text)
    under = _MARK.match(text, end)
    if under and under["under"] and not text[heading[0] :].lstrip().startswith("#"):
        end = text.find("\n", end) + 1 or len(text)
    return end


def headings_of(text: str, begin: int = 0) -> Iterator[tuple[int, int, str]]:
    """(offset of its line, level from 1, heading) of every heading, in order.

    By CommonMark: `#` and underlined ones, not in fenced code or comments. A heading of several
    underlined lines is none: who writes that means a rule.
    """
    fence = ""
    skip = 0
    for mark in _MARK.finditer(text, begin):
        if mark.start() < skip:
            continue
        if fence or mark["fence"]:
            fence = _fenced(fence, mark)
        elif mark["comment"]:
            end = text.find("-->", mark.end())
            skip = end + 3 if end >= 0 else len(text)
        elif mark["hash"]:
            heading = _closed(mark["atx"])
            if heading:
                yield mark.start(), len(mark["hash"]), heading
        else:
            above = _above(text, begin, mark.start())
            if above is not None:
                heading = one_line(text[above : mark.start()])
                if len(heading) <= LONGEST_HEADING:
                    yield above, 1 if mark["under"][0] == "=" else 2, heading


def _fenced(fence: str, mark: re.Match[str]) -> str:
    """The fence that is open after this line; empty where none is."""
    found, info = mark["fence"] or "", mark["info"] or ""
    if not fence:
        # Back-quotes with others behind them are code in a line.
        return "" if found[0] == "`" and "`" in info else found
    closes = found.startswith(fence[0]) and len(found) >= len(fence) and not info.strip()
    return "" if closes else fence


def _closed(heading: str) -> str:
    """A heading without its closing marks; those of `C#` are none."""
    heading = one_line(heading)
    bare = heading.rstrip("#")
    return bare.rstrip() if not bare or bare.endswith(" ") else heading


def _above(text: str, begin: int, at: int) -> int | None:
    """Where the one line above `at` begins, if it is a paragraph of its own."""
    if at <= begin:
        return None
    start = max(begin, text.rfind("\n", begin, at - 1) + 1)
    line = text[start:at]
    if not line.strip() or _OTHER.match(line):
        return None
    before = text[max(begin, text.rfind("\n", begin, max(begin, start - 1)) + 1) : start].strip()
    return start if not before or before.startswith("#") else None
