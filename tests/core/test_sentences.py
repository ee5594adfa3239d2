"""Sentence ends in English, German and Chinese, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.sentences import sentences
from headway.knowledge.cut import token_spans

TEXTS = st.text(alphabet=st.sampled_from('aB é.\n !?…。”"#-1中文'), max_size=200)


def split(text: str) -> list[str]:
    spans = token_spans(text)
    return [text[spans[a][0] : spans[b - 1][1]] for a, b in sentences(text, spans)]


@pytest.mark.parametrize(
    "parts",
    [
        ["The tide turns.", "Boats wait!", "Do they?", "Yes."],
        ["Dr. Quill met Mr. J. R. Low at 3.5 m, i.e. in St. Ann.", "She left."],
        ['"Really?" he asked.', "“Stop.”", "(It did.)", "Then... nothing."],
        ["It cost approx. five pounds vs. six.", "See Fig. 3 and p. 12."],
        ["Am 3. Mai kam Dr. Ott, z. B. mit bzw. ohne Nr. 7.", "Im 19. Jahrhundert nicht."],
        ["Er war der 12.", "Das war 2019.", "Die Zahl ist 1.240,5."],
        ["今天天气很好。", "我们去公园！", "“走吗？”", "走。"],
        ["窑温是1240度。", "It cools for two days.", "然后打开。"],
        ["# A heading. Of two", "Text under it.", "## Next", "More"],
        ["First paragraph without a mark", "Second paragraph"],
    ],
)
def test_sentences(parts: list[str]) -> None:
    east = any("\u4e00" <= char <= "\u9fff" for part in parts for char in part)
    if parts[0].startswith(("#", "First")):
        assert split("\n\n".join(parts)) == parts
    else:
        assert split(" ".join(parts)) == parts
        if east:
            assert split("".join(parts).replace("days.", "days。")) == [
                part.replace("days.", "days。") for part in parts
            ]


def test_lists_and_soft_breaks() -> None:
    assert split("Bring:\n- a rope\n- a lamp\n1. one\n2. two. Three") == [
        "Bring:",
        "- a rope",
        "- a lamp",
        "1. one",
        "2. two.",
        "Three",
    ]
    assert split("A sentence over\ntwo lines. And\none.") == [
        "A sentence over\ntwo lines.",
        "And\none.",
    ]


@given(TEXTS | st.text(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_every_token_is_in_one_sentence(text: str, breaks: list[int]) -> None:
    spans = token_spans(text)
    found = sentences(text, spans, breaks)
    assert [i for a, b in found for i in range(a, b)] == list(range(len(spans)))
    assert all(a < b for a, b in found)
