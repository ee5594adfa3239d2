"""Two runs side by side: the verdict, what it takes, and what a loss makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.record import Usage
from headway.core.task import Example
from headway.engine.compare import compare_runs, kinds_of, latency_of, summarise, usage_of
from headway.report import words


def test_better_and_worse_are_about_b(made: Any) -> None:
    low, high = made.run_of([0.0] * 40, name="low"), made.run_of([1.0] * 40, name="high")
    found = compare_runs(low, high, "m")
    assert (found.a, found.b, found.verdict, found.difference) == ("low", "high", "better", 1.0)
    assert found.p is not None
    assert found.p < 0.001
    assert (found.n, found.groups, found.worst_case, found.examples_needed) == (40, 40, None, None)
    back = compare_runs(high, low, "m", named=("new", "old"))
    assert (back.a, back.b, back.verdict, back.difference) == ("new", "old", "worse", -1.0)


def test_not_proven_says_what_would_prove_it(made: Any) -> None:
    a = made.run_of([0.0, 1.0] * 15)
    b = made.run_of([0.0, 1.0] * 13 + [1.0, 1.0, 1.0, 0.0])
    found = compare_runs(a, b, "m")
    assert found.verdict == "not_proven"
    assert found.examples_needed is not None
    assert found.examples_needed > 30
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0 <= found.high


def test_no_difference_needs_no_number(made: Any) -> None:
    same = made.run_of([0.0, 1.0] * 20)
    found = compare_runs(same, same, "m")
    assert (found.verdict, found.difference, found.examples_needed) == ("not_proven", 0.0, None)
    assert "next to no difference" in found.why


def test_where_the_metric_applies_to_one_answer_only_is_counted(made: Any) -> None:
    a = made.run_of([0.0] * 40)
    b = made.run_of([1.0] * 25 + [None] * 15)
    found = compare_runs(a, b, "m")
    assert (found.verdict, found.n, found.one_sided) == ("better", 25, 15)
    said = "over 25 examples (15 more left out: m applies to one answer only)."
    assert words.comparison(found).endswith(said)
    lost = compare_runs(made.run_of([0.0] * 100), made.run_of([1.0] * 99 + [made.OUT]), "m")
    assert (lost.n, lost.one_sided) == (99, 0)


def test_few_groups_prove_nothing_whatever_the_scores(made: Any) -> None:
    over = made.examples(60, groups=5)
    found = compare_runs(made.run_of([0.0] * 60, over), made.run_of([1.0] * 60, over), "m")
    assert (found.verdict, found.groups) == ("not_proven", 5)
    assert "5 groups are too few" in found.why


def test_a_loss_on_one_side_is_not_comparable_and_bounded(made: Any) -> None:
    a = made.run_of([0.0] * 50)
    b = made.run_of([1.0] * 40 + [made.OUT] * 10)
    found = compare_runs(a, b, "m")
    assert found.verdict == "not_comparable"
    assert (found.difference, found.low, found.high, found.p) == (None, None, None, None)
    assert "0 and 10 of 50 answers were lost" in found.why
    # Had all the lost answers been wrong, or all of them right.
    assert found.worst_case == pytest.approx((0.8, 1.0))


def test_a_small_loss_is_left_out_and_the_bounds_are_shown(made: Any) -> None:
    a = made.run_of([0.0] * 99 + [made.OUT])
    b = made.run_of([1.0] * 100)
    found = compare_runs(a, b, "m")
    assert (found.verdict, found.n, found.difference) == ("better", 99, 1.0)
    assert found.worst_case == pytest.approx((0.99, 1.0))


def test_a_scale_of_its_own_has_no_bounds(made: Any) -> None:
    a = made.run_of([0.0] * 50)
    b = made.run_of([7.0] * 40 + [made.OUT] * 10)
    found = compare_runs(a, b, "m")
    assert (found.verdict, found.worst_case) == ("not_comparable", None)


def test_only_shared_examples_count(made: Any) -> None:
    over = made.examples(60)
    found = compare_runs(
        made.run_of([0.0] * 40, over[:40]), made.run_of([1.0] * 40, over[20:]), "m"
    )
    assert (found.n, found.difference) == (20, 1.0)
    apart = compare_runs(made.run_of([0.0] * 9, over[:9]), made.run_of([1.0] * 9, over[20:29]), "m")
    assert (apart.verdict, apart.n, apart.why) == (
        "not_comparable", 0, "the two runs share no examples"
    )  # fmt: skip


def test_examples_that_changed_are_not_shared(made: Any) -> None:
    over = made.examples(10)
    new = [Example.model_validate(e.model_dump() | {"reference": "other"}) for e in over]
    assert compare_runs(made.run_of([0] * 10, over), made.run_of([1] * 10, new), "m").n == 0


def test_where_the_metric_does_not_apply_is_left_out(made: Any) -> None:
    a = made.run_of([0.0] * 20 + [None] * 10)
    b = made.run_of([1.0] * 20 + [None] * 10)
    found = compare_runs(a, b, "m")
    assert (found.n, found.verdict) == (20, "better")
    nowhere = compare_runs(made.run_of([None] * 9), made.run_of([None] * 9), "m")
    assert (nowhere.verdict, nowhere.difference, nowhere.n) == ("not_proven", None, 0)


def test_groups_widen_the_interval(made: Any) -> None:
    scores = [float(n % 10 < 6) for n in range(100)]  # equal within each of 10 groups
    alone = compare_runs(made.run_of([0.0] * 100), made.run_of(scores), "m")
    over = made.examples(100, groups=10)
    grouped = compare_runs(made.run_of([0.0] * 100, over), made.run_of(scores, over), "m")
    assert grouped.difference == alone.difference == pytest.approx(0.6)
    assert alone.low is not None
    assert grouped.low is not None
    assert grouped.low < alone.low - 0.1


# --- summaries ------------------------------------------------------------------------------------


def test_a_summary_counts_what_happened(made: Any) -> None:
    over = made.examples(6, reviewed=False)
    run = made.run_of([1.0, 0.0, None, made.OUT, made.OUT, 1.0], over)
    found = summarise(run, ["m"], notices=("read this",))
    assert (found.n, found.completed, found.outage) == (6, 4, 2)
    assert found.metrics["m"].n == 3
    assert found.metrics["m"].mean == pytest.approx(2 / 3)
    assert (found.unreviewed, found.notices) == (6, ("read this",))
    assert found.usage.calls == 6


def test_usage_with_one_unknown_price_is_unknown(made: Any) -> None:
    priced = made.run_of([1.0] * 3, usage=Usage(calls=1, usd=0.5))
    assert usage_of(priced.records).usd == 1.5
    unknown = made.run_of([1.0], usage=Usage(calls=1, usd=None))
    total = usage_of([*priced.records, *unknown.records])
    assert (total.usd, total.calls) == (None, 4)
    assert usage_of([]).usd == 0.0


def test_latency_leaves_outages_out(made: Any) -> None:
    slow = made.run_of([1.0] * 19, latency_s=0.1)
    last = made.run_of([1.0], latency_s=9.0)
    lost = made.run_of([made.OUT] * 5)
    found = latency_of([*slow.records, *last.records, *lost.records])
    assert (found.p50, found.p95) == (0.1, 9.0)
    assert latency_of(lost.records).p50 is None


def test_kinds_by_tag_group_reference_and_field(made: Any) -> None:
    over = [
        e.model_copy(update={"tags": ("hard" if n < 40 else "easy",), "inputs": {"lang": "de"}})
        for n, e in enumerate(made.examples(100))
    ]
    run = made.run_of([0.0] * 40 + [1.0] * 60, over)
    found = {k.value: k for k in kinds_of(run, "m", ("tags",))}
    assert found["hard"].worse
    assert not found["easy"].worse
    assert (found["hard"].n, found["hard"].mean) == (40, 0.0)
    assert {k.by for k in kinds_of(run, "m", ("lang", "reference", "nobody"))} <= {
        "lang", "reference"
    }  # fmt: skip
    assert kinds_of(made.run_of([1.0]), "m", ("tags",)) == ()
