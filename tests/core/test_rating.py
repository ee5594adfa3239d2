"""People's verdicts as rows of a file: what is kept, what is refused, what is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.core.rating import (
    FILE,
    Preference,
    Rating,
    Verdict,
    add_verdicts,
    last_words,
    of_answer,
    preferences_of,
    ratings_of,
    read_verdicts,
)

RATED = Rating(example="1", answer="blue", rating=4, by="ana", at="2026-01-01")
CHOSEN = Preference(example="1", a="x", b="y", prefer="b", by="ana")


def test_what_was_added_is_read_again_in_order(tmp_path: Path) -> None:
    assert read_verdicts(tmp_path) == ()
    assert add_verdicts(tmp_path, [RATED, CHOSEN]) == 2
    assert read_verdicts(tmp_path) == (RATED, CHOSEN)
    assert list(ratings_of(read_verdicts(tmp_path))) == [RATED]
    assert list(preferences_of(read_verdicts(tmp_path))) == [CHOSEN]


def test_the_same_verdict_at_another_time_is_not_added_twice(tmp_path: Path) -> None:
    add_verdicts(tmp_path, [RATED])
    assert add_verdicts(tmp_path, [RATED.model_copy(update={"at": "2026-02-02"})]) == 0
    assert add_verdicts(tmp_path, [RATED.model_copy(update={"by": "ben"})] * 2) == 1


def test_who_thinks_again_may_think_so_again(tmp_path: Path) -> None:
    changed = RATED.model_copy(update={"rating": 2})
    table: list[Verdict] = [RATED, changed, CHOSEN]
    assert add_verdicts(tmp_path, table) == 2  # of each person the last word
    assert add_verdicts(tmp_path, table) == 0
    assert add_verdicts(tmp_path, [RATED]) == 1
    assert last_words(read_verdicts(tmp_path)) == (RATED, CHOSEN)


def test_the_last_word_withdraws_what_the_same_person_said_of_the_same() -> None:
    changed = RATED.model_copy(update={"rating": 1, "answer": "blue "})
    others = [
        RATED.model_copy(update={"by": "ben"}),
        RATED.model_copy(update={"answer": "red"}),
        RATED.model_copy(update={"example": "2"}),
        *[RATED.model_copy(update={"by": ""})] * 2,  # two people
    ]
    assert set(last_words([RATED, *others, changed])) == {changed, *others}
    assert len(last_words([RATED, *others, changed])) == 1 + len(others)
    turned = Preference(example="1", a="y", b="x", prefer="a", by="ana")
    other = CHOSEN.model_copy(update={"b": "z"})
    assert last_words([CHOSEN, other, turned]) == (turned, other)


def test_a_line_without_its_end_does_not_swallow_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"example": "1", "answer": "a", "flag": "fine"}')
    add_verdicts(tmp_path, [RATED])
    assert len(read_verdicts(tmp_path)) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected an object"),
        ('{"example": "1", "answer": "a"}', "rating, a flag"),
        ('{"example": "1", "answer": "a", "rating": 9}', "not on the scale"),
        ('{"example": "1", "answer": "a", "flag": "odd"}', "flag"),
        ('{"example": "1", "a": "x", "b": "y", "prefer": "c"}', "prefer"),
        ('{"example": "1", "answer": "a", "flag": "fine", "more": 1}', "more"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / FILE).write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=said) as caught:
        read_verdicts(tmp_path)
    assert caught.value.where == f"{tmp_path / FILE}:2"


def test_a_verdict_on_a_scale() -> None:
    assert RATED.share == 0.75
    assert Rating(example="1", answer="a", rating=3, scale=(0, 10)).share == 0.3
    assert Rating(example="1", answer="a", flag="fine").share == 1.0
    assert Rating(example="1", answer="a", flag="hallucination").share == 0.0
    assert [CHOSEN.score, CHOSEN.model_copy(update={"prefer": "tie"}).score] == [0.0, 0.5]


def test_a_rating_is_of_that_very_answer() -> None:
    assert of_answer([RATED], "1", " blue\n") == (RATED,)
    assert of_answer([RATED], "1", "red") == ()
    assert of_answer([RATED], "2", "blue") == ()
