"""The sample task of `headway init`: correct, unambiguous, and enough for every command."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headway.cli import main
from headway.core.task import Task
from headway.engine.plan import cut_dev
from headway.engine.probes import DRAWN_FROM
from headway.intake.scaffold import SAMPLE
from headway.workspace import init_task

ABSTAIN = "The passages do not say."
# Answers that are not the words of their evidence.
IN_OTHER_WORDS = {
    "four in the afternoon", "nothing", "8 crowns a metre", "three hours", "fill it again",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (SAMPLE / "questions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with models that need no weights."""
    folder = tmp_path_factory.mktemp("sample") / "boatyard"
    made = init_task(folder)
    assert made.skipped == ()
    file = folder / "task.yaml"
    roles = "{chat: scripted/extract, embed: scripted/words, rerank: scripted/overlap}"
    file.write_text(file.read_text() + f"\nmodels: {roles}\n")
    return folder


def test_every_row_is_whole(rows: list[dict[str, str]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["question"].casefold() for row in rows}) == len(rows)
    documents = {file.name: file.read_text() for file in (SAMPLE / "knowledge").glob("*.md")}
    asked = Counter(row["document"] for row in rows)
    for row in rows:
        assert row["question"].endswith("?"), row
        assert 1 <= len(row["answer"].split()) <= 10, row
        if "unanswerable" in row["tags"]:
            assert (row["answer"], row["document"], row["evidence"]) == (ABSTAIN, "", ""), row
            continue
        assert documents[row["document"]].count(row["evidence"]) == 1, row
        words = row["answer"].casefold().removeprefix("the ").removeprefix("a ")
        assert words in row["evidence"].casefold() or row["answer"] in IN_OTHER_WORDS, row
    assert set(asked) == {*documents, ""}
    assert min(asked.values()) >= 10
    assert len(documents) >= 16
    assert all(60 <= len(text.split()) <= 160 for text in documents.values())


def test_there_is_enough_of_everything(task: Path) -> None:
    loaded = Task.load(task)
    explore, confirm = cut_dev(loaded)
    assert sum(bool(e.evidence) for e in explore) >= DRAWN_FROM + 8
    assert len({e.cluster for e in confirm}) >= 60
    assert len(loaded.split("train")) >= 40
    assert len(loaded.split("test")) >= 50
    tags = Counter(tag for e in loaded.examples for tag in e.tags)
    assert set(tags) == {
        "number", "paraphrase", "person", "place", "price", "thing", "time", "unanswerable",
    }  # fmt: skip
    assert min(tags.values()) >= 15
    for split in ("train", "dev", "test"):
        assert any("unanswerable" in e.tags for e in loaded.split(split))
    assert loaded.spec.output.abstain == ABSTAIN
    assert ABSTAIN in loaded.instructions


def run(*args: object) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert result.exit_code == 0, result.stderr
    return result


def test_every_command_works_on_it(task: Path, tmp_path: Path) -> None:
    checked = json.loads(run("check", task, "--json").stdout)
    assert {item["level"] for item in checked["items"]} <= {"ok", "note"}
    assert "boatyard" in run("check", task).stdout
    assert "Question:" in run("show", task).stdout
    found = json.loads(run("evaluate", task, "--json").stdout)
    assert found["completed"] == found["n"] == len(Task.load(task).split("dev"))
    # What a search by words brings of this knowledge: much, not all, so that both axes show.
    assert 0.7 < found["metrics"]["retrieval_recall"]["mean"] < 0.99
    other = tmp_path / "three.yaml"
    other.write_text("steps:\n- retrieve: {k: 3}\n- generate\n")
    compared = json.loads(run("compare", task, "baseline", other, "--json").stdout)
    assert compared["n"] == found["n"]
    diagnosis = json.loads(run("diagnose", task, "--json").stdout)
    assert diagnosis["map"]["context"] is not None
    assert "●" in run("diagnose", task).stdout
    assert json.loads(run("try", task, "passage_count", "--json").stdout)["steps"]


def test_a_journey_on_it_from_end_to_end(task: Path) -> None:
    options = ("--calls", 3000, "--axis", "context", "--yes")
    journey = json.loads(run("optimize", task, *options, "--json").stdout)
    assert journey["steps"]
    assert journey["diagnosis"]["map"]["context"] is not None
    assert not any("Few examples" in notice for notice in journey["notices"])
    final = json.loads(run("final", task, "--yes", "--json").stdout)
    assert final["figure"]["n"] == len(Task.load(task).split("test"))
    run("report", task)
    assert "boatyard" in (task / "report.html").read_text()


def test_documents_and_questions_of_ones_own(tmp_path: Path) -> None:
    """The sample, brought in as a person's own documents and table."""
    task = tmp_path / "own"
    questions = SAMPLE / "questions.csv"
    made = json.loads(
        run("init", task, "--docs", SAMPLE / "knowledge", "--questions", questions, "--json").stdout
    )
    assert made["documents"] == 16
    assert made["skipped"] == []
    assert made["with_evidence"] == sum(bool(e.evidence) for e in Task.load(task).examples)
    run("evaluate", task, "--model", "scripted/extract", "--limit", 5)
