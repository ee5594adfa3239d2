"""Words that a prompt may not have from the examples, and those that it may."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.phrases import Copies
from headway.core.task import Example


def example(id: str, question: str, reference: Any, **more: Any) -> Example:
    return Example(id=id, inputs={"question": question}, reference=reference, **more)


TRAIN = [
    example("1", "Who repaired the old mill at Ravensbrook in spring?", "Dora Lindqvist"),
    example("2", "When was the tower of the west gate finished?", "1874"),
    example("3", "Which river floods the lower meadows every year?", "Arn"),
    *(example(f"y{n}", f"Is the box of the new store full, number {n}?", "Yes") for n in range(20)),
]
SAID = ["Answer questions about the town. The tower of the west gate stands in Kilnford."]


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("Be brief and answer with a name.", []),
        ("He repaired the OLD mill, at ravensbrook.", ["repaired the old mill at ravensbrook"]),
        ("For instance Dora Lindqvist.", ["dora lindqvist"]),
        ("Dates are years such as 1874.", ["1874"]),
        ("The river is Arn.", ["Arn"]),
        ("It is arnica.", []),
        ("Five of its words: repaired the old mill at.", []),
        # What the task says already, and what many questions share, belongs to the task.
        ("Note the tower of the west gate.", []),
        ("They ask: is the box of the new store full?", []),
        ("Say Yes or No.", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_copied(text: str, copied: list[str]) -> None:
    assert Copies(TRAIN, SAID).of(text) == copied


def test_overlapping_words_are_one_phrase() -> None:
    text = "Remember who repaired the old mill at Ravensbrook in spring, always."
    assert Copies(TRAIN, SAID).of(text) == ["who repaired the old mill at ravensbrook in spring"]


def test_evidence_fields_and_passages_count_too() -> None:
    train = [
        example("1", "q", {"name": "Dora Lindqvist", "age": 31, "open": True},
                evidence=({"document": "a", "text": "she came by boat from the northern isles"},)),
    ]  # fmt: skip
    copies = Copies(train, SAID, ["the kiln is fired with beech wood alone"])
    assert copies.of("Dora Lindqvist") == ["dora lindqvist"]
    assert copies.of("by boat from the northern isles") == ["by boat from the northern isles"]
    assert copies.of("is fired with beech wood alone") == ["is fired with beech wood alone"]
    assert copies.of("31 True") == []


def test_no_examples_no_copies() -> None:
    assert Copies([], []).of("anything at all is fine here today") == []
