"""Ask the model: compose the messages, call, and read the answer out of the reply.

Without placeholders a template is the system message, and passages and question follow in a user
message; shown examples stand between as earlier turns. A template with `{{question}}` is the whole
user message itself. Substitution is plain text: nothing that stands in a template is run.

Of a conversation the turns stand just before the last user message, in the order they were; the
input's own system messages stand in the system message, after the pipeline's instructions. An
example's files stand before the question. A template may place both: `{{history}}`, `{{files}}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field, field_validator

from headway.core.conversation import as_text, instructions, turns
from headway.core.inputs import laid_out
from headway.core.protocols import Lender, Shot, State
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.sentences import sentence_spans
from headway.core.task import Example, Frozen, Output
from headway.core.template import PLACEHOLDER, sound
from headway.steps.reading import (
    apart,
    as_label,
    conclusion,
    first_json,
    refuses,
    schema_problem,
    split_answer,
)
from headway.steps.support import plain, stands_in

ASKS = {
    "brief": (
        "First think step by step about what is asked and what the text says, in at most three"
        " short sentences. Then write the answer on a last line that starts with 'Answer:'."
    ),
    "steps": (
        "First work it out step by step, one step on a line, each with what it rests on or its"
        " calculation. Then write the answer alone on a last line that starts with 'Answer:'."
    ),
    "quote": (
        "First copy, word for word, the sentence of the passages that answers the question, on a"
        " line that starts with 'Quote:'; one such line for each sentence that is needed, 'Quote:"
        " none' if no sentence answers it. Then write the answer on a last line that starts with"
        " 'Answer:'."
    ),
}
# The same inside a JSON object, where the answer's own fields follow.
FIELD = "reasoning"
ASKS_IN_FIELD = {
    "brief": f"think in its field '{FIELD}', in at most three short sentences,",
    "steps": f"work it out step by step in its field '{FIELD}'",
}
# Tokens for what stands before the answer, if not set.
ROOM = {"none": 0, "brief": 120, "steps": 400, "quote": 120}
_QUOTED = re.compile(r"^[ \t>*_#-]*quotes?\b[ *_]*\d*[ *_]*:", re.IGNORECASE | re.MULTILINE)
CUT = "cut off at max_tokens"
_MARKS = " \t\"'“”„‟«»‘’‚‛`*_>-•"


class Generate(Frozen):
    """One call to the pipeline's model.

    reasoning `brief` asks for up to three sentences of thinking before the answer, `steps` for a
    working of several steps, `quote` for the sentences of the passages that answer, word for word,
    so that `check` can look them up; all keep it out of the output, and the trace has it. room:
    tokens for it beside max_tokens, if not 120, and 400 with `steps`.
    contract `json` asks for, and where the backend can enforces, a JSON object: the task's own
    schema or label set, or `{"answer": text}`. Thinking then is the object's first field, so that
    one call thinks, concludes and keeps the form. stated: whether the prompt states that form; a
    model that has learnt it needs no words for it, and the backend enforces it all the same.
    """

    name: ClassVar[str] = "generate"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    template: str = "Answer the question."
    reasoning: Literal["none", "brief", "steps", "quote"] = "none"
    room: int | None = Field(default=None, ge=1)
    contract: Literal["none", "json"] = "none"
    stated: bool = True
    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    model: str | None = None
    file_chars: int = Field(default=24_000, ge=0)
    """The most characters of an example's files that are shown, all together."""

    @field_validator("template")
    @classmethod
    def _sound(cls, value: str) -> str:
        return sound(value)

    def form(self, output: Output) -> dict[str, Any] | None:
        """The schema of the whole reply, which the backend may enforce; None where what is asked
        for is no JSON, or stands behind something else."""
        if self.contract != "json" or self.reasoning == "quote":
            return None
        schema = answer_schema(output)
        return schema if self.reasoning == "none" else led(schema, FIELD)

    def asks(self, output: Output) -> list[str]:
        """What the step itself adds to the instructions."""
        whole = self.form(output)
        if not self.stated and self.reasoning == "none":
            return []
        if whole is not None:
            how = ASKS_IN_FIELD.get(self.reasoning)
            first = f", and {how} before you fill the others" if how else ""
            return [f"Reply with one JSON object that follows this schema{first}: {_text(whole)}"]
        said = []
        if self.contract == "json":
            form = _text(answer_schema(output))
            said.append(f"The answer is one JSON object that follows this schema: {form}")
        return said if self.reasoning == "none" else [*said, ASKS[self.reasoning]]

    def request(self, state: State, output: Output) -> ChatRequest:
        """The exact request; `headway show` prints this one, so what is shown is what is sent."""
        notes = self.asks(output)
        files = laid_out(state.files, self.file_chars)
        question = state.query if state.asked is None else state.asked
        fields = {
            "question": question,
            "passages": layout(state.passages),
            "examples": "\n\n".join(
                f"{solved(shot)}\n{self.answered(shot, output)}" for shot in state.shots
            ),
            "labels": ", ".join(output.labels),
            "schema": _text(output.json_schema or {}),
            "worked": "\n\n".join(state.worked),
            "history": as_text(state.history),
            "files": files,
        }
        messages: list[Message] = []
        given, said = instructions(state.history), turns(state.history)
        if PLACEHOLDER.search(self.template):
            text = PLACEHOLDER.sub(lambda match: fields[match[1]], self.template)
            held = PLACEHOLDER.findall(self.template)
            text = f"{files}\n\n{text}" if files and "files" not in held else text
            notes = [*(() if "worked" in held else state.worked), *state.notes, *notes]
            shots = () if "examples" in held else state.shots
            said = () if "history" in held else said
            messages += [Message("system", "\n\n".join(given))] if given else []
        else:
            told = [self.template, *given, *state.notes, *notes]
            messages.append(Message("system", "\n\n".join(told)))
            notes = []
            text = shown(question, state.passages, state.worked, files)
            shots = state.shots
        for shot in shots:
            messages.append(Message("user", solved(shot)))
            messages.append(Message("assistant", self.answered(shot, output)))
        messages += said
        messages.append(Message("user", "\n\n".join([text, *notes])))
        return ChatRequest(
            messages=tuple(messages),
            max_tokens=self.max_tokens + (self.room or ROOM[self.reasoning]),
            temperature=self.temperature,
            json_schema=self.form(output),
        )

    def answered(self, shot: Shot, output: Output) -> str:
        """What a shown example's answer reads like: its reply, where it has one of its own."""
        if shot.reply is not None:
            return shot.reply
        return self.wanted(shot.example, output, shot.passages)

    def wanted(self, example: Example, output: Output, passages: Sequence[Passage] = ()) -> str:
        """The reply that a shown example stands for, in the form that is asked of the model.
        Under `quote` with the sentences that hold its evidence, where they are shown with it."""
        reference = example.reference
        if isinstance(reference, list) and output.kind != "json":
            reference = reference[0] if reference else ""
        text = str(reference)
        if output.kind == "json":
            text = _text(reference)
            if self.reasoning != "quote":
                return text
        elif self.contract == "json":
            text = _text({"label" if output.kind == "label" else "answer": text})
        if self.reasoning == "quote":
            unsure = output.abstain is not None and reference == output.abstain
            quoted = ["none"] if unsure and passages else evident(example, passages)
            return "\n".join([*(f"Quote: {quote}" for quote in quoted), f"Answer: {text}"])
        marked = self.reasoning != "none" and self.form(output) is None
        return f"Answer: {text}" if marked else text

    async def run(self, state: State, lend: Lender) -> State:
        """Fill messages, request, answer, output and status; an answer that a step before has
        given already (it abstained) stays."""
        if state.answer is not None:
            return state
        request = self.request(state, lend.task.spec.output)
        reply = await lend.chat(request, self.model)
        read = self.read(reply, lend.task.spec.output)
        return replace(
            state,
            messages=request.messages,
            request=request,
            trace=(*state.trace, self.told(reply)),
            **read,
        )

    def told(self, reply: ChatReply, step: str = "generate") -> dict[str, Any]:
        """The trace's entry of a reply that `step` reads as an answer: as it came, its quotes, and
        what else is needed to read another reply to the same request."""
        told: dict[str, Any] = {"step": step, "finish": reply.finish, "text": reply.text}
        if self.reasoning == "quote":
            told["quotes"] = quotes(reply.text)
        settings = self.model_dump(include=set(READS))
        return told | {k: v for k, v in settings.items() if v not in ("none", None)}

    def read(self, reply: ChatReply, output: Output) -> dict[str, Any]:
        """answer, output, status and why, from a reply: what a model writes is data. A text that
        was cut off is an answer all the same, and `why` says so."""
        thought, text = apart(reply.text.strip())
        cut = reply.finish == "length"
        if reply.finish == "refused" or refuses(text, output.abstain):
            return {"answer": text, "status": "refused", "why": "the model declined to answer"}
        if thought and not text:
            return _broken(
                thought, f"{CUT} while thinking" if cut else "nothing follows the thinking"
            )
        if self.contract == "json" or output.kind == "json":
            return self._object(text, output, cut)
        answer = self._concluded(text, cut)
        if answer is None:
            return _broken(text, self._unmarked(cut))
        if output.kind == "label":
            label = as_label(answer, output.labels)
            if label is not None:
                return {"answer": label, "output": label, "status": "done"}
            why = "none of the labels stands in the reply, or several do"
            return _broken(text, f"{CUT}: {why}" if cut else why)
        return {
            "answer": answer,
            "output": answer,
            "status": "done",
            **({"why": CUT} if cut else {}),
        }

    def _concluded(self, text: str, cut: bool) -> str | None:
        """The answer without what stands before it; None where there should be a mark between
        them, and is none."""
        if self.reasoning == "none":
            return text
        if self.reasoning == "quote":
            _, tail, marked = split_answer(text)
            if not marked:
                return None if cut or _QUOTED.search(text) else text
            return _QUOTED.split(tail)[0].strip(" \n\t*")
        found = conclusion(text)
        return text if found is None and not cut else found

    def _unmarked(self, cut: bool) -> str:
        if self.reasoning == "quote":
            return "no 'Answer:' line after the quotes" + (f" ({CUT})" if cut else "")
        return f"{CUT} while thinking: no 'Answer:' line"

    def _object(self, text: str, output: Output, cut: bool) -> dict[str, Any]:
        """A JSON object as the answer: the whole reply, or what stands behind `Answer:`."""
        schema, value = answer_schema(output), first_json(text)
        _, tail, marked = split_answer(text)
        starts = text.lstrip("` \njson").startswith("{")  # then a mark stands in one of its texts
        if marked and not starts and (behind := first_json(tail)) is not None:
            value = behind
        elif self.reasoning == "quote" and not marked and (cut or _QUOTED.search(text)):
            return _broken(text, self._unmarked(cut))
        if value is None:
            return _broken(text, f"no JSON object in the reply{f' ({CUT})' if cut else ''}")
        if isinstance(value, dict) and FIELD not in schema.get("properties", {}):
            value = {name: inner for name, inner in value.items() if name != FIELD}
        if problem := schema_problem(value, schema):
            return _broken(text, problem)
        if output.kind == "json":
            return {"answer": _text(value), "output": value, "status": "done"}
        said = str(value["label" if output.kind == "label" else "answer"]).strip()
        return {"answer": said, "output": said, "status": "done"}


