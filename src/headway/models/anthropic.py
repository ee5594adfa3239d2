"""Claude by Anthropic's own Messages API, over the same wire as every other service.

What differs from OpenAI's form, after the API's documentation (platform.claude.com/docs, November
2026):

- Instructions stand apart, in `system`; turns alternate, so neighbours of one role are joined.
- `max_tokens` is required, and thinking counts in it: a model that thinks unasked gets
  THINKING_ROOM on top, so that as many tokens are left for the answer as were asked for.
- A schema is enforced by `output_config.format` (4.5 and newer) or by a tool that must be called
  (older). `format` takes a part of JSON Schema: what it does not know is left out, since the answer
  is checked against the whole schema anyway; a schema that it cannot hold is not enforced.
- Newer models (4.7 on) take no temperature, and none takes a seed.
- Tokens read from and written to the prompt cache are told apart from the others, and priced so.

What a model does is told from its name until `headway models check` has found it out. We speak
API version 2023-06-01: the next one, 2026-10-21, takes no temperature for any model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

from headway.core.record import ChatReply, ChatRequest, Message
from headway.models.prices import Price, Prices
from headway.models.remote import RemoteChat
from headway.models.service import Capabilities, Service
from headway.models.wire import Malformed, Wire, read_object

VERSION = "2023-06-01"
THINKING_ROOM = 4096
"""Tokens added to the limit of a model that thinks unasked."""
TOOL = "answer"
# Prices of cached tokens in those of a prompt token: read, written for 5 minutes, for an hour.
CACHE_READ, CACHE_WRITE, CACHE_WRITE_HOUR = 0.1, 1.25, 2.0
BEGUN = "(The conversation begins.)"
"""Said for the user where a conversation opens with the assistant."""
NOTHING = "(nothing)"
"""Sent for an empty message: the API takes no empty text."""

Finish = Literal["stop", "length", "refused"]
FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "refused",
}


def generation(model: str) -> tuple[int, int]:
    """Major and minor version in a model's name; (99, 0) where there is none: taken for new."""
    found = re.search(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)", model)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)


def assumed(model: str) -> Capabilities:
    """What a model does, by its name."""
    version = generation(model)
    return Capabilities(
        json_schema=True,
        json_by="format" if version >= (4, 5) else "tool",
        seed=False,
        temperature=version < (4, 7),
        logprobs=False,
        thinks=version >= (5, 0),
    )


def keyed(key: str) -> Mapping[str, str]:
    """The header that carries a key."""
    return {"x-api-key": key}


class AnthropicChat(RemoteChat):
    """ChatModel over `/v1/messages`. backoff_s: bound of the first wait between attempts, seconds;
    other arguments as of RemoteChat."""

    def __init__(
        self,
        service: Service,
        *,
        prices: Prices | None = None,
        capabilities: Capabilities | None = None,
        backoff_s: float = 0.5,
    ) -> None:
        wire = Wire(
            service, backoff_s=backoff_s, keyed=keyed, headers={"anthropic-version": VERSION}
        )
        whole = wire.shown.rstrip("/").endswith("/v1")
        super().__init__(
            service,
            wire=wire,
            path="/messages" if whole else "/v1/messages",
            prices=prices,
            capabilities=capabilities or assumed(service.model),
        )
        self._format: tuple[Mapping[str, Any], str | None, dict[str, Any]] | None = None

    @property
    def identity(self) -> str:
        """Address and model, and what of its requests hangs on what it was found to do."""
        can = self.capabilities
        sent = [n for n in ("temperature", "thinks") if getattr(can, n)]
        by = can.json_by if can.json_schema is not False else None
        return f"{self.wire.identity} {self.service.model} messages {','.join([*sent, by or '-'])}"

    def payload(self, request: ChatRequest, can: Capabilities | None = None) -> dict[str, Any]:
        """The JSON body of a request; can: what is taken to be known instead."""
        can = can or self.capabilities
        system, turns = apart(request.messages)
        body: dict[str, Any] = {
            "model": self.service.model,
            "max_tokens": request.max_tokens + (THINKING_ROOM if can.thinks else 0),
            "messages": turns,
        }
        if system:
            body["system"] = system
        if can.temperature is not False:
            body["temperature"] = min(1.0, request.temperature)  # the API's range is 0 to 1
        if stops := [text for text in request.stop if text.strip()]:
            body["stop_sequences"] = stops
        if request.json_schema is not None and can.json_schema is not False:
            body |= self._enforced(request.json_schema, can.json_by)
        return body

    def _enforced(self, schema: Mapping[str, Any], by: str | None) -> dict[str, Any]:
        # One schema serves a whole run, so the last one is kept.
        kept = self._format
        if kept is None or kept[0] is not schema or kept[1] != by:
            kept = self._format = (schema, by, enforced(schema, by))
        return kept[2]

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask once (with retries). Raises Outage, Rejected or TooLong."""
        read, seconds = await self.post(self.payload(request), read_message)
        told = read.usage.prompt, read.usage.completion
        prompt, completion = self._used(request, read.text, *told)
        usd = None if self._price is None else read.usage.cost(self._price, prompt, completion)
        return ChatReply(read.text, read.finish, prompt, completion, seconds, usd)


# --- what is sent -----------------------------------------------------------------------------


def apart(messages: Sequence[Message]) -> tuple[str, list[dict[str, str]]]:
    """The instructions, and turns that alternate and begin with the user's."""
    system = "\n\n".join(m.content for m in messages if m.role == "system" and m.content.strip())
    turns: list[dict[str, str]] = []
    for message in messages:
        if message.role == "system" or not message.content.strip():
            continue
        if turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] += f"\n\n{message.content}"
        else:
            turns.append({"role": message.role, "content": message.content})
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": BEGUN})
    return system, turns or [{"role": "user", "content": NOTHING}]


