"""Show of each passage only the sentences that matter for the question.

Extractive, as the first half of Xu, Shi and Choi, 2023, "RECOMP: Improving Retrieval-Augmented
LMs with Compression and Selective Augmentation"; LLMLingua (Jiang et al., 2023) is the relative
that drops single tokens by a model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import ClassVar, Literal

from pydantic import Field

from headway.core.protocols import Lender, State
from headway.core.record import Passage
from headway.core.sentences import sentence_spans
from headway.core.task import Frozen

_EAST = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff"
Span = tuple[int, int]

_WORDS = re.compile(f"[{_EAST}]+|[^\\W_{_EAST}]+")


class Compress(Frozen):
    """Each passage becomes its best run of `sentences` sentences; shorter ones stay whole.

    by: `words`, those of the question that stand in the run, each once, rare ones counting more
    (eastern scripts by pairs of characters); `embed`, the cosine of `embed`; `rerank`, the score
    of `model`. What is left of a passage is a piece of its document with that piece's offsets.
    """

    name: ClassVar[str] = "compress"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()

    sentences: int = Field(default=2, ge=1, le=100)
    by: Literal["words", "embed", "rerank"] = "words"
    embed: str | None = None
    model: str | None = None

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        roles = {"words": {}, "embed": {"embed": "embed"}, "rerank": {"model": "rerank"}}
        return roles[self.by]

    async def run(self, state: State, lend: Lender) -> State:
        """Shorten `passages`, each piece shown once; `ranked` stays."""
        windows = [_windows(p, self.sentences) for p in state.passages]
        long = [i for i, found in enumerate(windows) if len(found) > 1]
        if not long:
            return state
        scores = iter(await self._scores(state, [(i, w) for i in long for w in windows[i]], lend))
        pieces = list(state.passages)
        for i in long:
            # max() takes the first of equals.
            (start, end), _ = max(
                ((w, next(scores)) for w in windows[i]), key=lambda found: found[1]
            )
            pieces[i] = _piece(pieces[i], start, end)
        once: dict[tuple[str, int, int, str], Passage] = {}
        for p in pieces:
            once.setdefault((p.document, p.start, p.end, p.text), p)
        before, after = (sum(len(p.text) for p in side) for side in (state.passages, once.values()))
        return replace(
            state,
            passages=tuple(once.values()),
            trace=(
                *state.trace,
                {"step": "compress", "by": self.by, "characters": before, "kept": after},
            ),
        )

    async def _scores(
        self, state: State, windows: Sequence[tuple[int, Span]], lend: Lender
    ) -> list[float]:
        """One score a window: (number of its passage, its place in the passage's text)."""
        texts = [state.passages[i].text[start:end] for i, (start, end) in windows]
        if self.by == "words":
            shown = [p.text[a:b] for p in state.passages for a, b in sentence_spans(p.text)]
            return overlap(state.query, texts, shown)
        if self.by == "embed":
            model = self.embed or lend.task.spec.models.embed
            asked = await lend.embed(model, [state.query], "query")
            return [float(x) for x in await lend.embed(model, texts, "passage") @ asked[0]]
        titles = [state.passages[i].title for i, _ in windows]
        read = [
            f"{name}\n{text}" if name else text for name, text in zip(titles, texts, strict=True)
        ]
        return await lend.rerank(self.model or lend.task.spec.models.rerank, state.query, read)


def _windows(passage: Passage, count: int) -> list[Span]:
    """(start, end) in the text of each run of `count` sentences. Empty where the passage has no
    more than that, or is no piece of a document (rows of a table, say): then it stays whole."""
    if passage.end - passage.start != len(passage.text):
        return []
    spans = sentence_spans(passage.text)
    runs = range(len(spans) - count + 1)
    return [(spans[i][0], spans[i + count - 1][1]) for i in runs] if len(runs) > 1 else []


def _piece(passage: Passage, start: int, end: int) -> Passage:
    """A part of a passage, from `start` to `end` of its text."""
    return replace(
        passage,
        text=passage.text[start:end],
        start=passage.start + start,
        end=passage.start + end,
    )


def overlap(query: str, texts: Sequence[str], among: Sequence[str]) -> list[float]:
    """For each text the sum of log(1 + n / df) over the query's words that stand in it, where df
    of the n texts `among` hold the word."""
    asked = words(query)
    held = Counter(word for text in among for word in words(text) & asked)
    weight = {word: log(1 + len(among) / held[word]) for word in held}
    # In a fixed order: a sum of floats hangs on it.
    return [sum(weight.get(word, 0.0) for word in sorted(words(t) & asked)) for t in texts]


def words(text: str) -> set[str]:
    """A text's words in lower case; of eastern scripts every two neighbouring characters."""
    found: set[str] = set()
    for run in _WORDS.findall(text.casefold()):
        east = len(run) > 1 and re.match(f"[{_EAST}]", run)
        found.update(run[i : i + 2] for i in range(len(run) - 1)) if east else found.add(run)
    return found
