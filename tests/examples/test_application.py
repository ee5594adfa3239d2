"""The example of one's own application: every command works on it, without any model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from headway.cli import main
from headway.core.task import Task

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "application"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "application"
    ours = shutil.ignore_patterns(".headway", "__pycache__", "report.html", "best*", "leading*")
    shutil.copytree(EXAMPLE, folder, ignore=ours)
    return folder


def run(*args: object) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*map(str, args), "--json"])
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_its_evidence_holds_its_answers(task: Path) -> None:
    loaded = Task.load(task)
    assert 40 <= len(loaded.examples) <= 60
    for example in loaded.examples:
        (evidence,) = example.evidence
        assert evidence.document is not None
        assert evidence.text is not None
        lines = (task / "knowledge" / evidence.document).read_text().splitlines()
        assert evidence.text in lines
        assert evidence.text.endswith(f": {example.reference}")


def test_the_commands_work_on_it(task: Path) -> None:
    found = run("check", task)
    assert not [item for item in found["items"] if item["level"] == "error"]
    found = run("evaluate", task)
    assert set(found["metrics"]) == {
        "python:metrics.py:to_the_point", "contains", "retrieval_recall",
    }  # fmt: skip
    assert 0.3 < found["metrics"]["python:metrics.py:to_the_point"]["mean"] < 0.5
    assert found["usage"]["calls"] == found["n"]
    diagnosis = run("diagnose", task)
    # The closed book is asked without passages, and the application then knows nothing.
    assert diagnosis["closed_book"]["mean"] == 0
    assert diagnosis["perfect_context"]["mean"] >= diagnosis["as_is"]["mean"]
    other = task / "pipelines" / "value.yaml"
    other.parent.mkdir(exist_ok=True)
    other.write_text("steps:\n- application: {settings: {answer: value}}\n")
    compared = run("compare", task, "baseline", "value")
    assert compared["verdict"] == "better"
    tried = run("try", task, "settings")
    assert [step["candidate"] for step in tried["steps"]] == [
        "words = stems", "pages = 2", "answer = value",
    ]  # fmt: skip


def test_a_journey_turns_its_settings(task: Path) -> None:
    journey = run("optimize", task, "--calls", 1000, "--yes")
    (kept,) = (step for step in journey["steps"] if step["decision"] == "kept")
    assert (kept["technique"], kept["candidate"]) == ("settings", "answer = value")
    assert journey["test"]["difference"] > 0.2
    assert "answer: value" in (task / "pipelines" / "best.yaml").read_text()
    assert run("final", task, "--yes")["openings"] == 2  # the journey's, and this one
    run("report", task)
