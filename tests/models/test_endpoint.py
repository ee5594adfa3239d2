"""EndpointChat and its siblings against a real server over loopback."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest
from aiohttp import web

from headway.core.charge import Charge, ChargedEmbedding, ChargedRerank
from headway.core.errors import InputError, Outage, Rejected, TooLong
from headway.core.protocols import ChatModel, EmbeddingModel, RerankModel
from headway.core.record import ChatRequest, Message
from headway.core.task import Endpoint
from headway.models.anthropic import THINKING_ROOM
from headway.models.endpoint import (
    EndpointChat,
    EndpointEmbedding,
    EndpointRerank,
    _read_chat,
    _read_tokens,
    response_format,
)
from headway.models.prices import Prices
from headway.models.service import PROVIDERS, Capabilities, read_env, service
from headway.models.wire import _Line, retry_after
from headway.testing.models import ChatModelContract, EmbeddingModelContract, RerankModelContract
from headway.testing.stub import StubServer

SECRET = "sk-very-secret-0123456789"
Make = Callable[..., EndpointChat]


def ask(text: str = "What is 6 x 7?", **more: Any) -> ChatRequest:
    return ChatRequest((Message("system", "Be short."), Message("user", text)), **more)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Models of stubs, closed at the end."""
    made: list[EndpointChat] = []

    def build(
        stub: StubServer, *, folder: Path | None = None, model: str = "m", **fields: Any
    ) -> EndpointChat:
        own = {k: fields.pop(k) for k in ("prices", "capabilities", "backoff_s") if k in fields}
        endpoint = Endpoint(**{"base_url": stub.url, "timeout_s": 5.0, **fields})
        found = service(f"house/{model}", endpoints={"house": endpoint}, folder=folder)
        made.append(EndpointChat(found, **{"backoff_s": 0.01, **own}))
        return made[-1]

    yield build
    for model in made:
        await model.close()


# --- the contracts ----------------------------------------------------------------------------


def in_words(body: dict[str, Any]) -> str:
    return '{"animal": "dog"}' if "response_format" in body else "one two three four five"


class TestChatContract(ChatModelContract):
    rejects = ask("\ud800")

    @pytest.fixture
    async def model(self) -> AsyncIterator[EndpointChat]:
        async with StubServer(in_words, latency_s=0.001) as stub:
            found = service("a/m", endpoints={"a": Endpoint(base_url=stub.url)})
            model = EndpointChat(found, backoff_s=0.01)
            yield model
            await model.close()


class TestEmbeddingContract(EmbeddingModelContract):
    understands = False

    @pytest.fixture
    async def model(self) -> AsyncIterator[EndpointEmbedding]:
        async with StubServer() as stub:
            found = service("a/e", endpoints={"a": Endpoint(base_url=stub.url)})
            model = EndpointEmbedding(found, batch=2)
            yield model
            await model.close()


class TestRerankContract(RerankModelContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[EndpointRerank]:
        async with StubServer() as stub:
            found = service("a/r", endpoints={"a": Endpoint(base_url=stub.url)})
            model = EndpointRerank(found)
            yield model
            await model.close()


# --- a good call ------------------------------------------------------------------------------


async def test_a_call_sends_what_was_asked_and_reads_the_reply(make: Make) -> None:
    async with StubServer("forty two", latency_s=0.05) as stub:
        model = make(stub)
        assert isinstance(model, ChatModel)
        reply = await model.chat(ask(seed=3, max_tokens=9, stop=("\n",), temperature=0.5))
    assert (reply.text, reply.finish) == ("forty two", "stop")
    assert reply.prompt_tokens == 7
    assert reply.completion_tokens == 2
    assert 0.05 <= reply.latency_s < 1
    assert reply.usd is None  # no price is not the same as free
    assert stub.paths == ["/v1/chat/completions"]
    assert stub.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "What is 6 x 7?"},
            ],
            "max_tokens": 9,
            "temperature": 0.5,
            "seed": 3,
            "stop": ["\n"],
        }
    ]
    assert "Authorization" not in stub.headers


async def test_capabilities_decide_what_is_sent_and_show_in_identity(make: Make) -> None:
    can = Capabilities(
        json_schema=False, seed=False, temperature=False, token_field="max_completion_tokens"
    )
    async with StubServer() as stub:
        plain, limited = make(stub), make(stub, capabilities=can)
        await limited.chat(ask(seed=3, json_schema={"type": "object"}))
    assert set(stub.bodies[0]) == {"model", "messages", "max_completion_tokens"}
    assert limited.identity == f"{stub.url} m without json_schema,seed,temperature"
    assert plain.identity == f"{stub.url} m"
    assert Capabilities.from_dict(can.to_dict() | {"of a later version": 1}) == can


