"""Texts that are nearly the same, and texts that stand inside others: exact search, no sampling.

Two texts are near-duplicates where their pairs of neighbouring words overlap by a Jaccard of 0.8 or
more. All such pairs are found by prefix filtering (Chaudhuri, Ganti and Kaushik, 2006; Bayardo, Ma
and Srikant, 2007): of two sets that overlap that much, the rarest few members cannot all differ.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from headway.knowledge.cut import TOKEN

NEAR = 0.8
MOST_TRIED = 2_000_000  # pairs that are compared before the search gives up, some seconds
MOST_FOUND = 100_000
BUDGET = 600_000  # words of all texts together that pairs are looked for by; some seconds
SHORTEST, LONGEST = 32, 400  # words of one text, whatever the number of texts
GRAM = 8  # words that must stand in a row before a text is looked for inside another


def words(text: str) -> tuple[str, ...]:
    """Words without case and marks; Chinese, Japanese and Korean by character. A text of nothing
    but marks keeps them."""
    found = TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
    return tuple(w for w in found if w[0].isalnum() or w[0] == "_") or tuple(found)


def ends(found: Sequence[str], most: int) -> tuple[str, ...]:
    """The first and the last words of a long text: what it shares with another is seldom only in
    its middle."""
    if len(found) <= most:
        return tuple(found)
    return (*found[: most - most // 2], *found[-(most // 2) :])


@dataclass(frozen=True)
class Twins:
    """Near-duplicates among texts, by their numbers.

    same: texts that are equal after folding, as groups of two or more. near: pairs of unequal ones
    (of equal texts the first stands for all) with their Jaccard. whole: whether all was searched.
    """

    same: tuple[tuple[int, ...], ...] = ()
    near: tuple[tuple[int, int, float], ...] = ()
    whole: bool = True

    def clusters(self) -> list[list[int]]:
        """Numbers that are linked by equal or near texts, each cluster in order."""
        parent: dict[int, int] = {}

        def root(number: int) -> int:
            while parent.setdefault(number, number) != number:
                parent[number] = parent[parent[number]]
                number = parent[number]
            return number

        links = [(group[0], other) for group in self.same for other in group[1:]]
        for a, b in (*links, *((a, b) for a, b, _ in self.near)):
            parent[root(b)] = root(a)
        found: dict[int, list[int]] = defaultdict(list)
        for number in sorted(parent):
            found[root(number)].append(number)
        return list(found.values())


def twins(texts: Sequence[str], near: float = NEAR) -> Twins:
    """All near-duplicates among texts. Empty texts are nobody's twin."""
    most = max(SHORTEST, min(LONGEST, BUDGET // max(1, len(texts))))
    by_words: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        found = words(text)
        if found:
            by_words[found].append(number)
    firsts = [numbers[0] for numbers in by_words.values()]
    spread = list(by_words)
    pairs, whole = _near([_shingles(ends(found, most)) for found in spread], near)
    # Long texts were looked for by their ends, and are compared whole.
    shared = (
        (a, b, share if max(len(spread[a]), len(spread[b])) <= most else _jaccard(spread, a, b))
        for a, b, share in pairs
    )
    return Twins(
        tuple(tuple(numbers) for numbers in by_words.values() if len(numbers) > 1),
        tuple((firsts[a], firsts[b], share) for a, b, share in shared if share >= near),
        whole,
    )


def _jaccard(spread: Sequence[Sequence[str]], a: int, b: int) -> float:
    one, other = _shingles(spread[a]), _shingles(spread[b])
    return len(one & other) / len(one | other)


def _shingles(found: Sequence[str]) -> set[str]:
    """Pairs of neighbours, the ends included: a text of one word has two."""
    return {f"{a} {b}" for a, b in zip(("", *found), (*found, ""), strict=True)}


def _near(sets: Sequence[set[str]], near: float) -> tuple[list[tuple[int, int, float]], bool]:
    """Pairs of sets (by number) with a Jaccard of at least `near`, and whether all were tried."""
    counts = Counter(shingle for members in sets for shingle in members)
    rank = {s: at for at, (s, _) in enumerate(sorted(counts.items(), key=lambda c: (c[1], c[0])))}
    ranked = [frozenset(rank[s] for s in members) for members in sets]
    # By member, then by the size of the sets that hold it and its place in them, rarest first.
    index: dict[int, dict[tuple[int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    found: list[tuple[int, int, float]] = []
    tried = 0
    # Shorter ones first: a set then only meets sets that are no longer than itself.
    for number in sorted(range(len(sets)), key=lambda i: (len(ranked[i]), i)):
        own = ranked[number]
        size = len(own)
        rarest = sorted(own)[: size - ceil(near * size) + 1]
        others = {
            other
            for place, member in enumerate(rarest)
            for at, numbers in index[member].items()
            if _may(size, place, *at, near)
            for other in numbers
        }
        tried += len(others)
        for other in others:
            both = len(own & ranked[other])
            share = both / (size + len(ranked[other]) - both)
            if share >= near:
                found.append((min(other, number), max(other, number), share))
        if tried > MOST_TRIED or len(found) > MOST_FOUND:
            return sorted(found), False
        for place, member in enumerate(rarest):
            index[member][size, place].append(number)
    return sorted(found), True


def _may(size: int, place: int, other: int, at: int, near: float) -> bool:
    """Whether sets of these sizes, whose first common member is at these places, can overlap
    enough: all that they share stands behind it in both."""
    most = min(size - place, other - at)
    return most >= near / (1 + near) * (size + other) - 1e-9


def held(wanted: Sequence[str], inside: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(i, j) where text i of `wanted`, of at least GRAM words, stands word for word in text j of
    `inside`: the first j of each i."""
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    spread = [words(text) for text in inside]
    for number, found in enumerate(spread):
        for gram in {found[i : i + GRAM] for i in range(len(found) - GRAM + 1)}:
            index[gram].append(number)
    for number, text in enumerate(wanted):
        found = words(text)
        if len(found) < GRAM:
            continue
        for other in index.get(found[:GRAM], ()):
            if f" {' '.join(found)} " in f" {' '.join(spread[other])} ":
                yield number, other
                break
