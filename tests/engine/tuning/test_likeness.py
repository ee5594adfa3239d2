"""Outputs beside wanted ones, and data that does not show what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headway.core.task import Task
from headway.core.training import Sample
from headway.engine.tuning.likeness import (
    FEATURES,
    Feature,
    Likeness,
    asks,
    data_lesson,
    likeness,
    opening,
)

ROOT = Path(__file__).resolve().parents[3]

CHAT = [
    "Sure, will do it in the morning!", "okay", "lol yes", "on it", "Can we do this tomorrow?",
    "thanks :)", "I'm out today, ping Dana", "sounds good", "👍", "Let's sync at 3",
]  # fmt: skip
POST = (
    "Prompts are instructions. A good prompt says what is wanted, in which form, and for whom. "
    "It gives the model what it needs to know. It shows an example where words are not enough.\n\n"
)


def task_of(folder: Path, instructions: str, **spec: object) -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    data = {"name": "posts", "instructions": instructions, "models": {"chat": "scripted/echo"}}
    (folder / "task.yaml").write_text(yaml.safe_dump({**data, **spec}))
    (folder / "examples.jsonl").write_text("")
    return Task.load(folder)


def sample(number: int, reply: str) -> Sample:
    said = ({"role": "user", "content": f"Topic {number}"}, {"role": "assistant", "content": reply})
    return Sample(f"s{number}", f"s{number}", said)


def level(task: Task, replies: list[str]) -> str:
    found = data_lesson(task, [sample(n, reply) for n, reply in enumerate(replies)])
    return found[0].level if found else "none"


# --- the data shows it, or not --------------------------------------------------------------------


def test_chat_messages_do_not_teach_to_write_posts(tmp_path: Path) -> None:
    task = task_of(tmp_path, "Write a 500-word blog post about the topic.")
    samples = [sample(n, CHAT[n % len(CHAT)]) for n in range(100)]
    (item,) = data_lesson(task, samples)
    assert item.level == "error"
    assert "“500-word”" in item.text
    assert "2 words at the median" in item.text
    assert item.data["count"] == 100


def test_posts_do(tmp_path: Path) -> None:
    task = task_of(tmp_path, "Write a 500-word blog post about the topic.")
    assert level(task, [POST * 13] * 20) == "ok"
    assert level(task, [*[POST * 13] * 16, *CHAT[:4]]) == "warning"
    assert level(task, [*[POST * 13] * 9, *CHAT[:11]]) == "error"


def test_tickets_show_what_they_ask_for() -> None:
    task = Task.load(ROOT / "examples" / "tickets")
    samples = [Sample(e.id, e.cluster, ({"role": "user", "content": e.question},
                                        {"role": "assistant", "content": e.references[0]}))
               for e in task.split("train")]  # fmt: skip
    assert [i.level for i in data_lesson(task, samples)] == ["ok"]
    prose = {"role": "assistant", "content": "A broken kettle."}
    prose_only = [Sample(s.id, s.group, (*s.prompt, prose)) for s in samples]
    assert [i.level for i in data_lesson(task, prose_only)] == ["error"]


def test_what_most_questions_ask_counts_as_asked(tmp_path: Path) -> None:
    task = Task.load(ROOT / "examples" / "tone")
    short = [e.model_copy(update={"inputs": {"question": f"{e.question}. In one sentence."}})
             for e in task.examples]  # fmt: skip
    task = task.model_copy(update={"examples": tuple(short)})
    samples = [Sample(e.id, e.cluster, ({"role": "user", "content": e.question},
                                        {"role": "assistant", "content": e.references[0]}))
               for e in task.split("train")]  # fmt: skip
    (item,) = data_lesson(task, samples)
    assert (item.level, "“one sentence”" in item.text) == ("error", True)


@pytest.mark.parametrize(
    ("instructions", "good", "bad"),
    [
        ("Answer in one word.", "Yes", "That depends on many things, as it always has"),
        ("In at most 4 words.", "four words are fine", "a b c d e f g h i j"),
        ("Use between 3 and 6 words.", "three or four words", "one"),
        ("Write at least 20 words.", POST, "Too short."),
        ("Reply in two sentences or less.", "One. Two.", "One. Two. Three. Four. Five. Six."),
        ("Answer as a bullet list.", "- one\n- two", "one and two"),
        ("Return only JSON.", '{"a": 1}', "a is 1"),
        ("Write three paragraphs.", "One.\n\nTwo.\n\nThree.", "One."),
    ],
)  # fmt: skip
def test_each_ask_is_met_or_missed(tmp_path: Path, instructions: str, good: str, bad: str) -> None:
    task = task_of(tmp_path, instructions)
    assert level(task, [good] * 10) == "ok"
    assert level(task, [bad] * 10) == "error"


@pytest.mark.parametrize(
    "instructions",
    [
        "Answer the question.", "See the first 3 words of the text.", "Never use bullet points.",
        "Do not answer in JSON.", "Say which of two words is meant.", "",
    ],
)  # fmt: skip
def test_what_asks_nothing_of_the_reply_is_no_ask(tmp_path: Path, instructions: str) -> None:
    assert asks(instructions) == ()
    assert data_lesson(task_of(tmp_path, instructions or "x"), [sample(0, "yes")]) == ()


def test_sizes_of_fields_are_none_of_the_reply(tmp_path: Path) -> None:
    output = {"kind": "json", "schema": {"type": "object"}}
    said = "Reply with one JSON object. title: at most 3 words. text: one sentence."
    long = '{"title": "A b c", "text": "One. Two. Three. Four. Five. Six. Seven."}'
    assert level(task_of(tmp_path, said, output=output), [long] * 10) == "ok"


def test_what_is_quoted_before_an_answer_is_none_of_it(tmp_path: Path) -> None:
    task = task_of(tmp_path, "Answer in one word.")
    assert level(task, [f"Quote: {POST.strip()}\nAnswer: yes"] * 10) == "ok"


def test_abstentions_are_no_replies(tmp_path: Path) -> None:
    task = task_of(
        tmp_path, "Write at least 20 words.", output={"kind": "text", "abstain": "no idea"}
    )
    assert level(task, [POST, "No idea."]) == "ok"
    assert level(task, ["No idea."]) == "none"


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for ask in asks(text):
        assert ask.said
        ask.met(text, 2.0)
    assert opening(text)
    assert all(of(text) >= 0 for of in FEATURES.values())


@given(st.integers(1, 5000), st.sampled_from(["word", "sentence", "paragraph"]))
def test_a_number_of_units_is_read(number: int, unit: str) -> None:
    (ask,) = asks(f"Write about {number} {unit}s on it.")
    assert (ask.unit, ask.least, ask.most, ask.exact) == (unit, number, number, True)


# --- likeness -------------------------------------------------------------------------------------

NAMES = ("Ash", "Birk", "Cole", "Dorn", "Eck", "Fay", "Gil", "Hart", "Ives", "Jong")
BODY = "Your boiler is fixed on Monday. Please leave the key.\n\nKind regards"
LETTERS = [f"Dear Ms {name},\n\n{BODY}" for name in NAMES]


def by_name(found: Likeness) -> dict[str, Feature]:
    return {feature.name: feature for feature in found.features}


def test_what_writes_as_wanted_moves_towards_it() -> None:
    base = [f"As an assistant I'd say: the boiler of {n} could be fixed, couldn't it? Well! " * 4
            for n in range(10)]  # fmt: skip
    tuned = [text.replace("Monday", "Tuesday") for text in LETTERS]
    found = likeness(LETTERS, base, tuned)
    features = by_name(found)
    for name in (
        "words",
        "questions",
        "exclamations",
        "contractions",
        "first person",
        "overlap",
        "opening",
    ):
        assert features[name].moved == "towards", name
    words = features["words"]
    assert words.wanted == words.tuned == 15.0 < words.base
    assert found.stops == ""
    assert {*features} == {*FEATURES, "overlap", "opening"}


def test_what_chats_moves_away_and_stops() -> None:
    base = [text.replace("Monday", "Friday") for text in LETTERS]
    found = likeness(LETTERS, base, CHAT)
    assert by_name(found)["words"].moved == "away"
    assert by_name(found)["overlap"].moved == "away"
    assert "less like the wanted ones" in found.stops
    assert f"{by_name(found)['overlap'].tuned:.2f} of their words" in found.stops


def test_few_prove_nothing_and_equal_is_the_same() -> None:
    found = likeness(LETTERS[:3], LETTERS[3:6], CHAT[:3])
    assert {f.moved for f in found.features} <= {"not_proven", "same"}
    assert found.stops == ""
    same = likeness(LETTERS, CHAT, CHAT)
    assert {f.moved for f in same.features} == {"same"}
    assert by_name(same)["emoji"].tuned == 0.2


def test_numbers_of_texts_must_agree() -> None:
    with pytest.raises(ValueError, match="different numbers"):
        likeness(LETTERS, CHAT, CHAT[:2])
    assert likeness([], [], []) == Likeness(())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}', "json"), ("- one\n- two", "list"), ("1. one", "list"), ("# Title", "heading"),
        ("Dear all", "greeting"), ("42 it is", "number"), ("The end", "the"), ("Perhaps", "other"),
        ("  ", "nothing"),
    ],
)  # fmt: skip
def test_openings(text: str, said: str) -> None:
    assert opening(text) == said