async def test_schema_is_strict_only_where_strict_mode_can_take_it(make: Make) -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "string"}}},
        "required": ["a"],
        "additionalProperties": False,
    }
    async with StubServer('{"a": []}') as stub:
        model = make(stub)
        await model.chat(ask(json_schema=closed))
        await model.chat(ask(json_schema={"type": "object", "properties": {"a": closed}}))
    formats = [body["response_format"] for body in stub.bodies]
    assert formats[0] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": closed},
    }
    assert formats[1]["json_schema"]["strict"] is False
    # Open objects deep inside are found as well.
    deep = {**closed, "properties": {"a": {"anyOf": [{"type": "object", "properties": {}}]}}}
    assert response_format(deep)["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("fault", "finish", "text"),
    [
        ("length", "length", "some words"),
        ("refused", "refused", "some words"),
        ("refusal", "refused", "I will not."),
        ("filtered", "refused", "the prompt was filtered"),
        ("null", "stop", ""),
    ],
)
async def test_ends_of_a_reply(make: Make, fault: str, finish: str, text: str) -> None:
    async with StubServer("some words", plan=[fault]) as stub:
        reply = await make(stub).chat(ask())
    assert (reply.finish, reply.text, stub.requests) == (finish, text, 1)


async def test_usage_is_estimated_where_the_reply_has_none(make: Make) -> None:
    async with StubServer("four letters a token", usage=False) as stub:
        model = make(stub)
        reply = await model.chat(ask("x" * 400))
        assert await model.count_tokens(["", "abcd", "abcde", "語" * 4]) == [0, 1, 2, 3]
    assert 100 <= reply.prompt_tokens <= 115
    assert reply.completion_tokens == 5


async def test_usd_from_the_price_file(make: Make, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "house/m: {prompt: 2, completion: 10, date: 2026-01-01}\n"
    )
    async with StubServer("forty two") as stub:
        reply = await make(stub, prices=Prices.load(tmp_path)).chat(ask())
        unknown = await make(stub, model="n", prices=Prices.load(tmp_path)).chat(ask())
    assert reply.usd == pytest.approx((7 * 2 + 2 * 10) / 1e6)
    assert unknown.usd is None


# --- thinking ---------------------------------------------------------------------------------

THOUGHTS = 20
THINKING = "<think>\n" + "so " * THOUGHTS + "\n</think>\n\nforty two"
# Beside its words a block that stays in the text counts both of its marks.
IN_ALL = THOUGHTS + 2 + 2


def limits(stub: StubServer) -> list[int]:
    return [body["max_tokens"] for body in stub.bodies]


@pytest.mark.parametrize("where", ["", "hidden", "reasoning", "reasoning_content"])
async def test_a_model_that_thinks_gets_room_and_both_calls_are_charged(
    make: Make, tmp_path: Path, where: str
) -> None:
    (tmp_path / "prices.yaml").write_text(
        "house/m: {prompt: 2, completion: 10, calls: 1, date: 2026-01-01}\n"
    )
    async with StubServer(THINKING, thinking=where, latency_s=0.05) as stub:
        model = make(stub, prices=Prices.load(tmp_path))
        before = model.identity
        reply = await model.chat(ask(max_tokens=8))
        assert (reply.text, reply.finish) == ("forty two", "stop")
        assert limits(stub) == [8, 8 + THINKING_ROOM]
        assert (reply.prompt_tokens, reply.completion_tokens) == (2 * 7, 8 + IN_ALL)
        assert reply.usd == pytest.approx((14 * 2 + (8 + IN_ALL) * 10) / 1e6 + 2 * 1 / 1e3)
        assert reply.latency_s >= 0.1
        # From now on from the start, and at the price of one call.
        again = await model.chat(ask(max_tokens=8))
        assert limits(stub)[2:] == [8 + THINKING_ROOM]
        assert (again.text, again.completion_tokens) == ("forty two", IN_ALL)
        assert model.identity == before


async def test_one_whose_thinking_fits_is_asked_once_and_remembered(make: Make) -> None:
    async with StubServer(THINKING) as stub:
        model = make(stub)
        assert (await model.chat(ask(max_tokens=99))).text == "forty two"
        await model.chat(ask(max_tokens=8))
    assert limits(stub) == [99, 8 + THINKING_ROOM]


