"""Which trainings fit the minutes: what goes first, and that what is planned does fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.tuning.schedule import LEAST, StageName, schedule

ALL: tuple[StageName, ...] = ("pilot", "half", "full")


@pytest.mark.parametrize(
    ("minutes", "stages", "epochs"),
    [
        (60.0, {"pilot": 64, "half": 200, "full": 400}, 5),
        (40.0, {"pilot": 64, "half": 200, "full": 400}, 3),
        (31.0, {"pilot": 64, "full": 400}, 4),
        (25.0, {"pilot": 64, "full": 400}, 3),
        (17.0, {"pilot": 64, "full": 400}, 2),
        (10.0, {"pilot": 64, "full": 400}, 1),
        (7.5, {"full": 400}, 1),
        (3.0, {"full": 180}, 1),
    ],
)
def test_half_goes_first_and_samples_last(
    minutes: float, stages: dict[str, int], epochs: int
) -> None:
    """400 samples of 100 tokens at 100 tokens/s: 400 s an epoch, 64 s a pass of the pilot."""
    plan = schedule(400, 40_000, 100.0, minutes, ALL)
    assert (plan.stages, plan.epochs) == (stages, epochs)
    assert plan.short == (stages["full"] < 400)


@pytest.mark.parametrize(
    ("minutes", "trials"), [(60.0, 1), (70.0, 2), (87.0, 3), (103.0, 4), (300.0, 4)]
)
def test_minutes_that_are_left_over_buy_settings(minutes: float, trials: int) -> None:
    """1,000 s a training on half, beside 128 s of pilot and 2,000 s of all."""
    plan = schedule(400, 40_000, 100.0, minutes, ALL, settings=4)
    assert plan.trials == trials
    assert plan.seconds == 128 + 1000 * trials + 2000
    assert schedule(400, 40_000, 100.0, minutes, ("pilot", "full"), settings=4).trials == 1
    assert schedule(400, 40_000, 100.0, minutes, ALL).trials == 1


@given(
    st.integers(10, 3000), st.integers(20, 800), st.floats(10, 5000), st.floats(0.2, 60),
    st.sampled_from([ALL, ("full",), ("pilot", "full"), ("half", "full")]),
)  # fmt: skip
def test_what_is_planned_fits(
    n: int, each: int, speed: float, minutes: float, wished: tuple[StageName, ...]
) -> None:
    plan = schedule(n, n * each, speed, minutes, wished, settings=3)
    full = plan.stages["full"]
    assert set(plan.stages) <= set(wished)
    assert min(n, LEAST) <= full <= n
    assert plan.seconds <= 60 * minutes * 1.001 or full == min(n, LEAST)
    more = schedule(n, n * each, speed, 2 * minutes, wished)
    assert more.stages["full"] >= full


def test_where_the_speed_is_not_known_nothing_is_cut() -> None:
    plan = schedule(5000, 5000 * 500, float("inf"), 1.0, ("pilot", "half", "full"), settings=4)
    assert plan.trials == 1
    assert (plan.stages["full"], plan.epochs, plan.short, plan.seconds) == (5000, 3, False, 0.0)


def test_epochs_set_by_hand_stay() -> None:
    plan = schedule(400, 40_000, 100.0, 1.0, ALL, 5)
    assert plan.epochs == 5
    assert plan.stages == {"full": 12}
    before_more = schedule(400, 40_000, 100.0, 60.0, ALL, 5)
    assert (before_more.of("pilot"), before_more.of("full")) == (2, 5)


@pytest.mark.parametrize("n", [12, 500])
def test_a_pilot_alone(n: int) -> None:
    plan = schedule(n, n * 100, 100.0, 15.0, ("pilot",))
    assert plan.stages == {"pilot": min(64, n)}
    assert plan.of("pilot") == plan.epochs == 2
    assert schedule(n, n * 100, 100.0, 15.0, ("pilot",), 5).of("pilot") == 5
