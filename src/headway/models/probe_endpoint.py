"""What an endpoint really does, found with as few calls as possible (`headway models check`).

Services that call themselves compatible differ in which parameters they take, and some take one
and do nothing with it. So everything is asked for in one call; only if that is rejected is the
offending parameter sought, first by what the error names. A second, equal call tells whether the
seed has an effect. Two calls for a service that takes all, and one more for each refusal, and
for a model whose thinking needs more room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from headway.core.errors import ModelError, TooLong
from headway.core.thinking import apart
from headway.models.anthropic import THINKING_ROOM
from headway.models.endpoint import SPENT_THINKING, EndpointChat, response_format, thought_in
from headway.models.service import Capabilities, TokenField
from headway.models.wire import EndpointOutage, EndpointRejected, Malformed, read_object

__all__ = ["Capabilities", "check_endpoint"]

# The prompt says nothing of JSON: only a schema that has an effect makes the reply JSON. Twelve
# random digits at temperature 0.8 do not come twice unless the seed has an effect.
PROMPT = "Write twelve random digits and the name of a colour."
SCHEMA = {
    "type": "object",
    "properties": {"digits": {"type": "string"}, "colour": {"enum": ["red", "green", "blue"]}},
    "required": ["digits", "colour"],
    "additionalProperties": False,
}
PARAMETERS: dict[str, dict[str, Any]] = {
    # Not 1, since some models take only that one; not 0, so that the seed can show.
    "temperature": {"temperature": 0.8},
    "seed": {"seed": 7},
    "logprobs": {"logprobs": True},
    "json_schema": {"response_format": response_format(SCHEMA)},
}
WORDS = {
    # What services call each parameter in their errors.
    "temperature": ("temperature",),
    "seed": ("seed",),
    "logprobs": ("logprobs", "logprob"),
    "json_schema": ("response_format", "json_schema", "guided", "structured"),
}
TOKENS = 512


async def check_endpoint(model: EndpointChat) -> Capabilities:
    """Find out what the endpoint of a model takes and does.

    Makes 2 calls where it takes everything, about one more for each parameter that it does not
    take, and one where it thinks for long. Raises Rejected or Outage where it answers no request at
    all.
    """
    return await _Check(model).run()


class _Check:
    def __init__(self, model: EndpointChat) -> None:
        self.model = model
        self.field: TokenField = model.capabilities.token_field
        self.room = 0
        self.thinks = False
        self.calls = 0
        self.notes: list[str] = []

    async def ask(self, sent: list[str]) -> tuple[dict[str, Any], float]:
        """One call with these parameters; another, with room, where the model was still thinking
        as its tokens ended."""
        try:
            reply, seconds = await self.send(sent)
        except EndpointRejected as error:
            if self.room or not SPENT_THINKING.search(error.said):
                raise
            self.room, self.thinks = THINKING_ROOM, True
            return await self.send(sent)
        self.thinks = self.thinks or thought_in(reply, _content(reply))
        if self.thinks and _cut(reply) and not self.room:
            self.room = THINKING_ROOM
            try:
                return await self.send(sent)
            except (TooLong, EndpointRejected):
                self.room = 0  # more than it takes
        return reply, seconds

    async def send(self, sent: list[str]) -> tuple[dict[str, Any], float]:
        """One call."""
        body: dict[str, Any] = {
            "model": self.model.service.model,
            "messages": [{"role": "user", "content": PROMPT}],
            self.field: TOKENS + self.room,
        }
        for name in sent:
            body |= PARAMETERS[name]
        self.calls += 1
        return await self.model.post(body, _read)

    async def run(self) -> Capabilities:
        sent = list(PARAMETERS)
        try:
            reply, seconds = await self.first(sent)
        except ModelError as error:
            if not _may_be_a_parameter(error):
                raise
            sent, reply, seconds = await self.one_by_one()
        text = _text(reply)
        found = Capabilities(
            json_schema=fits(text) if "json_schema" in sent else False,
            seed="seed" in sent,
            temperature="temperature" in sent,
            logprobs="logprobs" in sent and bool(reply["choices"][0].get("logprobs")),
            usage=_has_usage(reply),
            token_field=self.field,
            thinks=self.thinks,
            latency_s=round(seconds, 4),
            served_model=reply["model"] if isinstance(reply.get("model"), str) else None,
            checked=datetime.now(UTC).date().isoformat(),
        )
        if "json_schema" in sent and not found.json_schema:
            if _cut(reply):
                found = replace(found, json_schema=None)
                limit = TOKENS + self.room
                self.notes.append(f"JSON schema: not known, the reply was cut at {limit} tokens")
            else:
                self.notes.append("JSON schema: taken, but the reply does not follow it")
        if self.thinks:
            self.notes.append(f"it thinks: limits get {THINKING_ROOM} tokens on top")
        if "logprobs" in sent and not found.logprobs:
            self.notes.append("logprobs: taken, but not in the reply")
        if "seed" in sent:
            found = replace(found, seed_repeats=await self.repeats(sent, text))
        return replace(found, calls=self.calls, notes=tuple(self.notes))

    async def first(self, sent: list[str]) -> tuple[dict[str, Any], float]:
        """Everything at once; what an error names is taken out of `sent`, and asked again."""
        switched = False
        while True:
            try:
                return await self.ask(sent)
            except EndpointRejected as error:
                blamed = _blamed(error, sent)
                if blamed is not None:
                    sent.remove(blamed)
                    self.notes.append(f"{blamed}: not taken ({error.said})")
                elif not switched and _names(error, (self.field,)):
                    self.switch()
                    switched = True
                else:
                    raise

    def switch(self) -> None:
        """Use the other name of the token limit."""
        old = self.field
        self.field = "max_tokens" if old != "max_tokens" else "max_completion_tokens"
        self.notes.append(f"{old}: not taken, {self.field} is used")

    async def one_by_one(self) -> tuple[list[str], dict[str, Any], float]:
        """The error named nothing: a bare call, then each parameter alone."""
        self.notes.clear()
        try:
            reply, seconds = await self.ask([])
        except ModelError as error:
            if not _may_be_a_parameter(error):
                raise
            self.switch()
            try:
                reply, seconds = await self.ask([])
            except ModelError:
                # With neither name: the fault is elsewhere, and the first error tells of it.
                raise error from None
        taken: list[str] = []
        for name in PARAMETERS:
            try:
                reply, seconds = await self.ask([*taken, name])
                taken.append(name)
            except ModelError as error:
                if not _may_be_a_parameter(error):
                    raise
                self.notes.append(f"{name}: not taken ({error.what.splitlines()[0]})")
        return taken, reply, seconds

    async def repeats(self, sent: list[str], text: str) -> bool | None:
        """Whether the same seed gives the same text; None where it cannot be told."""
        if not text or "temperature" not in sent:
            return None
        again, _ = await self.ask(sent)
        return _text(again) == text


def _may_be_a_parameter(error: ModelError) -> bool:
    # Some services answer a parameter that they do not know with a 500 or a broken reply.
    if isinstance(error, EndpointRejected):
        return error.status in (400, 422)
    return isinstance(error, EndpointOutage) and error.status in (200, 500, 501)


def _blamed(error: EndpointRejected, sent: list[str]) -> str | None:
    """The parameter that an error names; None where it names none of these, or several."""
    if error.status not in (400, 422):
        return None
    named = [name for name in sent if _names(error, WORDS[name])]
    by_param = [name for name in named if error.param and error.param.startswith(WORDS[name])]
    named = by_param or named
    return named[0] if len(named) == 1 else None


def _names(error: EndpointRejected, words: tuple[str, ...]) -> bool:
    said = f"{error.param or ''} {error.said}"
    return any(word in said for word in words)


def _read(data: bytes) -> dict[str, Any]:
    reply = read_object(data)
    try:
        _text(reply)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed("no choices[0].message") from None
    return reply


def _text(reply: dict[str, Any]) -> str:
    return apart(_content(reply))[1]


def _content(reply: dict[str, Any]) -> str:
    content = reply["choices"][0]["message"].get("content")
    return content if isinstance(content, str) else ""


def _cut(reply: dict[str, Any]) -> bool:
    return bool(reply["choices"][0].get("finish_reason") == "length")


def fits(text: str) -> bool:
    """Whether a reply follows SCHEMA."""
    checks: dict[str, Callable[[Any], bool]] = {
        "digits": lambda value: isinstance(value, str),
        "colour": lambda value: value in ("red", "green", "blue"),
    }
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return (
        isinstance(data, dict)
        and set(data) == set(checks)
        and all(check(data[name]) for name, check in checks.items())
    )


def _has_usage(reply: dict[str, Any]) -> bool:
    usage = reply.get("usage")
    return isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int)
