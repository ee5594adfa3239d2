"""Indexes over the passages of one cut: full text (BM25) and vectors (cosine), in LanceDB.

Each lives in its own folder, named by the hash of all it was made from, so that a changed
document, cut or model means another folder and an unchanged one is opened again. A search asks
the index for row ids and scores only; the passages are cut from the documents in memory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from headway.core.errors import HeadwayError, InputError
from headway.core.protocols import Vectors
from headway.core.task import digest
from headway.knowledge.cut import CUT_VERSION, cut
from headway.knowledge.place import build_once
from headway.knowledge.read import Document

INDEX_VERSION = 1  # raise it when the same input would be indexed differently

EXACT = 100_000
"""Up to so many passages vectors are compared one by one, in memory. Measured with 384 dimensions:
20,000 take 0.6 ms (LanceDB's own flat scan 17 ms), 97,000 take 24 ms on a busy machine. An index
answers those in 5 ms, but takes a minute to build and misses some: a measurement needs neither."""

ASIDE = 8_000_000  # numbers to multiply above which a search leaves the event loop: some 1 ms

BATCH = 256  # texts in one call to the embedding model
PART = 2048  # vectors kept at a time while building, so that a kill costs at most these calls

Embed = Callable[[str, list[str], Literal["query", "passage"]], Awaitable[Vectors]]
Hits = list[tuple[int, float]]
"""(row, score), best first; equal scores in the order of the rows."""

Opened = TypeVar("Opened")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """The passages of a cut: row i is documents[document[i]][start[i]:end[i]]."""

    documents: tuple[Document, ...]
    document: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.document)

    def searched(self, row: int) -> str:
        """The text that is indexed: the passage below its document's title, which a passage from
        the middle of a document does not say."""
        document = self.documents[self.document[row]]
        text = document.text[self.start[row] : self.end[row]]
        title = document.title
        return text if not title or title in text[: len(title) + 8] else f"{title}\n{text}"


def cut_all(documents: Mapping[str, Document], tokens: int, overlap: int) -> Rows:
    """The passages of all documents, in the order of their names."""
    ordered = tuple(documents[name] for name in sorted(documents))
    cuts = [cut(document.text, tokens, overlap) for document in ordered]
    owners = np.repeat(np.arange(len(cuts), dtype=np.int32), [len(spans) for spans in cuts])
    flat = np.array([span for spans in cuts for span in spans], dtype=np.int64).reshape(-1, 2)
    return Rows(ordered, owners, flat[:, 0].copy(), flat[:, 1].copy())


def kept_cut(place: Path, documents: Mapping[str, Document], tokens: int, overlap: int) -> Rows:
    """cut_all, kept in the file `place`: a new process need not cut a large corpus again."""
    try:
        with np.load(place, allow_pickle=False) as kept:
            ordered = tuple(documents[name] for name in sorted(documents))
            return Rows(ordered, kept["document"], kept["start"], kept["end"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there yet, or damaged
    rows = cut_all(documents, tokens, overlap)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".tmp", delete=False) as stream:
        np.savez(stream, document=rows.document, start=rows.start, end=rows.end)
    os.replace(stream.name, place)
    return rows


def cut_key(documents: str, tokens: int, overlap: int) -> str:
    """Name of the cut's file."""
    return "cut-" + digest([CUT_VERSION, documents, tokens, overlap]) + ".npz"


def text_key(documents: str, tokens: int, overlap: int, tokenizer: Mapping[str, Any]) -> str:
    """Name of the full-text index's folder."""
    return "text-" + digest([INDEX_VERSION, CUT_VERSION, documents, tokens, overlap, tokenizer])


def dense_key(documents: str, tokens: int, overlap: int, embedder: str) -> str:
    """Name of the vector index's folder."""
    return "dense-" + digest([INDEX_VERSION, CUT_VERSION, documents, tokens, overlap, embedder])


async def _connect(folder: Path) -> Any:
    # Imported on use: it takes a second, which most commands need not wait for.
    import lancedb

    return await lancedb.connect_async(folder)


def _batches(rows: Rows, schema: Any, size: int = 4096) -> Iterator[Any]:
    import pyarrow as pa

    for at in range(0, len(rows), size):
        numbers = range(at, min(at + size, len(rows)))
        yield pa.record_batch(
            [pa.array(numbers, pa.int32()), pa.array([rows.searched(row) for row in numbers])],
            schema=schema,
        )


class TextIndex:
    """BM25 over the passages of a cut."""

    def __init__(self, table: Any, rows: Rows, numbers: Mapping[int, int] | None) -> None:
        from lancedb.query import MatchQuery

        self._table, self.rows, self._numbers = table, rows, numbers
        self._match: Any = MatchQuery  # its fields have defaults that its type hides

    @classmethod
    async def open(cls, place: Path, rows: Rows, tokenizer: Mapping[str, Any]) -> TextIndex:
        """Open the index at `place`, building it first where it is missing or broken."""

        async def build(folder: Path) -> None:
            import pyarrow as pa
            from lancedb.index import FTS

            schema = pa.schema([("row", pa.int32()), ("text", pa.string())])
            connection = await _connect(folder)
            reader = pa.RecordBatchReader.from_batches(schema, _batches(rows, schema))
            table = await connection.create_table("passages", reader)
            # One worker: several would make several partitions, and the scores would depend on
            # how many cores the machine has. 5,000 abstracts take 0.4 s either way.
            await table.create_index("text", config=FTS(num_workers=1, **tokenizer))

        async def connect() -> TextIndex:
            connection = await _connect(place)
            table = await connection.open_table("passages")
            known = await table.query().select(["row", "_rowid"]).with_row_id().to_arrow()
            if known.num_rows != len(rows):
                raise ValueError(f"{known.num_rows} rows, not {len(rows)}")
            pairs = dict(zip(known["_rowid"].to_pylist(), known["row"].to_pylist(), strict=True))
            same = all(key == value for key, value in pairs.items())
            return cls(table, rows, None if same else pairs)

        return await _sound(place, build, connect)

    async def search(self, query: str, k: int) -> Hits:
        """At most k passages that share a word with the query. Any text is a query: it is
        matched as words, never parsed for operators."""
        clean = query.encode("utf-8", "replace").decode()
        asked, limit = self._match(clean, "text"), k + 1
        while True:
            # Row ids rather than a column: a third quicker, as nothing has to be fetched.
            found = await (
                self._table.query()
                .nearest_to_text(asked)
                .select(["_rowid", "_score"])
                .with_row_id()
                .limit(limit)
                .to_arrow()
            )
            ids: list[int] = found["_rowid"].to_pylist()
            scores: list[float] = found["_score"].to_pylist()
            # Which of several equal passages are returned at the border is left to chance by the
            # index: ask on until the border lies between two different scores.
            if len(ids) < limit or scores[-1] != scores[k - 1]:
                break
            limit = 4 * limit
        numbers = self._numbers
        rows = ids if numbers is None else [numbers[i] for i in ids]
        hits = list(zip(rows, scores, strict=True))
        hits.sort(key=lambda hit: (-hit[1], hit[0]))
        return hits[:k]


class DenseIndex:
    """Cosine over the vectors of a cut: exact up to EXACT passages, approximate above."""

    def __init__(self, table: Any, rows: Rows, vectors: Vectors | None, dimension: int) -> None:
        self._table, self.rows, self._vectors = table, rows, vectors
        self.dimension = dimension

    @classmethod
    async def open(cls, place: Path, rows: Rows, model: str, embed: Embed) -> DenseIndex:
        """Open the index at `place`, embedding every passage first where it is missing.

        Vectors already made before a kill are used again.
        """
        parts = place.with_name(place.name + ".parts")

        async def build(folder: Path) -> None:
            import pyarrow as pa
            from lancedb.index import IvfPq

            vectors = await _embed_all(parts, rows, model, embed)
            dimension = vectors.shape[1]
            column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
            numbers = pa.array(range(len(rows)), pa.int32())
            connection = await _connect(folder)
            table = await connection.create_table(
                "vectors", pa.table({"row": numbers, "vector": column})
            )
            if len(rows) > EXACT:
                await table.create_index("vector", config=IvfPq(distance_type="cosine"))

        async def connect() -> DenseIndex:
            connection = await _connect(place)
            table = await connection.open_table("vectors")
            if await table.count_rows() != len(rows):
                raise ValueError(f"not {len(rows)} rows")
            dimension = (await table.schema()).field("vector").type.list_size
            if len(rows) > EXACT:
                return cls(table, rows, None, dimension)
            known = await table.query().select(["row", "vector"]).to_arrow()
            flat = known["vector"].combine_chunks().flatten().to_numpy()
            vectors = np.empty((len(rows), dimension), dtype=np.float32)
            vectors[known["row"].to_numpy()] = flat.reshape(len(rows), dimension)
            return cls(table, rows, vectors, dimension)

        opened = await _sound(place, build, connect)
        shutil.rmtree(parts, ignore_errors=True)
        return opened

    async def search(self, vector: NDArray[np.float32], k: int) -> Hits:
        """The k nearest passages to a unit vector; the score is the cosine."""
        if vector.shape != (self.dimension,):
            raise InputError(
                f"the query's vector has shape {vector.shape}, the index {self.dimension}",
                do="give the embedding model an identity that changes with its vectors",
            )
        if self._vectors is None:
            found = await (
                self._table.query()
                .nearest_to(vector)
                .distance_type("cosine")
                .nprobes(32)
                .refine_factor(4)
                .select(["row", "_distance"])
                .limit(k)
                .to_arrow()
            )
            near = [round(1.0 - d, 6) for d in found["_distance"].to_pylist()]
            hits = list(zip(found["row"].to_pylist(), near, strict=True))
            return sorted(hits, key=lambda hit: (-hit[1], hit[0]))
        if self._vectors.size > ASIDE:
            return await asyncio.to_thread(self._nearest, self._vectors, vector, k)
        return self._nearest(self._vectors, vector, k)

    @staticmethod
    def _nearest(vectors: Vectors, vector: NDArray[np.float32], k: int) -> Hits:
        # Rounded, so that equal passages have equal scores whatever order sums are made in.
        scores = np.round(vectors @ vector, 6)
        if k < len(scores):
            border = np.partition(scores, len(scores) - k)[len(scores) - k]
            rows = np.nonzero(scores >= border)[0]
        else:
            rows = np.arange(len(scores))
        best = rows[np.lexsort((rows, -scores[rows]))][:k]
        return [(int(row), float(scores[row])) for row in best]


async def _sound(
    place: Path, build: Callable[[Path], Awaitable[None]], connect: Callable[[], Awaitable[Opened]]
) -> Opened:
    """Build and open; an index that cannot be opened (files deleted by hand) is built anew."""
    await build_once(place, build)
    try:
        return await connect()
    except Exception as error:
        _log.warning("the index %s cannot be read and is built again: %s", place.name, error)
        shutil.rmtree(place, ignore_errors=True)
    await build_once(place, build)
    try:
        return await connect()
    except Exception as error:
        raise HeadwayError(
            f"the index cannot be read: {error}", where=str(place), do="delete this folder"
        ) from error


async def _embed_all(parts: Path, rows: Rows, model: str, embed: Embed) -> Vectors:
    """Vectors of all rows, shape (rows, dimension), each part kept as soon as it is made."""
    os.makedirs(parts, exist_ok=True)
    made: list[Vectors] = []
    for at in range(0, len(rows), PART):
        file = parts / f"{at}.npy"
        count = min(PART, len(rows) - at)
        part = _kept(file, count)
        if part is None:
            batches = []
            for first in range(at, at + count, BATCH):
                texts = [rows.searched(row) for row in range(first, min(first + BATCH, at + count))]
                batches.append(_checked(await embed(model, texts, "passage"), len(texts), model))
            part = np.concatenate(batches)
            with tempfile.NamedTemporaryFile(dir=parts, delete=False) as stream:
                np.save(stream, part)
            os.replace(stream.name, file)
        made.append(part)
    if len({part.shape[1] for part in made}) > 1:
        raise InputError(f"{model} gave vectors of different lengths")
    return np.concatenate(made)


def _kept(file: Path, count: int) -> Vectors | None:
    try:
        part: Vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return part if part.ndim == 2 and len(part) == count else None


def _checked(vectors: Vectors, count: int, model: str) -> Vectors:
    found = np.asarray(vectors, dtype=np.float32)
    if found.ndim != 2 or len(found) != count or not np.isfinite(found).all():
        raise InputError(
            f"{model} gave vectors of shape {found.shape} for {count} texts",
            valid="finite float32 of shape (texts, dimension), each of length 1",
        )
    return found
