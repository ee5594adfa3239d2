"""Labels and JSON fields."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.metrics.fields import FieldAccuracy, JsonExact, JsonValid, field_share, leaves
from headway.metrics.label import LabelAccuracy
from headway.testing.metrics import MetricContract, scored

REFERENCE = {"name": "Ada", "stay": {"nights": 3, "from": None}, "extras": ["sea view"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


class TestLabelAccuracy(MetricContract):
    metric = LabelAccuracy()
    right = scored(" Card  Arrival ", reference="card arrival")
    wrong = scored("card", reference="card arrival")


class TestJsonValid(MetricContract):
    metric = JsonValid()
    right = scored('{"a": 1}')
    wrong = scored("{'a': 1}")


class TestFieldAccuracy(MetricContract):
    metric = FieldAccuracy()
    right = scored("", output={**REFERENCE, "more": 1}, reference=REFERENCE)
    wrong = scored("", output={"name": "Bo"}, reference=REFERENCE)


class TestJsonExact(MetricContract):
    metric = JsonExact()
    right = scored('{"b": [1, 2], "a": "x  y"}', reference={"a": "x y", "b": [1, 2.0]})
    wrong = scored('{"b": [1, 2], "a": "x", "c": null}', reference={"a": "x", "b": [1, 2]})


def accuracy(found: Any, reference: Any) -> float | None:
    return asyncio.run(FieldAccuracy().score(scored("", output=found, reference=reference)))


def test_fields_are_compared_by_path() -> None:
    assert accuracy({"name": "Ada", "stay": {"nights": 3}}, REFERENCE) == 0.5
    assert accuracy({"name": "Ada", "nights": 3}, REFERENCE) == 0.25
    assert accuracy({}, REFERENCE) == 0.0
    assert accuracy([REFERENCE], REFERENCE) == 0.0


@pytest.mark.parametrize(
    ("found", "reference", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (None, 0, False),
        ("1", 1, False),
        ([], {}, False),
        ("ﬁve\n", "five", True),
    ],
)
def test_equality(found: Any, reference: Any, same: bool) -> None:
    assert accuracy({"a": found}, {"a": reference}) == float(same)


def test_several_references_and_references_as_text() -> None:
    assert accuracy({"a": 1}, [{"a": 2}, {"a": 1}]) == 1.0
    assert accuracy({"a": 1}, '{"a": 1}') == 1.0


def test_the_answer_is_parsed_where_no_output_is() -> None:
    case = scored('{"a": 1}', reference={"a": 1})
    assert asyncio.run(FieldAccuracy().score(case)) == 1.0
    assert asyncio.run(FieldAccuracy().score(scored("a is 1", reference={"a": 1}))) == 0.0
    assert asyncio.run(JsonExact().score(scored("a is 1", reference={"a": 1}))) == 0.0


@given(JSON)
def test_data_is_right_against_itself(data: Any) -> None:
    assert field_share(data, data) == 1.0
    assert len({path for path, _ in leaves(data)}) == len(list(leaves(data))) >= 1


@given(JSON, JSON)
def test_shares_are_shares(a: Any, b: Any) -> None:
    assert 0.0 <= field_share(a, b) <= 1.0
