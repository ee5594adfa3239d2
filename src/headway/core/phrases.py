"""Whether a text repeats words of examples: a prompt that holds answers of `train` has learnt
them by heart, and a score on questions like those says nothing of new ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from headway.core.task import Example

RUN = 5  # words of an answer in a row that are no chance any more
ASKED = 6  # the same of a question or a passage: they hold more of common language
COMMON = 0.01  # share of the groups above which a phrase belongs to the task and not to an example
_WORD = re.compile(r"\w+(?:[.,:]\d+)*")

Phrase = tuple[str, ...]


class Copies:
    """The phrases of some examples: of references and evidence every RUN words in a row, and a
    shorter one as a whole (of a single word only where it is a name or a number); of inputs, and of
    `texts` such as passages, every ASKED words.

    said: what may be repeated, since the task says it itself. What stands in more than COMMON of
    the groups, and in more than two, is how such questions are put, and may be repeated too.
    """

    def __init__(
        self, examples: Sequence[Example], said: Iterable[str], texts: Iterable[str] = ()
    ) -> None:
        self._said = " ".join(f" {' '.join(_words(text))} " for text in said)
        groups: dict[str, list[Example]] = {}
        for example in examples:
            groups.setdefault(example.cluster, []).append(example)
        phrases, names = Counter[Phrase](), Counter[str]()
        for group in groups.values():
            phrases.update({phrase for example in group for phrase in _phrases_of(example)})
            names.update({name for example in group for name in _names_of(example)})
        most = max(2, int(COMMON * len(groups)))
        self._rare = {phrase for phrase, held in phrases.items() if held <= most}
        self._names = {name for name, held in names.items() if held <= most}
        for text in texts:
            self._rare.update(_runs(_words(text), ASKED))
        self._lengths = sorted({len(phrase) for phrase in self._rare}, reverse=True)

    def of(self, text: str) -> list[str]:
        """The phrases of the examples that stand in a text, in its order and folded to lower
        case, those that overlap as one; then the names and numbers."""
        words = _words(text)
        held = [False] * len(words)
        for length in self._lengths:
            for at, phrase in enumerate(_runs(words, length)):
                if phrase in self._rare and f" {' '.join(phrase)} " not in self._said:
                    held[at : at + length] = [True] * length
        found = [" ".join(run) for run in _joined(words, held)]
        single = [
            name
            for name in sorted(self._names & set(_WORD.findall(text)))
            if f" {name.casefold()} " not in self._said
            and not any(f" {name.casefold()} " in f" {run} " for run in found)
        ]
        return found + single


def _phrases_of(example: Example) -> Iterator[Phrase]:
    for text in _strings(example.inputs):
        yield from _runs(_words(text), ASKED)
    for text in (*_strings(example.reference), *(e.text or "" for e in example.evidence)):
        words = _words(text)
        if 2 <= len(words) < RUN:
            yield tuple(words)
        yield from _runs(words, RUN)


def _names_of(example: Example) -> Iterator[str]:
    """References of one word that stand for one thing: with a capital, or of three signs or more
    with a figure among them."""
    for text in _strings(example.reference):
        words = _WORD.findall(text)
        if len(words) == 1:
            word = words[0]
            figure = len(word) >= 3 and any(c.isdigit() for c in word)
            if figure or (len(word) >= 3 and word[:1].isupper()):
                yield word


def _strings(value: Any) -> Iterator[str]:
    """All texts and numbers of plain data."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _runs(words: Sequence[str], length: int) -> Iterator[Phrase]:
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))


def _joined(words: Sequence[str], held: Sequence[bool]) -> Iterator[list[str]]:
    run: list[str] = []
    for word, is_held in zip(words, held, strict=True):
        if is_held:
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run
