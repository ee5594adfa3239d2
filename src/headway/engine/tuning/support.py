"""Whether a sample's reply rests on what its prompt shows: one that does not teaches to make up.

By words and numbers alone, as in core/statements.py, and kinder than there: a person's free wording
is no fault of the data, a fact that stands nowhere is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from headway.core.statements import PHRASE, Shown, Statement, content, numbers, plain, statements
from headway.engine.tuning.seen import Seen
from headway.metrics.fields import leaves

WORDS = 0.5  # of a sentence's words that must stand in the NEAREST sentences that share most
NEAREST = 4
FACTS = 0.5  # of a reply's names and numbers that must stand in the prompt
_NAME = re.compile(r"(?<![.?!:] )(?<!^)\b[A-ZÀ-ÖØ-Þ]\w+|\b\w*\d\w*\b")


def rests(seen: Seen) -> bool | None:
    """Whether at least half of what the reply says stands in what is shown or asked. None for an
    abstention, and where there is nothing to compare ("Yes.")."""
    if _says_nothing(seen):
        return None
    shown = Shown(seen.passages)
    found = [
        f for s in statements(seen.answer, seen.question) if (f := _stands(shown, s)) is not None
    ]
    return 2 * sum(found) >= len(found) if found else None


def _says_nothing(seen: Seen) -> bool:
    return seen.abstains or seen.refuses or not seen.read


def _stands(shown: Shown, statement: Statement) -> bool | None:
    if statement.phrase or not content(statement.own):
        said = shown.say(statement)
        # "4 days" of 26 and 22: its words stand in few passages, as it is the question that asks.
        return (
            said if said is not False or not numbers(statement.own) else _summed(shown, statement)
        )
    figures = shown.figures(statement) or _summed(shown, statement)
    return figures and (shown.overlap(statement, NEAREST) or 0.0) >= WORDS


def _summed(shown: Shown, statement: Statement) -> bool:
    """Whether each number is shown, or is a sum, a difference or a percentage of two that stand in
    the sentences that share most words with the statement."""
    near = " ".join(shown.nearest(statement, NEAREST))
    known = {value for readings in numbers(near) for value in _values(readings)}
    made = {
        round(value, 6)
        for a, b in permutations(known, 2)
        for value in (a + b, a - b, a * b / 100, a * (1 - b / 100), a * (1 + b / 100))
    }
    return all(
        any(round(value, 6) in known | made for value in _values(readings))
        for readings in numbers(statement.own)
    )


def _values(readings: frozenset[str]) -> set[float]:
    return {float(r) for r in readings if r.replace(".", "", 1).isdigit()}


def recalls(everything: Sequence[Seen]) -> list[bool | None]:
    """Of samples that show nothing but the question: whether the reply gives facts that only
    somebody who knows them could give.

    True: most of its names and numbers stand nowhere in the prompt; of a short reply to a question
    also where no word of it does, and no other sample (of another group) gives the same reply:
    what comes again and again can be learnt as a kind of answer. None: there is no fact, or it may
    be worked out from numbers in the question.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for seen in everything:
        groups[plain(seen.answer)].add(seen.sample.group)
    return [_recalls(seen, len(groups[plain(seen.answer)]) > 1) for seen in everything]


def _recalls(seen: Seen, usual: bool) -> bool | None:
    if _says_nothing(seen):
        return None
    shown = Shown(seen.passages)
    short = len(seen.answer.split()) <= PHRASE
    said = _facts(seen.answer, short)
    if short and not (usual or content(seen.answer)) and len(numbers(seen.question)) > 1:
        return None  # a number, from numbers: a sum
    missing = sum(shown.say(Statement(fact, fact)) is False for fact in said)
    if said and missing > FACTS * len(said):
        return not (short and usual)
    words = content(seen.answer)
    if short and words and seen.question.rstrip().endswith("?") and not usual:
        return not words & content("\n".join(p.text for p in seen.passages))
    return False if said else None


def _facts(answer: str, short: bool) -> list[str]:
    # At the start of a sentence every word has a capital; of a short answer it may be a name's.
    return list(dict.fromkeys(_NAME.findall(f". x {answer}" if short else answer)))


def copied(everything: Sequence[Seen], schema: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """By field of a JSON reply: (values that are free, those of them that stand in the input).
    Values that the schema lists, nulls and yes or no are none."""
    free: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for seen in everything:
        shown = Shown(seen.passages)
        for field, value in _free(seen.read.get("output"), schema):
            free[field] += 1
            there[field] += shown.say(Statement(value, value)) is not False
    return {field: (free[field], there[field]) for field in free}


def _free(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, leaf in leaves(value):
        if isinstance(leaf, bool) or not isinstance(leaf, str | int | float) or not str(leaf):
            continue
        if not _listed(schema, path):
            yield ".".join(part for part in path if isinstance(part, str)), str(leaf)


def _listed(schema: Any, path: Sequence[str | int]) -> bool:
    """Whether the schema names all values of that place."""
    for part in path:
        if not isinstance(schema, Mapping):
            return False
        schema = schema.get("items") if isinstance(part, int) else (
            schema.get("properties") or {}
        ).get(part)  # fmt: skip
    return isinstance(schema, Mapping) and ("enum" in schema or "const" in schema)
