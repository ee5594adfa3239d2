"""A task's last journey, written as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from headway.core.errors import InputError
from headway.core.findings import Journey
from headway.core.pipeline import Pipeline
from headway.core.task import Task
from headway.report.page import render
from headway.store import Store


def write(task: Task, store: Store, file: Path | None = None, journey: str | None = None) -> Path:
    """The last finished journey, or the one whose id begins so, as one self-contained HTML file:
    `report.html` in the task folder where none is named. Raises InputError."""
    found = _journey(task, store, journey)
    kept = {
        name: Pipeline.model_validate(store.pipeline(name)[0][1])
        for name in (found.baseline, found.best)
        if store.pipeline(name)
    }
    saved = task.folder / "pipelines" / "best.yaml"
    text = render(
        found,
        task_name=task.spec.name,
        description=task.spec.description,
        baseline=kept.get(found.baseline),
        best=kept.get(found.best),
        saved=str(saved) if saved.is_file() else None,
        made=datetime.now(),
    )
    target = file or task.folder / "report.html"
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(target),
            do=f"headway report {task.typed} --output FILE.html",
        ) from None
    return target


def _journey(task: Task, store: Store, named: str | None) -> Journey:
    for id, state in store.journeys():
        if (named is None or id.startswith(named)) and state.get("report"):
            report = {k: v for k, v in state["report"].items() if k != "schema"}
            return Journey.model_validate(report)
    raise InputError(
        "there is no finished journey to report on",
        where=str(task.folder),
        do=f"headway optimize {task.typed}",
    )
