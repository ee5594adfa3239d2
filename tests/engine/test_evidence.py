"""Evidence that nobody wrote down is found by quotation, and says that it is a guess."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headway as hw
from headway.core.protocols import Search
from headway.core.task import Example
from headway.engine.evidence import _pattern, infer
from headway.knowledge import FolderKnowledge

HOW = Search(tokens=64, overlap=0)


def without_evidence(folder: Path) -> Path:
    file = folder / "examples.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**row, "evidence": []}) + "\n" for row in rows))
    return folder


async def test_it_finds_what_was_taken_away(make_task: Any) -> None:
    task = hw.Task.load(make_task())
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    right = wrong = 0
    for example in task.examples[:60]:
        guess = await infer(example.model_copy(update={"evidence": ()}), knowledge, HOW, None)
        if not guess.evidence:
            continue
        held, span = knowledge.locate(guess.evidence[0]), knowledge.locate(example.evidence[0])
        assert held is not None
        assert span is not None
        inside = held[0] == span[0] and span[1] <= held[1] and held[2] <= span[2]
        right, wrong = right + inside, wrong + (not inside)
    assert right >= 35  # most rivers and one colour are too short to be quoted
    assert wrong <= 2


async def test_what_is_written_down_stays(make_task: Any) -> None:
    task = hw.Task.load(make_task())
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    example = task.examples[0]
    assert await infer(example, knowledge, HOW, None) is example
    unanswerable = Example(id="x", inputs={"question": "q"}, reference="not known")
    assert await infer(unanswerable, knowledge, HOW, "not known") is unanswerable


async def test_it_looks_for_the_question_that_was_searched_for(make_task: Any) -> None:
    task = hw.Task.load(make_task())
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    right = {"alone": 0, "as it was searched for": 0}
    blue = [e for e in task.examples if "blue" in str(e.reference)]
    for example in blue:
        raw = example.model_copy(update={"evidence": (), "inputs": {"question": "And there?"}})
        for how, asked in (("alone", ""), ("as it was searched for", example.question)):
            guess = await infer(raw, knowledge, HOW, None, asked)
            own = [e.document for e in example.evidence]
            right[how] += [e.document for e in guess.evidence] == own
    assert right["as it was searched for"] == len(blue) > 1
    assert right["alone"] <= 1  # the same word stands in other towns


def test_a_diagnosis_without_evidence_says_that_it_guessed(make_task: Any) -> None:
    found = hw.diagnose(without_evidence(make_task()))
    assert 0 < found.inferred <= found.n
    assert found.coverage.mean is not None
    assert found.perfect_context is not None
    assert any("inferred by quotation" in text for text in found.advice)
    # The examples themselves are not touched: what is measured as it is stays comparable.
    assert hw.diagnose(make_task(name="written")).inferred == 0


@pytest.mark.parametrize(
    ("reference", "text", "matches"),
    [
        ("two  months", "after TWO\nmonths of", True),
        ("two months", "two monthsly", False),
        ("yes", "yes", False),
        ("40", "40 days", True),
        ("7", "7 days", False),
        ("北京", "他住在北京市", True),
        ("", "anything", False),
    ],
)
def test_quotation(reference: str, text: str, matches: bool) -> None:
    pattern = _pattern(reference)
    assert bool(pattern and pattern.search(text)) == matches


@given(st.text(max_size=40))
def test_any_reference_makes_a_pattern_or_none(reference: str) -> None:
    pattern = _pattern(reference)
    if pattern is not None and reference.isascii() and reference.strip().isalnum():
        assert pattern.search(f"so {reference} it is")
