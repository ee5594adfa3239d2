"""A stand-in for Anthropic's Messages API, over a real loopback socket: as strict as the API is.

    async with AnthropicStub(answer="42", plan=["529", "ok"]) as stub:
        endpoint = Endpoint(base_url=stub.url, api="anthropic")

Faults beyond those of StubServer: `long` (the prompt does not fit), `spent` (a 429 that no wait
mends), `refusal` (stop_reason refusal, with details), `pause` (stop_reason pause_turn), `window`
(the context was filled), `silent` (no content), `thinking` (a thinking block first), `cached`
(tokens of the cache).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from headway.testing.stub import Answer, Body, Plan, StubServer

FIELDS = frozenset(
    {"model", "max_tokens", "messages", "system", "temperature", "top_p", "top_k", "stop_sequences",
     "tools", "tool_choice", "output_config", "thinking", "metadata", "stream", "service_tier"}
)  # fmt: skip
KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
    403: "permission_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
# What `output_config.format` does not take.
UNHELD = ("minimum", "maximum", "minLength", "maxLength", "maxItems", "oneOf", "patternProperties")


class AnthropicStub(StubServer):
    """As StubServer, with one operation: POST /v1/messages.

    key: the only one that is let in, by x-api-key. without: what the model does not take:
    `temperature`, `format` (structured outputs), `tools`.
    """

    def __init__(
        self,
        answer: Answer = "ok",
        *,
        plan: Plan = (),
        key: str | None = None,
        without: tuple[str, ...] = (),
        latency_s: float = 0.0,
        usage: bool = True,
    ) -> None:
        super().__init__(answer, plan=plan, latency_s=latency_s, usage=usage)
        self._only_key, self._without = key, without

    def _refusal(self, request: web.Request, body: Body) -> web.Response | None:
        given = request.headers.get("x-api-key", "")
        if self._only_key is not None and given != self._only_key:
            return failed(401, f"invalid x-api-key {given}")
        if not request.path.endswith("/v1/messages"):
            return failed(404, f"Not found: {request.path}")
        if request.headers.get("anthropic-version") != "2023-06-01":
            return failed(400, "anthropic-version: header is required")
        problem = self._problem(body)
        return failed(400, problem) if problem else None

    def _problem(self, body: Body) -> str:
        """The first thing that the API would not take."""
        if extra := sorted(set(body) - FIELDS):
            return f"{extra[0]}: Extra inputs are not permitted"
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
            return "max_tokens: Field required"
        messages = body.get("messages") or []
        if not messages or messages[0]["role"] != "user":
            return "messages: first message must use the user role"
        before = ""
        for place, message in enumerate(messages):
            if message["role"] not in ("user", "assistant"):
                return f"messages.{place}: role '{message['role']}' is not supported on this model"
            if message["role"] == before:
                return "messages: roles must alternate"
            if not str(message["content"]).strip():
                return f"messages.{place}: text content blocks must be non-empty"
            before = message["role"]
        if "temperature" in body:
            if "temperature" in self._without:
                return "`temperature` is deprecated for this model."
            if not 0 <= body["temperature"] <= 1:
                return "temperature: range: 0..1"
        if "tools" in body and "tools" in self._without:
            return "tools: this model does not support tool use"
        return self._form_problem(body)

    def _form_problem(self, body: Body) -> str:
        form = body.get("output_config", {}).get("format")
        if form is None:
            return ""
        if "format" in self._without:
            return "output_config: this model does not support structured outputs"
        said = orjson.dumps(form["schema"]).decode()
        for word in UNHELD:
            if f'"{word}":' in said:
                return f"output_config.format.schema: {word} is not supported"
        return "" if closed(form["schema"]) else "schema: additionalProperties must be false"

    async def _fail(self, fault: str, request: web.Request, body: Body) -> web.StreamResponse:
        kind, _, detail = fault.partition(":")
        if kind.isdigit():
            headers = {"retry-after": detail} if detail else {}
            return failed(int(kind), f"scripted {kind}", headers=headers)
        if kind == "long":
            return failed(400, "prompt is too long: 345320 tokens > 200000 maximum")
        if kind == "spent":
            details = {"error_code": "enforced_spend_limit_reached"}
            return failed(429, "the monthly limit is reached", details=details)
        return await super()._fail(fault, request, body)

    @staticmethod
    def _odd(kind: str, good: Body) -> web.Response:
        if kind == "refusal":
            details = {"type": "refusal", "category": "bio", "explanation": "I will not."}
            good |= {"content": [], "stop_reason": "refusal", "stop_details": details}
        elif kind in ("pause", "window"):
            ended = {"pause": "pause_turn", "window": "model_context_window_exceeded"}
            good["stop_reason"] = ended[kind]
        elif kind == "thinking":
            good["content"].insert(0, {"type": "thinking", "thinking": "", "signature": "s"})
        elif kind == "cached":
            made = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 50}
            good["usage"] |= {
                "input_tokens": 10, "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 150, "cache_creation": made,
            }  # fmt: skip
        elif kind == "silent":
            good["content"] = []
        else:
            return failed(500, f"the stub knows no fault {kind!r}")
        return reply(good)

    def _good(self, path: str, body: Body) -> Body:
        whole = self._answer(body) if callable(self._answer) else self._answer
        words = whole.split()
        cut = len(words) > body["max_tokens"]
        text = " ".join(words[: body["max_tokens"]]) if cut else whole
        content: list[Body] = [{"type": "text", "text": text}]
        ended = "max_tokens" if cut else "end_turn"
        if body.get("tool_choice", {}).get("type") == "tool":
            name = body["tool_choice"]["name"]
            content = [{"type": "tool_use", "id": "t", "name": name, "input": orjson.loads(text)}]
            ended = "tool_use"
        said = [body.get("system", ""), *(m["content"] for m in body["messages"])]
        usage = {
            "input_tokens": sum(len(part.split()) for part in said),
            "output_tokens": len(text.split()),
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        }
        return {
            "id": "msg_stub", "type": "message", "role": "assistant", "model": body["model"],
            "content": content, "stop_reason": ended, "stop_sequence": None,
            **({"usage": usage} if self._usage else {}),
        }  # fmt: skip


def closed(schema: Any) -> bool:
    """Whether every object of a schema is closed."""
    if isinstance(schema, list):
        return all(closed(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    is_open = schema.get("type") == "object" and schema.get("additionalProperties") is not False
    return not is_open and all(closed(value) for value in schema.values())


def reply(data: Body) -> web.Response:
    """A reply of status 200."""
    return web.Response(body=orjson.dumps(data), content_type="application/json")


def failed(
    status: int, message: str, *, details: Body | None = None, headers: Mapping[str, str] = {}
) -> web.Response:
    """An error as the API tells it."""
    error = {"type": KINDS.get(status, "api_error"), "message": message, "details": details}
    data = {"type": "error", "error": error, "request_id": "req_stub"}
    return web.Response(
        status=status, body=orjson.dumps(data), content_type="application/json", headers=headers
    )
