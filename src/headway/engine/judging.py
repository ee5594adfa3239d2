"""The judges are judged: a metric beside people on the same answers.

Every answer of a labelled file is scored as an answer of a run would be, and the scores are held
against people's labels. What is measured for a task is kept in its store under the metric and the
models that it asked, and `may_decide` is what a journey asks before it believes its first metric.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from headway.core.before import asked as in_conversation
from headway.core.errors import HeadwayError, InputError, ModelError, Outage, Rejected
from headway.core.findings import Estimate
from headway.core.judgement import JudgeFinding, Missed, Repeats, Standing
from headway.core.progress import Event, Progress, silent
from headway.core.protocols import Metric, MetricLender, Scored, Vectors
from headway.core.rating import Labelled, Labels
from headway.core.record import ChatReply, ChatRequest, Record, Score, Usage
from headway.core.task import Task, digest
from headway.core.words import tokens
from headway.engine import statistics as stats
from headway.engine.compare import to_estimate, total_of
from headway.engine.lender import Desk, Kind, ScoringLender
from headway.engine.parts import Parts
from headway.engine.statistics.outage import MOST_LOST
from headway.metrics import load, measure
from headway.metrics.pairwise import prefer
from headway.metrics.text import f1
from headway.store import Store

PAIRWISE = "pairwise"
AT_ONCE = 8  # answers on the way; more calls than a model takes at once only wait
# Labelled answers from which a measurement may allow or forbid anything: at 30 the 95% interval of
# a correlation or of kappa is about +-0.35: as wide as what parts a useful judge from a bad one.
ENOUGH = 30
NO_SCORE = "the metric does not apply to it"
BY_NAME = "named "  # before a model that the metric itself names, whatever task.yaml says


@dataclass(frozen=True)
class Asked:
    """One answer by the judge: its score (in pairs: how much of a win the first side has)."""

    score: Score
    first: tuple[bool, ...] = ()
    """In pairs: for each order in which a side was named, whether it stood first."""
    lost: bool = False
    """An outage left it without a score: that says nothing of the judge."""


class Watched:
    """Passes for the metric, and notes whether an outage left the answer unscored: the score alone
    does not tell that from a reply that cannot be read."""

    def __init__(self, metric: Metric) -> None:
        self.metric, self.outage = metric, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.metric, name)

    async def score(self, scored: Scored) -> float | Score | None:
        """See Metric."""
        try:
            return await self.metric.score(scored)
        except Outage:
            self.outage = True
            raise


class CountingLender(ScoringLender):
    """What the judged metric is lent: beside its calls, the models that it asked are noted."""

    def __init__(self, desk: Desk, repeat: int = 0) -> None:
        super().__init__(desk, repeat)
        self.asked = dict[str, str]()

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """See MetricLender."""
        reply = await super().chat(request, model)
        await self._note("chat", model, self._models.judge or self._models.chat)
        return reply

    async def embed(self, texts: Sequence[str], kind: Kind, model: str | None = None) -> Vectors:
        """See MetricLender."""
        await self._note("embed", model, self._models.embed)
        return await super().embed(texts, kind, model)

    async def rerank(
        self, query: str, texts: Sequence[str], model: str | None = None
    ) -> list[float]:
        """See MetricLender."""
        await self._note("rerank", model, self._models.rerank)
        return await super().rerank(query, texts, model)

    async def _note(self, role: str, named: str | None, of_role: str) -> None:
        asked, name = f"{BY_NAME if named else ''}{role} {named or of_role}", named or of_role
        if asked not in self.asked:
            self.asked[asked] = await identity_of(self._desk.parts, role, name)


async def identity_of(parts: Parts, role: str, name: str) -> str:
    """All of a model that may change what it says."""
    if role == "embed":
        return (await parts.embedding(name)).identity
    return (await (parts.rerank(name) if role == "rerank" else parts.chat(name))).identity


class Bench:
    """One metric on labelled answers."""

    def __init__(
        self, desk: Desk, metric: Metric | None, name: str, progress: Progress = silent
    ) -> None:
        """metric: None for the pairwise judge."""
        self.desk, self.metric, self.name, self.progress = desk, metric, name, progress
        self._lenders: dict[int, CountingLender] = {}

    async def judge(
        self,
        answers: Sequence[Labelled],
        labels: Labels,
        *,
        source: str,
        repeat: int = 1,
        notices: Sequence[str] = (),
    ) -> JudgeFinding:
        """Score all answers, `repeat` times each, and hold them against people. Raises as a run
        does: Rejected, BudgetEnded, and Outage where nothing at all was scored for outages."""
        rows = [await self.ask_all(answers, r) for r in range(repeat)]
        first = rows[0]
        missed = [_why(asked.score) for asked in first]
        if set(missed) == {NO_SCORE}:
            needs = getattr(self.metric, "needs", ())
            raise InputError(
                f"the metric {self.name!r} applies to none of the answers of {source}",
                valid=f"answers with {' and '.join(needs)}"
                if needs
                else "answers with passages, or"
                " a task that says what counts (rubric: in task.yaml)",
                do="name the columns (--contexts, --reference), or the task: --task TASK",
            )
        if all(missed) and any(asked.score.unscored for asked in first):
            self._raise_outage(first)
        kept = [i for i, asked in enumerate(first) if not asked.lost]
        judged = [answers[i] for i in kept]
        scores = [first[i].score.value for i in kept]
        people = [a.label for a in judged]
        groups = _groups(judged)
        missing = [
            (asked.lost, Missed(id=a.example.id, why=why))
            for a, asked, why in zip(answers, first, missed, strict=True) if why
        ]  # fmt: skip
        outage = tuple(m for lost, m in missing if lost)
        yes_no = labels == "yes_no"
        agreed = stats.agreement(scores, people, groups, labels=labels)
        wanted = self.desk.task.spec.judging
        chosen = main_measure(wanted.measure, agreed)
        lengths = [float(len(a.answer) - len(a.other or "")) for a in judged]
        value = agreed[chosen].mean
        apart = stats.told_apart(agreed[chosen])
        repeats = None
        if repeat > 1:
            each = [i for i in kept if not any(row[i].lost for row in rows)]
            again = [[row[i].score.value for row in rows] for i in each]
            same, sd = stats.repeatability(again, _groups([answers[i] for i in each]))
            repeats = Repeats(k=repeat, n=len(each), identical=to_estimate(same), sd=sd)
        usage = sum((lend.usage for lend in self._lenders.values()), Usage())
        return JudgeFinding(
            metric=self.name,
            judge=self.judge_name,
            source=source,
            labels=labels,
            n=len(answers),
            groups=len(set(_groups(answers))),
            agreement=_estimates(agreed),
            baselines=baselines(judged, labels, groups),
            people=_estimates(
                stats.people_agreement([a.votes for a in judged], groups, yes_no=yes_no)
            ),
            measure=chosen,
            needed=wanted.agreement,
            standing="unknown"
            if value is None or len(judged) < ENOUGH or too_many(len(outage), len(answers))
            else "below" if value < wanted.agreement else "may_decide",
            unscored=tuple(m for lost, m in missing if not lost),
            outage=outage,
            verdicts=_verdicts(scores, people) if yes_no else {},
            repeats=repeats,
            position=self._position(rows) if labels == "pairs" else None,
            length=to_estimate(stats.length_bias(scores, lengths, people, groups)),
            told_apart=apart,
            answers=tuple(
                {
                    "id": a.example.id, "people": a.label, "score": asked.score.value,
                    "unscored": why, "length": len(a.answer),
                }
                for a, asked, why in zip(answers, first, missed, strict=True)
            ),
            usage=total_of(usage),
            notices=(*notices, *_passed_over(wanted.measure, chosen, labels),
                     *_said_of(len(outage), len(answers)), *self.desk.parts.notices.texts),
        )  # fmt: skip

    @property
    def asked(self) -> dict[str, str]:
        """The models that were asked, by role and name, with their identities. BY_NAME stands
        before those that the metric names: what task.yaml gives their role is no matter."""
        return {name: id for lend in self._lenders.values() for name, id in lend.asked.items()}

    @property
    def judge_name(self) -> str | None:
        """The chat models that were asked; None where none was."""
        models = (asked.removeprefix(BY_NAME).partition(" ") for asked in self.asked)
        names = dict.fromkeys(name for role, _, name in models if role == "chat")
        return ", ".join(names) or None

    async def ask_all(self, answers: Sequence[Labelled], repeat: int = 0) -> list[Asked]:
        """All answers once, in order; one error stops all."""
        lend = self._lenders.setdefault(repeat, CountingLender(self.desk, repeat))
        found: dict[int, Asked] = {}
        waiting = iter(enumerate(answers))
        again = f", time {repeat + 1}" if repeat else ""
        self.progress(Event("phase", f"{self.name} over {len(answers)} labelled answers{again}"))

        async def work() -> None:
            for at, answer in waiting:
                found[at] = await self.one(answer, lend)
                self.progress(Event("tick", done=len(found), total=len(answers)))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(answers))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self.desk.store.flush()
        return [found[at] for at in range(len(answers))]

    async def one(self, answer: Labelled, lend: MetricLender) -> Asked:
        """One answer, by what is lent."""
        if self.metric is None:
            return await self._pair(answer, lend)
        record = Record(
            example=answer.example.id, answer=answer.answer, output=answer.answer,
            passages=answer.passages,
        )  # fmt: skip
        task = self.desk.task
        if not answer.passages:  # what was shown is not known, which is not that nothing was
            task = task.model_copy(
                update={"spec": task.spec.model_copy(update={"knowledge": None})}
            )
        scored = Scored(task, answer.example, record, (), lend)
        watched = Watched(self.metric)
        score = await measure(cast("Metric", watched), scored)
        return Asked(score, lost=watched.outage)

    async def _pair(self, answer: Labelled, lend: MetricLender) -> Asked:
        example, task = answer.example, self.desk.task
        reference = example.references[0] if example.references else None
        asked = in_conversation(example.question, example.history, lend.files(example))
        try:
            found = await prefer(
                asked, reference, answer.answer, answer.other or "", task.spec.rubric, lend
            )
        except Rejected:
            raise
        except ModelError as error:
            return Asked(Score(None, unscored=error.what), lost=isinstance(error, Outage))
        return asked_of(found.winner, found.notes)

    def _position(self, rows: Sequence[Sequence[Asked]]) -> Estimate:
        firsts = [(i, won) for row in rows for i, asked in enumerate(row) for won in asked.first]
        return first_side(firsts)

    def _raise_outage(self, first: Sequence[Asked]) -> None:
        """A judge that is down has no agreement: that is no finding about it. So where no call came
        back, or where outages left unscored all that the metric applies to."""
        why = Counter(filter(None, (a.score.unscored for a in first))).most_common(1)[0][0]
        usage = self._lenders[0].usage
        silent = not usage.calls + usage.cached_calls and not self.asked
        if silent or all(asked.lost or not asked.score.unscored for asked in first):
            raise Outage(f"the judge scored none of the answers: {why}")


def asked_of(winner: str | None, notes: Mapping[str, Any]) -> Asked:
    """A verdict of the pairwise judge, with which side won in each order."""
    orders = (("as_given", "a"), ("swapped", "b"))
    named = [(notes.get(key, {}).get("winner"), first) for key, first in orders]
    firsts = tuple(won == first for won, first in named if won in ("a", "b"))
    if winner is None:
        unread = (notes.get(key, {}).get("unread") for key, _ in orders)
        return Asked(Score(None, notes, next(filter(None, unread), "unknown")), firsts)
    return Asked(Score({"a": 1.0, "b": 0.0}.get(winner, 0.5), notes), firsts)


def first_side(firsts: Sequence[tuple[int, bool]]) -> Estimate:
    """How often the side that stood first won, by pair; 0.5 is no bias."""
    return to_estimate(stats.estimate([float(w) for _, w in firsts], [str(i) for i, _ in firsts]))


def metric_of(task: Task, name: str, labels: Labels) -> Metric | None:
    """The metric to judge by its name; None for the pairwise judge. Raises InputError."""
    if (name == PAIRWISE) != (labels == "pairs"):
        raise InputError(
            "pairs of answers are judged by the metric 'pairwise', and by no other"
            if labels == "pairs"
            else "'pairwise' judges pairs of answers, and this file holds single ones",
            valid="--metric pairwise, and columns answer_a, answer_b, prefer",
        )
    return None if name == PAIRWISE else load(name, task.folder)


def main_measure(wanted: str | None, agreed: Mapping[str, Any]) -> str:
    """The measure that decides: the wanted one where the labels allow it, else kappa for yes/no
    labels and Spearman's for scales."""
    if wanted in agreed:
        return str(wanted)
    return "kappa" if "kappa" in agreed else "spearman"