READS = ("reasoning", "contract", "model")
"""Settings that say how another reply to the same request is asked for and read."""


def entry_of(state: State) -> Mapping[str, Any] | None:
    """The trace of the last reply that was read as an answer; None where there is none."""
    return next((e for e in reversed(state.trace) if "text" in e and "finish" in e), None)


def reader_of(entry: Mapping[str, Any]) -> Generate:
    """What reads another reply to the request behind such an entry."""
    return Generate.model_validate({k: entry[k] for k in READS if k in entry})


def quotes(text: str) -> list[str]:
    """What stands behind each `Quote:` of a reply, a line each, without marks around it and the
    number of its passage; nothing for `none`."""
    head, tail, _ = split_answer(text)
    found = []
    for part in (*_QUOTED.split(head)[1:], *_QUOTED.split(tail)[1:]):
        for line in part.splitlines():
            quote = re.sub(r"^\W*\[\d+\]|\[\d+\]\W*$", "", line.strip(_MARKS)).strip(_MARKS)
            if quote and not re.fullmatch(r"none\W*", quote, re.IGNORECASE):
                found.append(quote)
    return found


def evident(example: Example, passages: Sequence[Passage]) -> list[str]:
    """The sentences of the passages that hold the example's evidence, each once; where no single
    sentence does, the evidence itself, if a passage holds it."""
    found: dict[str, str] = {}
    for evidence in example.evidence:
        if not evidence.text:
            continue
        own = [p.text for p in passages if evidence.document in (None, p.document)]
        parts = [text[start:end] for text in own for start, end in sentence_spans(text)]
        whole = next((s for s in parts if stands_in(evidence.text, [s])), None)
        if whole is None and stands_in(evidence.text, own):
            whole = evidence.text
        if whole is not None:
            found.setdefault(plain(whole), " ".join(whole.split()))
    return list(found.values())