async def test_one_whose_template_opens_the_block_is_known_once_it_closes_it(make: Make) -> None:
    async with StubServer(THINKING.removeprefix("<think>")) as stub:
        model = make(stub)
        assert (await model.chat(ask(max_tokens=99))).text == "forty two"
        assert model.thinks


async def test_a_check_has_found_out_that_it_thinks(make: Make) -> None:
    async with StubServer(THINKING) as stub:
        await make(stub, capabilities=Capabilities(thinks=True)).chat(ask(max_tokens=8))
    assert limits(stub) == [8 + THINKING_ROOM]


@pytest.mark.parametrize("text", ["one two three four", "Write <think> here and there"])
async def test_one_that_is_cut_without_thinking_is_asked_once(make: Make, text: str) -> None:
    async with StubServer(text, thinking="hidden") as stub:
        model = make(stub)
        reply = await model.chat(ask(max_tokens=2))
    assert (reply.finish, stub.requests, model.thinks) == ("length", 1, False)


async def test_even_the_room_may_be_too_little(make: Make) -> None:
    async with StubServer("<think>" + "so " * 9000) as stub:
        reply = await make(stub).chat(ask(max_tokens=8))
    assert (reply.text, reply.finish, stub.requests) == ("", "length", 2)
    assert reply.completion_tokens == 8 + 8 + THINKING_ROOM


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_service_that_takes_no_such_limit_is_asked_without_it(
    make: Make, status: int
) -> None:
    def small(number: int, body: dict[str, Any]) -> str | None:
        return str(status) if body["max_tokens"] > THINKING_ROOM else None

    async with StubServer(THINKING, plan=small) as stub:
        model = make(stub)
        reply = await model.chat(ask(max_tokens=8))
        assert (reply.text, reply.finish, reply.completion_tokens) == ("", "length", 8)
        assert (await model.chat(ask(max_tokens=99))).text == "forty two"
    assert limits(stub) == [8, 8 + THINKING_ROOM, 99 + THINKING_ROOM, 99]


async def test_an_outage_is_no_cut_reply(make: Make) -> None:
    async with StubServer(THINKING, plan=["ok", "500", "500"]) as stub:
        with pytest.raises(Outage):
            await make(stub, retries=1).chat(ask(max_tokens=8))


async def test_a_400_that_says_the_limit_was_spent_thinking(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Could not finish the message because max_tokens or model output limit was reached."
    monkeypatch.setattr("headway.testing.stub._error", _said(said, 400))
    async with StubServer(THINKING, thinking="hidden", plan=["400"]) as stub:
        reply = await make(stub).chat(ask(max_tokens=8))
    assert (reply.text, reply.completion_tokens) == ("forty two", IN_ALL)
    assert limits(stub) == [8, 8 + THINKING_ROOM]


async def test_what_was_thought_is_counted_where_no_tokens_are_told(make: Make) -> None:
    async with StubServer(THINKING, thinking="reasoning", usage=False) as stub:
        reply = await make(stub).chat(ask(max_tokens=99))
    assert reply.completion_tokens >= 3 * THOUGHTS // 4


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None, "reasoning": "so"}, ""),
        ({"reasoning_content": "so"}, ""),  # nothing but thinking
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]},
                      {"type": "text", "text": "42"}]}, "42"),
        ({"content": "42", "reasoning": {"odd": 1}, "reasoning_content": ""}, "42"),
    ],
)  # fmt: skip
def test_forms_of_thinking(message: dict[str, Any], text: str) -> None:
    read = _read_chat(orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert read.text == text
    assert read.thought == ("odd" not in str(message))


@pytest.mark.parametrize("details", [None, [], {}, {"reasoning_tokens": None},
                                     {"reasoning_tokens": 0}])  # fmt: skip
def test_no_tokens_of_thinking_are_no_thinking(details: Any) -> None:
    reply = {"choices": [{"message": {"content": "42"}}],
             "usage": {"completion_tokens_details": details}}  # fmt: skip
    assert not _read_chat(orjson.dumps(reply)).thought


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "drop", "garbage", "empty"])
async def test_what_may_pass_is_asked_again(make: Make, fault: str) -> None:
    async with StubServer("fine", plan=[fault, fault]) as stub:
        assert (await make(stub, retries=2).chat(ask())).text == "fine"
        assert stub.requests == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("500", "HTTP 500"),
        ("429", "HTTP 429"),
        ("drop", "could not be reached"),
        ("garbage", "not JSON"),
        ("empty", "choices[0].message"),
    ],
)
async def test_outage_after_the_last_attempt(make: Make, fault: str, words: str) -> None:
    async with StubServer(plan=lambda n, body: fault) as stub:
        with pytest.raises(Outage) as caught:
            await make(stub, retries=2).chat(ask())
        assert stub.requests == 3
    message = str(caught.value)
    assert words in message
    assert "house/m" in message
    assert stub.url in message
    assert "3 attempts" in message


