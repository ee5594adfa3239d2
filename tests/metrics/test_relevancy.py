"""answer_relevancy: questions made from the answer beside the question asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from headway.core.errors import Outage
from headway.core.protocols import Scored, Vectors
from headway.core.record import Score
from headway.metrics.judging import FENCED, fenced
from headway.metrics.relevancy import DUTY, QUESTIONS, READ, AnswerRelevancy
from headway.metrics.scoring import measure
from headway.testing.metrics import MetricContract, ScriptedMetricLender, judge, lent, scored

ASKED = "How hot does the kiln get?"
OTHER = "Where is the harbour?"


def asks(*questions: str, noncommittal: Any = False) -> Any:
    return judge(noncommittal=noncommittal, questions=list(questions))


def case(script: Any, answer: str = "It reaches 1,240 degrees.", **more: Any) -> Scored:
    return scored(answer, question=ASKED, lend=lent(script), **more)


def found(given: Scored) -> Score:
    return asyncio.run(measure(AnswerRelevancy(), given))


class TestAnswerRelevancy(MetricContract):
    metric = AnswerRelevancy()
    right = case(asks(ASKED, ASKED, ASKED))
    wrong = case(asks(OTHER, OTHER, OTHER))

    def test_right_is_one_and_wrong_is_less(self) -> None:
        assert self._score(self.right) == pytest.approx(1.0)
        assert self._score(self.wrong) < 0.5  # type: ignore[operator]


def test_questions_and_cosines_are_kept() -> None:
    score = found(case(asks(ASKED, OTHER)))
    assert score.notes["questions"] == [ASKED, OTHER]
    assert score.value == pytest.approx(sum(score.notes["cosines"]) / 2, abs=1e-4)
    assert score.notes["cosines"][0] == pytest.approx(1.0)


@pytest.mark.parametrize("word", [True, 1])
def test_noncommittal_is_zero(word: Any) -> None:
    score = found(case(asks(ASKED, ASKED, ASKED, noncommittal=word)))
    assert score.value == 0.0
    assert score.notes["noncommittal"] is True


def test_empty_and_abstention_are_zero_without_a_call() -> None:
    down = [Outage("down")]
    able = {"kind": "text", "abstain": "I do not know."}
    assert found(case(down, "")).notes["why"] == "the answer is empty"
    assert found(case(down, "I do not know", kind=able)).value == 0.0


def test_no_question_and_no_word_is_unscored() -> None:
    assert "no question" in found(case(asks())).unscored
    assert found(case(asks(noncommittal=True))).value == 0.0


def test_our_own_words_are_no_question() -> None:
    """A small judge copies its instructions; what it copied is not scored."""
    echo = "What is judged stands between marks such as <answer 1a2b>?"
    assert found(case(asks(echo, ASKED))).notes["questions"] == [ASKED]
    assert "no question" in found(case(asks(echo))).unscored


def test_no_more_questions_than_asked_for() -> None:
    assert len(found(case(asks(*[ASKED] * 9))).notes["questions"]) == QUESTIONS


def test_of_a_long_answer_the_beginning_is_shown() -> None:
    given = case(asks(ASKED), "word " * 20_000)
    assert "left_out" in found(given).notes
    assert isinstance(given.lend, ScriptedMetricLender)
    assert len(given.lend.requests[0].messages[1].content) < READ + 100


class Embedding(ScriptedMetricLender):
    """Keeps what is embedded."""

    async def embed(self, texts: Sequence[str], *more: Any, **named: Any) -> Vectors:
        """See MetricLender."""
        self.embedded = list(texts)
        return await super().embed(texts, *more, **named)


def test_in_a_conversation_questions_are_its_next_message() -> None:
    inputs = {
        "messages": [
            {"role": "user", "content": "Is the ferry running?"},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "And on Sundays?"},
        ]
    }
    lend = Embedding(asks("And what of Sundays?"))
    found(scored("It is.", inputs=inputs, lend=lend))
    assert lend.embedded == ["And on Sundays?", "And what of Sundays?"]
    system, user = (message.content for message in lend.requests[0].messages)
    assert "next message" in system
    said = "<conversation>\nUser: Is the ferry running?\nAssistant: Yes.\n</conversation>"
    assert user == f"{fenced('before', said)}\n\n{fenced('answer', 'It is.')}"
    assert "And on Sundays?" not in user  # it would be copied


def test_without_a_conversation_the_answer_is_all_that_is_shown() -> None:
    lone = Embedding(asks(ASKED))
    found(scored("It is.", question=ASKED, lend=lone))
    assert lone.embedded == [ASKED, ASKED]
    assert [message.content for message in lone.requests[0].messages] == [
        f"{DUTY}\n\n{FENCED}", fenced("answer", "It is."),
    ]  # fmt: skip
