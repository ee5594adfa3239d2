"""Human rating: the mean of people's ratings of that very answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway.core.protocols import Scored
from headway.core.rating import FILE, Rating, add_verdicts
from headway.core.record import Score, Status
from headway.metrics.human import HumanRating
from headway.metrics.scoring import score
from headway.testing.metrics import MetricContract, scored


def _in(folder: Path, answer: str) -> Scored:
    case = scored(answer)
    return replace(case, task=case.task.model_copy(update={"folder": folder}))


class TestContract(MetricContract):
    metric = HumanRating()

    @pytest.fixture(autouse=True)
    def _rated(self, tmp_path: Path) -> None:
        rated: dict[str, Any] = {"example": "1", "scale": (1, 5)}
        add_verdicts(
            tmp_path,
            [
                Rating(answer="blue", rating=5, by="ana", **rated),
                Rating(answer="red", rating=2, by="ana", **rated),
            ],
        )
        self.right, self.wrong = _in(tmp_path, "blue"), _in(tmp_path, "red")


def _refused(case: Scored, status: Status = "refused") -> Score:
    record = replace(case.record, status=status)
    metric = HumanRating()
    return asyncio.run(score(case.task, case.example, record, (), [metric]))[metric.name]


def _score(metric: HumanRating, case: Scored) -> Score | None:
    return asyncio.run(metric.score(case))


def test_the_mean_over_people_with_who_said_what(tmp_path: Path) -> None:
    metric = HumanRating()
    assert _score(metric, _in(tmp_path, "blue")) is None  # nobody rated anything
    add_verdicts(
        tmp_path,
        [
            Rating(example="1", answer="blue", rating=5, by="ana"),
            Rating(example="1", answer="blue", rating=2, by="ben"),
            Rating(example="1", answer="blue", flag="wrong", by="cat"),
            Rating(example="2", answer="blue", rating=1, by="ana"),
        ],
    )
    found = _score(metric, _in(tmp_path, "blue "))
    assert found is not None
    assert found.value == pytest.approx((1 + 0.25 + 0) / 3)
    assert [r["by"] for r in found.notes["ratings"]] == ["ana", "ben", "cat"]
    # Who thinks again counts once, by the last word.
    add_verdicts(tmp_path, [Rating(example="1", answer="blue", rating=1, by="ana")])
    found = _score(metric, _in(tmp_path, "blue"))
    assert found is not None
    assert found.value == pytest.approx((0 + 0.25 + 0) / 3)
    assert [r.get("rating") for r in found.notes["ratings"] if r["by"] == "ana"] == [1.0]
    # Another answer is not that answer, and a rating that is taken back no longer counts.
    assert _score(metric, _in(tmp_path, "green")) is None
    (tmp_path / FILE).write_text("")
    assert _score(metric, _in(tmp_path, "blue")) is None


def test_a_refusal_has_the_rating_that_people_gave_it(tmp_path: Path) -> None:
    """It may be just what was wanted; and where nobody rated it, that is no 0."""
    add_verdicts(tmp_path, [Rating(example="1", answer="I must not say.", rating=5, by="ana")])
    for status in ("refused", "invalid"):
        assert _refused(_in(tmp_path, "I must not say."), status).value == 1.0
        assert _refused(_in(tmp_path, "another"), status).value is None
    assert _refused(_in(tmp_path, "I must not say."), "outage").value is None
