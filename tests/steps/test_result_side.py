"""prefer, order, trim and compress: what happens to passages between search and prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headway.core.protocols import State, Step
from headway.core.record import Passage
from headway.core.sentences import sentence_spans
from headway.core.task import Example, KnowledgeSource, Rule
from headway.steps.compress import Compress, overlap, words
from headway.steps.order import Order
from headway.steps.prefer import Prefer, age_key
from headway.steps.rerank import Rerank
from headway.steps.trim import Trim, until_gap
from headway.testing.steps import ScriptedLender, small_task


class Knows(ScriptedLender):
    """A lender that knows these documents, and the rules of a task.yaml."""

    def __init__(self, known: Mapping[str, Mapping[str, str]], prefer: Sequence[Rule] = ()) -> None:
        task = small_task()
        source = KnowledgeSource(prefer=tuple(prefer))
        spec = task.spec.model_copy(update={"knowledge": source})
        super().__init__(task.model_copy(update={"spec": spec}))
        self._known = known

    def metadata(self, document: str) -> Mapping[str, str]:
        return self._known.get(document, {})


def state(*passages: Passage, query: str = "When does the kiln cool?") -> State:
    ranked = tuple((p.document, p.start, p.end) for p in passages)
    example = Example(id="e", inputs={"question": query})
    return State(example, query, passages=passages, ranked=ranked)


def found(*names: str) -> State:
    """A state with one passage of each document, with falling scores."""
    return state(*(Passage(n, n, 0, len(n), score=9.0 - at) for at, n in enumerate(names)))


def run(step: Step, given: State, lend: ScriptedLender | None = None) -> State:
    return asyncio.run(step.run(given, lend or ScriptedLender()))


def names(after: State) -> list[str]:
    return [p.document for p in after.passages]


# --- prefer ---------------------------------------------------------------------------------------

NEWEST = (Rule(newest="date"),)
DATED = Knows(
    {"old": {"date": "2019-05-01"}, "mid": {"date": "2022-12-31"}, "new": {"date": "2024-01-02"}}
)


def test_the_newest_moves_up_by_its_weight() -> None:
    given = found("old", "mid", "none", "new")
    # Search and rule count the same: 1/61 + 1/63, then 2/62, then 1/64 + 1/61.
    assert names(run(Prefer(rules=NEWEST), given, DATED)) == ["old", "mid", "new", "none"]
    assert names(run(Prefer(rules=NEWEST, weight=9), given, DATED)) == ["new", "mid", "old", "none"]
    strict = run(Prefer(rules=NEWEST, strict=True, k=2), given, DATED)
    assert names(strict) == ["new", "mid"]
    assert [d for d, _, _ in strict.ranked] == ["new", "mid", "old", "none"]


def test_scores_are_those_of_the_fused_order() -> None:
    after = run(Prefer(rules=NEWEST, weight=2), found("old", "new"), DATED)
    assert [p.score for p in after.passages] == [
        pytest.approx(1 / 62 + 2 / 61), pytest.approx(1 / 61 + 2 / 62)
    ]  # fmt: skip
    # The rule moves nothing here: how far apart the search saw them is still of use.
    given = found("new", "none")
    assert run(Prefer(rules=NEWEST), given, DATED).passages == given.passages
    strict = run(Prefer(rules=NEWEST, strict=True), found("old", "mid", "new"), DATED)
    scores = [p.score or 0.0 for p in strict.passages]
    assert scores == sorted(scores, reverse=True)


def test_first_are_those_with_all_the_values() -> None:
    lend = Knows({"a": {"kind": "note"}, "b": {"kind": "Report", "year": "2024"}, "c": {}})
    rule = Rule(first={"kind": "report ", "year": "2024"})
    assert names(run(Prefer(rules=(rule,), strict=True), found("a", "c", "b"), lend)) == [
        "b", "a", "c"
    ]  # fmt: skip


def test_strict_rules_sort_one_after_the_other() -> None:
    lend = Knows({
        "a": {"kind": "x", "date": "2020"}, "b": {"kind": "y", "date": "2024"},
        "c": {"kind": "x", "date": "2023"},
    })  # fmt: skip
    rules = (Rule(first={"kind": "x"}), Rule(newest="date"))
    assert names(run(Prefer(rules=rules, strict=True), found("b", "a", "c"), lend)) == [
        "c", "a", "b"
    ]  # fmt: skip


def test_without_rules_those_of_the_task_count() -> None:
    known = {"old": {"date": "2019"}, "new": {"date": "2024"}}
    step = Prefer(strict=True)
    assert names(run(step, found("old", "new"), Knows(known, NEWEST))) == ["new", "old"]
    assert names(run(step, found("old", "new"), Knows(known))) == ["old", "new"]


def test_what_search_found_beyond_the_passages_stays_ranked() -> None:
    given = replace(found("old", "new"), ranked=(("old", 0, 3), ("new", 0, 3), ("far", 5, 9)))
    after = run(Prefer(rules=NEWEST, strict=True), given, DATED)
    assert [d for d, _, _ in after.ranked] == ["new", "old", "far"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2023-12-31", "2024-01-01"), ("2024", "2024-05"), ("2024-05-01", "2024-05-01T09:00"),
        ("2.9", "2.10"), ("v9", "V10"), ("", "1999"), ("unknown", "1999"), ("009", "10"),
        ("1" * 5000, "2" * 5000),
    ],
)  # fmt: skip
def test_dates_and_versions_by_age(older: str, newer: str) -> None:
    assert age_key(older) < age_key(newer)


DOCUMENTS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
KNOWN = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.dictionaries(st.sampled_from(["date", "kind"]), st.text(max_size=8), max_size=2),
)
RULES = st.lists(
    st.sampled_from([Rule(newest="date"), Rule(newest="kind"), Rule(first={"kind": "x"})]),
    max_size=3,
).map(tuple)


@given(DOCUMENTS, KNOWN, RULES, st.booleans(), st.none() | st.integers(1, 9))
def test_prefer_is_a_permutation_cut_to_k(
    docs: list[str], known: Any, rules: Any, strict: bool, k: int | None
) -> None:
    step = Prefer(rules=rules, strict=strict, k=k)
    after = run(step, found(*docs), Knows(known))
    whole = [d for d, _, _ in after.ranked]
    assert sorted(whole) == sorted(docs)
    assert names(after) == whole[:k]
    scores = [p.score or 0.0 for p in after.passages]
    assert scores == sorted(scores, reverse=True)
    # Those of which nothing is known keep their order among each other.
    bare = [d for d in docs if not known.get(d)]
    assert [d for d in whole if d in bare] == bare


@given(DOCUMENTS, RULES, st.booleans())
def test_prefer_changes_nothing_where_nothing_is_known(
    docs: list[str], rules: Any, strict: bool
) -> None:
    assert names(run(Prefer(rules=rules, strict=strict), found(*docs), Knows({}))) == docs


# --- order ----------------------------------------------------------------------------------------


def test_orders() -> None:
    given = found(*"12345")
    assert names(run(Order(), given)) == ["1", "3", "5", "4", "2"]
    assert names(run(Order(), found(*"1234"))) == ["1", "3", "4", "2"]
    assert names(run(Order(how="reversed"), given)) == ["5", "4", "3", "2", "1"]
    places = (("b", 90), ("a", 50), ("b", 10), ("a", 70))
    spread = state(*(Passage(name, "text", at, at + 4) for name, at in places))
    after = run(Order(how="document"), spread)
    assert [(p.document, p.start) for p in after.passages] == [
        ("b", 10), ("b", 90), ("a", 50), ("a", 70)
    ]  # fmt: skip
    assert after.ranked == spread.ranked


PASSAGES = st.lists(
    st.builds(
        Passage,
        st.sampled_from("abc"),
        st.text(max_size=3),
        st.integers(0, 50),
        st.integers(50, 99),
        score=st.none() | st.floats(),
    ),
    max_size=12,
)


@given(PASSAGES, st.sampled_from(["edges", "reversed", "document"]))
def test_order_is_a_permutation(passages: list[Passage], how: Any) -> None:
    after = run(Order(how=how), state(*passages))
    assert sorted(map(repr, after.passages)) == sorted(map(repr, passages))


# --- trim -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "gap", "count"),
    [
        ([9.0, 8.5, 3.0, 2.5], 0.5, 2),  # BM25
        ([0.82, 0.81, 0.80, 0.70, 0.69], 0.5, 3),  # cosine
        ([4.0, -1.0, -9.0, -10.0], 0.5, 2),  # logits; the first fall is less than half
        ([4.0, -1.0, -9.0, -10.0], 0.3, 1),
        ([-1.0, -1.5, -11.0], 0.3, 2),
        ([5.0, 4.0, 3.0, 2.0, 1.0], 0.3, 5),  # evenly: no gap
        ([2.0, 2.0, 2.0], 0.0, 3),
        ([2.0, 1.0], 1.0, 2),
        ([2.0, 1.0], 0.99, 1),
        ([7.0], 0.3, 1),
        ([], 0.3, 0),
        ([9.0, None, 1.0], 0.3, 3),
        ([9.0, nan, 1.0], 0.3, 3),
        ([inf, 2.0, 1.0], 0.3, 3),
    ],
)
def test_until_gap(scores: list[float | None], gap: float, count: int) -> None:
    assert until_gap(scores, gap) == count


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12),
    st.floats(0.01, 0.99),
    st.floats(0.001, 1000),
)
def test_a_gap_does_not_hang_on_the_scale(scores: list[float], gap: float, scale: float) -> None:
    scores = sorted((round(s) for s in scores), reverse=True)
    falls = [(a - b) / (scores[0] - scores[-1] or 1) for a, b in pairwise(scores)]
    if all(abs(fall - gap) > 1e-6 for fall in falls):  # else rounding decides
        assert until_gap([scale * s for s in scores], gap) == until_gap(scores, gap)


@given(PASSAGES, st.floats(0, 1), st.integers(1, 5), st.none() | st.integers(5, 9))
def test_trim_keeps_a_prefix(
    passages: list[Passage], gap: float, least: int, most: int | None
) -> None:
    given = state(*passages)
    after = run(Trim(gap=gap, least=least, most=most), given)
    count = len(after.passages)
    assert all(a is b for a, b in zip(after.passages, passages, strict=False))
    assert min(least, len(passages)) <= count <= min(most or 99, len(passages))
    assert after.ranked == given.ranked


def test_trim_refuses_least_above_most() -> None:
    with pytest.raises(ValidationError, match="least 3 must not be more than most 2"):
        Trim(least=3, most=2)


def test_trim_after_a_reranker_cuts_at_its_scores() -> None:
    given = state(
        *(Passage(n, text, 0, len(text)) for n, text in (
            ("a", "nothing here"), ("b", "the kiln cool does"), ("c", "when does the kiln"),
        ))
    )  # fmt: skip
    after = run(Trim(gap=0.5), run(Rerank(model="m", k=3), given))
    assert names(after) == ["c", "b"]


# --- compress -------------------------------------------------------------------------------------

KILN = (
    "The kiln stands in the yard. It is old. It fires at 1,240 degrees.\n"
    "The kiln must cool for two days. Then it is opened! Ask Dr. Quill first."
)


def piece(text: str, within: str = KILN, name: str = "kiln.md") -> Passage:
    at = within.index(text)
    return Passage(name, text, at, at + len(text), title="Kiln", score=1.0)


def test_the_best_sentences_with_their_offsets() -> None:
    whole = piece(KILN[29:])
    (one,) = run(Compress(sentences=1), state(whole)).passages
    assert one.text == "The kiln must cool for two days."
    assert KILN[one.start : one.end] == one.text
    assert (one.title, one.score) == ("Kiln", 1.0)
    (two,) = run(Compress(sentences=2), state(whole)).passages
    # Of two windows that hold the same words, the first.
    assert two.text == "It fires at 1,240 degrees.\nThe kiln must cool for two days."
    same = run(Compress(sentences=9), state(whole))
    assert same == state(whole)


def test_by_model_the_title_is_read_by_the_reranker() -> None:
    class Watching(ScriptedLender):
        async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
            assert model == self.task.spec.models.rerank
            assert all(text.startswith("Kiln\n") for text in texts)
            return [float("opened" in text) for text in texts]

        async def embed(self, model: str, texts: Sequence[str], kind: Any) -> Any:
            assert model == "m"
            made = await super().embed(model, texts, kind)
            return made * 0 + (1.0 if kind == "query" else [["old" in t] for t in texts])

    given = state(piece(KILN))
    (by_rerank,) = run(Compress(sentences=1, by="rerank"), given, Watching()).passages
    assert by_rerank.text == "Then it is opened!"
    step = Compress(sentences=1, by="embed", embed="m")
    assert run(step, given, Watching()).passages[0].text == "It is old."
    assert Compress(by="embed").roles == {"embed": "embed"}
    assert Compress(by="rerank").roles == {"model": "rerank"}
    assert Compress().roles == {}


def test_a_piece_is_shown_once_and_rows_stay_whole() -> None:
    rows = Passage("table", "One row. Another row. A third row.", 0, 0)
    given = state(piece(KILN), rows, piece(KILN[29:]))
    after = run(Compress(sentences=1), given)
    assert [p.text for p in after.passages] == ["The kiln must cool for two days.", rows.text]
    assert after.ranked == given.ranked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ask Dr. Quill. She is in.", ["Ask Dr. Quill.", "She is in."]),
        ("It weighs 3.5 kg, e.g. dry. Then it is wet.", None),
        ("By J. S. Bach in 1723. It was played?! “Yes.” So it was.", [
            "By J. S. Bach in 1723.", "It was played?!", "“Yes.”", "So it was.",
        ]),
        ("Am 3. Mai bzw. am 4. Mai, z. B. mittags. Danach nicht.", [
            "Am 3. Mai bzw. am 4. Mai, z. B. mittags.", "Danach nicht.",
        ]),
        ("窑在院子里。它要冷却两天！“为什么？”不知道", [
            "窑在院子里。", "它要冷却两天！", "“为什么？”", "不知道",
        ]),
        ("# Kiln\n\nIt cools\nslowly\n- two days\n- a lid\n1. Open it", [
            "# Kiln", "It cools\nslowly", "- two days", "- a lid", "1. Open it",
        ]),
        ("  \n\n ", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences(text: str, wanted: list[str] | None) -> None:
    if wanted is None:
        wanted = ["It weighs 3.5 kg, e.g. dry.", "Then it is wet."]
    assert [text[a:b] for a, b in sentence_spans(text)] == wanted


WRITTEN = st.text(
    alphabet=st.sampled_from("ab AB.!?。！\n\r\t1-#”) \u3000é窑在\u0130"), max_size=80
) | st.text(max_size=60)


@given(WRITTEN)
def test_sentences_hold_every_character_once(text: str) -> None:
    spans = sentence_spans(text)
    at = 0
    for start, end in spans:
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(
    st.lists(st.tuples(WRITTEN, st.integers(0, 30)), max_size=4),
    st.integers(1, 3),
    st.sampled_from(["words", "embed", "rerank"]),
    WRITTEN,
)
def test_compress_gives_pieces_of_at_most_so_many_sentences(
    made: list[tuple[str, int]], count: int, by: Any, query: str
) -> None:
    texts = {f"{n}": "x" * at + text for n, (text, at) in enumerate(made)}
    given = state(
        *(Passage(f"{n}", text, at, at + len(text)) for n, (text, at) in enumerate(made)),
        query=query,
    )
    after = run(Compress(sentences=count, by=by), given)
    assert names(after) == names(given)
    for before, passage in zip(given.passages, after.passages, strict=True):
        assert passage.text == texts[passage.document][passage.start : passage.end]
        assert before.covers(passage.document, passage.start, passage.end)
        assert len(sentence_spans(passage.text)) <= count


def test_rare_words_count_more_and_each_counts_once() -> None:
    among = ["the kiln", "the kiln", "the lid", "the the the"]
    one, two, three = overlap("the lid", ["the", "lid", "the the the"], among)
    assert two > one == three > 0
    assert overlap("nobody", among, among) == [0.0] * 4


def test_words_of_eastern_scripts_are_pairs() -> None:
    assert words("The KILN, 窑在院 and 炉") == {"the", "kiln", "窑在", "在院", "and", "炉"}
