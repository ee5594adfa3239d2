"""Ragas' data format, read as a task and written from a run.

Its rows are {user_input, retrieved_contexts, response, reference, reference_contexts}, and before
version 0.2 {question, contexts, answer, ground_truth or ground_truths}. A task takes the questions,
the references and the contexts (as its documents; reference contexts are evidence). Responses are a
system's answers and no references: `headway judge` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from headway.core import conversation
from headway.core.errors import InputError
from headway.core.files import in_full
from headway.core.record import Message, Record
from headway.core.task import Example
from headway.intake.contents import Contents, Options
from headway.intake.table import READABLE, Row, checked, document_name, listed, rows, turns

# Ours -> Ragas' names, the new one first.
NAMES = {
    "question": ("user_input", "question"),
    "contexts": ("retrieved_contexts", "contexts"),
    "response": ("response", "answer"),
    "reference": ("reference", "ground_truth", "ground_truths"),
    "evidence": ("reference_contexts",),
}
_ROLES = {"human": "user", "ai": "assistant"}
_TYPES = {role: kind for kind, role in _ROLES.items()}


@dataclass(frozen=True)
class Sample:
    """One row. question: a text, or messages in OpenAI's form."""

    line: int
    question: str | list[dict[str, Any]]
    contexts: tuple[str, ...] = ()
    response: str | None = None
    references: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


def samples(file: Path) -> Iterator[Sample]:
    """The rows of a file in Ragas' format, old or new; rows without a question are left out.
    Raises InputError with the line."""
    for line, row in rows(file):
        question = question_in(_first(row, "question"), f"{file}:{line}")
        if question is None:
            continue
        response = _first(row, "response")
        yield Sample(
            line=line,
            question=question,
            contexts=_texts(_first(row, "contexts")),
            response=None if response is None else str(response),
            references=_texts(_first(row, "reference")),
            evidence=_texts(_first(row, "evidence")),
        )


def is_ragas(columns: Iterable[str]) -> bool:
    """Whether these are its columns: `user_input`, or the older four names, of which `question` and
    `answer` alone are anybody's."""
    found = set(columns)
    old = {"question", "contexts"} <= found and bool(
        {"answer", "ground_truth", "ground_truths"} & found
    )
    return "user_input" in found or old or {"question", "answer", "ground_truth"} <= found


class Ragas:
    """One example a row that has a reference."""

    @staticmethod
    def recognises(source: Path) -> bool:
        """By the names of the first row's fields."""
        if not source.is_file() or source.suffix.lower() not in READABLE:
            return False
        try:
            first = next(rows(source), None)
        except InputError:  # whoever reads it next says what is wrong
            return False
        return first is not None and is_ragas(first[1])

    @staticmethod
    def open(source: Path, options: Options) -> Contents:
        """See Importer. The rows are read twice, documents first."""
        if options.columns:
            raise InputError(
                "Ragas' columns have names of their own",
                valid="no column options, or --format table",
            )
        first = next(_checked(source), None)
        if first is None:
            raise InputError("there are no rows in this file", where=str(source))
        contents = Contents(description="", examples=(), kind=options.output or "text")
        if any(sample.contexts or sample.evidence for sample in samples(source)):
            contents.documents = _documents(source)
        contents.examples = _examples(source, contents)
        return contents


def _checked(source: Path) -> Iterator[Row]:
    for line, row in rows(source):
        if not is_ragas(row):
            raise InputError(
                f"these are not Ragas' columns (found: {', '.join(row)})",
                where=f"{source}:{line}",
                valid="user_input, retrieved_contexts, response, reference; or question, contexts,"
                " answer, ground_truth",
                do="--format table, for a table of your own",
            )
        yield line, row


def _documents(source: Path) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for sample in samples(source):
        for text in (*sample.evidence, *sample.contexts):
            name = document_name(text)
            if name not in seen:
                seen.add(name)
                yield {"_id": name, "title": "", "text": text}


def _examples(source: Path, contents: Contents) -> Iterator[dict[str, Any]]:
    for sample in samples(source):
        if not sample.references:
            contents.skipped.add("no reference", f"line {sample.line}")
            continue
        many = list(sample.references)
        example: dict[str, Any] = {
            "id": str(sample.line),
            "inputs": {
                "question" if isinstance(sample.question, str) else "messages": sample.question
            },
            "reference": many[0] if len(many) == 1 else many,
        }
        if sample.evidence:
            example["evidence"] = [{"document": document_name(text)} for text in sample.evidence]
        yield example


def _first(row: Mapping[str, Any], ours: str) -> Any:
    return next((row[name] for name in NAMES[ours] if row.get(name) not in (None, "")), None)


def question_in(value: Any, where: str) -> str | list[dict[str, Any]] | None:
    """What a cell asks: a text, or messages in OpenAI's form; None where it is empty. Ragas has
    {content, type: human | ai | tool}, and of a tool's call its name and args. Raises InputError
    for messages that are none."""
    found = turns(value)
    if not isinstance(found, list):
        return found.strip() or None if isinstance(found, str) else None
    return checked([_message(turn) for turn in found], where) if found else None


def _message(turn: Any) -> Any:
    if not isinstance(turn, dict) or "type" not in turn or turn.get("role"):
        return turn
    kind = turn["type"]
    role = _ROLES.get(kind, kind) if isinstance(kind, str) else kind
    made: dict[str, Any] = {"role": role, "content": turn.get("content")}
    calls = turn.get("tool_calls")
    if isinstance(calls, list) and calls:
        made["tool_calls"] = [_call(c) if isinstance(c, dict) else c for c in calls]
    return made


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    given = call.get("args")
    arguments = given if isinstance(given, str) else orjson.dumps(given or {}).decode()
    return {"type": "function", "function": {"name": call.get("name"), "arguments": arguments}}


def _texts(value: Any) -> tuple[str, ...]:
    """Texts of a list. In CSV a list is written as JSON or as Python writes it."""
    value = listed(value)
    found = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return tuple(str(text) for text in found if str(text).strip())


def write_ragas(file: Path, examples: Sequence[Example], records: Sequence[Record]) -> int:
    """One JSON line a record, by Ragas' present names; how many were written. What an outage left
    unanswered is left out. Of several references the first is written. Ragas takes a file of
    questions or one of conversations: where one is a conversation, all are written as such. Raises
    InputError."""
    by_id = {example.id: example for example in examples}
    answered = [(by_id[r.example], r) for r in records if r.status != "outage"]
    talk = any(conversation.turns(example.history) for example, _ in answered)
    try:
        with in_full(file) as draft, draft.open("wb") as stream:
            for example, record in answered:
                row = _row(example, record, talk)
                stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(file)) from None
    return len(answered)


def _row(example: Example, record: Record, talk: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "user_input": _turns(example) if talk else example.question,
        "retrieved_contexts": [passage.text for passage in record.passages],
        "response": _sent(record.answer or ""),
    }
    if example.references:
        row["reference"] = example.references[0]
    evidence = [e.text for e in example.evidence if e.text]
    return {**row, "reference_contexts": evidence} if evidence else row


def _turns(example: Example) -> list[dict[str, str]]:
    """What was said up to the question, which is the last. Ragas has no type for instructions."""
    said = (*conversation.turns(example.history), Message("user", example.question))
    return [{"content": turn.content, "type": _TYPES[turn.role]} for turn in said]


def _sent(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # half a character cannot be written
