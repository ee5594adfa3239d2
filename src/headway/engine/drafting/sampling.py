"""`headway draft --from LOG`: real questions, spread over what people ask.

Questions are clustered by meaning (k-means over unit vectors, k-means++ seeding, Arthur and
Vassilvitskii, 2007), and taken cluster by cluster, the most typical of each first: so a rare kind
of question is in the sample, and the most frequent one does not fill it. Or they are taken in the
order that somebody else gives (`Sampler.pick`), such as what a pipeline wavers on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import Field
from scipy.cluster.vq import kmeans2

from headway.core.conversation import with_turns
from headway.core.errors import InputError
from headway.core.progress import Event, Progress, silent
from headway.core.protocols import Vectors
from headway.core.task import Example, Task, digest, fraction
from headway.engine.drafting.filters import Known, asks
from headway.engine.drafting.keeping import Drafted, keep, written
from headway.engine.lender import Desk
from headway.metrics.text import is_abstention
from headway.steps.reading import first_json, schema_problem

CLUSTERS = 50  # at most; more say little to a person
ROUNDS = 25  # of k-means
TAG = "log"
MARKS = " \t\n\"'`*_.,:;!?()[]\u2018\u2019\u201c\u201d\u00ab\u00bb\u3002\uff01"  # around a label


class LogFinding(Drafted):
    """What was sampled from a log."""

    schema_name: ClassVar[str] = "headway/draft-from/1"

    task: str
    log: str
    wanted: int
    read: int
    """Requests in the log that hold a question."""
    skipped: tuple[str, ...] = ()
    """Lines that hold none, a reason each."""
    sampled: int
    known: int = 0
    """Of those, examples that the same log gave before."""
    with_answer: int = 0
    """Of those sampled, how many bring the log's answer as a reference, which nobody checked."""
    pick: str = "spread"
    """How they were chosen; each one's tags say why."""
    clusters: tuple[dict[str, Any], ...] = ()
    """One row a cluster: questions in it, sampled, and its most typical question."""
    removed: dict[str, int] = Field(default_factory=dict)
    masked: dict[str, int] = Field(default_factory=dict)
    """Personal data that was masked in the whole log, by kind."""
    unmasked: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """One row an example."""
        return [
            {
                "id": e.id,
                "question": e.question,
                "reference": e.reference,
                "why": ", ".join(tag for tag in e.tags if tag != TAG),
            }
            for e in self.examples
        ]


class Asked(Protocol):
    """One request of a log, masked: what an example's inputs would be, and what was answered.

    session: whatever the log says that requests of one conversation have in common. fault: why the
    answer is no good one, by the log's own word; empty where it says nothing.
    """

    @property
    def inputs(self) -> Mapping[str, Any]: ...

    @property
    def answer(self) -> Any: ...

    @property
    def session(self) -> str | None: ...

    @property
    def fault(self) -> str: ...


class Skipped(Protocol):
    """Lines that were passed over."""

    def lines(self) -> tuple[str, ...]: ...


class Requests(Protocol):
    """A log that was read. masked: personal data that was masked, by kind; None where nothing was
    looked for. notices: what a person must know of that."""

    @property
    def requests(self) -> Sequence[Asked]: ...

    @property
    def skipped(self) -> Skipped: ...

    @property
    def masked(self) -> Mapping[str, int] | None: ...

    @property
    def notices(self) -> Sequence[str]: ...


class Pick(Protocol):
    """Gives examples, with unit vectors of their questions, the order in which they are taken, by
    place, and for some of them why, as tags. n: how many are wanted. What it leaves out is not
    taken."""

    async def __call__(
        self, examples: Sequence[Example], vectors: Vectors, n: int
    ) -> tuple[Sequence[int], Mapping[int, tuple[str, ...]]]: ...


