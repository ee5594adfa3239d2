"""Numbers as they are compared: signs, points, and however else they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.statements import figured, holds_figures, numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-5%", [{"-5"}]), ("−5 and –5.50", [{"-5"}, {"-5.5"}]), ("(-1.240)", [{"-1240", "-1.24"}]),
        ("-$5 or $-5", [{"-5"}, {"-5"}]), ("+5", [{"5"}]), ("-0.0", [{"0"}]),
        ("-1,2,3", [{"-1"}, {"2"}, {"3"}]), (".5 or -.5", [{"0.5"}, {"-0.5"}]),
        # Dashes that are no minus.
        ("5-10", [{"5"}, {"10"}]), ("5%–10%", [{"5"}, {"10"}]), ("COVID-19", [{"19"}]),
        ("- 5 eggs", [{"5"}]), ("2024-05-01", [{"2024"}, {"5"}, {"1"}]), ("so...5", [{"5"}]),
    ],
)  # fmt: skip
def test_a_minus_is_told_from_a_dash(text: str, found: list[set[str]]) -> None:
    assert numbers(text, signed=True) == found
    assert numbers(text) == [{value.removeprefix("-") for value in one} for one in found]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1,200.0 km", "1200 km"), ("1.240,50 EUR", "1240.5 EUR"), ("3,5", "3.5"),
        ("−5 to +5", "-5 to 5"), ("-$5", "-5"), ("1 240 of 1,2,3", "1240 of 1 2 3"),
        ("v1.50, A007, 3.50kg", "v1.50, A007, 3.50kg"), ("1.240", "1.24"), ("none", "none"),
    ],
)  # fmt: skip
def test_a_text_with_its_numbers_written_one_way(text: str, written: str) -> None:
    assert figured(text) == written


@pytest.mark.parametrize(
    ("text", "other", "held"),
    [
        ("It is 1.5 days.", "15", False), ("It is 15 days.", "1.5", False),
        ("It is 1.50 days.", "1,5", True), ("It fell by -5%.", "5%", False),
        ("It is -5%.", "−5", True), ("three days", "3", True), ("12 300 and 7", "12300, 7", True),
        ("A range of 5-10 days", "10", True), ("no figure", "none", True), ("none", "7", False),
    ],
)  # fmt: skip
def test_figures_are_looked_up_as_figures(text: str, other: str, held: bool) -> None:
    assert holds_figures(text, other) is held


@given(st.text())
def test_any_text_holds_its_own_figures(text: str) -> None:
    assert holds_figures(text, text)
    assert figured(figured(text)) == figured(text)
    assert all(numbers(text, signed=True))
