"""Documents, cut into passages and indexed: what a pipeline's `retrieve` step searches."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from headway.core.errors import HeadwayError, InputError
from headway.core.protocols import Search
from headway.core.record import Passage
from headway.core.task import Evidence, Task, digest
from headway.knowledge import locate as locating
from headway.knowledge.around import Wide, chained, gathered, widened
from headway.knowledge.cut import CUT_VERSION, Shape, check, piece
from headway.knowledge.diversity import diverse
from headway.knowledge.fuse import fuse
from headway.knowledge.index import (
    INDEX_VERSION,
    DenseIndex,
    Hits,
    Mask,
    Rows,
    TextIndex,
    cut_key,
    dense_key,
    kept_cut,
    passage_of,
    text_key,
    vectors_key,
)
from headway.knowledge.language import tokenizer
from headway.knowledge.outline import Outlines
from headway.knowledge.read import Document, Documents, read, read_one
from headway.knowledge.vectors import Damaged, Embed

__all__ = ["Document", "Documents", "Embed", "FolderKnowledge", "read", "read_one"]

OPEN = 16  # indexes held open at once: a journey tries many cuts, and each holds its vectors
HELD = 1_000_000_000  # bytes of vectors held open, beyond those of the last one
FOLDED = 20_000_000  # characters of folded documents held, some 200 MB, beyond the last one
POOL = 50  # hits that diversity chooses from, at least; and five times k
DEPTH = 50  # passages of each ranking that hybrid search fuses, at least

Index = TypeVar("Index", TextIndex, DenseIndex)
Key = TypeVar("Key")
Value = TypeVar("Value")
Name = tuple[str | int, ...]
Handed = tuple[tuple[int, int], Wide]
Vector = np.ndarray[tuple[int], np.dtype[np.float32]]

_log = logging.getLogger(__name__)


class FolderKnowledge:
    """Knowledge over a folder of documents; implements `headway.core.protocols.Knowledge`.

    source: folder or corpus file. home: the task's `.headway/`; indexes go to `home/index/`,
    parsed documents to `home/documents/`.
    embed: lent by the engine, `async (model name, texts, kind) -> unit vectors`; without it only
    `by: text` works. identity: what of an embedding model may change its vectors (its name, if
    not given); it is part of an index's key. language: `auto`, a name or a code.

    Reads all documents at once. Raises InputError as `read` does, and for a language that is not
    known. `notices` says what was passed over. Safe for many concurrent searches, several
    processes, and several event loops.
    """

    def __init__(
        self,
        source: str | Path,
        home: str | Path,
        *,
        embed: Embed | None = None,
        identity: Callable[[str], str] | None = None,
        language: str = "auto",
    ) -> None:
        tokenizer(language, ())  # one that is not known is refused before much is read
        self._documents = read(Path(source), Path(home) / "documents")
        self._indexes = Path(home) / "index"
        self._embed = embed
        self._identity = identity or (lambda model: model)
        self._language = language
        self._texts: OrderedDict[Name, TextIndex] = OrderedDict()
        self._denses: OrderedDict[Name, DenseIndex] = OrderedDict()
        self._rows: OrderedDict[Shape, Rows] = OrderedDict()
        self._masks: OrderedDict[tuple[tuple[str, str], ...], Mask] = OrderedDict()
        self._handing: OrderedDict[tuple[str, Shape, int], list[Handed]] = OrderedDict()
        self._outlines = Outlines()
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Name, asyncio.Lock]] = (
            WeakKeyDictionary()
        )
        self._folded: OrderedDict[str, locating.Folded] = OrderedDict()

    @classmethod
    def of(
        cls,
        task: Task,
        embed: Embed | None = None,
        identity: Callable[[str], str] | None = None,
    ) -> FolderKnowledge | None:
        """The knowledge of a task; None where it has none."""
        source = task.spec.knowledge
        if source is None:
            return None
        return cls(
            task.folder / source.path,
            task.home,
            embed=embed,
            identity=identity,
            language=source.language,
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """Files that were passed over, each by name and reason."""
        return self._documents.notices

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all documents."""
        return tuple(self._documents.by_name)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that may change what a search returns, the embedding model aside."""
        return digest([self._content, CUT_VERSION, INDEX_VERSION, self._tokenizer])

    @cached_property
    def _content(self) -> str:
        return self._documents.fingerprint

    @cached_property
    def _tokenizer(self) -> dict[str, object]:
        return tokenizer(self._language, (d.text for d in self._documents.by_name.values()))

    # --- searching ------------------------------------------------------------------------

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """At most k passages, best first; fewer only where no more can be found. Score: BM25,
        cosine, or the sum of reciprocal ranks.

        Raises InputError for a cut that cannot be made, or a search that needs vectors without
        a model.
        """
        if how.k < 1:
            return ()
        try:
            return await self._search(query, how)
        except Damaged as error:
            # Another process may have removed an index that it took for unused: made anew.
            _log.warning("an index cannot be read and is opened again: %s", error)
            self._texts.clear()
            self._denses.clear()
        try:
            return await self._search(query, how)
        except Damaged as error:
            raise HeadwayError(
                f"the index cannot be read: {error}",
                where=str(self._indexes),
                do="delete this folder",
            ) from error

    async def prepare(self, how: Search) -> int:
        """Build or open what `how` searches; the number of passages."""
        opened = await self._opened(how)
        return len(opened.rows)

    async def _search(self, query: str, how: Search) -> tuple[Passage, ...]:
        opened, vector = await asyncio.gather(self._opened(how), self._vector(query, how))
        rows = opened.rows
        mask = self._mask(rows, how.where)
        if mask is not None and not mask.any():
            return ()
        limit = how.k if how.around <= 0 else 2 * how.k
        while True:
            hits = await _ranked(opened, query, vector, how, limit, mask)
            if how.around <= 0:
                return tuple(rows.passage(row, score) for row, score in hits)
            wide = (self._widened(rows, row, how, score) for row, score in hits)
            found = gathered(wide, lambda at: rows.documents[at].text, how.k)
            if len(found) == how.k or len(hits) < limit:
                return tuple(
                    passage_of(
                        rows.documents[w.document], self._outlines, (w.start, w.end), w.score
                    )
                    for w in found
                )
            limit *= 4

    def _widened(self, rows: Rows, row: int, how: Search, score: float) -> Wide:
        at = int(rows.document[row])
        span = int(rows.start[row]), int(rows.end[row])
        return self._wide(rows.documents[at], span, how, at, score)

    def _wide(
        self, document: Document, span: tuple[int, int], how: Search, at: int, score: float = 0.0
    ) -> Wide:
        outline = self._outlines.of(document)
        start, end = widened(document.text, span, how.around, how.unit, outline)
        section = outline.section(span[0])[0] if how.unit == "headings" else 0
        return Wide(at, start, end, score, section)

    async def _opened(self, how: Search) -> _Opened:
        # One after the other: both are mostly work, and each cuts the documents if need be.
        text = await self._text(how) if how.by != "dense" else None
        dense = await self._dense(how) if how.by != "text" or how.diversity > 0 else None
        rows = text.rows if text is not None else dense.rows if dense is not None else None
        assert rows is not None  # one of the two was asked for
        return _Opened(rows, text, dense)

    async def _vector(self, query: str, how: Search) -> Vector | None:
        if how.by == "text":
            return None
        embed, model = self._embedder(how)
        kind: Literal["query", "passage"] = "passage" if how.as_passage else "query"
        return np.asarray((await embed(model, [query], kind))[0], dtype=np.float32)

    def _embedder(self, how: Search) -> tuple[Embed, str]:
        if self._embed is None or not how.embed:
            what = f"retrieving by {how.by}" if how.by != "text" else "diversity"
            raise InputError(
                f"{what} needs an embedding model",
                valid="embed: NAME in the step or in models:, such as embedded/bge-small-en",
                do="by: text" if how.by != "text" else "diversity: 0",
            )
        return self._embed, how.embed

    def _mask(self, rows: Rows, where: tuple[tuple[str, str], ...]) -> Mask | None:
        """Of every passage, whether its document has these metadata; None for all."""
        if not where:
            return None
        found = self._masks.get(where)
        if found is None:
            found = np.array([_has(document, where) for document in rows.documents], dtype=bool)
            _keep(self._masks, where, found, 64)
        mask: Mask = found[rows.document]
        return mask

    async def _text(self, how: Search) -> TextIndex:
        shape = Shape.of(how)

        async def open_(rows: Rows) -> TextIndex:
            key = text_key(self._content, shape, how.line, self._tokenizer)
            return await TextIndex.open(self._indexes / key, rows, how.line, self._tokenizer)

        return await self._open(self._texts, (*shape, how.line, "text"), shape, open_)

    async def _dense(self, how: Search) -> DenseIndex:
        embed, model = self._embedder(how)
        embedder = self._identity(model)
        shape = Shape.of(how)

        async def open_(rows: Rows) -> DenseIndex:
            store = self._indexes / vectors_key(embedder)
            place = self._indexes / dense_key(self._content, shape, how.line, embedder)
            return await DenseIndex.open(store, place, rows, how.line, model, embed)

        name = (*shape, how.line, "dense", embedder)
        opened = await self._open(self._denses, name, shape, open_)
        while len(self._denses) > 1 and sum(d.size for d in self._denses.values()) > HELD:
            self._denses.popitem(last=False)
        return opened

    async def _open(
        self,
        held: OrderedDict[Name, Index],
        name: Name,
        shape: Shape,
        open_: Callable[[Rows], Awaitable[Index]],
    ) -> Index:
        found = held.get(name)
        if found is not None:
            held.move_to_end(name)
            return found
        async with self._lock(name):
            if name not in held:
                _keep(held, name, await open_(await self._cut(shape)))
            return held[name]

    def _lock(self, name: Name) -> asyncio.Lock:
        # One an event loop, as a lock belongs to one; between loops and processes the lock on
        # the file holds.
        held = self._locks.setdefault(asyncio.get_running_loop(), {})
        return held.setdefault(name, asyncio.Lock())

    async def _cut(self, shape: Shape) -> Rows:
        async with self._lock(tuple(shape)):
            if shape not in self._rows:
                place = self._indexes / cut_key(self._content, shape)
                rows = await asyncio.to_thread(kept_cut, place, self._documents.by_name, shape)
                _keep(self._rows, shape, rows)
            return self._rows[shape]

    # --- documents and evidence ---------------------------------------------------------------

    def document(self, name: str) -> str | None:
        """The text of a document; None where there is none of this name."""
        found = self._documents.by_name.get(name)
        return found.text if found else None

    def metadata(self, name: str) -> Mapping[str, str]:
        """What is known of a document, by field; empty where there is none of this name."""
        found = self._documents.by_name.get(name)
        return found.metadata if found else {}

    def whole(self, name: str) -> Passage | None:
        """A document as one passage; None where there is none of this name."""
        found = self._documents.by_name.get(name)
        return Passage(name, found.text, 0, len(found.text), found.title) if found else None

    def locate(self, evidence: Evidence) -> tuple[str, int, int] | None:
        """(document, start, end) of the evidence; the whole document where it has no text."""
        found = self._documents.by_name.get(evidence.document or "")
        if found is None:
            return None
        if not evidence.text or not evidence.text.strip():
            return found.name, 0, len(found.text)
        span = locating.find(found.text, evidence.text, evidence.start, lambda: self._fold(found))
        return (found.name, *span) if span else None

    def _fold(self, document: Document) -> locating.Folded:
        folded = self._folded.get(document.name)
        if folded is None:
            folded = locating.fold(document.text)
            _keep(self._folded, document.name, folded, 256)
            while (
                len(self._folded) > 1 and sum(len(f.text) for f in self._folded.values()) > FOLDED
            ):
                self._folded.popitem(last=False)
        return folded

    def holds(self, span: tuple[str, int, int], how: Search) -> bool:
        """Whether some search with `how` could hand over one passage that holds the whole span.

        With `around` that is a widened passage, or several joined (with a k of 1 none are); with
        `where`, none of a document that has not these metadata.
        """
        name, start, end = span
        found = self._documents.by_name.get(name)
        if found is None or not _has(found, how.where):
            return False
        wide = [w for _, w in self._handed(found, how)]
        if how.around > 0 and how.k > 1:
            wide = chained(wide, found.text)
        return any(w.start <= start and end <= w.end for w in wide)

    def _handed(self, document: Document, how: Search) -> list[Handed]:
        """All passages of a document, each with what is handed over when it alone is found."""
        key = (document.name, Shape.of(how), how.around)
        found = self._handing.get(key)
        if found is None:
            spans = Shape.of(how).cut(document.text, document.headings)
            found = [(span, self._wide(document, span, how, 0)) for span in spans]
            _keep(self._handing, key, found, 256)
        return found

    def passages_of(self, evidence: Sequence[Evidence], how: Search) -> tuple[Passage, ...]:
        """The fewest passages, as a search with `how` hands them over, that hold the evidence,
        in the order of the evidence; with `around`, those that touch are one.

        A span that none holds gets a piece cut around it; evidence without text, its whole
        document. Evidence that cannot be located gives nothing. `where` is not looked at:
        evidence is to be shown wherever it stands.
        """
        check(how.tokens, how.overlap)
        found: list[tuple[int, Passage]] = []
        wanted: dict[str, dict[tuple[int, int], int]] = {}
        for place, item in enumerate(evidence):
            span = self.locate(item)
            if span is None:
                continue
            if not item.text or not item.text.strip():
                passage = self.whole(span[0])
                if passage is not None and all(passage != other for _, other in found):
                    found.append((place, passage))
            else:
                wanted.setdefault(span[0], {}).setdefault(span[1:], place)
        for name, spans in wanted.items():
            if any(p.document == name for _, p in found):
                continue  # the whole document is shown already
            document = self._documents.by_name[name]
            wide = _cover(self._handed(document, how), spans, document.text, how.tokens)
            if how.around > 0:
                wide = chained(sorted(wide, key=lambda w: w.start), document.text)
            for one in wide:
                places = [at for (a, b), at in spans.items() if one.start <= a and b <= one.end]
                passage = passage_of(document, self._outlines, (one.start, one.end))
                found.append((min(places), passage))
        return tuple(passage for _, passage in sorted(found, key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one way of searching needs."""

    rows: Rows
    text: TextIndex | None
    dense: DenseIndex | None


