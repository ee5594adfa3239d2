"""AnthropicChat against a stub that is as strict as the API, over loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from headway.core.errors import InputError, Outage, Rejected, TooLong
from headway.core.protocols import ChatModel
from headway.core.record import ChatRequest, Message
from headway.core.task import Endpoint, Task
from headway.models import open_chat, open_embedding
from headway.models.anthropic import (
    BEGUN,
    THINKING_ROOM,
    AnthropicChat,
    apart,
    assumed,
    generation,
    holdable,
)
from headway.models.prices import Prices
from headway.models.probe_anthropic import check_anthropic
from headway.models.service import Capabilities, service
from headway.testing.models import ChatModelContract
from headway.testing.stub_anthropic import AnthropicStub, closed
from headway.workspace import Workspace

SECRET = "sk-ant-secret-0123456789"
OLD, NEW = "claude-sonnet-4-5", "claude-opus-5-5"
SCHEMA = {
    "type": "object",
    "properties": {"animal": {"type": "string", "minLength": 1}},
    "required": ["animal"],
}
Make = Callable[..., AnthropicChat]


def ask(text: str = "What is 6 x 7?", **more: Any) -> ChatRequest:
    return ChatRequest((Message("system", "Be short."), Message("user", text)), **more)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Models of stubs, closed at the end."""
    made: list[AnthropicChat] = []

    def build(stub: AnthropicStub, model: str = OLD, **fields: Any) -> AnthropicChat:
        own = {k: fields.pop(k) for k in ("prices", "capabilities") if k in fields}
        endpoint = Endpoint(
            **{"base_url": stub.url, "api": "anthropic", "timeout_s": 5.0, **fields}
        )
        found = service(f"claude/{model}", endpoints={"claude": endpoint})
        made.append(AnthropicChat(found, backoff_s=0.01, **own))
        return made[-1]

    yield build
    for model in made:
        await model.close()


def animals(body: dict[str, Any]) -> str:
    structured = "output_config" in body or "tools" in body
    return '{"animal": "dog"}' if structured else "one two three four five"


class TestContract(ChatModelContract):
    rejects = ask("\ud800")

    @pytest.fixture(params=[OLD, "claude-3-haiku-20240307"])
    async def model(self, request: pytest.FixtureRequest) -> AsyncIterator[AnthropicChat]:
        without = ("format",) if "3-haiku" in request.param else ()
        async with AnthropicStub(animals, latency_s=0.001, without=without) as stub:
            endpoint = Endpoint(base_url=stub.url, api="anthropic")
            model = AnthropicChat(service(f"a/{request.param}", endpoints={"a": endpoint}))
            yield model
            await model.close()


# --- what is sent ---------------------------------------------------------------------------------


async def test_instructions_stand_apart_and_turns_alternate(make: Make) -> None:
    messages = (
        Message("system", "Be short."),
        Message("system", "The customer is Ana."),
        Message("assistant", "Hello, how can I help?"),
        Message("user", "A question."),
        Message("user", "And more of it."),
        Message("assistant", " "),
        Message("user", "Well?"),
    )
    async with AnthropicStub("forty two") as stub:
        model = make(stub)
        assert isinstance(model, ChatModel)
        reply = await model.chat(
            ChatRequest(messages, max_tokens=9, temperature=1.4, seed=3, stop=("\n", "END"))
        )
    assert (reply.text, reply.finish, reply.completion_tokens) == ("forty two", "stop", 2)
    assert stub.paths == ["/v1/messages"]
    assert stub.bodies == [
        {
            "model": OLD,
            "max_tokens": 9,
            "system": "Be short.\n\nThe customer is Ana.",
            "messages": [
                {"role": "user", "content": BEGUN},
                {"role": "assistant", "content": "Hello, how can I help?"},
                {"role": "user", "content": "A question.\n\nAnd more of it.\n\nWell?"},
            ],
            "temperature": 1.0,
            "stop_sequences": ["END"],
        }
    ]
    assert stub.headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in stub.headers


