"""`check_endpoint` against servers that take, refuse or ignore parameters."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from aiohttp import web

from headway.core.errors import Outage, Rejected
from headway.core.record import ChatRequest, Message
from headway.core.task import Endpoint
from headway.models.endpoint import EndpointChat
from headway.models.probe_endpoint import check_endpoint
from headway.models.service import Capabilities, service
from headway.testing.stub import StubServer

ALL = ("temperature", "seed", "logprobs", "response_format", "max_tokens")


def obedient(body: dict[str, Any]) -> str:
    """Follows schema and seed as a good service does; random where no seed is sent."""
    digits = str(random.Random(body.get("seed", random.random())).randrange(10**12))
    if "response_format" in body:
        return orjson.dumps({"digits": digits, "colour": "red"}).decode()
    return f"{digits} red"


async def check(stub: StubServer, retries: int = 1) -> Capabilities:
    endpoint = Endpoint(base_url=stub.url, retries=retries, timeout_s=5)
    model = EndpointChat(service("a/m", endpoints={"a": endpoint}), backoff_s=0.01)
    try:
        return await check_endpoint(model)
    finally:
        await model.close()


async def test_a_service_that_takes_all_needs_two_calls() -> None:
    async with StubServer(obedient) as stub:
        found = await check(stub)
    assert stub.requests == found.calls == 2
    assert (found.json_schema, found.seed, found.seed_repeats) == (True, True, True)
    assert (found.temperature, found.logprobs, found.usage) == (True, True, True)
    assert (found.token_field, found.served_model) == ("max_tokens", "m")
    assert found.latency_s is not None
    assert 0 < found.latency_s < 1
    assert found.notes == ()
    assert Capabilities.from_dict(orjson.loads(orjson.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("parameter", ALL)
@pytest.mark.parametrize("silent", [False, True])
async def test_the_offending_parameter_is_found(parameter: str, silent: bool) -> None:
    async with StubServer(obedient, rejects=[parameter], silent=silent) as stub:
        found = await check(stub)
        assert stub.requests == found.calls
        assert found.calls <= (3 if not silent else 8)
    assert found.json_schema is (parameter != "response_format")
    assert found.seed is (parameter != "seed")
    assert found.temperature is (parameter != "temperature")
    assert found.logprobs is (parameter != "logprobs")
    wanted = "max_completion_tokens" if parameter == "max_tokens" else "max_tokens"
    assert found.token_field == wanted
    assert any(parameter in n or parameter == "response_format" for n in found.notes)


async def test_a_bare_service_needs_a_call_for_each_refusal() -> None:
    async with StubServer(obedient, rejects=ALL) as stub:
        found = await check(stub)
        assert found.calls == 6
        model = EndpointChat(
            service("a/m", endpoints={"a": Endpoint(base_url=stub.url)}), capabilities=found
        )
        request = ChatRequest(
            (Message("user", "x"),), temperature=0.3, seed=1, json_schema={"type": "object"}
        )
        reply = await model.chat(request)  # what was learned is enough to be answered
        await model.close()
    assert reply.text.endswith("red")
    assert len(found.notes) == 5


async def test_what_is_taken_and_ignored_is_found_out() -> None:
    def deaf(body: dict[str, Any]) -> str:
        return f"{random.randrange(10**12)} red"

    async with StubServer(deaf, ignores=["logprobs"], usage=False) as stub:
        found = await check(stub)
    assert (found.json_schema, found.seed, found.seed_repeats) == (False, True, False)
    assert (found.logprobs, found.usage) == (False, False)
    assert found.calls == 2


async def test_a_500_for_an_unknown_parameter_is_found_too() -> None:
    async with StubServer(
        obedient, plan=lambda n, body: "500" if "logprobs" in body else None
    ) as stub:
        found = await check(stub, retries=0)
    assert found.logprobs is False
    assert found.json_schema is True


async def test_a_service_that_answers_nothing_raises() -> None:
    async with StubServer(key="other") as stub:
        with pytest.raises(Rejected, match="HTTP 401"):
            await check(stub)
        assert stub.requests == 1
    async with StubServer(plan=lambda n, body: "404") as stub:
        with pytest.raises(Rejected, match="HTTP 404"):
            await check(stub)
        assert stub.requests == 1
    async with StubServer(plan=lambda n, body: "400") as stub:
        with pytest.raises(Rejected, match="HTTP 400"):
            await check(stub)
    async with StubServer(plan=lambda n, body: "garbage") as stub:
        with pytest.raises(Outage, match="not JSON"):
            await check(stub, retries=0)


@pytest.mark.parametrize("where", ["", "hidden", "reasoning"])
async def test_a_model_that_thinks_is_given_room_and_found_out(where: str) -> None:
    def pondering(body: dict[str, Any]) -> str:
        return f"<think>\n{'so ' * 600}\n</think>\n{obedient(body)}"

    async with StubServer(pondering, thinking=where) as stub:
        found = await check(stub)
        assert stub.requests == found.calls == 3
    assert (found.thinks, found.json_schema, found.seed_repeats) == (True, True, True)
    assert any("it thinks" in note for note in found.notes)


async def test_a_model_that_does_not_think_is_known_too() -> None:
    async with StubServer(obedient) as stub:
        assert (await check(stub)).thinks is False


async def test_where_there_is_no_room_the_schema_is_not_known() -> None:
    def small(number: int, body: dict[str, Any]) -> str | None:
        return "400" if body["max_tokens"] > 4000 else None

    async with StubServer("<think>" + "so " * 600, plan=small) as stub:
        found = await check(stub)
    assert (found.thinks, found.json_schema) == (True, None)
    assert any("cut at 512 tokens" in note for note in found.notes)


async def test_a_400_for_want_of_room_is_no_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Could not finish the message because max_tokens or model output limit was reached."
    body = orjson.dumps({"error": {"message": said}})
    monkeypatch.setattr(
        "headway.testing.stub._error",
        lambda *_, **__: web.Response(status=400, body=body, content_type="application/json"),
    )
    async with StubServer(obedient, plan=["400"]) as stub:
        found = await check(stub)
    assert (found.thinks, found.json_schema, found.token_field) == (True, True, "max_tokens")
