"""Where samples come from instead of train's own references: a teacher's answers, or a log's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headway.core.errors import InputError
from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.task import Example, Task
from headway.engine.estimate import Estimator
from headway.engine.run import Runner
from headway.engine.tuning.preparing import TuneWish
from headway.engine.tuning.teacher import WHY, Filter, Taught, plan_taught, taught


@dataclass(frozen=True)
class Source:
    """teacher: the pipeline that answers. inputs: what it answers; those of train where None.
    keep: which answers are kept; where None by metric if all inputs have references, else by
    agreement. log: what was made of a production log, instead of a teacher."""

    teacher: Pipeline | None = None
    inputs: Sequence[Example] | None = None
    keep: Filter | None = None
    log: Taught | None = None

    def asked(self, task: Task) -> tuple[tuple[Example, ...], Filter]:
        """What the teacher is asked, and by what its answers are kept."""
        inputs = tuple(task.split("train") if self.inputs is None else self.inputs)
        known = all(e.reference is not None for e in inputs)
        return inputs, self.keep or ("metric" if known else "agreement")


async def with_source(
    runner: Runner, wish: TuneWish, source: Source, *, ask: bool = True
) -> TuneWish:
    """The wish with the source's examples in it. ask: whether the teacher may be asked; for a plan
    each input stands for an answer, its own reference or its own question as long.

    Raises InputError where nothing is left to train on, and what asking raises.
    """
    if source.log is not None:
        return _with(runner, wish, source.log, "the log")
    if source.teacher is None:
        return wish
    inputs, keep = source.asked(runner.desk.task)
    if not ask:
        standing = any(e.reference is None for e in inputs)
        return replace(wish, examples=tuple(_standing(e) for e in inputs), standing=standing)
    found = await taught(runner, source.teacher, inputs, filter=keep)
    teacher = runner.desk.parts.resolve(source.teacher)
    return replace(_with(runner, wish, found, "the teacher"), teacher=teacher)


async def plan_source(estimator: Estimator, source: Source) -> Plan | None:
    """What the teacher would spend, before anything is trained; None where there is none."""
    if source.teacher is None:
        return None
    inputs, keep = source.asked(estimator.task)
    return await plan_taught(estimator, source.teacher, inputs, filter=keep)


def _with(runner: Runner, wish: TuneWish, found: Taught, who: str) -> TuneWish:
    said = ", ".join(f"{many} left out: {WHY.get(why, why)}" for why, many in found.counts.items()
                     if why != "kept")  # fmt: skip
    told = f"{len(found.examples)} answers of {who} are trained on" + (f"; {said}" if said else "")
    if not found.examples:
        raise InputError(
            f"nothing of {who} is left to train on: {said or 'there are no inputs'}",
            where=str(runner.desk.task.folder),
            do="another filter (--keep), a better teacher, or more inputs",
        )
    runner.desk.parts.notices.add(f"{told}. Nobody has read them.")
    spent = found.usage.prompt_tokens + found.usage.completion_tokens
    taught = {**found.lineage, "answers": dict(found.counts), "tokens": spent}
    return replace(wish, examples=found.examples, taught=taught)


def _standing(example: Example) -> Example:
    if example.reference is not None:
        return example
    return example.model_copy(update={"reference": example.question})
