"""The parts that commands are made of: runs over examples, probes, a technique's candidates."""

from __future__ import annotations

from collections.abc import Sequence

from headway.core.pipeline import Pipeline
from headway.core.protocols import Technique
from headway.core.task import Example
from headway.engine.estimate.asked import Asked, Proposed, propose
from headway.engine.estimate.bill import Each, Range
from headway.engine.estimate.costs import Costs
from headway.engine.estimate.judges import Judges
from headway.engine.positions import PLACES
from headway.engine.probes import REPEATED, most_repeated
from headway.engine.run import AS_IS, CLOSED_BOOK, PERFECT, Probe
from headway.steps.database import query_in


class Passes:
    """Puts examples through pipelines on the bill of `costs`, and their answers before judges."""

    def __init__(self, costs: Costs) -> None:
        self.costs, self.judges = costs, Judges(costs)
        self.task, self.parts = costs.task, costs.parts

    async def whole(self, pipeline: Pipeline) -> Each:
        """What one new example costs, its judging included."""
        each, scoring = await self.costs.each(pipeline), await self.judges.of(pipeline)
        return each if scoring is None else each + scoring.record

    async def spend(self, pipeline: Pipeline, passes: Range, first: Range = Range()) -> None:
        """So many new answers of a pipeline, to so many examples that are judged for the first
        time."""
        self.costs.bill.add(await self.whole(pipeline), passes)
        scoring = await self.judges.of(pipeline) if first.high else None
        if scoring is not None:
            self.costs.bill.add(scoring.example, first)

    async def run(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int = 1, seen: int = 0,
        probe: Probe = AS_IS, judged: bool = False, sure: bool = True,
    ) -> None:  # fmt: skip
        """One run of the examples; what the store holds, and the first `seen`, cost nothing.
        judged: another answer to each of them was judged before. sure: that it is made at all."""
        todo, kept = await self._todo(pipeline, examples[seen:], repeats, probe)
        new = 0 if judged else min(todo, len(examples[seen:]))
        least = 1.0 if sure else 0.0
        await self.spend(pipeline, Range.about(todo, least), Range.about(new, least))
        again = await self.judges.kept(kept)
        if again is not None:
            self.costs.bill.add(again, Range.about(len(kept)))

    async def _todo(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int, probe: Probe
    ) -> tuple[int, list[tuple[Example, bytes]]]:
        """How many answers are new, and those that are in the store."""
        names = await self.costs.fingerprints(pipeline)
        # Several pipelines of the same data differ in what they read: which one holds now is not
        # known without opening it.
        held = self.costs.store.records(names[0], probe.key) if len(names) == 1 else {}
        wanted = [(e, r) for e in examples for r in range(repeats)]
        kept = [(e, held[e.fingerprint, r]) for e, r in wanted if (e.fingerprint, r) in held]
        if kept:
            self.costs.bill.note(
                f"{len(kept)} of {len(wanted)} answers are in the store already and cost nothing"
            )
        return len(wanted) - len(kept), kept

    async def probes(self, pipeline: Pipeline, examples: Sequence[Example]) -> None:
        """A diagnosis: as is, closed book, perfect context, repeats, a stronger model."""
        await self.run(pipeline, examples)
        known = self.task.has_knowledge
        covered = [e for e in examples if (e.evidence if known else any(map(query_in, e.evidence)))]
        if covered:
            bare = pipeline.without_step("retrieve").without_step("rerank")
            todo, _ = await self._todo(pipeline, covered, 1, CLOSED_BOOK)
            await self.spend(bare, Range.about(todo))
            await self.run(pipeline, covered, probe=PERFECT, judged=True)
        failed = len(covered or examples)
        again = min(most_repeated(len(examples)), failed)
        repeated = Range(REPEATED * min(again, failed / 2), 0, REPEATED * again)
        await self.spend(pipeline, repeated)
        stronger = self.task.spec.models.stronger
        if stronger and pipeline.model:
            other = self.parts.resolve(pipeline, model=stronger)
            await self.spend(other, Range(failed / 2, 0, failed))
        if failed:
            self.costs.bill.note("half of the examples are taken to fail; failures are asked again")

    async def positions(self, pipeline: Pipeline, covered: Sequence[Example]) -> None:
        """Those right with the evidence alone, once for each place of it."""
        for place in PLACES:
            probe = Probe("perfect_context", perfect=True, position=place)
            todo, _ = await self._todo(pipeline, covered, 1, probe)
            await self.spend(pipeline, Range(todo / 2, 0, todo))

    # --- what a technique proposes --------------------------------------------------------------

    async def proposed(
        self, kind: type[Technique], incumbent: Pipeline, calls: int | None = None
    ) -> Proposed:
        """What a technique would propose to this pipeline, and what it does on train before.
        calls: those of the budget."""
        found, note = Proposed(kind.name), self.costs.bill.note
        spends = getattr(kind, "spends", None)
        if spends is not None:
            found.search = spends(self._lent(incumbent, calls))
            if found.search is not None:
                found.candidates = [self.parts.resolve(p) for p in found.search.candidates]
                found.unsure = {p.digest for p in found.candidates}
            return found
        lent = self._lent(incumbent, calls)
        candidates, told = await propose(kind, lent)
        if lent.evaluated:  # how far it goes hangs on what is right: from all to nothing
            other = self._lent(incumbent, calls, right=False)
            others, _ = await propose(kind, other)
            found.unsure = set(candidates) ^ set(others)
            candidates |= others
            found.adds(lent, other)
        found.candidates = list(candidates.values())
        if told:
            note(f"{kind.name} {told}: 3 candidates are assumed")
            found.candidates = [*found.candidates, incumbent, incumbent, incumbent][:3]
        return found

    async def prepare(self, found: Proposed, turns: int = 1) -> None:
        """What a technique does on train before it proposes; in the worst case `turns` times."""
        bill, search = self.costs.bill, found.search
        for pipeline, few, many in found.before.values():
            new, _ = await self._todo(pipeline, list(many.values()), 1, AS_IS)
            low, _ = await self._todo(pipeline, list(few.values()), 1, AS_IS)
            passes = Range((low + new) / 2, low, turns * new)
            await self.spend(pipeline, passes, passes)
            span = f"{low} to {new}" if low < new else f"{new}"
            if new:
                bill.note(f"{found.name} answers {span} questions of train before it proposes")
        if search is not None and search.pipeline is not None:
            resolved = self.parts.resolve(search.pipeline)
            answers = Range(search.answers / 2, 0, turns * search.answers)
            await self.spend(resolved, answers, answers.most(len(self.task.split("train"))))
            models = self.task.spec.models
            model = models.proposer or models.chat
            prompt = Range.about(search.reads / 4, 0.5, 1.5)
            written = Range.about(search.writes / 4, 0.2, 2.0)
            asking = self.costs.asking(model, prompt, written, Range.about(1))
            bill.add(asking, Range(search.calls / 2, 0, turns * search.calls))
            bill.note(
                f"{found.name} answers up to {search.answers} questions of train and asks {model}"
                f" up to {search.calls} times before it proposes; half of that is taken"
            )

    def _lent(self, incumbent: Pipeline, calls: int | None, right: bool = True) -> Asked:
        train, rehearsal = self.task.split("train"), self.costs.rehearsal
        return Asked(self.task, incumbent, train, {}, self.parts, rehearsal, right, calls)
