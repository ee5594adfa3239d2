"""A light reader, trained out of fold on the task's own references: which piece of the evidence
answers the question?

A conditional logit (McFadden, 1974, "Conditional logit analysis of qualitative choice behavior")
over the pieces of an example's evidence, on features that are words and places only: no weights
but a few dozen, trained in a second, so that it can be asked of every example. Its probability for
a reference that it was not trained on is its vote. Of the references that train it, some are wrong
too; a few in a hundred move so small a model little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from headway.core.sentences import sentence_spans
from headway.core.statements import content
from headway.engine.labels.spans import Piece, kind_of, pieces

Matrix = NDArray[np.float64]
FOLDS = 5
LEAST = 30  # questions that a reader is trained on
PENALTY = 1.0  # of the squared weights
KINDS = ("date", "number", "name", "phrase")
NEAR = 6.0  # words over which nearness to the question's words falls by a factor e
# What a question asks for, by its words; the first that fits, and the last fits all.
_ASKED = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("date", r"\b(?:when|what (?:year|date|day|month|century|decade)|which year|wann)\b"
                 r"|in welchem jahr|何时|哪年|什么时候"),
        ("number", r"\b(?:how (?:many|much|long|old|far|tall|high|large|often)"
                   r"|what (?:percent\w*|number|amount|score)|wie ?viele?"
                   r"|wie (?:lange|hoch|alt|weit))\b|多少|几"),
        ("who", r"\b(?:who|whom|whose|wer|wem|wen)\b|谁"),
        ("where", r"\b(?:where|what (?:city|country|state|place|town)|wo|wohin)\b|哪里|何处"),
        ("why", r"\b(?:why|how|warum|wie|weshalb)\b|为什么|如何"),
        ("what", ""),
    )
)  # fmt: skip
_TOKEN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\\W_]+")


@dataclass
class Asked:
    """One question over its evidence, ready to be read.

    choices: the pieces that could answer; features: one row each. more: columns that others add
    (what a re-ranker says of each piece), with the same number of rows.
    """

    question: str
    text: str
    choices: list[Piece]
    features: Matrix
    more: Matrix | None = None
    right: list[int] = field(default_factory=list)
    """Choices that are the reference."""

    def table(self) -> Matrix:
        """All features."""
        return self.features if self.more is None else np.hstack([self.features, self.more])


def find(text: str, answers: Sequence[str]) -> list[tuple[int, int]]:
    """Where acceptable answers stand in a text, as whole words; all of them."""
    found = []
    for answer in answers:
        body = r"\s+".join(re.escape(word) for word in answer.split())
        if not body:
            continue
        east = not answer.isascii()
        edge = "" if east else r"(?<!\w)", "" if east else r"(?!\w)"
        found += [m.span() for m in re.finditer(edge[0] + body + edge[1], text, re.IGNORECASE)]
    return found


def ask(question: str, text: str, answers: Sequence[str]) -> Asked:
    """A question made ready. A reference that is no piece by the rules is added as one."""
    places = find(text, answers)
    choices = pieces(text)
    known = {(p.start, p.end) for p in choices}
    for start, end in places:
        if (start, end) not in known:
            choices.append(Piece(text[start:end], start, end, kind_of(text[start:end])))
    right = [i for i, p in enumerate(choices) if (p.start, p.end) in set(places)]
    return Asked(question, text, choices, _features(question, text, choices), right=right)


def _features(question: str, text: str, choices: Sequence[Piece]) -> Matrix:
    """Rows of: the share of the question's words in the piece's sentence; the same around it, by
    nearness; words of the piece that stand in the question; its length; the kind that is asked
    for, crossed with the piece's kind."""
    wanted = content(question)
    spans = sentence_spans(text) or [(0, len(text))]
    share = [len(content(text[a:b]) & wanted) / max(1, len(wanted)) for a, b in spans]
    top = max(share) or 1.0
    tokens = [(m.start(), m.end(), content(m[0])) for m in _TOKEN.finditer(text)]
    hits = [(n, a, b, words) for n, (a, b, words) in enumerate(tokens) if words & wanted]
    starts = np.array([a for a, _, _ in tokens] or [0])
    kinds = _crossed(question)
    rows = []
    for piece in choices:
        own = content(piece.text)
        at = next((i for i, (a, b) in enumerate(spans) if a <= piece.start < b), 0)
        first = int(np.searchsorted(starts, piece.start))
        last = max(first, int(np.searchsorted(starts, piece.end)) - 1)
        best: dict[str, float] = {}
        for n, a, b, words in hits:
            if piece.touches(a, b):
                continue
            away = first - n if n < first else n - last
            inside = spans[at][0] <= a < spans[at][1]
            near = float(np.exp(-away / NEAR)) * (1.0 if inside else 0.5)
            for word in words & wanted:
                best[word] = max(best.get(word, 0.0), near)
        length = len(piece.text.split())
        rows.append(
            [
                share[at] / top,
                share[at],
                float(share[at] == top),
                sum(best.values()) / max(1, len(wanted)),
                len(own & wanted) / max(1, len(own)),
                float(bool(own) and own <= wanted),
                np.log1p(length),
                float(length > 4),
                *kinds[piece.kind],
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(len(choices), -1)


def _crossed(question: str) -> dict[str, list[float]]:
    asked = next(i for i, (_, pattern) in enumerate(_ASKED) if pattern.search(question))
    made = {}
    for k, kind in enumerate(KINDS):
        row = [0.0] * (len(_ASKED) * len(KINDS))
        row[asked * len(KINDS) + k] = 1.0
        made[kind] = row
    return made


@dataclass(frozen=True)
class Reader:
    """Weights over the features, with what centres and scales them."""

    weights: Matrix
    mean: Matrix
    scale: Matrix

    @classmethod
    def train(cls, questions: Sequence[Asked], penalty: float = PENALTY) -> Reader | None:
        """Fit on questions whose reference stands in the text; None with fewer than LEAST."""
        used = [q for q in questions if q.right and len(q.right) < len(q.choices)]
        if len(used) < LEAST:
            return None
        tables = [q.table() for q in used]
        stacked = np.vstack(tables)
        mean, scale = stacked.mean(axis=0), stacked.std(axis=0)
        scale[scale < 1e-9] = 1.0
        rows = [(t - mean) / scale for t in tables]
        rights = [_right(q) for q in used]
        ends = np.cumsum([0, *map(len, rows)])
        x, right = np.vstack(rows), np.concatenate(rights)

        begin, sizes = ends[:-1], np.diff(ends)

        def log_sum(scores: Matrix) -> Matrix:
            """One logarithm of a sum of exponentials a question, repeated for its choices."""
            high = np.maximum.reduceat(scores, begin)
            total = np.add.reduceat(np.exp(scores - np.repeat(high, sizes)), begin)
            return np.asarray(np.repeat(high + np.log(total), sizes))

        def loss(weights: Matrix) -> tuple[float, Matrix]:
            scores = x @ weights
            whole, good = log_sum(scores), log_sum(np.where(right, scores, -1e9))
            pull = np.exp(scores - whole) - np.where(right, np.exp(scores - good), 0.0)
            value = float((whole - good)[begin].sum()) + 0.5 * penalty * float(weights @ weights)
            return value, x.T @ pull + penalty * weights

        found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
        return cls(found.x, mean, scale)

    def read(self, asked: Asked) -> Matrix:
        """The probability of each choice, shape (choices,)."""
        return np.asarray(softmax(((asked.table() - self.mean) / self.scale) @ self.weights))


def _right(asked: Asked) -> NDArray[np.bool_]:
    """Choices that are the reference. What overlaps it is neither right nor wrong, and is counted
    as right: "1870 to 1939" and "1870" are one answer to a reader so coarse."""
    spans = [(asked.choices[i].start, asked.choices[i].end) for i in asked.right]
    return np.array([any(p.touches(a, b) for a, b in spans) for p in asked.choices])


@dataclass(frozen=True)
class Read:
    """What a reader says of one example that it was not trained on. against: the probability of
    all that is not the reference; best: its own answer among those, with the probability."""

    against: float
    best: str
    sure: float


def doubts(
    questions: Sequence[Asked], groups: Sequence[str], folds: int = FOLDS
) -> list[Read | None]:
    """The reader's vote on each reference, out of fold by group; None where the reference does not
    stand in the evidence, or there is too little to train on."""
    names = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    fold = [names[g] % folds for g in groups]
    found: list[Read | None] = [None] * len(questions)
    for held in range(folds):
        reader = Reader.train([q for q, f in zip(questions, fold, strict=True) if f != held])
        if reader is None:
            continue
        for i, asked in enumerate(questions):
            if fold[i] == held and asked.right:
                found[i] = _read(reader, asked)
    return found


def _read(reader: Reader, asked: Asked) -> Read | None:
    chances, right = reader.read(asked), _right(asked)
    others = np.where(right, 0.0, chances)
    if not len(others) or right.all():
        return None
    at = int(np.argmax(others))
    return Read(float(others.sum()), asked.choices[at].text, float(others[at]))
