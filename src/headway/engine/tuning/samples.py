"""From examples of `train` to what a model is trained on: the very messages that it will be sent.

A sample's prompt is made by the pipeline itself: its steps before the answer run (they search, and
what they ask is charged), and `generate` writes the request that it would send. So training meets
the same form as serving, with the retrieved context of the pipeline inside it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from headway.core.errors import InputError, ModelError, Rejected
from headway.core.findings import CheckItem
from headway.core.pipeline import Pipeline, StepSpec
from headway.core.task import Example, Task, fraction
from headway.core.template import PLACEHOLDER
from headway.core.training import Sample
from headway.engine.check_look import count, item
from headway.engine.lender import ExampleLender
from headway.engine.run import Runner
from headway.steps import build
from headway.steps.generate import Generate

Prompt = Literal["auto", "short", "same"]

# Steps that a tuned model makes needless: what they show or ask for, it has learnt.
NEEDLESS = ("examples", "stage", "vote", "revise")
SHORT_FROM = 100
"""Samples from which the prompt may be cut: with fewer the best prompt stays in every sample."""
AT_ONCE = 16  # examples whose steps before the answer run at the same time
SPARE = 1.3  # of tokens over the longest wanted reply
HELD, LEAST_HELD, MOST_HELD = 0.15, 8, 40  # of the samples, by which epochs are chosen
OVERSHOOT = 2  # times what should be held out, at most, where groups are large


@dataclass(frozen=True)
class Parted:
    """What is trained on, and what is held out to choose an epoch by: groups are never parted."""

    train: tuple[Sample, ...]
    held: tuple[Sample, ...]


def tunable(task: Task, pipeline: Pipeline) -> None:
    """Raises InputError where the answer is not one reply of one `generate`."""
    names = [step.name for step in pipeline.steps]
    other = next((n for n in ("react", "application") if n in names), None)
    if other is None and names.count("generate") == 1:
        return
    raise InputError(
        f"this pipeline answers by `{other}`, which is more than one reply"
        if other
        else f"this pipeline has {names.count('generate')} `generate` steps",
        valid="a pipeline that answers by one `generate`",
        do=f"headway tune {task.typed} --pipeline baseline",
    )


def tuned_pipeline(task: Task, pipeline: Pipeline, samples: int, prompt: Prompt) -> Pipeline:
    """The pipeline as the tuned model will run in it, but for the model's name.

    `same` keeps its prompt; `short` leaves of it what the task is about and what the knowledge
    gives, since the rest is learnt; `auto` cuts where there are enough samples to learn it from.
    Thinking goes in both: no sample shows any. What is asked before the answer (to expand a
    question, say) stays with the model before: the tuned one has learnt to answer alone.
    """
    tunable(task, pipeline)
    answers = [step.name for step in pipeline.steps].index("generate")
    asking = {
        at for at, step in enumerate(build(pipeline)[:answers])
        if getattr(step, "chats", False) and hasattr(step, "model")
    }  # fmt: skip
    short = prompt == "short" or (prompt == "auto" and samples >= SHORT_FROM)
    drop = NEEDLESS if short else ("vote", "revise")
    steps = []
    for at, step in enumerate(pipeline.steps):
        if step.name in drop:
            continue
        if step.name == "generate":
            settings = {k: v for k, v in step.settings.items() if k not in ("reasoning", "room")}
            if short:
                settings |= _enforced(task)
                settings["template"] = brief(task, str(settings.get("template", "")))
            steps.append(StepSpec(name="generate", settings=settings))
        elif step.name == "check" and step.settings.get("citations"):
            # It looks up quotes, which the tuned model has learnt to answer without.
            if step.settings.get("facts") is not None:
                left = {k: v for k, v in step.settings.items() if k != "citations"}
                steps.append(StepSpec(name="check", settings=left))
        elif at in asking and pipeline.model and not step.settings.get("model"):
            own = {**step.settings, "model": pipeline.model}
            steps.append(StepSpec(name=step.name, settings=own))
        else:
            steps.append(step)
    return Pipeline(model=pipeline.model, steps=tuple(steps))


def _enforced(task: Task) -> dict[str, Any]:
    """The form of the answer, kept by the backend where it can, without a word in the prompt. Not
    where it may be another: an abstention, or fields in another order than the schema's, in which
    a grammar would have them written."""
    output = task.spec.output
    schema = output.json_schema if output.kind == "json" else None
    fits = output.kind == "label" or (schema is not None and _in_order(task, schema))
    if not fits or output.abstain is not None:
        return {"contract": "none"}
    return {"contract": "json", "stated": False}


def _in_order(task: Task, schema: Mapping[str, Any]) -> bool:
    """Whether the references of train have their fields as the schema has them."""
    order = list(schema.get("properties", {}))
    wanted = (e.reference for e in task.split("train"))
    return all(
        list(fields) == [name for name in order if name in fields]
        for fields in wanted
        if isinstance(fields, dict)
    )


def brief(task: Task, template: str) -> str:
    """What is left of a prompt: what the task is about, in a sentence; and, where the template
    places things itself, the places."""
    said = task.spec.description.strip() or template.strip().splitlines()[0]
    places = dict.fromkeys(PLACEHOLDER.findall(template))
    kept = [name for name in ("history", "files", "passages", "question") if name in places]
    return "\n\n".join([said, *(f"{{{{{name}}}}}" for name in kept)])


async def samples_of(
    runner: Runner, pipeline: Pipeline, examples: Sequence[Example], *, ask: bool = True
) -> tuple[Sample, ...]:
    """A sample of each example that has a reference; without those for which a step before the
    answer fails, which a notice counts. ask: whether these steps may ask chat models; else they are
    left out, and the samples only plan. Raises InputError, BudgetEnded, ModelError where all fail.
    """
    desk = runner.desk
    tunable(desk.task, pipeline)
    resolved = desk.parts.resolve(pipeline)
    steps = build(resolved)
    at = next(i for i, step in enumerate(steps) if isinstance(step, Generate))
    generate = steps[at]
    assert isinstance(generate, Generate)
    output = desk.task.spec.output
    before = [step for step in steps[:at] if ask or not getattr(step, "chats", False)]
    gate = asyncio.Semaphore(AT_ONCE)
    failed: list[ModelError] = []

    async def one(example: Example) -> Sample | None:
        state = desk.parts.start(example)
        lend = ExampleLender(desk, resolved.model)
        try:
            async with gate:
                for step in before:
                    state = await step.run(state, lend)
        except Rejected:
            raise
        except ModelError as error:
            failed.append(error)
            return None
        if state.answer is not None:
            return None  # a step before has given the answer: the model is not asked
        request = generate.request(state, output)
        wanted = generate.wanted(example, output, state.passages)
        messages: list[Mapping[str, Any]] = [asdict(message) for message in request.messages]
        messages.append({"role": "assistant", "content": wanted})
        return Sample(example.id, example.cluster, tuple(messages))

    usable = [example for example in examples if example.reference is not None]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(example)) for example in usable]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    found = [s for task in tasks if (s := task.result()) is not None]
    if failed and not found:
        raise failed[0]
    if failed:
        desk.parts.notices.add(
            f"{len(failed)} examples are left out of the samples: a step before the answer failed"
            f" ({failed[0].what})"
        )
    return tuple(found)


def parted(samples: Sequence[Sample], seed: int) -> Parted:
    """Hold out about HELD of the samples, by group, in a random order that new samples do not
    change. Where the groups that fit hold fewer than LEAST_HELD, the smallest other one goes with
    them. With too few samples to spare that many, or too large groups, nothing is held out."""
    most = _spared(samples)
    if most < LEAST_HELD:
        return Parted(tuple(samples), ())
    sizes = Counter(s.group for s in samples)
    groups = sorted(sizes, key=lambda g: fraction(f"held:{seed}:{g}"))
    held: set[str] = set()
    have = 0
    for group in groups:
        if have + sizes[group] <= most:
            held.add(group)
            have += sizes[group]
    if have < LEAST_HELD:
        other = min((g for g in groups if g not in held), key=sizes.__getitem__)
        if have + sizes[other] > min(MOST_HELD, OVERSHOOT * most):
            return Parted(tuple(samples), ())
        held.add(other)
    return Parted(
        tuple(s for s in samples if s.group not in held),
        tuple(s for s in samples if s.group in held),
    )


def _spared(samples: Sequence[Sample]) -> int:
    """How many should be held out, at most."""
    return min(MOST_HELD, round(HELD * len(samples)))


def unheld(found: Parted) -> tuple[CheckItem, ...]:
    """A word where nothing is held out of enough samples, since their groups are large."""
    if found.held or _spared(found.train) < LEAST_HELD:
        return ()
    sizes = Counter(s.group for s in found.train)
    text = (
        f"Nothing can be held out: groups are too large ({count(len(sizes), 'group')} of up to"
        f" {count(max(sizes.values()), 'sample')}). No epoch is chosen by its score, so the last"
        " is taken."
    )
    return (item("sample_groups", "warning", text, groups=len(sizes)),)


def part_of(samples: Sequence[Sample], count: int, seed: int) -> tuple[Sample, ...]:
    """About so many samples, whole groups of them, the same each time; a larger count holds all of
    a smaller one. They come in their own order."""
    groups = sorted({s.group for s in samples}, key=lambda g: fraction(f"part:{seed}:{g}"))
    taken: set[str] = set()
    have = 0
    for group in groups:
        if have >= count:
            break
        taken.add(group)
        have += sum(s.group == group for s in samples)
    return tuple(s for s in samples if s.group in taken)
