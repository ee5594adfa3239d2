"""The parts that commands are made of: runs over examples, probes, a technique's candidates."""

from __future__ import annotations

from collections.abc import Sequence

from headway.core.pipeline import Pipeline
from headway.core.protocols import Technique
from headway.core.task import Example
from headway.engine.estimate.asked import Asked, Told
from headway.engine.estimate.bill import Range
from headway.engine.estimate.costs import Costs
from headway.engine.positions import PLACES
from headway.engine.probes import REPEATED, most_repeated
from headway.engine.run import AS_IS, CLOSED_BOOK, PERFECT, Probe
from headway.steps.database import query_in


class Passes:
    """Puts examples through pipelines on the bill of `costs`."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    async def run(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int = 1, seen: int = 0,
        probe: Probe = AS_IS,
    ) -> None:  # fmt: skip
        """One run of the examples; what the store holds, and the first `seen`, cost nothing."""
        todo = await self._todo(pipeline, examples[seen:], repeats, probe)
        self.costs.bill.add(await self.costs.each(pipeline), Range.about(todo))

    async def _todo(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int, probe: Probe
    ) -> int:
        names = await self.costs.fingerprints(pipeline)
        # Several pipelines of the same data differ in what they read: which one holds now is not
        # known without opening it.
        kept = set(self.costs.store.records(names[0], probe.key)) if len(names) == 1 else set()
        todo = sum((e.fingerprint, r) not in kept for e in examples for r in range(repeats))
        if todo < len(examples) * repeats:
            self.costs.bill.note(
                f"{len(examples) * repeats - todo} of {len(examples) * repeats} answers are in the"
                " store already and cost nothing"
            )
        return todo

    async def probes(self, pipeline: Pipeline, examples: Sequence[Example]) -> None:
        """A diagnosis: as is, closed book, perfect context, repeats, a stronger model."""
        await self.run(pipeline, examples)
        known = self.costs.task.has_knowledge
        covered = [e for e in examples if (e.evidence if known else any(map(query_in, e.evidence)))]
        if covered:
            bare = pipeline.without_step("retrieve").without_step("rerank")
            closed = await self.costs.each(bare)
            todo = await self._todo(pipeline, covered, 1, CLOSED_BOOK)
            self.costs.bill.add(closed, Range.about(todo))
            await self.run(pipeline, covered, probe=PERFECT)
        failed = len(covered or examples)
        again = min(most_repeated(len(examples)), failed)
        each = await self.costs.each(pipeline)
        self.costs.bill.add(each, Range(REPEATED * min(again, failed / 2), 0, REPEATED * again))
        stronger = self.costs.task.spec.models.stronger
        if stronger and pipeline.model:
            other = await self.costs.each(self.costs.parts.resolve(pipeline, model=stronger))
            self.costs.bill.add(other, Range(failed / 2, 0, failed))
        if failed:
            self.costs.bill.note("half of the examples are taken to fail; failures are asked again")

    async def positions(self, pipeline: Pipeline, covered: Sequence[Example]) -> None:
        """Those right with the evidence alone, once for each place of it."""
        each = await self.costs.each(pipeline)
        for place in PLACES:
            probe = Probe("perfect_context", perfect=True, position=place)
            todo = await self._todo(pipeline, covered, 1, probe)
            self.costs.bill.add(each, Range(todo / 2, 0, todo))

    async def candidates(self, kind: type[Technique], incumbent: Pipeline) -> list[Pipeline]:
        """What a technique would propose to this pipeline."""
        lent = Asked(
            self.costs.task, incumbent, self.costs.task.split("train"), {}, self.costs.parts
        )
        found: dict[str, Pipeline] = {}
        try:
            async for candidate in kind().propose(lent):
                resolved = self.costs.parts.resolve(candidate.pipeline)
                if resolved != incumbent:
                    found[resolved.digest] = resolved
        except Told:
            self.costs.bill.note(
                f"{kind.name} asks a model what to propose: 3 candidates are assumed"
            )
            return [*found.values(), incumbent, incumbent, incumbent][:3]
        return list(found.values())
