"""What is known of models without opening one: which a pipeline uses, where, how many at once."""

from __future__ import annotations

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.task import Task
from headway.engine.estimate.bill import Range


def models_of(pipeline: Pipeline) -> list[str]:
    """Names of all models that a resolved pipeline uses, the chat model first."""
    named = [pipeline.model] if pipeline.model else []
    for step in pipeline.steps:
        named += [str(v) for k in ("model", "embed") if (v := step.settings.get(k))]
    return list(dict.fromkeys(named))


def at_hand(name: str) -> bool:
    """Whether a model can be opened here without fetching anything."""
    if not name.startswith("embedded/"):
        return True  # a service or a script: opening it makes no call
    from headway.models.pull import status

    try:
        return status(name).present
    except InputError:
        return False  # weights of one's own would be hashed whole; their data must do


def concurrency(task: Task, model: str | None) -> int:
    """Calls that are in flight at once, as configured."""
    provider = (model or "").partition("/")[0]
    own = task.spec.endpoints.get(provider)
    if own is not None:
        return own.concurrency
    if model is None:
        return 8
    if provider == "embedded":
        from headway.models.embedded import SLOTS

        return SLOTS
    from headway.models.service import PROVIDERS

    known = PROVIDERS.get(provider)
    return known.concurrency if known else 8


def rule(task: Task, model: str | None) -> Range:
    """Seconds for one unit of work where nothing is measured: a rule of thumb, so a wide range."""
    if model is not None and model.startswith("embedded/"):
        return Range(1.0, 0.3, 3.0)
    if model is not None and model.startswith("scripted/"):
        return Range(0.001, 0.0, 0.01)
    width = concurrency(task, model)
    return Range(2.0 / width, 0.3 / width, 20.0 / width)
