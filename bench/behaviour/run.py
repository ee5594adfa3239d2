"""What each behaviour technique brings without training: baseline against every candidate.

    python bench/behaviour/run.py [--quick] [--first] [--tasks tickets,...] [--techniques a,b]

Hours on one thread, with 60 examples: about 9 for one candidate a technique, on all tasks, which is
measured first (--first ends there), about 16 with the other candidates; said at the start from the
seconds of computing that a baseline example takes. --quick takes 4 examples and one candidate a
technique, and needs some minutes a task.

Rows are kept in results.jsonl beside this file and single answers in the tasks' stores below
bench/scratch/behaviour, so the same command goes on where it was stopped; RESULTS.md is written
anew after each row, and --tables only writes it.

Techniques are those of the table `TECHNIQUES` whose axis is behaviour or both; a new one appears by
itself. Each is asked for candidates on the baseline; a row is one candidate, paired with the
baseline example by example. What proposing cost (calls on train) is told apart from what a request
costs. `--again NAME` measures a technique anew whose rows are kept, after its code has changed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

# Before anything that starts threads is imported.
os.environ.setdefault("HEADWAY_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tasks import TASKS, WORK, Bench, make

from headway import Workspace
from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate, Technique
from headway.core.record import Record
from headway.engine.journey import Lent
from headway.engine.needs import unmet
from headway.engine.race import against
from headway.engine.run import Run, Runner
from headway.techniques import TECHNIQUES

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402
from table import report  # noqa: E402

EXAMPLES, QUICK = 60, 4
# Rewrites by a proposer ask for more calls on train than all rows of a table on dev.
LAST = ("meta_prompt",)
NOT_HERE = ("settings", "fine_tune")  # only for one's own application; in bench/training
# For the estimate: techniques that apply to a task, all their candidates, and how many times a
# baseline example's seconds a candidate's example takes in the mean (some ask five times).
FIRSTS, CANDIDATES, LONGER = 14, 26, 2.0


def techniques() -> list[type[Technique]]:
    """Those of the behaviour axis, in the table's order, the dearest to propose last."""
    kinds = [kind for _, kind in TECHNIQUES]
    found = [k for k in kinds if k.axis in ("behaviour", "both") and k.name not in NOT_HERE]
    return sorted(found, key=lambda kind: kind.name in LAST)


