"""People's verdicts on a task's answers: what they add up to, and what they are shown to rate.

Where people flag as made up what the passage shown supports, the answer was faithful and the search
is at fault (`method.md`: "Don't Stop Believin'").
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from headway.core.errors import InputError, Outage
from headway.core.findings import Estimate
from headway.core.judgement import Fault, Missed, RatingsFinding
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.rating import (
    FILE,
    Labelled,
    LabelledFile,
    Preference,
    Rating,
    Verdict,
    last_words,
    of_answer,
    preferences_of,
    ratings_of,
    read_verdicts,
)
from headway.core.record import Record
from headway.core.task import Example, Task
from headway.engine import statistics as stats
from headway.engine.compare import to_estimate
from headway.engine.funnel import supported
from headway.engine.judging import PAIRWISE, Asked, Bench, first_side
from headway.engine.plan import cut_dev
from headway.engine.run import AS_IS, Run, Runner, reread

T = TypeVar("T")
NAMED = 8  # characters of a fingerprint in a pipeline's name
FLAGGED = {
    True: ("search", "search at fault, answer faithful: people call it made up, and what was shown"
           " says it"),
    False: ("model", "model at fault: people call it made up, and nothing that was shown says it"),
    None: ("none", "fault not clear: what was shown with this answer is not known"),
}  # fmt: skip
DISPUTED = (
    "none",
    "fault not clear: people call it made up, and what was shown says it, the evidence among it",
)


def fault_of(faithful: bool | None, shown: bool) -> tuple[str, str]:
    """(what is at fault, a sentence) where people flag an answer as made up. faithful: whether
    what was shown supports it. shown: whether all the evidence was among that."""
    return DISPUTED if faithful and shown else FLAGGED[faithful]


def flags_of(task: Task) -> dict[str, list[Rating]]:
    """The flags that people have set and not withdrawn, by example."""
    found: dict[str, list[Rating]] = {}
    for rating in ratings_of(last_words(read_verdicts(task.folder))):
        if rating.flag is not None:
            found.setdefault(rating.example, []).append(rating)
    return found


def flag_on(flags: Mapping[str, Sequence[Rating]], record: Record) -> str:
    """The flag that most people set on that very answer; empty where nobody did."""
    given = of_answer(flags.get(record.example, ()), record.example, record.answer)
    return Counter(str(r.flag) for r in given).most_common(1)[0][0] if given else ""


def named(typed: str, fingerprint: str) -> str:
    """A pipeline in a preference: as it was typed, and exactly."""
    return f"{typed}@{fingerprint[:NAMED]}"


@dataclass(frozen=True)
class Side:
    """One pipeline's answer, as it is rated."""

    pipeline: str
    answer: str


@dataclass(frozen=True)
class ToRate:
    """One example with the answers to rate, one or two, in an order drawn by lot."""

    example: Example
    sides: tuple[Side, ...]


