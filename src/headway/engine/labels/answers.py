"""Answers that are in the store already, as votes: as is, with perfect context, repeats, a stronger
model, candidates, whatever was tried. They cost nothing.

Of each model its answers with the evidence shown count, where there are any; else those as is. A
tuned model is not asked of train, whose references it may have learnt by heart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from headway.core.record import Record
from headway.core.task import Example, Task
from headway.engine.labels.weights import weights_of
from headway.engine.run import AS_IS, PERFECT, REPEATS, REPEATS_AS_IS, reread
from headway.metrics.fields import parsed
from headway.metrics.text import answer_of
from headway.store import Store

SHOWN, AS_IT_IS = (PERFECT, REPEATS), (AS_IS, REPEATS_AS_IS)


def kept(
    store: Store, task: Task, examples: Sequence[Example]
) -> dict[str, dict[str, list[Record]]]:
    """By example, by model: its answers. Refusals, broken forms, outages and "I do not know" are
    no answers; nor are those of a model whose weights nobody knows, which may be another's."""
    every = {e.fingerprint: e for e in examples}
    learnt = {e.id for e in task.split("train")}
    unseen = {key: e for key, e in every.items() if e.id not in learnt}
    found: dict[str, dict[str, list[Record]]] = defaultdict(dict)
    models: dict[str, list[str]] = defaultdict(list)
    for fingerprint, pipeline in store.pipeline(""):
        if pipeline.get("model"):
            models[pipeline["model"]].append(fingerprint)
    for model, fingerprints in models.items():
        weights = weights_of(model, task.folder)
        if weights is None:
            continue
        by_print = unseen if weights.tuned else every
        for probes in (SHOWN, AS_IT_IS):
            more: dict[str, list[Record]] = defaultdict(list)
            for fingerprint in fingerprints:
                for probe in probes:
                    for (key, _), value in store.records(fingerprint, probe.key).items():
                        example = by_print.get(key)
                        if example is not None and model not in found[example.id]:
                            record = reread(value, example)
                            if record.status == "done" and not record.abstained:
                                more[example.id].append(record)
            for id, records in more.items():
                found[id][model] = records
    return found


def said(record: Record, kind: str) -> Any:
    """A record's answer as it is compared: a text, or data where it is JSON; None for none."""
    if kind == "json":
        data = parsed(record)
        return data if isinstance(data, dict) else None
    return answer_of(record).strip() or None


def field_of(answers: Sequence[Any], path: Sequence[Any]) -> list[Any]:
    """The values at a path of several JSON answers; those that lack it are left out."""
    found = []
    for answer in answers:
        value = answer
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            found.append(value)
    return found
