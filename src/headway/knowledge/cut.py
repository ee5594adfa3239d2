"""Cutting a text into passages by tokens, with exact character offsets.

A token is a word or a single mark; in Chinese, Japanese and Korean one character. What runs on
without white space (Thai, encoded data) is a token for each LONGEST letters. The count is the same
for every model, so that a cut, and the evidence in it, does not change with the model.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from headway.core.errors import InputError
from headway.core.protocols import Search, Unit
from headway.core.sentences import sentences
from headway.knowledge.outline import Outline

CUT_VERSION = 2  # goes into an index's key: raise it when the same settings would cut differently

_EAST = (
    "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003347f"
)
EAST = re.compile(f"[{_EAST}]")
LONGEST = 64  # letters of a token: words have fewer, and one that goes on could fill any prompt
LETTERS = re.compile(f"[^\\W{_EAST}]+")
# Every character that is not white space is in exactly one token: nothing can be dropped.
TOKEN = re.compile(f"[{_EAST}]|[^\\W{_EAST}]{{1,{LONGEST}}}|[^\\w\\s]")

_ENDS = frozenset(".!?…。！？；;:：")


def token_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every token, in order."""
    return [match.span() for match in TOKEN.finditer(text)]


class Shape(NamedTuple):
    """All of a search that says how documents are cut."""

    tokens: int
    overlap: int
    unit: Unit

    @classmethod
    def of(cls, how: Search) -> Shape:
        """The cut of a search; whole documents are the same by any count. Raises InputError."""
        check(how.tokens, how.overlap)
        return (
            cls(1, 0, how.unit)
            if how.unit == "document"
            else cls(how.tokens, how.overlap, how.unit)
        )

    def cut(self, text: str, headings: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
        """(start, end) of each passage, as `cut` gives them."""
        return cut(text, self.tokens, self.overlap, self.unit, headings)


@lru_cache(maxsize=64)
def check(tokens: int, overlap: int) -> None:
    """Raises InputError for a cut that cannot be made."""
    if tokens < 1 or overlap < 0 or overlap >= tokens:
        raise InputError(
            f"passages of {tokens} tokens with an overlap of {overlap} cannot be cut",
            valid="tokens at least 1, overlap at least 0 and below tokens",
        )


def cut(
    text: str,
    tokens: int = 160,
    overlap: int = 32,
    unit: Unit = "tokens",
    headings: Sequence[tuple[int, int, str]] = (),
) -> list[tuple[int, int]]:
    """(start, end) of each passage in `text`, in order.

    Every character outside white space is in at least one passage, none holds more than `tokens`
    tokens (but `document`), and both starts and ends rise. Empty for a text of white space.

    - `tokens`: each passage but the first begins `overlap` tokens before the one before it ended;
      in its last quarter it ends at the end of a paragraph, else a line, else a sentence, where
      there is one.
    - `sentences`: whole sentences, as many as fit; each passage begins with those last sentences
      of the one before it that together have at most `overlap` tokens. A sentence of more than
      `tokens` is cut by tokens.
    - `headings`: one passage a section, longer ones cut by tokens. Small neighbours are not
      packed: a passage never speaks of two sections. Only headings with nothing under them but a
      deeper heading are kept with that one's section. Without headings, as `tokens`.
    - `document`: the whole text, to the character.
    """
    check(tokens, overlap)
    spans = token_spans(text)
    if unit == "document":
        return [(0, len(text))] if spans else []
    if unit == "sentences":
        return _by_sentences(text, spans, tokens, overlap, headings)
    if unit == "headings":
        starts = [start for start, _ in spans]
        found = []
        for a, b in Outline(text, headings).sections():
            inside = spans[bisect_left(starts, a) : bisect_left(starts, b)]
            found += _by_tokens(text, inside, tokens, overlap)
        return found
    return _by_tokens(text, spans, tokens, overlap)


def _by_tokens(
    text: str, spans: list[tuple[int, int]], tokens: int, overlap: int
) -> list[tuple[int, int]]:
    # The next passage must end later than this one, so a look back may not eat the whole advance.
    back = min(tokens // 4, tokens - overlap - 1)
    passages: list[tuple[int, int]] = []
    first = 0
    while first < len(spans):
        limit = first + tokens
        last = len(spans) if limit >= len(spans) else _best_end(text, spans, limit, back)
        passages.append((spans[first][0], spans[last - 1][1]))
        if last == len(spans):
            break
        first = last - overlap
    return passages


def _by_sentences(
    text: str,
    spans: list[tuple[int, int]],
    tokens: int,
    overlap: int,
    headings: Sequence[tuple[int, int, str]],
) -> list[tuple[int, int]]:
    outline = Outline(text, headings)
    found = sentences(text, spans, [*outline.starts, *outline.ends])
    passages: list[tuple[int, int]] = []
    at = 0  # the first sentence that is in no passage yet
    while at < len(found):
        first, last = found[at]
        if last - first > tokens:
            passages += _by_tokens(text, spans[first:last], tokens, overlap)
            at += 1
            continue
        begin = at
        while begin and found[at - 1][1] - found[begin - 1][0] <= overlap:
            if last - found[begin - 1][0] > tokens:
                break  # what is repeated must leave room for what is new
            begin -= 1
        end = at + 1
        while end < len(found) and found[end][1] - found[begin][0] <= tokens:
            end += 1
        passages.append((spans[found[begin][0]][0], spans[found[end - 1][1] - 1][1]))
        at = end
    return passages


def _best_end(text: str, spans: list[tuple[int, int]], limit: int, back: int) -> int:
    """The best place to end in the `back` tokens up to `limit`; the latest of the best kind."""
    best, strength = limit, 0
    for end in range(limit, limit - back - 1, -1):
        gap = text[spans[end - 1][1] : spans[end][0]]
        lines = gap.count("\n")
        found = 3 if lines > 1 else 2 if lines else 1 if _ends(text, spans[end - 1], gap) else 0
        if found > strength:
            best, strength = end, found
            if found == 3:
                break
    return best


def _ends(text: str, token: tuple[int, int], gap: str) -> bool:
    """Whether a sentence ends here. Western marks need a space after them: 3.5 is one number."""
    mark = text[token[1] - 1]
    return mark in _ENDS and (bool(gap) or mark > "\u2fff")


def piece(text: str, start: int, end: int, tokens: int) -> tuple[int, int]:
    """A piece of about `tokens` tokens with the span in its middle, ending between tokens.

    Longer than that only where the span itself is.
    """
    spans = token_spans(text)
    inside = [i for i, (a, b) in enumerate(spans) if a < end and b > start]
    if not inside:
        return start, end
    first, last = inside[0], inside[-1] + 1
    spare = max(0, tokens - (last - first))
    first = max(0, min(first - spare // 2, len(spans) - (last - first) - spare))
    last = max(last, min(len(spans), first + tokens))
    return min(start, spans[first][0]), max(end, spans[last - 1][1])