def _passed_over(wanted: str | None, chosen: str, labels: Labels) -> tuple[str, ...]:
    """Said where task.yaml asks for a measure that labels of this kind do not have."""
    if wanted in (None, chosen):
        return ()
    kind = {"yes_no": "yes/no labels", "scale": "ratings on a scale", "pairs": "pairs"}[labels]
    return (f"judging: measure: {wanted} does not apply to {kind}: {chosen} decides instead.",)


def _why(score: Score) -> str:
    return "" if score.value is not None else score.unscored or NO_SCORE


def _verdicts(scores: Sequence[float | None], people: Sequence[float]) -> dict[str, int]:
    said = {None: "unscored", True: "yes", False: "no"}
    counts = Counter(
        f"people_{said[p == 1.0]}_judge_{said[None if s is None else s >= 0.5]}"
        for s, p in zip(scores, people, strict=True)
    )
    return dict(sorted(counts.items()))


def _estimates(found: Mapping[str, stats.Estimate]) -> dict[str, Estimate]:
    return {name: to_estimate(e) for name, e in found.items()}


def _groups(answers: Sequence[Labelled]) -> list[str]:
    return [a.group if a.group is not None else a.example.id for a in answers]


# --- what outages take --------------------------------------------------------------------------


def too_many(lost: int, of: int) -> bool:
    """Whether outages took so many answers that the others say nothing of the judge: what a service
    fails on (the long ones, the last ones) is not lost at random."""
    return lost > MOST_LOST * of


