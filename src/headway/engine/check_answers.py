"""Checks of the answers that are wanted, and of the metrics that will judge them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from headway.core.findings import CheckItem
from headway.core.task import Example
from headway.engine.check_look import SHOWN, Look, count, item, some
from headway.engine.estimate import text_tokens
from headway.metrics.fields import wanted
from headway.metrics.label import plain
from headway.steps.reading import schema_problem

LARGEST = 0.8  # share of one label from which accuracy alone says little


def labels(look: Look) -> Iterator[CheckItem]:
    """Whether references are labels, which are never seen, and how they are balanced."""
    output = look.task.spec.output
    if output.kind != "label":
        return
    by_plain = {plain(label): label for label in output.labels}
    seen: Counter[str] = Counter()
    strange: list[tuple[str, str]] = []
    for example in look.task.examples:
        for place, reference in enumerate(example.references):
            label = by_plain.get(plain(reference))
            if label is None:
                strange.append((example.id, reference))
            elif place == 0:
                seen[label] += 1
    if strange:
        named = [f"{id} has {reference[:40]!r}" for id, reference in strange]
        text = f"None of the labels: {count(len(strange), 'reference')} ({some(named)})."
        first = [id for id, _ in strange[:SHOWN]]
        yield item("labels_known", "error", text, count=len(strange), first=first)
    never = [label for label in output.labels if not seen[label]]
    if never:
        text = f"No reference is {some(never)}: nothing will be known of these labels."
        yield item("labels_seen", "warning", text, never=never)
    if not seen:
        return
    (largest, most), total = seen.most_common(1)[0], sum(seen.values())
    share = most / total
    uneven = share >= LARGEST
    text = f"The largest class is {largest!r} with {share:.0%} of {count(total, 'reference')}" + (
        f": always answering it scores {share:.2f}." if uneven else "."
    )
    data = {"largest": largest, "share": round(share, 4), "counts": dict(seen)}
    yield item("label_balance", "note" if uneven else "ok", text, **data)


def schema(look: Look) -> Iterator[CheckItem]:
    """References that break the task's JSON Schema, or a schema that is none."""
    output = look.task.spec.output
    if output.kind != "json" or output.json_schema is None:
        return
    try:
        Draft202012Validator.check_schema(output.json_schema)
        broken = [
            (e.id, problem) for e in look.task.examples
            if (problem := _problem(e, output.json_schema))
        ]  # fmt: skip
    except Exception as error:  # what a schema can get wrong has no common class: $ref, patterns
        reason = str(getattr(error, "message", error)).splitlines()[0][:200]
        yield item("schema", "error", f"output: schema is not a usable JSON Schema: {reason}.")
        return
    if broken:
        named = [f"{id} {problem}" for id, problem in broken]
        text = f"Breaking the task's schema: {count(len(broken), 'reference')} ({some(named, 2)})."
        first = [id for id, _ in broken[:SHOWN]]
        yield item("schema", "error", text, count=len(broken), first=first)
        return
    yield item("schema", "ok", "Every reference follows the task's schema.", count=0)


def _problem(example: Example, schema: dict[str, Any]) -> str:
    found = [schema_problem(value, schema) for value in wanted(example)]
    # A list may be alternatives or, under a schema of an array, one answer.
    if any(found) and isinstance(example.reference, list):
        return schema_problem(example.reference, schema) and next(p for p in found if p)
    return next((problem for problem in found if problem), "")


def lengths(look: Look) -> Iterator[CheckItem]:
    """How long the wanted answers are, and whether the model may write that much."""
    known = [e.references[0] for e in look.task.examples if e.references]
    if not known:
        return
    sizes = sorted(len(r.split()) for r in known)
    tokens = sorted(text_tokens(r) for r in known)
    p50, p95 = at(sizes, 0.5), at(sizes, 0.95)
    text = f"Answers have {p50:.0f} words at the median, {p95:.0f} at p95, {sizes[-1]} at most."
    data = {"p50": p50, "p95": p95, "max": sizes[-1], "tokens_p95": round(at(tokens, 0.95))}
    generate = look.pipeline.step("generate")
    most = int(generate.settings.get("max_tokens", 256)) if generate is not None else None
    longer = sum(t > most for t in tokens) if most is not None else 0
    if longer:
        text += (
            f" About {longer} are longer than max_tokens: {most} of the generate step, so a right"
            f" answer would be cut off: raise it to {round(1.3 * tokens[-1])}."
        )
        yield item("answer_lengths", "warning", text, **data, cut_off=longer)
        return
    yield item("answer_lengths", "ok", text, **data, cut_off=0)


def at(ordered: list[Any], share: float) -> float:
    """The value at a share of an ordered list."""
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else 0.0


def metrics(look: Look) -> Iterator[CheckItem]:
    """Metrics that cannot be loaded, or that apply to nothing."""
    for name, error in look.unloaded.items():
        yield item("metric_known", "error", str(error), metric=name)
    for name, metric in look.metrics.items():
        dev = look.task.split("dev") or look.task.examples
        n = sum(look.applies(name, e) for e in dev)
        first = name == look.task.metric
        data = {"metric": name, "applies_to": n, "of": len(dev), "needs": list(metric.needs)}
        if "evidence" in metric.needs and not look.task.has_knowledge:
            text = f"{name} needs evidence in documents, and the task has no knowledge."
            yield item("metric_applies", "error" if first else "warning", text, **data)
        elif dev and not n:
            text = f"{name} applies to no example: it needs {' and '.join(metric.needs)}."
            yield item("metric_applies", "error" if first else "warning", text, **data)
        elif n < len(dev):
            text = f"{name} applies to {n} of {count(len(dev), 'example')} of dev."
            yield item("metric_applies", "note", text, **data)
        else:
            text = f"{name} applies to all of {count(n, 'example')}."
            yield item("metric_applies", "ok", text, **data)


def goal(look: Look) -> Iterator[CheckItem]:
    """Goals and margins that name what is not measured, or that nothing can reach."""
    spec = look.task.spec
    bad = []
    for kind, values in (("goal", spec.goal), ("margin", spec.margin)):
        unmeasured = [name for name in values if name not in spec.metrics]
        bad += [f"{kind} names {name}, which metrics does not" for name in unmeasured]
        bad += [
            f"{kind} of {n} is {v:g}, not in [0, 1]" for n, v in values.items() if not 0 <= v <= 1
        ]
    if bad:
        text = f"{'; '.join(bad)[:1].upper()}{'; '.join(bad)[1:]}: it is never reached or used."
        yield item("goal", "warning", text, problems=bad)
    elif spec.goal.get(look.task.metric) is None and spec.economics is None:
        text = (
            f"No goal is set for {look.task.metric}: a journey goes on until its budget ends or"
            " nothing is left to try."
        )
        yield item("goal", "note", text)
    else:
        wished = [f"{name} {value:g}" for name, value in spec.goal.items()]
        text = f"The goal is {some(wished)}." if wished else "The goal follows from the economics."
        yield item("goal", "ok", text, goal=dict(spec.goal))
