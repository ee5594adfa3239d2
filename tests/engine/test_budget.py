"""One budget: asked before each call, charged for new ones only, with a part held back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import BudgetEnded
from headway.core.findings import Spent
from headway.engine.budget import Budget, Limits
from headway.models.scripted import ScriptedChat
from headway.workspace import Workspace


def call(budget: Budget, tokens: int = 10, usd: float | None = 0.0, estimate: int = 10) -> None:
    budget.reserve(estimate)
    budget.settle(estimate, tokens, usd)


def test_without_limits_it_only_counts() -> None:
    budget = Budget()
    for _ in range(100):
        call(budget, usd=0.5)
    assert budget.ended() is None
    spent = budget.spent()
    assert (spent.calls, spent.tokens, spent.usd, spent.limits) == (100, 1000, 50.0, {})
    assert budget.seconds_left is None


def test_calls() -> None:
    budget = Budget(Limits(calls=2))
    call(budget)
    call(budget)
    with pytest.raises(BudgetEnded, match="the budget of 2 calls has ended") as found:
        budget.reserve(1)
    assert "--continue" in str(found.value)
    assert found.value.exit_code == 4
    assert budget.calls == 2


def test_calls_in_flight_count_and_failed_ones_are_given_back() -> None:
    budget = Budget(Limits(calls=2))
    budget.reserve(10)
    budget.reserve(10)
    with pytest.raises(BudgetEnded):
        budget.reserve(10)
    budget.settle(10, None, None)  # it failed: nothing was spent, and the price is still known
    budget.reserve(10)
    budget.settle(10, 5, 0.1)
    budget.settle(10, 5, 0.1)
    assert (budget.calls, budget.tokens, budget.usd) == (2, 10, 0.2)


@given(
    limit=st.integers(1, 500),
    hold=st.integers(0, 200),
    sizes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40),
)
def test_tokens_are_never_passed_where_estimates_are_not_too_low(
    limit: int, hold: int, sizes: list[tuple[int, int]]
) -> None:
    budget = Budget(Limits(tokens=limit))
    budget.hold_tokens = hold
    for tokens, more in sizes:
        fits = budget.tokens + max(1, tokens + more) <= limit - hold
        assert (budget.ended(tokens + more) is None) == fits
        if fits:
            call(budget, tokens, estimate=tokens + more)
        else:
            with pytest.raises(BudgetEnded, match=f"{limit:,} tokens"):
                budget.reserve(tokens + more)
    assert budget.tokens <= max(0, limit - hold)


def test_dollars() -> None:
    budget = Budget(Limits(usd=1.0))
    call(budget, usd=0.6)
    call(budget, usd=0.6)
    with pytest.raises(BudgetEnded, match=r"\$1 has ended"):
        budget.reserve(1)


def test_dollars_need_known_prices() -> None:
    budget = Budget(Limits(usd=1.0))
    call(budget, usd=None)
    assert budget.usd is None
    with pytest.raises(BudgetEnded, match="price is not known"):
        budget.reserve(1)
    without = Budget(Limits(calls=5))
    call(without, usd=None)
    call(without, usd=0.5)
    assert without.spent().usd is None  # unknown is not the same as free


def test_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(Limits(minutes=2), spent=Spent(minutes=1.5))
    assert budget.seconds_left == pytest.approx(30)
    now += 20
    assert budget.seconds == pytest.approx(110)
    budget.reserve(1)
    budget.hold_s = 15
    assert budget.ended() == "2 minutes"
    budget.hold_s = 0
    assert budget.ended() is None
    now += 10
    assert budget.ended() == "2 minutes"


def test_what_is_held_back_is_for_later() -> None:
    budget = Budget(Limits(calls=5))
    budget.hold_calls = 3
    call(budget)
    call(budget)
    with pytest.raises(BudgetEnded):
        budget.reserve(1)
    budget.hold_calls = 0
    for _ in range(3):
        call(budget)
    assert budget.ended() == "5 calls"


def test_it_goes_on_from_what_was_spent() -> None:
    budget = Budget(Limits(calls=10), spent=Spent(calls=9, tokens=7, usd=0.25))
    call(budget)
    assert budget.ended() == "10 calls"
    assert (budget.new_calls, budget.spent().calls, budget.spent().tokens) == (1, 10, 17)


def test_limits_as_data() -> None:
    assert Limits(calls=3, minutes=0.5).to_dict() == {"calls": 3, "minutes": 0.5}
    assert Limits().to_dict() == {}


@pytest.mark.xfail(
    strict=True,
    reason="estimates of calls in flight count like tokens spent, so a wide run ends its budget"
    " while most of it is left; the lender should wait for calls in flight before it ends",
)
async def test_a_wide_run_spends_its_tokens_before_they_end(make_task: Any) -> None:
    async with Workspace.open(make_task()) as workspace:
        chat = ScriptedChat(lambda request: "x", concurrency=64, delay_s=0.3)
        workspace.parts._chat["scripted/extract"] = chat
        runner = workspace._runner(Limits(tokens=10_000))
        with pytest.raises(BudgetEnded):
            await runner.run(workspace.pipeline(), workspace.task.examples)
        assert runner.desk.budget.tokens > 8_000
