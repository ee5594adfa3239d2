"""Conversations and files on their way to the prompt: generate, condense, history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from headway.core.conversation import as_text, words_in
from headway.core.inputs import File
from headway.core.protocols import Shot, State
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.task import Example, Output
from headway.steps.condense import SHOWN, Condense
from headway.steps.generate import Generate
from headway.steps.history import EARLIER, History, extracted, pieces
from headway.steps.retrieve import Retrieve
from headway.testing.steps import GARBAGE, ScriptedLender

TALK = (
    {"role": "system", "content": "The customer is Ana."},
    {"role": "user", "content": "When does the harbour open?"},
    {"role": "assistant", "content": "The harbour opens at six."},
    {"role": "user", "content": "And the kiln?"},
    {"role": "assistant", "content": "The kiln fires at noon."},
    {"role": "user", "content": "And on Sundays?"},
)
OUTPUT = Output()


def start(*messages: dict[str, Any], **more: Any) -> State:
    example = Example(id="e", inputs={"messages": list(messages or TALK)})
    return State(example, example.question, history=example.history, **more)


def run(step: Any, state: State, reply: str | ChatReply | Callable[..., str] = "") -> State:
    return asyncio.run(step.run(state, ScriptedLender(reply=reply)))


def said(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in messages]


# --- in the prompt --------------------------------------------------------------------------------


def test_the_conversation_stands_before_the_last_user_message() -> None:
    state = start(passages=(Passage("a.md", "The harbour is shut on Sundays."),))
    shot = Shot(Example(id="s", inputs={"question": "Old?"}, reference="Yes."))
    request = Generate(template="Answer.").request(
        replace(state, shots=(shot,), notes=("A note.",)), OUTPUT
    )
    assert said(request.messages) == [
        ("system", "Answer.\n\nThe customer is Ana.\n\nA note."),
        ("user", "Old?"),
        ("assistant", "Yes."),
        ("user", "When does the harbour open?"),
        ("assistant", "The harbour opens at six."),
        ("user", "And the kiln?"),
        ("assistant", "The kiln fires at noon."),
        ("user", "[1]\nThe harbour is shut on Sundays.\n\nQuestion: And on Sundays?"),
    ]


def test_a_template_places_history_and_files_or_they_stand_before() -> None:
    state = start(TALK[0], *TALK[3:], files=(File("a.txt", "In the file."),))
    placed = Generate(template="{{history}}\n--\n{{files}}\n--\n{{question}}")
    assert said(placed.request(state, OUTPUT).messages) == [
        ("system", "The customer is Ana."),
        ("user", "User: And the kiln?\nAssistant: The kiln fires at noon.\n--\n"
                 '<file name="a.txt">\nIn the file.\n</file>\n--\nAnd on Sundays?'),
    ]  # fmt: skip
    bare = Generate(template="Q: {{question}}").request(state, OUTPUT).messages
    assert [m.role for m in bare] == ["system", "user", "assistant", "user"]
    assert bare[-1].content == '<file name="a.txt">\nIn the file.\n</file>\n\nQ: And on Sundays?'


def test_files_stand_before_passages_and_are_bounded() -> None:
    state = start(files=(File("a.txt", "x" * 500),), passages=(Passage("p.md", "A passage."),))
    text = Generate(file_chars=100).request(state, OUTPUT).messages[-1].content
    assert text.startswith('<file name="a.txt">\n' + "x" * 100 + "\n[cut here: 100 of 500 ")
    assert text.endswith("</file>\n\n[1]\nA passage.\n\nQuestion: And on Sundays?")


def test_a_shown_example_is_shown_with_its_conversation() -> None:
    example = Example(id="s", inputs={"messages": list(TALK)}, reference="No.")
    lone = State(Example(id="e", inputs={"question": "Q?"}), "Q?", shots=(Shot(example),))
    turn = Generate().request(lone, OUTPUT).messages[1].content
    assert turn.startswith("The conversation so far:\nUser: When does the harbour open?")
    assert turn.endswith("Question: And on Sundays?")


def test_without_history_and_files_nothing_changes() -> None:
    lone = State(Example(id="e", inputs={"question": "Q?"}), "Q?")
    assert said(Generate(template="Answer.").request(lone, OUTPUT).messages) == [
        ("system", "Answer."), ("user", "Q?"),
    ]  # fmt: skip


# --- condense -------------------------------------------------------------------------------------

ALONE = "When does the kiln fire on Sundays?"


def test_the_standalone_question_is_searched_for_and_the_conversation_shown() -> None:
    after = run(Condense(), start(), f"{ALONE}\nI hope that helps!")
    assert (after.query, after.asked) == (ALONE, "And on Sundays?")
    assert after.history == start().history
    assert Generate().request(after, OUTPUT).messages[-1].content == "And on Sundays?"
    found = run(Retrieve(k=1), after)
    assert found.passages[0].document == "kiln.md"
    assert run(Retrieve(k=1), start()).passages[0].document != "kiln.md"


def test_both_shows_it_instead_of_the_conversation() -> None:
    after = run(Condense(use="both"), start(), ALONE)
    assert (after.query, after.asked) == (ALONE, None)
    assert said(Generate(template="Answer.").request(after, OUTPUT).messages) == [
        ("system", "Answer.\n\nThe customer is Ana."), ("user", ALONE),
    ]  # fmt: skip


def test_it_costs_nothing_where_nothing_was_said_before() -> None:
    lender = ScriptedLender(reply=ALONE)
    alone = start({"role": "system", "content": "Be kind."}, TALK[-1])
    pinned = replace(start(), pinned=True)
    empty = start(TALK[1], TALK[2], {"role": "user", "content": " "})
    for state in (alone, pinned, empty):
        for step in (Condense(), History(turns=1, older="summary")):
            if state is not alone and step.name == "history":
                continue
            assert asyncio.run(step.run(state, lender)) is state
    assert lender.requests == []
    # What is shown is no part of what a probe replaces.
    assert asyncio.run(Condense(use="both").run(pinned, lender)).query == ALONE


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no question"),
        ("I'm sorry, but I can't help with that.", "declined"),
        (ChatReply(ALONE, "refused"), "declined"),
        (ChatReply(ALONE, "length"), "cut off"),
        ("User: And on Sundays?", "no question"),
        (SHOWN[0][2], "repeats a shown example"),
        ("Bakeries sell fresh bread rolls every weekend morning.", "nobody said"),
    ],
)
def test_an_unusable_rewrite_leaves_the_last_turn(reply: str | ChatReply, why: str) -> None:
    after = run(Condense(), start(), reply)
    assert (after.query, after.asked) == ("And on Sundays?", None)
    assert why in after.trace[-1]["why"]


def test_a_turn_that_stands_alone_may_stay_as_it_is() -> None:
    last = {"role": "user", "content": "What is on the menu today?"}
    after = run(Condense(), start(*TALK[:3], last), "What is on the menu today?")
    assert after.query == "What is on the menu today?"
    assert "why" not in after.trace[-1]


def test_only_the_latest_words_of_a_conversation_are_read() -> None:
    lender = ScriptedLender(reply=ALONE)
    asyncio.run(Condense(words=9).run(start(), lender))
    asked = lender.requests[0].messages[-1].content
    assert asked.startswith("Assistant: … six.\nUser: And the kiln?")
    assert "harbour" not in asked
    assert asked.endswith("at noon.\nUser: And on Sundays?")


@pytest.mark.parametrize("use", ["search", "both"])
def test_whatever_a_model_writes_is_data(use: Any) -> None:
    for text in GARBAGE:
        after = run(Condense(use=use), start(), text)
        assert after.query.strip()
        assert len(after.query.split()) <= 60
        assert "\x00" not in after.query
        summary = run(History(turns=0, older="summary", words=10), start(), text)
        assert words_in(summary.history) <= 20 + 10


# --- history --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, ["When does the harbour open?", "And the kiln?"]),
        ({"turns": 1}, ["And the kiln?"]),
        ({"turns": 0}, []),
        ({"turns": 9}, ["When does the harbour open?", "And the kiln?"]),
        ({"turns": 1, "beyond": 500}, ["When does the harbour open?", "And the kiln?"]),
    ],
)
def test_the_last_turns_are_shown(settings: dict[str, Any], shown: list[str]) -> None:
    after = run(History(**settings), start())
    assert [m.content for m in after.history if m.role == "user"] == shown
    assert after.history[0] == Message("system", "The customer is Ana.")
    assert after.trace[-1]["shown"] == len(shown)
    assert after.trace[-1]["of"] == 2


def test_an_extract_keeps_what_is_near_to_the_question() -> None:
    state = replace(start(), query="When does the harbour shut on Sundays?")
    after = run(History(turns=0, older="extract", words=6), state)
    note = after.history[-1]
    assert note.role == "user"
    assert note.content == f"[{EARLIER}User: When does the harbour open?]"
    wider = run(History(turns=1, older="extract", words=50), state).history
    assert wider[1].content.startswith(f"[{EARLIER}User: When does the harbour open? Assistant:")
    assert wider[1].content.endswith("]\n\nAnd the kiln?")


def test_an_extract_is_never_longer_and_keeps_the_order() -> None:
    turns = [Message("user", f"Sentence {n} speaks of apples. Nothing {n}.") for n in range(30)]
    for words in (1, 5, 17, 60, 1000):
        found = extracted(turns, "How many apples?", words)
        bare = found.replace("User:", "")
        assert len(bare.split()) <= words
        numbers = [int(w) for w in bare.replace(".", " ").split() if w.isdigit()]
        assert numbers == sorted(numbers)
    assert "Nothing" not in extracted(turns, "How many apples?", 60)


def test_a_summary_runs_over_pieces() -> None:
    asked: list[str] = []

    def reply(request: ChatRequest) -> str:
        asked.append(request.messages[-1].content)
        return f"Summary number {len(asked)}."

    long = [{"role": r, "content": f"{r} " + "word " * 30} for r in ("user", "assistant")] * 3
    after = run(History(turns=1, older="summary", piece=40), start(*long, TALK[-1]), reply)
    assert len(asked) == 4  # two exchanges of 62 words, of 40 a call
    assert "Summary so far" not in asked[0]
    assert asked[1].startswith("Summary so far: Summary number 1.\n\nThe conversation goes on:")
    assert after.history[0].content.startswith(f"[{EARLIER}Summary number 4.]\n\nuser word")
    assert after.trace[-1]["older"] == "Summary number 4."


@pytest.mark.parametrize("reply", ["", "I'm sorry, but I can't help with that."])
def test_without_a_summary_the_nearest_sentences_are_shown(reply: str) -> None:
    after = run(History(turns=1, older="summary"), start(), reply)
    assert "harbour" in after.history[1].content
    assert "no summary came back" in after.trace[-1]["why"]


def test_a_summary_that_is_cut_off_ends_with_a_sentence() -> None:
    reply = ChatReply("It is about the harbour. It opens at six. And the kil", "length")
    after = run(History(turns=0, older="summary"), start(), reply)
    assert after.trace[-1]["older"] == "It is about the harbour. It opens at six."


def test_pieces_hold_every_word_once() -> None:
    turns = [Message("user", " ".join(f"w{n}" for n in range(95))), Message("assistant", "ok")]
    found = pieces(turns, 40)
    words = [w for piece in found for w in piece.split() if not w.endswith(":")]
    assert words == [*(f"w{n}" for n in range(95)), "ok"]
    assert all(len(p.split()) <= 40 + p.count(":") for p in found)


def test_condense_before_history_reads_the_whole_conversation() -> None:
    after = run(History(turns=0), run(Condense(), start(), ALONE))
    assert (after.query, after.asked, as_text(after.history)) == (ALONE, "And on Sundays?", "")
