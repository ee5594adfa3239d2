"""Embeddings and re-ranking by onnxruntime inside this process.

Each text is computed alone, several side by side on as many threads. Batches would be no quicker:
20 passages of 190 tokens took 3.5 times as long padded into batches of 4,096 tokens (two cores).
And they would not be the same: these weights are quantised dynamically, one scale for a whole
batch, so that a text's vector would depend on its neighbours (cosine 0.996 to itself, measured).
Texts beyond the model's 512 tokens are cut there, which is how these models were trained to read.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from headway.core.errors import ModelError
from headway.core.files import sha256_of
from headway.core.protocols import Vectors
from headway.models.embedded import thread_count
from headway.models.pull import obtain

if TYPE_CHECKING:
    from headway.models import Opening

MOST_TOKENS = 512


class _Onnx:
    """A tokenizer and a session, loaded on first use; calls from several threads are safe."""

    def __init__(self, name: str, path: Path, tokenizer: Path, sha256: str | None) -> None:
        self.name = name
        self._path, self._tokenizer_path = path, tokenizer
        self._sha256 = sha256 or sha256_of(path)
        self._loaded: tuple[Any, Any] | None = None
        self._loading = threading.Lock()
        self._closed = False

    @property
    def identity(self) -> str:
        """The weights and how they are read."""
        return f"onnx:{self._sha256}/tokens:{MOST_TOKENS}/alone"

    async def close(self) -> None:
        """Free the weights."""
        self._closed = True
        self._loaded = None

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._closed:
                raise ModelError(f"{self.name} is closed")
            if self._loaded is None:
                self._loaded = (_tokenizer(self._tokenizer_path), _session(self._path))
            return self._loaded

    def _compute(
        self,
        texts: Sequence[str] | Sequence[tuple[str, str]],
        take: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    ) -> list[NDArray[np.float32]]:
        """take(the model's first output) of each text, in the order of the texts."""
        tokenizer, session = self._load()
        accepts = {given.name for given in session.get_inputs()}

        def one(encoded: Any) -> NDArray[np.float32]:
            feeds = {
                "input_ids": np.array([encoded.ids], np.int64),
                "attention_mask": np.ones((1, len(encoded.ids)), np.int64),
                "token_type_ids": np.array([encoded.type_ids], np.int64),
            }
            asked = {name: feed for name, feed in feeds.items() if name in accepts}
            made: NDArray[np.float32] = take(session.run(None, asked)[0])[0]
            return made

        encoded = tokenizer.encode_batch_fast(list(texts))
        if len(encoded) == 1:
            return [one(encoded[0])]
        with ThreadPoolExecutor(thread_count()) as pool:
            return list(pool.map(one, encoded))


class OnnxEmbedding(_Onnx):
    """A sentence embedding model whose first output is (texts, tokens, dimension): the first
    token's vector, scaled to length 1. Implements EmbeddingModel.

    query_prefix goes before texts of kind `query`, as the model was trained.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        tokenizer: Path,
        sha256: str | None = None,
        query_prefix: str = "",
    ) -> None:
        super().__init__(name, path, tokenizer, sha256)
        self._prefix = query_prefix

    @property
    def identity(self) -> str:
        """The weights, how they are read, and the query's prefix."""
        return f"{super().identity}/cls/{self._prefix}"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """float32 (len(texts), dimension), rows of L2 norm 1, in the order of the texts."""
        return await asyncio.to_thread(self._embed, list(texts), kind)

    def _embed(self, texts: list[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            _, session = self._load()
            return np.zeros((0, int(session.get_outputs()[0].shape[-1])), np.float32)
        prefix = self._prefix if kind == "query" else ""
        rows = self._compute([prefix + text for text in texts], lambda out: out[:, 0])
        vectors = np.stack(rows).astype(np.float32, copy=False)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class OnnxRerank(_Onnx):
    """A cross-encoder whose first output is (pairs, 1): the logit of relevance, roughly -12 to
    12. Implements RerankModel."""

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score a text, in order, higher is more relevant."""
        return await asyncio.to_thread(self._rerank, query, list(texts))

    def _rerank(self, query: str, texts: list[str]) -> list[float]:
        if not texts:
            return []
        rows = self._compute([(query, text) for text in texts], lambda out: out[:, 0])
        return [float(score) for score in rows]


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise _unusable("tokenizers", path, error) from None
    tokenizer.no_padding()
    # Of a pair the longer side is cut, which is the passage and not the query.
    tokenizer.enable_truncation(MOST_TOKENS, strategy="longest_first")
    return tokenizer


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # texts are side by side instead
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own classes of error are not public
        raise _unusable("onnxruntime", path, error) from None


def _unusable(library: str, path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{library} cannot load it: {str(error)[:200]}",
        where=str(path),
        do="remove the file and fetch it again",
    )


async def open_embedding(name: str, opening: Opening) -> OnnxEmbedding:
    """`embedded/NAME` of the catalogue, fetched if need be."""
    entry, path = await obtain(name, "embed", opening.progress, opening.notice)
    tokenizer = path.with_name("tokenizer.json")
    return OnnxEmbedding(entry.name, path, tokenizer, entry.sha256, entry.query_prefix)


async def open_rerank(name: str, opening: Opening) -> OnnxRerank:
    """`embedded/NAME` of the catalogue, fetched if need be."""
    entry, path = await obtain(name, "rerank", opening.progress, opening.notice)
    return OnnxRerank(entry.name, path, path.with_name("tokenizer.json"), entry.sha256)
