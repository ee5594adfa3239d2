"""Whether quotes stand in passages: by string match, as OpenAI's prompting guide has it ("Citations
can be verified by string matching"). Statements are judged in `core/statements.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from headway.core.statements import Shown, Statement, content, numbers, plain, statements

__all__ = ["Shown", "Statement", "content", "numbers", "plain", "stands_in", "statements"]

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
