"""Samples that no person wrote: a teacher's answers, or those of production.

    inputs ──teacher pipeline──> answers ──metric, judge or agreement──> Examples, `source: teacher`
    a log ──what it says of itself──> Examples, `source: log`        ("prompt baking")

Distillation on filtered answers: Hinton et al., 2015, "Distilling the Knowledge in a Neural
Network", on outputs alone as in Kim and Rush, 2016, "Sequence-Level Knowledge Distillation".
Agreement: Wang et al., 2022, "Self-Consistency"; Huang et al., 2022, "Large Language Models Can
Self-Improve". What is left out is counted, by why. Nobody has read what is kept: `reviewed` is
false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from headway.core.errors import InputError
from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.protocols import Metric
from headway.core.record import Record, Score, Usage
from headway.core.task import Example, Task, digest
from headway.engine.drafting.sampling import Asked, reference_of
from headway.engine.estimate import Estimator, Range
from headway.engine.lender import ScoringLender
from headway.engine.run import AS_IS, REPEATS_AS_IS, Probe, Run, Runner, Scorer, Span
from headway.engine.tuning.checks import kept_apart
from headway.engine.tuning.wavering import output_of, unscored
from headway.engine.tuning.worth import medoid
from headway.metrics import METRICS, load, score
from headway.steps.reading import refuses
from headway.steps.vote import bag, overlap, same

Filter = Literal["metric", "judge", "agreement"]
FILTERS: tuple[Filter, ...] = ("metric", "judge", "agreement")
SAMPLES = 5  # answers to each input, where agreement decides
AGREE = 0.8  # share of them that must say the same
ALIKE = 0.8  # F1 of words with the medoid, from which two texts say the same
GRADED = 0.8  # least score of a metric that knows more than yes and no

WHY = {
    "duplicate": "asks what another input asks",
    "held_out": "asks what an example of dev or test asks, or is of its group",
    "outage": "the teacher did not answer",
    "refused": "the teacher refused, or the log's answer is a refusal",
    "invalid": "the answer is not in the task's form",
    "abstained": "the teacher could not answer it",
    "empty": "there is no answer",
    "below": "scored below the threshold",
    "unscored": "the metric gave no score",
    "no_reference": "the metric needs a reference, and the input has none",
    "disagree": "the teacher's samples say different things",
    "error": "the log says that this request failed",
    "cut": "the log says that the answer was cut off",
    "tools": "the answer rests on what tools returned, which the log does not show as turns",
    "flagged": "a person flagged the answer",
    "conflict": "the log mostly answers the same question otherwise",
}
"""Why an input is left out, in words."""


@dataclass(frozen=True)
class Taught:
    """Examples to train on, and what became of all others.

    counts: `kept`, and of the rest how many by WHY. lineage: where the answers come from: pipeline
    (fingerprint), model, filter, metric, threshold, samples; of a log, its name. usage: of the
    teacher's answers, judges aside.
    """

    examples: tuple[Example, ...]
    counts: Mapping[str, int]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)


def inputs_of(requests: Iterable[Asked]) -> tuple[Example, ...]:
    """What a log or a file of inputs asks, its answers left aside: for `taught`."""
    return tuple(
        Example(id=f"input-{digest(dict(asked.inputs))[:12]}", inputs=dict(asked.inputs),
                group=_session(asked))
        for asked in requests
    )  # fmt: skip


async def taught(
    runner: Runner,
    teacher: Pipeline,
    inputs: Sequence[Example],
    *,
    filter: Filter,
    metric: str | None = None,
    threshold: float | None = None,
    samples: int = SAMPLES,
) -> Taught:
    """A teacher's answers to inputs, those that stand the filter.

    filter `metric`: the score against the inputs' own references (of train: whoever asks about
    other inputs must have some). `judge`: the score of a metric that needs no reference. Both: at
    least `threshold`, by default 1 for a metric of yes and no and GRADED for others; `metric` by
    name, the task's first if not given. `agreement`: of so many samples at temperature 0.7 the
    share that says the same as most (JSON: equal objects; texts: F1 of words of ALIKE with their
    medoid), at least `threshold`, by default AGREE; what most say is kept. A teacher that always
    answers alike, such as an application, agrees with itself whatever it says.

    Refusals, outages and answers in a broken form are never kept; abstentions only where a
    reference wants them. Inputs that ask what dev or test asks are left out unasked. Answers are
    kept in the store, so that the same again costs nothing. Raises InputError for a filter that the
    task or the inputs cannot have, and what Runner.run raises.
    """
    task = runner.desk.task
    teacher = runner.desk.parts.resolve(teacher)
    counts: Counter[str] = Counter()
    left = _apart(task, inputs, counts)
    by: _ByScore | _ByAgreement
    if filter == "agreement":
        by = _ByAgreement(task, samples, threshold)
    else:
        by = _ByScore(task, _metric(task, filter, metric), filter, threshold)
    left = by.fit(left, counts)
    if not left:
        return Taught((), dict(+counts), by.lineage)
    said = f"the teacher answers {len(left)} inputs"
    runner.progress(Event("phase", said + (f", {samples} times each" if by.repeats > 1 else "")))
    run = await Runner(runner.desk, by.scorer, runner.progress).run(
        teacher, left, split="train", probe=by.probe, repeats=by.repeats
    )
    return _kept(task, run, by, counts)


def _kept(task: Task, run: Run, by: _ByScore | _ByAgreement, counts: Counter[str]) -> Taught:
    by_input: dict[str, list[Record]] = {example.id: [] for example in run.examples}
    usage = Usage()
    for record in run.records:
        by_input[record.example].append(record)
        usage += record.usage
    found = []
    for example in run.examples:
        reply, why = by.choose(by_input[example.id])
        if reply is None:
            counts[why] += 1
            continue
        counts["kept"] += 1
        found.append(_example(example, output_of(reply), run.fingerprint))
    counts = +counts
    lineage = {"pipeline": run.fingerprint, "model": run.pipeline.model, **by.lineage}
    return Taught(tuple(found), dict(counts), lineage, usage)


def _example(asked: Example, output: Any, fingerprint: str) -> Example:
    return Example(
        id=f"taught-{digest([asked.inputs, fingerprint])[:12]}", inputs=asked.inputs,
        reference=output, evidence=asked.evidence, group=asked.cluster,
        tags=tuple(dict.fromkeys((*asked.tags, "teacher", f"teacher {fingerprint[:12]}"))),
        source="teacher", reviewed=False,
    )  # fmt: skip


def _apart(task: Task, inputs: Iterable[Example], counts: Counter[str]) -> list[Example]:
    """Each input once, without those that dev or test asks, or that belong to a group of theirs."""
    apart = kept_apart(task)
    held, groups = {_folded(e) for e in apart}, {e.cluster for e in apart}
    found: dict[str, Example] = {}
    for example in inputs:
        key = _folded(example)
        why = "held_out" if key in held or example.group in groups else ""
        why = why or ("duplicate" if key in found else "")
        why = why or ("" if example.question.strip() else "empty")
        if why:
            counts[why] += 1
        else:
            found[key] = example
    return list(found.values())


def _folded(example: Example) -> str:
    """Equal for inputs that ask the same, all turns of a conversation; case and space aside."""
    text = orjson.dumps(example.inputs, option=orjson.OPT_SORT_KEYS).decode()
    if isinstance(example.inputs.get("question"), str) or not example.history:
        text = example.question
    return " ".join(text.casefold().split())


# --- filters --------------------------------------------------------------------------------------


def _metric(task: Task, filter: Filter, name: str | None) -> Metric:
    """The metric that filters. Raises InputError for one that cannot."""
    if filter not in FILTERS:
        raise InputError(f"there is no filter {filter!r}", valid=", ".join(FILTERS))
    names = [name] if name else list(task.spec.metrics)
    loaded = [load(one, task.folder) for one in names]
    if filter == "metric":
        return loaded[0]
    for metric in loaded:
        if not set(metric.needs) & {"reference", "evidence"}:
            return metric
    fit = [one for one, kind in METRICS if not set(kind.needs) & {"reference", "evidence"}]
    raise InputError(
        f"{loaded[0].name!r} cannot judge answers without a reference", valid=", ".join(fit),
        do="name such a metric, or filter by agreement",
    )  # fmt: skip


class _ByScore:
    """By the score of one metric."""

    probe: Probe = AS_IS
    repeats = 1

    def __init__(self, task: Task, metric: Metric, filter: Filter, threshold: float | None) -> None:
        self.task, self.metric, self.wants = task, metric, filter == "metric"
        self.threshold = threshold if threshold is not None else 1.0 if metric.yes_no else GRADED
        self.lineage = {"filter": filter, "metric": metric.name, "threshold": self.threshold}

    @property
    def scorer(self) -> Scorer:
        """Scores by this metric alone: the task's others would be paid for, and not looked at."""

        async def by_one(
            example: Example, record: Record, spans: Sequence[Span], lend: ScoringLender
        ) -> Mapping[str, Score]:
            return await score(self.task, example, record, tuple(spans), (self.metric,), lend)

        return by_one

    def fit(self, inputs: Sequence[Example], counts: Counter[str]) -> list[Example]:
        """The inputs that can be filtered so. Raises InputError where none can."""
        if not self.wants or "reference" not in self.metric.needs:
            return list(inputs)
        found = [example for example in inputs if example.reference is not None]
        counts["no_reference"] += len(inputs) - len(found)
        if inputs and not found:
            raise InputError(
                f"{self.metric.name!r} needs references, and none of the {len(inputs)} inputs has"
                " one", valid="agreement, or judge with a metric that needs none",
            )  # fmt: skip
        return found

    def choose(self, records: Sequence[Record]) -> tuple[Record | None, str]:
        """The record that is kept, or why none is."""
        record = records[0]
        if why := _unusable(record):
            return None, why
        if record.abstained and not self.wants:
            return None, "abstained"
        found = record.scores.get(self.metric.name)
        if found is None:
            return None, "unscored"
        return (record, "") if found >= self.threshold else (None, "below")


