"""What is thrown away of what a model wrote, and why: each reason is counted and told."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from headway.core.conversation import with_turns
from headway.core.protocols import Vectors
from headway.core.statements import holds_figures
from headway.core.task import Example
from headway.engine.check_twins import words
from headway.metrics.text import f1, holds

REASONS = {
    "malformed": "not what was asked for: no JSON, no question, or far too long",
    "points_at_passage": "makes sense only with the passage in view",
    "other_subject": "names what the passage does not",
    "copies_quote": "repeats the sentence that answers it",
    "holds_answer": "gives its answer away",
    "no_answer": "the model found no answer to its own question",
    "quote_not_found": "the quote does not stand word for word in the document",
    "no_figure": "its answer holds no figure of the quote",
    "not_supported": "asked again with the quote alone, the answer is another",
    "one_is_enough": "one of the two passages answers it alone",
    "answerable": "meant to have no answer, and a passage that is near gives one",
    "duplicate": "asks nearly what another example asks",
    "too_long": "does not fit the model",
    "lost": "the model did not answer",
}

QUESTION_WORDS, ANSWER_WORDS = 50, 40  # at most
RUN, RUN_SHARE = 7, 0.7  # words in a row, or a share of the question, that copy the quote
NEAR = 0.8  # Jaccard of pairs of words, as `check` has it
# Cosine of two questions that ask nearly the same. Of 300 questions of examples/handbook (44,850
# pairs, bge-small-en) the nearest two about different facts are at 0.93.
SAME = 0.95
LONGEST = 2_000  # characters of a conversation that are compared: about what the models embed

NOUNS = 0.2  # words with a capital: a tenth in English prose, a third in German

_POINTS = re.compile(
    r"\b(?:the|this|that|these|above|given|following|provided|quoted)\s+(?:\w+\s+)?"
    r"(?:passages?|texts?|excerpts?|paragraphs?|extracts?|snippets?|contexts?|sentences?)\b"
    r"|\b(?:this|above|given|following|provided)\s+(?:\w+\s+)?"
    r"(?:documents?|articles?|sections?|tables?|pages?|handbook|manual|policy)\b"
    r"|\b(?:according to|mentioned in|stated in|described in|based on)\s+the\s+(?:\w+\s+)?"
    r"(?:documents?|articles?|sections?|tables?|pages?)\b"
    r"|\b(?:im|dem|diesem|den|dieser|obigen)\s+(?:\w+\s+)?"
    r"(?:Text|Absatz|Abschnitt|Auszug|Dokument|Satz|Tabelle)\b"
    r"|(?:上述|本文|这段|该段|文中)",
    re.IGNORECASE,
)
_VAGUE = frozenset(
    words(
        "what which who whom whose when where why how is are was were do does did can could may"
        " must should will would it its he she they them their this that these those there the a"
        " an of in on at to for from by with and or not no many much long often far be been has"
        " have had you i we one any some if used use mean means happen happens"
    )
)


def question_problem(question: str, about: str, shown: str = "") -> str | None:
    """Why a question is thrown away before it is answered; None where it may be asked.

    about: the sentences it is about. shown: all that its writer was shown of the documents: what
    it names must stand there (a small model asks about the example it was shown).
    """
    asked = words(question)
    if not question.rstrip(" \"'”»").endswith(("?", "？", "؟")):
        return "malformed"
    if not 3 <= len(asked) <= QUESTION_WORDS and question.isascii():
        return "malformed"
    if _POINTS.search(question) or all(w in _VAGUE for w in asked):
        return "points_at_passage"
    if shown and not _named_in(question, shown) <= set(words(shown)):
        return "other_subject"
    run = longest_run(asked, words(about))
    if run >= RUN or (run >= 4 and run >= RUN_SHARE * len(asked)):
        return "copies_quote"
    return None


def longest_run(one: Sequence[str], other: Sequence[str]) -> int:
    """The most words in a row that stand in both."""
    best, before = 0, [0] * (len(other) + 1)
    for a in one:
        row = [0] * (len(other) + 1)
        for at, b in enumerate(other, start=1):
            if a == b:
                row[at] = before[at - 1] + 1
                best = max(best, row[at])
        before = row
    return best


def gives_away(question: str, answer: str) -> bool:
    """Whether the question holds its answer. One that names what to choose from must: there the
    answer stands beside an "or"."""
    said = re.escape(answer.strip())
    conjunction = r"(?:or|oder|ou|o|of|还是)"
    chosen = re.search(
        rf"\b{conjunction}\s+(?:\w+\s+)?{said}|{said},?\s+{conjunction}\b|还是\s*{said}|{said}\s*还是",
        question, re.IGNORECASE,
    )  # fmt: skip
    return bool(holds(question, answer)) and not chosen


def agree(one: str, other: str) -> bool:
    """Whether two answers to one question say the same: the same figures, and either half of the
    words in common or one inside the other."""
    if not one.strip() or not other.strip():
        return False
    if not (holds_figures(one, other) and holds_figures(other, one)):
        return False
    return f1(one, other) >= 0.5 or bool(holds(one, other)) or bool(holds(other, one))


def asks(example: Example) -> str:
    """What an example asks, for comparing: the question, and of a conversation its turns too."""
    return with_turns(example.history, example.question)[:LONGEST]


class Known:
    """Questions (`asks`) that are there already, and drafts as they are kept: near-duplicates by
    words and by meaning."""

    def __init__(self, questions: Sequence[str], vectors: Vectors) -> None:
        self._questions = list(questions)
        self._pairs = [_pairs(question) for question in questions]
        self._vectors = vectors

    def near(self, question: str, vector: Vectors) -> bool:
        """Whether another asks nearly the same. vector: the question's, of shape (dimension,)."""
        if not self._questions:
            return False
        own = _pairs(question)
        close = {int(i) for i in np.flatnonzero(self._vectors @ vector >= SAME)}
        for at, other in enumerate(self._pairs):
            if own == other:
                return True
            # Two questions of one form differ in names and figures alone, and their words and
            # vectors then hardly: what tells them apart is looked at.
            alike = at in close or len(own & other) >= NEAR * len(own | other)
            if alike and not _told_apart(question, self._questions[at]):
                return True
        return False

    def add(self, question: str, vector: Vectors) -> None:
        """A draft that is kept."""
        self._questions.append(question)
        self._pairs.append(_pairs(question))
        row = vector.reshape(1, -1)
        self._vectors = row if not len(self._vectors) else np.vstack([self._vectors, row])


def _pairs(question: str) -> frozenset[tuple[str, str]]:
    found = words(question)
    return frozenset(zip(("", *found), (*found, ""), strict=True))


def _told_apart(one: str, other: str) -> bool:
    """Whether names or figures differ: words with a capital or a figure, the first word aside."""

    return _names(one) != _names(other)


def _named_in(question: str, shown: str) -> set[str]:
    """What a question names; only its figures where the language gives every noun a capital."""
    found = re.findall(r"\w+", shown)
    nouns = sum(w[:1].isupper() for w in found) > NOUNS * len(found)
    return {n for n in _names(question) if not nouns or any(c.isdigit() for c in n)}


def _names(text: str) -> set[str]:
    found = re.findall(r"\w+", text)[1:]
    return {w.casefold() for w in found if w[:1].isupper() or any(c.isdigit() for c in w)}
