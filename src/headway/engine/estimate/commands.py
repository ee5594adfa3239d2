"""The plans of the commands that spend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.protocols import Technique
from headway.core.task import Example, Split, Task
from headway.engine.budget import Limits
from headway.engine.estimate.bill import (
    Bill,
    Each,
    Range,
    average,
    high_of,
    low_of,
    mean_of,
    raced,
)
from headway.engine.estimate.costs import Costs
from headway.engine.estimate.passes import Passes
from headway.engine.needs import insist, unmet
from headway.engine.parts import Parts
from headway.engine.plan import DIAGNOSED, affordable, cut_dev, sizes
from headway.store import Store
from headway.techniques import TECHNIQUES

NOTHING = "has nothing to propose for this pipeline"
FEWEST = 6  # examples of explore and groups of confirm below which a journey does not start


class Estimator:
    """Plans of the commands that spend, for one task and one resolved pipeline."""

    def __init__(self, task: Task, parts: Parts, store: Store, pipeline: Pipeline) -> None:
        self.task, self.parts, self.store, self.pipeline = task, parts, store, pipeline
        self.costs = Costs(task, parts, store)
        self.passes = Passes(self.costs)

    @property
    def bill(self) -> Bill:
        """Of the command that is planned."""
        return self.costs.bill

    async def plan(self, command: str, **options: Any) -> Plan:
        """What the command would spend with these options. Raises InputError."""
        commands: dict[str, Callable[..., Awaitable[None]]] = {
            "evaluate": self._evaluate,
            "diagnose": self._diagnose,
            "try": self._try,
            "optimize": self._optimize,
            "final": self._final,
            "compare": self._compare,
        }
        if command not in commands:
            raise InputError(f"{command!r} spends nothing to plan", valid=", ".join(commands))
        self.costs.bill = Bill()
        await commands[command](**options)
        if not self.bill.calls.high and NOTHING not in " ".join(self.bill.notes):
            stored = self.bill.n is None  # nothing was added to the bill
            all_there = "nothing new is called: all of it is in the store already"
            self.bill.note(all_there if stored else "it searches, and asks no chat model")
        return self.bill.to_plan(command)

    # --- the commands -----------------------------------------------------------------------------

    async def _evaluate(
        self, pipeline: Any = None, split: Split = "dev", limit: int | None = None,
        repeat: int = 1, **_: Any,
    ) -> None:  # fmt: skip
        await self.passes.run(self._named(pipeline), self.task.split(split)[:limit], repeat)

    async def _final(self, pipeline: Any = None, **_: Any) -> None:
        best = self.task.folder / "pipelines" / "best.yaml"
        chosen = pipeline or (best if best.is_file() else None)
        await self.passes.run(self._named(chosen), self.task.split("test"))

    async def _compare(self, a: Any = None, b: Any = None, **_: Any) -> None:
        for named in (a, b):
            run = self._run(named)
            if run is None:
                await self.passes.run(self._named(named), self.task.split("dev"))
            else:
                ids = set(run["examples"])
                examples = [e for e in self.task.split(run["split"]) if e.id in ids]
                await self.passes.run(self._named(run["pipeline"]), examples, int(run["repeats"]))

    async def _diagnose(
        self, pipeline: Any = None, limit: int | None = None, positions: bool = False, **_: Any
    ) -> None:
        explore, _confirm = cut_dev(self.task)
        chosen = (explore or self.task.split("dev"))[: limit or DIAGNOSED]
        await self.passes.probes(self._named(pipeline), chosen)
        if positions and self.task.has_knowledge:
            await self.passes.positions(self._named(pipeline), [e for e in chosen if e.evidence])

    async def _try(
        self, technique: str = "", pipeline: Any = None, limit: int | None = None, **_: Any
    ) -> None:
        kind: type[Technique] = TECHNIQUES.load(technique)
        insist(kind, self.task)
        incumbent = self._named(pipeline)
        explore, _confirm = cut_dev(self.task)
        sample = explore[: limit or DIAGNOSED]
        found = await self.passes.proposed(kind, incumbent)
        await self.passes.prepare(found)
        sure = [p.digest not in found.unsure for p in found.candidates]
        if found.candidates:  # without any the incumbent is not run either
            await self.passes.run(incumbent, sample, sure=any(sure))
        for candidate, is_sure in zip(found.candidates, sure, strict=True):
            await self.passes.run(candidate, sample, judged=True, sure=is_sure)
        if not found.candidates:
            self.bill.note(f"{kind.name} {NOTHING}")

    async def _optimize(
        self, calls: int | None = None, tokens: int | None = None, usd: float | None = None,
        minutes: float | None = None, axis: str | None = None, test: str = "end",
        pipeline: Any = None, **_: Any,
    ) -> None:  # fmt: skip
        limits = Limits(calls, tokens, usd, minutes)
        baseline = self._named(pipeline)
        explore, confirm = cut_dev(self.task)
        self._say_if_refused(explore, confirm)
        each, bill = await self.costs.each(baseline), self.bill
        whole = await self.passes.whole(baseline)
        # As a journey plans its sizes: judging is in the seconds of an answer, not in its tokens.
        reach = affordable(
            limits, whole.seconds.mean, each.tokens.mean if each.tokens else 0.0,
            each.usd.mean if each.usd else None,
        )  # fmt: skip
        plan = sizes(
            reach, len(explore), len(confirm), len(self.task.split("test")),
            whole.seconds.mean, each.tokens.mean if each.tokens else 0.0,
        )  # fmt: skip
        await self.passes.probes(baseline, explore[: plan.diagnose])
        await self.passes.run(baseline, explore[: plan.rounds[-1]], seen=plan.diagnose)
        looked = plan.looks[-1] if plan.looks else 0
        kinds = [kind for _, kind in TECHNIQUES if axis in (None, kind.axis) or kind.axis == "both"]
        tried = 0
        for kind in kinds:
            if unmet(kind, self.task):
                continue
            found = await self.passes.proposed(kind, baseline, limits.calls)
            await self.passes.prepare(found, turns=2)
            if not found.candidates:
                continue
            tried += 1
            price = average([await self.passes.whole(c) for c in found.candidates])
            bill.add(price, raced(len(found.candidates), plan.rounds))
            # Without gain confirm is not asked; a third of them ask, in two of its three looks.
            bill.add(price, Range(looked * 2 / 9, 0, 2 * looked))
        # A baseline that was beaten is followed by an incumbent that is new on all examples.
        again = Range(looked, 0, 2 * (looked + plan.rounds[-1]))
        await self.passes.spend(baseline, again, Range(looked, 0, looked))
        if axis is None and self.task.metric in self.task.spec.margin:
            smaller = Range(plan.rounds[-1], 0, 3 * (plan.rounds[-1] + looked))
            await self.passes.spend(baseline, smaller)
        if test != "never":
            tested = Range(2 * plan.test, 0, 2 * plan.test)
            await self.passes.spend(baseline, tested, Range(plan.test, 0, plan.test))
            bill.note(
                f"a share is kept back for the sealed test: {plan.test} examples, by the baseline"
                " and by the best"
            )
        bill.note(
            f"{tried} techniques race on up to {plan.rounds[-1]} examples of explore; what gains"
            f" is asked of {looked} of confirm; {plan.diagnose} are diagnosed"
        )
        self._cap(limits, whole)

    def _say_if_refused(self, explore: Sequence[Example], confirm: Sequence[Example]) -> None:
        if len(explore) < FEWEST or len({e.cluster for e in confirm}) < FEWEST:
            self.bill.note(
                f"dev is too small for a journey: {FEWEST} examples to explore and {FEWEST} groups"
                " to confirm on are the least, so it would stop before any call"
            )

    def _cap(self, limits: Limits, each: Each) -> None:
        """A budget is enforced before each call, so no end of a range lies beyond it; how far it
        reaches hangs on how dear an example turns out to be."""
        bill = self.bill
        seconds = None if limits.minutes is None else limits.minutes * 60
        limited = [
            (float(limit), total, price)
            for limit, total, price in (
                (limits.calls, bill.calls, each.calls),
                (limits.tokens, bill.tokens, each.tokens),
                (limits.usd, bill.usd, each.usd),
                (seconds, bill.seconds, each.seconds),
            )
            if limit is not None and total and total.mean and price and price.mean
        ]

        def reach(at: Callable[[Range], float]) -> float:
            """The share of the planned work that is paid for at this end of the price."""
            paid = ((limit, total.mean * at(p) / p.mean) for limit, total, p in limited)
            return min((limit / cost if cost else inf for limit, cost in paid), default=inf)

        dear, usual, cheap = (reach(at) for at in (high_of, mean_of, low_of))
        bill.cap(min(1.0, dear), min(1.0, usual), cheap)
        bill.calls = bill.calls.most(limits.calls)
        bill.seconds = bill.seconds.most(seconds)
        bill.tokens = bill.tokens.most(limits.tokens) if bill.tokens else bill.tokens
        bill.usd = bill.usd.most(limits.usd) if bill.usd else bill.usd
        if usual < 1:
            bill.note("the budget ends it where it would go further")
        if limits.usd is not None and bill.usd is None:
            bill.note("a dollar budget needs known prices: without them it ends at the first call")
        if not limits.to_dict():
            bill.note("no budget is given: it goes on until every technique was tried")

    # --- which pipeline -----------------------------------------------------------------------

    def _named(self, named: Any) -> Pipeline:
        """An object, a file or a stored name as a resolved pipeline; the baseline for any other."""
        if named is None:
            return self.pipeline
        if isinstance(named, Pipeline):
            return self.parts.resolve(named)
        folder = self.task.folder
        for file in (Path(named), folder / named, folder / "pipelines" / f"{named}.yaml"):
            if file.is_file():
                return self.parts.resolve(Pipeline.load(file))
        run = self._run(named)
        stored = self.store.pipeline(run["pipeline"] if run else str(named))
        if len(stored) == 1:
            return Pipeline.model_validate(stored[0][1])
        self.bill.note(f"{named} is not known here: it is taken to cost what the baseline does")
        return self.pipeline

    def _run(self, named: Any) -> dict[str, Any] | None:
        """The stored run of that name, if it is one."""
        if not isinstance(named, str) or len(named) < 4:
            return None
        return next(iter(self.store.run(named)), None)
