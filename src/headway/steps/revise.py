"""Was anything missed? The answer is shown back with what it was given for, and written again.

The fourth strategy of OpenAI's prompting guide: ask the model whether it missed anything on
previous passes. Madaan et al., 2023, "Self-Refine: Iterative Refinement with Self-Feedback".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from headway.core.errors import TooLong
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Frozen, Output
from headway.steps.generate import FIELD, Generate, answer_schema, entry_of, led, reader_of
from headway.steps.reading import conclusion

LOOK = (
    "Look at what was asked and shown once more, and at your answer. Was anything missed, or is"
    " anything in it wrong?"
)
SAY = (
    "First say in one or two sentences what is missing or wrong, or 'nothing'. Then write the whole"
    " answer again, mended or as it was, {form}on a last line that starts with 'Answer:'."
)
SAY_QUOTES = (
    "Write it again, whole, mended or as it was, in the same form: the sentences on lines that"
    " start with 'Quote:', the answer on a last line that starts with 'Answer:'."
)
SAY_IN_FIELD = (
    f"Reply with one JSON object as before; say first in its field '{FIELD}', in one or two"
    " sentences, what is missing or wrong, or 'nothing', then fill the others, mended or as they"
    " were."
)


class Revise(Frozen):
    """Comes after `generate` (and `vote`, `repair`): one more turn of the same conversation.

    room: tokens for what the model says of its answer, beside those of the answer. The first
    answer stays where the second breaks the contract, is refused, cut off or empty. Invalid and
    refused answers are left alone.
    """

    name: ClassVar[str] = "revise"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    look: str = LOOK
    room: int = Field(default=120, ge=1)

    async def run(self, state: State, lend: Lender) -> State:
        """The answer of the second pass, or the first with the reason in the trace."""
        entry, request = entry_of(state), state.request
        if state.status != "done" or entry is None or request is None:
            return state
        reader, output = reader_of(entry), lend.task.spec.output
        asked = self.request(request, entry, reader, output)
        try:
            reply = await lend.chat(asked, entry.get("model"))
        except TooLong as error:
            seen = {"step": "revise", "kept": "first", "why": error.what}
            return replace(state, trace=(*state.trace, seen))
        second = marking(reader, asked)
        read = second.read(reply, output)
        if why := against(reply, read, second):
            seen = {"step": "revise", "kept": "first", "why": why, "said": reply.text}
            return replace(state, trace=(*state.trace, seen))
        changed = read["answer"] != state.answer
        told = {**second.told(reply, "revise"), "kept": "second", "changed": changed}
        state = replace(state, messages=asked.messages, request=asked, trace=(*state.trace, told))
        return replace(state, **{"why": "", **read})

    def request(
        self, request: ChatRequest, entry: Mapping[str, Any], reader: Generate, output: Output
    ) -> ChatRequest:
        """The same conversation, with the answer and one question more."""
        schema = None
        if request.json_schema is not None:
            schema = led(answer_schema(output), FIELD)
        if schema is not None:
            say = SAY_IN_FIELD
        elif reader.reasoning == "quote":
            say = SAY_QUOTES
        else:
            wants = reader.contract == "json" or output.kind == "json"
            say = SAY.format(form="as one JSON object as before, " if wants else "")
        text = str(entry["text"]).strip() or "-"
        turns = (Message("assistant", text), Message("user", f"{self.look} {say}"))
        return replace(
            request,
            messages=(*request.messages, *turns),
            max_tokens=request.max_tokens + self.room,
            json_schema=schema,
        )


def marking(reader: Generate, asked: ChatRequest) -> Generate:
    """What reads the second reply: its answer stands behind `Answer:`, or in an object."""
    marks = reader.reasoning in ("none", "brief") and asked.json_schema is None
    return reader.model_copy(update={"reasoning": "brief"}) if marks else reader


def against(reply: ChatReply, read: Mapping[str, Any], reader: Generate) -> str:
    """Why the second answer cannot be kept; empty where it can."""
    if read["status"] != "done" or reply.finish == "length":
        return str(read.get("why") or "cut off at max_tokens")
    if not str(read["answer"]).strip():
        return "the second answer is empty"
    if isinstance(read["output"], str) and reader.contract == "none":
        return "" if conclusion(reply.text) is not None else "no 'Answer:' line"
    return ""
