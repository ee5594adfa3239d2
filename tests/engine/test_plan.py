"""How far a budget reaches, and how dev is cut."""

from __future__ import annotations

from math import inf
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.task import Example, Task, TaskSpec
from headway.engine.budget import Limits
from headway.engine.plan import DIAGNOSED, Sizes, affordable, cut_dev, sizes


def task_of(examples: list[Example]) -> Task:
    return Task(folder=Path(), spec=TaskSpec(name="x"), examples=tuple(examples))


def test_dev_is_cut_by_group_into_two_fifths_and_three() -> None:
    task = task_of([Example(id=str(n), inputs={}, group=f"g{n // 3}") for n in range(3000)])
    explore, confirm = cut_dev(task)
    assert not {e.cluster for e in explore} & {e.cluster for e in confirm}
    assert len(explore) + len(confirm) == len(task.split("dev"))
    assert len(explore) / len(task.split("dev")) == pytest.approx(0.4, abs=0.05)


def test_affordable_is_the_tightest_limit() -> None:
    assert affordable(Limits(), 1, 1, 1) == inf
    assert affordable(Limits(calls=50), 1, 100, 0.1) == 50
    assert affordable(Limits(calls=50, tokens=1000), 1, 100, 0.1) == 10
    assert affordable(Limits(usd=0.5), 1, 100, 0.1) == pytest.approx(5)
    assert affordable(Limits(minutes=1), 2, 100, 0.1, seconds_used=20) == 20
    assert affordable(Limits(minutes=1), 2, 100, 0.1, seconds_used=99) == 0
    # What costs nothing, or is not known, does not bind.
    assert affordable(Limits(usd=1, tokens=1, minutes=1), 0, 0, None) == inf


@given(
    reach=st.floats(0, 1e5) | st.just(inf),
    explore=st.integers(1, 500),
    confirm=st.integers(1, 500),
    test=st.integers(0, 500),
)
def test_sizes_grow_and_never_exceed_what_there_is(
    reach: float, explore: int, confirm: int, test: int
) -> None:
    found = sizes(reach, explore, confirm, test, 0.1, 50)
    assert 0 < found.diagnose <= min(explore, DIAGNOSED)
    assert list(found.rounds) == sorted(set(found.rounds))
    assert found.rounds[0] > 0
    assert found.rounds[-1] <= explore
    assert list(found.looks) == sorted(set(found.looks))
    assert found.looks[0] > 0
    assert found.looks[-1] <= confirm
    assert found.test <= test
    if reach == inf:
        assert (found.looks[-1], found.test) == (confirm, test)
    assert Sizes.from_dict(orjson.loads(orjson.dumps(found.to_dict()))) == found


def test_a_larger_budget_never_measures_less() -> None:
    before = sizes(0, 300, 400, 300, 1, 1)
    assert (before.diagnose, before.rounds[-1], before.looks[-1], before.test) == (36, 24, 40, 40)
    for reach in (100, 1000, 3000, 10_000, inf):
        after = sizes(reach, 300, 400, 300, 1, 1)
        assert after.diagnose >= before.diagnose
        assert after.rounds[-1] >= before.rounds[-1]
        assert after.looks[-1] >= before.looks[-1]
        assert after.test >= before.test
        before = after
    assert before.rounds == (24, 48, 96)