async def test_outage_where_nothing_listens(make: Make) -> None:
    async with StubServer() as stub:
        pass
    with pytest.raises(Outage, match="could not be reached"):
        await make(stub, retries=1).chat(ask())


@pytest.mark.parametrize(
    "said", ["This model's maximum context length is 4096 tokens", "prompt is too long", None]
)
async def test_a_prompt_that_does_not_fit_is_this_requests_own_fault(
    make: Make, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    monkeypatch.setattr("headway.testing.stub._error", _said(said or "", 400 if said else 413))
    async with StubServer(plan=["400"]) as stub:
        with pytest.raises(TooLong) as caught:
            await make(stub).chat(ask())
    assert stub.requests == 1
    assert (said or "413") in str(caught.value)


def _said(text: str, status: int) -> Callable[..., web.Response]:
    body = orjson.dumps({"error": {"message": text}})
    return lambda *_, **__: web.Response(status=status, body=body, content_type="application/json")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
async def test_rejected_is_not_asked_again(make: Make, status: int) -> None:
    async with StubServer(plan=lambda n, body: str(status)) as stub:
        with pytest.raises(Rejected) as caught:
            await make(stub).chat(ask())
        assert stub.requests == 1
    assert f"HTTP {status}: scripted {status}" in str(caught.value)
    assert caught.value.do


async def test_redirects_are_told_and_not_followed(make: Make) -> None:
    async with StubServer(plan=["redirect:http://elsewhere/v1"]) as stub:
        with pytest.raises(Rejected, match="redirects to http://elsewhere/v1"):
            await make(stub).chat(ask())
    assert stub.requests == 1


async def test_a_text_that_is_not_unicode_is_rejected_before_it_is_sent(make: Make) -> None:
    async with StubServer() as stub:
        with pytest.raises(Rejected, match="JSON"):
            await make(stub).chat(ask("\ud800"))
    assert stub.requests == 0


async def test_a_hanging_service_is_an_outage_in_time(make: Make) -> None:
    async with StubServer(plan=lambda n, body: "hang") as stub:
        started = time.monotonic()
        with pytest.raises(Outage, match=r"did not answer within 0\.2 s"):
            await make(stub, timeout_s=0.2, retries=1).chat(ask())
        assert 0.4 <= time.monotonic() - started < 2
        assert stub.requests == 2


async def test_retry_after_seconds_are_waited(make: Make) -> None:
    async with StubServer("fine", plan=["429:1"]) as stub:
        await make(stub).chat(ask())
    assert 1.0 <= stub.times[1] - stub.times[0] < 2.5


async def test_retry_after_holds_back_the_other_calls_too(make: Make) -> None:
    async with StubServer("fine", plan=["503", "429:0.5"]) as stub:
        model = make(stub)
        first = asyncio.create_task(model.chat(ask("a")))
        await stub.reached(2)  # the second request is the one that gets the 429
        await asyncio.sleep(0.05)
        await asyncio.gather(first, *(model.chat(ask(str(i))) for i in range(5)))
    assert stub.times[2] - stub.times[1] >= 0.5


def test_retry_after_forms() -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=30), usegmt=True)
    past = format_datetime(now - timedelta(seconds=30), usegmt=True)
    assert retry_after({"Retry-After": later}, now) == 30
    assert retry_after({"Retry-After": past}, now) == 0
    assert retry_after({"Retry-After": " 7 "}) == 7
    assert retry_after({"retry-after-ms": "250", "Retry-After": "1"}) == 0.25
    for unreadable in ("soon", "-5", "1e9", "inf", ""):
        assert retry_after({"Retry-After": unreadable}) is None
    assert retry_after({}) is None


async def test_retry_after_is_capped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.models.wire.LONGEST_WAIT_S", 0.1)
    async with StubServer("fine", plan=["429:3600"]) as stub:
        await make(stub).chat(ask())
    assert stub.times[1] - stub.times[0] < 2


