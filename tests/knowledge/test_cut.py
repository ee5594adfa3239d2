"""Cutting: exact offsets, nothing dropped, the overlap as asked."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.knowledge.cut import cut, piece, token_spans

TEXTS = st.text(
    alphabet=st.sampled_from("ab é.\n !?。中文한カ\u0301\t,🙂"), max_size=400
) | st.text(max_size=200)
CUTS = st.tuples(st.integers(1, 40), st.integers(0, 39)).filter(lambda c: c[1] < c[0])


@given(TEXTS)
def test_every_character_but_white_space_is_in_one_token(text: str) -> None:
    covered = [0] * len(text)
    for start, end in token_spans(text):
        for i in range(start, end):
            covered[i] += 1
    assert covered == [0 if char.isspace() else 1 for char in text]


@given(TEXTS, CUTS)
def test_passages_cover_everything_in_order(text: str, how: tuple[int, int]) -> None:
    tokens, overlap = how
    passages = cut(text, tokens, overlap)
    covered = set[int]()
    for start, end in passages:
        assert 0 <= start < end <= len(text)
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        assert len(token_spans(text[start:end])) <= tokens
        covered.update(range(start, end))
    assert all(i in covered for i, char in enumerate(text) if not char.isspace())
    assert passages == sorted(set(passages))
    assert (passages == []) == (not text.strip())


@given(TEXTS, CUTS)
def test_overlap_is_exact(text: str, how: tuple[int, int]) -> None:
    tokens, overlap = how
    passages = cut(text, tokens, overlap)
    spans = token_spans(text)
    for (_, end), (start, _) in pairwise(passages):
        assert sum(1 for a, b in spans if a >= start and b <= end) == overlap


def test_breaks_at_a_paragraph_then_a_line_then_a_sentence() -> None:
    words = "one two three four five six seven eight"
    paragraph = "one two three four five six.\n\nseven eight nine ten"
    assert cut(paragraph, 8, 0)[0] == (0, paragraph.index("\n"))
    line = "one two three four five. six\nseven eight nine ten"
    assert cut(line, 8, 0)[0] == (0, line.index("\n"))
    sentence = "one two three four five six. seven eight nine"
    assert cut(sentence, 8, 0)[0] == (0, sentence.index(".") + 1)
    assert cut(words, 4, 0) == [(0, 18), (19, len(words))]


def test_a_number_is_no_sentence_end() -> None:
    text = "a b c d e f 3.5 g h"
    assert text[slice(*cut(text, 8, 0)[0])] == "a b c d e f 3."  # at the limit, not before it
    assert text[slice(*cut(text, 9, 0)[0])] == "a b c d e f 3.5"


def test_chinese_counts_characters() -> None:
    text = "今天天气很好。我们去公园。"
    assert len(token_spans(text)) == len(text)
    assert cut(text, 8, 0)[0] == (0, 7)  # ends at the full stop


@pytest.mark.parametrize(("tokens", "overlap"), [(0, 0), (4, 4), (4, -1), (-1, 0)])
def test_impossible_cuts_are_refused(tokens: int, overlap: int) -> None:
    with pytest.raises(InputError, match="cannot be cut"):
        cut("a b c", tokens, overlap)


@given(TEXTS, st.integers(1, 20), st.data())
def test_a_piece_holds_its_span(text: str, tokens: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    a, b = piece(text, start, end, tokens)
    assert 0 <= a <= start <= end <= b <= len(text)
    inside = [1 for x, y in token_spans(text) if x < end and y > start]
    assert len(token_spans(text[a:b])) <= max(tokens, len(inside))