def _said_of(lost: int, of: int) -> tuple[str, ...]:
    if not lost:
        return ()
    text = f"{lost} of {of} answers were lost to outages, and count for nothing"
    if not too_many(lost, of):
        return (f"{text}.",)
    return (
        f"{text}. More than {MOST_LOST:.0%} are too many: whether the metric may decide is not"
        " said, and nothing is kept. Judge again: only what was lost is asked anew.",
    )


# --- baselines --------------------------------------------------------------------------------


def baselines(
    answers: Sequence[Labelled], labels: Labels, groups: Sequence[str]
) -> dict[str, dict[str, Estimate]]:
    """What a judge must beat: always saying what people say most, and word overlap.

    Word overlap is the share of the answer's words that stand in the passages; without passages
    token F1 with the reference; without either, token F1 with the question. For yes/no labels its
    verdict is cut where as many answers are a yes as people give: a cut that only people's own
    share, not their single labels, has set.
    """
    people = [a.label for a in answers]
    yes_no = labels == "yes_no"
    most = Counter(people).most_common(1)[0][0]
    found = {
        "always the same": stats.agreement([most] * len(people), people, groups, labels=labels)
    }
    if labels == "pairs":
        longer = [
            0.5
            if len(a.answer) == len(a.other or "")
            else float(len(a.answer) > len(a.other or ""))
            for a in answers
        ]
        found["the longer one"] = stats.agreement(longer, people, groups, labels=labels)
    else:
        over = [overlap(a) for a in answers]
        cut = 0.5
        if yes_no:
            yes = int(sum(people))
            cut = sorted(over, reverse=True)[yes - 1] if yes else 2.0
        found["word overlap"] = stats.agreement(over, people, groups, labels=labels, cut=cut)
    return {name: _estimates(e) for name, e in found.items()}


