"""Ask the model: compose the messages, call, and read the answer out of the reply.

Without placeholders a template is the system message, and passages and question follow in a user
message; shown examples stand between as earlier turns. A template with `{{question}}` is the whole
user message itself. Substitution is plain text: nothing that stands in a template is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, field_validator
from referencing.exceptions import Unresolvable

from headway.core.errors import InputError
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.sentences import sentence_spans
from headway.core.task import Example, Frozen, Output
from headway.steps.support import plain, stands_in

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
KNOWN = ("question", "passages", "examples", "labels", "schema")

THINK = (
    "First think step by step about what is asked and what the text says, in at most three short"
    " sentences. Then write the answer on a last line that starts with 'Answer:'."
)
QUOTE = (
    "First copy, word for word, the sentence of the passages that answers the question, on a line"
    " that starts with 'Quote:'; one such line for each sentence that is needed, 'Quote: none' if"
    " no sentence answers it. Then write the answer on a last line that starts with 'Answer:'."
)
_QUOTED = re.compile(r"^[ \t>*_#-]*quotes?\b[ *_]*\d*[ *_]*:", re.IGNORECASE | re.MULTILINE)
_MARKS = " \t\"'“”„‟«»‘’‚‛`*_>-•"
# What a model says when it will not answer; matched only at the start of a short reply.
REFUSAL = re.compile(
    r"^\s*(i'?m sorry,? (but )?i can(no|')t|i can(no|')t (help|assist)|as an ai (language )?model)",
    re.IGNORECASE,
)


class Generate(Frozen):
    """One call to the pipeline's model.

    reasoning `brief` asks for thinking before the answer, `quote` for the sentences of the
    passages that answer, word for word, so that `check` can look them up; both keep it out of the
    output.
    contract `json` asks for, and where the backend can enforces, a JSON object: the task's own
    schema or label set, or `{"answer": text}`.
    """

    name: ClassVar[str] = "generate"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    template: str = "Answer the question."
    reasoning: Literal["none", "brief", "quote"] = "none"
    contract: Literal["none", "json"] = "none"
    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    model: str | None = None

    @field_validator("template")
    @classmethod
    def _placeholders(cls, value: str) -> str:
        found = set(PLACEHOLDER.findall(value))
        unknown = found - set(KNOWN)
        if unknown:
            raise ValueError(
                f"unknown placeholder {{{{{sorted(unknown)[0]}}}}}; known: {', '.join(KNOWN)}"
            )
        if found and "question" not in found:
            raise ValueError("a template with placeholders must hold {{question}}")
        return value

    def request(self, state: State, output: Output) -> ChatRequest:
        """The exact request; `headway show` prints this one, so what is shown is what is sent."""
        think = self.reasoning != "none"
        schema = answer_schema(output) if self.contract == "json" else None
        notes = []
        if schema is not None:
            notes.append(
                ("The answer is" if think else "Reply with")
                + " one JSON object that follows this schema: "
                + orjson.dumps(schema).decode()
            )
        if think:
            notes.append(THINK if self.reasoning == "brief" else QUOTE)
        fields = {
            "question": state.query,
            "passages": layout(state.passages),
            "examples": "\n\n".join(
                f"{shown(s.example.question, s.passages)}\n"
                f"{self.wanted(s.example, output, s.passages)}"
                for s in state.shots
            ),
            "labels": ", ".join(output.labels),
            "schema": orjson.dumps(output.json_schema or {}).decode(),
        }
        messages: list[Message] = []
        if PLACEHOLDER.search(self.template):
            text = PLACEHOLDER.sub(lambda match: fields[match[1]], self.template)
            notes = [*state.notes, *notes]
            turns = () if "examples" in PLACEHOLDER.findall(self.template) else state.shots
        else:
            messages.append(Message("system", "\n\n".join([self.template, *state.notes, *notes])))
            notes = []
            text = shown(state.query, state.passages)
            turns = state.shots
        for shot in turns:
            messages.append(Message("user", shown(shot.example.question, shot.passages)))
            reply = self.wanted(shot.example, output, shot.passages)
            messages.append(Message("assistant", reply))
        messages.append(Message("user", "\n\n".join([text, *notes])))
        return ChatRequest(
            messages=tuple(messages),
            max_tokens=self.max_tokens + (120 if think else 0),
            temperature=self.temperature,
            json_schema=None if think else schema,
        )

    def wanted(self, example: Example, output: Output, passages: Sequence[Passage] = ()) -> str:
        """The reply that a shown example stands for, in the form that is asked of the model.
        Under `quote` with the sentences that hold its evidence, where they are shown with it."""
        reference = example.reference
        if isinstance(reference, list) and output.kind != "json":
            reference = reference[0] if reference else ""
        text = str(reference)
        if output.kind == "json":
            text = orjson.dumps(reference).decode()
            if self.reasoning != "quote":
                return text
        elif self.contract == "json":
            text = orjson.dumps({"label" if output.kind == "label" else "answer": text}).decode()
        if self.reasoning == "quote":
            unsure = output.abstain is not None and reference == output.abstain
            quoted = ["none"] if unsure and passages else evident(example, passages)
            return "\n".join([*(f"Quote: {quote}" for quote in quoted), f"Answer: {text}"])
        return f"Answer: {text}" if self.reasoning == "brief" else text

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

    def told(self, reply: ChatReply) -> dict[str, Any]:
        """The trace's entry: the reply as it came, its quotes, and what else is needed to read
        another reply to the same request."""
        told: dict[str, Any] = {"step": "generate", "finish": reply.finish, "text": reply.text}
        if self.reasoning == "quote":
            told["quotes"] = quotes(reply.text)
        settings = self.model_dump(include={"reasoning", "contract", "model"})
        return told | {k: v for k, v in settings.items() if v not in ("none", None)}

    def read(self, reply: ChatReply, output: Output) -> dict[str, Any]:
        """answer, output, status and why, from a reply: what a model writes is data."""
        text = reply.text.strip()
        if reply.finish == "refused" or (len(text) < 200 and REFUSAL.match(text)):
            return {"answer": text, "status": "refused", "why": "the model declined to answer"}
        if self.reasoning == "brief":
            _, mark, tail = text.rpartition("Answer:")
            if not mark and reply.finish == "length":
                return _broken(text, "cut off while thinking: no 'Answer:' line")
            text = tail.strip() if mark else text
        if self.reasoning == "quote":
            _, mark, tail = text.rpartition("Answer:")
            if not mark and (reply.finish == "length" or _QUOTED.search(text)):
                return _broken(text, "no 'Answer:' line after the quotes")
            text = _QUOTED.split(tail)[0].strip(" \n\t*") if mark else text
        if self.contract == "json" or output.kind == "json":
            value = first_json(text)
            if value is None:
                cut = " (cut off at max_tokens)" if reply.finish == "length" else ""
                return _broken(text, f"no JSON object in the reply{cut}")
            problem = schema_problem(value, answer_schema(output))
            if problem:
                return _broken(text, problem)
            if output.kind == "json":
                return {"answer": orjson.dumps(value).decode(), "output": value, "status": "done"}
            text = str(value["label" if output.kind == "label" else "answer"]).strip()
        if output.kind == "label":
            label = as_label(text, output.labels)
            if label is None:
                return _broken(text, "none of the labels stands in the reply, or several do")
            return {"answer": label, "output": label, "status": "done"}
        return {"answer": text, "output": text, "status": "done"}


def quotes(text: str) -> list[str]:
    """What stands behind each `Quote:` of a reply, a line each, without marks around it and the
    number of its passage; nothing for `none`."""
    head, _, tail = text.rpartition("Answer:")
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


def shown(question: str, passages: Sequence[Passage]) -> str:
    """A user turn: the passages, where there are any, then the question."""
    if not passages:
        return question
    return f"{layout(passages)}\n\nQuestion: {question}"


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


def first_json(text: str) -> Any | None:
    """The first JSON object in a text, fenced or not; None where there is none, or none that can
    be kept (nested too deeply, half a character, a number of more than 64 bits)."""
    try:
        return _kept(orjson.loads(text))
    except orjson.JSONDecodeError:
        pass
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            return _kept(decoder.raw_decode(text, at)[0])
        except (json.JSONDecodeError, RecursionError):
            at = text.find("{", at + 1)
    return None


def _kept(value: Any) -> Any | None:
    """The value as it comes back from the store; None where it cannot be written there."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return None


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Draft202012Validator:
    data = orjson.loads(schema)
    try:
        Draft202012Validator.check_schema(data)
    except SchemaError as error:
        raise _bad_schema(f"{error.json_path}: {error.message[:120]}") from None
    return Draft202012Validator(data)