async def test_waits_grow_and_are_jittered(make: Make) -> None:
    async with StubServer(plan=lambda n, body: "500") as stub:
        model = make(stub, retries=3, backoff_s=0.08)
        model.wire._random.seed(1)
        waits: list[list[float]] = [[], [], []]
        for _ in range(6):
            stub.times.clear()
            with pytest.raises(Outage):
                await model.chat(ask())
            for i, (a, b) in enumerate(zip(stub.times, stub.times[1:], strict=False)):
                waits[i].append(b - a)
    for bound, row in zip((0.08, 0.16, 0.32), waits, strict=True):
        assert min(row) < 0.75 * bound  # jitter, not the bound itself
        assert max(row) < bound + 0.4  # the 0.4 is for a busy machine
    assert max(waits[2]) > 0.2  # and the bound grows


async def test_a_503_may_ask_for_a_wait_too(make: Make) -> None:
    async with StubServer("fine", plan=["503:0.4"]) as stub:
        await make(stub).chat(ask())
    assert 0.4 <= stub.times[1] - stub.times[0] < 2


async def test_a_repeat_comes_before_calls_that_never_started(make: Make) -> None:
    async with StubServer("fine", latency_s=0.05, plan=["500"]) as stub:
        model = make(stub, concurrency=1, backoff_s=0.001)
        await asyncio.gather(*(model.chat(ask(name)) for name in "abcd"))
    assert [body["messages"][-1]["content"] for body in stub.bodies] == list("abacd")


# --- concurrency ------------------------------------------------------------------------------


