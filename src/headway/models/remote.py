"""What chat models behind a service have in common, whatever form the service's API has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headway.core.record import ChatRequest
from headway.models.prices import Prices
from headway.models.service import Capabilities, Service
from headway.models.wire import Read, Wire, estimated, written


class RemoteChat:
    """Base of a ChatModel over HTTP.

    service: what the function of that name gives. prices: where `usd` comes from; without a
    price it is None. capabilities: of an earlier check; what the endpoint was found not to take
    is not sent. wire: over which it is asked. path: of its chat calls, below the service's address.

    Each attempt has `Endpoint.timeout_s` from its sending to the end of the reply; waiting for a
    free place is not counted, neither there nor in `latency_s`.
    """

    def __init__(
        self,
        service: Service,
        *,
        wire: Wire,
        path: str,
        prices: Prices | None,
        capabilities: Capabilities,
    ) -> None:
        self.name = service.name
        self.service, self.wire, self.capabilities = service, wire, capabilities
        self._url = wire.url(path)
        self._price = prices.of(service.name) if prices else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.wire.shown!r})"

    @property
    def concurrency(self) -> int:
        """Calls worth having in flight now: from 1 to Endpoint.concurrency, as 429s allow."""
        return self.wire.concurrency

    async def post(
        self, body: Mapping[str, Any], read: Callable[[bytes], Read]
    ) -> tuple[Read, float]:
        """Send a body of your own, with this model's retries: what `read` makes of the reply, and
        its seconds. Raises Outage or Rejected."""
        return await self.wire.post(self._url, written(body), read)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate: a quarter of the UTF-8 bytes, rounded up. The tokenizer is not known."""
        return [estimated(text) for text in texts]

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()

    def _used(
        self, request: ChatRequest, text: str, prompt: int | None, completion: int | None
    ) -> tuple[int, int]:
        """Tokens of prompt and completion: as told, else estimated."""
        if prompt is None:
            prompt = sum(estimated(m.content) + 4 for m in request.messages)
        return prompt, estimated(text) if completion is None else completion
