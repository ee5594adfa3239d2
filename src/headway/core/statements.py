"""What an answer says, statement by statement, and whether passages say it, by words and numbers.

The answer is split and each part held against the passages, as in Es et al., 2023, "RAGAS", here
without a large model: a free paraphrase may be called unsupported, and a wrong answer made of the
right words supported. This is the one place that judges so: the step `check`, the diagnosis and the
metrics of faithfulness all ask `Shown`. What was measured: bench/judges/FAITHFULNESS.md.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from headway.core.record import Passage
from headway.core.sentences import sentence_spans

PHRASE = 8  # words; an answer of one such sentence says little without its question
ITEM = 3  # words; what is no longer has no order that could be compared
SHARE = 0.6  # of a phrase's words that must stand in one passage
NEAREST = 2  # sentences of the passages that a statement is held against: it may join two
# Of a sentence, the mean of the shares of its words and of its pairs of neighbouring words that
# must stand there. By bench/judges/faithfulness.py on half of QAGS' articles: the least strict
# threshold that is within one standard error of the best.
WORDED = 0.85
RERANK = "embedded/minilm-l12"  # whose scores the weights below belong to
# Of the log-odds that a sentence is supported, by logistic regression on the same half: a constant,
# the share of copied pairs, the highest score.
WEIGHTS = (-4.64, 3.74, 0.22)
STEM = 6  # letters of a word that are compared, so that endings matter little

# Typographic forms as plain ones; marks of emphasis and characters without width go.
_FOLD: dict[int, str | None] = {
    **dict.fromkeys(map(ord, '"“”„‟«»‹›″‘’‚‛′´ʼ'), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "*_`\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")),
}
_NUMBER = r"\d+(?:[.,']\d+)*"
# Not the dash of a range ("5-10", "5%-10%"), of a word ("COVID-19") or of a list ("- 5 eggs").
_SIGN = r"(?:(?<![\w)\]}%°.,-])([-+‐‑‒–−])[$€£¥]?)?"
_SIGNED = re.compile(_SIGN + f"({_NUMBER})")
_SIGNED_WHOLE = re.compile(_SIGN + rf"(?<!\w)({_NUMBER})(?!\w)")
_POINT = re.compile(r"(?<![\w.,'])\.(?=\d)")
_SPACED = re.compile(r"(?<![\d.,'])\d{1,3}(?: \d{3})+(?![\d.,']*\d)")
_BROKEN = re.compile(r"(?<![\d.,'])\d{1,3}(?:, ?\d{3})+(?!\d)")
_WHOLE = re.compile(rf"(?<!\w){_NUMBER}(?!\w)")
_SPELLED = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_EAST = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff])")
_LETTERS = re.compile(r"[^\W_]+")
# Frequent words that say nothing by themselves; other languages' count, and stand everywhere.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """
        a about after all also am an and any are as at be been being but by can could d did do
        does for from had has have he her his how i if in into is it its may me more most must my
        no not of on or our s shall she should so some such t than that the their them then there
        these they this those to us was we were what when where which who whom whose why will with
        would yes you your
        """,
    )
)
_LEAD = re.compile(r"^\s*(?:[-+•]|\d{1,2}[.)])\s+")
_CITED = re.compile(r"\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")


def plain(text: str) -> str:
    """NFKC, no case, typographic quotes and dashes as plain ones, white space as single spaces,
    no marks of emphasis."""
    text = unicodedata.normalize("NFKC", text.translate(_FOLD))
    text = unicodedata.normalize("NFKC", text.casefold()).translate(_FOLD)
    return " ".join(text.split())


# --- numbers --------------------------------------------------------------------------------------


def numbers(text: str, signed: bool = False) -> list[frozenset[str]]:
    """The numbers of a text, each as the set of what it may mean: 1,240 and 1'240 are 1240, 3,5 is
    3.5, and 1.240 is 1240 or 1.24. signed: a minus counts. What is a minus and what a dash is a
    guess, so what looks a number up in passages does without."""
    found = []
    for sign, token in _SIGNED.findall(_even(text)):
        found += _read(token, sign if signed else "")
    return found


def figured(text: str) -> str:
    """The text with its numbers written one way, a minus as `-` and a plus left out: so what
    compares texts compares figures as figures. Of two readings, 1.240 is the smaller."""

    def written(match: re.Match[str]) -> str:
        return " ".join(min(readings) for readings in _read(match[2], match[1] or ""))

    return _SIGNED_WHOLE.sub(written, _even(text))


def holds_figures(text: str, other: str) -> bool:
    """Whether each number of `other` stands in the text, minus and all, however it is written."""
    held = _held(text, signed=True)
    ways = dict.fromkeys((other, mended(other)))
    return any(all(found & held for found in numbers(way, signed=True)) for way in ways)


def mended(text: str) -> str:
    """The text with "3, 500", as tokenized texts have it, written 3,500. In a list it may mean two
    numbers, so that what compares allows both."""
    return _BROKEN.sub(lambda match: match[0].replace(" ", ""), text)


def _even(text: str) -> str:
    """The text with digits, and what stands in numbers, of one form."""
    # No-break and thin spaces between digits part thousands; NFKC would make spaces of them.
    text = re.sub(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))", "'", text)
    text = unicodedata.normalize("NFKC", text).translate({ord("’"): "'"})
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = _SPACED.sub(lambda match: match[0].replace(" ", "'"), text)
    return _POINT.sub("0.", text)


def _read(token: str, sign: str = "") -> list[frozenset[str]]:
    """The numbers that are written without a space between them: one, or a list; a sign is the
    first one's."""
    if readings := _readings(token):
        found = [readings]
    elif "," in token or "'" in token:
        found = [_readings(part) or frozenset({part}) for part in re.split("[,']", token)]
    else:
        found = [frozenset({token})]  # 1.5.2 is a name
    if sign not in ("", "+"):
        found[0] = frozenset(value if value == "0" else f"-{value}" for value in found[0])
    return found


