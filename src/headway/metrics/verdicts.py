"""Statements of a text and a judge's verdict on each: what faithfulness, context recall and graded
correctness have in common.

The statements are known before a verdict is asked for, and their number is what a score is divided
by: a judge that passes one over leaves the answer unscored, and never raises its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway.core.protocols import MetricLender
from headway.core.record import Passage
from headway.core.statements import Statement, statements
from headway.metrics.judging import REASON, WORDS, Unread, ask, choice, field, form, said, windows

SENTENCES = 48  # of one text that are split
MOST = 64  # statements of one text that are judged
BATCH = 12  # of either in one call
YES_NO = ("yes", "no")

SPLIT = (
    "You take sentences apart into statements. Each statement says one thing, can be understood by"
    " itself (names instead of pronouns) and adds nothing. A sentence that says one thing stays as"
    " it is, in its own language. Fields: for each numbered sentence, by its number, the list of"
    " its statements."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's word on one statement. reason: its own words, where it gave any."""

    statement: str
    word: str
    reason: str = ""

    def note(self) -> dict[str, str]:
        """As it is kept in a score's notes."""
        kept = {"statement": self.statement, "verdict": self.word}
        return {**kept, "reason": self.reason} if self.reason else kept


@dataclass(frozen=True, slots=True)
class Statements:
    """What a text says. own: the words of each in the text, as far as they are known. total: how
    many sentences or statements there were before the cut; 0 left out where nothing was cut."""

    kept: tuple[Statement, ...]
    left_out: int = 0

    @property
    def texts(self) -> list[str]:
        """Each as a sentence that can be judged alone."""
        return [statement.text for statement in self.kept]

    def notes(self) -> dict[str, Any]:
        """What is said of a cut."""
        if not self.left_out:
            return {}
        return {"left_out": self.left_out, "taken": "evenly over the text"}


def sentences_of(text: Any, question: str, most: int = MOST) -> Statements:
    """A text's sentences as statements, without a model; of many, so many evenly over the text."""
    found = statements(text, question)
    kept = _evenly(found, most)
    return Statements(tuple(kept), len(found) - len(kept))


async def split(
    lend: MetricLender, text: Any, question: str, told: str | None = None
) -> Statements:
    """A text's statements, its sentences taken apart by the judge. A sentence of which the judge
    makes nothing stands for itself, and so do all where its reply cannot be read. A short phrase
    is one statement with the question, without a call. told: the question as the judge reads it,
    with what was said before, where that is more. Raises as MetricLender does."""
    base = sentences_of(text, question, SENTENCES)
    phrase = len(base.kept) == 1 and base.kept[0].own != base.kept[0].text
    if phrase or not isinstance(text, str):
        return base
    found: list[Statement] = []
    for at in range(0, len(base.kept), BATCH):
        batch = base.kept[at : at + BATCH]
        parts = await _taken_apart(lend, batch, told or question)
        for number, sentence in enumerate(batch):
            own = parts.get(number) or [sentence.text]
            found += [Statement(part, part) for part in own]
    kept = _evenly(found, MOST)
    # Sentences that were not looked at count as at least one statement each.
    return Statements(tuple(kept), base.left_out + len(found) - len(kept))


async def _taken_apart(
    lend: MetricLender, batch: Sequence[Statement], question: str
) -> dict[int, list[str]]:
    names = [str(number) for number in range(1, len(batch) + 1)]
    material = {"question": question, "sentences": _numbered([s.text for s in batch])}
    schema = form(**{name: {"type": "array", "items": WORDS} for name in names})

    def read(data: Any) -> dict[int, list[str]]:
        lists = {n: field(data, name, list) for n, name in enumerate(names) if name in data}
        if not lists:
            raise ValueError("there is no list of statements by number")
        return {
            n: [" ".join(item.split()) for item in items if isinstance(item, str) and item.strip()]
            for n, items in lists.items()
        }

    size = sum(len(s.text) for s in batch)
    try:
        most = 60 + 30 * len(batch) + size // 2
        return await ask(lend, SPLIT, material, schema, read, max_tokens=most)
    except Unread:
        return {}


async def verdicts(
    lend: MetricLender,
    duty: str,
    texts: Sequence[str],
    material: Mapping[str, str],
    words: Sequence[str],
) -> list[Verdict]:
    """The judge's word on each statement, in order, from `words`. duty: what the words mean.
    material: what the statements are held against. Raises Unread where a statement has no verdict
    after the second reply, and as MetricLender does."""
    found: list[Verdict] = []
    for at in range(0, len(texts), BATCH):
        found += await _batch(lend, duty, texts[at : at + BATCH], material, words)
    return found


async def anywhere(
    lend: MetricLender,
    duty: str,
    texts: Sequence[str],
    question: str,
    passages: Sequence[Passage],
) -> list[Verdict]:
    """Yes or no on each statement against the passages. More passages than a judge reads at once
    are read part by part: yes in any of them is yes. Raises as `verdicts`."""
    found: list[Verdict | None] = [None] * len(texts)
    for part in windows(passages):
        open_ = [i for i, verdict in enumerate(found) if verdict is None or verdict.word != "yes"]
        if not open_:
            break
        material = {"question": question, "passages": part}
        told = await verdicts(lend, duty, [texts[i] for i in open_], material, YES_NO)
        for i, verdict in zip(open_, told, strict=True):
            found[i] = verdict
    return [verdict for verdict in found if verdict is not None]


async def _batch(
    lend: MetricLender,
    duty: str,
    texts: Sequence[str],
    material: Mapping[str, str],
    words: Sequence[str],
) -> list[Verdict]:
    names = [str(number) for number in range(1, len(texts) + 1)]
    one = form(reason=REASON, verdict={"type": "string", "enum": list(words)})
    schema = form(**dict.fromkeys(names, one))
    asked = (
        f"{duty} Fields: for each numbered statement, by its number, reason (at most 15 words) and"
        f" verdict ({', '.join(words)})."
    )
    known: dict[str, Verdict] = {}

    def read(data: Any) -> list[Verdict]:
        for name, text in zip(names, texts, strict=True):
            inner = data.get(name)
            try:
                # A bare word instead of an object is as good.
                if isinstance(inner, str):
                    inner = {"verdict": inner}
                word = choice(inner, "verdict", words)
            except ValueError:
                continue
            known.setdefault(name, Verdict(text, word, said(inner)))
        missing = [name for name in names if name not in known]
        if missing:
            raise ValueError(f"there is no verdict on statement {', '.join(missing)}")
        return [known[name] for name in names]

    whole = {**material, "statements": _numbered(texts)}
    return await ask(lend, asked, whole, schema, read, max_tokens=60 + 60 * len(texts))


def _numbered(texts: Sequence[str]) -> str:
    return "\n".join(f"{n}. {' '.join(text.split())}" for n, text in enumerate(texts, start=1))


def _evenly(items: Sequence[Statement], most: int) -> list[Statement]:
    """At most so many items, evenly over all of them, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]
