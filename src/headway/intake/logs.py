"""Production logs as questions: one JSON object a line, in the shapes that are common.

    {"messages": [...]}                       OpenAI's form; a last assistant turn is the answer
    {"request": {...}, "response": {...}}     a whole exchange; `body` inside is looked into
    {"input": [...] or "...", "output": ...}  the Responses API, and tracing tools
    {"inputs": {...}, "outputs": {...}}       tracing tools
    {"question": "...", "answer": "..."}      columns by the names that people use

A system turn belongs to the application, not to what was asked: it is left out. Calls of tools and
what these returned, in the form of OpenAI's two interfaces, stay turns of the conversation: the
answer rests on them. Where a log has them in another form, or only beside the answer, the question
is kept and the answer has the fault `tools`.

What people thought of an answer is read by `_opinions`, and on which scale by `_bad_below`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
_UP = ("thumbs_up", "liked", "upvoted", "good", "is_good", "helpful", "is_helpful", "useful",
       "is_useful", "accepted", "is_accepted", "approved", "is_approved", "correct", "is_correct",
       "satisfied")  # fmt: skip
_DOWN = ("thumbs_down", "disliked", "downvoted", "flagged", "flag", "reported", "bad", "is_bad")
_OPPOSITE = {"thumbs_up": "thumbs_down", "liked": "disliked", "upvoted": "downvoted"}
_RATINGS = ("feedback", "user_feedback", "feedback_score", "rating", "user_rating", "user_score",
            "stars", "thumbs", "vote", "reaction", "verdict")  # fmt: skip
_INSIDE = ("value", "score", "rating", "type")  # of a rating that is an object
_SPELT = {name.replace("_", ""): name for name in (*_UP, *_DOWN, *_RATINGS, *_INSIDE)}
# Not where an answer stands: what a model wrote may hold a field `rating`, too.
_ABOUT = ("metadata", "body", "data", "payload", "message")
_BAD = frozenset({
    "bad", "down", "thumbs_down", "thumbsdown", "thumbs down", "negative", "dislike", "disliked",
    "wrong", "incorrect", "unhelpful", "no", "false", "poor", "\N{THUMBS DOWN SIGN}",
})  # fmt: skip
# Parts and items of other interfaces that are no turns here.
_UNREAD = re.compile(
    r"(?:\w+_)?tool_(?:use|result)"
    r"|(?:tool|custom_tool|web_search|file_search|code_interpreter|computer|mcp|local_shell"
    r"|image_generation)_call(?:_output)?"
)
_NESTED = 12  # objects and lists in each other, down to a part of a message
_FINISHES = {"content_filter": "refused", "refusal": "refused", "refused": "refused",
             "safety": "refused", "length": "cut", "max_tokens": "cut"}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: what an example's inputs would be, and what was answered. fault: why the answer
    is not to be learnt from, as the log says: `flagged` by a person, `error`, `refused`, `cut` at
    its most tokens, or resting on `tools` that the inputs do not show; empty where it says none of
    these."""

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
        log.notices = ("Nothing was masked: personal data of the log stays as it is.", *log.notices)
        return log
    read_log(file, lambda value: value)  # what is wrong with the file is said before the long load
    masker = Masker()
    log = read_log(file, masker.masked)
    log.masked = masker.counts
    said = ", ".join(f"{many} {kind}" for kind, many in masker.counts.most_common())
    log.notices = (f"Masked: {said or 'nothing'}. Looked for: {FINDS}.", MISSED, *log.notices)
    return log


def read_log(file: str | Path, mask: Callable[[Any], Any]) -> Log:
    """All requests of a log. mask: takes personal data out of plain data; applied before anything
    else looks at it.

    Raises InputError for a file that cannot be read, or that holds no request at all.
    """
    file, log = Path(file), Log()
    thoughts: list[tuple[Opinion, ...]] = []
    for number, data in _lines(file, log.skipped):
        inputs = _inputs(data)
        if inputs is None:
            log.skipped.add("no question", f"line {number}")
            continue
        answer, asked = _answer(data, inputs), _asked(inputs)
        fault = _failed(data) or ("tools" if answer and _hides_tools(data, asked) else "")
        log.requests.append(Request(mask(asked), mask(answer), _session(data), fault))
        thoughts.append(tuple(_opinions(data)))
    if not log.requests:
        skipped = log.skipped.lines()
        raise InputError(
            "no request is found in this log" + (f" ({'; '.join(skipped)})" if skipped else ""),
            where=str(file),
            valid=SHAPES,
        )
    if many := sum(request.fault == "tools" for request in log.requests):
        log.notices += (
            "Answers that rest on what tools returned, which the log does not hold in a form that"
            f" is read: {many}. Their questions are taken, the answers are not.",
        )
    _flag(log, thoughts)
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
    """What was asked: the turns up to the last of the user, and what tools returned to it; a
    single one as a question."""
    turns = inputs.get("messages")
    if turns is None:
        return inputs
    last = max(i for i, turn in enumerate(turns) if turn["role"] != "assistant")
    turns = turns[: last + 1]
    return {"question": turns[0]["content"]} if len(turns) == 1 else {"messages": turns}


