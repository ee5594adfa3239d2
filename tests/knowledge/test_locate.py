"""Locating: NFKC and white space folded, offsets raw, of several the nearest."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from headway.knowledge.locate import find, fold

TEXTS = st.text(
    alphabet=st.sampled_from("abﬁ Å①\u00a0\n\té\u0301ｱﾞ한ᄒ\u1161\u11abＡ中"), max_size=60
)


@given(TEXTS)
def test_folding_is_nfkc_and_single_spaces(text: str) -> None:
    assert fold(text).text == " ".join(unicodedata.normalize("NFKC", text).split())


@given(TEXTS | st.text(max_size=60))
def test_the_map_back_is_in_order_and_inside(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    assert all(0 <= a < b <= len(text) for a, b in zip(folded.starts, folded.ends, strict=True))


@given(TEXTS, TEXTS, TEXTS)
def test_what_is_put_in_is_found(before: str, wanted: str, after: str) -> None:
    text = f"{before}|{wanted}|{after}"
    found = find(text, wanted, None)
    if not fold(wanted).text:
        assert found is None
        return
    assert found is not None
    assert fold(wanted).text in fold(text[slice(*found)]).text
    assert found[0] <= text.index("|") + 1 + len(wanted)


@given(st.lists(st.sampled_from(["key", "x", "  ", "yy "]), max_size=30), st.integers(0, 90))
def test_of_several_the_nearest(parts: list[str], near: int) -> None:
    text = "".join(parts)
    places = [i for i in range(len(text)) if text.startswith("key", i)]
    found = find(text, "key", near)
    if not places:
        assert found is None
    else:
        assert found is not None
        assert abs(found[0] - near) == min(abs(place - near) for place in places)


def test_typography_and_line_breaks_do_not_hide_a_quotation() -> None:
    text = "The ﬁrst\n   oﬃce\u00a0opened at №\u00a05."
    found = find(text, "first office opened", None)
    assert found is not None
    assert text[slice(*found)] == "ﬁrst\n   oﬃce\u00a0opened"


def test_composed_and_decomposed_are_the_same() -> None:
    assert find("cafe\u0301 noir", "café", None) == (0, 5)
    assert find("café noir", "cafe\u0301", 0) == (0, 4)


def test_what_is_not_there() -> None:
    assert find("abc", "abd", 0) is None
    assert find("abc", "   ", None) is None
    assert find("", "a", 3) is None
