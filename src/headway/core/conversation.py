"""Conversations as people have them: messages in OpenAI's form, read into turns of text.

    [{"role": "system", "content": "The customer is Ana."},
     {"role": "user", "content": [{"type": "text", "text": "Is the ferry running?"}]},
     {"role": "assistant", "content": "Yes, from six."},
     {"role": "user", "content": "And on Sundays?"}]

The question is the last message of the user; the history is what stands before it. What stands
after it is the answer that was given then, so it is not shown; only what a tool returned to it
belongs to the history, with the call. Of content parts the text is read, and loading refuses
others. `developer` is `system` by another name; what a tool returned is a turn of the user's side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headway.core.record import Message, Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
    "function": "user",
}
TEXTS = ("text", "input_text", "output_text", "refusal")
"""Types of content parts that are text."""
VALID = (
    '{"messages": [{"role": "user", "content": "..."}, ...]}, roles '
    + ", ".join(ROLES)
    + "; content a text, or parts of type text"
)


def problem(messages: Any) -> str:
    """What is wrong with messages, and where; empty where nothing is."""
    if not isinstance(messages, list):
        return f"messages is {_kind(messages)}, not a list"
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            return f"{where} is {_kind(message)}, not a message with role and content"
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            return f"{where}: the role is {role!r}" if role else f"{where} has no role"
        if said := _content_problem(message):
            return f"{where}.content{said}"
    if not any(message["role"] == "user" for message in messages):
        return "messages hold no message of the user, so nothing is asked"
    return ""


def _content_problem(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return ""
    if content is None:
        # An assistant that only calls a tool says nothing.
        return "" if message["role"] == "assistant" else " is missing"
    if not isinstance(content, list):
        return f" is {_kind(content)}, not a text or a list of parts"
    for place, part in enumerate(content):
        if not isinstance(part, dict):
            return f"[{place}] is {_kind(part)}, not a part with a type"
        if part.get("type") not in TEXTS:
            return f"[{place}] is of type {part.get('type')!r}: only text is read"
        if not isinstance(_text_of(part), str):
            return f"[{place}] has no text"
    return ""


def _kind(value: Any) -> str:
    names = {"dict": "an object", "str": "a text", "NoneType": "null", "list": "a list"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


# --- reading: never fails, whatever it is given ---------------------------------------------------


def question_of(messages: Sequence[Any]) -> str:
    """The last message of the user; the last of all where there is none."""
    known = _known(messages)
    at = _asked(known)
    return _said(known[at]) if at is not None else ""


def history_of(messages: Sequence[Any]) -> tuple[Message, ...]:
    """The turns before the question, in their order, and what tools returned to it."""
    known = _known(messages)
    at = _asked(known)
    if at is None:
        return ()
    tools = [i for i, m in enumerate(known) if i > at and m.get("role") in ("tool", "function")]
    after = known[at + 1 : tools[-1] + 1] if tools else []
    calls = _by_id(known)
    return tuple(_turn(m, calls) for m in (*known[:at], *after) if m.get("role") in ROLES)


def returned_in(messages: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """What tools returned, in its order: (the call or the tool's name, the text)."""
    known = _known(messages)
    calls = _by_id(known)
    return tuple(
        (_returner(m, calls), _said(m)) for m in known if m.get("role") in ("tool", "function")
    )


def unread(messages: Sequence[Any]) -> int:
    """Messages after the question that are not shown."""
    known = _known(messages)
    at = _asked(known)
    if at is None:
        return 0
    tools = [i for i, m in enumerate(known) if i > at and m.get("role") in ("tool", "function")]
    return len(known) - 1 - (tools[-1] if tools else at)


def _known(messages: Sequence[Any]) -> list[dict[str, Any]]:
    return [m for m in messages if isinstance(m, dict) and isinstance(m.get("role", ""), str)]


def _asked(known: Sequence[Mapping[str, Any]]) -> int | None:
    users = [i for i, m in enumerate(known) if m.get("role") == "user"]
    return users[-1] if users else len(known) - 1 if known else None


def _turn(message: Mapping[str, Any], calls: Mapping[str, str]) -> Message:
    text = _said(message)
    if message["role"] in ("tool", "function"):
        text = f"[{_returner(message, calls)} returned]\n{text}"
    made = [f"[calls {_called(call)}]" for call in _calls(message)]
    return Message(ROLES[message["role"]], "\n".join([*([text] if text else []), *made]))


def _by_id(known: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        call["id"]: _called(call)
        for message in known
        for call in _calls(message)
        if isinstance(call.get("id"), str)
    }


def _returner(message: Mapping[str, Any], calls: Mapping[str, str]) -> str:
    return str(message.get("name") or calls.get(str(message.get("tool_call_id")), "the tool"))


def _calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    return [c for c in calls if isinstance(c, dict)] if isinstance(calls, list) else []


def _called(call: Mapping[str, Any]) -> str:
    inner = call.get("function")
    inner = inner if isinstance(inner, dict) else {}
    return f"{inner.get('name', 'a tool')}({inner.get('arguments', '')})"


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = [_text_of(part) for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return "" if content is None else str(content)


def _text_of(part: Mapping[str, Any]) -> Any:
    return part.get("refusal") if part.get("type") == "refusal" else part.get("text")


# --- showing --------------------------------------------------------------------------------------

SPEAKERS: Mapping[Role, str] = {"user": "User", "assistant": "Assistant", "system": "Instructions"}


def instructions(history: Sequence[Message]) -> tuple[str, ...]:
    """What the input's own system messages say, in their order. In a prompt they stand in the
    system message, after the pipeline's instructions."""
    return tuple(m.content for m in history if m.role == "system" and m.content.strip())


def turns(history: Sequence[Message]) -> tuple[Message, ...]:
    """What user and assistant said, in its order."""
    return tuple(m for m in history if m.role != "system" and m.content.strip())


def as_text(history: Sequence[Message]) -> str:
    """The turns of user and assistant as one text, each with who speaks."""
    return "\n".join(f"{SPEAKERS[m.role]}: {m.content}" for m in turns(history))


def with_turns(history: Sequence[Message], question: str) -> str:
    """A question with the turns before it as one text, for what compares questions: "And on
    Sundays?" says nothing of what it asks. The newest comes first, since models that embed cut a
    long text at its end."""
    return "\n".join([question, *(m.content for m in reversed(turns(history)))])


def exchanges(history: Sequence[Message]) -> list[tuple[Message, ...]]:
    """The turns cut into exchanges: a message of the user, and what follows until the next one. An
    opening of the assistant's is an exchange of its own."""
    found: list[list[Message]] = []
    for message in turns(history):
        if message.role == "user" and (not found or found[-1][-1].role == "assistant"):
            found.append([message])
        elif found:
            found[-1].append(message)
        else:
            found.append([message])
    return [tuple(exchange) for exchange in found]


def words_in(messages: Sequence[Message]) -> int:
    """How long turns are, in words."""
    return sum(len(m.content.split()) for m in messages)
