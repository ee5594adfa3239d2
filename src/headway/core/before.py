"""What stands before a question, for whoever judges its answer: the conversation so far, and the
files that came with it.

The model that answered saw them (`generate`). A judge that sees the last turn alone cannot know
what "And on Sundays?" asks, and would hold what a tool said against passages that never said it.
What somebody wrote is data, and stands between marks that it cannot close.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headway.core.conversation import SPEAKERS, returned_in
from headway.core.inputs import File, laid_out
from headway.core.record import Message, Passage
from headway.core.task import Example

TURNS = 8_000  # characters of a conversation that a judge reads: about 2,000 tokens, the latest
FILES = 24_000  # characters of all files together: as `generate` shows them, if not told otherwise
CUT = "[earlier turns are left out]"
_MARK = re.compile(r"<(/?)(conversation)(?=[\s>/])", re.IGNORECASE)


def before(history: Sequence[Message], files: Sequence[File] = ()) -> str:
    """The conversation (of a long one the end), its own instructions too, and the files laid out;
    empty where there is neither."""
    text = "\n".join(f"{SPEAKERS[m.role]}: {m.content}" for m in history if m.content.strip())
    if len(text) > TURNS:
        text = f"{CUT}\n{text[-TURNS:]}"
    inside = _MARK.sub(r"< \1\2", text)
    said = [f"<conversation>\n{inside}\n</conversation>"] if text else []
    return "\n\n".join([*said, *([laid_out(files, FILES)] if files else [])])


def asked(question: str, history: Sequence[Message], files: Sequence[File] = ()) -> str:
    """A question with what stands before it; as it is where that is nothing."""
    first = before(history, files)
    return f"{first}\n\nQuestion: {question}" if first else question


def grounds(example: Example, files: Sequence[File] = ()) -> tuple[Passage, ...]:
    """What an answer may rest on beside what was found: what tools returned in the conversation,
    and the files, whole: what is cut off would be held against a right answer."""
    messages = example.inputs["messages"] if example.history else ()
    tools = [(f"tool: {called}", called, text) for called, text in returned_in(messages)]
    given = [(file.name, file.name, file.text) for file in files]
    return tuple(
        Passage(document, text, end=len(text), title=title)
        for document, title, text in (*tools, *given)
        if text.strip()
    )