def overlap(answer: Labelled) -> float:
    """See `baselines`."""
    if answer.passages:
        said = tokens(answer.answer)
        shown = {t for p in answer.passages for t in tokens(p.text)}
        return sum(t in shown for t in said) / len(said) if said else 0.0
    wanted = answer.example.references or (answer.example.question,)
    return max(f1(answer.answer, text) for text in wanted)


# --- what a journey may believe -----------------------------------------------------------------


def about(task: Task, metric: str) -> str:
    """The judge that is set up for a metric, as the store keeps it: the model in the role `judge`
    (else the task's chat model), and the rubric."""
    models = task.spec.models
    rubric = task.spec.rubric.model_dump(mode="json") if task.spec.rubric else None
    return digest([metric, models.judge, rubric])[:20]


def keep_judged(store: Store, task: Task, found: JudgeFinding, asked: Mapping[str, str]) -> None:
    """Keep what was measured for a task. A later measurement replaces it, but for one that cannot
    tell: over too few answers, over labels that are all alike, or with too many lost to outages."""
    estimate = found.agreement[found.measure]
    if estimate.mean is None or too_many(len(found.outage), found.n):
        return
    before = store.judged(found.metric, about(task, found.metric))
    tells = before is not None and before["n"] >= ENOUGH and before["asked"] == dict(asked)
    if tells and found.completed < ENOUGH:
        return
    value = {
        "metric": found.metric, "judge": found.judge, "measure": found.measure,
        "value": estimate.mean, "low": estimate.low, "high": estimate.high, "n": found.completed,
        "source": found.source, "asked": dict(asked),
    }  # fmt: skip
    store.put_judged(found.metric, about(task, found.metric), value)
    store.flush()


