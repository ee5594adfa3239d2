"""The synchronous door: the verbs of `Workspace` as plain functions, for scripts and notebooks.

Each opens the task, does one thing and closes it; parameters and results are those of the method.
`model` replaces the pipeline's chat model; `progress` takes a function of one `Event`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from headway.core.findings import (
    CheckReport,
    Comparison,
    Diagnosis,
    Journey,
    RunFinding,
    TestFinding,
)
from headway.core.judgement import JudgeFinding
from headway.core.progress import Progress, silent
from headway.core.task import Task
from headway.core.tuning import TuneFinding
from headway.engine.drafting import DraftFinding, LogFinding, Order
from headway.engine.showing import Shown
from headway.engine.tuning import Filter, TuneWish
from headway.workspace import Workspace, run_sync

T = TypeVar("T")
Folder = str | Path | Task


def _with(
    task: Folder, do: Callable[[Workspace], Awaitable[T]], model: str | None, progress: Progress
) -> T:
    async def inside() -> T:
        async with Workspace.open(task, model=model, progress=progress) as workspace:
            return await do(workspace)

    return run_sync(inside())


def check(
    task: Folder, labels: bool = False, *, model: str | None = None, progress: Progress = silent
) -> CheckReport:
    """What the task holds, what may be wrong with it, and what it can prove; with `labels` also
    which references are in doubt."""
    return _with(task, lambda w: w.check(labels), model, progress)


def show(
    task: Folder, example: str | None = None, pipeline: Any = None, *, model: str | None = None
) -> Shown:
    """The exact messages that an example becomes, without a call."""
    return _with(task, lambda w: w.show(example, pipeline), model, silent)


def evaluate(
    task: Folder,
    pipeline: Any = None,
    *,
    model: str | None = None,
    progress: Progress = silent,
    **options: Any,
) -> RunFinding:
    """Run a pipeline over a split and score it. Options: split, limit, repeat, by."""
    return _with(task, lambda w: w.evaluate(pipeline, **options), model, progress)


def compare(
    task: Folder,
    a: str,
    b: str,
    metric: str | None = None,
    *,
    model: str | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Two pipelines or runs, paired; the verdict is about b."""
    return _with(task, lambda w: w.compare(a, b, metric), model, progress)


def diagnose(
    task: Folder,
    pipeline: Any = None,
    limit: int | None = None,
    positions: bool = False,
    *,
    model: str | None = None,
    progress: Progress = silent,
) -> Diagnosis:
    """The place on the map, the headroom of each axis, a cause for each failure."""
    return _with(task, lambda w: w.diagnose(pipeline, limit, positions), model, progress)


def draft(
    task: Folder, *, model: str | None = None, progress: Progress = silent, **options: Any
) -> DraftFinding:
    """Write examples from the task's documents. Options: n, kinds, seed, closed_book."""
    return _with(task, lambda w: w.draft(Order(**options)), model, progress)


def draft_from(
    task: Folder,
    log: str | Path,
    *,
    model: str | None = None,
    progress: Progress = silent,
    **options: Any,
) -> LogFinding:
    """Sample examples from a production log. Options: n, seed, unmasked, pick, pipeline."""
    return _with(task, lambda w: w.draft_from(log, **options), model, progress)


def judge(
    task: Folder,
    file: str | Path | None = None,
    metric: str | None = None,
    *,
    model: str | None = None,
    progress: Progress = silent,
    **options: Any,
) -> JudgeFinding:
    """Hold a metric against people on a labelled file, or on the task's own ratings. Options:
    columns, yes, scale, repeat, limit."""
    labelled = None if file is None else Path(file)
    return _with(task, lambda w: w.judge(labelled, metric, **options), model, progress)


def optimize(
    task: Folder, *, model: str | None = None, progress: Progress = silent, **options: Any
) -> Journey:
    """One journey under one budget. Options: calls, tokens, usd, minutes, axis, test, resume."""
    return _with(task, lambda w: w.optimize(**options), model, progress)


def tune(
    task: Folder,
    pipeline: Any = None,
    *,
    model: str | None = None,
    progress: Progress = silent,
    teacher: Any = None,
    inputs: Path | None = None,
    keep: Filter | None = None,
    log: Path | None = None,
    unmasked: bool = False,
    **wish: Any,
) -> TuneFinding:
    """Fine-tune the pipeline's model, and say whether it paid. Options: those of `TuneWish`, such
    as minutes, base, prompt, stages, how, trainer, command, name, limit, force."""
    wished, source = TuneWish(**wish), {"teacher": teacher, "inputs": inputs, "keep": keep}
    return _with(
        task,
        lambda w: w.tune(pipeline, wished, log=log, unmasked=unmasked, **source),
        model,
        progress,
    )


def final(
    task: Folder, pipeline: Any = None, *, model: str | None = None, progress: Progress = silent
) -> TestFinding:
    """Open the sealed test for one pipeline: counted."""
    return _with(task, lambda w: w.final(pipeline), model, progress)


def report(task: Folder, file: Path | None = None, journey: str | None = None) -> Path:
    """Write a journey as one self-contained HTML file; its path."""
    return _with(task, lambda w: w.report(file, journey), None, silent)
