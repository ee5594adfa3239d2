"""abstention: right is to say so exactly where it cannot be answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from headway.core.record import Record, Score
from headway.metrics import METRICS
from headway.metrics.abstention import Abstention
from headway.metrics.scoring import score
from headway.testing.metrics import MetricContract, scored

ABLE = {"kind": "text", "abstain": "I do not know."}


class TestAbstention(MetricContract):
    metric = Abstention()
    right = scored("I do not know.", reference="I do not know.", kind=ABLE)
    wrong = scored("blue", reference="I do not know.", kind=ABLE)


def value(answer: str, reference: Any, kind: dict[str, Any] | None = None) -> float | None:
    case = scored(answer, reference=reference, kind=ABLE if kind is None else kind)
    return asyncio.run(Abstention().score(case))


@pytest.mark.parametrize(
    ("answer", "reference", "found"),
    [
        ("I do not know.", "I do not know.", 1.0),
        ("i do NOT know", "I do not know", 1.0),  # compared as answers are
        ("six", "I do not know.", 0.0),
        ("I do not know.", "six", 0.0),
        ("seven", "six", 1.0),  # wrong, but rightly answered
        ("I do not know. It may be six.", "six", 1.0),  # no abstention by the task's phrase
        ("six", ["six", "I do not know."], 1.0),  # either is right
        ("I do not know.", ["six", "I do not know."], 1.0),
        ("six", None, None),
        ("six", [], None),
    ],
)
def test_exactly_when_it_should(answer: str, reference: Any, found: float | None) -> None:
    assert value(answer, reference) == found


def test_a_task_without_a_phrase_has_no_score() -> None:
    assert value("I do not know.", "I do not know.", {"kind": "text"}) is None


def test_the_record_may_say_so() -> None:
    case = scored(None, reference="I do not know.", kind=ABLE)
    case = replace(case, record=replace(case.record, abstained=True))
    assert asyncio.run(Abstention().score(case)) == 1.0


def test_neither_a_refusal_nor_a_broken_answer_abstains() -> None:
    case = scored("x", reference="I do not know.", kind=ABLE)
    for status in ("invalid", "refused"):
        record = Record("1", answer="I do not know.", status=status)  # type: ignore[arg-type]
        found = asyncio.run(score(case.task, case.example, record, (), [Abstention()]))
        assert found == {"abstention": Score(0.0)}


def test_a_refusal_in_a_task_without_a_phrase_has_no_score() -> None:
    case = scored("x", reference="six")
    record = replace(case.record, status="refused")
    found = asyncio.run(score(case.task, case.example, record, (), [Abstention()]))
    assert found == {"abstention": Score(None)}


def test_it_is_in_the_table() -> None:
    assert METRICS.load("abstention") is Abstention