class Measured:
    """One task under measurement: its baseline's run, and rows as they come."""

    def __init__(self, bench: Bench, model: str, workspace: Workspace, kept: Kept, n: int) -> None:
        self.bench, self.model, self.workspace, self.kept, self.n = bench, model, workspace, kept, n
        self.runner: Runner = workspace._runner()
        self.baseline = workspace.pipeline()
        self.base: Run | None = None
        self.stands = ""  # the baseline's fingerprint: rows against another are of another time

    def key(self, *names: str) -> str:
        """Under which a row is kept."""
        return "|".join([self.bench.name, self.model, *names, str(self.n)])

    async def run(self, pipeline: Pipeline) -> tuple[Run, float]:
        """A pipeline over the first n of dev, and the seconds of this process's own computing:
        what the clock says depends on what else the machine does."""
        examples = self.workspace.task.split("dev")[: self.n]
        start = time.process_time()
        run = await self.runner.run(self.workspace.parts.resolve(pipeline), examples)
        return run, time.process_time() - start

    async def start(self) -> None:
        """The baseline, which every row is held against; from the store, where it is there."""
        self.base, seconds = await self.run(self.baseline)
        self.stands = self.base.fingerprint
        if self.kept.rows.get(self.key("baseline", ""), {}).get("pipeline") != self.stands:
            self.kept.put(self.key("baseline", ""), self.row(self.base, seconds, "baseline", ""))
        print(f"  {self.bench.name}: baseline {self.score(self.base):.3f}, {seconds:.0f} s")

    def score(self, run: Run) -> float:
        """The judged metric's mean; nan where nothing was scored."""
        scores = [s for s in run.scores(self.bench.judged) if s is not None]
        return sum(scores) / len(scores) if scores else float("nan")

    def row(self, run: Run, seconds: float, technique: str, title: str) -> dict[str, Any]:
        """A row as kept: plain figures."""
        from headway.engine.compare import estimate

        n, records = len(run.examples), run.records
        usage = [r.usage for r in records]
        score = estimate(run.scores(self.bench.judged), run.groups)
        value: dict[str, Any] = {
            "technique": technique, "title": title, "n": n, "pipeline": run.fingerprint,
            "base": self.stands,
            "score": [score.mean, score.low, score.high],
            "prompt_tokens": sum(u.prompt_tokens for u in usage) / n,
            "completion_tokens": sum(u.completion_tokens for u in usage) / n,
            "calls": sum(u.calls + u.cached_calls for u in usage) / n,
            # Of answers that were in the store already it is no time of theirs.
            "seconds": None if any(u.cached_calls for u in usage) else seconds / n,
            "cut": sum(cut(r) for r in records),
            "invalid": sum(r.status == "invalid" for r in records),
            "refused": sum(r.status == "refused" for r in records),
            "outage": sum(r.status == "outage" for r in records),
        }  # fmt: skip
        others = [m for m in self.workspace.task.spec.metrics if m != self.bench.judged]
        for metric in others:
            found = estimate(run.scores(metric), run.groups)
            value.setdefault("other", {})[metric] = [found.mean, found.low, found.high]
        if self.base is not None and technique != "baseline":
            pair = against(run, self.base, self.bench.judged)
            value |= {"difference": [pair.difference, pair.low, pair.high], "p": pair.p,
                      "sd": pair.sd}  # fmt: skip
        return value

    async def proposed(self, kind: type[Technique], most: int | None) -> list[Candidate]:
        """A technique's candidates on the baseline; notes what proposing them cost. A failure is
        a note in the table, not the end of the bench, and is tried anew by the next run."""
        key = self.key(kind.name, "proposed")
        need = unmet(kind, self.workspace.task)
        if need:
            value = {"technique": kind.name, "titles": [], "why": need, "all": True}
            self.kept.put(key, {**value, "base": self.stands})
            return []
        before = self.runner.desk.budget.spent()
        start, found = time.perf_counter(), []
        try:
            async for candidate in limited(kind, self.lent(), most):
                found.append(candidate)
            why = "" if found else "nothing to propose here"
        except Exception as error:
            why = f"failed: {type(error).__name__}: {error}"
        spent = self.runner.desk.budget.spent()
        value = {
            "technique": kind.name, "titles": [c.title for c in found], "why": why,
            "all": most is None or len(found) < most, "base": self.stands,
            "calls": spent.calls - before.calls, "tokens": spent.tokens - before.tokens,
            "seconds": time.perf_counter() - start,
        }  # fmt: skip
        # From the store proposing again costs nothing: the first figure is the true one.
        for name in ("calls", "tokens", "seconds"):
            value[name] = max(value[name], self.kept.rows.get(key, {}).get(name, 0))
        self.kept.put(key, value)
        return found

    def lent(self) -> Lent:
        """What a technique is lent: the baseline, and train."""
        task = self.workspace.task
        return Lent(task, self.baseline, task.split("train"), {}, self.runner)

    def complete(self, kind: type[Technique], first: bool) -> bool:
        """Whether every candidate that was proposed has its row, and all were if all are wanted."""
        told = self.kept.rows.get(self.key(kind.name, "proposed"))
        rows = (
            (self.kept.rows.get(self.key(kind.name, t), {}) for t in told["titles"]) if told else ()
        )
        # What had nothing to propose is asked again: it costs nothing that is in the store, and its
        # code may have changed.
        anew = told is None or told.get("base") != self.stands or told["why"] != ""
        left = anew or not (told["all"] or first)
        return not left and all(self.holds(row) for row in rows)

    def holds(self, row: dict[str, Any]) -> bool:
        """Whether a row is measured, and against the baseline as it is."""
        return "difference" in row and row.get("base") == self.stands

    async def measure(self, kind: type[Technique], candidate: Candidate, again: bool) -> None:
        """One row, unless it is there; with `again` also then. A row that fails must not end the
        bench: it is kept as failed, and tried anew by the next run."""
        key = self.key(kind.name, candidate.title)
        known = self.kept.rows.get(key, {})
        if self.holds(known) and not again:
            return
        print(f"  {self.bench.name}: {kind.name}: {candidate.title} ...", end=" ", flush=True)
        try:
            run, seconds = await self.run(candidate.pipeline)
        except Exception as error:
            failed = f"{type(error).__name__}: {error}"
            self.kept.put(key, {"technique": kind.name, "title": candidate.title, "failed": failed})
            print(f"FAILED: {failed}")
            return
        value = self.row(run, seconds, kind.name, candidate.title)
        # Of the same pipeline the answers are in the store, and cost no time: the first is true.
        if known.get("pipeline") == run.fingerprint and value["seconds"] is None:
            value["seconds"] = known["seconds"]
        self.kept.put(key, value)
        print(f"{self.score(run):.3f} ({value['difference'][0]:+.3f}), {seconds:.0f} s")


