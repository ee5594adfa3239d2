"""What a model thought, apart from what it said: judges, drafts, steps and endpoints read replies,
and none of them may take a word of the thinking for the answer.
"""

from __future__ import annotations

import re

OPEN, CLOSE = "<think>", "</think>"
_BLOCK = re.compile(rf"\s*{OPEN}(.*?)(?:{CLOSE}|\Z)", re.DOTALL)
# Some chat templates open the block in the prompt, so that a reply has its end alone. Only at the
# start of a line, and in no reply that begins as JSON or a fence: there it stands in a text.
_END = re.compile(rf"(?!\s*[{{\[`])(.*?)^[ \t]*{CLOSE}", re.DOTALL | re.MULTILINE)


def apart(text: str) -> tuple[str, str]:
    """(what stands in a leading <think> block, the rest): so models that think of themselves mark
    it. A block that is not closed goes on to the end."""
    found = _BLOCK.match(text) or (_END.match(text) if CLOSE in text else None)
    return (found[1].strip(), text[found.end() :].strip()) if found else ("", text)


def thinks(text: str) -> bool:
    """Whether a reply holds thinking, or was cut where it had just begun; an empty block, as of a
    model whose thinking is switched off, is none."""
    return bool(apart(text)[0]) or text.strip() == OPEN