@dataclass
class Sampler:
    """Samples one log for a task. log: its name, for `source`. pick: what gives the order, instead
    of clusters; it is only asked about questions that the task does not hold yet, so that the same
    again takes the next n."""

    desk: Desk
    log: str
    n: int = 60
    seed: int = 7
    progress: Progress = silent
    pick: Pick | None = None

    def __post_init__(self) -> None:
        self.task = self.desk.task
        self.removed: Counter[str] = Counter()

    async def sample(self, log: Requests) -> LogFinding:
        """Sample, and write what was sampled. Raises InputError where the log asks nothing."""
        requests = log.requests
        for said in log.notices:
            self.desk.parts.notices.add(said)
        self.progress(Event("phase", f"{len(requests)} questions of {self.log}, by meaning"))
        examples = self.candidates(requests)
        embed = self.task.spec.models.embed
        vectors = await self.desk.embed(embed, [asks(e) for e in examples], "passage")
        labels = clusters(vectors, min(self.n, CLUSTERS), self.seed)
        why: Mapping[int, tuple[str, ...]] = {}
        if self.pick is None:
            tickets = [fraction(f"log:{self.seed}:{e.id}") for e in examples]
            order: Sequence[int] = turns(vectors, labels, tickets)
        else:
            order, why = await self.pick(examples, vectors, self.n)
        chosen = await self._fresh(examples, vectors, order)
        new = keep(self.task, [_told(examples[i], why.get(i, ())) for i in chosen])
        return LogFinding(
            task=self.task.spec.name, log=self.log, wanted=self.n, read=len(requests),
            sampled=len(new), known=len(chosen) - len(new),
            with_answer=sum(e.reference is not None for e in new),
            clusters=_rows(examples, vectors, labels, chosen), removed=dict(self.removed),
            pick="spread" if self.pick is None else "wavering",
            skipped=log.skipped.lines(), masked=dict(log.masked or {}), unmasked=log.masked is None,
            spent=self.desk.budget.spent(), file=str(self.task.folder / "examples.jsonl"),
            examples=new,
            notices=self.desk.parts.notices.texts,
        )  # fmt: skip

    def candidates(self, requests: Sequence[Asked]) -> list[Example]:
        """What may be taken: each question once. Raises InputError where there is none."""
        examples = self._distinct([self._example(asked) for asked in requests])
        if not examples:
            raise InputError("the log holds no question that could be an example", where=self.log)
        if self.pick is None:
            return examples
        there = written(self.task)
        if not (fresh := [e for e in examples if e.id not in there]):
            raise InputError(
                "every question of the log is an example already", where=self.log,
                do=f"headway review {self.task.typed}, or another log",
            )  # fmt: skip
        return fresh

    def _example(self, asked: Asked) -> Example:
        # What the log itself calls bad is no answer to learn or to score by.
        reference = None if asked.fault else reference_of(self.task, asked.answer)
        inputs = dict(asked.inputs)
        return Example(
            id=f"log-{digest(inputs)[:12]}",
            inputs=inputs,
            reference=reference,
            group=f"log-{digest(asked.session)[:12]}" if asked.session else None,
            tags=(TAG,),
            source=f"log:{self.log}",
            reviewed=False,
        )

    def _distinct(self, examples: Sequence[Example]) -> list[Example]:
        """Without those that ask nothing; of those equal in all their turns the first, or the first
        that has an answer."""
        found: dict[str, Example] = {}
        for example in examples:
            key = " ".join(with_turns(example.history, example.question).casefold().split())
            if not example.question.strip():
                self.removed["empty"] += 1
            elif key in found:
                self.removed["duplicate"] += 1
                if found[key].reference is None and example.reference is not None:
                    found[key] = example
            else:
                found[key] = example
        return list(found.values())

    async def _fresh(
        self, examples: Sequence[Example], vectors: Vectors, order: Sequence[int]
    ) -> list[int]:
        """The first n of an order that ask nothing which is asked already, by the task or before
        in the order."""
        own = {e.id for e in examples}
        there = [e for e in self.task.examples if e.id not in own]
        questions = [asks(e) for e in there]
        embed = self.task.spec.models.embed
        known = Known(questions, await self.desk.embed(embed, questions, "passage"))
        chosen: list[int] = []
        for at in order:
            if len(chosen) == self.n:
                break
            if known.near(asks(examples[at]), vectors[at]):
                self.removed["duplicate"] += 1
                continue
            known.add(asks(examples[at]), vectors[at])
            chosen.append(at)
        return chosen


def reference_of(task: Task, answer: Any) -> Any:
    """A log's answer in the form of the task's, or the task's phrase for 'I cannot answer this';
    None where it is neither. JSON may stand in a text, and a label may have marks around it."""
    output = task.spec.output
    said = answer.strip() if isinstance(answer, str) else ""
    if is_abstention(task, said):
        return said
    if output.kind == "label":
        return _label(said, output.labels)
    if output.kind == "json":
        found = first_json(said) if said else answer
        if not isinstance(found, dict):
            return None
        schema = output.json_schema
        return None if schema is not None and schema_problem(found, schema) else found
    return said if said and output.kind == "text" else None


def _label(said: str, labels: Sequence[str]) -> str | None:
    """The one label that is meant; of marks that may belong to a label, as in C#, none goes."""
    if said in labels:
        return said
    for plain in (str.casefold, lambda text: text.strip(MARKS).casefold()):
        meant = [label for label in labels if plain(label) == plain(said)]
        if meant:
            return meant[0] if len(meant) == 1 else None
    return None


def _told(example: Example, why: tuple[str, ...]) -> Example:
    return example.model_copy(update={"tags": (*example.tags, *why)})


def clusters(vectors: Vectors, k: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """A cluster's number for each row, below k. Equal for equal rows and seeds."""
    distinct = len(np.unique(vectors, axis=0))
    if min(k, distinct) <= 1:
        return np.zeros(len(vectors), dtype=np.intp)
    _, labels = kmeans2(
        vectors.astype(np.float64), min(k, distinct), iter=ROUNDS, minit="++", seed=seed,
        missing="warn",
    )  # fmt: skip
    return np.asarray(labels, dtype=np.intp)


def turns(
    vectors: Vectors,
    labels: np.ndarray[tuple[int], np.dtype[np.intp]],
    tickets: Sequence[float],
) -> list[int]:
    """All rows in the order they are taken: one a cluster and turn, larger clusters first; of a
    cluster the most typical one first, then in the order of the tickets."""
    queues: list[list[int]] = []
    for label in np.unique(labels):
        rows = [int(i) for i in np.flatnonzero(labels == label)]
        typical = _typical(vectors, rows)
        rest = sorted((i for i in rows if i != typical), key=lambda i: tickets[i])
        queues.append([typical, *rest])
    queues.sort(key=lambda queue: (-len(queue), queue[0]))
    longest = max(len(queue) for queue in queues)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _typical(vectors: Vectors, rows: Sequence[int]) -> int:
    """The row nearest to the middle of these."""
    inside = vectors[rows]
    return rows[int(np.argmax(inside @ inside.mean(axis=0)))]


def _rows(
    examples: Sequence[Example],
    vectors: Vectors,
    labels: np.ndarray[tuple[int], np.dtype[np.intp]],
    chosen: Sequence[int],
) -> tuple[dict[str, Any], ...]:
    taken = Counter(int(labels[i]) for i in chosen)
    found = []
    for label in np.unique(labels):
        rows = [int(i) for i in np.flatnonzero(labels == label)]
        typical = examples[_typical(vectors, rows)].question
        row = {"questions": len(rows), "sampled": taken[int(label)], "typical": typical}
        found.append(row)
    return tuple(sorted(found, key=lambda row: -int(str(row["questions"]))))