def test_an_empty_request_is_still_one() -> None:
    assert apart([Message("user", "")])[1] == [{"role": "user", "content": "(nothing)"}]


async def test_a_new_model_gets_no_temperature_and_room_to_think(make: Make) -> None:
    async with AnthropicStub(without=("temperature",), plan=["thinking"]) as stub:
        reply = await make(stub, NEW).chat(ask(max_tokens=9))
    assert reply.text == "ok"
    assert stub.bodies[0]["max_tokens"] == 9 + THINKING_ROOM
    assert "temperature" not in stub.bodies[0]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("claude-3-5-sonnet-20241022", (3, 5)), ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-opus-4-1-20250805", (4, 1)), ("claude-opus-4-7", (4, 7)),
        ("claude-haiku-5-5", (5, 5)), ("claude-sonnet-5", (5, 0)), ("claude-2.1", (2, 1)),
        ("claude-mythos-preview", (99, 0)), ("claude-opus-4@20250514", (4, 0)),
    ],
)  # fmt: skip
def test_versions_in_names(name: str, version: tuple[int, int]) -> None:
    assert generation(name) == version


def test_what_a_name_says() -> None:
    found = {name: assumed(name) for name in ("claude-3-haiku", "claude-sonnet-4-6", NEW)}
    assert [c.json_by for c in found.values()] == ["tool", "format", "format"]
    assert [c.temperature for c in found.values()] == [True, True, False]
    assert [c.thinks for c in found.values()] == [False, False, True]


async def test_a_schema_is_enforced_by_what_there_is(make: Make) -> None:
    async with AnthropicStub(animals) as stub:
        for name in (OLD, "claude-3-haiku-20240307"):
            reply = await make(stub, name).chat(ask(json_schema=SCHEMA))
            assert orjson.loads(reply.text) == {"animal": "dog"}
        bare = Capabilities(json_schema=False)
        assert "one" in (await make(stub, capabilities=bare).chat(ask(json_schema=SCHEMA))).text
    by_format, by_tool, by_nothing = stub.bodies
    assert by_format["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert by_tool["tool_choice"] == {"type": "tool", "name": "answer"}
    assert by_tool["tools"][0]["input_schema"] == SCHEMA  # a tool takes all of JSON Schema
    assert not {"output_config", "tools"} & set(by_nothing)


HELD: list[tuple[dict[str, Any], list[Any]]] = [
    (
        {"type": "object", "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 9},
            "when": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
        }, "required": ["n"]},
        [{"n": 3}, {"n": 1, "when": "2026-01-01", "tags": ["a"]}],
    ),
    (
        {"$defs": {"part": {"type": "object", "properties": {"x": {"type": "number"}}}},
         "type": "object", "properties": {"a": {"$ref": "#/$defs/part"},
         "b": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/part"}]}}},
        [{"a": {"x": 1.5}, "b": None}, {"b": {"x": 2}}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "values"), HELD)
def test_what_is_held_of_a_schema_allows_what_it_allows(
    schema: dict[str, Any], values: list[Any]
) -> None:
    held = holdable(schema)
    assert held is not None
    assert closed(held)
    for value in values:
        Draft202012Validator(schema).validate(value)
        Draft202012Validator(held).validate(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"x": {"description": "anything"}}},
        {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}},
         "$ref": "#/$defs/n"},
        {"type": "object", "properties": {"x": {"$ref": "https://elsewhere/schema"}}},
        {"type": "array"},
        True,
    ],
)  # fmt: skip
async def test_a_schema_that_cannot_be_held_is_not_enforced(make: Make, schema: Any) -> None:
    assert holdable(schema) is None
    async with AnthropicStub() as stub:
        body = make(stub).payload(ask(json_schema=schema))
    assert "output_config" not in body


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "text", "finish"),
    [
        ("refusal", "I will not.", "refused"), ("pause", "ok", "length"),
        ("window", "ok", "length"), ("silent", "", "stop"), ("thinking", "ok", "stop"),
    ],
)  # fmt: skip
async def test_how_a_reply_ended(make: Make, fault: str, text: str, finish: str) -> None:
    async with AnthropicStub(plan=[fault]) as stub:
        reply = await make(stub).chat(ask())
    assert (reply.text, reply.finish) == (text, finish)


