"""What an answer says, statement by statement, and whether passages say it, by words and numbers.

The answer is split and each part held against the passages, as in Es et al., 2023, "RAGAS", here
without a model: by words a paraphrase may be called unsupported, and a wrong answer made of the
right words supported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from headway.core.record import Passage
from headway.core.sentences import sentence_spans

SHARE = 0.6  # of a statement's words that must stand in one passage
PHRASE = 8  # words; an answer of one such sentence says little without its question
STEM = 6  # letters of a word that are compared, so that endings matter little

# Typographic forms as plain ones; marks of emphasis and characters without width go.
_FOLD: dict[int, str | None] = {
    **dict.fromkeys(map(ord, '"“”„‟«»‹›″‘’‚‛′´ʼ'), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "*_`\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")),
}
_NUMBER = re.compile(r"\d+(?:[.,']\d+)*")
_SPACED = re.compile(r"(?<![\d.,'])\d{1,3}(?: \d{3})+(?![\d.,']*\d)")
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


def numbers(text: str) -> list[frozenset[str]]:
    """The numbers of a text, each as the set of what it may mean: 1,240 and 1'240 are 1240, 3,5 is
    3.5, and 1.240 is 1240 or 1.24."""
    found = []
    for token in _tokens(text):
        readings = _readings(token)
        if readings:
            found.append(readings)
        elif "," in token or "'" in token:  # a list without spaces
            found += [_readings(part) or frozenset({part}) for part in re.split("[,']", token)]
        else:
            found.append(frozenset({token}))  # 1.5.2 is a name
    return found


def _tokens(text: str) -> list[str]:
    # No-break and thin spaces between digits part thousands; NFKC would make spaces of them.
    text = re.sub(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))", "'", text)
    text = unicodedata.normalize("NFKC", text).translate({ord("’"): "'"})
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = _SPACED.sub(lambda match: match[0].replace(" ", "'"), text)
    return _NUMBER.findall(text)


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


def statements(answer: Any, question: str) -> tuple[Statement, ...]:
    """What an answer says, a text or a JSON value: its sentences; a short one and each value of
    a JSON object are made one statement with the question."""
    if isinstance(answer, dict | list):
        return tuple(
            Statement(value, f"{question} {name}: {value}" if name else f"{question} {value}")
            for name, value in _leaves(answer)
            if value.strip()
        )
    text = _CITED.sub("", answer) if isinstance(answer, str) else str(answer)
    parts = _sentences(text)
    if len(parts) == 1 and len(parts[0].split()) <= PHRASE:
        return (Statement(parts[0], f"{question} {parts[0]}".strip()),)
    return tuple(Statement(part, part) for part in parts)


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
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
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
    """Two words that stand side by side, as they are written; of a single word, that word."""
    words = _LETTERS.findall(_EAST.sub(r" \1 ", plain(text)))
    return frozenset(pairwise(words)) if len(words) > 1 else frozenset((word,) for word in words)


class Shown:
    """Passages made ready for many statements."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        texts = [f"{p.title}\n{p.text}" for p in passages]
        self._texts = texts
        self._words = [content(text) for text in texts]
        self._numbers: set[str] = set()
        for text in texts:
            # Twice: "12 300" is one number here, and two where the spaces part nothing.
            self._numbers.update(*numbers(text), *numbers(text.replace(" ", "  ")))
            words = _LETTERS.findall(plain(text))
            self._numbers.update(_SPELLED[word] for word in words if word in _SPELLED)

    def say(self, statement: Statement) -> bool | None:
        """Whether one passage holds 0.6 of the statement's own words, and the passages all of its
        numbers. A phrase is judged by its own words, as the question's would hide a wrong one;
        where it has none ("Yes."), by both. None where there is nothing to compare."""
        words, figures = content(statement.own), numbers(statement.own)
        if not words and not figures:
            words = content(statement.text)
        if not words and not figures:
            return None
        if not self.figures(statement):
            return False
        return not words or any(len(words & held) >= SHARE * len(words) for held in self._words)

    def figures(self, statement: Statement) -> bool:
        """Whether each number of the statement's own words stands in some passage."""
        return all(readings & self._numbers for readings in numbers(statement.own))

    @cached_property
    def _held(self) -> frozenset[tuple[str, ...]]:
        """The pairs of all passages, and their single words."""
        pairs = frozenset(pair for text in self._texts for pair in _pairs(text))
        return pairs | {(word,) for pair in pairs for word in pair}

    @cached_property
    def _sentences(self) -> list[tuple[str, frozenset[str]]]:
        found = [text[start:end] for text in self._texts for start, end in sentence_spans(text)]
        return [(" ".join(one.split()), content(one)) for one in found]

    def copied(self, statement: Statement) -> float | None:
        """The share of the statement's own pairs of neighbouring words that stand in the passages
        as well: what is said in their words is seldom made up. None where it has no words."""
        own = _pairs(statement.own)
        return len(own & self._held) / len(own) if own else None

    def nearest(self, statement: Statement, k: int) -> list[str]:
        """The k sentences of the passages that share most words with the statement, best first."""
        words = content(statement.text)
        ranked = sorted(self._sentences, key=lambda one: -len(words & one[1]))
        return [text for text, _ in ranked[:k]]
