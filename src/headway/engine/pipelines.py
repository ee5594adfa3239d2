"""Which pipeline a name means: a file, a run, a fingerprint, or the task's baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Step
from headway.core.task import Task
from headway.engine.parts import Parts
from headway.store import Store

WITH_PASSAGES = frozenset({"rerank", "prefer", "trim", "compress", "order"})
FOR_SEARCH = frozenset({"expand", "hyde"})


def pipeline_of(parts: Parts, store: Store, named: str | None, model: str | None) -> Pipeline:
    """The pipeline of that name, resolved; the baseline, if none. Raises InputError.

    The baseline is `pipelines/baseline.yaml`; without that file it is made from task.yaml.
    """
    file = _file(parts.task.folder, named)
    if file is None:
        return parts.resolve(_kept(parts.task, store, named), model)
    try:
        found = parts.resolve(Pipeline.load(file), model)
        for said in _out_of_place(parts.steps(found)):
            parts.notices.add(f"{file}: {said}")
        return found
    except InputError as error:
        # Which file it was is known here only.
        where = (error.where or "").replace("pipeline, step", f"{file}, step", 1)
        raise InputError(
            error.what, where=where or str(file), valid=error.valid, do=error.do
        ) from None


def _out_of_place(steps: Sequence[Step]) -> Iterator[str]:
    """Steps that change nothing where they stand: a run would look as if they were of no use."""
    idle = WITH_PASSAGES | FOR_SEARCH | {"classify"}
    finding = [step.supplies_context and step.name not in idle for step in steps]
    names = [step.name for step in steps]
    for at, name in enumerate(names):
        if name in WITH_PASSAGES and not any(finding[:at]):
            yield f"{name} stands before any step that finds passages, so it changes nothing"
        if name in FOR_SEARCH and not any(finding[at:]):
            yield f"{name} stands after every step that searches, so it changes nothing"
        if finding[at] and "generate" in names[:at]:
            yield f"{name} stands after generate, which does not see what it finds"


def _file(folder: Path, name: str | None) -> Path | None:
    """The pipeline file of that name, or the baseline's, where there is one."""
    files: tuple[Path, ...] = (folder / "pipelines" / "baseline.yaml",)
    if name is not None:
        files = (Path(name), folder / name, folder / "pipelines" / f"{name}.yaml")
    return next((file for file in files if file.is_file()), None)


def _kept(task: Task, store: Store, name: str | None) -> Pipeline:
    """A pipeline by a run's id or a fingerprint, or the baseline that has no file."""
    if name in (None, "baseline"):
        return baseline(task)
    for prefix in [run["pipeline"] for run in store.run(name)[:1]] + [name]:
        found = store.pipeline(prefix) if len(prefix) >= 4 else []
        if len(found) == 1:
            return Pipeline.model_validate(found[0][1])
    known = sorted(f.name for f in (task.folder / "pipelines").glob("*.yaml"))
    raise InputError(
        f"there is no pipeline {name!r}: no such file, run or fingerprint",
        where=str(task.folder),
        valid=", ".join(f"pipelines/{k}" for k in known) or "a pipeline's YAML file",
    )


def baseline(task: Task) -> Pipeline:
    """Made from task.yaml, where there is no `pipelines/baseline.yaml`."""
    if task.spec.application:
        return Pipeline.model_validate({"steps": ["application"]})
    if task.spec.output.kind == "passages":
        whole = {"k": 10, "passages": {"unit": "document"}}
        return Pipeline.model_validate({"steps": [{"retrieve": whole}]})
    steps: list[dict[str, Any]] = [{"generate": {"template": task.instructions}}]
    if task.has_knowledge:
        steps.insert(0, {"retrieve": {"k": 2}})
    return Pipeline.model_validate({"model": task.spec.models.chat, "steps": steps})
