"""Mend the form of an answer: read what is nearly JSON, else show the problem and ask again.

Where a backend decodes under the schema there is little to mend. Reading: the package json-repair.
Asking again with the error: Chen et al., 2023, "Teaching Large Language Models to Self-Debug".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import orjson
from pydantic import Field

from headway.core.errors import TooLong
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Frozen, Output
from headway.steps.generate import Generate, answer_schema, entry_of, reader_of
from headway.steps.reading import apart, loose_json, split_answer

SHOWN = 2000  # characters of a broken reply that are shown back
MORE = 2  # times the tokens for a reply that was cut off


class Repair(Frozen):
    """Comes after `generate` (and `vote`), and works only where a reply breaks the contract.

    loose: read single quotes, commas too many, missing braces and the like; costs no call, and is
    not done where the reply was cut off, as a value may be cut too. tries: how often the model is
    asked again, shown its reply and what is wrong with it; labels and JSON then as an object that
    the backend enforces where it can. A reply that was cut off in its thinking or in its object is
    asked for anew instead, with twice the tokens.
    """

    name: ClassVar[str] = "repair"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()

    loose: bool = True
    tries: int = Field(default=1, ge=0, le=5)

    @property
    def chats(self) -> bool:
        """Whether it calls the pipeline's chat model."""
        return self.tries > 0

    async def run(self, state: State, lend: Lender) -> State:
        """The same state where nothing is broken, or nothing helps but the trace."""
        entry, request = entry_of(state), state.request
        if state.status != "invalid" or entry is None or request is None:
            return state
        reader, output = reader_of(entry), lend.task.spec.output
        reply = ChatReply(str(entry["text"]), entry["finish"])
        read = reader.read(reply, output)
        if read["status"] != "invalid":  # a check has blocked it: its form is right
            return state
        for number in range(self.tries + 1):
            mended = self._loosely(reply, reader, output)
            if mended is not None:
                return _kept(state, mended, reader.told(reply, "repair"), {"how": "read loosely"})
            if number == self.tries:
                break
            if not was_cut(reply, reader):
                reader = strictly(reader, output)
            request = again(request, reply, str(read["why"]), reader, output)
            try:
                reply = await lend.chat(request, entry.get("model"))
            except TooLong:
                break
            reader, read = read_by((reader, reader_of(entry)), reply, output)
            told = reader.told(reply, "repair")
            if read["status"] != "invalid":
                state = replace(state, messages=request.messages, request=request)
                return _kept(state, read, told, {"how": "asked again", "tries": number + 1})
            state = replace(state, trace=(*state.trace, {**told, "why": read["why"]}))
        return replace(state, **read)

    def _loosely(self, reply: ChatReply, reader: Generate, output: Output) -> dict[str, Any] | None:
        """What the reply says when it is read with patience; None where that is not allowed, or
        still breaks the contract."""
        wants = reader.contract == "json" or output.kind == "json"
        if not (self.loose and wants and reply.finish == "stop"):
            return None
        _, text = apart(reply.text.strip())
        value = loose_json(split_answer(text)[1]) or loose_json(text)
        if value is None:
            return None
        text = orjson.dumps(value).decode()
        marked = text if reader.reasoning == "none" else f"Answer: {text}"
        read = reader.read(replace(reply, text=marked), output)
        return read if read["status"] == "done" else None


def again(
    request: ChatRequest, reply: ChatReply, why: str, reader: Generate, output: Output
) -> ChatRequest:
    """The request after a broken reply: the same with more room where that was cut off, else with
    the reply and its problem as two turns more."""
    if was_cut(reply, reader):
        return replace(request, max_tokens=MORE * request.max_tokens)
    text = reply.text.strip()[:SHOWN] or "-"
    turns = (Message("assistant", text), Message("user", problem(why, reader, output)))
    return replace(request, messages=(*request.messages, *turns), json_schema=reader.form(output))


def was_cut(reply: ChatReply, reader: Generate) -> bool:
    """Whether a broken reply lacks room, and not form: one that goes on and on without having
    begun what was asked for would do so for longer."""
    return reply.finish == "length" and (reader.reasoning != "none" or "{" in reply.text)


def strictly(reader: Generate, output: Output) -> Generate:
    """The same under contract `json`, where the answer is a label or JSON and nothing else."""
    plain = output.kind in ("label", "json") and reader.reasoning == "none"
    return reader.model_copy(update={"contract": "json"}) if plain else reader


def read_by(
    readers: Sequence[Generate], reply: ChatReply, output: Output
) -> tuple[Generate, dict[str, Any]]:
    """(the first reader by which the reply keeps its form, what it reads); else the first of all:
    a model may answer as it was asked at first."""
    found = [(reader, reader.read(reply, output)) for reader in readers]
    return next((one for one in found if one[1]["status"] != "invalid"), found[0])


def problem(why: str, reader: Generate, output: Output) -> str:
    """What the model is told of its reply."""
    lines = [f"That cannot be read: {why}."]
    whole = reader.form(output)
    if reader.contract == "json" or output.kind == "json":
        form = orjson.dumps(whole or answer_schema(output)).decode()
        lines.append(f"The answer must be one JSON object that follows this schema: {form}")
    elif output.kind == "label":
        lines.append(f"The answer must be exactly one of: {', '.join(output.labels)}")
    if reader.reasoning != "none" and whole is None:
        lines.append("Write the answer on a last line that starts with 'Answer:'.")
    else:
        lines.append("Reply with the corrected answer and nothing else.")
    return "\n".join(lines)


def _kept(
    state: State, read: Mapping[str, Any], told: Mapping[str, Any], how: Mapping[str, Any]
) -> State:
    state = replace(state, trace=(*state.trace, {**told, **how}))
    return replace(state, **{"why": "", "output": None, **read})
