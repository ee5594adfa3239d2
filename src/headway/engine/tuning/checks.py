"""What a set of samples is asked before a second is spent on training: bad data is the dearest way
to spend it.

An item of level `error` stops a training unless it is forced. Of `dev` and `test` nothing is told
but counts. Nothing is called. A new check is one function `(batch) -> items` here, and one line in
CHECKS.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import orjson

from headway.core.findings import CheckItem
from headway.core.statements import PHRASE
from headway.core.task import Example, Task
from headway.core.training import Sample
from headway.engine import statistics as stats
from headway.engine.check_answers import LARGEST
from headway.engine.check_look import SHOWN, Level, count, item, some
from headway.engine.check_twins import Twins, held, twins, words
from headway.engine.tuning.likeness import data_lesson
from headway.engine.tuning.schedule import LEAST
from headway.engine.tuning.seen import Seen, asked_of, look_at
from headway.engine.tuning.support import copied, recalls, rests
from headway.metrics.label import plain
from headway.metrics.text import f1, holds, is_abstention
from headway.steps.generate import Generate

ADVISED = 50  # samples ("Optimizing LLM Accuracy", OpenAI)
CONTRADICTED = 0.1  # share of samples that most of their like contradict: no model can follow both
ALIKE = 0.5  # token F1 below which two long replies say different things
OVER_REFUSAL = 0.25  # share of refusals above the wanted one, from which a model learns to refuse
MADE_UP = 0.5  # share of replies that rest on nothing shown, from which tuning teaches just that
SOME_MADE_UP = 0.1  # the same, from which it is told where nothing is ever shown
UNLIKE = 0.5  # share of samples in another form than the pipeline's, or too long
FEW_OF_A_LABEL = 5
WAYS = {
    "equal": "the same",
    "near": "nearly the same",
    "inside": "word for word within theirs",
    "group": "of one group",
}


def kept_apart(task: Task) -> list[Example]:
    """What no model may learn from: the examples of dev and test. Drafts of test that wait for a
    person are among them: once reviewed they measure."""
    return [example for example in task.examples if task.side(example) != "train"]


@dataclass(frozen=True)
class Cleaned:
    """samples: what is left, in order. counts: of those left out, by why (`duplicate`, `leak`,
    `too_long`); each counts once."""

    samples: tuple[Sample, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Batch:
    """What all checks look at. tokens: of prompt and reply, a number a sample; None: not known."""

    task: Task
    seen: tuple[Seen, ...]
    tokens: tuple[int, ...] | None
    max_tokens: int

    @cached_property
    def _outside(self) -> list[str]:
        return [asked_of(e) for e in kept_apart(self.task)]

    @cached_property
    def twins(self) -> Twins:
        """Near-duplicates among the samples' questions and, behind them, those of dev and test."""
        return twins([*(s.asked for s in self.seen), *self._outside])

    @cached_property
    def leaked(self) -> dict[int, str]:
        """Samples, by number, that ask what dev or test asks, and how they do, by WAYS."""
        ends, found = len(self.seen), dict[int, str]()
        groups = {e.cluster for e in kept_apart(self.task)}
        for number, seen in enumerate(self.seen):
            # Without groups of its own a sample's is its id, in any file a small number.
            if seen.sample.group != seen.sample.id and seen.sample.group in groups:
                found[number] = "group"
        for _, number in held(self._outside, [f"{s.asked}\n{s.sample.reply}" for s in self.seen]):
            found[number] = "inside"
        same = {n: numbers for numbers in self.twins.same for n in numbers}
        for a, b, _ in self.twins.near:
            sides = (same.get(a, (a,)), same.get(b, (b,)))
            for own, other in (sides, sides[::-1]):
                if max(other) >= ends:
                    found |= {n: "near" for n in own if n < ends}
        for numbers in self.twins.same:
            if max(numbers) >= ends:
                found |= {n: "equal" for n in numbers if n < ends}
        return dict(sorted(found.items()))

    @cached_property
    def repeated(self) -> list[int]:
        """Samples, by number, that an earlier one equals in question, what is shown, and reply."""
        first: dict[Any, int] = {}
        return [
            number for number, seen in enumerate(self.seen)
            if first.setdefault((seen.key, words(seen.sample.reply)), number) != number
        ]  # fmt: skip

    @cached_property
    def long(self) -> list[int]:
        """Samples, by number, that do not fit."""
        return [n for n, tokens in enumerate(self.tokens or ()) if tokens > self.max_tokens]

    @cached_property
    def gone(self) -> dict[int, str]:
        """Samples, by number, that are left out, and the first reason."""
        reasons = {"duplicate": self.repeated, "leak": list(self.leaked), "too_long": self.long}
        found: dict[int, str] = {}
        for why, numbers in reasons.items():
            for number in numbers:
                found.setdefault(number, why)
        return found

    @property
    def kept(self) -> tuple[Sample, ...]:
        """The others, in order."""
        return tuple(s.sample for n, s in enumerate(self.seen) if n not in self.gone)

    def item(
        self, name: str, text: str, numbers: Sequence[int], level: Level = "warning", do: str = ""
    ) -> CheckItem:
        """An item on these samples: their number, the first ids, and what to do."""
        first = [self.seen[n].sample.id for n in numbers[:SHOWN]]
        return item(name, level, f"{text}{_to(do)}", count=len(numbers), first=first)


