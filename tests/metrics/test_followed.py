"""A score that a person can follow: from a run with a judge to what `show` prints of it."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from headway.cli import show
from headway.report.followed import followed
from headway.workspace import Workspace

SCRIPTS = """
from headway.testing.metrics import judge as scripted_judge

def answer(request):
    return "The kiln is fired to 1,240 degrees. Its owner is an old sea captain from Norway."

CALLS = []

def judge(request):
    CALLS.append(request)
    return scripted_judge(lambda text: "yes" if "1,240" in text else "no")(request)

def broken(request):
    return "I would rather not."
"""


def make(folder: Path, judge: str = "judge") -> Path:
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "kiln.md").write_text("The kiln is fired to 1,240 degrees by Lisa.")
    (folder / "scripts.py").write_text(SCRIPTS)
    spec = {
        "name": "kiln",
        "metrics": ["token_f1", "faithfulness"],
        "models": {"chat": "scripted/scripts.py:answer", "judge": f"scripted/scripts.py:{judge}"},
        "knowledge": {"path": "knowledge/"},
        "splits": {"train": 0.0, "dev": 1.0, "test": 0.0},
    }
    (folder / "task.yaml").write_bytes(orjson.dumps(spec))
    rows = [
        {
            "id": str(n),
            "inputs": {"question": f"How hot is the kiln, {n}?"},
            "reference": "1,240 degrees",
        }
        for n in range(3)
    ]
    (folder / "examples.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return folder


def printed(found: Any) -> str:
    out = io.StringIO()
    show.shown(Console(file=out, width=200), found)
    return out.getvalue()


def test_from_a_run_to_what_is_shown(tmp_path: Path) -> None:
    async def go() -> tuple[Any, Any, Any, Any]:
        async with Workspace.open(make(tmp_path / "task")) as space:
            before = await space.show("1")
            run = await space.evaluate(ragas=tmp_path / "out.jsonl")
            return before, run, await space.show("1"), await space.evaluate()

    before, run, after, again = asyncio.run(go())
    # What the judge was asked is told beside what the pipeline used, and is not asked twice.
    assert run.usage.calls == 3
    assert run.scoring.calls > 0 < run.scoring.prompt_tokens
    assert (again.scoring.calls, again.scoring.cached_calls) == (
        0, run.scoring.calls + run.scoring.cached_calls,
    )  # fmt: skip
    out = io.StringIO()
    show.run(Console(file=out, width=200), again)
    assert f"judged   0 new calls and {again.scoring.cached_calls} from the cache" in out.getvalue()
    assert before.record is None
    assert run.metrics["faithfulness"].mean == 0.5
    text = printed(after)
    assert "faithfulness  0.500" in text
    assert "✓ yes  The kiln is fired to 1,240 degrees." in text
    assert "✗ no  Its owner is an old sea captain from Norway." in text
    kept = after.to_json()["record"]
    assert kept["judged"]["faithfulness"]["statements"][0]["verdict"] == "yes"
    assert orjson.dumps(after.to_json())
    rows = [orjson.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert len(rows) == 3
    assert rows[0]["retrieved_contexts"] == ["The kiln is fired to 1,240 degrees by Lisa."]


def test_a_judge_that_cannot_be_read_is_unscored_in_the_run_and_shown(tmp_path: Path) -> None:
    async def go() -> tuple[Any, Any]:
        async with Workspace.open(make(tmp_path / "task", "broken")) as space:
            return await space.evaluate(), await space.show("1")

    run, shown = asyncio.run(go())
    assert run.unscored == {"faithfulness": 3}  # counted, and no zero
    assert run.metrics["faithfulness"].mean is None
    text = printed(shown)
    assert "not scored: the judge's reply cannot be read" in text
    assert "I would rather not." in text
    out = io.StringIO()
    show.run(Console(file=out, width=200), run)
    assert "faithfulness could not score 3 of 3 answers" in out.getvalue()
    assert "does not apply" not in out.getvalue()


@pytest.mark.parametrize(
    ("notes", "lines"),
    [
        ({}, []),
        ({"why": "the answer is empty"}, ["why: the answer is empty"]),
        (
            {"statements": [{"statement": "a", "verdict": "no", "reason": "r"}]},
            ["✗ no  a", "    r"],
        ),
        ({"criteria": {"warmth": {"score": 4, "reason": "r"}}}, ["· 4  warmth", "    r"]),
        ({"cosines": [0.5, 0.25], "scale": [1, 5]}, ["cosines: 0.500, 0.250", "scale: 1, 5"]),
    ],
)
def test_lines(notes: dict[str, Any], lines: list[str]) -> None:
    assert [line for line, _ in followed(notes)] == lines