class _ByAgreement:
    """By what several samples say."""

    probe = REPEATS_AS_IS
    scorer: Scorer = staticmethod(unscored)

    def __init__(self, task: Task, samples: int, threshold: float | None) -> None:
        if samples < 2:
            raise InputError(f"{samples} sample cannot agree", valid="samples: 2 or more")
        self.kind = task.spec.output.kind
        self.threshold, self.repeats = AGREE if threshold is None else threshold, samples
        self.lineage = {"filter": "agreement", "threshold": self.threshold, "samples": samples}

    def fit(self, inputs: Sequence[Example], counts: Counter[str]) -> list[Example]:
        """All of them: nothing is scored."""
        return list(inputs)

    def choose(self, records: Sequence[Record]) -> tuple[Record | None, str]:
        """The record of what most say, or why none is kept. A sample that is lost, refused or in a
        broken form agrees with none."""
        usable = [record for record in records if not _unusable(record)]
        if 2 * len(usable) < len(records):
            whys = Counter(why for record in records if (why := _unusable(record)))
            return None, whys.most_common(1)[0][0]
        chosen, agreeing = self._most([output_of(record) for record in usable])
        if agreeing < self.threshold * len(records) - 1e-9:
            return None, "disagree"
        record = usable[chosen]
        return (None, "abstained") if record.abstained else (record, "")

    def _most(self, outputs: Sequence[Any]) -> tuple[int, int]:
        """The place of what most say, and how many say it."""
        if self.kind == "text" and all(isinstance(output, str) for output in outputs):
            place, _ = medoid(outputs)
            middle = bag(outputs[place])
            alike = [overlap(bag(output), middle) >= ALIKE for output in outputs]
            return place, sum(alike)
        keys = [same(output, self.kind) for output in outputs]
        most, votes = Counter(keys).most_common(1)[0]
        return keys.index(most), votes


