"""A known case, replayed: an answer that people marked as a hallucination, and that was faithful.

An assistant told to use only the passages shown was asked for a great tune to get pumped up to.
Search brought a document about music for financial analysts, the model named the song that stands
there, and reviewers blamed the model. The documents that answer were there, in other words.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from headway.core.findings import Diagnosis
from headway.core.record import ChatRequest
from headway.engine.probes import Prober
from headway.models.scripted import ScriptedChat
from headway.workspace import Workspace

QUESTION = "What is a great tune to get pumped up to?"
SONG = "Don't Stop Believin'"
ANSWERS = "Gym owners named Eye of the Tiger the most energising single of its decade."

DOCUMENTS = {
    "finance/desk-music.md": (
        "# The optimal song to energise financial analysis\n\n"
        "Before the books close, a finance team wants a tune that is great for the last hour."
        f" We timed forty analysts at their spreadsheets: {SONG} came out on top. They get through"
        " variance reports sooner when they are pumped up, and they check what they add up.\n"
    ),
    "finance/close.md": (
        "# Closing the quarter\n\nLedgers are locked on the third working day. What is posted"
        " later belongs to the next quarter.\n"
    ),
    "music/charts.md": (
        f"# A short history of the charts\n\n{ANSWERS} Radio listeners agreed: its guitar figure"
        " opened workouts and boxing bouts alike, and it stayed at number one for six weeks.\n"
    ),
    "music/ballads.md": (
        "# Slow ballads\n\nBallads sold best in winter. Producers lowered the tempo and brought"
        " the strings forward, for listeners who wanted calm.\n"
    ),
    "music/archive.md": (
        "# The singles archive\n\nThe archive holds every single that entered the charts since"
        " 1952, by week and by label. Its reading room opens at nine.\n"
    ),
}

# Asked so that search serves them: the case is one among others.
OTHERS = {
    "When does the reading room of the singles archive open?": (
        "nine", "music/archive.md", "Its reading room opens at nine.",
    ),
    "When are the ledgers locked?": (
        "the third working day", "finance/close.md",
        "Ledgers are locked on the third working day.",
    ),
}  # fmt: skip


def task(folder: Path) -> Path:
    for name, text in DOCUMENTS.items():
        file = folder / "knowledge" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    flagged = {
        "id": "flagged",
        "inputs": {"question": QUESTION},
        "reference": "Eye of the Tiger",
        "evidence": [{"document": "music/charts.md", "text": ANSWERS}],
        "tags": ["reviewer: hallucination"],
    }
    others = [
        {
            "id": f"other-{number}",
            "inputs": {"question": question},
            "reference": answer,
            "evidence": [{"document": document, "text": text}],
        }
        for number, (question, (answer, document, text)) in enumerate(OTHERS.items())
    ]
    (folder / "examples.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in (flagged, *others))
    )
    spec = {
        "name": "songs",
        "instructions": "Use only the passages below to answer. Add nothing of your own.",
        "metrics": ["contains"],
        "models": {"chat": "scripted/reader"},
        "knowledge": {"path": "knowledge/", "language": "en"},
        "splits": {"train": 0.0, "dev": 1.0, "test": 0.0},
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(spec))
    return folder


def reads(request: ChatRequest) -> str:
    """Answers from what it is shown, and from nothing else: the first passage that can answer."""
    text = "\n".join(m.content for m in request.messages)
    assert "Use only the passages below" in text
    if QUESTION in text:
        for song in ("Eye of the Tiger", SONG):
            if song in text:
                return song
    for question, (answer, _, sentence) in OTHERS.items():
        if question in text and sentence in text:
            return answer
    return "The passages do not say."


async def diagnose(folder: Path, says: Callable[[ChatRequest], str]) -> Diagnosis:
    async with Workspace.open(task(folder)) as workspace:
        workspace.parts._chat["scripted/reader"] = ScriptedChat(says, name="reader")
        prober = Prober(workspace._runner(), "contains")
        pipeline = workspace.pipeline().with_step("retrieve", k=1)
        return await prober.diagnose(workspace.pipeline(pipeline), workspace.task.split("dev"))


@pytest.fixture
async def found(tmp_path: Path) -> Diagnosis:
    return await diagnose(tmp_path, reads)


async def test_the_search_is_at_fault_and_the_answer_is_faithful(found: Diagnosis) -> None:
    (failure,) = found.failures
    assert failure["example"] == "flagged"
    assert failure["answered"] == SONG
    assert failure["wanted"] == "Eye of the Tiger"
    assert failure["axis"] == "context"
    assert failure["cause"] in ("not_found", "ranked_too_low")
    assert failure["fault"] == "search"
    assert failure["faithful"] is True
    assert failure["verdict"] == "search at fault, answer faithful"


async def test_with_perfect_context_it_is_answered_rightly(found: Diagnosis) -> None:
    assert found.failures[0]["right_with_evidence"] is True
    assert found.perfect_context is not None
    assert found.perfect_context.mean == 1.0
    assert found.as_is.mean == pytest.approx(2 / 3)
    assert found.closed_book is not None
    assert found.closed_book.mean == 0.0


async def test_the_funnel_shows_where_it_was_lost(found: Diagnosis) -> None:
    assert list(found.funnel) == [
        "with evidence", "in the knowledge", "whole in one passage", "found in 100", "found in k",
        "in the prompt", "used",
    ]  # fmt: skip
    assert found.funnel["whole in one passage"] == 3
    assert found.funnel["found in k"] == found.funnel["in the prompt"] == found.funnel["used"] == 2
    assert found.context_recall is not None
    assert found.context_recall.mean == pytest.approx(2 / 3)


async def test_a_model_that_makes_it_up_gets_another_verdict(tmp_path: Path) -> None:
    """The same search, and an answer that stands nowhere: then the model made it up as well."""

    def invents(request: ChatRequest) -> str:
        said = reads(request)
        return "Livin' on a Prayer" if said == SONG else said

    (failure,) = (await diagnose(tmp_path, invents)).failures
    assert (failure["fault"], failure["faithful"]) == ("search", False)
    assert failure["verdict"] == "search at fault, answer made up"
