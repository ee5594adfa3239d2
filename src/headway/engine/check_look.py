"""What all checks look at, opened once; nothing is called and nothing is fetched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from headway import metrics as measuring
from headway.core import conversation
from headway.core.errors import HeadwayError, InputError
from headway.core.findings import CheckItem
from headway.core.pipeline import Pipeline
from headway.core.protocols import Metric
from headway.core.task import Example, Split, Task
from headway.engine.check_twins import Twins, twins
from headway.engine.estimate import Estimator
from headway.engine.labels import Doubts
from headway.engine.parts import Parts
from headway.engine.plan import cut_dev
from headway.engine.run import AS_IS, reread
from headway.knowledge import FolderKnowledge
from headway.store import Store

SHOWN = 5  # ids that a sentence names

Level = Literal["ok", "note", "warning", "error"]


def item(name: str, level: Level, text: str, **data: Any) -> CheckItem:
    """One thing looked at."""
    return CheckItem(name=name, level=level, text=text, data=data)


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 example`, `2 examples`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Sequence[str], most: int = SHOWN) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@dataclass
class Look:
    """One task, as the checks see it."""

    task: Task
    parts: Parts
    store: Store
    pipeline: Pipeline
    estimator: Estimator
    knowledge: FolderKnowledge | None = None
    unread: HeadwayError | None = None
    """Why the knowledge cannot be read."""
    metrics: dict[str, Metric] = field(default_factory=dict)
    unloaded: dict[str, HeadwayError] = field(default_factory=dict)
    """Metrics that cannot be loaded, and why."""
    doubts: Doubts | None = None
    """What came of `check --labels`, where it was asked for."""

    @classmethod
    def open(cls, task: Task, parts: Parts, store: Store, pipeline: Pipeline) -> Look:
        """Load knowledge and metrics; what cannot be loaded is kept as its error."""
        look = cls(task, parts, store, pipeline, Estimator(task, parts, store, pipeline))
        if task.has_knowledge:
            try:
                found = parts.knowledge()
                look.knowledge = found if isinstance(found, FolderKnowledge) else None
            except HeadwayError as error:
                look.unread = error
        where = str(task.folder / "task.yaml")
        for name in task.spec.metrics:
            try:
                look.metrics[name] = measuring.load(name, task.folder, where)
            except HeadwayError as error:
                look.unloaded[name] = error
        return look

    @cached_property
    def side(self) -> dict[str, Split]:
        """The split that each example is dealt to, by id; an unreviewed draft's too."""
        return {e.id: self.task.side(e) for e in self.task.examples}

    @cached_property
    def dev(self) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """explore and confirm."""
        return cut_dev(self.task)

    @cached_property
    def twins(self) -> Twins:
        """Near-duplicate examples, by their place in the file."""
        return twins([self.asked(e) for e in self.task.examples])

    def asked(self, example: Example) -> str:
        """What tells an example from another: what the steps see of it, or all that an
        application does."""
        if self.pipeline.step("application") is None:
            said = conversation.as_text(example.history)
            return "\n".join(part for part in (said, *example.files, example.question) if part)
        return "\n".join(_texts(example.inputs))

    def applies(self, name: str, example: Example) -> bool:
        """Whether the example has what a metric needs."""
        has = {"reference": example.reference is not None, "evidence": bool(example.evidence)}
        return all(has.get(need, True) for need in self.metrics[name].needs)

    async def measured(self) -> tuple[list[float], list[str]]:
        """The baseline's scores on explore, from answers in the store, with their groups.

        Never confirm's: from there only `kept` or `not` may leave.
        """
        metric = self.metrics.get(self.task.metric)
        names = await self.estimator.costs.fingerprints(self.pipeline)
        # A metric that asks a model costs something, and `check` is free.
        if metric is None or len(names) != 1 or hasattr(metric, "roles"):
            return [], []
        kept = self.store.records(names[0], AS_IS.key)
        scores, groups = [], []
        for example in self.dev[0]:
            value = kept.get((example.fingerprint, 0))
            if value is None:
                continue
            try:
                found = await measuring.score(
                    self.task, example, reread(value, example), self._spans(example), [metric]
                )
            except InputError:
                return [], []  # a metric of the user's own that crashes is told of when it runs
            score = found[metric.name].value
            if score is not None:
                scores.append(score)
                groups.append(example.cluster)
        return scores, groups

    def _spans(self, example: Example) -> tuple[tuple[str, int, int], ...]:
        if self.knowledge is None:
            return ()
        found = (self.knowledge.locate(e) for e in example.evidence)
        return tuple(span for span in found if span is not None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)


# A check that is a plain function runs in a thread, and must not touch store or parts; one that
# needs them is asynchronous.
Found = Iterable[CheckItem]
Check = Callable[[Look], Found | Awaitable[Found]]
