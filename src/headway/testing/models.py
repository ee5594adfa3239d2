"""Contract suites for chat, embedding and re-ranking models: run them on yours.

    from headway.testing.models import ChatModelContract

    class TestMine(ChatModelContract):
        @pytest.fixture
        async def model(self):
            model = MyModel()
            yield model
            await model.close()

pytest with pytest-asyncio in `auto` mode runs them; every test is asynchronous. A class attribute
turned off says that a model cannot do something, and that test is skipped, with a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from headway.core.charge import Charge, ChargedEmbedding, ChargedRerank
from headway.core.errors import Rejected, TooLong
from headway.core.protocols import ChatModel, EmbeddingModel, RerankModel
from headway.core.record import ChatReply, ChatRequest, Message


def ask(text: str, **how: Any) -> ChatRequest:
    """A request of one user message."""
    return ChatRequest((Message("user", text),), **how)


class ChatModelContract:
    """What every ChatModel must do. Provide a fixture `model`.

    obeys_schema: it follows `json_schema`. obeys_limit: it stops at `max_tokens`. deterministic:
    the same request at temperature 0, asked alone, gives the same text. reports_usage: it counts
    tokens. rejects: a request that it must refuse, such as one beyond its context.
    """

    obeys_schema: ClassVar[bool] = True
    obeys_limit: ClassVar[bool] = True
    deterministic: ClassVar[bool] = True
    reports_usage: ClassVar[bool] = True
    rejects: ClassVar[ChatRequest | None] = None

    async def test_is_a_chat_model(self, model: ChatModel) -> None:
        assert isinstance(model, ChatModel)
        assert model.name
        assert isinstance(model.identity, str)
        assert model.identity
        assert model.identity == model.identity
        assert model.concurrency >= 1

    async def test_answers(self, model: ChatModel) -> None:
        reply = await model.chat(ask("Say hello.", max_tokens=16))
        assert isinstance(reply, ChatReply)
        assert isinstance(reply.text, str)
        assert reply.text
        assert reply.finish in ("stop", "length")
        assert reply.latency_s >= 0
        assert not reply.cached
        assert reply.usd is None or reply.usd >= 0

    async def test_counts_usage(self, model: ChatModel) -> None:
        if not self.reports_usage:
            pytest.skip("this model does not report usage")
        short = await model.chat(ask("Say hello.", max_tokens=8))
        long = await model.chat(ask("Say hello. " * 30, max_tokens=8))
        assert 0 < short.prompt_tokens < long.prompt_tokens
        assert 0 < short.completion_tokens <= 8 or not self.obeys_limit

    async def test_usage_counts_tokens_from_a_cache_too(self, model: ChatModel) -> None:
        if not self.reports_usage:
            pytest.skip("this model does not report usage")
        request = ask("Name one colour of the flag of Italy. " * 10, max_tokens=4)
        first, second = await model.chat(request), await model.chat(request)
        assert first.prompt_tokens == second.prompt_tokens

    async def test_same_request_same_answer_at_temperature_zero(self, model: ChatModel) -> None:
        if not self.deterministic:
            pytest.skip("this model is not deterministic")
        request = ask("List three animals.", max_tokens=24)
        texts = [(await model.chat(request)).text for _ in range(3)]
        # The first may be computed without a cached prefix, which moves the last bits.
        assert texts[1] == texts[2]

    async def test_stops_at_max_tokens(self, model: ChatModel) -> None:
        if not self.obeys_limit:
            pytest.skip("this model does not obey max_tokens")
        request = ask("Count from one to one hundred, in words.", max_tokens=3)
        reply = await model.chat(request)
        assert reply.finish == "length"
        assert not self.reports_usage or reply.completion_tokens <= 3

    async def test_a_schema_is_followed(self, model: ChatModel) -> None:
        if not self.obeys_schema:
            pytest.skip("this model does not follow schemas")
        schema = {
            "type": "object",
            "properties": {"animal": {"type": "string", "enum": ["cat", "dog", "cow"]}},
            "required": ["animal"],
            "additionalProperties": False,
        }
        request = ask("Which one barks? Answer in JSON.", max_tokens=64, json_schema=schema)
        reply = await model.chat(request)
        assert json.loads(reply.text)["animal"] in ("cat", "dog", "cow")

    async def test_calls_at_once_do_not_mix(self, model: ChatModel) -> None:
        requests = [ask("Say hello. " * n, max_tokens=4) for n in range(1, 9)]
        alone = [await model.chat(request) for request in requests]
        together = await asyncio.gather(*(model.chat(request) for request in requests))
        assert [r.prompt_tokens for r in together] == [r.prompt_tokens for r in alone]
        assert all(isinstance(reply.text, str) for reply in together)

    async def test_a_cancelled_call_leaves_the_model_usable(self, model: ChatModel) -> None:
        task = asyncio.create_task(model.chat(ask("Tell a long story.", max_tokens=400)))
        await asyncio.sleep(0.05)
        task.cancel()
        # A model that was faster than the cancellation has simply answered.
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert (await model.chat(ask("Say hello.", max_tokens=4))).finish in ("stop", "length")

    async def test_what_cannot_be_answered_is_rejected(self, model: ChatModel) -> None:
        if self.rejects is None:
            pytest.skip("no request is named that this model must reject")
        with pytest.raises((Rejected, TooLong)) as caught:
            await model.chat(self.rejects)
        assert str(caught.value)

    async def test_counts_tokens_in_order(self, model: ChatModel) -> None:
        assert await model.count_tokens([]) == []
        counts = await model.count_tokens(["one", "one two three four five six seven eight", ""])
        assert len(counts) == 3
        assert counts[1] > counts[0] > 0
        assert counts[2] >= 0


class EmbeddingModelContract:
    """What every EmbeddingModel must do. Provide a fixture `model`.

    understands: it puts what means the same near, as more than a hash of words does.
    """

    understands: ClassVar[bool] = True
    TEXTS: ClassVar[tuple[str, ...]] = (
        "The cat sleeps on the warm sofa.",
        "Invoices are paid within thirty days.",
        "a",
        "Employees may work from home two days a week. " * 20,
        "",
        "Züge nach Köln fahren stündlich. 火车 🚆",
    )

    async def test_is_an_embedding_model(self, model: EmbeddingModel) -> None:
        assert isinstance(model, EmbeddingModel)
        assert model.name
        assert model.identity

    async def test_unit_rows_of_float32(self, model: EmbeddingModel) -> None:
        kinds: tuple[Literal["query", "passage"], ...] = ("query", "passage")
        for kind in kinds:
            vectors = await model.embed(self.TEXTS, kind)
            assert vectors.dtype == np.float32
            assert vectors.ndim == 2
            assert vectors.shape[0] == len(self.TEXTS)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)

    async def test_no_texts_give_no_rows(self, model: EmbeddingModel) -> None:
        vectors = await model.embed([], "passage")
        assert vectors.shape[0] == 0
        assert vectors.ndim == 2

    async def test_rows_are_in_the_order_of_the_texts(self, model: EmbeddingModel) -> None:
        together = await model.embed(self.TEXTS, "passage")
        for row, text in zip(together, self.TEXTS, strict=True):
            alone = (await model.embed([text], "passage"))[0]
            # int8 models round by what is in the batch, so not to the last bit.
            assert float(row @ alone) > 0.99

    async def test_calls_at_once_do_not_mix(self, model: EmbeddingModel) -> None:
        alone = await model.embed(self.TEXTS, "passage")
        many = await asyncio.gather(*(model.embed(self.TEXTS, "passage") for _ in range(4)))
        for vectors in many:
            np.testing.assert_allclose(vectors, alone, atol=0.05)

    async def test_what_costs_tells_its_cost(self, model: EmbeddingModel) -> None:
        if not isinstance(model, ChargedEmbedding):
            pytest.skip("calls of this model cost nothing")
        vectors, charge = await model.embed_charged(self.TEXTS, "query")
        np.testing.assert_allclose(vectors, await model.embed(self.TEXTS, "query"), atol=0.05)
        sound(charge)

    async def test_near_in_meaning_is_near(self, model: EmbeddingModel) -> None:
        if not self.understands:
            pytest.skip("this model does not know what words mean")
        query = (await model.embed(["When must we pay a bill?"], "query"))[0]
        scores = (await model.embed(self.TEXTS, "passage")) @ query
        assert int(np.argmax(scores)) == 1


def sound(charge: Charge) -> None:
    """What a charge for some texts must be."""
    assert isinstance(charge, Charge)
    assert charge.tokens > 0
    assert charge.usd is None or charge.usd >= 0
    assert charge.seconds >= 0


class RerankModelContract:
    """What every RerankModel must do. Provide a fixture `model`."""

    TEXTS: ClassVar[tuple[str, ...]] = (
        "The cat sleeps on the warm sofa.",
        "Parking at the office costs eleven euros a day. " * 8,
        "",
        "The office in Lyon opens at eight.",
    )
    QUERY: ClassVar[str] = "What does parking at the office cost?"

    async def test_is_a_rerank_model(self, model: RerankModel) -> None:
        assert isinstance(model, RerankModel)
        assert model.name
        assert model.identity

    async def test_one_finite_score_a_text(self, model: RerankModel) -> None:
        scores = await model.rerank(self.QUERY, self.TEXTS)
        assert len(scores) == len(self.TEXTS)
        assert all(isinstance(score, float) for score in scores)
        assert np.isfinite(scores).all()

    async def test_no_texts_no_scores(self, model: RerankModel) -> None:
        assert await model.rerank(self.QUERY, []) == []

    async def test_what_costs_tells_its_cost(self, model: RerankModel) -> None:
        if not isinstance(model, ChargedRerank):
            pytest.skip("calls of this model cost nothing")
        scores, charge = await model.rerank_charged(self.QUERY, self.TEXTS)
        np.testing.assert_allclose(
            scores, await model.rerank(self.QUERY, self.TEXTS), rtol=0.1, atol=0.5
        )
        sound(charge)

    async def test_the_answer_is_first(self, model: RerankModel) -> None:
        scores = await model.rerank(self.QUERY, self.TEXTS)
        assert int(np.argmax(scores)) == 1

    async def test_scores_are_in_the_order_of_the_texts(self, model: RerankModel) -> None:
        scores = await model.rerank(self.QUERY, self.TEXTS)
        turned = await model.rerank(self.QUERY, self.TEXTS[::-1])
        np.testing.assert_allclose(turned[::-1], scores, rtol=0.1, atol=0.5)

    async def test_calls_at_once_do_not_mix(self, model: RerankModel) -> None:
        alone = await model.rerank(self.QUERY, self.TEXTS)
        many = await asyncio.gather(*(model.rerank(self.QUERY, self.TEXTS) for _ in range(4)))
        for scores in many:
            np.testing.assert_allclose(scores, alone, rtol=0.05, atol=0.2)
