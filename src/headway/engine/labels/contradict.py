"""Does the knowledge say two different things? Found by words, and only where much speaks for it.

A failure's answer stands in a sentence that is about the same thing as the evidence's, word for
word but for the value: another date, number or name where the reference stands. Both are among what
the search finds. What differs in anything else, such as the town or the grade it speaks of, is
another matter and no contradiction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from headway.core.protocols import Knowledge, Search
from headway.core.record import Passage, Record
from headway.core.sentences import sentence_spans
from headway.core.statements import content
from headway.core.task import Example
from headway.engine.labels.spans import kind_of
from headway.engine.run import asked_in
from headway.metrics.text import holds

DEEP = 10  # passages that the search must have both among
ALIKE = 0.7  # Jaccard of the two sentences' words, the values left out
LONGEST = 8  # words of an answer that is one value
_NAMED = re.compile(r"(?<!^)(?<![.?!] )\b[^\W\d_a-zß-ÿ]\w+|\b\w*\d\w*\b")

Span = tuple[str, int, int]


async def contradiction(
    example: Example, record: Record, spans: Sequence[Span], knowledge: Knowledge, how: Search
) -> str:
    """What contradicts the evidence, as a sentence; empty where nothing does, or nothing is sure.

    spans: where the evidence stands.
    """
    answer = (record.answer or "").strip().rstrip(".")
    if record.abstained or not answer or len(answer.split()) > LONGEST:
        return ""
    wanted = next((r for r in example.references if r.strip()), "")
    if not wanted or holds(answer, wanted) or holds(wanted, answer):
        return ""
    if kind_of(answer) != kind_of(wanted):
        return ""
    around = [_around(knowledge, span) for span in spans]
    evidence = [e for e in around if e is not None and holds(e.text, wanted)]
    if not evidence:
        return ""
    asked = asked_in(record, example)
    found = [*await knowledge.search(asked, replace(how, k=DEEP)), *record.passages]
    for own in evidence:
        if not any(_touch(own, p) for p in found) or holds(own.text, answer):
            continue
        for passage in found:
            if not _touch(own, passage) and _says(passage, answer, own, wanted, asked):
                return (f"{own.document} says {wanted[:60]!r},"
                        f" {passage.document} says {answer[:60]!r}")  # fmt: skip
    return ""


def _around(knowledge: Knowledge, span: Span) -> Passage | None:
    """The sentences that a span touches."""
    document, start, end = span
    text = knowledge.document(document)
    if text is None:
        return None
    touched = [(a, b) for a, b in sentence_spans(text) if a < end and start < b]
    if not touched or touched[-1][1] - touched[0][0] > 1000:
        return None
    first, last = touched[0][0], touched[-1][1]
    return Passage(document, text[first:last], first, last)


def _says(passage: Passage, answer: str, own: Passage, wanted: str, question: str) -> bool:
    """Whether the passage says the answer of what the evidence says the reference of."""
    about = f"{passage.title} {passage.section} {passage.text}"
    if any(not holds(about, name) for name in _NAMED.findall(question)):
        return False
    for a, b in sentence_spans(passage.text):
        sentence = passage.text[a:b]
        if not holds(sentence, answer) or holds(sentence, wanted):
            continue
        for c, d in sentence_spans(own.text):
            if holds(own.text[c:d], wanted) and _alike(sentence, answer, own.text[c:d], wanted):
                return True
    return False


def _alike(one: str, value: str, other: str, wanted: str) -> bool:
    left, right = content(one) - content(value), content(other) - content(wanted)
    return bool(left | right) and len(left & right) >= ALIKE * len(left | right)


def _touch(a: Passage, b: Passage) -> bool:
    return a.document == b.document and a.start < b.end and b.start < a.end