async def test_cached_tokens_are_counted_and_have_their_own_price(
    make: Make, tmp_path: Path
) -> None:
    (tmp_path / "prices.yaml").write_text(
        "claude/*: {prompt: 4, completion: 20, date: 2026-11-01}\n"
    )
    async with AnthropicStub("a b c", plan=["cached", "ok"]) as stub:
        model = make(stub, prices=Prices.load(tmp_path))
        cached, plain = await model.chat(ask()), await model.chat(ask())
        unknown = await make(stub).chat(ask())
    assert cached.prompt_tokens == 10 + 1000 + 150
    weighed = round(10 + 0.1 * 1000 + 1.25 * 100 + 2 * 50)
    assert cached.usd == pytest.approx((4 * weighed + 20 * 3) / 1e6)
    assert plain.usd == pytest.approx((4 * plain.prompt_tokens + 20 * 3) / 1e6)
    assert unknown.usd is None


async def test_without_usage_tokens_are_estimated(make: Make) -> None:
    async with AnthropicStub("one two", usage=False) as stub:
        reply = await make(stub).chat(ask("four letters each"))
    assert reply.prompt_tokens > 4
    assert reply.completion_tokens == 2


# --- when it fails --------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429:0.01", "529", "500", "504", "drop", "garbage"])
async def test_what_passes_is_asked_again(make: Make, fault: str) -> None:
    async with AnthropicStub(plan=[fault, fault]) as stub:
        assert (await make(stub).chat(ask())).text == "ok"
    assert stub.requests == 3


async def test_retry_after_is_waited(make: Make) -> None:
    async with AnthropicStub(plan=["429:0.3"]) as stub:
        await make(stub).chat(ask())
    assert stub.times[1] - stub.times[0] >= 0.3


async def test_an_overload_that_stays_is_an_outage(make: Make) -> None:
    async with AnthropicStub(plan=["529"] * 3) as stub:
        with pytest.raises(Outage, match="HTTP 529"):
            await make(stub, retries=2).chat(ask())
    assert stub.requests == 3


@pytest.mark.parametrize(
    ("fault", "do"),
    [("403", "may use"), ("404", "served there"), ("402", "quota"), ("spent", "quota")],
)
async def test_what_does_not_pass_is_not_asked_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, fault: str, do: str
) -> None:
    monkeypatch.setenv("THE_KEY", SECRET)
    async with AnthropicStub(plan=[fault]) as stub:
        with pytest.raises(Rejected) as caught:
            await make(stub, key_env="THE_KEY").chat(ask())
    assert stub.requests == 1
    assert do in (caught.value.do or "")


@pytest.mark.parametrize("fault", ["long", "413"])
async def test_a_prompt_that_does_not_fit_is_this_requests_own_fault(
    make: Make, fault: str
) -> None:
    async with AnthropicStub(plan=[fault]) as stub:
        with pytest.raises(TooLong, match="passages"):
            await make(stub).chat(ask())


async def test_a_parameter_that_is_not_taken_says_what_to_type(make: Make) -> None:
    async with AnthropicStub(without=("temperature",)) as stub:
        with pytest.raises(Rejected, match="headway models check claude/claude-sonnet-4-5"):
            await make(stub).chat(ask())