def _answer(data: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    """What was answered; None where the log does not say."""
    turns = inputs.get("messages")
    if turns and turns[-1]["role"] == "assistant" and "tool_calls" not in turns[-1]:
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
        turns = [turn for turn in _any_turns(value) if turn["role"] == "assistant"]
        return turns[-1]["content"] if turns and "tool_calls" not in turns[-1] else None
    if not isinstance(value, dict) or deep > _DEEP:
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        if isinstance(message, dict):
            return "" if _calls(message) else _text(message.get("content"))
        return _text(choices[0].get("text"))
    if value.get("role") == "assistant":
        return "" if _calls(value) else _text(value.get("content"))
    if isinstance(value.get("messages"), list):
        return _said(value["messages"], deep + 1)
    for name in (*_ANSWERS, *_BACK):
        if (found := _said(value.get(name), deep + 1)) is not None:
            return found
    return None


def _turns(value: Any) -> list[dict[str, Any]]:
    """The turns of a conversation; empty without one of the user."""
    turns = _any_turns(value)
    return turns if any(turn["role"] == "user" for turn in turns) else []


def _any_turns(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [turn for item in items if (turn := _turn(item)) is not None]


def _turn(item: Any) -> dict[str, Any] | None:
    """A turn of the user or the assistant with a text, a call of tools, or what one returned, as
    `core.conversation` reads it; None for anything else."""
    if not isinstance(item, dict):
        return None
    role, text = item.get("role"), _text(item.get("content"))
    if item.get("type") == "function_call_output":
        return _returned("tool", item.get("output"), {"tool_call_id": item.get("call_id")})
    if role in ("tool", "function"):
        return _returned(role, item.get("content"), item)
    calls = _calls(item)
    if calls and (role == "assistant" or item.get("type") == "function_call"):
        return {"role": "assistant", "content": text, "tool_calls": calls}
    return {"role": role, "content": text} if role in ("user", "assistant") and text else None


def _returned(role: str, content: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    plain = content is None or isinstance(content, str)
    text = _text(content) or ("" if plain else json.dumps(content, ensure_ascii=False))
    kept = {n: named[n] for n in ("name", "tool_call_id") if isinstance(named.get(n), str)}
    return {"role": role, **kept, "content": text}


def _calls(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls of tools that a message makes, or that an item is."""
    if item.get("type") == "function_call":
        return [_call(item.get("call_id"), item)]
    old = item.get("function_call")
    if isinstance(old, dict) and "arguments" in old:
        return [_call(None, old)]
    made = item.get("tool_calls")
    made = [call for call in made if isinstance(call, dict)] if isinstance(made, list) else []
    return [_call(call.get("id"), _object(call.get("function")) or call) for call in made]


def _call(id: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    said = {"name": named.get("name", ""), "arguments": named.get("arguments", "")}
    return {**({"id": id} if isinstance(id, str) else {}), "type": "function", "function": said}


def _hides_tools(data: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether tools were called, or returned something, of which what was asked has no turn."""
    return any(turn not in asked.get("messages", ()) for turn in _worked(data))


def _worked(value: Any, deep: int = 0) -> Iterator[Any]:
    """Calls of tools and what they returned, anywhere in plain data: as turns, or as they are where
    they are of no form that is read."""
    if deep > _NESTED:
        return
    if isinstance(value, list):
        for item in value:
            yield from _worked(item, deep + 1)
    elif isinstance(value, dict):
        turn, kind = _turn(value), value.get("type")
        if turn is not None and (turn["role"] in ("tool", "function") or "tool_calls" in turn):
            yield turn
        elif _calls(value) or (isinstance(kind, str) and _UNREAD.fullmatch(kind)):
            yield value
        for name, item in value.items():
            inner = _object(item) if name in (*_WRAPS, *_BACK) else None
            yield from _worked(item if inner is None else inner, deep + 1)


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


def _failed(data: Mapping[str, Any], deep: int = 0) -> str:
    """`error`, `refused` or `cut`; see Request."""
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
                 and (found := _failed(inner, deep + 1))), "")  # fmt: skip


def _inner(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Objects in which a log may say how an answer ended."""
    for name in (*_BACK, "message", "metadata", "choices"):
        value = data.get(name)
        if name == "choices" and isinstance(value, list):
            value = value[0] if value else None
        if (found := _object(value)) is not None:
            yield found


# --- what people thought of an answer -------------------------------------------------------------

Opinion = tuple[str, float | None]
"""The name of a field and its figure; None where it says in so many words that it is bad."""


def _opinions(data: Mapping[str, Any], deep: int = 0) -> Iterator[Opinion]:
    """What people thought of an answer, beside it and in objects about it.

    Bad in so many words: true under a name such as `flagged`; false under one such as `helpful`,
    but for a thumbs_up beside a thumbs_down that is false as well, where nobody said anything; a
    word such as "bad" under a name such as `feedback`. A number there is a figure, for _bad_below.
    """
    yield from _named(data, _RATINGS)
    for name in _ABOUT:
        inner = _object(data.get(name))
        if inner is not None and deep < _DEEP:
            yield from _opinions(inner, deep + 1)


def _named(data: Mapping[str, Any], ratings: Container[str], before: str = "") -> Iterator[Opinion]:
    said = {known: value for name, value in data.items() if (known := _known(name))}
    for name, value in said.items():
        if name in _DOWN:
            if value in (True, "true"):
                yield before + name, None
        elif name in _UP and isinstance(value, bool):
            if not value and said.get(_OPPOSITE.get(name, "")) not in (False, "false"):
                yield before + name, None
        elif name in _UP or name in ratings:
            yield from _thought(before + name, value)


def _known(name: str) -> str | None:
    """`thumbs_up` of thumbsUp, thumbs-up and Thumbs Up."""
    return _SPELT.get(re.sub(r"[\W_]", "", name).lower())


def _thought(name: str, value: Any) -> Iterator[Opinion]:
    if isinstance(value, list):
        for item in value:
            if not isinstance(item, list):
                yield from _thought(name, item)
    elif isinstance(value, dict):
        flat = {inner: said for inner, said in value.items() if not isinstance(said, (dict, list))}
        yield from _named(flat, _INSIDE, f"{name}.")
    elif (figure := _figure(value)) is not None:
        yield name, figure
    elif isinstance(value, str) and value.strip().casefold() in _BAD:
        yield name, None


def _figure(value: Any) -> float | None:
    try:
        figure = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return figure if math.isfinite(figure) else None


def _flag(log: Log, thoughts: Sequence[Sequence[Opinion]]) -> None:
    """Flag the answers that people thought bad, and say what was taken for that."""
    seen: dict[str, set[float]] = {}
    for name, figure in (opinion for own in thoughts for opinion in own):
        if figure is not None:
            seen.setdefault(name, set()).add(figure)
    below = {name: _bad_below(figures) for name, figures in seen.items()}
    bad: Counter[str] = Counter()
    for at, own in enumerate(thoughts):
        found = set()
        for name, figure in own:
            limit = below.get(name)
            if figure is None:
                found.add(name)
            elif limit is not None and figure < limit:
                found.add(f"{name} below {limit:g} ({_span(seen[name])})")
        if found:
            log.requests[at] = replace(log.requests[at], fault="flagged")
            bad.update(found)
    if bad:
        said = ", ".join(f"{name}: {many}" for name, many in bad.most_common())
        log.notices += (f"Read from the log as people's word that an answer is bad: {said}.",)
    if unknown := [n for n, limit in below.items() if limit is None]:
        said = ", ".join(f"{name} ({_span(seen[name])})" for name in unknown)
        log.notices += (
            "Of some ratings the scale cannot be told, so no answer counts as bad for them:"
            f" {said}.",
        )


def _bad_below(seen: set[float]) -> float | None:
    """Below which figure an answer is bad, by all figures that a log has under one name; None where
    that cannot be told.

    With figures below 0 these are the bad ones. Else below half of the scale: 1, 5 (so 1 and 2 of
    five stars), 10 or 100, the one that the highest figure lies in the upper half of. Up to 2, and
    of two figures on no such scale, the lower one is bad. A lone figure of 1 or more tells no scale
    (1 may be a thumb or a star), and neither do figures such as 7, 20 and 30.
    """
    low, high = min(seen), max(seen)
    if low < 0:
        return 0.0
    if low < 1 and high <= 1:
        return 0.5
    if len(seen) == 1:
        return None
    if high <= 2:
        return (low + high) / 2
    scale = next((top for top in (5, 10, 100) if top / 2 <= high <= top), None)
    if scale is not None:
        return scale / 2
    return (low + high) / 2 if len(seen) == 2 else None


def _span(seen: set[float]) -> str:
    low, high = min(seen), max(seen)
    return f"seen: {low:g} alone" if low == high else f"seen: {low:g} to {high:g}"


def _session(data: Mapping[str, Any]) -> str | None:
    for name in _SESSIONS:
        value = data.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return f"{name}:{value}"
    return None