def _to(do: str) -> str:
    return f" {do[:1].upper()}{do[1:]}." if do else ""


async def examined(
    samples: Sequence[Sample], task: Task, *, generate: Generate | None = None,
    tokens: Sequence[int] | None = None, max_tokens: int = 1024,
) -> tuple[tuple[CheckItem, ...], Cleaned]:  # fmt: skip
    """What the samples are and what is wrong with them, an item a kind in the order of CHECKS; and
    the samples without exact duplicates, leaks of dev and test, and over-long ones.

    generate: the step that the tuned model will answer by; None: the form is not compared. tokens:
    of prompt and reply together, a number a sample, as the trainer counts them.
    Raises InputError where the task's own schema is none, ValueError where tokens do not fit.
    """
    if tokens is not None and len(tokens) != len(samples):
        raise ValueError(f"{len(samples)} samples, and token counts of {len(tokens)}")
    counts = None if tokens is None else tuple(tokens)

    def both() -> tuple[tuple[CheckItem, ...], Cleaned]:
        batch = Batch(task, look_at(samples, task, generate), counts, max_tokens)
        return _items(batch), Cleaned(batch.kept, dict(Counter(batch.gone.values())))

    # Beside the event loop: the search for twins can take seconds.
    return await asyncio.to_thread(both)


def _items(batch: Batch) -> tuple[CheckItem, ...]:
    items: list[CheckItem] = []
    for name, (check, fine) in CHECKS.items():
        found = list(check(batch))
        items += found or ([item(name, "ok", fine, count=0)] if fine else [])
    return tuple(items)


def stopping(items: Iterable[CheckItem]) -> tuple[CheckItem, ...]:
    """Those that stop a training unless it is forced."""
    return tuple(i for i in items if i.level == "error")


# --- how many -------------------------------------------------------------------------------------


def few(batch: Batch) -> Iterator[CheckItem]:
    """Enough samples to learn from. Below LEAST nothing is trained: preparing says so."""
    left = len(batch.kept)
    text = f"To train on: {count(left, 'sample')}"
    if left < len(batch.seen):
        text += f" of {len(batch.seen)}, without duplicates, leaks and what is too long"
    level: Level = "warning" if left < ADVISED else "ok"
    if left < ADVISED:
        text += f"; gains are usually seen from {ADVISED} on"
    do = f" Write more into train, or: headway draft {batch.task.typed}."
    yield item(
        "samples", level, f"{text}.{do if left < ADVISED else ''}", samples=len(batch.seen),
        usable=left, least=LEAST, advised=ADVISED,
    )  # fmt: skip


def duplicates(batch: Batch) -> Iterator[CheckItem]:
    """Samples that say the same twice, and questions that are nearly the same."""
    if batch.repeated:
        text = f"Equal to an earlier sample, so left out: {count(len(batch.repeated), 'sample')}."
        yield batch.item("sample_duplicates", text, batch.repeated)
    near = sorted(
        {
            n for a, b, _ in batch.twins.near if max(a, b) < len(batch.seen)
            and batch.seen[a].sample.group != batch.seen[b].sample.group for n in (a, b)
        }
    )  # fmt: skip
    if near:
        text = f"Asking nearly the same as another: {count(len(near), 'sample')}."
        yield batch.item(
            "sample_near_duplicates", f"{text} They teach less than their number.", near, "note",
            "give those that belong together one group, so that they are held out together",
        )  # fmt: skip


def leaks(batch: Batch) -> Iterator[CheckItem]:
    """Questions of dev or test among the samples."""
    numbers = list(batch.leaked)
    if not numbers:
        return
    ways = Counter(batch.leaked.values())
    how = ", ".join(f"{n} {WAYS[way]}" for way, n in ways.items())
    text = (
        f"Asking what dev or test asks, so left out: {count(len(numbers), 'sample')} ({how}). What"
        " a model was trained on cannot measure it."
    )
    do = "give related examples one group, so that they stay on one side"
    yield batch.item("sample_leaks", text, numbers, "warning", do)


