"""Widening by tokens, and joining what then touches."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from headway.knowledge.around import Wide, chained, gathered, widened
from headway.knowledge.cut import cut, token_spans
from headway.knowledge.outline import Outline

TEXTS = st.text(
    alphabet=st.sampled_from("ab é.\n !?。中文한\t🙂"), min_size=1, max_size=300
) | st.lists(st.sampled_from(["word", "longer" * 30, ".", "中"]), min_size=1).map(" ".join)


@given(TEXTS, st.integers(1, 30), st.integers(0, 30))
@example("longer" * 30 + " word word", 1, 2)
@example("a" * 1000, 1, 3)
def test_so_many_tokens_on_both_sides(text: str, tokens: int, around: int) -> None:
    spans = token_spans(text)
    starts, ends = [a for a, _ in spans], [b for _, b in spans]
    outline = Outline(text, ())
    for start, end in cut(text, tokens, 0):
        first, last = starts.index(start), ends.index(end)
        wanted = starts[max(0, first - around)], ends[min(len(ends) - 1, last + around)]
        assert widened(text, (start, end), around, "tokens", outline) == wanted
        assert widened(text, (start, end), around, "document", outline) == (start, end)


HITS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 90), st.integers(1, 12), st.integers(0, 1)),
    max_size=12,
)


@given(HITS, st.integers(1, 6))
def test_joined_pieces_stand_apart_and_hold_every_hit(
    drawn: list[tuple[int, int, int, int]], k: int
) -> None:
    text = ("x" * 7 + "  ") * 12
    made = [(d, a, min(a + n, len(text)), s) for d, a, n, s in drawn]
    hits = [Wide(d, a, b, 1.0 - i / 100, s) for i, (d, a, b, s) in enumerate(made)]
    found = gathered(iter(hits), lambda _: text, k)
    assert len(found) <= k
    for i, one in enumerate(found):
        for other in found[:i]:
            if (one.document, one.section) == (other.document, other.section):
                first, second = sorted([(one.start, one.end), (other.start, other.end)])
                assert first[1] < second[0]
                assert text[first[1] : second[0]].strip()
    assert [w.score for w in found] == sorted((w.score for w in found), reverse=True)
    if len(found) < k:
        for d, a, b, s in made:
            assert any(
                (w.document, w.section) == (d, s) and w.start <= a and b <= w.end for w in found
            )
    if made:
        assert found[0].score == 1.0


def test_the_best_of_joined_ones_gives_rank_and_score() -> None:
    text = "one two three four five"
    hits = [Wide(0, 0, 3, 3.0), Wide(1, 0, 3, 2.0), Wide(0, 8, 13, 1.0), Wide(0, 4, 7, 0.5)]
    assert gathered(iter(hits), lambda _: text, 9) == [Wide(0, 0, 13, 3.0), Wide(1, 0, 3, 2.0)]


def test_it_stops_as_soon_as_k_stand_apart() -> None:
    hits = [Wide(0, 0, 3), Wide(0, 8, 13), Wide(0, 4, 7)]
    assert gathered(iter(hits), lambda _: "one two three four", 2) == [
        Wide(0, 0, 3),
        Wide(0, 8, 13),
    ]


def test_chains_end_at_gaps_and_sections() -> None:
    text = "one two three four five"
    parts = [Wide(0, 0, 3), Wide(0, 4, 7), Wide(0, 14, 18), Wide(0, 19, 23, section=5)]
    assert [(w.start, w.end) for w in chained(parts, text)] == [(0, 7), (14, 18), (19, 23)]
