"""Sentences of a diagnosis: which axis holds a task back, and what addresses the causes."""

from __future__ import annotations

from headway.core.findings import Diagnosis, Estimate
from headway.core.task import Task
from headway.engine.causes import CAUSES
from headway.engine.needs import unmet
from headway.techniques import TECHNIQUES

# Most of the evidence arrives, and little else but noise: from here on fewer passages are advised.
ENOUGH_RECALL, MOSTLY_NOISE = 0.75, 0.25
LITTLE_RECALL = 0.6
FEWER = ("rerank", "score_gap", "passage_count", "compression")


def advise(
    found: Diagnosis, task: Task, drawn: bool, has_context: bool, covered: int
) -> tuple[str, ...]:
    """What to do, most telling first. drawn: there is a map. covered: examples with evidence."""
    said = [
        *_limits(found, drawn, has_context, covered),
        *_labels(found, task),
        *_axis(found, drawn, has_context),
        *_shown(found, task),
        *_causes(found, task),
    ]
    closed = found.closed_book
    if closed and closed.mean and found.as_is.mean and closed.mean > 0.9 * found.as_is.mean:
        said.append(
            f"Without any passages {found.metric} is {_figure(closed)}, as is it is"
            f" {_figure(found.as_is)}: the knowledge is hardly used, or the model knows the answers"
            " already."
        )
    return tuple(said)


def helpful(cause: str, task: Task) -> list[str]:
    """Techniques that address a cause, fit its axis, and find in the task what they need; those
    that are made for it, and name it before others, first."""
    axis = CAUSES[cause][0]
    found = [
        (kind.addresses.index(cause), name)
        for name, kind in TECHNIQUES
        if cause in kind.addresses
        and kind.axis in (axis, "both")
        and ("application" in kind.needs) == bool(task.spec.application)
        and not unmet(kind, task)
    ]
    return [name for _, name in sorted(found, key=lambda one: one[0])]


def _limits(found: Diagnosis, drawn: bool, has_context: bool, covered: int) -> list[str]:
    said = []
    if not has_context:
        said.append("The task has no knowledge, so the context axis does not apply.")
    elif not drawn:
        said.append(
            f"{covered} of the {found.n} diagnosed examples have evidence that is there;"
            " the map needs 30. Diagnose more, or add `evidence` to examples.jsonl."
        )
    if found.inferred:
        many = "1 example" if found.inferred == 1 else f"{found.inferred} examples"
        said.append(
            f"The evidence of {many} was inferred by quotation: a guess, which evidence in"
            " examples.jsonl replaces."
        )
    return said


def _labels(found: Diagnosis, task: Task) -> list[str]:
    """References in doubt, and where a person rules on them."""
    noise = found.label_noise
    if noise is None or not noise.suspects:
        return []
    some = "reference is" if noise.suspects == 1 else "references are"
    return [
        f"{noise.suspects} {some} suspect, since two models agree against"
        f" {'it' if noise.suspects == 1 else 'them'}. Rule on"
        f" {'it' if noise.suspects == 1 else 'them'} before anything is optimised:"
        f" headway review {task.typed} --what labels"
    ]


def _axis(found: Diagnosis, drawn: bool, has_context: bool) -> list[str]:
    context, behaviour = found.headroom.context, found.headroom.behaviour
    if found.holds_back == "context":
        return [
            f"Context holds it back: with the right passages {found.metric} would be"
            f" {_figure(found.perfect_context)} instead of {_figure(found.as_is)}."
        ]
    if found.holds_back == "behaviour":
        then = (
            f"even with the right passages it reaches {_figure(found.perfect_context)}, and search"
            f" costs only {_figure(context)} of that"
            if has_context
            else f"{_figure(behaviour)} of {found.metric} is left to gain"
        )
        return [f"Behaviour holds it back, not context: {then}."]
    if found.holds_back == "not_clear" and drawn:
        return [
            f"Both axes have headroom: context {_figure(context)}, behaviour {_figure(behaviour)};"
            " so many examples cannot tell which is larger."
        ]
    return []


def _shown(found: Diagnosis, task: Task) -> list[str]:
    """What the passages shown are worth: too little of the evidence, or too much beside it."""
    if found.context_signal is None or found.context_recall is None:
        return []
    signal, recall = found.context_signal.mean, found.context_recall.mean
    if signal is None or recall is None:
        return []
    read = task.spec.output.kind != "passages"
    if read and recall >= ENOUGH_RECALL and signal < MOSTLY_NOISE:
        fewer = [name for name in FEWER if name in helpful("crowded_out", task)]
        return [
            f"The passages shown are mostly noise: {signal:.0%} of them hold evidence, at a recall"
            f" of {recall:.2f}: show fewer, the best first{_try(fewer)}."
        ]
    if read and recall < LITTLE_RECALL:
        return [
            f"Context recall is {recall:.2f}: most of what is missing in the answers never reached"
            " the prompt, so mend the search before the prompt."
        ]
    return []


def _causes(found: Diagnosis, task: Task) -> list[str]:
    said = []
    for cause, count in list(found.causes.items())[:3]:
        helps = helpful(cause, task)
        if helps:
            share = f"{count} of {sum(found.causes.values())} failures"
            said.append(f"{share}: {CAUSES[cause][1]}. Try: {', '.join(helps[:4])}.")
    return said


def _try(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _figure(value: Estimate | None) -> str:
    if value is None or value.mean is None:
        return "(not known)"
    return f"{value.mean:.2f} ({value.low:.2f} to {value.high:.2f})"
