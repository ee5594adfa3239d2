from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.statistics import bounds_with_outage, comparable


def test_bounds_by_hand() -> None:
    # One pair measured (+1), one without b, one that does not apply.
    found = bounds_with_outage([0, 0.4, None], [1, None, 1], [False] * 3, [False, True, False])
    assert found == pytest.approx(((1 - 0.4) / 2, (1 + 0.6) / 2))
    assert bounds_with_outage([None], [1], [True], [False], 0, 1) == (0.0, 1.0)
    assert bounds_with_outage([None], [1], [False], [False]) is None
    assert bounds_with_outage([9.0], [None], [True], [True], 1, 5) == (-4.0, 4.0)


rows = st.lists(
    st.tuples(*[st.floats(0, 1)] * 2, *[st.booleans()] * 2, *[st.floats(0, 1)] * 2), min_size=1
)


@given(rows)
def test_whatever_was_lost_the_bounds_hold(
    rows: list[tuple[float, float, bool, bool, float, float]],
) -> None:
    found = bounds_with_outage(
        [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows]
    )
    truth = 0.0
    for x, y, lx, ly, tx, ty in rows:
        truth += (ty if ly else y) - (tx if lx else x)
    assert found is not None
    assert found.low - 1e-9 <= truth / len(rows) <= found.high + 1e-9


@pytest.mark.parametrize(
    ("n", "a", "b", "expected"),
    [
        (100, 0, 0, True),
        (100, 1, 1, True),
        (100, 2, 1, False),  # 3% lost
        (100, 2, 0, True),
        (1000, 0, 5, True),  # 2 / 2^5: chance does that
        (1000, 0, 6, False),
        (1000, 10, 10, True),
        (20, 1, 0, False),  # 5% lost
        (0, 0, 0, False),
        (1, 1, 1, False),
    ],
)
def test_comparable(n: int, a: int, b: int, expected: bool) -> None:
    assert comparable(n, a, b) is expected
    assert comparable(n, b, a) is expected


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        comparable(10, 11, 0)
    with pytest.raises(ValueError, match="same length"):
        bounds_with_outage([1], [1, 1], [False], [False])