async def _ranked(
    opened: _Opened, query: str, vector: Vector | None, how: Search, limit: int, mask: Mask | None
) -> Hits:
    """The first `limit` hits in the order they are handed over; fewer if there are no more."""
    if how.diversity <= 0 or opened.dense is None:
        return await _hits(opened, query, vector, how, limit, mask)
    pool = max(POOL, 5 * how.k)
    hits = await _hits(opened, query, vector, how, max(limit, pool), mask)
    if not hits:
        return []
    vectors = await opened.dense.vectors([row for row, _ in hits[:pool]])
    order = diverse([score for _, score in hits[:pool]], vectors, how.diversity, limit)
    return ([hits[at] for at in order] + hits[pool:])[:limit]


async def _hits(
    opened: _Opened, query: str, vector: Vector | None, how: Search, limit: int, mask: Mask | None
) -> Hits:
    text, dense = opened.text, opened.dense
    if dense is None or vector is None:
        assert text is not None
        return await text.search(query, limit, mask)
    if text is None:
        return await dense.search(vector, limit, mask)
    depth = max(DEPTH, 2 * limit)
    rankings = await asyncio.gather(
        text.search(query, depth, mask), dense.search(vector, depth, mask)
    )
    return fuse([row for row, _ in hits] for hits in rankings)[:limit]


