"""A tuned model's weights merged into its base's, and what each quantisation costs and keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.tuning import Merged, MergeFinding
from headway.engine.compare import estimate
from headway.engine.run import Run, Runner
from headway.engine.tuning.start import start_of
from headway.engine.tuning.tuner import cost_of
from headway.models.tuned import BESIDE, folder_of


async def merge_kinds(
    runner: Runner, name: str, kinds: Sequence[str], pipeline: Pipeline, limit: int
) -> MergeFinding:
    """Write `models/NAME/merged-KIND.gguf` for each kind, and run the pipeline over the first
    `limit` of dev with it, beside the adapter over its base. A merged file is an embedded model:
    `embedded/models/NAME/merged-KIND.gguf`. The model is one that is there (`Tuned.load`). Raises
    InputError for an unknown kind.
    """
    from headway.training.gguf import QUANTISATIONS, merge

    desk = runner.desk
    task = desk.task
    if unknown := [kind for kind in kinds if kind not in QUANTISATIONS]:
        raise InputError(f"unknown quantisation {unknown[0]!r}", valid=", ".join(QUANTISATIONS))
    home = folder_of(name, task.folder)
    start = await start_of(desk.parts, name, None)
    if not start.served or start.adapter is None:
        raise InputError(
            f"{name} has no base in this process to be merged into", where=str(home),
            do="merge it with peft: PeftModel.from_pretrained(...).merge_and_unload()",
        )  # fmt: skip
    dev = task.split("dev")[:limit]
    say = runner.progress

    async def ask(model: str) -> Run:
        asked = desk.parts.resolve(pipeline.model_copy(update={"model": model}))
        return await runner.run(asked, dev)

    say(Event("phase", f"{name} over its base"))
    beside = await ask(name)
    found = [_row("adapter", name, _size(home / BESIDE), beside, beside, task.metric)]
    for kind in kinds:
        file = home / f"merged-{kind}.gguf"
        say(Event("phase", f"merged as {kind}"))
        if not file.is_file():
            await asyncio.to_thread(merge, start.adapter, Path(start.base.path), file, kind)
        model = f"embedded/{file.relative_to(task.folder).as_posix()}"
        run = await ask(model)
        await desk.parts.close_chat(model)
        found.append(_row(kind, model, _size(file), run, beside, task.metric))
    return MergeFinding(
        name=name, metric=task.metric, n=len(dev), merged=tuple(found),
        notices=desk.parts.notices.texts,
    )  # fmt: skip


def _row(kind: str, model: str, size: int, run: Run, beside: Run, metric: str) -> Merged:
    pairs = list(zip(run.records, beside.records, strict=True))
    return Merged(
        kind=kind, model=model, size=size, score=estimate(run.scores(metric), run.groups),
        seconds=cost_of(run).seconds,
        same=sum(a.answer == b.answer for a, b in pairs) / max(1, len(pairs)),
    )  # fmt: skip


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
