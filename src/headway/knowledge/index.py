"""Indexes over the passages of one cut: full text (BM25) and vectors (cosine), in LanceDB.

A full-text index lives in its own folder, named by the hash of all it was made from, so that a
changed document or cut means another folder and an unchanged one is opened again. It is always
built whole: 100,000 passages of 150 words take some 14 s on two cores, and scores then do not
depend on what the documents were before. Vectors, which are dear, are kept by content
(vectors.py). A search asks for rows and scores only; the passages are cut from the documents in
memory.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import zipfile
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headway.core.errors import HeadwayError, InputError
from headway.core.files import in_full
from headway.core.protocols import Line, Vectors
from headway.core.record import Passage
from headway.core.task import digest
from headway.knowledge.cut import CUT_VERSION, Shape
from headway.knowledge.language import spread
from headway.knowledge.lines import above
from headway.knowledge.outline import BETWEEN, Outlines
from headway.knowledge.place import build_once, tidy, used
from headway.knowledge.read import Document
from headway.knowledge.vectors import Damaged, Embed, VectorStore, filled, forget, key_of, reading

INDEX_VERSION = 2  # raise it when the same input would be indexed differently

EXACT = 100_000
"""Up to so many passages vectors are compared one by one, in memory. Measured with 384 dimensions:
20,000 take 0.6 ms (LanceDB's own flat scan 17 ms), 97,000 take 24 ms on a busy machine. An index
answers those in 5 ms, but takes a minute to build and misses some: a measurement needs neither."""

_PIECE = 65_536  # vectors written at a time
ASIDE = 8_000_000  # numbers to multiply above which a search leaves the event loop: some 1 ms

Hits = list[tuple[int, float]]
"""(row, score), best first; equal scores in the order of the rows."""
Mask = NDArray[np.bool_]
"""Of every row, whether it may be found."""

Numbers = tuple[NDArray[np.uint64], NDArray[np.int32]]
"""Row ids of a table, rising, and the row of each."""

Opened = TypeVar("Opened")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """The passages of a cut: row i is documents[document[i]][start[i]:end[i]]."""

    documents: tuple[Document, ...]
    document: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    outlines: Outlines = field(default_factory=Outlines, compare=False)

    def __len__(self) -> int:
        return len(self.document)

    def searched(self, row: int, line: Line = "title") -> str:
        """The text that is indexed: the passage below its line."""
        document = self.documents[self.document[row]]
        start, end = int(self.start[row]), int(self.end[row])
        over = above(document, self.outlines.of(document), start, end, line)
        text = document.text[start:end]
        return f"{over}\n{text}" if over else text

    def keys(self, line: Line) -> list[bytes]:
        """What the vector of every row is kept by."""
        return [key_of(self.searched(row, line)) for row in range(len(self))]

    def passage(self, row: int, score: float) -> Passage:
        """A row as it is handed over."""
        document = self.documents[self.document[row]]
        span = int(self.start[row]), int(self.end[row])
        return passage_of(document, self.outlines, span, score)


def passage_of(
    document: Document, outlines: Outlines, span: tuple[int, int], score: float | None = None
) -> Passage:
    """A piece of a document with where it stands."""
    start, end = span
    page = bisect_right(document.pages, start) or None
    section = BETWEEN.join(outlines.of(document).path(start, end))
    text = document.text[start:end]
    return Passage(document.name, text, start, end, document.title, score, section, page)


def cut_all(documents: Mapping[str, Document], shape: Shape) -> Rows:
    """The passages of all documents, in the order of their names."""
    ordered = tuple(documents[name] for name in sorted(documents))
    cuts = [shape.cut(document.text, document.headings) for document in ordered]
    owners = np.repeat(np.arange(len(cuts), dtype=np.int32), [len(spans) for spans in cuts])
    flat = np.array([span for spans in cuts for span in spans], dtype=np.int64).reshape(-1, 2)
    return Rows(ordered, owners, flat[:, 0].copy(), flat[:, 1].copy())


def kept_cut(place: Path, documents: Mapping[str, Document], shape: Shape) -> Rows:
    """cut_all, kept in the file `place`: a new process need not cut a large corpus again."""
    try:
        with np.load(place, allow_pickle=False) as kept:
            ordered = tuple(documents[name] for name in sorted(documents))
            rows = Rows(ordered, kept["document"], kept["start"], kept["end"])
        used(place)
        return rows
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there yet, or damaged
    rows = cut_all(documents, shape)
    with in_full(place) as draft, draft.open("wb") as stream:
        np.savez(stream, document=rows.document, start=rows.start, end=rows.end)
    tidy(place.parent, "cut-*")
    return rows


def cut_key(documents: str, shape: Shape) -> str:
    """Name of the cut's file."""
    return "cut-" + digest([CUT_VERSION, documents, list(shape)]) + ".npz"


def text_key(documents: str, shape: Shape, line: Line, tokenizer: Mapping[str, Any]) -> str:
    """Name of the full-text index's folder."""
    made = [INDEX_VERSION, CUT_VERSION, documents, list(shape), line, tokenizer]
    return "text-" + digest(made)


def dense_key(documents: str, shape: Shape, line: Line, embedder: str) -> str:
    """Name of the folder of an index over vectors, made where there are more than EXACT."""
    return "dense-" + digest([INDEX_VERSION, CUT_VERSION, documents, list(shape), line, embedder])


def vectors_key(embedder: str) -> str:
    """Name of the folder in which an embedding model's vectors are kept."""
    return "vectors-" + digest([INDEX_VERSION, embedder])


async def _connect(folder: Path) -> Any:
    # Imported on use: it takes a second, which most commands need not wait for.
    import lancedb

    return await lancedb.connect_async(folder)


def _batches(rows: Rows, line: Line, schema: Any, size: int = 4096) -> Iterator[Any]:
    import pyarrow as pa

    for at in range(0, len(rows), size):
        numbers = range(at, min(at + size, len(rows)))
        texts = pa.array([_words(rows.searched(row, line)) for row in numbers])
        yield pa.record_batch([pa.array(numbers, pa.int32()), texts], schema=schema)


def _words(text: str) -> str:
    return spread(text.encode("utf-8", "replace").decode())


class TextIndex:
    """BM25 over the passages of a cut."""

    def __init__(self, table: Any, rows: Rows, numbers: Numbers | None) -> None:
        from lancedb.query import MatchQuery

        self._table, self.rows, self._numbers = table, rows, numbers
        self._match: Any = MatchQuery  # its fields have defaults that its type hides

    @classmethod
    async def open(
        cls, place: Path, rows: Rows, line: Line, tokenizer: Mapping[str, Any]
    ) -> TextIndex:
        """Open the index at `place`, building it first where it is missing or broken."""

        async def build(folder: Path) -> None:
            import pyarrow as pa
            from lancedb.index import FTS

            schema = pa.schema([("row", pa.int32()), ("text", pa.string())])
            connection = await _connect(folder)
            reader = pa.RecordBatchReader.from_batches(schema, _batches(rows, line, schema))
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
            ids, numbers = known["_rowid"].to_numpy(), known["row"].to_numpy()
            order = np.argsort(ids)
            same = np.array_equal(ids, numbers)
            return cls(table, rows, None if same else (ids[order], numbers[order]))

        return await _sound(place, build, connect)

    async def search(self, query: str, k: int, mask: Mask | None = None) -> Hits:
        """At most k passages that share a word with the query, of those that `mask` lets
        through. Any text is a query: it is matched as words, never parsed for operators.

        Raises Damaged where the index is gone."""
        asked = self._match(_words(query), "text")
        # What is filtered out is asked for too, as a filter in the index may give fewer than k.
        share = 1.0 if mask is None else max(float(mask.mean()), 1 / len(self.rows))
        most = len(self.rows) + 1
        limit = min(most, int((k + 1) / share) + (0 if mask is None else 16))
        while True:
            # Row ids rather than a column: a third quicker, as nothing has to be fetched.
            with reading():
                found = await (
                    self._table.query()
                    .nearest_to_text(asked)
                    .select(["_rowid", "_score"])
                    .with_row_id()
                    .limit(limit)
                    .to_arrow()
                )
            rows, scores = found["_rowid"].to_numpy(), found["_score"].to_numpy()
            ended = len(rows) < limit
            border = scores[-1] if len(scores) else 0.0
            if self._numbers is not None:
                ids, numbers = self._numbers
                rows = numbers[np.searchsorted(ids, rows)]
            if mask is not None:
                through = mask[rows]
                rows, scores = rows[through], scores[through]
            # Which of several equal passages are returned at the border is left to chance by the
            # index: ask on until the border lies between two different scores.
            if ended or (len(rows) >= k and scores[k - 1] != border):
                break
            limit = min(most, 4 * limit)
        hits = list(zip(rows.tolist(), scores.tolist(), strict=True))
        hits.sort(key=lambda hit: (-hit[1], hit[0]))
        return hits[:k]


class DenseIndex:
    """Cosine over the vectors of a cut: exact up to EXACT passages, approximate above."""

    def __init__(self, table: Any, rows: Rows, vectors: Vectors | None, dimension: int) -> None:
        self._table, self.rows, self._vectors = table, rows, vectors
        self.dimension = dimension

    @classmethod
    async def open(
        cls, store: Path, place: Path, rows: Rows, line: Line, model: str, embed: Embed
    ) -> DenseIndex:
        """Take the vectors from `store`, embedding first what it does not have; with more than
        EXACT passages open the index over them at `place`, building it first where it is missing.
        """
        keys = await asyncio.to_thread(rows.keys, line)

        async def made() -> VectorStore:
            return await filled(store, keys, lambda row: rows.searched(row, line), model, embed)

        async def there() -> DenseIndex:
            kept = await made()
            if len(rows) > EXACT:
                return await cls._indexed(place, rows, keys, made)
            return cls(None, rows, await kept.read(keys), kept.dimension)

        for attempt in range(3):
            try:
                return await there()
            except Damaged as error:
                # At first it may have been tidied by another process while we read.
                if attempt == 1:
                    _log.warning("%s cannot be read and is made again: %s", store.name, error)
                    await forget(store, keys)
                last = error
        raise HeadwayError(
            f"kept vectors cannot be read: {last}", where=str(store), do="delete this folder"
        ) from last

    @classmethod
    async def _indexed(
        cls,
        place: Path,
        rows: Rows,
        keys: list[bytes],
        made: Callable[[], Awaitable[VectorStore]],
    ) -> DenseIndex:
        async def build(folder: Path) -> None:
            import pyarrow as pa
            from lancedb.index import IvfPq

            kept = await made()
            kind = pa.list_(pa.float32(), kept.dimension)
            schema = pa.schema([("row", pa.int32()), ("vector", kind)])
            table = await (await _connect(folder)).create_table("vectors", schema=schema)
            for at in range(0, len(rows), _PIECE):
                vectors = await kept.read(keys[at : at + _PIECE])
                numbers = pa.array(range(at, at + len(vectors)), pa.int32())
                column = pa.FixedSizeListArray.from_arrays(
                    pa.array(vectors.ravel()), kept.dimension
                )
                await table.add(pa.table({"row": numbers, "vector": column}, schema=schema))
            await table.create_index("vector", config=IvfPq(distance_type="cosine"))

        async def connect() -> DenseIndex:
            connection = await _connect(place)
            table = await connection.open_table("vectors")
            if await table.count_rows() != len(rows):
                raise ValueError(f"not {len(rows)} rows")
            dimension = (await table.schema()).field("vector").type.list_size
            return cls(table, rows, None, dimension)

        return await _sound(place, build, connect)

    async def search(self, vector: NDArray[np.float32], k: int, mask: Mask | None = None) -> Hits:
        """The k passages nearest to a unit vector, of those that `mask` lets through; the score
        is the cosine."""
        if vector.shape != (self.dimension,):
            raise InputError(
                f"the query's vector has shape {vector.shape}, the index {self.dimension}",
                do="give the embedding model an identity that changes with its vectors",
            )
        if self._vectors is None:
            return await self._approximate(vector, k, mask)
        if self._vectors.size > ASIDE:
            return await asyncio.to_thread(self._nearest, self._vectors, vector, k, mask)
        return self._nearest(self._vectors, vector, k, mask)

    @property
    def size(self) -> int:
        """Bytes of the vectors that are held in memory."""
        return 0 if self._vectors is None else self._vectors.nbytes

    async def vectors(self, rows: Sequence[int]) -> Vectors:
        """Vectors of some rows, in their order, shape (rows, dimension)."""
        if self._vectors is not None:
            found: Vectors = self._vectors[np.asarray(rows, dtype=np.int64)]
            return found
        wanted = ",".join(map(str, rows))
        with reading():
            known = await (
                self._table.query().where(f"row IN ({wanted})").select(["row", "vector"]).to_arrow()
            )
        at = {row: i for i, row in enumerate(known["row"].to_pylist())}
        flat = known["vector"].combine_chunks().flatten().to_numpy()
        found = flat.reshape(-1, self.dimension)[[at[row] for row in rows]]
        return found

    async def _approximate(self, vector: NDArray[np.float32], k: int, mask: Mask | None) -> Hits:
        """By the index; where that gives fewer than are there, by looking at every vector."""
        there = len(self.rows) if mask is None else int(mask.sum())
        limit = k
        while True:
            query = self._table.query().nearest_to(vector).distance_type("cosine")
            every = limit >= len(self.rows)
            query = query.bypass_vector_index() if every else query.nprobes(32).refine_factor(4)
            with reading():
                found = await query.select(["row", "_distance"]).limit(limit).to_arrow()
            rows, near = found["row"].to_numpy(), np.round(1 - found["_distance"].to_numpy(), 6)
            short = len(rows) < limit
            if mask is not None:
                through = mask[rows]
                rows, near = rows[through], near[through]
            if every or len(rows) >= min(k, there):
                hits = list(zip(rows.tolist(), near.tolist(), strict=True))
                return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
            limit = len(self.rows) if short else min(len(self.rows), 4 * limit)

    @staticmethod
    def _nearest(vectors: Vectors, vector: NDArray[np.float32], k: int, mask: Mask | None) -> Hits:
        rows: NDArray[np.int64] | None = None if mask is None else np.flatnonzero(mask)
        if rows is not None and len(rows) * 8 < len(vectors):
            scores = vectors[rows] @ vector
        else:
            scores = vectors @ vector
            scores = scores if rows is None else scores[rows]
        # Rounded, so that equal passages have equal scores whatever order sums are made in.
        scores = np.round(scores, 6)
        if k < len(scores):
            border = np.partition(scores, len(scores) - k)[len(scores) - k]
            near = np.flatnonzero(scores >= border)
        else:
            near = np.arange(len(scores))
        best = near[np.lexsort((near, -scores[near]))][:k]
        found = best if rows is None else rows[best]
        return list(zip(found.tolist(), scores[best].tolist(), strict=True))


async def _sound(
    place: Path, build: Callable[[Path], Awaitable[None]], connect: Callable[[], Awaitable[Opened]]
) -> Opened:
    """Build and open; an index that cannot be opened (files deleted by hand) is built anew."""
    await build_once(place, build)
    used(place)
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
