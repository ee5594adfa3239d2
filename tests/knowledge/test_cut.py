"""Cutting: exact offsets, nothing dropped, the overlap as asked."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.protocols import Unit
from headway.core.sentences import sentences
from headway.knowledge.cut import LONGEST, cut, piece, token_spans

TEXTS = st.text(
    alphabet=st.sampled_from("ab é.\n !?。中文한カ\u0301\t,🙂"), max_size=400
) | st.text(max_size=200)
UNITS: tuple[Unit, ...] = ("tokens", "sentences", "headings", "document")
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


HEADED = st.lists(
    st.sampled_from(
        ["# One", "## Two two", "### Three", "", "Short. Text here!", "a b c d e f g h i j k l. M"]
    ),
    max_size=14,
).map("\n".join)


def headings(text: str) -> list[tuple[int, int, str]]:
    return [
        (match.start(), len(match[1]), match[2])
        for match in re.finditer(r"^(#+) (.*)$", text, re.MULTILINE)
    ]


@given(HEADED | TEXTS, CUTS, st.sampled_from(UNITS))
def test_every_unit_covers_everything_in_order(text: str, how: tuple[int, int], unit: Unit) -> None:
    tokens, overlap = how
    passages = cut(text, tokens, overlap, unit, headings(text))
    covered = {i for start, end in passages for i in range(start, end)}
    assert all(i in covered for i, char in enumerate(text) if not char.isspace())
    assert all(0 <= a < b <= len(text) for a, b in passages)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(passages))
    if unit != "document":
        assert all(len(token_spans(text[a:b])) <= tokens for a, b in passages)
    assert (passages == []) == (not text.strip())


@given(HEADED | TEXTS, CUTS)
def test_sentences_stay_whole(text: str, how: tuple[int, int]) -> None:
    tokens, overlap = how
    spans = token_spans(text)
    heads = [at for o, _, _ in headings(text) for at in (o, (text + "\n").index("\n", o))]
    groups = [(spans[a][0], spans[b - 1][1], b - a) for a, b in sentences(text, spans, heads)]
    passages = cut(text, tokens, overlap, "sentences", headings(text))
    for start, end, size in groups:
        if size <= tokens:
            assert any(a <= start and end <= b for a, b in passages)
            assert all(end <= a or start >= b or (a <= start and end <= b) for a, b in passages)
    for (a, b), (c, _) in pairwise(passages):
        if c < b and not any(x <= a and b <= y and n > tokens for x, y, n in groups):
            assert len(token_spans(text[c:b])) <= overlap
            assert c in [start for start, _, _ in groups]


@given(HEADED, CUTS)
def test_no_passage_crosses_a_heading(text: str, how: tuple[int, int]) -> None:
    found = headings(text)
    for start, end in cut(text, *how, "headings", found):
        inside = [(at, level, name) for at, level, name in found if start < at < end]
        # Bare headings with more tokens than a passage holds are cut too, inside one of them.
        before = [(at, level) for at, level, _ in found if at <= start][-1:]
        for at, level, _ in inside:  # only headings that stand bare above, each deeper
            assert before
            assert level > before[-1][1]
            between = text[before[0][0] : at]
            assert not re.sub(r"^#.*$", "", between, flags=re.MULTILINE).strip()
            before.append((at, level))


def test_bare_headings_longer_than_a_passage_are_cut() -> None:
    text = "# One\n## Two two"
    found = cut(text, 2, 1, "headings", headings(text))
    pieces = [text[a:b] for a, b in found]
    assert (pieces[0], pieces[-1]) == ("# One", "Two two")
    assert all(len(token_spans(piece)) <= 2 for piece in pieces)


def test_a_section_is_a_passage() -> None:
    text = "Before.\n# A\none\n## B\ntwo three\n# C\n## D\n" + "w " * 20
    found = cut(text, 12, 2, "headings", headings(text))
    assert [text[a:b] for a, b in found[:3]] == ["Before.", "# A\none", "## B\ntwo three"]
    assert text[slice(*found[3])].startswith("# C\n## D\nw")
    assert len(found) == 6


def test_whole_sentences_with_whole_sentences_repeated() -> None:
    text = "One two. Three four. Five six. Seven eight nine ten eleven. Twelve."
    assert [text[a:b] for a, b in cut(text, 7, 3, "sentences")] == [
        "One two. Three four.",
        "Three four. Five six.",
        "Seven eight nine ten eleven.",
        "Twelve.",
    ]


def test_a_whole_document_is_kept_to_the_character() -> None:
    assert cut(" a b\n", 1, 0, "document") == [(0, 5)]
    assert cut(" \n", 1, 0, "document") == []


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


def test_what_has_no_spaces_is_cut_too() -> None:
    text = "word" * 10_000
    found = cut(text, tokens=80, overlap=8)
    assert max(end - start for start, end in found) <= 80 * LONGEST
    assert found[0][0] == 0
    assert found[-1][1] == len(text)
    longest = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    assert token_spans(longest) == [(0, len(longest))]  # a word stays one
