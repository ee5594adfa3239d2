"""Let a second model rewrite the prompt from its failures on train.

GEPA's reflective search (Agrawal et al., 2025, "GEPA: Reflective Prompt Evolution Can Outperform
Reinforcement Learning") with the rules for meta-prompts of OpenAI's guides: few changes, reasoning
before conclusions, a clear form. Train is cut in two by group: from one part the proposer is shown
failures, on the other its rewrites are chosen. A rewrite that copies train is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from math import sqrt
from typing import ClassVar

import orjson

from headway.core.errors import ModelError
from headway.core.phrases import Copies
from headway.core.protocols import Axis, Candidate, Spends, TechniqueContext
from headway.core.record import Record
from headway.core.task import Example
from headway.core.template import placeholders
from headway.techniques.behaviour.reflection import (
    MINIBATCH,
    RULES,
    SHOWN,
    Search,
    metric_calls,
    with_prompt,
)

ROUNDS = 10  # rewrites that are asked for
SELECTION, FEEDBACK = 32, 48  # examples at most on which rewrites are chosen, and learnt from
SHARE = 4  # of the calls that the budget has left, one in so many
GROWTH = 1_500  # letters that a rewrite may be longer than the prompt it began with


class MetaPrompt:
    """The best rewrite, and the shortest that is as good as far as one can tell."""

    name: ClassVar[str] = "meta_prompt"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "failures with a rule behind them that the prompt does not say"
    not_good_for: ClassVar[str] = "missing knowledge; a proposer as weak as the model itself"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "unfaithful", "invalid_output", "unstable", "refused",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=20", "role:proposer", "extra:prompts")
    costs: ClassVar[str] = (
        "10 calls of the proposer and up to 320 answers on train, at most a quarter of what the"
        " budget has left; then a longer prompt"
    )

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Best by the selection part first."""
        steps = [s for s in ctx.incumbent.steps if s.name == "generate"]
        own = str(steps[0].settings.get("template", "Answer the question.")) if steps else ""
        feedback, selection = cut_train([e for e in ctx.train if e.reference is not None])
        if len(steps) != 1 or not feedback or not selection:
            return
        records = await ctx.evaluate(ctx.incumbent, feedback)
        learns = _to_learn_from(feedback, records, ctx.task.metric)
        if not learns:
            ctx.notice(f"{self.name}: no failure among {len(feedback)} questions of train.")
            return
        left = ctx.calls_left
        longest = len(own) + GROWTH
        search = Search(
            ctx, own, learns, selection, _Judge(ctx, own, longest, records), ROUNDS, longest,
            None if left is None else left // SHARE,
        )  # fmt: skip
        await search.run()
        found = self._found(search)
        self._tell(ctx, search, bool(found))
        if not found and isinstance(search.error, ModelError):
            raise search.error
        failed = sum((r.scores.get(ctx.task.metric) or 0.0) < 1.0 for r in records)
        by = ctx.task.spec.models.proposer or ctx.task.spec.models.chat
        for text, kind in found:
            words = len(text.split())
            title = f"{kind} rewrite by {by} from {failed} failures on train ({words} words)"
            yield Candidate(with_prompt(ctx.incumbent, text), title)

    @staticmethod
    def spends(ctx: TechniqueContext) -> Spends | None:
        """Every rewrite asked for and tried, at most a quarter of the calls that are left."""
        steps = [s for s in ctx.incumbent.steps if s.name == "generate"]
        feedback, selection = cut_train([e for e in ctx.train if e.reference is not None])
        if len(steps) != 1 or not feedback or not selection:
            return None
        own = str(steps[0].settings.get("template", "Answer the question."))
        answers, calls = metric_calls(len(selection), ROUNDS), ROUNDS
        if ctx.calls_left is not None:
            share = ctx.calls_left // SHARE
            answers, calls = min(answers, share), min(calls, share)
        longer = with_prompt(ctx.incumbent, own + " rule" * (GROWTH // 10))
        return Spends(
            answers=len(feedback) + answers, pipeline=ctx.incumbent, calls=calls,
            reads=len(RULES) + len(own) + MINIBATCH * 2 * SHOWN, writes=len(own) + GROWTH,
            candidates=(longer, longer),
        )  # fmt: skip

    def _found(self, search: Search) -> list[tuple[str, str]]:
        """(prompt, what it is): the best, and the shortest within one standard error of it."""
        scores = search.selected
        before = _mean(scores.get(search.prompt, []))
        better = [
            text
            for text, rows in scores.items()
            if text != search.prompt and before is not None and (_mean(rows) or 0.0) > before
        ]
        if not better:
            return []
        best = max(better, key=lambda text: (_mean(scores[text]) or 0.0, -len(text)))
        close = [text for text in better if _within_noise(scores[best], scores[text])]
        shortest = min(close, key=len)
        found = [(best, "the best")]
        if shortest != best:
            found.append((shortest, "the shortest as good"))
        return found

    def _tell(self, ctx: TechniqueContext, search: Search, found: bool) -> None:
        """What a person should know of the search."""
        if search.refused:
            count = Counter(why.partition(":")[0] for why in search.refused)
            kinds = ", ".join(f"{n} {why}" for why, n in count.items())
            first = next((w for w in search.refused if ":" in w), "")
            ctx.notice(
                f"{self.name}: refused {len(search.refused)} of {search.proposed} rewrites ({kinds}"
                f"){'; for instance ' + first if first else ''}."
            )
        if search.error is not None:
            ctx.notice(f"{self.name}: ended early: {str(search.error).splitlines()[0]}.")
        if not found and search.error is None:
            ctx.notice(
                f"{self.name}: of {search.proposed} rewrites none was better on the"
                f" {len(search.selection)} questions of train kept for choosing."
            )


class _Judge:
    """Says why a rewrite is refused; empty where it is not."""

    def __init__(
        self, ctx: TechniqueContext, own: str, longest: int, records: Sequence[Record]
    ) -> None:
        spec = ctx.task.spec
        said = [
            own, spec.description, ctx.task.instructions, *spec.output.labels,
            *spec.output.about.values(), spec.output.abstain or "",
            orjson.dumps(spec.output.json_schema or {}).decode(),
        ]  # fmt: skip
        shown = [p.text for record in records for p in record.passages]
        self._copies = Copies(ctx.train, said, shown)
        self._held, self._longest = placeholders(own), longest

    def __call__(self, before: str, text: str) -> str:
        found = placeholders(text)
        if not text.strip():
            return "held no prompt"
        if self._held - found:
            return f"lost a placeholder: {{{{{sorted(self._held - found)[0]}}}}}"
        if found - self._held:
            return "put in a placeholder of its own"
        if text == before:
            return "changed nothing"
        if len(text) > self._longest:
            return f"too long: {len(text):,} letters, at most {self._longest:,}"
        if copied := self._copies.of(text):
            return f"copied from train: {_quoted(copied[0])}"
        return ""


def cut_train(train: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """(what is learnt from, what rewrites are chosen on): two in five, SELECTION at most, for the
    choice, and FEEDBACK at most of the rest; no group on both sides."""
    wanted = min(SELECTION, round(0.4 * len(train)))
    chosen: set[str] = set()
    for example in train:  # in train's own random order
        held = sum(e.cluster in chosen for e in train)
        if held >= wanted:
            break
        chosen.add(example.cluster)
    selection = [e for e in train if e.cluster in chosen]
    feedback = [e for e in train if e.cluster not in chosen]
    return feedback[:FEEDBACK], selection[:SELECTION]


def _to_learn_from(
    examples: Sequence[Example], records: Sequence[Record], metric: str
) -> list[Example]:
    """The failures, with as many that went well, so that what works is seen too."""
    scored = [(e, r.scores.get(metric)) for e, r in zip(examples, records, strict=True)]
    failed = [e for e, score in scored if score is not None and score < 1.0]
    right = [e for e, score in scored if score is not None and score >= 1.0]
    return [*failed, *right[: len(failed)]] if failed else []


def _mean(rows: Sequence[float | None]) -> float | None:
    known = [score for score in rows if score is not None]
    return sum(known) / len(known) if known else None


def _within_noise(best: Sequence[float | None], other: Sequence[float | None]) -> bool:
    """Whether the mean paired difference is no more than its standard error."""
    gaps = [b - o for b, o in zip(best, other, strict=True) if b is not None and o is not None]
    if not gaps:
        return False
    mean = sum(gaps) / len(gaps)
    spread = sum((gap - mean) ** 2 for gap in gaps) / max(1, len(gaps) - 1)
    return mean <= sqrt(spread / len(gaps))


def _quoted(text: str) -> str:
    return f'"{text if len(text) <= 60 else text[:57] + "..."}"'