@dataclass(frozen=True)
class May:
    """Whether a metric may decide, with a sentence that says why, and what to type."""

    standing: Standing | None
    text: str = ""
    do: str = ""


async def believed(task: Task, store: Store, metric: Metric, parts: Parts | None = None) -> May:
    """What is known of a metric's agreement with people. standing None: nobody needs to know, as
    it asks no judge and was not measured. parts: opens the models that were measured, to see
    whether they are still the same; without it only their names are compared."""
    kept = store.judged(metric.name, about(task, metric.name))
    do = f"headway judge LABELLED_FILE --metric {metric.name} --task {task.typed}"
    same = kept is None or await _still_the_same(parts, task, kept)
    few = kept is not None and kept["n"] < ENOUGH
    if kept is None or kept["value"] is None or not same or few:
        if "judge" not in getattr(metric, "roles", ()):
            return May(None)
        who = f" with {task.spec.models.judge}" if task.spec.models.judge else ""
        since = (
            "was measured with another model behind it" if not same
            else "was never measured" if kept is None or not few
            else f"was measured over {kept['n']} answers only, which is not enough ({ENOUGH} are)"
        )  # fmt: skip
        text = f"How far {metric.name}{who} agrees with people {since}, and it decides what is kept"
        return May("unknown", f"{text}: {do}", do)
    wanted, low = task.spec.judging.agreement, kept["low"]
    ends = "" if low is None else f" ({low:.2f} to {kept['high']:.2f})"
    judge = f" with {kept['judge']}" if kept["judge"] else ""
    said = (
        f"{metric.name}{judge} agrees with people at {kept['measure']} {kept['value']:.2f}{ends},"
        f" over {kept['n']} answers of {kept['source']}"
    )
    if kept["value"] < wanted:
        return May("below", f"{said}: below the {wanted:g} from which it may decide", do)
    if low is None or low < wanted:
        return May("may_decide", f"{said}; that it reaches {wanted:g} is not proven", do)
    return May("may_decide", said)


async def _still_the_same(parts: Parts | None, task: Task, kept: Mapping[str, Any]) -> bool:
    """Whether the models that were measured are the ones that would be asked now: what a role gave
    is held against what the role gives now, and what the metric names it would name again."""
    models = task.spec.models
    now = {"chat": models.judge or models.chat, "embed": models.embed, "rerank": models.rerank}
    for asked, identity in kept["asked"].items():
        role, _, name = asked.removeprefix(BY_NAME).partition(" ")
        if not asked.startswith(BY_NAME) and name != now[role]:
            return False
        try:
            if parts is not None and await identity_of(parts, role, name) != identity:
                return False
        except HeadwayError:
            return False
    return True
