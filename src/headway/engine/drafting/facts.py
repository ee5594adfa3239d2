"""What drafts are written about: one sentence of a document at a time, spread over documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from headway.core.protocols import Knowledge, Search
from headway.core.record import Passage
from headway.core.sentences import sentence_spans
from headway.core.task import Evidence, Example, fraction
from headway.knowledge.cut import cut, token_spans

PASSAGE = Search(tokens=120, overlap=0, unit="sentences", k=12)
"""What a writer is shown around a fact, and what partners are searched among."""
SHORTEST, LONGEST = 8, 70  # tokens of a sentence that says one thing
FIGURE = re.compile(r"\d")
ROW = re.compile(r"[ \t]*\|")
_NO_FACT = re.compile(r"\s*(?:#|\||>|!\[|```|---)")


@dataclass(frozen=True)
class Fact:
    """One sentence (start, end) of a document, and the passage it stands in."""

    passage: Passage
    start: int
    end: int

    @property
    def document(self) -> str:
        """The document's name."""
        return self.passage.document

    @property
    def text(self) -> str:
        """The sentence."""
        first = self.start - self.passage.start
        return self.passage.text[first : first + self.end - self.start]


def whole(knowledge: Knowledge, name: str) -> Passage | None:
    """A document as one passage, with its title; None where it holds nothing."""
    found = knowledge.passages_of((Evidence(document=name),), Search(unit="document"))
    return found[0] if found else None


def facts_of(document: Passage) -> list[Fact]:
    """The sentences of a document that may be asked about, in order: prose, neither very short
    nor very long. Headings and rows of tables say little alone."""
    found = []
    for start, end in cut(document.text, PASSAGE.tokens, PASSAGE.overlap, PASSAGE.unit):
        inside = document.text[start:end]
        passage = Passage(document.document, inside, start, end, document.title)
        for first, last in sentence_spans(inside):
            said = inside[first:last]
            if _NO_FACT.match(said) or not SHORTEST <= len(token_spans(said)) <= LONGEST:
                continue
            found.append(Fact(passage, start + first, start + last))
    return found


class Facts:
    """Facts of all documents, each handed out once, no document twice before each once. seed: of
    their order."""

    def __init__(self, knowledge: Knowledge, seed: str) -> None:
        self._knowledge = knowledge
        self._seed = seed
        self._left: dict[str, list[Fact]] = {}
        self._taken: Counter[str] = Counter()
        self._rank = {name: fraction(f"draft:{seed}:{name}") for name in knowledge.names}

    def __len__(self) -> int:
        return len(self._rank)

    def take(self, figures: bool = False) -> Fact | None:
        """The next fact, with a figure in it if that is asked for; None where none is left."""
        for name in sorted(self._rank, key=lambda n: (self._taken[n], self._rank[n])):
            left = self._of(name)
            found = next((f for f in left if not figures or FIGURE.search(f.text)), None)
            if found is not None:
                left.remove(found)
                self._taken[name] += 1
                return found
        return None

    def use(self, name: str) -> None:
        """A document is used by a fact of another: it counts as handed out."""
        self._taken[name] += 1

    def _of(self, name: str) -> list[Fact]:
        if name not in self._left:
            document = whole(self._knowledge, name)
            facts = facts_of(document) if document else []
            facts.sort(key=lambda f: fraction(f"draft:{self._seed}:{name}:{f.start}"))
            self._left[name] = facts
        return self._left[name]


class Groups:
    """The group of each document's drafts, so that a split never tears them.

    A question over two documents needs both in one group, so documents are paired: at most two in
    a group, and none that is in another already, also from an earlier call. The same command again
    pairs the same documents, whichever drafts were kept: a group names one of its documents, so
    that a draft about the other tells of both, and of two documents it is the same who comes first.
    """

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._of: dict[str, str] = {}
        for example in examples:
            if example.group and (example.source or "").startswith("draft:"):
                self._of.setdefault(example.group, example.group)
                for evidence in example.evidence:
                    if evidence.document:
                        self._of.setdefault(evidence.document, example.group)

    def of(self, document: str) -> str:
        """The document's group; its own name from now on where it had none."""
        return self._of.setdefault(document, document)

    def may_pair(self, one: str, other: str) -> bool:
        """Whether both can be in one group."""
        groups = {self._of[name] for name in (one, other) if name in self._of}
        if one == other or (one in self._of and other in self._of):
            return len(groups) <= 1
        return all(Counter(self._of.values())[group] == 1 for group in groups)

    def pair(self, one: str, other: str) -> str:
        """Put both into one group: that of either, else the first one's name."""
        group = self._of.get(one) or self._of.get(other) or one
        self._of[one] = self._of[other] = group
        return group


def widened(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A quote's span as evidence: the whole sentences that it touches. Of a row of a table, the
    row and the table's first row, which says what its figures are."""
    inside = [(a, b) for a, b in sentence_spans(text) if a < end and start < b]
    span = (inside[0][0], inside[-1][1]) if inside else (start, end)
    line = text.rfind("\n", 0, span[0]) + 1
    if not ROW.match(text, line):
        return [span]
    head = line
    while head > 0:
        before = text.rfind("\n", 0, head - 1) + 1
        if not ROW.match(text, before):
            break
        head = before
    last = text.find("\n", head)
    return [span] if head == line or last < 0 else [(head, last), span]
