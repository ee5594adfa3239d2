"""Scripted models: deterministic, countable, and quick."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from headway.core.errors import InputError, Outage, Rejected
from headway.core.protocols import ChatModel, EmbeddingModel, RerankModel
from headway.core.record import ChatReply, ChatRequest, Message
from headway.models.scripted import (
    ScriptedChat,
    ScriptedEmbedding,
    ScriptedRerank,
    scripted_chat,
)
from headway.testing.models import ChatModelContract, EmbeddingModelContract, RerankModelContract

PASSAGES = (
    "[1] Leave\nEmployees may take 25 days of annual leave. At most 5 days carry over.\n\n"
    "[2] Travel\nTrips over 500 euros are approved by Maria Keller. Trains come before flights."
)


def ask(user: str, system: str = "Answer the question.", **more: Any) -> ChatRequest:
    return ChatRequest((Message("system", system), Message("user", user)), **more)


async def said(model: ChatModel, request: ChatRequest) -> str:
    return (await model.chat(request)).text


class TestExtractContract(ChatModelContract):
    @pytest.fixture
    def model(self) -> ScriptedChat:
        return scripted_chat("scripted/extract")


class TestEmbeddingContract(EmbeddingModelContract):
    understands = False

    @pytest.fixture
    def model(self) -> ScriptedEmbedding:
        return ScriptedEmbedding()


class TestRerankContract(RerankModelContract):
    @pytest.fixture
    def model(self) -> ScriptedRerank:
        return ScriptedRerank()


# --- scripts ----------------------------------------------------------------------------------


async def test_functions_plain_and_async() -> None:
    async def later(request: ChatRequest) -> ChatReply:
        await asyncio.sleep(0)
        return ChatReply("later", "length", 1, 2, usd=0.5)

    plain = ScriptedChat(lambda request: request.messages[-1].content.upper())
    assert isinstance(plain, ChatModel)
    reply = await plain.chat(ask("hello there."))
    assert reply == ChatReply("HELLO THERE.", "stop", 7, 3, reply.latency_s, 0.0)
    assert await ScriptedChat(later).chat(ask("x")) == ChatReply("later", "length", 1, 2, 0, 0.5)


async def test_rules_and_lists() -> None:
    rules = ScriptedChat({"Leave": "25 days", "trip": Outage("down")}, default="none")
    assert await said(rules, ask("How much LEAVE?")) == "25 days"
    assert await said(rules, ask("What?", system="leave")) == "none"
    with pytest.raises(Outage, match="down"):
        await rules.chat(ask("Which trips?"))
    listed = ScriptedChat(["a", "b"])
    assert [await said(listed, ask("x")) for _ in range(4)] == ["a", "b", "b", "b"]
    for wrong in ([], "text"):
        with pytest.raises(InputError):
            ScriptedChat(wrong)
    with pytest.raises(InputError, match="returned int"):
        await ScriptedChat(lambda r: 3).chat(ask("x"))  # type: ignore[arg-type, return-value]


async def test_length_and_stop_are_kept() -> None:
    model = ScriptedChat(["one two, three"])
    cut = await model.chat(ask("x", max_tokens=3))
    assert (cut.text, cut.finish, cut.completion_tokens) == ("one two,", "length", 3)
    whole = await model.chat(ask("x", max_tokens=4))
    assert (whole.text, whole.finish) == ("one two, three", "stop")
    assert await said(model, ask("x", stop=(", ",))) == "one two"


async def test_calls_are_counted_and_delays_overlap() -> None:
    model = ScriptedChat(["a"], delay_s=0.05, concurrency=7)
    started = time.perf_counter()
    await asyncio.gather(*(model.chat(ask(str(i))) for i in range(20)))
    assert 0.05 <= time.perf_counter() - started < 0.5
    assert (model.calls, model.most_in_flight, model.in_flight) == (20, 20, 0)
    assert model.requests[3].messages[-1].content == "3"
    assert model.concurrency == 7


async def test_faults_by_number() -> None:
    plan = {1: "outage", 2: "rejected", 3: "refused", 4: "truncated", 5: "garbage"}
    model = ScriptedChat(["one two three four"], faults=lambda r, n: plan.get(n))  # type: ignore[arg-type, return-value]
    with pytest.raises(Outage):
        await model.chat(ask("x"))
    with pytest.raises(Rejected):
        await model.chat(ask("x"))
    assert (await model.chat(ask("x"))).finish == "refused"
    cut = await model.chat(ask("x"))
    assert (cut.text, cut.finish) == ("one two", "length")
    assert "<script>" in await said(model, ask("x"))
    assert await said(model, ask("x")) == "one two three four"
    with pytest.raises(InputError, match="unknown fault 'explode'"):
        await ScriptedChat(["a"], faults=lambda r, n: "explode").chat(ask("x"))  # type: ignore[arg-type, return-value]


async def test_shares_hit_the_same_requests_in_any_order() -> None:
    async def failed(order: list[int]) -> set[int]:
        model = ScriptedChat(["a"], outage=0.1)
        out = set()
        for i in order:
            try:
                await model.chat(ask(f"question {i}"))
            except Outage:
                out.add(i)
        return out

    forward, backward = await failed(list(range(400))), await failed(list(range(399, -1, -1)))
    assert forward == backward
    assert 20 <= len(forward) <= 62  # 40 expected; 4 standard deviations of 6


# --- by name ----------------------------------------------------------------------------------


async def test_a_function_of_the_task_folder(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(
        "async def answer(request):\n    return request.messages[-1].content[::-1]\n"
        "def broken(request):\n    return 1 / 0\n"
    )
    model = scripted_chat("scripted/model.py:answer", tmp_path)
    assert await said(model, ask("abc")) == "cba"
    before = model.identity
    assert before == scripted_chat("scripted/model.py:answer", tmp_path).identity
    with pytest.raises(InputError, match="ZeroDivisionError") as caught:
        await scripted_chat("scripted/model.py:broken", tmp_path).chat(ask("x"))
    assert f"{file}:4" in str(caught.value)
    file.write_text("def answer(request):\n    return 'new'\n")
    changed = scripted_chat("scripted/model.py:answer", tmp_path)
    assert await said(changed, ask("abc")) == "new"
    assert changed.identity != before  # or the cache would answer for the old function


def test_names_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import no_such_module_at_all\n")
    (tmp_path / "model.py").write_text("def answer(request):\n    return ''\n")
    for name, words in (
        ("scripted/ecco", "echo"),
        ("scripted/none.py:f", "cannot be read"),
        ("scripted/bad.py:f", "ModuleNotFoundError"),
        ("scripted/model.py:anser", "answer"),
    ):
        with pytest.raises(InputError, match=words):
            scripted_chat(name, tmp_path)


async def test_echo() -> None:
    model = scripted_chat("scripted/echo")
    assert await said(model, ask("Passages...\n\nQuestion: why?\n")) == "Question: why?"
    assert model.identity == "scripted/echo 1"


# --- extract ----------------------------------------------------------------------------------


async def test_extract_finds_the_sentence_and_the_span() -> None:
    model = scripted_chat("scripted/extract")
    question = f"{PASSAGES}\n\nQuestion: Who approves trips over 500 euros?"
    full = await said(model, ask(question))
    short = await said(model, ask(question, system="Answer in a few words."))
    assert full == "Trips over 500 euros are approved by Maria Keller."
    assert short == "Maria Keller"
    days = f"{PASSAGES}\n\nQuestion: How many days of annual leave may employees take?"
    assert await said(model, ask(days, system="Be brief.")) == "25"


async def test_extract_depends_on_passages_and_on_the_prompt() -> None:
    model = scripted_chat("scripted/extract")
    no = "Answer. If it is not there, say 'not in the handbook'."
    question = "Question: Who approves trips over 500 euros?"
    away = PASSAGES.partition("[2]")[0]
    assert await said(model, ask(f"{away}\n\n{question}", system=no)) == "not in the handbook"
    assert "Maria Keller" in await said(model, ask(f"{PASSAGES}\n\n{question}", system=no))
    assert "Keller" not in await said(model, ask(question[10:]))


async def test_extract_fills_a_schema_and_picks_labels() -> None:
    model = scripted_chat("scripted/extract")
    schema = {
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "days": {"type": "integer"},
            "kind": {"enum": ["travel", "leave"]},
            "sure": {"type": "boolean"},
            "list": {"type": "array", "items": {"type": "string"}},
            "n": {"type": ["null", "string"]},
        },
    }
    question = f"{PASSAGES}\n\nQuestion: How many days of annual leave may employees take?"
    data = orjson.loads(await said(model, ask(question, json_schema=schema)))
    assert data == {
        "answer": "25",
        "days": 25,
        "kind": "leave",
        "sure": True,
        "list": ["25"],
        "n": None,
    }
    labels = "Reply with one of: travel, annual leave, health"
    assert await said(model, ask("How long is my leave each year?", labels)) == "annual leave"


async def test_extract_takes_whatever_it_is_given() -> None:
    model = scripted_chat("scripted/extract")
    for text in ("", "?", "Question:", "[1]", "\n\n\x00", "Question: \nQuestion: "):
        assert isinstance(await said(model, ask(text)), str)
        assert isinstance(await said(model, ask(text, json_schema={"type": "object"})), str)
    assert isinstance(await said(model, ChatRequest(())), str)


async def test_extract_is_quick() -> None:
    model = scripted_chat("scripted/extract")
    request = ask(f"{PASSAGES * 20}\n\nQuestion: Who approves trips over 500 euros?")
    started = time.process_time()
    for _ in range(20):
        await model.chat(request)
    assert (time.process_time() - started) / 20 < 0.02


# --- embedding and re-ranking -----------------------------------------------------------------


async def test_scripted_embedding() -> None:
    model = ScriptedEmbedding(dimension=64)
    assert isinstance(model, EmbeddingModel)
    vectors = await model.embed(["annual leave days", "days of leave", "train trips", ""], "query")
    assert vectors.shape == (4, 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    near, far = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    assert near > far + 0.3
    assert (await model.embed([], "query")).shape == (0, 64)


async def test_scripted_rerank() -> None:
    model = ScriptedRerank()
    assert isinstance(model, RerankModel)
    assert await model.rerank("red car", ["a blue bus", "the red car", "red"]) == [0, 1, 0.5]
    assert await model.rerank("", ["x"]) == [0]