class People:
    """The verdicts of one task."""

    def __init__(self, runner: Runner) -> None:
        self.runner, self.task = runner, runner.desk.task

    # --- what they add up to ------------------------------------------------------------------

    def finding(self, added: int = 0) -> RatingsFinding:
        """All verdicts of the task that count, added up. Calls nothing."""
        verdicts = last_words(read_verdicts(self.task.folder))
        ratings, wishes = list(ratings_of(verdicts)), list(preferences_of(verdicts))
        groups = {e.id: e.cluster for e in self.task.examples}
        names = sorted({v.by for v in verdicts if v.by})
        shares = [r.share for r in ratings]
        of = [groups.get(r.example, r.example) for r in ratings]
        mean = to_estimate(stats.estimate(shares, of)) if ratings else None
        votes = _votes(ratings)
        several = list(votes.values())
        answered = [groups.get(example, example) for example, _ in votes]
        agreed = stats.people_agreement(several, answered, yes_no=set(shares) <= {0.0, 1.0})
        ties, alike = self._alike(wishes)
        pairs = [*(stats.Pair(p.a, p.b, p.score) for p in wishes), *(pair for pair, _ in ties)]
        places = [
            *(groups.get(p.example, p.example) for p in wishes),
            *(e.cluster for _, e in ties),
        ]
        return RatingsFinding(
            task=self.task.spec.name,
            added=added,
            ratings=len(ratings),
            preferences=len(wishes),
            people=tuple(names),
            flags=dict(Counter(r.flag for r in ratings if r.flag).most_common()),
            mean=mean,
            agreement={name: to_estimate(e) for name, e in agreed.items()},
            faults=self.faults(ratings),
            strengths=_strengths(pairs, places),
            linked=stats.linked(pairs),
            notices=(*self.runner.desk.parts.notices.texts, *alike, *self._unrated(verdicts)),
        )

    def _unrated(self, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
        do = f"headway judge {self.task.typed} --rate"
        return () if verdicts else (f"Nobody has rated an answer of this task yet: {do}",)

    def _alike(
        self, wishes: Sequence[Preference]
    ) -> tuple[list[tuple[stats.Pair, Example]], list[str]]:
        """Ties for what two compared pipelines answer alike on explore, which nobody is shown, and
        a sentence on each two. Without them a side that is better on the few answers that differ
        looks as if it were so on all.

        Beside the verdicts there are as many ties as alike answers beside those that differ: where
        people have rated a part of them, or several people all, that many would have been ties.
        """
        asked: dict[tuple[str, str], list[str]] = {}
        for wish in wishes:
            a, b = sorted((wish.a, wish.b))
            asked.setdefault((a, b), []).append(wish.example)
        explore, ties, said = cut_dev(self.task)[0], list[tuple[stats.Pair, Example]](), list[str]()
        for (a, b), rated in asked.items():
            one, two = self._of_name(a), self._of_name(b)
            both = [e for e in explore if e.id in one and e.id in two]
            alike = [e for e in both if one[e.id] == two[e.id] and e.id not in rated]
            if not alike:
                continue
            differ = len(both) - len(alike)
            many = round(len(alike) * len(rated) / differ) if differ else len(alike)
            ties += [(stats.Pair(a, b, 0.5), alike[i % len(alike)]) for i in range(many)]
            said.append(
                f"Of {len(both)} examples {a} and {b} answer {len(alike)} alike, which nobody is"
                f" shown: their points hold ties for them ({many}, beside people's verdicts on the"
                f" others: {len(rated)})."
            )
        return ties, said

    def _of_name(self, name: str) -> dict[str, str]:
        """The answers of a pipeline as a preference names it; none where that is not exact."""
        prefix = name.rpartition("@")[2]
        found = self.runner.desk.store.pipeline(prefix) if len(prefix) >= NAMED else []
        if len(found) != 1:
            return {}
        return {id: answer.strip() for id, answer in self.answers(found[0][0]).items()}

    def faults(self, ratings: Sequence[Rating]) -> tuple[Fault, ...]:
        """One row for each answer that people flag as made up: what was at fault."""
        flagged = [r for r in ratings if r.flag == "hallucination"]
        examples = {e.id: e for e in self.task.examples}
        records = self._records(flagged, examples)
        found, seen = [], set[tuple[str, str]]()
        for rating in flagged:
            example = examples.get(rating.example)
            key = (rating.example, rating.answer.strip())
            if example is None or key in seen:
                continue
            seen.add(key)
            record = records.get(key)
            said = supported(example, record, record.passages) if record else None
            fault, verdict = fault_of(said, self._shown(example, record))
            found.append(
                Fault(
                    example=example.id, question=example.question[:500],
                    answer=rating.answer[:500], flag="hallucination", supported=said, fault=fault,
                    verdict=verdict,
                )
            )  # fmt: skip
        return tuple(found)

    def _shown(self, example: Example, record: Record | None) -> bool:
        spans = self.runner.spans(example)
        if record is None or not spans:
            return False
        return all(any(p.covers(*span) for p in record.passages) for span in spans)

    def _records(
        self, ratings: Sequence[Rating], examples: Mapping[str, Example]
    ) -> dict[tuple[str, str], Record]:
        """Records whose answers people rated, by example and answer, of any pipeline."""
        wanted = {(r.example, r.answer.strip()) for r in ratings}
        of = {e.fingerprint: e for id, _ in wanted if (e := examples.get(id)) is not None}
        found: dict[tuple[str, str], Record] = {}
        store = self.runner.desk.store
        for fingerprint, _ in store.pipeline("") if wanted else ():
            for (example, _repeat), value in store.records(fingerprint, AS_IS.key).items():
                if example in of:
                    record = reread(value, of[example])
                    key = (record.example, (record.answer or "").strip())
                    if key in wanted:
                        found[key] = record
            if wanted <= set(found):
                break
        return found

    def labelled(self, limit: int | None = None) -> LabelledFile:
        """The rated answers, as a labelled file would give them, with what was shown. Raises
        InputError where they are too few to vary."""
        rated = self._rated()[:limit]
        if len({answer.label for answer in rated}) < 2:
            raise InputError(
                "people have rated too few answers of this task to hold a metric against",
                where=str(self.task.folder / FILE),
                do=f"headway judge {self.task.typed} --rate",
            )
        words = {v for answer in rated for v in (answer.label, *answer.votes)} <= {0.0, 1.0}
        return LabelledFile(tuple(rated), "yes_no" if words else "scale", (0.0, 1.0))

    def _rated(self) -> list[Labelled]:
        ratings = list(ratings_of(last_words(read_verdicts(self.task.folder))))
        examples = {e.id: e for e in self.task.examples}
        records = self._records(ratings, examples)
        votes = _votes([r for r in ratings if r.example in examples])
        return [
            Labelled(
                example=examples[id],
                answer=answer,
                label=sum(given) / len(given),
                votes=tuple(given),
                passages=records[id, answer].passages if (id, answer) in records else (),
                group=examples[id].cluster,
            )
            for (id, answer), given in votes.items()
        ]

    # --- rating -------------------------------------------------------------------------------

    def answers(self, fingerprint: str) -> dict[str, str]:
        """A pipeline's answers as they stand in the store, by example."""
        kept = self.runner.desk.store.records(fingerprint, AS_IS.key)
        return {
            e.id: reread(kept[e.fingerprint, 0], e).answer or ""
            for e in self.task.examples if (e.fingerprint, 0) in kept
        }  # fmt: skip

    async def single(
        self, pipeline: Pipeline, typed: str, examples: Sequence[Example], by: str
    ) -> list[ToRate]:
        """Answers of a pipeline that this person has not rated, in an order drawn by lot."""
        run = await self.runner.run(pipeline, examples)
        ratings = [r for r in ratings_of(read_verdicts(self.task.folder)) if r.by == by]
        return [
            ToRate(example, (Side(named(typed, run.fingerprint), answer),))
            for example, answer in _shuffled(_answers(run))
            if not of_answer(ratings, example.id, answer)
        ]

    async def pairs(
        self, a: tuple[str, Pipeline], b: tuple[str, Pipeline], examples: Sequence[Example], by: str
    ) -> list[ToRate]:
        """Pairs of different answers that this person has not compared; sides drawn by lot."""
        done = {
            (p.example, frozenset((p.a, p.b)))
            for p in preferences_of(read_verdicts(self.task.folder)) if p.by == by
        }  # fmt: skip
        both = _shuffled(await self._both(a, b, examples))
        differ = [
            (example, sides) for example, sides in both
            if sides[0].answer.strip() != sides[1].answer.strip()
        ]  # fmt: skip
        if alike := len(both) - len(differ):
            self.runner.progress(
                Event(
                    "notice", f"{alike} of {len(both)} answers are the same: each counts as a tie"
                )
            )
        return [
            ToRate(example, tuple(random.sample(sides, 2)))
            for example, sides in differ
            if (example.id, frozenset(s.pipeline for s in sides)) not in done
        ]

    async def _both(
        self, a: tuple[str, Pipeline], b: tuple[str, Pipeline], examples: Sequence[Example]
    ) -> list[tuple[Example, tuple[Side, Side]]]:
        runs = [await self.runner.run(pipeline, examples) for _, pipeline in (a, b)]
        names = [
            named(typed, run.fingerprint) for (typed, _), run in zip((a, b), runs, strict=True)
        ]
        if runs[0].fingerprint == runs[1].fingerprint:
            raise InputError(f"{a[0]} and {b[0]} are one pipeline: there is nothing to compare")
        second = {e.id: answer for e, answer in _answers(runs[1])}
        return [
            (e, (Side(names[0], answer), Side(names[1], second[e.id])))
            for e, answer in _answers(runs[0])
            if e.id in second
        ]

    async def judged_pairs(
        self,
        pairs: Sequence[tuple[tuple[str, Pipeline], tuple[str, Pipeline]]],
        examples: Sequence[Example],
    ) -> RatingsFinding:
        """Strengths by the pairwise judge instead of people, with its bias for the first side."""
        verdicts: list[stats.Pair] = []
        groups: list[str] = []
        missed: list[Missed] = []
        firsts: list[tuple[int, bool]] = []
        bench = Bench(self.runner.desk, None, PAIRWISE, self.runner.progress)
        for a, b in pairs:
            both = await self._both(a, b, examples)
            asked = await bench.ask_all([_as_labelled(e, sides) for e, sides in both])
            for (example, sides), one in zip(both, asked, strict=True):
                self._add(example, sides, one, verdicts, groups, missed, firsts)
        if missed and not verdicts:
            raise Outage(f"the judge said nothing of any pair: {missed[0].why}")
        self.runner.progress(Event("phase", "strengths"))
        return RatingsFinding(
            task=self.task.spec.name,
            preferences=len(verdicts),
            strengths=_strengths(verdicts, groups),
            by=bench.judge_name or "the pairwise judge",
            linked=stats.linked(verdicts),
            position=first_side(firsts),
            unscored=tuple(missed),
            notices=self.runner.desk.parts.notices.texts,
        )

    def _add(
        self, example: Example, sides: tuple[Side, Side], one: Asked, verdicts: list[stats.Pair],
        groups: list[str], missed: list[Missed], firsts: list[tuple[int, bool]],
    ) -> None:  # fmt: skip
        firsts += [(len(groups) + len(missed), won) for won in one.first]
        if one.score.value is None:
            missed.append(Missed(id=example.id, why=one.score.unscored))
            return
        verdicts.append(stats.Pair(sides[0].pipeline, sides[1].pipeline, one.score.value))
        groups.append(example.cluster)


def preference(rated: ToRate, choice: int | None, by: str, at: str) -> Preference:
    """A person's verdict on a pair as it stood: choice 0 or 1, None for a tie."""
    a, b = sorted(side.pipeline for side in rated.sides)
    chosen = None if choice is None else rated.sides[choice].pipeline
    prefer = "tie" if chosen is None else "a" if chosen == a else "b"
    return Preference.model_validate(
        {"example": rated.example.id, "a": a, "b": b, "prefer": prefer, "by": by, "at": at}
    )


def _votes(ratings: Sequence[Rating]) -> dict[tuple[str, str], list[float]]:
    """By example and answer what people said of it."""
    found: dict[tuple[str, str], list[float]] = {}
    for rating in ratings:
        found.setdefault((rating.example, rating.answer.strip()), []).append(rating.share)
    return found


def _answers(run: Run) -> list[tuple[Example, str]]:
    records = {r.example: r for r in run.records}
    return [
        (e, records[e.id].answer or "") for e in run.examples if records[e.id].status != "outage"
    ]


def _shuffled(rows: Sequence[T]) -> list[T]:
    return random.sample(rows, len(rows))


def _as_labelled(example: Example, sides: tuple[Side, Side]) -> Labelled:
    return Labelled(example, sides[0].answer, 0.5, other=sides[1].answer, group=example.cluster)


def _strengths(pairs: Sequence[stats.Pair], groups: Sequence[str]) -> dict[str, Estimate]:
    return {name: to_estimate(e) for name, e in stats.strengths(pairs, list(groups)).items()}