def _broken(text: str, why: str) -> dict[str, Any]:
    return {"answer": text, "status": "invalid", "why": why}


def solved(shot: Shot) -> str:
    """A shown example's user turn, with the conversation that it ends."""
    before = as_text(shot.example.history)
    said = [f"The conversation so far:\n{before}"] if before else []
    return shown(shot.example.question, shot.passages, said)


def shown(
    question: str, passages: Sequence[Passage], worked: Sequence[str] = (), files: str = ""
) -> str:
    """A user turn: files, passages and what was worked out before, where there are any, then the
    question."""
    before = [*([files] if files else ()), *([layout(passages)] if passages else ()), *worked]
    return "\n\n".join([*before, f"Question: {question}"]) if before else question


def layout(passages: Sequence[Passage]) -> str:
    """Passages as the model sees them: numbered, with their titles, clearly set apart."""
    blocks = []
    for number, passage in enumerate(passages, start=1):
        title = passage.title.strip()
        head = f"[{number}] {title}" if title and title not in passage.text[:200] else f"[{number}]"
        blocks.append(f"{head}\n{passage.text.strip()}")
    return "\n\n".join(blocks)


def answer_schema(output: Output) -> dict[str, Any]:
    """The schema of a reply under contract `json`."""
    if output.kind == "json" and output.json_schema is not None:
        return output.json_schema
    if output.kind == "label":
        field, kind = "label", {"type": "string", "enum": list(output.labels)}
    else:
        field, kind = "answer", {"type": "string"}
    return {
        "type": "object",
        "properties": {field: kind},
        "required": [field],
        "additionalProperties": False,
    }


def led(schema: Mapping[str, Any], field: str) -> dict[str, Any] | None:
    """A schema with a text before all of its fields, since what is written first is thought first;
    None where it is no plain object, or has a field of that name."""
    fields = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(fields, dict) or field in fields:
        return None
    if any(name in schema for name in ("maxProperties", "patternProperties", "propertyNames")):
        return None
    required = [field, *schema.get("required", ())]
    return {**schema, "properties": {field: {"type": "string"}, **fields}, "required": required}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