# --- what the replies say -------------------------------------------------------------------------


def contradictions(batch: Batch) -> Iterator[CheckItem]:
    """The same question, shown the same, with different replies."""
    alike: dict[Any, list[int]] = defaultdict(list)
    for number, seen in enumerate(batch.seen):
        if seen.key[0]:
            alike[seen.key].append(number)
    against: list[int] = []
    for numbers in alike.values():
        kinds = _kinds([batch.seen[n] for n in numbers])
        largest = max(kinds, key=len)
        against += [numbers[i] for kind in kinds if kind is not largest for i in kind]
    if not against:
        return
    against.sort()
    share = sum(not _free_text(batch, batch.seen[n]) for n in against) / len(batch.seen)
    stops = share >= CONTRADICTED
    text = (
        "Replying otherwise than most samples that ask and show the same:"
        f" {count(len(against), 'sample')}."
    )
    if stops:
        text += f" No model can be right in more than {1 - share:.0%} of all of them."
    do = f"rule on them: headway check {batch.task.typed} --labels, then headway review"
    yield batch.item("sample_contradictions", text, against, "error" if stops else "warning", do)


def _free_text(batch: Batch, seen: Seen) -> bool:
    """Whether two good replies may differ much."""
    return batch.task.spec.output.kind == "text" and len(seen.answer.split()) > PHRASE


def _kinds(alike: Sequence[Seen]) -> list[list[int]]:
    """Their numbers, those together that say the same as the first of them."""
    kinds: list[list[int]] = []
    for number, seen in enumerate(alike):
        kind = next((k for k in kinds if _same(alike[k[0]], seen)), None)
        if kind is None:
            kinds.append([number])
        else:
            kind.append(number)
    return kinds


def _same(a: Seen, b: Seen) -> bool:
    one, other = a.read.get("output"), b.read.get("output")
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return bool(one == other)
    if plain(a.answer) == plain(b.answer):
        return True
    if max(len(a.answer.split()), len(b.answer.split())) <= PHRASE:
        return bool(holds(a.answer, b.answer) or holds(b.answer, a.answer))
    return a.abstains == b.abstains and f1(a.answer, b.answer) >= ALIKE


def balance(batch: Batch) -> Iterator[CheckItem]:
    """How often each label, or each value of a JSON field, is taught."""
    kind = batch.task.spec.output.kind
    if kind == "label":
        yield from _labels(batch)
    elif kind == "json":
        yield from _fields(batch)


def _labels(batch: Batch) -> Iterator[CheckItem]:
    labels = batch.task.spec.output.labels
    seen = Counter(s.answer for s in batch.seen if s.answer in labels)
    if not seen:
        return
    (largest, most), total = seen.most_common(1)[0], sum(seen.values())
    said = []
    if never := [label for label in labels if not seen[label]]:
        said.append(f"never taught: {some(never)}")
    if rare := [label for label in labels if 0 < seen[label] < FEW_OF_A_LABEL]:
        said.append(f"in fewer than {FEW_OF_A_LABEL} samples: {some(rare)}")
    if most / total >= LARGEST:
        said.append(f"{largest!r} in {most / total:.0%} of {count(total, 'sample')}")
    if said:
        text = f"Labels are uneven: {'; '.join(said)}. A model learns what is frequent."
        yield item("sample_balance", "warning", text, counts=dict(seen))
    else:
        yield item("sample_balance", "ok", "No label is rare or rules.", counts=dict(seen))


def _fields(batch: Batch) -> Iterator[CheckItem]:
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for seen in batch.seen:
        output = seen.read.get("output")
        if isinstance(output, dict):
            for field, value in output.items():
                values[str(field)][orjson.dumps(value).decode()] += 1
    uneven = []
    for field, seen_values in values.items():
        value, most = seen_values.most_common(1)[0]
        if most / seen_values.total() >= LARGEST:
            uneven.append(f"{field}: {value[:30]} in {most / seen_values.total():.0%}")
    if uneven:
        text = (
            f"Fields with one value in most samples: {some(uneven)}. Others are hardly learnt"
            ": add examples that have them, if they matter."
        )
        yield item("sample_balance", "note", text, fields=uneven)


