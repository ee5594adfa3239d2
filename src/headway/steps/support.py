"""What several steps do: whether quotes stand in passages, found passages put to those that are
there, calls made at once.

Quotes by string match, as OpenAI's prompting guide has it ("Citations can be verified by string
matching"). Statements are judged in `core/statements.py`.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Awaitable, Sequence

from headway.core.errors import ModelError, Rejected
from headway.core.record import ChatReply, Passage
from headway.core.statements import (
    RERANK,
    Shown,
    Statement,
    content,
    numbers,
    plain,
    statements,
)

__all__ = [
    "RERANK",
    "Shown",
    "Statement",
    "content",
    "numbers",
    "plain",
    "put",
    "stands_in",
    "statements",
    "together",
]

_GAP = re.compile(r"\[?\.{3,}\]?")
_EDGES = " '.,;:!?()[]-"


def stands_in(quote: str, texts: Sequence[str]) -> bool:
    """Whether one of the texts holds the quote, in whole words and numbers. What an ellipsis
    parts must stand there in its order; marks at the ends of a part do not count."""
    pieces = [piece for part in _GAP.split(plain(quote)) if (piece := part.strip(_EDGES))]
    return bool(pieces) and any(_in_order(pieces, plain(text)) for text in texts)


def _in_order(pieces: Sequence[str], text: str) -> bool:
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        while at >= 0 and (_cuts(text, at) or _cuts(text, at + len(piece))):
            at = text.find(piece, at + 1)
        if at < 0:
            return False
        at += len(piece)
    return True


def _cuts(text: str, at: int) -> bool:
    """Whether a cut before character `at` goes through a word or a number. Scripts without
    capitals (category Lo) may be written without spaces, and are cut anywhere."""
    before, after = text[:at][-1:], text[at : at + 1]
    if _joined(before) and _joined(after):
        return True
    if before.isdigit() and after and after in ".,'":
        return text[at + 1 : at + 2].isdigit()
    return after.isdigit() and bool(before) and before in ".,'" and text[: at - 1][-1:].isdigit()


def _joined(char: str) -> bool:
    return char.isalnum() and unicodedata.category(char) != "Lo"


# --- passages and calls ---------------------------------------------------------------------------


def put(
    passages: Sequence[Passage],
    ranked: Sequence[tuple[str, int, int]],
    found: Sequence[Passage],
    keep: int,
) -> tuple[tuple[Passage, ...], tuple[tuple[str, int, int], ...]]:
    """(passages, ranked) with what was found after those that were there: of the passages those
    that none of them covers, up to `keep` in all."""
    shown, spans = list(passages), dict.fromkeys(ranked)
    for passage in found:
        span = (passage.document, passage.start, passage.end)
        spans.setdefault(span)
        if len(shown) < keep and not any(p.covers(*span) for p in shown):
            shown.append(passage)
    return tuple(shown), tuple(spans)


async def together(calls: Sequence[Awaitable[ChatReply]]) -> list[ChatReply | ModelError]:
    """Replies of calls made at once, in order; for a call that failed its error. Whatever says
    that no call is of use (a wrong key, the budget's end) is raised when all have ended, since
    those on the way are paid for."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    kept: list[ChatReply | ModelError] = []
    for one in found:
        if isinstance(one, ChatReply) or (
            isinstance(one, ModelError) and not isinstance(one, Rejected)
        ):
            kept.append(one)
        else:
            raise one
    return kept
