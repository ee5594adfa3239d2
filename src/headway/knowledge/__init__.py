"""Documents, cut into passages and indexed: what a pipeline's `retrieve` step searches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from headway.core.errors import InputError
from headway.core.protocols import Search
from headway.core.record import Passage
from headway.core.task import Evidence, Task, digest
from headway.knowledge import locate as locating
from headway.knowledge.cut import CUT_VERSION, check, cut, piece
from headway.knowledge.fuse import fuse
from headway.knowledge.index import (
    INDEX_VERSION,
    DenseIndex,
    Embed,
    Hits,
    Rows,
    TextIndex,
    cut_key,
    dense_key,
    kept_cut,
    text_key,
)
from headway.knowledge.language import tokenizer
from headway.knowledge.read import Document, Documents, read

__all__ = ["Document", "Documents", "Embed", "FolderKnowledge", "read"]

OPEN = 16  # indexes held open at once: a journey tries many cuts, and each holds its vectors
DEPTH = 50  # passages of each ranking that hybrid search fuses, at least

Index = TypeVar("Index", TextIndex, DenseIndex)
Key = TypeVar("Key")
Value = TypeVar("Value")


class FolderKnowledge:
    """Knowledge over a folder of documents; implements `headway.core.protocols.Knowledge`.

    source: folder or corpus file. home: the task's `.headway/`; indexes go to `home/index/`.
    embed: lent by the engine, `async (model name, texts, kind) -> unit vectors`; without it only
    `by: text` works. identity: what of an embedding model may change its vectors (its name, if
    not given); it is part of an index's key. language: `auto`, a name or a code.

    Reads all documents at once. Raises InputError as `read` does. `notices` says what was
    passed over. Safe for many concurrent searches, several processes, and several event loops.
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
        self._documents = read(Path(source))
        self._indexes = Path(home) / "index"
        self._embed = embed
        self._identity = identity or (lambda model: model)
        self._language = language
        self._texts: OrderedDict[str, TextIndex] = OrderedDict()
        self._denses: OrderedDict[str, DenseIndex] = OrderedDict()
        self._rows: OrderedDict[tuple[int, int], Rows] = OrderedDict()
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = (
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
        """At most k passages, best first. Score: BM25, cosine, or the sum of reciprocal ranks.

        Raises InputError for a cut that cannot be made, or a dense search without a model.
        """
        if how.k < 1:
            return ()
        if how.by == "text":
            text = await self._text(how)
            return _passages(text.rows, await text.search(query, how.k))
        if how.by == "dense":
            dense, vector = await asyncio.gather(self._dense(how), self._vector(query, how))
            return _passages(dense.rows, await dense.search(vector, how.k))
        depth = max(DEPTH, 2 * how.k)
        text, dense, vector = await asyncio.gather(
            self._text(how), self._dense(how), self._vector(query, how)
        )
        rankings = await asyncio.gather(text.search(query, depth), dense.search(vector, depth))
        return _passages(dense.rows, fuse([row for row, _ in hits] for hits in rankings)[: how.k])

    async def prepare(self, how: Search) -> int:
        """Build or open what `how` searches; the number of passages."""
        check(how.tokens, how.overlap)
        rows = 0
        if how.by != "dense":
            rows = len((await self._text(how)).rows)
        if how.by != "text":
            rows = len((await self._dense(how)).rows)
        return rows

    async def _vector(
        self, query: str, how: Search
    ) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        embed, model = self._embedder(how)
        return np.asarray((await embed(model, [query], "query"))[0], dtype=np.float32)

    def _embedder(self, how: Search) -> tuple[Embed, str]:
        if self._embed is None or not how.embed:
            raise InputError(
                f"retrieving by {how.by} needs an embedding model",
                valid="embed: NAME in the step or in models:, such as embedded/bge-small-en",
                do="by: text",
            )
        return self._embed, how.embed

    async def _text(self, how: Search) -> TextIndex:
        async def open_(rows: Rows) -> TextIndex:
            key = text_key(self._content, how.tokens, how.overlap, self._tokenizer)
            return await TextIndex.open(self._indexes / key, rows, self._tokenizer)

        return await self._open(self._texts, f"{how.tokens}:{how.overlap}", how, open_)

    async def _dense(self, how: Search) -> DenseIndex:
        embed, model = self._embedder(how)
        embedder = self._identity(model)

        async def open_(rows: Rows) -> DenseIndex:
            key = dense_key(self._content, how.tokens, how.overlap, embedder)
            return await DenseIndex.open(self._indexes / key, rows, model, embed)

        name = f"{how.tokens}:{how.overlap}:{embedder}"
        return await self._open(self._denses, name, how, open_)

    async def _open(
        self,
        held: OrderedDict[str, Index],
        name: str,
        how: Search,
        open_: Callable[[Rows], Awaitable[Index]],
    ) -> Index:
        found = held.get(name)
        if found is not None:
            held.move_to_end(name)
            return found
        async with self._lock(name):
            if name not in held:
                _keep(held, name, await open_(await self._cut(how.tokens, how.overlap)))
            return held[name]

    def _lock(self, name: str) -> asyncio.Lock:
        # One an event loop, as a lock belongs to one; between loops and processes the lock on
        # the file holds.
        held = self._locks.setdefault(asyncio.get_running_loop(), {})
        return held.setdefault(name, asyncio.Lock())

    async def _cut(self, tokens: int, overlap: int) -> Rows:
        check(tokens, overlap)
        async with self._lock(f"cut:{tokens}:{overlap}"):
            if (tokens, overlap) not in self._rows:
                documents = self._documents.by_name
                place = self._indexes / cut_key(self._content, tokens, overlap)
                rows = await asyncio.to_thread(kept_cut, place, documents, tokens, overlap)
                _keep(self._rows, (tokens, overlap), rows)
            return self._rows[tokens, overlap]

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
        """A document as one passage."""
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
        return folded

    def holds(self, span: tuple[str, int, int], how: Search) -> bool:
        """Whether one passage of the cut holds the whole span."""
        name, start, end = span
        found = self._documents.by_name.get(name)
        if found is None:
            return False
        passages = cut(found.text, how.tokens, how.overlap)
        return any(a <= start and end <= b for a, b in passages)

    def passages_of(self, evidence: Sequence[Evidence], how: Search) -> tuple[Passage, ...]:
        """The fewest passages of the cut that hold the evidence, in the order of the evidence.

        A span that the cut parts gets a piece cut around it; evidence without text, its whole
        document. Evidence that cannot be located gives nothing.
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
            passages = cut(document.text, how.tokens, how.overlap)
            for start, end in _cover(passages, spans, document.text, how.tokens):
                places = [at for (a, b), at in spans.items() if start <= a and b <= end]
                text = document.text[start:end]
                passage = Passage(name, text, start, end, document.title)
                found.append((min(places), passage))
        return tuple(passage for _, passage in sorted(found, key=lambda item: item[0]))


def _keep(held: OrderedDict[Key, Value], key: Key, value: Value, most: int = OPEN) -> None:
    """Hold one more, and let go of what was opened longest ago."""
    held[key] = value
    if len(held) > most:
        held.popitem(last=False)


def _passages(rows: Rows, hits: Hits) -> tuple[Passage, ...]:
    found = []
    for row, score in hits:
        document = rows.documents[rows.document[row]]
        start, end = int(rows.start[row]), int(rows.end[row])
        text = document.text[start:end]
        found.append(Passage(document.name, text, start, end, document.title, score))
    return tuple(found)


def _cover(
    passages: Sequence[tuple[int, int]], spans: Iterable[tuple[int, int]], text: str, tokens: int
) -> list[tuple[int, int]]:
    """Fewest of the passages that hold all spans; pieces for spans that none holds whole.

    Passages begin and end in the same order, so taking for the first span left the last passage
    that still holds it is optimal.
    """
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if any(a <= start and end <= b for a, b in chosen):
            continue
        holding = [(a, b) for a, b in passages if a <= start and end <= b]
        chosen.append(holding[-1] if holding else piece(text, start, end, tokens))
    return chosen
