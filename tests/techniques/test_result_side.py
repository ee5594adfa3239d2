"""What the techniques propose that turn what is cut, embedded, ordered and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.techniques.context.rules import rules_of
from headway.techniques.context.shown import before, handed, put, with_handed
from headway.testing.techniques import INCUMBENTS, ScriptedContext, large_task, proposals

NAMES = (
    "embedded_line", "passage_unit", "surroundings", "diversity", "rules", "passage_order",
    "score_gap", "compression", "passage_count", "passage_size", "search_kind", "rerank",
)  # fmt: skip
WHOLE = {
    "retrieve": {"k": 20, "by": "dense", "diversity": 0.1, "passages": {"tokens": 64, "around": 32}}
}


def made(*steps: Any) -> Pipeline:
    return Pipeline.model_validate({"model": "scripted/echo", "steps": list(steps)})


def proposed(
    name: str, incumbent: Pipeline, causes: Mapping[str, int] | None = None, **spec: Any
) -> list[Pipeline]:
    task = large_task(**spec)
    context = ScriptedContext(task, incumbent, task.split("train"), causes or {})
    return [c.pipeline for c in proposals(TECHNIQUES.load(name), context)]


def settings(pipeline: Pipeline, step: str) -> dict[str, Any]:
    found = pipeline.step(step)
    assert found is not None
    return dict(found.settings)


def cut(pipeline: Pipeline) -> dict[str, Any]:
    return dict(settings(pipeline, "retrieve").get("passages", {}))


def steps(pipeline: Pipeline) -> list[str]:
    return [step.name for step in pipeline.steps]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_without_a_search_or_for_an_application(name: str) -> None:
    if name != "search_kind":
        assert proposed(name, INCUMBENTS["no search"]) == []
    assert proposed(name, INCUMBENTS["application"]) == []
    assert proposed(name, made({"retrieve": {"k": 4}}, "application")) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_set_already_stays(name: str) -> None:
    incumbent = made(
        "expand", WHOLE, {"rerank": {"k": 6}}, {"examples": {"k": 2}}, {"generate": {}}
    )
    for pipeline in proposed(name, incumbent):
        build(pipeline)
        kept = [s for s in steps(pipeline) if s in steps(incumbent)]
        assert kept == steps(incumbent)
        now, then = settings(incumbent, "retrieve"), settings(pipeline, "retrieve")
        lost = [key for key in now if key not in then]
        assert not lost
        assert set(cut(incumbent)) <= set(cut(pipeline))
        # What is put in stands between search and examples.
        added = [s for s in steps(pipeline) if s not in steps(incumbent)]
        places = [steps(pipeline).index(s) for s in added]
        assert all(1 < place < steps(pipeline).index("examples") for place in places)


@pytest.mark.parametrize("name", NAMES)
def test_no_proposal_twice_in_a_row(name: str) -> None:
    incumbent = made({"retrieve": {"k": 4}}, {"generate": {}})
    for first in proposed(name, incumbent):
        again = proposed(name, first)
        assert first.digest not in [p.digest for p in again]
        for second in again:
            build(second)


def test_lines_and_units_other_than_now() -> None:
    found = proposed("embedded_line", made(WHOLE, "generate"))
    assert [cut(p)["line"] for p in found] == ["headings", "summary", "none"]
    assert all(cut(p)["around"] == 32 for p in found)
    bare = made({"retrieve": {"passages": {"line": "none", "unit": "headings"}}}, "generate")
    assert [cut(p)["line"] for p in proposed("embedded_line", bare)] == [
        "headings", "summary", "title"
    ]  # fmt: skip
    assert [cut(p)["unit"] for p in proposed("passage_unit", bare)] == ["sentences", "tokens"]


def test_surroundings_are_small_passages_with_more_around() -> None:
    found = [cut(p) for p in proposed("surroundings", INCUMBENTS["search"])]
    assert [(c["tokens"], c["overlap"], c["around"]) for c in found] == [(48, 8, 48), (64, 10, 96)]
    documents = made({"retrieve": {"passages": {"unit": "document"}}}, "generate")
    assert proposed("surroundings", documents) == proposed("passage_size", documents) == []


def test_passage_size_keeps_what_else_is_cut() -> None:
    pipeline = made({"retrieve": {"passages": {"tokens": 96, "unit": "sentences", "around": 48}}})
    assert [cut(p) for p in proposed("passage_size", pipeline)] == [
        {"tokens": 160, "overlap": 26, "unit": "sentences", "around": 48},
        {"tokens": 48, "overlap": 8, "unit": "sentences", "around": 48},
    ]


def test_diversity_needs_two_passages() -> None:
    found = proposed("diversity", INCUMBENTS["search"])
    assert [settings(p, "retrieve")["diversity"] for p in found] == [0.3, 0.5]
    assert proposed("diversity", INCUMBENTS["one passage"]) == []
    assert proposed("diversity", made({"retrieve": {"k": 20}}, {"rerank": {"k": 1}})) == []


def test_rules_search_deeper_and_show_as_many() -> None:
    found = proposed("rules", INCUMBENTS["search"])
    assert [settings(p, "prefer") for p in found] == [
        {"rules": [{"newest": "date"}], "k": 2, "weight": 1.0},
        {"rules": [{"newest": "date"}], "k": 2, "weight": 2.0},
        {"rules": [{"newest": "date"}], "k": 2, "strict": True},
    ]
    assert all(settings(p, "retrieve")["k"] == 10 for p in found)
    reranked = proposed("rules", INCUMBENTS["re-ranked"])[0]
    assert steps(reranked) == ["retrieve", "rerank", "prefer", "generate"]
    counts = [settings(reranked, name)["k"] for name in ("retrieve", "rerank", "prefer")]
    assert counts == [20, 10, 3]
    assert proposed("rules", found[0]) == []


def test_rules_of_the_task_go_before_dates() -> None:
    own = {"prefer": [{"first": {"kind": "report"}}, {"newest": "year"}]}
    (soft, *_) = proposed("rules", INCUMBENTS["search"], knowledge=own)
    assert settings(soft, "prefer")["rules"] == own["prefer"]


def test_no_rule_where_few_documents_have_a_date_or_all_the_same() -> None:
    class Knows(ScriptedContext):
        known: Mapping[str, Mapping[str, str]]

        @property
        def documents(self) -> Mapping[str, Mapping[str, str]]:
            return self.known

    context = Knows(large_task(), INCUMBENTS["search"])
    for dates, any_rule in (
        (["2024", "2023", "", ""], True), (["2024", "2023", "", "", ""], False),
        (["2024", "2024"], False), ([], False),
    ):  # fmt: skip
        context.known = {str(n): {"date": date} if date else {} for n, date in enumerate(dates)}
        assert bool(rules_of(context)) == any_rule
        context.notices.clear()
        assert bool(proposals(TECHNIQUES.load("rules"), context)) == any_rule
        assert any("too few documents have dates" in t for t in context.notices) != any_rule


def test_orders_need_a_middle() -> None:
    assert proposed("passage_order", INCUMBENTS["search"]) == []
    found = proposed("passage_order", INCUMBENTS["re-ranked"])
    assert [settings(p, "order")["how"] for p in found] == ["edges", "reversed"]
    assert steps(found[0]) == ["retrieve", "rerank", "order", "generate"]
    assert [settings(p, "order")["how"] for p in proposed("passage_order", found[0])] == [
        "reversed"
    ]


def test_a_gap_is_looked_for_among_more_passages() -> None:
    found = proposed("score_gap", INCUMBENTS["re-ranked"])
    assert [settings(p, "trim") for p in found] == [
        {"gap": 0.3, "least": 1}, {"gap": 0.5, "least": 1}
    ]  # fmt: skip
    assert all(settings(p, "rerank")["k"] == 8 for p in found)
    many = made({"retrieve": {"k": 12}}, {"order": {}}, "generate")
    (first, _) = proposed("score_gap", many)
    assert settings(first, "retrieve")["k"] == 12
    assert steps(first) == ["retrieve", "trim", "order", "generate"]


def test_compression_shows_about_as_much_text() -> None:
    words, model = proposed("compression", INCUMBENTS["search"])
    assert settings(words, "compress") == {"sentences": 2, "by": "words"}
    assert settings(model, "compress")["by"] == "rerank"
    assert settings(words, "retrieve")["k"] == 8  # passages of 160 words, 40 of them left
    halved = made({"retrieve": {"k": 3, "passages": {"tokens": 96}}}, "generate")
    assert settings(proposed("compression", halved)[0], "retrieve")["k"] == 6
    assert proposed("compression", INCUMBENTS["one passage"]) == []  # of 48 words
    assert proposed("compression", words) == []


def test_passage_count_turns_the_last_step_that_keeps() -> None:
    ruled = made({"retrieve": {"k": 10}}, {"prefer": {"k": 4}}, "generate")
    found = proposed("passage_count", ruled)
    assert [settings(p, "prefer")["k"] for p in found] == [8, 6, 3]
    assert all(settings(p, "retrieve")["k"] == 10 for p in found)
    # A step cannot keep more than comes to it.
    narrow = made({"retrieve": {"k": 3}}, {"rerank": {"k": 3}}, "generate")
    assert [
        (settings(p, "retrieve")["k"], settings(p, "rerank")["k"])
        for p in proposed("passage_count", narrow)
    ] == [(6, 6), (4, 4), (3, 2)]


def test_rerank_goes_deeper_where_evidence_ranks_low() -> None:
    assert [settings(p, "retrieve")["k"] for p in proposed("rerank", INCUMBENTS["search"])] == [
        20, 20
    ]  # fmt: skip
    deeper = proposed("rerank", INCUMBENTS["search"], {"ranked_too_low": 3})
    assert [settings(p, "retrieve")["k"] for p in deeper] == [20, 20, 50]
    ruled = made({"retrieve": {"k": 10}}, {"prefer": {"k": 4}}, "generate")
    (first, *_) = proposed("rerank", ruled)
    assert steps(first) == ["retrieve", "rerank", "prefer", "generate"]
    assert settings(first, "rerank")["k"] == 10


def test_what_is_handed_on() -> None:
    pipeline = made({"retrieve": {"k": 20}}, "rerank", "prefer", {"trim": {"most": 3}}, "generate")
    assert handed(pipeline) == 3
    assert handed(pipeline, to="rerank") == 20
    assert handed(pipeline, to="compress") == 3
    assert handed(made("generate")) == 0
    more = with_handed(pipeline, 6)
    assert (settings(more, "trim")["most"], settings(more, "rerank")["k"]) == (6, 6)
    assert settings(more, "retrieve")["k"] == 20
    assert "k" not in settings(more, "prefer")
    assert [s.name for s in before(pipeline, "order")] == ["retrieve", "rerank", "prefer", "trim"]
    assert steps(put(made("retrieve"), "trim")) == ["retrieve", "trim"]
