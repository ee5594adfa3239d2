"""What a chat model really does, whatever form its service has (`headway models check`)."""

from __future__ import annotations

from typing import Any

from headway.core.protocols import ChatModel
from headway.core.record import ChatRequest, Message
from headway.models.anthropic import AnthropicChat
from headway.models.endpoint import EndpointChat
from headway.models.probe_anthropic import check_anthropic
from headway.models.probe_endpoint import check_endpoint


async def capabilities_of(model: ChatModel) -> dict[str, Any] | None:
    """What an endpoint was found to do, as it is kept; None for a model of this process, which is
    known. Raises Rejected or Outage."""
    if isinstance(model, AnthropicChat):
        return (await check_anthropic(model)).to_dict()
    if isinstance(model, EndpointChat):
        return (await check_endpoint(model)).to_dict()
    return None


async def said_by(model: ChatModel) -> dict[str, Any]:
    """One answer of a model, to see that it has any."""
    asked = ChatRequest((Message("user", "Reply with the word: ready"),), max_tokens=8)
    reply = await model.chat(asked)
    return {
        "name": model.name, "answers": bool(reply.text), "text": reply.text,
        "latency_s": round(reply.latency_s, 3), "usd": reply.usd,
    }  # fmt: skip
