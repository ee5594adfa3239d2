"""Context precision and recall by a judge."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from headway.core.errors import Outage
from headway.core.protocols import Metric, Scored
from headway.core.record import Passage, Score
from headway.metrics.judged_context import JudgedContextPrecision, JudgedContextRecall
from headway.metrics.judging import fenced
from headway.metrics.scoring import measure, score
from headway.testing.metrics import (
    MetricContract,
    ScriptedMetricLender,
    judge,
    lent,
    scored,
    written,
)

REFERENCE = "The kiln is fired to 1,240 degrees for the glaze. Lisa Brandt opens it on Monday."


def passages(*texts: str) -> tuple[Passage, ...]:
    return tuple(Passage(f"{n}.md", text) for n, text in enumerate(texts))


def useful(*verdicts: str) -> list[str]:
    said = {str(n): {"reason": "so", "verdict": v} for n, v in enumerate(verdicts, start=1)}
    return [written(said)]


def case(script: Any, *texts: str, reference: Any = REFERENCE, **more: Any) -> Scored:
    shown = passages(*(texts or ("one", "two", "three")))
    return scored("x", reference=reference, passages=shown, lend=lent(script), **more)


def found(metric: Metric, given: Scored) -> Score:
    return asyncio.run(measure(metric, given))


class TestPrecision(MetricContract):
    metric = JudgedContextPrecision()
    right = case(useful("yes", "yes", "no"))
    wrong = case(useful("no", "yes", "no"))


class TestRecall(MetricContract):
    metric = JudgedContextRecall()
    right = case(judge("yes"))
    wrong = case(judge(lambda text: "yes" if "kiln" in text else "no"))


@pytest.mark.parametrize(
    ("verdicts", "value"),
    [
        ("yyy", 1.0),
        ("ynn", 1.0),
        ("nny", 1 / 3),
        ("nyy", (1 / 2 + 2 / 3) / 2),
        ("yny", (1 + 2 / 3) / 2),
        ("nnn", 0.0),
    ],
)
def test_mean_precision_at_the_useful_ranks(verdicts: str, value: float) -> None:
    words = ["yes" if v == "y" else "no" for v in verdicts]
    score = found(JudgedContextPrecision(), case(useful(*words)))
    assert score.value == pytest.approx(value)
    assert [p["verdict"] for p in score.notes["passages"]] == words
    assert score.notes["passages"][0]["document"] == "0.md"


def test_each_sentence_of_the_reference_is_kept() -> None:
    score = found(JudgedContextRecall(), case(judge(lambda t: "yes" if "kiln" in t else "no")))
    assert score.value == 0.5
    assert [s["verdict"] for s in score.notes["statements"]] == ["yes", "no"]


def test_many_long_passages_take_several_calls_and_keep_their_order() -> None:
    def script(request: Any) -> str:
        names = [n for n in range(1, 30) if f"<passage {n} " in request.messages[1].content]
        text = request.messages[1].content
        said = {
            str(n): {
                "reason": "",
                "verdict": "yes" if "kiln" in text.split(f"<passage {n} ")[1][:60] else "no",
            }
            for n in names
        }
        return written(said)

    given = case(script, *["sea " * 2_000, "kiln " * 2_000, "sea " * 2_000, "kiln"])
    score = found(JudgedContextPrecision(), given)
    assert [p["verdict"] for p in score.notes["passages"]] == ["no", "yes", "no", "yes"]
    assert isinstance(given.lend, ScriptedMetricLender)
    assert len(given.lend.requests) > 1


@pytest.mark.parametrize("metric", [JudgedContextPrecision(), JudgedContextRecall()])
def test_where_it_does_not_apply(metric: Metric) -> None:
    able = {"kind": "text", "abstain": "I do not know."}
    down = [Outage("down")]
    assert found(metric, case(down, reference="I do not know.", kind=able)) == Score(None)
    bare = scored("x", reference=REFERENCE, lend=lent(down))
    assert (found(metric, bare).value, found(metric, bare).unscored) == (None, "")
    knows = scored("x", reference=REFERENCE, lend=lent(down), spec={"knowledge": {"path": "k/"}})
    assert found(metric, knows).value == 0.0
    assert found(metric, knows).notes["why"] == "no passage was shown"
    for given in (bare, case(down, reference="I do not know.", kind=able)):
        assert refused(metric, given) is None
    assert refused(metric, knows) == refused(metric, case(down)) == 0.0


def refused(metric: Metric, given: Scored) -> float | None:
    record = replace(given.record, status="refused")
    scores = asyncio.run(score(given.task, given.example, record, (), [metric], given.lend))
    return scores[metric.name].value


TALKED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Is the kiln new?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And how hot?"},
    ],
    "files": ["kiln.md"],
}


@pytest.mark.parametrize(
    ("metric", "script", "filed"),
    [(JudgedContextPrecision(), useful("yes", "no", "no"), True),
     (JudgedContextRecall(), judge("yes"), False)],
)  # fmt: skip
def test_the_judge_sees_the_conversation(metric: Metric, script: Any, filed: bool) -> None:
    """And the files where it says what was useful; what they say is no merit of the passages."""
    lend = lent(script, {"kiln.md": "It has a manual."})
    found(metric, replace(case(script, inputs=TALKED), lend=lend))
    text = lend.requests[0].messages[1].content
    assert "User: Is the kiln new?\nAssistant: Yes.\n</conversation>" in text
    assert "Question: And how hot?\n</question " in text
    assert ("It has a manual." in text) is filed


def test_files_alone_are_no_passages() -> None:
    lend = lent([Outage("down")], {"kiln.md": "It has a manual."})
    bare = scored("x", reference=REFERENCE, inputs=TALKED, lend=lend)
    assert found(JudgedContextRecall(), bare).value is None
    assert found(JudgedContextPrecision(), bare).value is None


@pytest.mark.parametrize(
    ("metric", "script"),
    [(JudgedContextPrecision(), useful("yes", "no", "no")), (JudgedContextRecall(), judge("yes"))],
)
def test_without_a_conversation_the_question_is_all_that_is_asked(
    metric: Metric, script: Any
) -> None:
    given = case(script, question="How hot?")
    found(metric, given)
    assert isinstance(given.lend, ScriptedMetricLender)
    text = given.lend.requests[0].messages[1].content
    assert text.startswith(f"{fenced('question', 'How hot?')}\n\n<")


def test_a_passage_without_a_verdict_leaves_it_unscored() -> None:
    score = found(JudgedContextPrecision(), case(useful("yes")))
    assert score.value is None
    assert "'2'" in score.unscored
