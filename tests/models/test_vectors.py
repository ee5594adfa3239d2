"""Embedding and re-ranking by onnxruntime."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.core.errors import ModelError
from headway.core.protocols import EmbeddingModel, RerankModel
from headway.models import open_embedding, open_rerank
from headway.models.vectors import OnnxEmbedding
from headway.testing.models import EmbeddingModelContract, RerankModelContract


@pytest.fixture(scope="module")
def embedding() -> Iterator[EmbeddingModel]:
    opened = asyncio.run(open_embedding("embedded/bge-small-en"))
    yield opened
    asyncio.run(opened.close())


@pytest.fixture(scope="module")
def reranker() -> Iterator[RerankModel]:
    opened = asyncio.run(open_rerank("embedded/minilm-l12"))
    yield opened
    asyncio.run(opened.close())


@pytest.mark.embedded
class TestOnnxEmbedding(EmbeddingModelContract):
    @pytest.fixture
    def model(self, embedding: EmbeddingModel) -> EmbeddingModel:
        return embedding

    async def test_dimension_and_prefix(self, model: EmbeddingModel) -> None:
        assert (await model.embed([], "query")).shape == (0, 384)
        query = (await model.embed(["parking costs"], "query"))[0]
        passage = (await model.embed(["parking costs"], "passage"))[0]
        assert 0.5 < float(query @ passage) < 0.999

    async def test_a_vector_does_not_depend_on_its_neighbours(self, model: EmbeddingModel) -> None:
        alone = await model.embed(["Parking costs eleven euros."], "passage")
        among = await model.embed(["Cats.", "Parking costs eleven euros.", "x " * 300], "passage")
        assert np.array_equal(alone[0], among[1])

    async def test_text_beyond_512_tokens_is_cut(self, model: EmbeddingModel) -> None:
        long = "office hours " * 400
        vectors = await model.embed([long, long + "and elephants " * 200], "passage")
        assert float(vectors[0] @ vectors[1]) > 0.999


@pytest.mark.embedded
class TestOnnxRerank(RerankModelContract):
    @pytest.fixture
    def model(self, reranker: RerankModel) -> RerankModel:
        return reranker

    async def test_a_score_does_not_depend_on_its_neighbours(self, model: RerankModel) -> None:
        asked, text = "What does parking cost?", "Parking costs eleven euros."
        alone = await model.rerank(asked, [text])
        among = await model.rerank(asked, ["Cats.", text, "Cats sleep on sofas. " * 100])
        assert alone[0] == among[1]

    async def test_a_long_passage_never_pushes_the_query_out(self, model: Any) -> None:
        scores = await model.rerank(
            "What does parking cost?",
            ["Parking costs eleven euros. " * 200, "Cats sleep on sofas. " * 200],
        )
        assert scores[0] > scores[1] + 3


def test_rows_come_back_in_the_order_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake session that gives each text its own first token back."""

    class Encoded:
        def __init__(self, text: str) -> None:
            self.ids = [int(text)] + [1] * (int(text) % 37)
            self.type_ids = [0] * len(self.ids)

    class Tokenizer:
        def encode_batch_fast(self, texts: list[str]) -> list[Encoded]:
            return [Encoded(text) for text in texts]

    class Named:
        name = "input_ids"

    class Session:
        def get_inputs(self) -> list[Named]:
            return [Named()]

        def run(self, outputs: None, feeds: dict[str, Any]) -> list[Any]:
            assert list(feeds) == ["input_ids"]
            ids = feeds["input_ids"][:, :1].astype(np.float32)
            return [np.stack([ids, np.ones_like(ids)], axis=2)]

    model = OnnxEmbedding("fake", Path("x"), Path("y"), "0" * 64)
    monkeypatch.setattr(model, "_load", lambda: (Tokenizer(), Session()))
    vectors = model._embed([str(n) for n in range(1, 300)], "passage")
    assert np.allclose(vectors[:, 0] / vectors[:, 1], np.arange(1, 300), rtol=1e-4)


async def test_a_broken_file_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text("{}")
    model = OnnxEmbedding("broken", tmp_path / "model.onnx", tokenizer)
    with pytest.raises(ModelError):
        await model.embed(["x"], "query")