async def test_the_key_is_sent_and_never_told(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("THE_KEY", SECRET)
    async with AnthropicStub(key=SECRET) as stub:
        model = make(stub, key_env="THE_KEY")
        await model.chat(ask())
        assert stub.headers["x-api-key"] == SECRET
    async with AnthropicStub(key="another") as stub:
        wrong = make(stub, key_env="THE_KEY")
        with pytest.raises(Rejected, match="THE_KEY") as caught:
            await wrong.chat(ask())
    for told in (str(caught.value), repr(model), repr(model.service), model.identity, caplog.text):
        assert SECRET not in told


# --- by name --------------------------------------------------------------------------------------


def task_of(folder: Path, url: str, name: str = "anthropic", extra: str = "") -> Task:
    (folder / "task.yaml").write_text(
        f"name: x\nmodels: {{chat: {name}/{OLD}}}\n"
        f"endpoints: {{{name}: {{base_url: '{url}'{extra}}}}}\n"
    )
    (folder / "examples.jsonl").write_text('{"id": "a", "inputs": {"question": "Q?"}}\n')
    return Task.load(folder)


async def test_by_name_with_the_key_of_the_environment_or_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    (tmp_path / "task.yaml").write_text("name: x\n")
    (tmp_path / "examples.jsonl").write_text('{"id": "a", "inputs": {"question": "Q?"}}\n')
    task = Task.load(tmp_path)
    with pytest.raises(InputError, match="ANTHROPIC_API_KEY"):
        await open_chat(f"anthropic/{NEW}", task)
    (tmp_path / ".env").write_text(f"ANTHROPIC_API_KEY={SECRET}\n")
    model = await open_chat(f"anthropic/{NEW}", task)
    assert isinstance(model, AnthropicChat)
    assert str(model._url) == "https://api.anthropic.com/v1/messages"
    assert model.service.key == SECRET
    await model.close()
    with pytest.raises(InputError, match="neither embeds"):
        await open_embedding("anthropic/claude-embed", task)


@pytest.mark.parametrize("tail", ["/v1", "", "/"])
async def test_a_proxy_by_base_url(tmp_path: Path, tail: str) -> None:
    async with AnthropicStub("through") as stub:
        task = task_of(tmp_path, stub.url.removesuffix("/v1") + tail)
        model = await open_chat(task.spec.models.chat, task)
        assert (await model.chat(ask())).text == "through"
        await model.close()
        other = task_of(tmp_path, stub.url, "house", ", api: anthropic")
        model = await open_chat(other.spec.models.chat, other)
        assert (await model.chat(ask())).text == "through"
        await model.close()
    assert stub.paths == ["/v1/messages"] * 2


# --- models check ---------------------------------------------------------------------------------


def digits(body: dict[str, Any]) -> str:
    structured = "output_config" in body or "tools" in body
    return '{"digits": "123", "colour": "red"}' if structured else "123 red"


@pytest.mark.parametrize(
    ("without", "found", "calls"),
    [
        ((), (True, True, "format"), 1),
        (("temperature",), (False, True, "format"), 2),
        (("format",), (True, True, "tool"), 2),
        (("temperature", "format", "tools"), (False, False, None), 4),
    ],
)
async def test_check_finds_what_a_model_takes(
    make: Make, without: tuple[str, ...], found: tuple[Any, ...], calls: int
) -> None:
    async with AnthropicStub(digits, without=without) as stub:
        model = make(stub)
        can = await check_anthropic(model)
        assert (can.temperature, can.json_schema, can.json_by) == found
        assert can.calls == calls == stub.requests
        assert len(can.notes) == calls - 1
        # What was found is enough for the next call, and part of the identity.
        again = make(stub, capabilities=Capabilities.from_dict(can.to_dict()))
        await again.chat(ask(json_schema=SCHEMA))
    assert (again.identity == model.identity) == (not without)


async def test_check_of_the_workspace_keeps_it(tmp_path: Path) -> None:
    async with AnthropicStub(digits, without=("temperature",), plan=["thinking"] * 2) as stub:
        task = task_of(tmp_path, stub.url)
        async with Workspace.open(tmp_path) as workspace:
            found = await workspace.check_model(task.spec.models.chat)
        async with Workspace.open(tmp_path) as workspace:
            model = await workspace.parts.chat(task.spec.models.chat)
            assert isinstance(model, AnthropicChat)
            assert model.capabilities.temperature is False
            assert model.capabilities.thinks is True
    assert found["temperature"] is False
    assert found["served_model"] == OLD


async def test_check_says_what_is_wrong_with_the_key(make: Make) -> None:
    async with AnthropicStub(key="another") as stub:
        with pytest.raises(Rejected, match="401"):
            await check_anthropic(make(stub))