def refusals(batch: Batch) -> Iterator[CheckItem]:
    """How many samples teach not to answer, against how many questions have no answer."""
    numbers = [n for n, s in enumerate(batch.seen) if s.abstains or s.refuses]
    known = [e for e in batch.task.split("train") if e.references]
    bare = [any(is_abstention(batch.task, r) for r in e.references) for e in known]
    wanted = sum(bare) / len(known) if known else 0.0
    if not numbers and wanted:
        text = (
            f"No sample abstains, and {wanted:.0%} of train's questions have no answer: tuned on"
            " these the model answers always. Take such examples in, to about that share."
        )
        yield item("sample_refusals", "warning", text, count=0, wanted=round(wanted, 4))
    if not numbers:
        return
    found = stats.estimate([float(s.abstains or s.refuses) for s in batch.seen])
    share = found.mean or 0.0
    too_many = (found.low or 0.0) > wanted
    if too_many:
        text = (
            f"Abstaining or refusing: {count(len(numbers), 'sample')}, {share:.0%}; of train's"
            f" questions {wanted:.0%} have no answer. Tuned on these the model refuses too often."
        )
        level: Level = "error" if share - wanted >= OVER_REFUSAL else "warning"
        do = "leave some out, down to that share"
        yield batch.item("sample_refusals", text, numbers, level, do)
    though = [n for n in numbers if _has_evidence(batch.seen[n])]
    if though:
        text = f"Not answering although evidence is named: {count(len(though), 'sample')}."
        yield batch.item("sample_refusals", text, though, "warning", "correct them")


def _has_evidence(seen: Seen) -> bool:
    """Whether it refuses although its example has evidence, and another reference."""
    example = seen.example
    return (
        example is not None
        and bool(example.evidence)
        and not any(plain(seen.answer) == plain(r) for r in example.references)
    )


def support(batch: Batch) -> Iterator[CheckItem]:
    """Replies that rest on nothing that their prompt shows."""
    kind, checks = batch.task.spec.output.kind, {"json": _copied, "text": _recalls}
    if kind not in checks:
        return  # a label or a query is never copied
    found = list((_rests if kind == "text" and batch.task.has_knowledge else checks[kind])(batch))
    fine = "Replies rest on what their prompts show, by words and numbers."
    yield from found or [item("sample_support", "ok", fine, count=0)]


def _rests(batch: Batch) -> Iterator[CheckItem]:
    verdicts = [rests(s) for s in batch.seen]
    numbers = [n for n, v in enumerate(verdicts) if v is False]
    judged = sum(v is not None for v in verdicts)
    if not numbers:
        return
    text = (
        "Resting on nothing that is shown, by words and numbers:"
        f" {len(numbers):,} of {count(judged, 'reply', 'replies')}."
    )
    if not any(s.context for s in batch.seen):
        text += " No sample shows a passage."
    if len(numbers) > MADE_UP * judged:
        text += " Tuning would teach to make things up: what is missing is context."
        do = f"let the pipeline retrieve; to see: headway diagnose {batch.task.typed}"
        yield batch.item("sample_support", text, numbers, "error", do)
        return
    text += " What is not shown teaches to make things up; other words for it do not."
    do = "look at them: leave them out, or let the search find their evidence"
    yield batch.item("sample_support", text, numbers, "warning", do)


def _recalls(batch: Batch) -> Iterator[CheckItem]:
    numbers = [n for n, v in enumerate(recalls(batch.seen)) if v]
    if not numbers:
        return
    asked = [
        n for n in numbers
        if batch.seen[n].question.rstrip().endswith("?")
        and len(batch.seen[n].answer.split()) <= PHRASE
    ]  # fmt: skip
    text = f"Giving facts that stand nowhere in the prompt: {count(len(numbers), 'sample')}."
    if len(asked) > MADE_UP * len(batch.seen):
        text += (
            " These are questions of knowledge with nothing shown: tuning would teach to make"
            " things up. What is missing is context."
        )
        do = f"give the task knowledge and retrieve; to see: headway diagnose {batch.task.typed}"
        yield batch.item("sample_support", text, numbers, "error", do)
    elif len(numbers) > SOME_MADE_UP * len(batch.seen):
        do = "show what they rest on, if the model cannot know it"
        yield batch.item("sample_support", text, numbers, "warning", do)


