"""One budget: asked before each call, charged for new ones only, with a part held back."""

from __future__ import annotations

import asyncio
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


async def call(
    budget: Budget, tokens: int = 10, usd: float | None = 0.0, estimate: int = 10
) -> None:
    await budget.reserve(estimate)
    budget.settle(estimate, tokens, usd)


async def test_without_limits_it_only_counts() -> None:
    budget = Budget()
    for _ in range(100):
        await call(budget, usd=0.5)
    assert budget.ended() is None
    spent = budget.spent()
    assert (spent.calls, spent.tokens, spent.usd, spent.limits) == (100, 1000, 50.0, {})
    assert budget.seconds_left is None


async def test_calls() -> None:
    budget = Budget(Limits(calls=2))
    await call(budget)
    await call(budget)
    with pytest.raises(BudgetEnded, match="the budget of 2 calls has ended") as found:
        await budget.reserve(1)
    assert "--continue" in str(found.value)
    assert found.value.exit_code == 4
    assert budget.calls == 2


async def test_calls_in_flight_count_and_failed_ones_are_given_back() -> None:
    budget = Budget(Limits(calls=2))
    await budget.reserve(10)
    await budget.reserve(10)
    waiting = asyncio.create_task(budget.reserve(10))
    await asyncio.sleep(0.01)
    assert not waiting.done()  # it may yet be given a place
    budget.settle(10, None, None)  # one failed: nothing was spent, its price is still known
    await asyncio.wait_for(waiting, 1)
    budget.settle(10, 5, 0.1)
    budget.settle(10, 5, 0.1)
    assert (budget.calls, budget.tokens, budget.usd) == (2, 10, 0.2)
    with pytest.raises(BudgetEnded):
        await budget.reserve(10)


async def test_dollars_are_not_overshot_by_calls_in_flight() -> None:
    budget = Budget(Limits(usd=1.0))
    await budget.reserve(1)
    second = asyncio.create_task(budget.reserve(1))
    await asyncio.sleep(0.01)
    assert not second.done()  # the first call tells what a call costs
    budget.settle(1, 1, 0.4)
    await asyncio.wait_for(second, 1)
    third = asyncio.create_task(budget.reserve(1))
    fourth = asyncio.create_task(budget.reserve(1))
    await asyncio.sleep(0.01)
    assert (third.done(), fourth.done()) == (True, False)
    budget.settle(1, 1, 0.4)
    budget.settle(1, 1, 0.4)
    with pytest.raises(BudgetEnded, match=r"\$1"):
        await asyncio.wait_for(fourth, 1)


@given(
    limit=st.integers(1, 500),
    hold=st.integers(0, 200),
    sizes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40),
)
async def test_tokens_are_never_passed_where_estimates_are_not_too_low(
    limit: int, hold: int, sizes: list[tuple[int, int]]
) -> None:
    budget = Budget(Limits(tokens=limit))
    budget.hold_tokens = hold
    for tokens, more in sizes:
        fits = budget.tokens + max(1, tokens + more) <= limit - hold
        assert (budget.ended(tokens + more) is None) == fits
        if fits:
            await call(budget, tokens, estimate=tokens + more)
        else:
            with pytest.raises(BudgetEnded, match=f"{limit:,} tokens"):
                await budget.reserve(tokens + more)
    assert budget.tokens <= max(0, limit - hold)


async def test_dollars() -> None:
    budget = Budget(Limits(usd=1.0))
    await call(budget, usd=0.6)
    await call(budget, usd=0.6)
    with pytest.raises(BudgetEnded, match=r"\$1 has ended"):
        await budget.reserve(1)


async def test_dollars_need_known_prices() -> None:
    budget = Budget(Limits(usd=1.0))
    await call(budget, usd=None)
    assert budget.usd is None
    with pytest.raises(BudgetEnded, match="price is not known"):
        await budget.reserve(1)
    without = Budget(Limits(calls=5))
    await call(without, usd=None)
    await call(without, usd=0.5)
    assert without.spent().usd is None  # unknown is not the same as free


async def test_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(Limits(minutes=2), spent=Spent(minutes=1.5))
    assert budget.seconds_left == pytest.approx(30)
    now += 20
    assert budget.seconds == pytest.approx(110)
    await budget.reserve(1)
    budget.hold_s = 15
    assert budget.ended() == "2 minutes, less the share of the sealed test,"
    budget.hold_s = 0
    assert budget.ended() is None
    now += 10
    assert budget.ended() == "2 minutes"


async def test_what_is_held_back_is_for_later() -> None:
    budget = Budget(Limits(calls=5))
    budget.hold_calls = 3
    await call(budget)
    await call(budget)
    with pytest.raises(BudgetEnded, match="5 calls, less the share of the sealed test, has ended"):
        await budget.reserve(1)
    budget.hold_calls = 0
    for _ in range(3):
        await call(budget)
    assert budget.ended() == "5 calls"


async def test_it_goes_on_from_what_was_spent() -> None:
    budget = Budget(Limits(calls=10), spent=Spent(calls=9, tokens=7, usd=0.25))
    await call(budget)
    assert budget.ended() == "10 calls"
    assert (budget.new_calls, budget.spent().calls, budget.spent().tokens) == (1, 10, 17)


async def test_limits_as_data() -> None:
    assert Limits(calls=3, minutes=0.5).to_dict() == {"calls": 3, "minutes": 0.5}
    assert Limits().to_dict() == {}


async def test_a_wide_run_spends_its_tokens_before_they_end(make_task: Any) -> None:
    async with Workspace.open(make_task()) as workspace:
        chat = ScriptedChat(lambda request: "x", concurrency=64, delay_s=0.3)
        workspace.parts._chat["scripted/extract"] = chat
        runner = workspace._runner(Limits(tokens=10_000))
        with pytest.raises(BudgetEnded):
            await runner.run(workspace.pipeline(), workspace.task.examples)
        assert runner.desk.budget.tokens > 8_000
