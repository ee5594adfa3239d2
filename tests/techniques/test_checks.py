"""What quotes, fact_check and abstention propose, and the threshold that is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.pipeline import Pipeline
from headway.core.protocols import Search, Technique
from headway.core.record import Passage
from headway.core.task import Example, Task
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.techniques.behaviour.abstention import LOST, Abstention, thresholds
from headway.testing.techniques import (
    INCUMBENTS,
    ScriptedContext,
    TechniqueContract,
    large_task,
    proposals,
)


def proposed(name: str, incumbent: str | Pipeline, **spec: Any) -> list[Pipeline]:
    task = large_task(**spec)
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    context = ScriptedContext(task, pipeline, task.split("train"))
    found = [c.pipeline for c in proposals(TECHNIQUES.load(name), context)]
    for candidate in found:
        build(candidate)
    return found


def settings(pipeline: Pipeline, step: str) -> dict[str, Any]:
    found = pipeline.step(step)
    return dict(found.settings) if found else {}


# --- quotes and fact_check ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "otherwise"),
    [({"abstain": "I do not know"}, "abstain"), ({"kind": "text"}, "retry")],
)
def test_quotes_alone_then_looked_up(output: dict[str, Any], otherwise: str) -> None:
    plain, checked = proposed("quotes", "search", output=output)
    assert settings(plain, "generate")["reasoning"] == "quote"
    assert plain.step("check") is None
    assert [s.name for s in checked.steps] == ["retrieve", "generate", "check"]
    assert settings(checked, "generate")["reasoning"] == "quote"
    assert settings(checked, "check") == {"citations": True, "otherwise": otherwise}
    # What is there already is not proposed again.
    assert [s.step("check") is None for s in proposed("quotes", plain, output=output)] == [False]
    assert proposed("quotes", checked, output=output) == []


@pytest.mark.parametrize("name", ["quotes", "fact_check"])
def test_checks_need_passages_in_the_prompt(name: str) -> None:
    assert proposed(name, "no search") == []
    assert proposed(name, "search only") == []
    assert proposed(name, "application") == []
    assert len(proposed(name, "own placeholders")) == 2
    blind = INCUMBENTS["search"].with_step("generate", template="Q: {{ question }}")
    assert proposed(name, blind) == []
    assert proposed(name, "search", output={"kind": "sql"}) == []


def test_fact_check_by_words_and_by_the_model() -> None:
    words, model = proposed("fact_check", "search")
    assert settings(words, "check") == {"facts": 0.7, "by": "words", "otherwise": "retry"}
    assert settings(model, "check") == {"facts": 0.7, "by": "model", "otherwise": "retry"}
    assert proposed("fact_check", words) == []
    assert proposed("fact_check", "search", output={"kind": "label", "labels": ["a", "b"]}) == []


def test_checks_are_added_to_one_another() -> None:
    checked = proposed("quotes", "search")[1]
    both = proposed("fact_check", checked)[0]
    assert [s.name for s in both.steps].count("check") == 1
    assert settings(both, "check") == {
        "citations": True, "otherwise": "abstain", "facts": 0.7, "by": "words"
    }  # fmt: skip


# --- abstention -----------------------------------------------------------------------------------

PHRASE = "I do not know"


def with_unanswerable(**spec: Any) -> Task:
    """large_task, and 60 questions about boxes that there are not."""
    task = large_task(**spec)
    none = tuple(
        Example(id=f"none-{n:03}", inputs={"question": f"What is kept in box zz{n:03}?"},
                reference=[f"{PHRASE}."])
        for n in range(60)
    )  # fmt: skip
    return task.model_copy(update={"examples": (*task.examples, *none)})


def score_of(query: str) -> float:
    """Unanswerable 0 to 2, answerable 1 to 3."""
    return int(query[-4:-1]) % 21 / 10 + (0.0 if "zz" in query else 1.0)


async def _search(self: Any, query: str, how: Search) -> tuple[Passage, ...]:
    return (Passage("b", "low", 0, 3, score=-5.0), Passage("a", "x", 0, 1, "T", score_of(query)))


async def _rerank(self: Any, model: str, query: str, texts: Sequence[str]) -> list[float]:
    assert texts == ["low", "T\nx"]
    return [-9.0, 10 * score_of(query)]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedContext, "search", _search)
    monkeypatch.setattr(ScriptedContext, "rerank", _rerank)


def abstentions(incumbent: str | Pipeline, task: Task | None = None) -> list[Pipeline]:
    task = task or with_unanswerable()
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    context = ScriptedContext(task, pipeline, task.split("train"))
    found = [c.pipeline for c in proposals(TECHNIQUES.load("abstention"), context)]
    for candidate in found:
        build(candidate)
    return found


@pytest.mark.usefixtures("scored")
class TestAbstention(TechniqueContract):
    @pytest.fixture
    def technique(self) -> type[Technique]:
        return Abstention

    def _task(self) -> Task:
        return with_unanswerable(**self.spec)

    def test_only_train_is_named(self, technique: type[Technique]) -> None:
        # The contract looks for words of hidden references, and the phrase is one of them here.
        task = self._task()
        hidden = [*task.split("dev"), *task.split("test")]
        words = {w for e in hidden for w in (e.id, e.question[-6:-1])}
        for name, _, found in self._each(technique):
            for candidate in found:
                said = candidate.pipeline.model_dump_json() + candidate.title
                assert not [word for word in words if word in said], name


@pytest.mark.usefixtures("scored")
def test_the_threshold_is_that_of_the_best_balanced_accuracy() -> None:
    task = with_unanswerable()
    low, high = (
        [score_of(e.question) for e in task.split("train") if ("zz" in e.question) == want]
        for want in (True, False)
    )
    best, strict = abstentions("search", task)
    assert [s.name for s in best.steps] == ["retrieve", "abstain", "generate"]

    def shares(below: float) -> tuple[float, float]:
        return tuple(sum(s < below for s in side) / len(side) for side in (low, high))  # type: ignore[return-value]

    caught, lost = shares(settings(best, "abstain")["below"])
    others = [shares(n / 100) for n in range(-10, 320)]
    assert caught - lost == pytest.approx(max(c - x for c, x in others))
    caught, lost = shares(settings(strict, "abstain")["below"])
    assert lost <= LOST
    assert caught == max(c for c, x in others if x <= LOST)


@pytest.mark.usefixtures("scored")
def test_after_a_reranker_its_scores_count() -> None:
    plain, ranked = abstentions("search")[0], abstentions("re-ranked")[0]
    assert [s.name for s in ranked.steps] == ["retrieve", "rerank", "abstain", "generate"]
    assert settings(ranked, "abstain")["below"] == pytest.approx(
        10 * settings(plain, "abstain")["below"], abs=0.01
    )


@pytest.mark.usefixtures("scored")
def test_reciprocal_ranks_get_a_reranker() -> None:
    hybrid = INCUMBENTS["examples"].with_step("retrieve", by="hybrid", embed="m", k=2)
    for pipeline in abstentions(hybrid):
        assert [s.name for s in pipeline.steps] == [
            "retrieve", "rerank", "examples", "abstain", "generate"
        ]  # fmt: skip
        assert settings(pipeline, "rerank") == {"model": "scripted/echo", "k": 2}


@pytest.mark.usefixtures("scored")
def test_what_is_found_in_another_way_cannot_be_had_here() -> None:
    expanded = INCUMBENTS["search"].with_step("expand", before="retrieve")
    task = with_unanswerable()
    context = ScriptedContext(task, expanded, task.split("train"))
    assert proposals(Abstention, context) == []
    ranked = expanded.with_step("rerank", before="generate", k=2)
    assert len(abstentions(ranked)) == 2  # the re-ranker's scores do not hang on the way
    assert abstentions(abstentions("search")[0]) == []


@pytest.mark.usefixtures("scored")
def test_too_few_unanswerable_or_no_phrase_give_nothing() -> None:
    assert abstentions("search", large_task()) == []
    assert abstentions("search", with_unanswerable(output={"kind": "text"})) == []
    task = with_unanswerable()
    none = [e for e in task.split("train") if "zz" in e.question]
    some = [e for e in task.split("train") if "zz" not in e.question]
    for few in ((*none[:7], *some), (*none, *some[:19])):
        context = ScriptedContext(task, INCUMBENTS["search"], few)
        assert proposals(Abstention, context) == []
    context = ScriptedContext(task, INCUMBENTS["search"], (*none[:8], *some[:20]))
    assert proposals(Abstention, context) != []


def test_scores_that_say_nothing_give_nothing() -> None:
    assert abstentions("search") == []  # ScriptedContext scores all alike


async def test_the_search_is_the_pipelines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[Search] = set()

    async def search(self: Any, query: str, how: Search) -> tuple[Passage, ...]:
        seen.add(how)
        return await _search(self, query, how)

    monkeypatch.setattr(ScriptedContext, "search", search)
    cut = {"tokens": 64, "overlap": 8, "unit": "sentences"}
    pipeline = INCUMBENTS["search"].with_step(
        "retrieve", by="dense", embed="m", k=3, passages=cut, diversity=0.3
    )
    task = with_unanswerable()
    context = ScriptedContext(task, pipeline, task.split("train"))
    assert [c async for c in Abstention().propose(context)]
    own = build(pipeline)[0].search  # type: ignore[attr-defined]
    assert seen == {own}


SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 1 / 3, 7.25, -2.0]), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_thresholds_part_the_scores_in_every_way(low: list[float], high: list[float]) -> None:
    found = thresholds([*low, float("-inf")], high)
    assert len(found) == len({*low, *high}) - 1
    assert [c.below for c in found] == sorted({c.below for c in found})
    for cut in found:
        assert cut.caught == (1 + sum(s < cut.below for s in low)) / (len(low) + 1)
        assert cut.lost == sum(s < cut.below for s in high) / len(high)
        assert 0 < cut.balanced <= 1


def test_neighbouring_scores_are_parted_though_they_look_alike() -> None:
    (cut,) = thresholds([1.00001], [1.00002])
    assert (cut.caught, cut.lost) == (1.0, 0.0)
