"""Production logs as questions: one JSON object a line, in the shapes that are common.

    {"messages": [...]}                       OpenAI's form; a last assistant turn is the answer
    {"request": {...}, "response": {...}}     a whole exchange; `body` inside is looked into
    {"input": [...] or "...", "output": ...}  the Responses API, and tracing tools
    {"inputs": {...}, "outputs": {...}}       tracing tools
    {"question": "...", "answer": "..."}      columns by the names that people use

A system turn belongs to the application, not to what was asked: it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import InputError
from headway.core.reading import numbered
from headway.intake.contents import Skipped
from headway.intake.privacy import FINDS, MISSED, Masker

SHAPES = (
    'one JSON object a line: {"messages": [{"role": "user", "content": "..."}]}, {"request": {...},'
    ' "response": {...}}, {"input": ..., "output": ...} or {"question": "...", "answer": "..."}'
)
_QUESTIONS = ("question", "query", "prompt", "user_input", "text", "message", "input")
_ANSWERS = ("answer", "response", "completion", "output", "reply", "result", "content", "text")
_SESSIONS = ("conversation_id", "session_id", "thread_id", "chat_id", "conversation", "session",
             "user_id", "user")  # fmt: skip
_WRAPS = ("request", "inputs", "input", "body", "data", "payload")
_BACK = ("response", "outputs", "output", "body", "data", "result")
_DEEP = 4  # wrappers in each other
_FLAGS = ("flagged", "flag", "reported", "is_bad", "thumbs_down")
# False is a verdict here, while a thumbs_up that is false may never have been asked for.
_GOOD = ("is_good", "helpful", "is_helpful", "accepted")
_FEEDBACK = ("feedback", "user_feedback", "rating", "user_rating", "thumbs", "vote", "reaction",
             "verdict", "thumbs_up", *_GOOD)  # fmt: skip
_BAD = frozenset({
    "bad", "down", "thumbs_down", "thumbsdown", "thumbs down", "negative", "dislike", "disliked",
    "wrong", "incorrect", "unhelpful", "no", "poor", "\N{THUMBS DOWN SIGN}", "-1",
})  # fmt: skip
_FINISHES = {"content_filter": "refused", "refusal": "refused", "refused": "refused",
             "safety": "refused", "length": "cut", "max_tokens": "cut"}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: what an example's inputs would be, and what was answered. fault: why the answer
    is not to be learnt from, as the log says: `flagged` by a person, `error`, `refused`, or `cut`
    at its most tokens; empty where it says none of these."""

    inputs: Mapping[str, Any]
    answer: Any = None
    session: str | None = None
    fault: str = ""


@dataclass
class Log:
    """The requests of a log, the lines that are none, and what a person must know of both."""

    requests: list[Request] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    masked: Mapping[str, int] | None = None
    """Personal data that was masked, by kind; None where nothing was looked for."""
    notices: tuple[str, ...] = ()


def read_masked(file: str | Path, unmasked: bool = False) -> Log:
    """As read_log(), personal data masked. unmasked: as it is.

    Raises InputError as read_log() does, and where the extra that masks is missing.
    """
    if unmasked:
        log = read_log(file, lambda value: value)
        log.notices = ("Nothing was masked: the questions stand in examples.jsonl as asked.",)
        return log
    read_log(file, lambda value: value)  # what is wrong with the file is said before the long load
    masker = Masker()
    log = read_log(file, masker.masked)
    log.masked = masker.counts
    said = ", ".join(f"{many} {kind}" for kind, many in masker.counts.most_common())
    log.notices = (f"Masked: {said or 'nothing'}. Looked for: {FINDS}.", MISSED)
    return log


def read_log(file: str | Path, mask: Callable[[Any], Any]) -> Log:
    """All requests of a log. mask: takes personal data out of plain data; applied before anything
    else looks at it.

    Raises InputError for a file that cannot be read, or that holds no request at all.
    """
    file, log = Path(file), Log()
    for number, data in _lines(file, log.skipped):
        inputs = _inputs(data)
        if inputs is None:
            log.skipped.add("no question", f"line {number}")
            continue
        answer = _answer(data, inputs)
        log.requests.append(
            Request(mask(_asked(inputs)), mask(answer), _session(data), _fault(data))
        )
    if not log.requests:
        skipped = log.skipped.lines()
        raise InputError(
            "no request is found in this log" + (f" ({'; '.join(skipped)})" if skipped else ""),
            where=str(file),
            valid=SHAPES,
        )
    return log


