"""What the techniques before and after the search propose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, silent
from headway.engine.parts import Parts
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.testing.techniques import INCUMBENTS, ScriptedContext, large_task, proposals

NAMES = ("hyde", "query_expansion", "decomposition", "routing", "search_again")
TASK = large_task()


def proposed(name: str, incumbent: str | Pipeline) -> list[Pipeline]:
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    context = ScriptedContext(TASK, pipeline, TASK.split("train"))
    return [c.pipeline for c in proposals(TECHNIQUES.load(name), context)]


def settings(pipeline: Pipeline, step: str) -> dict[str, Any]:
    found = pipeline.step(step)
    assert found is not None
    return dict(found.settings)


def names(pipeline: Pipeline) -> list[str]:
    return [s.name for s in pipeline.steps]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_without_a_search_with_an_application_or_twice(name: str) -> None:
    for incumbent in ("no search", "application"):
        assert proposed(name, incumbent) == []
    searching = Pipeline.model_validate({"steps": [{"retrieve": {"k": 2}}, "application"]})
    assert proposed(name, searching) == []
    for pipeline in proposed(name, "search"):
        assert proposed(name, pipeline) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("incumbent", ["search", "re-ranked", "search only", "one passage"])
def test_proposals_can_be_built_and_leave_the_prompt_alone(name: str, incumbent: str) -> None:
    parts = Parts(TASK, silent, Notices())
    found = proposed(name, incumbent)
    assert found
    for pipeline in found:
        build(parts.resolve(pipeline))
        assert pipeline.step("generate") == INCUMBENTS[incumbent].step("generate")


def test_hyde_comes_before_the_search_and_by_meaning_where_that_is_by_words() -> None:
    found = proposed("hyde", "search")
    assert all(names(p) == ["hyde", "retrieve", "generate"] for p in found)
    tried = [
        (settings(p, "retrieve").get("by", "text"), settings(p, "hyde")["keep_question"])
        for p in found
    ]
    assert tried == [("hybrid", True), ("dense", True), ("text", True), ("dense", False)]
    dense = proposed("hyde", "re-ranked")
    assert [settings(p, "hyde")["keep_question"] for p in dense] == [True, False]
    assert all(settings(p, "retrieve") == {"k": 20, "by": "dense"} for p in dense)


def test_wordings_are_merged_by_rank() -> None:
    (found,) = proposed("query_expansion", "search")
    assert names(found) == ["expand", "retrieve", "generate"]
    assert settings(found, "expand")["into"] == "wordings"
    assert settings(found, "retrieve") == {"k": 2, "merge": "ranks"}


def test_parts_are_merged_by_turns_with_room_for_each() -> None:
    wide, narrow = proposed("decomposition", "search")
    assert names(wide) == ["expand", "retrieve", "generate"]
    assert settings(wide, "expand")["into"] == "parts"
    assert settings(wide, "retrieve") == {"k": 4, "merge": "turns"}
    assert settings(narrow, "retrieve") == {"k": 2, "merge": "turns"}


def test_parts_need_room_after_a_re_ranker_too() -> None:
    wide, narrow = proposed("decomposition", "re-ranked")
    assert settings(wide, "rerank")["k"] == 6
    assert settings(wide, "retrieve")["k"] == 20
    assert settings(narrow, "rerank")["k"] == 3


def test_many_passages_are_not_doubled() -> None:
    for k, tried in ((3, [6, 3]), (6, [8, 6]), (8, [8]), (20, [20])):
        pipeline = Pipeline.model_validate({"steps": [{"retrieve": {"k": k}}, "generate"]})
        found = proposed("decomposition", pipeline)
        assert [settings(p, "retrieve")["k"] for p in found] == tried


def test_expansion_and_decomposition_exclude_each_other() -> None:
    (expanded,) = proposed("query_expansion", "search")
    assert proposed("decomposition", expanded) == []


def test_routing_comes_first_trained_before_asked() -> None:
    (hyde, *_) = proposed("hyde", "search")
    for incumbent in (INCUMBENTS["search"], hyde):
        found = proposed("routing", incumbent)
        assert [(settings(p, "classify")["by"], settings(p, "classify")["use"]) for p in found] == [
            ("trained", "filter"), ("model", "filter"), ("model", "both"),
        ]  # fmt: skip
        assert all(names(p)[0] == "classify" for p in found)


@pytest.mark.parametrize("domains", [{}, {"all": "Everything."}])
def test_routing_needs_two_domains(domains: Mapping[str, str]) -> None:
    class Few(ScriptedContext):
        @property
        def domains(self) -> Mapping[str, str]:
            return domains

    context = Few(TASK, INCUMBENTS["search"], TASK.split("train"))
    assert proposals(TECHNIQUES.load("routing"), context) == []
    assert "there are no two domains" in context.notices[0]


def test_searching_again_searches_as_before_and_shows_more() -> None:
    found = proposed("search_again", "re-ranked")
    assert [names(p) for p in found] == [["retrieve", "rerank", "research", "generate"]] * 2
    assert [settings(p, "research") for p in found] == [
        {"rounds": 2, "keep": 7, "k": 4, "by": "dense"},
        {"rounds": 1, "keep": 5, "k": 2, "by": "dense"},
    ]
    cut = {"passages": {"tokens": 48}}
    assert all(
        settings(p, "research").items() >= cut.items()
        for p in proposed("search_again", "one passage")
    )
    assert [names(p) for p in proposed("search_again", "search only")] == [
        ["retrieve", "research"]
    ] * 2