def _has(document: Document, where: tuple[tuple[str, str], ...]) -> bool:
    """Whether a document has all these metadata, compared as text."""
    known = document.metadata
    return all(name in known and str(known[name]) == str(value) for name, value in where)


def _keep(held: OrderedDict[Key, Value], key: Key, value: Value, most: int = OPEN) -> None:
    """Hold one more, and let go of what was opened longest ago."""
    held[key] = value
    if len(held) > most:
        held.popitem(last=False)


def _cover(
    passages: Sequence[Handed], spans: Iterable[tuple[int, int]], text: str, tokens: int
) -> list[Wide]:
    """Fewest of the passages that hold all spans; pieces for spans that none holds whole.

    Passages begin and end in the same order, so taking for the first span left the last passage
    that still holds it is optimal. A span that was cut apart, and is whole only with what stands
    around a passage, gets the one with the most on both sides.
    """
    chosen: list[Wide] = []
    for start, end in sorted(spans):
        if any(w.start <= start and end <= w.end for w in chosen):
            continue
        found = [wide for (a, b), wide in passages if a <= start and end <= b]
        around = [wide for _, wide in passages if wide.start <= start and end <= wide.end]
        if found:
            chosen.append(found[-1])
        elif around:
            chosen.append(around[len(around) // 2])
        else:
            chosen.append(Wide(0, *piece(text, start, end, tokens)))
    return chosen
