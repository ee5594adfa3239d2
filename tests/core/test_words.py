"""Words as answers are compared by them."""

from __future__ import annotations

import pytest

from headway.core.words import abstains


@pytest.mark.parametrize(
    ("answer", "is_one"),
    [
        ("Not in the handbook.", True),
        ("**not in the handbook**", True),
        ("Not in handbook", True),  # articles say nothing
        ("not in the handbook, but 5 days", False),
        ("", False),
        (None, False),
    ],
)
def test_an_abstention_is_the_phrase_and_nothing_more(answer: str | None, is_one: bool) -> None:
    assert abstains("not in the handbook", answer) is is_one
    assert not abstains(None, answer)  # without a phrase there is none