def _lines(file: Path, skipped: Skipped) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects with their lines. A log may be cut off while it is written: a line that is no JSON
    is passed over, and counted."""
    for number, raw in numbered(file):
        if not raw.strip():
            continue
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError:
            skipped.add("not JSON", f"line {number}")
            continue
        if isinstance(data, dict):
            yield number, data
        else:
            skipped.add("no object", f"line {number}")


def _inputs(data: Mapping[str, Any], deep: int = 0) -> dict[str, Any] | None:
    """`{"messages": [...]}` or `{"question": "..."}` of an object; None where it asks nothing."""
    turns = next((t for n in ("messages", "input", "prompt") if (t := _turns(data.get(n)))), None)
    if turns:
        return {"messages": turns}
    for name in _QUESTIONS:
        said = _text(data.get(name)) if not isinstance(data.get(name), dict) else ""
        if said:
            return {"question": said}
    for name in _WRAPS:
        inside = _object(data.get(name))
        if inside is not None and deep < _DEEP and (found := _inputs(inside, deep + 1)):
            return found
    return None


def _asked(inputs: dict[str, Any]) -> dict[str, Any]:
    """What was asked: the turns up to the last of the user; a single one as a question."""
    turns = inputs.get("messages")
    if turns is None:
        return inputs
    last = max(i for i, turn in enumerate(turns) if turn["role"] == "user")
    turns = turns[: last + 1]
    return {"question": turns[0]["content"]} if len(turns) == 1 else {"messages": turns}


def _answer(data: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    """What was answered; None where the log does not say."""
    turns = inputs.get("messages")
    if turns and turns[-1]["role"] == "assistant":
        return turns[-1]["content"]
    asked = inputs.get("question")
    return next((a for n in _BACK if (a := _said(data.get(n)))), None) or next(
        (a for n in _ANSWERS if (a := data.get(n)) and _text(a) and _text(a) != asked), None
    )


def _said(value: Any, deep: int = 0) -> Any:
    """The answer inside a response: OpenAI's choices, a list of messages, or a named text."""
    if isinstance(value, str):
        found = _object(value)
        return value if found is None else (_said(found, deep) or found)
    if isinstance(value, list):
        return next((t["content"] for t in reversed(_any_turns(value))
                     if t["role"] == "assistant"), None)  # fmt: skip
    if not isinstance(value, dict) or deep > _DEEP:
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return _text(
            message.get("content") if isinstance(message, dict) else choices[0].get("text")
        )
    if value.get("role") == "assistant":
        return _text(value.get("content"))
    if isinstance(value.get("messages"), list):
        return _said(value["messages"], deep + 1)
    for name in (*_ANSWERS, *_BACK):
        if (found := _said(value.get(name), deep + 1)) is not None:
            return found
    return None


def _turns(value: Any) -> list[dict[str, str]]:
    """The user's and the assistant's turns with a text; empty without one of the user."""
    turns = _any_turns(value)
    return turns if any(turn["role"] == "user" for turn in turns) else []


def _any_turns(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list):
        return []
    return [
        {"role": turn["role"], "content": text}
        for turn in value
        if isinstance(turn, dict)
        and turn.get("role") in ("user", "assistant")
        and (text := _text(turn.get("content")))
    ]


def _text(value: Any) -> str:
    """A text, or the texts of its parts, as one; empty for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        parts = [p.get("text") for p in value if isinstance(p, dict)]
        return "\n".join(p for p in parts if isinstance(p, str)).strip()
    return ""


def _object(value: Any) -> dict[str, Any] | None:
    """An object, also one that was logged as a text; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, dict) else None


def _fault(data: Mapping[str, Any], deep: int = 0) -> str:
    """See Request. A figure of stars says nothing without its scale: only one below 0 is bad."""
    if any(data.get(name) in (True, 1, "true") for name in _FLAGS):
        return "flagged"
    if any(data.get(name) is False for name in _GOOD) or any(
        _is_bad(data.get(name)) for name in _FEEDBACK
    ):
        return "flagged"
    status = data.get("status_code")
    if data.get("error") or (isinstance(status, int) and status >= 400):
        return "error"
    if isinstance(data.get("refusal"), str) and data["refusal"].strip():
        return "refused"
    for name in ("finish_reason", "stop_reason", "finish"):
        said = data.get(name)
        if isinstance(said, str) and said.casefold() in _FINISHES:
            return _FINISHES[said.casefold()]
    return next((found for inner in _inner(data) if deep < _DEEP
                 and (found := _fault(inner, deep + 1))), "")  # fmt: skip


def _inner(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Objects in which a log may say how an answer ended, or what people thought of it."""
    for name in (*_BACK, "message", "metadata", "choices"):
        value = data.get(name)
        if name == "choices" and isinstance(value, list):
            value = value[0] if value else None
        if (found := _object(value)) is not None:
            yield found


def _is_bad(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_bad(value.get(name)) for name in ("value", "score", "rating", "type"))
    if isinstance(value, (int, float)):
        return value < 0
    return isinstance(value, str) and value.strip().casefold() in _BAD


def _session(data: Mapping[str, Any]) -> str | None:
    for name in _SESSIONS:
        value = data.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return f"{name}:{value}"
    return None
