"""correctness: required facts present, none contradicted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headway.core.errors import Outage
from headway.core.protocols import Scored
from headway.core.record import Score
from headway.metrics.graded import Correctness
from headway.metrics.judging import fenced
from headway.metrics.scoring import measure
from headway.testing.metrics import MetricContract, ScriptedMetricLender, judge, lent, scored

REFERENCE = "The fee is 20 euros for all members. It is due on the first of March every year."
JUDGED: dict[str, Any] = {"models": {"judge": "scripted/judge"}}
TALKED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Is the club open to all?"},
        {"role": "assistant", "content": "To members."},
        {"role": "user", "content": "And the fee?"},
    ],
    "files": ["rules.md"],
}
FILES = {"rules.md": "The fee stands on page 2."}


def case(answer: str, script: Any = None, reference: Any = REFERENCE, **more: Any) -> Scored:
    spec = JUDGED if script is not None else {}
    given: dict[str, Any] = {
        "lend": lent(script if script is not None else [Outage("nobody is asked")]),
        "question": "What is the fee?",
        **more,
    }
    return scored(answer, reference=reference, spec={**spec, **given.pop("spec", {})}, **given)


def found(given: Scored) -> Score:
    return asyncio.run(measure(Correctness(), given))


def level(statement: str) -> str:
    return "present" if "20" in statement else "missing"


class TestByJudge(MetricContract):
    metric = Correctness()
    right = case("Twenty euros, due on the first of March.", judge("present"))
    wrong = case("Twenty euros.", judge(level))


class TestOffline(MetricContract):
    metric = Correctness()
    right = case("Every year the fee for all members is 20 euros and is due on the first of March.")
    wrong = case("The fee is 30 francs.")

    def test_a_judge_that_fails_leaves_it_unscored(self) -> None:
        """There is none here: TestByJudge has this."""


# --- by a judge -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "value", "whole"),
    [
        ("present", "present", 1.0, "all"),
        ("present", "missing", 0.5, "part"),
        ("missing", "missing", 0.0, "none"),
        ("present", "contradicted", 0.0, "contradicts"),
        ("contradicted", "contradicted", 0.0, "contradicts"),
    ],
)
def test_levels(first: str, second: str, value: float, whole: str) -> None:
    score = found(case("an answer", judge(lambda text: first if "20" in text else second)))
    assert score.value == value
    assert score.notes["level"] == whole
    assert [fact["verdict"] for fact in score.notes["facts"]] == [first, second]
    assert score.notes["by"] == "scripted/judge"


def test_the_reference_is_split_alike_for_every_answer() -> None:
    one, other = case("an answer", judge("present")), case("another answer", judge("present"))
    for given in (one, other):
        found(given)
    splits = []
    for given in (one, other):
        assert isinstance(given.lend, ScriptedMetricLender)
        splits.append(given.lend.requests[0])
    assert splits[0] == splits[1]  # so that the cache knows it


def test_facts_that_the_judge_passes_over_are_not_taken_for_present() -> None:
    def lazy(statement: str) -> str:
        return "present" if "20" in statement else "who knows"

    score = found(case("an answer", judge(lazy)))
    assert score.value is None
    assert "statement 2" in score.unscored


def test_the_best_of_several_references_counts() -> None:
    two = ["The fee is 30 euros for all of the guests.", "The fee is 20 euros for all members."]
    assert found(case("an answer", judge(level), two)).value == 1.0


# --- offline --------------------------------------------------------------------------------------


def test_by_words_and_numbers() -> None:
    right = "Members pay a fee of 20 euros; it is due on the first of March of every year."
    part = "The fee is 20 euros for all members."
    wrong = "The harbour sleeps through the winter."
    values = [found(case(answer)).value for answer in (right, part, wrong)]
    assert values[0] == pytest.approx(1.0, abs=0.1)
    assert values[0] > values[1] > values[2]  # type: ignore[operator]
    notes = found(case(part)).notes
    assert notes["by"] == "words and numbers"
    assert [fact["verdict"] for fact in notes["facts"]] == ["present", "missing"]
    assert notes["level"] == "part"


def test_a_wrong_figure_costs() -> None:
    right, wrong = (found(case(f"The fee is {n} euros for all members.")).value for n in (20, 30))
    assert right > wrong  # type: ignore[operator]


def test_other_languages() -> None:
    reference = "工作坊星期一早上九点开门，下午五点关门，周末休息。"
    assert found(case("早上九点开门，下午五点关门。", None, reference)).value == pytest.approx(
        0.5, abs=0.2
    )
    assert found(case("冬天港口因为风暴。", None, reference)).value < 0.2  # type: ignore[operator]


# --- what is settled ------------------------------------------------------------------------------


def test_settled_without_a_call() -> None:
    able = {"kind": "text", "abstain": "I do not know."}
    down = [Outage("down")]
    assert found(case("", down)).value == 0.0
    assert "empty" in found(case("  ", down)).notes["why"]
    assert found(case(REFERENCE, down)).value == 1.0
    assert found(case("I do not know.", down, kind=able)).value == 0.0
    assert found(case("I do not know.", down, "I do not know.", kind=able)).value == 1.0
    assert found(case("Twenty.", down, "I do not know.", kind=able)).value == 0.0


def test_another_figure_is_not_the_reference() -> None:
    """Without marks $1.5 is $15: the same words are the reference only with the same figures."""
    reference = "It cost $1.5 million."
    assert found(case("It cost $15 million.", judge("contradicted"), reference)).value == 0.0
    assert found(case("It cost $15 million.", None, reference)).value < 1.0  # type: ignore[operator]
    down = [Outage("nobody is asked")]
    assert found(case("it cost $1.5 million", down, reference)).value == 1.0
    assert found(case("It cost 1,500 dollars", down, "It cost 1'500 dollars")).value == 1.0
    assert found(case("The margin was 5%.", judge("missing"), "The margin was -5%.")).value == 0.0
    either = ["It cost $1.5 million.", "It cost $15 million."]
    assert found(case("It cost $15 million.", down, either)).value == 1.0


def test_the_judge_sees_the_conversation_and_the_files() -> None:
    given = case("an answer", judge("present"), inputs=TALKED, lend=lent(judge("present"), FILES))
    found(given)
    assert isinstance(given.lend, ScriptedMetricLender)
    splits, verdicts = (request.messages[1].content for request in given.lend.requests)
    for text in (splits, verdicts):
        assert "User: Is the club open to all?\nAssistant: To members." in text
        assert "Question: And the fee?\n</question " in text
    assert "The fee stands on page 2." in verdicts
    assert "The fee stands on page 2." not in splits  # sentences are taken apart without it


def test_without_a_conversation_the_question_is_all_that_is_asked() -> None:
    given = case("an answer", judge("present"))
    found(given)
    assert isinstance(given.lend, ScriptedMetricLender)
    fence = fenced("question", "What is the fee?")
    assert [r.messages[1].content.startswith(f"{fence}\n\n<") for r in given.lend.requests] == [
        True, True,
    ]  # fmt: skip


def test_a_long_answer_is_cut_and_says_so() -> None:
    score = found(case("word " * 20_000, judge("missing")))
    assert score.value == 0.0
    assert score.notes["cut"] == 20_000 * 5 - 80_000
