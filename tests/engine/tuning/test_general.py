"""The general probe: strict matching, and a loss that shows."""

from __future__ import annotations

from collections import Counter

import pytest

from headway.core.errors import Outage
from headway.core.record import ChatReply, ChatRequest
from headway.engine.tuning.general import MOST, QUESTIONS, General, Question, forgotten, general

ANSWERS = {q.text: q.accepted[0] for q in QUESTIONS}


def model(wrong: set[str] = frozenset(), down: set[str] = frozenset()):  # type: ignore[assignment]
    """A chat that knows all but some."""

    async def chat(request: ChatRequest, name: str) -> ChatReply:
        (message,) = request.messages
        assert (message.role, request.max_tokens, request.temperature) == ("user", MOST, 0.0)
        if message.content in down:
            raise Outage("down")
        return ChatReply("I love rivers." if message.content in wrong else ANSWERS[message.content])

    return chat


def test_forty_different_questions_of_eight_kinds() -> None:
    assert len(ANSWERS) == len(QUESTIONS) == 40
    assert set(Counter(q.kind for q in QUESTIONS).values()) == {5}
    assert len({q.kind for q in QUESTIONS}) == 8


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.text)
def test_every_accepted_answer_is_right_and_no_other_questions_is(question: Question) -> None:
    assert all(question.right(one) for one in question.accepted)
    assert not question.right("")
    assert not question.right("I love rivers.")
    assert not question.right(question.text)
    of_others = {q.accepted[0] for q in QUESTIONS if q.kind == question.kind} - {
        question.accepted[0]
    }
    assert not any(question.right(f"It is {one}.") for one in of_others)


@pytest.mark.parametrize(
    ("text", "reply", "right"),
    [
        ("What is 7 + 5?", "7 + 5 equals 12.", True),
        ("What is 7 + 5?", "12 is not it; 7 + 5 equals 13.", False),
        ("What is 7 + 5?", "7 + 5 equals 120.", False),
        ("What is the capital of France?", "The capital of France is **Paris**.", True),
        ("What is the capital of France?", "I cannot say. Paris is a city.", False),
        ("What is the capital of France?", "Parisian", False),
        ("What is the German word for dog?", "It is „Hund“.", True),
        ("What is the first letter of the word banana?", "The letters B and N.", False),
        ("Continue the sequence: 2, 4, 6, 8,", "10, 12, 14", True),
        ("Continue the sequence: 2, 4, 6, 8,", "9, 11", False),
        ("Is fire cold? Answer yes or no.", "No, it is hot.", True),
        ("Is fire cold? Answer yes or no.", "Yes. No.", False),
        ("Reply with the single word yes.", "Yes.", True),
        ("Reply with the single word yes.", "Yes, of course", False),
        ("Write the word apple in capital letters and nothing else.", "apple", False),
        ("Write the word apple in capital letters and nothing else.", "APPLE.", True),
    ],
)
def test_the_matcher_is_strict(text: str, reply: str, right: bool) -> None:
    (question,) = (q for q in QUESTIONS if q.text == text)
    assert question.right(reply) is right


async def test_what_was_forgotten() -> None:
    lost = {q.text for q in QUESTIONS if q.kind in ("capitals", "opposites")}
    base, tuned = await general(model(), "base"), await general(model(lost), "tuned")
    assert base.share.mean == 1.0
    assert tuned.share.mean == 0.75
    assert tuned.share.low is not None
    assert tuned.share.low < 0.75
    found = forgotten(base, tuned)
    assert (found.verdict, set(found.lost)) == ("worse", lost)
    assert found.change.difference == -0.25
    assert forgotten(tuned, base).verdict == "better"
    assert forgotten(base, base).verdict == "not_proven"


async def test_the_least_loss_that_is_proven() -> None:
    base = await general(model(), "base")
    for count, verdict in ((5, "not_proven"), (6, "worse")):
        tuned = await general(model({q.text for q in QUESTIONS[:count]}), "tuned")
        assert forgotten(base, tuned).verdict == verdict


async def test_an_outage_is_no_loss() -> None:
    down = {q.text for q in QUESTIONS[:10]}
    base, tuned = await general(model(), "base"), await general(model(down=down), "tuned")
    assert tuned.share.n == 30
    assert tuned.share.mean == 1.0
    assert forgotten(base, tuned).lost == ()
    nothing = await general(model(down=set(ANSWERS)), "gone")
    assert nothing.share.mean is None
    assert forgotten(base, nothing).verdict == "not_proven"


def test_nothing_asked_is_nothing_known() -> None:
    assert General("m", {}).share.n == 0


@pytest.mark.embedded
async def test_a_small_model_gets_some_of_them_right() -> None:
    from headway.models import open_chat

    chat = await open_chat("embedded/smollm2-135m")

    async def ask(request: ChatRequest, name: str) -> ChatReply:
        return await chat.chat(request)

    asked = [q for q in QUESTIONS if q.kind in ("capitals", "facts")]
    try:
        found = await general(ask, chat.name, asked)
    finally:
        await chat.close()
    assert found.share.n == 10
    assert 0.3 <= (found.share.mean or 0) < 1.0
    capitals = [found.scores[q.text] for q in asked if q.kind == "capitals"]
    assert sum(score or 0.0 for score in capitals) >= 3