def cut(record: Record) -> bool:
    """Whether an answer was ended by its limit of tokens."""
    return any(step.get("cut") or step.get("finish") == "length" for step in record.trace)


async def limited(kind: type[Technique], lent: Lent, most: int | None) -> AsyncIterator[Candidate]:
    """At most so many candidates, each pipeline once and none that is the baseline."""
    seen = [lent.incumbent]
    async for candidate in kind().propose(lent):
        if candidate.pipeline not in seen:
            seen.append(candidate.pipeline)
            yield candidate
        if most is not None and len(seen) > most:
            return


async def table(
    bench: Bench, kept: Kept, given: argparse.Namespace, output: Path, n: int, first: bool
) -> None:
    """The rows of a task. first: of each technique its first candidate alone."""
    async with Workspace.open(make(bench.name), model=given.model) as workspace:
        measured = Measured(bench, given.model or bench.model, workspace, kept, n)
        await measured.start()
        write(output, kept, n)
        for kind in techniques():
            if given.techniques and kind.name not in given.techniques.split(","):
                continue
            again = kind.name in given.again.split(",")
            if measured.complete(kind, first) and not again:
                continue
            for candidate in await measured.proposed(kind, 1 if first else None):
                await measured.measure(kind, candidate, again)
                write(output, kept, n)


def write(output: Path, kept: Kept, n: int) -> None:
    """The tables anew."""
    names = [kind.name for kind in techniques()]
    output.write_text(report(kept.rows, TASKS, n, names), encoding="utf-8")


def hours(benches: Sequence[Bench], n: int, rows: int) -> float:
    """An estimate, from a baseline example's seconds."""
    return sum(b.seconds * n * (1 + rows * LONGER) for b in benches) / 3600


async def main() -> None:
    """Every task in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--first", action="store_true", help="one candidate a technique")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--model", default=None, help="instead of each task's own")
    parser.add_argument("--techniques", default="", help="only these, by name")
    parser.add_argument("--again", default="", help="measure these anew, by name")
    parser.add_argument("--n", type=int, default=EXAMPLES)
    parser.add_argument("--tables", action="store_true", help="only write the tables")
    parser.add_argument("--folder", type=Path, help="for rows and tables: beside this file")
    given = parser.parse_args()
    if unknown := set(given.tasks.split(",")) - set(TASKS):
        parser.error(f"unknown task {sorted(unknown)[0]!r}; known: {', '.join(TASKS)}")
    n = QUICK if given.quick else given.n
    # A quick run's figures say nothing, so they stay out of the repository.
    folder = given.folder or (WORK if given.quick else HERE)
    stem = "quick" if given.quick else "results"
    kept = Kept(folder / f"{stem}.jsonl", fresh=given.quick)
    output = folder / ("quick.md" if given.quick else "RESULTS.md")
    if not given.tables:
        os.nice(5)
        benches = [TASKS[name] for name in given.tasks.split(",")]
        rows = FIRSTS if given.quick or given.first else CANDIDATES
        for bench in benches:
            print(f"{bench.name}: about {hours([bench], n, rows):.1f} hours")
        print(f"in all about {hours(benches, n, rows):.1f}, on one thread; what is kept stays")
        for first in (True,) if given.quick or given.first else (True, False):
            for bench in benches:
                await table(bench, kept, given, output, n, first)
    write(output, kept, n)
    print(f"written: {output}")


if __name__ == "__main__":
    asyncio.run(main())