def _bad_schema(problem: str) -> InputError:
    return InputError(
        f"the schema of the task's output cannot be used: {problem}",
        where="task.yaml, output.schema",
        valid="a JSON Schema (draft 2020-12)",
    )


def schema_problem(value: Any, schema: dict[str, Any]) -> str:
    """The first way in which a value breaks a schema; empty where it does not."""
    validator = _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    try:
        for error in validator.iter_errors(value):
            return f"breaks the schema at {error.json_path}: {error.message[:120]}"
    except Unresolvable as missing:
        raise _bad_schema(f"there is no {missing.ref!r}") from None
    return ""


def as_label(text: str, labels: Sequence[str]) -> str | None:
    """The label a text names: equal after folding case and marks, or the only one that stands in
    it as whole words. None where none does, or several that do not contain each other."""

    def fold(value: str) -> str:
        return " ".join(re.findall(r"\w+", value.lower().replace("_", " ")))

    said = fold(text)
    by_fold = {fold(label): label for label in labels}
    if said in by_fold:
        return by_fold[said]
    inside = [name for name in by_fold if re.search(rf"\b{re.escape(name)}\b", said)]
    longest = [n for n in inside if not any(n != other and n in other for other in inside)]
    return by_fold[longest[0]] if len(longest) == 1 else None
