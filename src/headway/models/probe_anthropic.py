"""What a model behind Anthropic's API really does (`headway models check anthropic/...`).

Everything is asked for at once; what an error names is taken out and asked again. One call where
the model takes it all, one more for each refusal.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from headway.core.record import ChatRequest, Message
from headway.models.anthropic import AnthropicChat, Reply, read_message
from headway.models.probe_endpoint import PROMPT, SCHEMA, TOKENS, fits
from headway.models.service import Capabilities
from headway.models.wire import EndpointRejected

# Words in an error, and what is done without.
TEMPERATURE = ("temperature", "sampling")
FORMAT = ("output_config", "output_format", "structured output", "json_schema")
TOOL = ("tool",)


async def check_anthropic(model: AnthropicChat) -> Capabilities:
    """Find out what a model takes and does, in 1 to 4 calls. Raises Rejected or Outage where it
    answers no request at all."""
    # From the newest form down, whatever its name says.
    asked = replace(
        model.capabilities, temperature=True, json_schema=True, json_by="format", notes=()
    )
    notes: list[str] = []
    while True:  # at most three things are left out
        try:
            reply, seconds = await _ask(model, asked)
            break
        except EndpointRejected as error:
            asked, note = _without(asked, error)
            notes.append(note)
    calls = 1 + len(notes)
    taken = bool(asked.json_schema)
    follows = fits(reply.text) if taken else False
    if taken and not follows:
        cut = reply.finish == "length"
        notes.append(
            f"JSON schema: not known, the reply was cut at {TOKENS} tokens"
            if cut
            else "JSON schema: taken, but the reply does not follow it"
        )
    return Capabilities(
        json_schema=None if taken and reply.finish == "length" else follows,
        json_by=asked.json_by,
        seed=False,
        temperature=asked.temperature,
        logprobs=False,
        usage=reply.usage.prompt is not None,
        # A model may think now and then; what its name says stands until it is seen.
        thinks=reply.thought or bool(model.capabilities.thinks),
        latency_s=round(seconds, 4),
        served_model=reply.model,
        calls=calls,
        checked=datetime.now(UTC).date().isoformat(),
        notes=tuple(notes),
    )


async def _ask(model: AnthropicChat, asked: Capabilities) -> tuple[Reply, float]:
    request = ChatRequest(
        (Message("user", PROMPT),), max_tokens=TOKENS, temperature=0.8, json_schema=SCHEMA
    )
    return await model.post(model.payload(request, asked), read_message)


def _without(asked: Capabilities, error: EndpointRejected) -> tuple[Capabilities, str]:
    """What is asked for next, and why. Raises the error where it names nothing of ours."""
    said = error.said.lower()
    if error.status != 400:
        raise error
    if asked.temperature and any(word in said for word in TEMPERATURE):
        return replace(asked, temperature=False), f"temperature: not taken ({error.said})"
    if asked.json_schema and asked.json_by == "format" and any(w in said for w in FORMAT):
        note = f"output_config.format: not taken, a tool is used ({error.said})"
        return replace(asked, json_by="tool"), note
    if asked.json_schema and asked.json_by == "tool" and any(w in said for w in TOOL):
        return replace(asked, json_schema=False, json_by=None), f"tools: not taken ({error.said})"
    raise error