def _held(text: str, signed: bool = False) -> frozenset[str]:
    """All that the numbers of a text may mean, those in words too."""
    # "12 300" and "3, 500" are one number here, and two where the spaces part nothing.
    ways = (text, text.replace(" ", "  "), mended(text))
    spelled = (_SPELLED[word] for word in _LETTERS.findall(plain(text)) if word in _SPELLED)
    return frozenset(spelled).union(*(found for way in ways for found in numbers(way, signed)))


def _readings(token: str) -> frozenset[str]:
    found = set()
    for thousands, point in ((",", "."), ("'", "."), (".", ","), ("'", ",")):
        whole, mark, rest = token.partition(point)
        parts = whole.split(thousands)
        grouped = len(parts) > 1
        # 1,240 is hardly ever 1.24; 1.240 often is.
        fine = rest.isdigit() and (point == "." or len(rest) != 3 or grouped) if mark else True
        if not fine or not all(part.isdigit() for part in parts):
            continue
        if grouped and (parts[0][0] == "0" or len(parts[0]) > 3 or {*map(len, parts[1:])} != {3}):
            continue
        fraction = rest.rstrip("0")
        value = "".join(parts).lstrip("0") or "0"
        found.add(f"{value}.{fraction}" if fraction else value)
    return frozenset(found)


