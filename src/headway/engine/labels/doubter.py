"""Who doubts which reference: asks every voter that fits the task, and fills the queue.

Out of fold by group, and never of `test`: its references are sealed. Of confirm only what is
computed from questions and references is asked; answers to it stay where they are, since only
`kept` or `not` may leave confirm.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from headway.core.conversation import instructions, with_turns
from headway.core.findings import LabelNoise, Suspect
from headway.core.protocols import Search
from headway.core.sentences import sentence_spans
from headway.core.task import Example, Task
from headway.engine.check_twins import twins
from headway.engine.labels import answers, nearby, reader
from headway.engine.labels.ceiling import noise_of
from headway.engine.labels.votes import NOISE, Ballot, Doubt, Vote, bears, count, same
from headway.engine.labels.weights import weights_of
from headway.engine.lender import Desk
from headway.engine.plan import cut_dev
from headway.metrics.fields import Path, leaves, wanted
from headway.models import pull
from headway.models.catalogue import ENTRIES

QUEUED = 0.2  # of the examples at most: the most doubtful; suspects by the rule always
EVIDENCE = Search(tokens=160, overlap=0, k=1)
LONGEST = 6000  # characters of evidence that a reader reads
QUICK = 400  # examples looked at beside the diagnosed ones, in a diagnosis
FEW, SHARE = 60, 0.2  # values of a field up to which it is one to classify, and of its examples
EXTRACTED = 0.8  # of references that stand in the evidence: from here on, all should


@dataclass(frozen=True)
class Doubts:
    """What came of asking. suspects: the queue, the most doubtful first. asked: the examples;
    voters: who voted at all. quick: whether some who could have voted were not asked."""

    suspects: tuple[Suspect, ...]
    asked: tuple[Example, ...]
    voters: tuple[str, ...]
    quick: bool = False


class Doubter:
    """Doubts the references of one task.

    quick: only what costs nothing and takes seconds, as in a diagnosis: answers in the store, and
    voters whose models are on this machine already, without the re-ranker.
    """

    def __init__(self, desk: Desk, quick: bool = False) -> None:
        self.desk, self.task, self.quick = desk, desk.task, quick
        self.kind = self.task.spec.output.kind
        self._voters: Counter[str] = Counter()

    async def doubt(self, first: Sequence[Example] = ()) -> Doubts:
        """Ask all voters. first: examples that must be among those asked (a diagnosis')."""
        chosen = self._chosen(first)
        ballots = self._ballots(chosen)
        self._answered(ballots)
        self._twins(ballots)
        if self.kind in ("label", "json"):
            await self._classes(ballots)
        if self.kind in ("text", "json") and self.task.has_knowledge:
            await self._read(ballots)
        doubts = count([b for b in ballots if b.votes], self.kind)
        suspects = self._queue(doubts, len(chosen))
        return Doubts(suspects, chosen, tuple(self._voters), self.quick)

    def _chosen(self, first: Sequence[Example]) -> tuple[Example, ...]:
        dev = self.task.split("dev")
        pool = [*first, *self.task.split("train"), *(cut_dev(self.task)[0] if self.quick else dev)]
        unique = {e.id: e for e in pool if e.reference is not None and e.reference != ""}
        rows = list(unique.values())
        return tuple(rows[: len(first) + QUICK] if self.quick else rows)

    def _ballots(self, examples: Sequence[Example]) -> list[Ballot]:
        if self.kind != "json":
            return [Ballot(e, e.references[0]) for e in examples if e.references]
        found = []
        for example in examples:
            for data in wanted(example)[:1]:
                if isinstance(data, dict):
                    found += [
                        Ballot(example, value, _name(path)) for path, value in leaves(data) if path
                    ]
        return found

    def _vote(self, ballot: Ballot, vote: Vote) -> None:
        ballot.votes.append(vote)
        self._voters[vote.voter] += 1

    # --- the voters -----------------------------------------------------------------------------

    def _answered(self, ballots: Sequence[Ballot]) -> None:
        """The chat models' own answers, as far as they are in the store."""
        explore = {e.id for e in (*self.task.split("train"), *cut_dev(self.task)[0])}
        unique = {b.example.id: b.example for b in ballots if b.example.id in explore}
        found = answers.kept(self.desk.store, self.task, list(unique.values()))
        roots = {
            model: weights.root
            for model in {m for by_model in found.values() for m in by_model}
            if (weights := weights_of(model, self.task.folder)) is not None
        }
        for ballot in ballots:
            for model, records in found.get(ballot.example.id, {}).items():
                said = [s for r in records if (s := answers.said(r, self.kind)) is not None]
                if ballot.path:
                    said = answers.field_of(said, ballot.path.split("."))
                if said:
                    self._vote(ballot, self._one(ballot, model, roots[model], said))

    def _one(self, ballot: Ballot, model: str, root: str, said: Sequence[Any]) -> Vote:
        """A model's answers as one vote: how many of them are not the reference, and the answer
        most of them give."""
        fits = [any(same(self.kind, s, r) for r in self._right(ballot)) for s in said]
        most = max(said, key=lambda s: sum(same(self.kind, s, t) for t in said))
        return Vote(model, root, 1 - sum(fits) / len(fits), most, self._borne(ballot.example, most))

    def _right(self, ballot: Ballot) -> Sequence[Any]:
        return (ballot.reference,) if ballot.path else ballot.example.references

    def _borne(self, example: Example, answer: Any) -> bool:
        """Whether the evidence holds an answer. Labels and fields are judged by the input."""
        if self.kind != "text" or not self.task.has_knowledge:
            return True
        return bears(self._evidence(example), str(answer))

    def _evidence(self, example: Example) -> str:
        known = [e for e in example.evidence if e.document and ":" not in e.document]
        if not known:
            return ""
        found = self.desk.parts.knowledge().passages_of(known, EVIDENCE)
        return "\n\n".join(p.text for p in found)[:LONGEST]

    def _twins(self, ballots: Sequence[Ballot]) -> None:
        """Examples that ask the same and want different answers. No model: a conflict alone does
        not say which of them is wrong."""
        by_field: dict[str, list[Ballot]] = defaultdict(list)
        for ballot in ballots:
            by_field[ballot.path].append(ballot)
        for group in by_field.values():
            for numbers in twins([self._asked(b.example) for b in group]).same:
                alike = [group[n] for n in numbers]
                for ballot in alike:
                    others = [b.reference for b in alike if b is not ballot]
                    against = [o for o in others if not same(self.kind, o, ballot.reference)]
                    values = {str(o): o for o in against}
                    says = Counter(map(str, against)).most_common(1)
                    share = len(against) / len(others)
                    own = values[says[0][0]] if says else None
                    self._vote(ballot, Vote("duplicates", "", share, own))

    def _asked(self, example: Example) -> str:
        """All of the input's text: what its own instructions say may decide the answer."""
        history = example.history
        return "\n".join([with_turns(history, example.question), *instructions(history)])

    async def _classes(self, ballots: Sequence[Ballot]) -> None:
        """Labels, and fields of few values, by what stands near."""
        by_field: dict[str, list[Ballot]] = defaultdict(list)
        for ballot in ballots:
            by_field[ballot.path].append(ballot)
        chosen = [group for name, group in by_field.items() if not name or _few(group)]
        name = self.task.spec.models.embed
        if not chosen or not self._here(name):
            return
        texts = list(dict.fromkeys(self._asked(b.example) for group in chosen for b in group))
        vectors = await self.desk.embed(name, texts, "passage")
        row = {text: i for i, text in enumerate(texts)}
        for group in chosen:
            x = vectors[[row[self._asked(b.example)] for b in group]]
            labels = [str(b.reference) for b in group]
            groups = [b.example.cluster for b in group]
            await asyncio.to_thread(self._near, group, x, labels, groups, name)

    def _near(
        self, group: Sequence[Ballot], x: Any, labels: list[str], groups: list[str], model: str
    ) -> None:
        names = nearby.names_of(labels)
        values = {str(b.reference): b.reference for b in group}  # a number stays a number
        voters = {
            "classifier": nearby.classified(x, labels, groups),
            "neighbours": nearby.neighboured(x, labels, groups),
        }
        for i, (ballot, label) in enumerate(zip(group, labels, strict=True)):
            for voter, chances in voters.items():
                own = chances[i, names.index(label)]
                if not np.isnan(own):
                    says = names[int(np.argmax(chances[i]))]
                    self._vote(ballot, Vote(voter, model, 1 - float(own), values[says]))

    async def _read(self, ballots: Sequence[Ballot]) -> None:
        """Whether the reference stands in the evidence, and which piece a reader would take."""
        texts = [self._evidence(b.example) for b in ballots]
        known = [(b, t) for b, t in zip(ballots, texts, strict=True) if t]
        asked = await asyncio.to_thread(
            lambda: [
                reader.ask(b.example.question, t, [str(r) for r in self._right(b)])
                for b, t in known
            ]
        )
        stands = [bool(a.right) for a in asked]
        if not stands or sum(stands) < EXTRACTED * len(stands):
            return  # answers are written, not taken from the text
        for (ballot, _), there in zip(known, stands, strict=True):
            self._vote(ballot, Vote("evidence", "", float(not there)))
        model = "reader"
        if not self.quick and self._here(self.task.spec.models.rerank):
            for one in asked:
                one.more = await self._ranked(one)
            model = f"reader with {self.task.spec.models.rerank}"
        groups = [b.example.cluster for b, _ in known]
        read = await asyncio.to_thread(reader.doubts, asked, groups)
        for (ballot, _), found in zip(known, read, strict=True):
            if found is not None:
                self._vote(ballot, Vote("reader", model, found.against, found.best))

    async def _ranked(self, asked: reader.Asked) -> Any:
        """Columns for the reader: what a re-ranker says of the sentence that a piece stands in."""
        spans = sentence_spans(asked.text) or [(0, len(asked.text))]
        name = self.task.spec.models.rerank
        scores = np.array(
            await self.desk.rerank(name, asked.question, [asked.text[a:b] for a, b in spans])
        )
        return ranked(asked, spans, scores)

    def _here(self, name: str) -> bool:
        """Whether a model may be asked: always, unless it must be quick. Then a model that must be
        fetched, or a service that costs, is not."""
        if not self.quick or name.startswith("scripted/"):
            return True
        return any(e.name == name for e in ENTRIES) and pull.status(name).present

    # --- the queue ------------------------------------------------------------------------------

    def _queue(self, doubts: Sequence[Doubt], total: int) -> tuple[Suspect, ...]:
        by_example: dict[str, list[Doubt]] = defaultdict(list)
        for doubt in doubts:
            by_example[doubt.ballot.example.id].append(doubt)
        made = [_suspect(rows) for rows in by_example.values()]
        found = sorted((s for s in made if s is not None), key=lambda s: (-s.doubt, s.example))
        most = max(10, round(QUEUED * total))
        # Below the share before any vote, the votes speak for the reference.
        return tuple(s for i, s in enumerate(found) if s.agreed or (i < most and s.doubt > NOISE))


def ranked(asked: reader.Asked, spans: Sequence[tuple[int, int]], scores: Any) -> Any:
    """A sentence's scores by a re-ranker as columns of the pieces in it: its share among the
    sentences, its distance from the best, whether it is the best."""
    shares = softmax(scores)
    at = [next((i for i, (a, b) in enumerate(spans) if a <= p.start < b), 0) for p in asked.choices]
    columns = [[shares[i], scores[i] - scores.max(), float(scores[i] == scores.max())] for i in at]
    return np.array(columns, dtype=np.float64).reshape(len(at), 3)


def _suspect(rows: Sequence[Doubt]) -> Suspect | None:
    """One example's doubts as one suspect; None where no voter is against its reference."""
    against = [d for d in rows if any(v.against >= 0.5 for v in d.ballot.votes)]
    if not against:
        return None
    worst = max(against, key=lambda d: (d.agreed, d.chance))
    example = worst.ballot.example
    proposed = worst.says
    if worst.ballot.path:
        changed = [d for d in against if d.agreed] or [worst]
        proposed = before = wanted(example)[0]
        for doubt in changed:
            if doubt.says is not None:
                proposed = _with(proposed, doubt.ballot.path.split("."), doubt.says)
        proposed = None if proposed == before else proposed
    return Suspect(
        example=example.id, fingerprint=example.fingerprint, reference=example.reference,
        proposed=proposed, doubt=round(max(d.chance for d in against), 6),
        votes={v.voter: _told(v) for v in worst.ballot.votes}, why=_why(worst),
        agreed=worst.agreed,
    )  # fmt: skip


def _told(vote: Vote) -> Any:
    return {"says": vote.says, "against": round(vote.against, 3)}


def _why(doubt: Doubt) -> str:
    field = f"{doubt.ballot.path}: " if doubt.ballot.path else ""
    named = [v.voter for v in doubt.ballot.votes if v.against >= 0.5]
    if doubt.agreed:
        return (f"{field}two different models agree on {str(doubt.says)[:80]!r}, and the evidence"
                " bears it")  # fmt: skip
    if named == ["duplicates"]:
        return f"{field}another example asks the same and wants {str(doubt.says)[:80]!r}"
    if named == ["evidence"]:
        return f"{field}the reference does not stand in its evidence"
    instead = f", for {str(doubt.says)[:80]!r}" if doubt.says is not None else ""
    return f"{field}against it: {', '.join(named)}{instead}"


def _few(group: Sequence[Ballot]) -> bool:
    values = {str(b.reference) for b in group}
    return 2 <= len(values) <= min(FEW, SHARE * len(group))


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _with(data: Any, path: Sequence[str], value: Any) -> Any:
    """A copy with the value at a path, where there is something now; a list's places are
    numbers."""

    def placed(now: Any) -> Any:
        return value if len(path) == 1 else _with(now, path[1:], value)

    if isinstance(data, list) and path[0].isdecimal() and int(path[0]) < len(data):
        at = int(path[0])
        return [*data[:at], placed(data[at]), *data[at + 1 :]]
    if isinstance(data, dict) and path[0] in data:
        return {**data, path[0]: placed(data[path[0]])}
    return data


def keep_doubts(desk: Desk, found: Doubts) -> tuple[Suspect, ...]:
    """Put the doubts into the store beside those of examples that were not asked now, and those
    that a person has ruled on, by which the ceiling knows what was in the queue."""
    task, asked = desk.task, {e.id for e in found.asked}
    known = {e.id: e.fingerprint for e in task.examples}
    before = [Suspect.model_validate(s) for s in desk.store.suspects()]
    fresh = {s.example: s for s in found.suspects}
    for old in before:
        ruled = old.example in task.reviews.of
        stands = known.get(old.example) == old.fingerprint
        # Who looked quickly did not ask all voters, and cannot clear what they found.
        missed = old.example not in asked or (found.quick and old.example not in fresh)
        if ruled or (stands and missed):
            fresh[old.example] = old
        elif (
            stands and found.quick and old.example in fresh
            and len(old.votes) > len(fresh[old.example].votes)
        ):  # fmt: skip
            agreed = old.agreed or fresh[old.example].agreed
            fresh[old.example] = old.model_copy(update={"agreed": agreed})
    desk.store.put_suspects([s.model_dump(mode="json") for s in fresh.values()])
    desk.store.flush()
    return tuple(fresh.values())


def noise(desk: Desk, examples: Sequence[Example]) -> LabelNoise | None:
    """The label noise among examples, by what the store holds."""
    return noise_among(desk.task, [Suspect.model_validate(s) for s in desk.store.suspects()],
                       examples)  # fmt: skip


def noise_among(
    task: Task, held: Sequence[Suspect], examples: Sequence[Example]
) -> LabelNoise | None:
    """The label noise among examples that have a reference, by suspects and people's verdicts."""
    known = {e.id: e for e in examples if e.reference is not None}
    ruled = {id: r for id, r in task.reviews.of.items() if id in known}
    standing = [
        s for s in held
        if s.example in known
        and (s.example in ruled or s.fingerprint == known[s.example].fingerprint)
    ]  # fmt: skip
    return noise_of(
        tuple(known),
        {s.example for s in standing},
        {s.example for s in standing if s.agreed},
        {id: r.verdict == "fix" and r.reference is not None for id, r in ruled.items()},
    )


__all__ = ["Doubter", "Doubts", "keep_doubts", "noise", "noise_among", "ranked"]