def _copied(batch: Batch) -> Iterator[CheckItem]:
    found = copied(batch.seen, batch.task.spec.output.json_schema or {})
    made = [f"{field} ({t} of {n} do)" for field, (n, t) in found.items() if 2 * t < n]
    if not made:
        return
    free, there = (sum(pair[i] for pair in found.values()) for i in (0, 1))
    text = (
        f"Fields whose values mostly do not stand in the input: {some(made)}; of all free values"
        f" {there / free:.0%} do. What can neither be copied nor worked out teaches to make things"
        " up."
    )
    few_there = there < MADE_UP * free
    level: Level = "note" if not few_there else "error" if batch.task.has_knowledge else "warning"
    data = {field: {"values": n, "in_input": t} for field, (n, t) in found.items()}
    yield item("sample_support", level, text, fields=data)


# --- form -----------------------------------------------------------------------------------------


def form(batch: Batch) -> Iterator[CheckItem]:
    """Prompts that are not as at inference, and replies that the pipeline would not accept."""
    unlike = {n: s.unlike for n, s in enumerate(batch.seen) if s.unlike}
    yield from _misformed(
        batch, "sample_prompts", unlike, "Not prompted as the pipeline prompts",
        "make them by the pipeline: what is learnt in one form is half lost in another",
    )  # fmt: skip
    broken = {n: why for n, s in enumerate(batch.seen) if (why := _broken(s))}
    yield from _misformed(
        batch, "sample_replies", broken, "Replies that the pipeline would reject",
        "correct them: at inference each would be an invalid answer",
    )  # fmt: skip
    bare = [n for n, s in enumerate(batch.seen) if not s.context]
    if batch.task.has_knowledge and 0 < len(bare) < len(batch.seen):
        text = f"Showing nothing before the question, as others do: {count(len(bare), 'sample')}."
        do = "let all show what the pipeline finds"
        yield batch.item("sample_passages", text, bare, "warning", do)


def _misformed(
    batch: Batch, name: str, problems: Mapping[int, str], what: str, do: str
) -> Iterator[CheckItem]:
    if not problems:
        return
    common, _ = Counter(problems.values()).most_common(1)[0]
    text = f"{what}: {count(len(problems), 'sample')}: {common}."
    level: Level = "error" if len(problems) > UNLIKE * len(batch.seen) else "warning"
    yield batch.item(name, text, list(problems), level, do)


def _broken(seen: Seen) -> str:
    """Why a reply would not be accepted; empty where it would. Refusals are told of elsewhere."""
    if not seen.read:
        return _call_problem(seen.sample)
    if not seen.sample.reply.strip():
        return "it is empty"
    done = seen.read["status"] == "done" or seen.refuses
    return "" if done else str(seen.read.get("why", ""))


def _call_problem(sample: Sample) -> str:
    offered = {(tool.get("function") or tool).get("name") for tool in sample.tools}
    calls: Sequence[Mapping[str, Any]] = sample.messages[-1]["tool_calls"]
    for call in calls:
        function = call.get("function") or {}
        if function.get("name") not in offered:
            return f"it calls {str(function.get('name'))!r}, which was not offered"
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            try:
                arguments = orjson.loads(arguments)
            except orjson.JSONDecodeError:
                return "the arguments of its call are no JSON"
        if not isinstance(arguments, dict):
            return "the arguments of its call are no JSON object"
    return ""


def lengths(batch: Batch) -> Iterator[CheckItem]:
    """Samples of more tokens than are trained on."""
    if not batch.long:
        return
    tokens = batch.tokens or ()
    text = (
        f"Longer than {batch.max_tokens:,} tokens, so left out: {count(len(batch.long), 'sample')}."
        f" The median is {median(tokens):,.0f}, the longest {max(tokens):,}."
    )
    level: Level = "error" if len(batch.long) > UNLIKE * len(tokens) else "warning"
    yield batch.item("sample_lengths", text, batch.long, level, "raise max_tokens, or show less")


def lesson(batch: Batch) -> Iterable[CheckItem]:
    """Replies that do not show what the task asks for."""
    return data_lesson(batch.task, [s.sample for s in batch.seen])


# By the name of its item, a check and what is said where it finds nothing; nothing where empty.
CHECKS: dict[str, tuple[Callable[[Batch], Iterable[CheckItem]], str]] = {
    "samples": (few, ""),
    "sample_duplicates": (duplicates, "No sample stands twice."),
    "sample_leaks": (leaks, "No sample asks what dev or test asks."),
    "sample_contradictions": (contradictions, "No question has two different replies."),
    "sample_balance": (balance, ""),
    "sample_refusals": (refusals, "No more refusals than questions without an answer."),
    "sample_support": (support, ""),
    "sample_form": (form, "Every reply is one that the pipeline accepts."),
    "sample_lengths": (lengths, "No sample is known to be too long."),
    "data_lesson": (lesson, ""),
}