# --- statements -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that an answer says. own: its words in the answer; text: a sentence that can be
    judged alone, with the question before a short phrase."""

    own: str
    text: str

    @property
    def phrase(self) -> bool:
        """Whether it is too short to be compared by more than its single words."""
        return len(self.own.split()) <= (ITEM if self.own == self.text else PHRASE)


def statements(answer: Any, question: str) -> tuple[Statement, ...]:
    """What an answer says, a text or a JSON value: its sentences; a short one and each short value
    of a JSON object are made one statement with the question. true is yes, null says nothing."""
    if isinstance(answer, dict | list):
        return tuple(
            statement
            for name, value in _leaves(answer)
            if value.strip()
            for statement in _valued(value, f"{question} {name}:" if name else question)
        )
    text = _CITED.sub("", answer) if isinstance(answer, str) else str(answer)
    parts = _sentences(text)
    if len(parts) == 1 and len(parts[0].split()) <= PHRASE:
        return (Statement(parts[0], f"{question} {parts[0]}".strip()),)
    return tuple(Statement(part, part) for part in parts)


def _valued(value: str, before: str) -> list[Statement]:
    """A value of a JSON object; a long one by its sentences."""
    if len(value.split()) <= PHRASE:
        return [Statement(value, f"{before} {value}")]
    return [Statement(part, part) for part in _sentences(value)]


def _sentences(text: str) -> list[str]:
    found = [_LEAD.sub("", text[start:end]) for start, end in sentence_spans(text)]
    return [" ".join(part.split()) for part in found if _LETTERS.search(part)]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, str | int | float):
        yield name, str(value)


def content(text: str) -> frozenset[str]:
    """The words of a text that say something, by their first letters; no pure numbers. Each East
    Asian character is a word."""
    words = _LETTERS.findall(_EAST.sub(r" \1 ", plain(text)))
    return frozenset(_stem(w) for w in words if w not in _COMMON and not w.isdecimal())


def _stem(word: str) -> str:
    if not word.isalpha():
        return word  # a code: every character counts
    return word[: -1 if len(word) > 3 and word.endswith("s") else None][:STEM]


def _pairs(text: str) -> frozenset[tuple[str, ...]]:
    """Two words that stand side by side, as they are written; of a single word, that word. Numbers
    are the same however they are written."""
    text = _WHOLE.sub(_canonical, mended(_SPACED.sub(_joined, plain(text))))
    words = [_SPELLED.get(word, word) for word in _LETTERS.findall(_EAST.sub(r" \1 ", text))]
    return frozenset(pairwise(words)) if len(words) > 1 else frozenset((word,) for word in words)


def _joined(match: re.Match[str]) -> str:
    return match[0].replace(" ", "")


def _canonical(match: re.Match[str]) -> str:
    return min(_readings(match[0]), default=match[0])


Rerank = Callable[[str, Sequence[str]], Awaitable[list[float]]]
"""The scores that RERANK gives texts for a query, in order."""


class Shown:
    """Passages made ready for many statements."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        texts = [f"{p.title}\n{p.text}" for p in passages]
        self.texts = texts
        self._words = [content(text) for text in texts]
        self._numbers = frozenset[str]().union(*map(_held, texts))

    def say(self, statement: Statement) -> bool | None:
        """Whether the passages say it, by its words and numbers: all of its numbers stand in them,
        and of a sentence `worded` is 0.85 or more. A phrase is judged by its own words, of which
        one passage must hold 0.6, as the question's would hide a wrong one; where it has none
        ("Yes."), by both. None where there is nothing to compare."""
        own = content(statement.own)
        words = own or (frozenset() if numbers(statement.own) else content(statement.text))
        if not words and not numbers(statement.own):
            return None
        if not self.figures(statement):
            return False
        if statement.phrase or not own:
            return not words or any(len(words & held) >= SHARE * len(words) for held in self._words)
        return (self.worded(statement) or 0.0) >= WORDED

    async def likely(self, statement: Statement, rerank: Rerank) -> float:
        """How likely it is that the passages say it, from 0 to 1: by the words that it shares with
        them in their order, and by what a small re-ranker gives the sentences that share most words
        with it. A phrase, and a number that is nowhere in the passages, are judged as by `say`."""
        copied = self.copied(statement)
        if statement.phrase or copied is None:
            return float(self.say(statement) or False)
        near = self.nearest(statement, NEAREST)
        if not near or not self.figures(statement):
            return 0.0
        constant, of_copied, of_score = WEIGHTS
        odds = constant + of_copied * copied + of_score * max(await rerank(statement.text, near))
        return 1.0 / (1.0 + math.exp(-odds))

    def figures(self, statement: Statement) -> bool:
        """Whether each number of the statement's own words stands in some passage."""
        ways = dict.fromkeys((statement.own, mended(statement.own)))
        return any(all(found & self._numbers for found in numbers(way)) for way in ways)

    def worded(self, statement: Statement) -> float | None:
        """From 0 to 1, how far the statement is worded as the passages are: the mean of `copied`
        and `overlap`. None where it has no words that say something."""
        copied, overlap = self.copied(statement), self.overlap(statement)
        return None if copied is None or overlap is None else (copied + overlap) / 2

    def copied(self, statement: Statement) -> float | None:
        """The share of the statement's own pairs of neighbouring words that stand in the passages
        as well: what is said in their words is seldom made up. None where it has no words."""
        own = _pairs(statement.own)
        return len(own & self._held) / len(own) if own else None

    def overlap(self, statement: Statement, k: int = NEAREST) -> float | None:
        """The share of the statement's own words that stand in the k sentences of the passages
        that hold most of them. None where it has none that say something."""
        own = content(statement.own)
        shared = sorted((own & held for _, held in self._sentences), key=len, reverse=True)
        return len(frozenset[str]().union(*shared[:k])) / len(own) if own else None

    def nearest(self, statement: Statement, k: int) -> list[str]:
        """The k sentences of the passages that share most words with the statement, best first."""
        words = content(statement.text)
        ranked = sorted(self._sentences, key=lambda one: -len(words & one[1]))
        return [text for text, _ in ranked[:k]]

    @cached_property
    def _held(self) -> frozenset[tuple[str, ...]]:
        """The pairs of all passages, and their single words."""
        pairs = frozenset(pair for text in self.texts for pair in _pairs(text))
        return pairs | {(word,) for pair in pairs for word in pair}

    @cached_property
    def _sentences(self) -> list[tuple[str, frozenset[str]]]:
        found = [text[start:end] for text in self.texts for start, end in sentence_spans(text)]
        return [(" ".join(one.split()), content(one)) for one in found]
