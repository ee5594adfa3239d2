"""Votes on a reference, the rule that makes it suspect, and the doubt that orders the queue.

A reference is suspect when at least two different models agree with the evidence and with each
other against it. Doubt is softer, and decides nothing: the chance that the reference is wrong, by
naive Bayes over one vote a model, as if models erred independently, which they do not quite.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

from headway.core.statements import holds_figures
from headway.core.task import Example
from headway.metrics.label import plain
from headway.metrics.text import holds

NOISE = 0.05  # share of wrong references before any vote; the queue's order hardly hangs on it
MISSED = 0.1  # chance that a vote agrees with a wrong reference


@dataclass(frozen=True)
class Vote:
    """What one voter says of one reference, which it was not trained on.

    voter: its name for a person. model: what it sees through, in whatever form (weights.py); voters
    of one model are one model to the rule, and an empty name is none. against: its chance that the
    reference is wrong. says: its own answer, None where it names none. borne: whether the evidence
    holds that answer; True where the input itself is the evidence.
    """

    voter: str
    model: str
    against: float
    says: Any = None
    borne: bool = True


@dataclass
class Ballot:
    """All votes on a reference, or on one field of it (path is empty for the whole)."""

    example: Example
    reference: Any
    path: str = ""
    votes: list[Vote] = field(default_factory=list)


@dataclass(frozen=True)
class Doubt:
    """What a ballot comes to. agreed: the rule holds. says: what the doubters agree on."""

    ballot: Ballot
    chance: float
    agreed: bool
    says: Any = None


def same(kind: str, a: Any, b: Any) -> bool:
    """Whether two answers say the same: labels and values of fields by their plain form, texts
    where one holds the other."""
    if kind != "text":
        return plain(_text(a)) == plain(_text(b))
    left, right = _text(a), _text(b)
    return bears(left, right) or bears(right, left)


def bears(whole: str, part: str) -> bool:
    """Whether a text holds another, its figures too: to `holds` 1.5 and 15 are one token."""
    return bool(holds(whole, part)) and holds_figures(whole, part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def count(ballots: Sequence[Ballot], kind: str) -> list[Doubt]:
    """What each ballot comes to, in order. A voter's reliability is how often it agrees with the
    references of these ballots, field by field: most of them are right."""
    agrees: dict[tuple[str, str], list[float]] = defaultdict(list)
    for ballot in ballots:
        for vote in ballot.votes:
            agrees[ballot.path, vote.voter].append(1.0 - vote.against)
    reliable = {key: (sum(v) + 1.0) / (len(v) + 2.0) for key, v in agrees.items()}
    return [_count(ballot, kind, reliable) for ballot in ballots]


def _count(ballot: Ballot, kind: str, reliable: Mapping[tuple[str, str], float]) -> Doubt:
    by_model: dict[str, list[float]] = defaultdict(list)
    for vote in ballot.votes:
        a = min(0.995, reliable[ballot.path, vote.voter])
        # Log-likelihood ratio of wrong to right: of a vote against, and of one for the reference.
        weight = vote.against * -log(1.0 - a) + (1.0 - vote.against) * log(min(1.0, MISSED / a))
        by_model[vote.model or vote.voter].append(weight)
    odds = log(NOISE / (1.0 - NOISE)) + sum(sum(w) / len(w) for w in by_model.values())
    doubters = [v for v in ballot.votes if v.says is not None and v.against >= 0.5]
    says = rule(doubters, kind)
    proposed = says if says is not None else _most(doubters, kind)
    return Doubt(ballot, 1.0 / (1.0 + exp(-odds)), says is not None, proposed)


def rule(doubters: Sequence[Vote], kind: str) -> Any:
    """The answer on which at least two different models agree, with the evidence behind it; None
    where there is none. doubters: votes against that name an answer."""
    for one in doubters:
        models = {v.model for v in doubters if v.model and v.borne and same(kind, v.says, one.says)}
        if one.borne and len(models) >= 2:
            return one.says
    return None


def _most(doubters: Sequence[Vote], kind: str) -> Any:
    """The answer of most doubters, of equals the surest's; None where there is none."""

    def backing(vote: Vote) -> float:
        return sum(v.against for v in doubters if same(kind, v.says, vote.says))

    return max(doubters, key=backing).says if doubters else None
