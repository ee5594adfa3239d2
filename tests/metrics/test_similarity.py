"""Cosine of answer and reference."""

from __future__ import annotations

import asyncio

import pytest

from headway.core.errors import Outage
from headway.core.record import Score
from headway.metrics.scoring import measure
from headway.metrics.similarity import Similarity
from headway.testing.metrics import MetricContract, ScriptedMetricLender, lent, scored


class TestSimilarity(MetricContract):
    metric = Similarity()
    right = scored("blue sea", reference="blue sea", lend=lent())
    wrong = scored("red brick wall", reference="blue sea", lend=lent())


def value(answer: str, reference: object, **more: object) -> float | Score | None:
    given = scored(answer, reference=reference, lend=lent(), **more)  # type: ignore[arg-type]
    return asyncio.run(Similarity().score(given))


def test_near_is_above_far_and_the_nearest_reference_counts() -> None:
    near, far = value("a blue calm sea", "blue sea"), value("a red wall", "blue sea")
    assert isinstance(near, float)
    assert isinstance(far, float)
    assert far < near < 1.0
    assert value("a blue calm sea", ["a red wall", "blue sea"]) == pytest.approx(near)


def test_empty_is_zero_and_an_abstention_is_settled() -> None:
    able = {"kind": "text", "abstain": "I do not know."}
    assert value("  ", "blue") == 0.0
    assert value("I do not know", "I do not know.", kind=able) == 1.0
    assert value("I do not know", "you do not know", kind=able) == 0.0


def test_an_embedding_service_that_is_down_leaves_it_unscored() -> None:
    class Down(ScriptedMetricLender):
        async def embed(self, *args: object, **more: object) -> object:  # type: ignore[override]
            raise Outage("the embedding service is down")

    given = scored("a", reference="b", lend=Down(["{}"]))
    found = asyncio.run(measure(Similarity(), given))
    assert (found.value, found.unscored) == (None, "the embedding service is down")
