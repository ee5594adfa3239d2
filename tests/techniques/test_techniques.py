"""What each technique proposes, where it matters."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.task import Example, Output
from headway.techniques import TECHNIQUES
from headway.techniques.behaviour.fixed_examples import varied
from headway.techniques.behaviour.instructions import answer_form
from headway.testing.techniques import INCUMBENTS, ScriptedContext, large_task, proposals


def proposed(name: str, incumbent: str | Pipeline, **spec: Any) -> list[Pipeline]:
    task = large_task(**spec)
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    context = ScriptedContext(task, pipeline, task.split("train"))
    return [c.pipeline for c in proposals(TECHNIQUES.load(name), context)]


def settings(pipeline: Pipeline, step: str) -> dict[str, Any]:
    found = pipeline.step(step)
    assert found is not None
    return dict(found.settings)


def test_instructions_say_what_is_shown_and_what_to_do_unsure() -> None:
    short, steps, marked = proposed("instructions", "search")
    text = settings(short, "generate")["template"]
    assert text.startswith("Say what is kept in a box.")
    assert "passages" in text
    assert text.endswith("If they do not say, reply exactly: I do not know")
    assert "\n1. " in settings(steps, "generate")["template"]
    template = settings(marked, "generate")["template"]
    assert "<passages>\n{{passages}}\n</passages>" in template
    assert "<question>\n{{question}}\n</question>" in template
    bare = settings(proposed("instructions", "no search")[0], "generate")["template"]
    assert "passages" not in bare
    assert "If you do not know" in bare


def test_instructions_leave_own_placeholders_alone() -> None:
    assert proposed("instructions", "own placeholders") == []


def templates(own: str = "Answer.", more: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    pipeline = INCUMBENTS["no search"].with_step("generate", template=own, **(more or {}))
    found = proposed("instructions", pipeline, **spec)
    return [settings(p, "generate")["template"] for p in found]


def test_a_prompt_that_says_much_is_completed_not_lost() -> None:
    own = "Never name a customer. Round all amounts up. Mention the box only by its number, please."
    first, *anew = templates(own)
    assert first.startswith(own + "\nReply with the shortest phrase")
    assert first.endswith("reply exactly: I do not know")
    assert len(anew) == 3
    # What it says already is not said twice; where nothing is missing, nothing is proposed.
    assert templates(first)[0].count("I do not know") == 1
    assert first not in templates(first)


def test_labels_and_fields_are_said_with_what_they_mean() -> None:
    output = {"kind": "label", "labels": ["up", "down"], "about": {"up": "it rose"}}
    assert (
        "labels and nothing else: up, down.\nWhat the labels mean:\n- up: it rose"
        in templates(output=output)[0]
    )
    properties = {
        "name": {"type": "string", "description": "of the customer."},
        "city": {"type": ["string", "null"]},
        "level": {"enum": ["low", "high"]},
        "odd": True,
    }
    schema = {"type": "object", "properties": properties, "required": ["name", "city", "level"]}
    assert templates(output={"kind": "json", "schema": schema})[0].splitlines()[1:] == [
        "Reply with one JSON object and nothing else.",
        "Its fields:",
        "- name (string): of the customer",
        "- city (string); null if the text does not say",
        "- level (one of low, high)",
        "- odd; left out if the text does not say",
    ]


def test_a_persona_only_where_the_user_gives_one() -> None:
    assert "You are" not in templates()[0]
    you = "You are a clerk of the box office. Answer."
    assert templates(you)[0].startswith("You are a clerk of the box office. Say what is kept")
    given = templates(you, description="You are a porter. Say what is kept")[0]
    assert given.startswith("You are a porter. Say what is kept.")
    assert "clerk" not in given
    assert not templates("You are shown a question.")[0].startswith("You are")


@pytest.mark.parametrize("more", [{"reasoning": "brief"}, {"contract": "json"}])
def test_the_form_leaves_room_for_what_stands_around_the_answer(more: dict[str, Any]) -> None:
    for kind in ({}, {"kind": "label", "labels": ["up", "down"]}, {"kind": "sql"}):
        text = templates(more=more, output=kind)[0]
        assert "The answer is" in text
        assert "nothing else" not in text


def test_a_description_with_braces_is_no_placeholder() -> None:
    assert templates(description="Fill in {{name}} for boxes") == []


def solved(*references: Any) -> list[Example]:
    return [Example(id=str(n), inputs={}, reference=r) for n, r in enumerate(references)]


@pytest.mark.parametrize(
    ("output", "train", "says"),
    [
        (Output(kind="label", labels=("up", "down")), [], "one of these labels"),
        (Output(kind="json", schema={}), [], "JSON object"),
        (Output(kind="sql", dialect="sqlite"), [], "sqlite query"),
        (Output(), solved("one two", "three"), "at most 2 words"),
        (Output(), solved("one two three four five six seven eight"), "one short sentence"),
        (Output(), solved("word " * 50), "without an introduction"),
        (Output(), [], "without an introduction"),
    ],
)
def test_the_form_of_an_answer(output: Output, train: list[Example], says: str) -> None:
    assert says in answer_form(output, train)


def test_fixed_examples_are_varied_and_from_train() -> None:
    task = large_task()
    ids = {e.id for e in task.split("train")}
    three, six, _ = proposed("fixed_examples", "search")
    assert len(settings(three, "examples")["ids"]) == 3
    assert len(set(settings(six, "examples")["ids"])) == 6
    assert set(settings(six, "examples")["ids"]) <= ids
    assert settings(three, "examples")["show"] == "evidence"
    plain = proposed("fixed_examples", "no search")[0]
    assert settings(plain, "examples")["show"] == "question"
    assert [s.name for s in three.steps] == ["retrieve", "examples", "generate"]


def test_fixed_examples_replace_those_that_are_there() -> None:
    for pipeline in proposed("fixed_examples", "examples"):
        assert [s.name for s in pipeline.steps].count("examples") == 1


def test_varied_takes_one_kind_after_the_other() -> None:
    pool = [
        Example(id=f"{tag}{n}", inputs={}, reference="r", tags=(tag,))
        for tag, many in (("a", 10), ("b", 1), ("c", 1))
        for n in range(many)
    ]
    assert {e.tags[0] for e in varied(pool, 3, with_evidence=False)} == {"a", "b", "c"}
    assert varied(pool, 3, with_evidence=True) == []
    unsolved = [Example(id="u", inputs={})]
    assert varied(unsolved, 1, with_evidence=False) == []
    unanswerable = [Example(id="x", inputs={}, reference="I do not know")]
    shown = varied(unanswerable, 1, with_evidence=True, abstain="I do not know")
    assert shown == unanswerable


def test_too_few_in_train_give_fewer_candidates() -> None:
    task = large_task()
    context = ScriptedContext(task, INCUMBENTS["no search"], task.split("train")[:4])
    assert len(proposals(TECHNIQUES.load("fixed_examples"), context)) == 1


def test_contract_and_reasoning_are_proposed_once() -> None:
    (json,) = proposed("output_contract", "search")
    assert settings(json, "generate")["contract"] == "json"
    (mended,) = proposed("output_contract", json)
    assert [s.name for s in mended.steps] == ["retrieve", "generate", "repair"]
    assert proposed("output_contract", mended) == []
    brief, steps, held = proposed("reasoning", "search")
    assert settings(brief, "generate")["reasoning"] == "brief"
    assert settings(steps, "generate")["reasoning"] == "steps"
    assert proposed("reasoning", brief) == [steps, held]
    assert proposed("reasoning", steps) == [held]
    assert proposed("reasoning", held) == []


def test_search_kind_offers_the_others() -> None:
    assert [settings(p, "retrieve")["by"] for p in proposed("search_kind", "search")] == [
        "hybrid", "dense"
    ]  # fmt: skip
    first = proposed("search_kind", "no search")
    assert [p.steps[0].name for p in first] == ["retrieve"] * 3
    # What is set already stays.
    assert all(settings(p, "retrieve")["k"] == 2 for p in proposed("search_kind", "search"))


def test_search_kind_leaves_an_application_alone() -> None:
    assert proposed("search_kind", "application") == []


def test_rerank_searches_deep_and_shows_as_many_as_before() -> None:
    for pipeline in proposed("rerank", "search"):
        assert [s.name for s in pipeline.steps] == ["retrieve", "rerank", "generate"]
        assert settings(pipeline, "retrieve")["k"] == 20
        assert settings(pipeline, "rerank")["k"] == 2
    assert proposed("rerank", "re-ranked") == []
    assert proposed("rerank", "no search") == []


def test_passage_count_turns_what_is_shown() -> None:
    assert [settings(p, "retrieve")["k"] for p in proposed("passage_count", "search")] == [4, 3, 1]
    for pipeline in proposed("passage_count", "re-ranked"):
        assert settings(pipeline, "retrieve")["k"] == 20
    counts = [settings(p, "rerank")["k"] for p in proposed("passage_count", "re-ranked")]
    assert counts == [6, 4, 2]
    assert [settings(p, "retrieve")["k"] for p in proposed("passage_count", "one passage")] == [
        3, 2
    ]  # fmt: skip


def test_passage_size_turns_both_ways_and_stays_a_valid_cut() -> None:
    cuts = [settings(p, "retrieve")["passages"] for p in proposed("passage_size", "search")]
    assert [c["tokens"] for c in cuts] == [256, 96]
    assert all(c["overlap"] < c["tokens"] for c in cuts)
    small = proposed("passage_size", "one passage")
    assert [settings(p, "retrieve")["passages"]["tokens"] for p in small] == [96]


def test_settings_turn_one_at_a_time() -> None:
    found = [settings(p, "application")["settings"] for p in proposed("settings", "application")]
    assert found == [{"style": "short"}, {"depth": 2}, {"depth": 3}]
    after = [
        settings(p, "application")["settings"] for p in proposed("settings", "application, set")
    ]
    assert after == [
        {"style": "long"}, {"style": "short", "depth": 2}, {"style": "short", "depth": 3}
    ]  # fmt: skip
    assert proposed("settings", "application", settings={}) == []