def enforced(schema: Mapping[str, Any], by: str | None) -> dict[str, Any]:
    """The fields that enforce a schema; none where that cannot be done."""
    if by == "tool":
        tool = {
            "name": TOOL,
            "description": "Give the answer.",
            "input_schema": {"type": "object", **schema},
        }
        return {"tools": [tool], "tool_choice": {"type": "tool", "name": TOOL}}
    held = holdable(schema)
    if held is None:
        return {}
    return {"output_config": {"format": {"type": "json_schema", "schema": held}}}


KEPT = frozenset({"type", "title", "description", "enum", "const", "required", "$ref"})
INNER = ("anyOf", "oneOf", "allOf")
FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)


def holdable(schema: Any) -> dict[str, Any] | None:
    """The part of a schema that `output_config.format` takes: every object closed, limits of
    numbers, lengths and counts left out. What it allows holds all that the schema allows, but for
    fields that the schema does not name. None where it cannot be said: an object with names of
    its own choice, a reference to elsewhere or to itself, a value without a type."""
    try:
        return _held(schema, schema, ())
    except _Unheld:
        return None


class _Unheld(Exception):
    """Not to be said in that form."""


def _held(schema: Any, whole: Any, within: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise _Unheld
    if "$ref" in schema:
        return _held(*_named(schema["$ref"], whole, within))
    made = {name: value for name, value in schema.items() if name in KEPT}
    for name in INNER:
        if name in schema:
            # Of oneOf the choice is kept, not that the others must fail.
            key = "anyOf" if name == "oneOf" else name
            made[key] = [_held(inner, whole, within) for inner in schema[name]]
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" in kinds or "properties" in schema:
        if not schema.get("properties") or isinstance(schema.get("additionalProperties"), Mapping):
            raise _Unheld
        properties = schema["properties"]
        made["properties"] = {n: _held(inner, whole, within) for n, inner in properties.items()}
        made["additionalProperties"] = False
    if "array" in kinds:
        made["items"] = _held(schema.get("items"), whole, within)
        if schema.get("minItems") in (0, 1):
            made["minItems"] = schema["minItems"]
    if schema.get("format") in FORMATS:
        made["format"] = schema["format"]
    if not {"type", "enum", "const", "anyOf", "allOf"} & set(made):
        raise _Unheld
    return made


def _named(ref: Any, whole: Any, within: tuple[str, ...]) -> tuple[Any, Any, tuple[str, ...]]:
    """What a local reference names, written out in its place."""
    if not isinstance(ref, str) or not ref.startswith("#/") or ref in within:
        raise _Unheld
    found = whole
    for part in ref[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or part not in found:
            raise _Unheld
        found = found[part]
    return found, whole, (*within, ref)


# --- what comes back --------------------------------------------------------------------------


class Used(NamedTuple):
    """Tokens of one call. prompt: all that was read, from the cache too; None where not told."""

    prompt: int | None
    completion: int | None
    cache_read: int = 0
    cache_written: int = 0
    cache_hour: int = 0
    """Of the written ones, those kept for an hour."""

    def cost(self, price: Price, prompt: int, completion: int) -> float:
        """USD, each kind of token at its own price."""
        plain = prompt - self.cache_read - self.cache_written
        short = self.cache_written - self.cache_hour
        weighed = (
            plain
            + CACHE_READ * self.cache_read
            + CACHE_WRITE * short
            + CACHE_WRITE_HOUR * self.cache_hour
        )
        return price.cost(round(weighed), completion)


class Reply(NamedTuple):
    """One message of the model, read."""

    text: str
    finish: Finish
    usage: Used
    model: str | None
    thought: bool


def read_message(data: bytes) -> Reply:
    """A reply of the Messages API. Raises Malformed."""
    reply = read_object(data)
    blocks = reply.get("content")
    if reply.get("type") != "message" or not isinstance(blocks, list):
        raise Malformed("not a message with content")
    blocks = [block for block in blocks if isinstance(block, dict)]
    texts = [str(b.get("text") or "") for b in blocks if b.get("type") == "text"]
    calls = [b for b in blocks if b.get("type") == "tool_use" and b.get("name") == TOOL]
    text = orjson.dumps(calls[0].get("input")).decode() if calls else "".join(texts)
    ended = reply.get("stop_reason")
    finish = FINISH.get(ended, "stop") if isinstance(ended, str) else "stop"
    details = reply.get("stop_details")
    if finish == "refused" and not text and isinstance(details, dict):
        text = str(details.get("explanation") or details.get("category") or "")
    thought = any(str(b.get("type")).endswith("thinking") for b in blocks)
    model = reply.get("model")
    return Reply(
        text, finish, _used(reply.get("usage")), model if isinstance(model, str) else None, thought
    )


def _used(usage: Any) -> Used:
    if not isinstance(usage, dict):
        return Used(None, None)

    def count(name: str, within: Any = usage) -> int:
        value = within.get(name) if isinstance(within, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    read, made = count("cache_read_input_tokens"), count("cache_creation_input_tokens")
    hour = min(made, count("ephemeral_1h_input_tokens", usage.get("cache_creation")))
    told = isinstance(usage.get("input_tokens"), int)
    written_out = usage.get("output_tokens")
    return Used(
        count("input_tokens") + read + made if told else None,
        written_out if isinstance(written_out, int) else None,
        read,
        made,
        hour,
    )