def _unusable(record: Record) -> str:
    """Why an answer is never kept; empty where it may be."""
    if record.status != "done":
        return record.status
    said = output_of(record)
    return "empty" if said is None or (isinstance(said, str) and not said.strip()) else ""


async def plan_taught(
    estimator: Estimator,
    teacher: Pipeline,
    inputs: Sequence[Example],
    *,
    filter: Filter,
    samples: int = SAMPLES,
) -> Plan:
    """What taught() would spend at most: no input is in the store, and none is left out."""
    answers = len(inputs) * (samples if filter == "agreement" else 1)
    estimator.bill.add(await estimator.costs.each(teacher), Range.about(answers))
    estimator.bill.note("what the same command has asked before costs nothing")
    if filter != "agreement":
        estimator.bill.note("calls of a metric that asks a model come on top")
    return estimator.bill.to_plan("tune")


# --- production's own answers ---------------------------------------------------------------------


class Answered(Asked, Protocol):
    """A request with what the log says against its answer; see headway.intake.logs.Request."""

    @property
    def fault(self) -> str: ...


def baked(task: Task, requests: Iterable[Answered], name: str = "") -> Taught:
    """Production's inputs and outputs as samples, so that a long prompt can be trained in.

    Left out, and counted: answers that a person flagged, that failed, were refused or cut off, that
    rest on tools' results which the log does not show, that are empty or not in the task's form;
    questions that dev or test asks. Of equal questions the
    answer that most say is kept once, of equals the last; one that was flagged anywhere is not kept
    elsewhere. name: the log's.
    """
    counts: Counter[str] = Counter()
    bad: set[tuple[str, str]] = set()
    said: dict[str, list[tuple[str, Example]]] = {}
    for asked in requests:
        example, why = _logged(task, asked)
        if example is None:
            counts[why] += 1
            continue
        key = _folded(example), same(example.reference, task.spec.output.kind)
        if why == "flagged":
            bad.add(key)
            counts[why] += 1
        else:
            said.setdefault(key[0], []).append((key[1], example))
    found = []
    for question, answers in said.items():
        good = [(key, example) for key, example in answers if (question, key) not in bad]
        counts["flagged"] += len(answers) - len(good)
        if good:
            votes = Counter(key for key, _ in good)
            top = max(votes.values())
            most = next(key for key, _ in reversed(good) if votes[key] == top)
            found.append(next(example for key, example in reversed(good) if key == most))
            counts["duplicate"] += votes[most] - 1
            counts["conflict"] += len(good) - votes[most]
    kept = _apart(task, found, counts)
    counts["kept"] = len(kept)
    return Taught(tuple(kept), dict(+counts), {"log": name})


def _logged(task: Task, asked: Answered) -> tuple[Example | None, str]:
    """One request as an example, or why it is none; flagged ones are both."""
    if asked.fault in ("error", "refused", "cut", "tools"):
        return None, asked.fault
    output, answer = task.spec.output, asked.answer
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        return None, "empty"
    if isinstance(answer, str) and refuses(answer, output.abstain):
        return None, "refused"
    reference = reference_of(task, answer)
    if reference is None:
        return None, "invalid"
    inputs = dict(asked.inputs)
    made = Example(
        id=f"baked-{digest([inputs, reference])[:12]}", inputs=inputs, reference=reference,
        group=_session(asked), tags=("log",), source="log", reviewed=False,
    )  # fmt: skip
    return made, asked.fault


def _session(asked: Asked) -> str | None:
    return f"log-{digest(asked.session)[:12]}" if asked.session else None
