"""Retrieval metrics against formulas written out here, and over the cases that mislead."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.record import Passage
from headway.metrics import load
from headway.metrics.retrieval import (
    ContextPrecision,
    ContextRecall,
    RetrievalMrr,
    RetrievalNdcg,
    RetrievalRecall,
    spans_held,
)
from headway.testing.metrics import MetricContract, scored


def passages(*spans: tuple[str, int, int]) -> list[Passage]:
    return [Passage(document, "", start, end) for document, start, end in spans]


A, B = ("d", 10, 20), ("d", 50, 60)
FOUND = passages(("x", 0, 99), ("d", 0, 40), ("d", 5, 45), ("d", 45, 90))


class TestRecall(MetricContract):
    metric = RetrievalRecall()
    right = scored("", passages=FOUND, evidence=[A, B])
    wrong = scored("", passages=FOUND[:3], evidence=[A, B])


class TestMrr(MetricContract):
    metric = RetrievalMrr()
    right = scored("", passages=FOUND[1:], evidence=[A])
    wrong = scored("", passages=FOUND, evidence=[A])


class TestNdcg(MetricContract):
    metric = RetrievalNdcg()
    right = scored("", passages=[FOUND[1], FOUND[3]], evidence=[A, B])
    wrong = scored("", passages=FOUND, evidence=[A, B])


class TestContextPrecision(MetricContract):
    metric = ContextPrecision()
    right = scored("", passages=[FOUND[1], FOUND[3]], evidence=[A, B])
    wrong = scored("", passages=FOUND, evidence=[A, B])


class TestContextRecall(MetricContract):
    metric = ContextRecall()
    right = scored("", passages=FOUND, evidence=[A, B])
    wrong = scored("", passages=FOUND[:3], evidence=[A, B])


def value(name: str, **given: object) -> float | None:
    return asyncio.run(load(name, Path()).score(scored("", **given)))  # type: ignore[arg-type]


def test_figures_by_hand() -> None:
    case = {"passages": FOUND, "evidence": [A, B]}
    assert value("retrieval_recall", **case) == 1.0
    assert value("retrieval_mrr", **case) == 0.5
    # B at rank 4 and A at rank 2; the second passage that holds A adds nothing.
    dcg, ideal = 1 / math.log2(3) + 1 / math.log2(5), 1 + 1 / math.log2(3)
    assert value("retrieval_ndcg", **case) == pytest.approx(dcg / ideal)


def test_two_passages_with_the_same_span_count_once() -> None:
    twice = passages(("d", 0, 40), ("d", 5, 45))
    assert value("retrieval_recall", passages=twice, evidence=[A, B]) == 0.5
    assert value("retrieval_ndcg", passages=twice, evidence=[A]) == 1.0


def test_one_passage_with_two_spans_brings_both() -> None:
    both = passages(("x", 0, 9), ("d", 0, 99))
    assert value("retrieval_recall", passages=both, evidence=[A, B]) == 1.0
    assert value("retrieval_ndcg", passages=both, evidence=[A, B]) == pytest.approx(
        1 / math.log2(3)
    )


def test_a_span_that_is_cut_apart_is_not_held() -> None:
    parts = passages(("d", 0, 15), ("d", 15, 40))
    assert value("retrieval_recall", passages=parts, evidence=[A]) == 0.0


def test_at_k_judges_what_search_returned_not_what_was_shown() -> None:
    ranked = [(p.document, p.start, p.end) for p in FOUND]
    case = {"passages": [], "ranked": ranked, "evidence": [A, B]}
    assert [value(f"retrieval_recall@{k}", **case) for k in (1, 2, 3, 4, 9)] == [0, 0.5, 0.5, 1, 1]
    assert value("retrieval_mrr@1", **case) == 0.0
    assert value("retrieval_recall", **case) == 0.0


def test_any_passage_of_a_document_that_is_evidence_as_a_whole() -> None:
    case = {"passages": passages(("d", 30, 40)), "evidence": [("d", 0, 500)]}
    assert value("retrieval_recall", whole=["d"], **case) == 1.0
    assert value("retrieval_recall", **case) == 0.0


@pytest.mark.parametrize("offsets", [(0, 0), (0, 40), (3, 9)])
def test_any_passage_of_a_database_that_is_evidence(offsets: tuple[int, int]) -> None:
    held = passages(("x", 0, 9), ("database:sales", *offsets))
    evidence = [("database:sales", 0, 0), A]
    assert value("retrieval_recall", passages=held, evidence=evidence) == 0.5
    assert value("retrieval_mrr", passages=held, evidence=evidence) == 0.5
    assert value("context_precision", passages=held, evidence=evidence) == 0.5
    other = passages(("database:stock", *offsets), ("sales", *offsets))
    assert value("retrieval_recall", passages=other, evidence=evidence) == 0.0


def test_context_signal_is_the_plain_share() -> None:
    a, noise = (A[0], A[1], A[2]), [("n.md", i, i + 1) for i in range(49)]
    case = {"passages": passages(a, *noise), "evidence": [A]}
    assert value("context_signal", **case) == pytest.approx(1 / 50)
    assert value("context_precision", **case) == 1.0
    assert value("context_signal", passages=passages(*noise), evidence=[A]) == 0.0


def test_context_precision_by_hand() -> None:
    noise, a, b = ("x", 0, 99), ("d", 0, 40), ("d", 45, 90)
    for shown, expected in [
        ([a, b], 1.0),
        ([noise, a], 1 / 2),
        ([a, noise, noise], 1.0),  # what stands below the evidence costs nothing
        ([a, noise, b], (1 / 1 + 2 / 3) / 2),
        ([noise, noise, a, b], (1 / 3 + 2 / 4) / 2),
        ([a, a, b], (1 / 1 + 2 / 3) / 2),  # a repetition is noise
        ([noise], 0.0),
        ([], 0.0),
    ]:
        found = value("context_precision", passages=passages(*shown), evidence=[A, B])
        assert found == pytest.approx(expected), shown
    # What was not found is recall's matter.
    assert value("context_precision", passages=passages(a), evidence=[A, B]) == 1.0
    ranked = [noise, a, b]
    assert value("context_precision@2", ranked=ranked, evidence=[A, B]) == 0.5


def test_each_passage_of_a_document_that_is_evidence_as_a_whole_is_relevant() -> None:
    shown = passages(("d", 30, 40), ("x", 0, 9), ("d", 60, 80))
    case = {"passages": shown, "evidence": [("d", 0, 500)], "whole": ["d"]}
    assert value("context_precision", **case) == pytest.approx((1 + 2 / 3) / 2)
    assert value("context_recall", **case) == value("retrieval_recall", **case) == 1.0
    assert value("retrieval_ndcg", **case) == 1.0  # one passage was enough


def test_nothing_known_is_none() -> None:
    assert value("retrieval_recall", passages=FOUND) is None
    assert value("retrieval_ndcg@3", ranked=[A]) is None
    assert value("context_precision", passages=FOUND) is None
    assert value("context_recall", passages=FOUND) is None


@pytest.mark.parametrize("name", ["retrieval_recall@0", "retrieval_recall@x", "exact_match@3"])
def test_a_wrong_depth_is_told(name: str) -> None:
    with pytest.raises(InputError, match="unknown metric"):
        load(name, Path())


SPAN = st.builds(
    lambda document, start, size: (document, start, start + size),
    st.sampled_from("de"),
    st.integers(0, 30),
    st.integers(1, 30),
)


@given(st.lists(SPAN, max_size=12), st.lists(SPAN, min_size=1, max_size=5, unique=True))
def test_all_agree_with_their_formulas(
    ranking: list[tuple[str, int, int]], evidence: list[tuple[str, int, int]]
) -> None:
    held = [len(new) for new in spans_held(ranking, evidence, frozenset())]
    case = {"passages": passages(*ranking), "evidence": evidence}
    assert value("retrieval_recall", **case) == pytest.approx(sum(held) / len(evidence))
    assert value("context_recall", **case) == value("retrieval_recall", **case)
    hits = [rank for rank, n in enumerate(held, start=1) if n]
    shares = [number / rank for number, rank in enumerate(hits, start=1)]
    precision = sum(shares) / len(shares) if shares else 0.0
    assert value("context_precision", **case) == pytest.approx(precision)
    first = next((rank for rank, new in enumerate(held, start=1) if new), None)
    assert value("retrieval_mrr", **case) == pytest.approx(1 / first if first else 0.0)
    grades = sorted((n for n in held if n), reverse=True) + [1] * (len(evidence) - sum(held))

    def gain(values: list[int]) -> float:
        return sum(n / math.log2(rank + 1) for rank, n in enumerate(values, start=1))

    assert value("retrieval_ndcg", **case) == pytest.approx(gain(held) / gain(grades))