async def test_200_calls_at_once_keep_the_limit_and_their_answers(make: Make) -> None:
    def echo(body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"])

    async with StubServer(echo, latency_s=0.02) as stub:
        model = make(stub, concurrency=32)
        replies = await asyncio.gather(*(model.chat(ask(f"question {i}")) for i in range(200)))
    assert [r.text for r in replies] == [f"question {i}" for i in range(200)]
    assert stub.requests == 200
    assert stub.most_in_flight == 32


async def test_a_429_halves_and_success_restores(make: Make) -> None:
    async with StubServer("fine", plan=["429"]) as stub:
        model = make(stub, concurrency=16)
        assert model.concurrency == 16
        await model.chat(ask())
        assert model.concurrency == 8
        for _ in range(9):
            await model.chat(ask())
        assert model.concurrency == 9
        for _ in range(150):
            await model.chat(ask())
        assert model.concurrency == 16


async def test_one_burst_of_429s_cuts_once(make: Make) -> None:
    async with StubServer("fine", latency_s=0.1, plan=["429"] * 16) as stub:
        model = make(stub, concurrency=16)
        calls = [asyncio.create_task(model.chat(ask(str(i)))) for i in range(16)]
        await stub.reached(17)
        assert model.concurrency == 8
        await asyncio.gather(*calls)


async def test_a_busy_service_is_adapted_to_without_an_outage(make: Make) -> None:
    async with StubServer("fine", latency_s=0.01, busy_over=4) as stub:
        model = make(stub, concurrency=64)
        replies = await asyncio.gather(*(model.chat(ask(str(i))) for i in range(200)))
        assert {r.text for r in replies} == {"fine"}
        assert model.concurrency < 16
    assert stub.requests < 500


async def test_cancelling_frees_places_and_leaves_no_warnings(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with StubServer("fine", plan=lambda n, body: "hang" if n <= 4 else None) as stub:
        model = make(stub, concurrency=4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            hanging = [asyncio.create_task(model.chat(ask(str(i)))) for i in range(4)]
            await stub.reached(4)
            waiting = [asyncio.create_task(model.chat(ask(str(i)))) for i in range(4)]
            await asyncio.sleep(0.02)
            for call in (*waiting[:2], *hanging):
                call.cancel()
            # The places of the cancelled calls go to those that still wait.
            rest = await asyncio.gather(*waiting[2:])
            assert [r.text for r in rest] == ["fine", "fine"]
            late = await asyncio.gather(*hanging, *waiting[:2], return_exceptions=True)
            assert all(isinstance(x, asyncio.CancelledError) for x in late)
            replies = await asyncio.gather(*(model.chat(ask(str(i))) for i in range(8)))
            assert len(replies) == 8
            await model.close()
            gc.collect()
            await asyncio.sleep(0)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_places_are_not_lost_when_cancelled_as_they_are_given(make: Make) -> None:
    async with StubServer("fine", latency_s=0.003) as stub:
        model = make(stub, concurrency=2)
        for round_ in range(30):
            calls = [asyncio.create_task(model.chat(ask(f"{round_} {i}"))) for i in range(6)]
            await asyncio.sleep(0.002 + 0.0003 * round_)
            for call in calls[::2]:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        line = next(iter(model.wire._lines.values()))
        assert line.in_flight == 0
        assert not line.waiting
        await asyncio.wait_for(model.chat(ask()), 2)


async def test_a_place_given_to_a_call_that_is_cancelled_goes_on_to_the_next() -> None:
    async with aiohttp.ClientSession() as session:
        line = _Line(session)
        await line.enter(1, first=False)
        given, next_one = (asyncio.create_task(line.enter(1, first=False)) for _ in range(2))
        await asyncio.sleep(0)
        line.leave(1)  # gives the place to `given`, which has not run since
        given.cancel()
        await asyncio.wait_for(next_one, 1)
        assert given.cancelled()
        line.leave(1)
        assert line.in_flight == 0


def test_one_model_serves_one_event_loop_after_another() -> None:
    async def once(model: EndpointChat, stub: StubServer, *, last: bool) -> str:
        async with stub:
            text = (await model.chat(ask())).text
            if last:
                await model.close()
        return text

    stub = StubServer("fine")

    async def start() -> str:
        async with stub:
            return stub.url

    url = asyncio.run(start())
    found = service("house/m", endpoints={"house": Endpoint(base_url=url)})
    model = EndpointChat(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(once(model, stub, last=False)) == "fine"
        assert asyncio.run(once(model, stub, last=False)) == "fine"
        assert len(model.wire._lines) == 1  # the session of the first loop was put away
        assert asyncio.run(once(model, stub, last=True)) == "fine"
        gc.collect()


async def test_closed_is_closed(make: Make) -> None:
    async with StubServer() as stub:
        model = make(stub)
        await model.chat(ask())
        await model.close()
        await model.close()
        with pytest.raises(Outage, match="closed"):
            await model.chat(ask())


# --- keys -------------------------------------------------------------------------------------


async def test_the_key_is_sent_and_shown_nowhere(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv("HOUSE_KEY", raising=False)
    (tmp_path / ".env").write_text(f"# mine\nexport HOUSE_KEY='{SECRET}'\n")
    async with StubServer("fine", key=SECRET) as stub:
        model = make(stub, key_env="HOUSE_KEY", folder=tmp_path)
        assert (await model.chat(ask())).text == "fine"
        monkeypatch.setenv("HOUSE_KEY", SECRET + "-of-another")
        other = make(stub, key_env="HOUSE_KEY", folder=tmp_path)
        with pytest.raises(Rejected) as caught:
            await other.chat(ask())
    error: BaseException | None = caught.value
    message = str(error)
    assert "HTTP 401: Incorrect API key provided: ***" in message
    assert "check the key in HOUSE_KEY" in message
    shown = [message, repr(error), repr(model), model.identity, repr(other.service), caplog.text]
    while error is not None:
        shown.append(repr(error) + repr(error.args))
        error = error.__context__
    assert not any("secret" in text for text in shown)


def test_a_missing_key_says_which_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="OPENAI_API_KEY is not set") as caught:
        service("openai/gpt-4.1-mini", folder=tmp_path)
    assert "export OPENAI_API_KEY=" in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-seecret\u00e9")
    with pytest.raises(InputError, match="OPENAI_API_KEY") as caught:
        service("openai/gpt-4.1-mini", folder=tmp_path)
    assert "seecret" not in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", f" {SECRET}\n")
    found = service("openai/gpt-4.1-mini", folder=tmp_path)
    assert found.key == SECRET
    assert SECRET not in repr(found)
    assert found.token_field == "max_completion_tokens"


async def test_headers_may_name_variables(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_KEY", SECRET)
    async with StubServer() as stub:
        model = make(stub, headers={"api-key": "${AZURE_KEY}", "X-Team": "a"})
        await model.chat(ask())
        shown = repr(model.service) + repr(model) + model.identity
        assert "${AZURE_KEY}" in shown
        assert SECRET not in shown
    assert stub.headers["api-key"] == SECRET
    assert stub.headers["X-Team"] == "a"


def test_env_files(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert read_env(file) == {}
    file.write_text(
        "\n# remark\nA=1\nexport B = 'two # not a remark' # remark\nC=\"3\"\nD=a#b # remark\nE=\n"
    )
    assert read_env(file) == {
        "A": "1",
        "B": "two # not a remark",
        "C": "3",
        "D": "a#b",
        "E": "",
    }
    file.write_text(f"A=1\n{SECRET}\n")
    with pytest.raises(InputError) as caught:
        read_env(file)
    assert f"{file}:2" in str(caught.value)
    assert SECRET not in str(caught.value)


# --- names and addresses ----------------------------------------------------------------------


def test_names() -> None:
    house = {
        "house": Endpoint(base_url="http://localhost:8000/v1/"),
        "openai": Endpoint(base_url="http://own/v1"),
    }
    found = service("house/org/model-7b", endpoints=house)
    assert found.model == "org/model-7b"
    model = EndpointChat(found)
    assert str(model._url) == "http://localhost:8000/v1/chat/completions"
    # A task's own endpoint goes before a provider that we know.
    assert service("openai/x", endpoints=house).endpoint.base_url == "http://own/v1"
    assert service("ollama/llama3").endpoint.base_url == PROVIDERS["ollama"].base_url
    for wrong in ("hause/x", "openai", "openai/", "x"):
        with pytest.raises(InputError) as caught:
            service(wrong, endpoints=house)
        assert "house" in str(caught.value)


def test_addresses() -> None:
    def chat(url: str) -> EndpointChat:
        return EndpointChat(service("a/m", endpoints={"a": Endpoint(base_url=url)}))

    azure = chat("https://x.example/openai/v1?api-version=2026-01&key=hidden")
    assert str(azure._url) == (
        "https://x.example/openai/v1/chat/completions?api-version=2026-01&key=hidden"
    )
    assert azure.identity == "https://x.example/openai/v1?api-version=2026-01 m"
    assert "hidden" not in repr(azure)
    with pytest.raises(InputError, match="password") as caught:
        chat("https://me:hidden@x.example/v1")
    assert "hidden" not in str(caught.value)
    for url in ("http://", "http://x:notaport/v1"):
        with pytest.raises(InputError, match="not an address"):
            chat(url)


# --- embedding and re-ranking -----------------------------------------------------------------


async def test_embedding_keeps_order_and_norm() -> None:
    async with StubServer() as stub:
        found = service("a/e", endpoints={"a": Endpoint(base_url=stub.url)})
        model = EndpointEmbedding(found, batch=3, prefixes={"query": "query: "})
        assert isinstance(model, EmbeddingModel)
        texts = [f"text {i}" for i in range(10)] + [""]
        vectors = await model.embed(texts, "passage")
        assert stub.requests == 4
        alone = np.concatenate([await model.embed([text], "passage") for text in texts])
        query = await model.embed(texts[:1], "query")
        assert stub.bodies[-1]["input"] == ["query: text 0"]
        assert (await model.embed([], "query")).shape == (0, 8)
        await model.close()
    assert vectors.dtype == np.float32
    assert vectors.shape == (11, 8)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors, alone)
    assert not np.allclose(query[0], vectors[0])


async def test_embedding_outage_is_a_plain_error() -> None:
    async with StubServer(plan=lambda n, body: "garbage") as stub:
        found = service("a/e", endpoints={"a": Endpoint(base_url=stub.url, retries=1)})
        model = EndpointEmbedding(found, batch=1, backoff_s=0.01)
        with pytest.raises(Outage, match="not JSON"):
            await model.embed(["a", "b", "c"], "query")
        await model.close()


async def test_one_rejected_batch_ends_the_others() -> None:
    plan = ["400", *["hang"] * 9]
    async with StubServer(plan=plan) as stub:
        found = service("a/e", endpoints={"a": Endpoint(base_url=stub.url)})
        model = EndpointEmbedding(found, batch=1)
        with pytest.raises(Rejected):
            await asyncio.wait_for(model.embed(list("abcdef"), "query"), 2)
        assert next(iter(model.wire._lines.values())).in_flight == 0
        await model.close()


async def test_rerank_keeps_the_order_of_the_texts() -> None:
    async with StubServer() as stub:
        found = service("a/r", endpoints={"a": Endpoint(base_url=stub.url)})
        model = EndpointRerank(found)
        assert isinstance(model, RerankModel)
        scores = await model.rerank("the red car", ["a blue bus", "the red car", "the bus"])
        assert scores == [0.0, 3.0, 1.0]
        assert await model.rerank("x", []) == []
        await model.close()
    assert stub.paths == ["/v1/rerank"]


def priced(tmp_path: Path, **row: float) -> Prices:
    fields = ", ".join(f"{k}: {v}" for k, v in {"prompt": 0, "completion": 0, **row}.items())
    (tmp_path / "prices.yaml").write_text(f"a/*: {{{fields}, date: 2026-10-01}}\n")
    return Prices.load(tmp_path)


@pytest.mark.parametrize("usage", [True, False])
async def test_embedding_tells_its_cost(tmp_path: Path, usage: bool) -> None:
    async with StubServer(usage=usage, latency_s=0.02) as stub:
        found = service("a/e", endpoints={"a": Endpoint(base_url=stub.url)})
        model = EndpointEmbedding(found, prices=priced(tmp_path, prompt=10, calls=2), batch=2)
        assert isinstance(model, ChargedEmbedding)
        vectors, charge = await model.embed_charged(["one two three", "four", "five six"], "query")
        assert (await model.embed_charged([], "query"))[1] == Charge()
        await model.close()
        bare = EndpointEmbedding(found)
        _, unknown = await bare.embed_charged(["one"], "query")
        await bare.close()
    assert vectors.shape == (3, 8)
    tokens = 6 if usage else 4 + 1 + 2  # words, or a quarter of the letters
    assert charge.tokens == tokens
    assert charge.usd == pytest.approx(tokens * 10 / 1e6 + 2 * 2 / 1e3)  # two calls of three texts
    assert 0.02 <= charge.seconds < 2
    assert unknown.usd is None


@pytest.mark.parametrize("usage", [True, False])
async def test_rerank_tells_its_cost(tmp_path: Path, usage: bool) -> None:
    async with StubServer(usage=usage) as stub:
        found = service("a/r", endpoints={"a": Endpoint(base_url=stub.url)})
        model = EndpointRerank(found, prices=priced(tmp_path, prompt=1, calls=2))
        assert isinstance(model, ChargedRerank)
        scores, charge = await model.rerank_charged("red car", ["a red car", "bus"])
        assert (await model.rerank_charged("red car", [])) == ([], Charge())
        await model.close()
    assert scores == [2.0, 0.0]
    assert charge.tokens == (2 + 3 + 2 + 1 if usage else 3 + 1 + 2 * 2)
    assert charge.usd == pytest.approx(charge.tokens / 1e6 + 0.002)
    assert charge.seconds > 0


@pytest.mark.parametrize(
    ("reply", "tokens"),
    [
        ({"usage": {"total_tokens": 7}}, 7),
        ({"usage": {"prompt_tokens": 5}}, 5),
        ({"meta": {"tokens": {"input_tokens": 9.0}}}, 9),
        ({"usage": {"total_tokens": 0}, "meta": {"tokens": None}}, None),
        ({"usage": {"total_tokens": "7"}, "meta": []}, None),
        ({"usage": {"total_tokens": True}}, None),
        ({}, None),
    ],
)
def test_tokens_in_whatever_form(reply: dict[str, Any], tokens: int | None) -> None:
    assert _read_tokens(reply) == tokens


# --- the stub as a process --------------------------------------------------------------------


async def test_the_stub_logs_each_request_and_survives_kill(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "headway.testing.stub", "--answer", "42", "--log", str(log)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession() as session:
            for i in (1, 2, 1):
                body = orjson.dumps({"model": "m", "messages": [], "seed": i})
                async with session.post(f"{url}/chat/completions", data=body) as response:
                    reply = await response.json()
                    assert reply["choices"][0]["message"]["content"] == "42"
    finally:
        process.kill()
        await process.wait()
    lines = [orjson.loads(line) for line in log.read_text().splitlines()]
    assert [line["n"] for line in lines] == [1, 2, 3]
    assert lines[0]["sha256"] == lines[2]["sha256"] != lines[1]["sha256"]


def test_a_strict_schema_says_no_lengths_of_texts() -> None:
    """Services reject a strict schema with them; a field of that name stays."""
    text = {"type": "string", "maxLength": 5}
    closed = {
        "type": "object", "properties": {"maxLength": text, "b": {"type": "array", "items": text}},
        "required": ["maxLength", "b"], "additionalProperties": False,
    }  # fmt: skip
    form = response_format(closed)["json_schema"]
    assert form["strict"]
    assert form["schema"]["properties"] == {
        "maxLength": {"type": "string"}, "b": {"type": "array", "items": {"type": "string"}},
    }  # fmt: skip
    open_ = response_format({"type": "object", "properties": {"a": text}})["json_schema"]
    assert open_["schema"]["properties"] == {"a": text}
