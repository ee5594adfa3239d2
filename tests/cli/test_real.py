"""The commands on a real task with a scripted model: no network, no weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headway.cli import main

KINDS = ("leave", "travel", "payday", "parking")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "limits"
    (folder / "knowledge").mkdir(parents=True)
    examples = []
    for kind in KINDS:
        facts = [f"The limit of case {kind}{i} is {i + 3} units." for i in range(40)]
        (folder / "knowledge" / f"{kind}.md").write_text("\n\n".join(facts))
        examples += [
            {
                "id": f"{kind}{i}",
                "inputs": {"question": f"What is the limit of case {kind}{i}?"},
                "reference": f"{i + 3} units",
                "evidence": [{"document": f"{kind}.md", "text": facts[i]}],
                "tags": [kind],
            }
            for i in range(40)
        ]
    (folder / "examples.jsonl").write_text("\n".join(map(json.dumps, examples)))
    (folder / "task.yaml").write_text(
        "name: limits\nmetrics: [token_f1]\nmodels: {chat: scripted/extract}\n"
        "knowledge: {path: knowledge/}\ninstructions: Answer the question. </script><b>x</b>\n"
    )
    return folder


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def data(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_evaluate_twice_measures_once(task: Path) -> None:
    first = data(run("evaluate", task, "--limit", 8, "--json"))
    assert first["schema"] == "headway/evaluate/1"
    assert first["completed"] == 8
    second = data(run("evaluate", task, "--limit", 8, "--json"))
    assert second["metrics"] == first["metrics"]
    said = run("evaluate", task, "--limit", 8)
    assert "token_f1" in said.stdout
    assert "8 examples of dev with scripted/extract" in said.stdout


def test_show_prints_the_exact_messages(task: Path) -> None:
    found = data(run("show", task, "--json"))
    assert found["schema"] == "headway/show/1"
    assert "Answer the question." in run("show", task).stdout


def test_compare_says_what_would_prove_it(task: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text(
        "model: scripted/extract\nsteps:\n- retrieve: {k: 1}\n"
        "- generate: {template: 'Answer in a few words.'}\n"
    )
    assert data(run("evaluate", task, "--limit", 12, "--json"))
    a = data(run("evaluate", task, "--limit", 12, "--json"))["run"]
    b = data(run("evaluate", task, "--pipeline", file, "--limit", 12, "--json"))["run"]
    found = data(run("compare", task, a, b, "--json"))
    assert found["schema"] == "headway/compare/1"
    assert found["n"] == 12
    assert run("compare", task, a, b).stdout.startswith(f"A  {a}\nB  {b}\n")


def test_the_sealed_test_stays_sealed(task: Path) -> None:
    result = run("evaluate", task, "--split", "test")
    assert result.exit_code == 2
    assert "headway final" in result.stderr


def test_bad_input_is_one_message(task: Path) -> None:
    result = run("evaluate", task, "--pipeline", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr
    assert "Traceback" not in result.stderr
    assert run("evaluate", task / "no").exit_code == 2
    wrong = run("try", task, "rerankk")
    assert wrong.exit_code == 2
    assert "did you mean rerank" in wrong.stderr


def test_diagnose_draws_the_map(task: Path) -> None:
    said = run("diagnose", task, "--limit", 40)
    assert said.exit_code == 0, said.stderr
    assert "behaviour: how it acts" in said.stdout
    assert "●" in said.stdout


def test_diagnose_tells_where_the_evidence_was_lost(task: Path) -> None:
    found = data(run("diagnose", task, "--limit", 40, "--positions", "--json"))
    assert list(found["funnel"]) == [  # type: ignore[call-overload]
        "with evidence", "in the knowledge", "whole in one passage", "found in 100", "found in k",
        "in the prompt", "used",
    ]  # fmt: skip
    assert set(found["positions"]) <= {"first", "middle", "last"}  # type: ignore[call-overload]
    assert found["context_recall"]["n"] == found["funnel"]["with evidence"]  # type: ignore[index]
    assert all(row["verdict"] for row in found["failures"])  # type: ignore[attr-defined]
    dry = data(run("diagnose", task, "--limit", 20, "--dry-run", "--json"))
    more = data(run("diagnose", task, "--limit", 20, "--positions", "--dry-run", "--json"))
    assert more["calls"]["high"] >= dry["calls"]["high"]  # type: ignore[index]


def test_every_command_that_opens_the_knowledge_says_what_was_passed_over(
    task: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(task, folder, ignore=shutil.ignore_patterns(".headway", "report.html"))
    (folder / "knowledge" / "empty.md").write_text("")
    for command in (
        ("check",),
        ("show",),
        ("evaluate", "--limit", 3),
        ("evaluate", "--limit", 3),  # all of it is in the store, and it is said all the same
        ("evaluate", "--limit", 3, "--json"),
        ("evaluate", "--limit", 4, "--dry-run"),
        ("compare", "baseline", "baseline"),
        ("diagnose", "--limit", 6),
        ("try", "passage_count", "--limit", 3),
        ("optimize", "--calls", 12, "--yes"),
        ("final", "--yes"),
    ):
        name, *options = command
        said = run(name, folder, *options)
        assert "empty.md: passed over" in said.stderr, (command, said.stderr)


def test_a_journey_from_the_first_prompt_to_its_report(task: Path, tmp_path: Path) -> None:
    found = data(run("optimize", task, "--calls", 400, "--axis", "behaviour", "--yes", "--json"))
    assert found["schema"] == "headway/optimize/1"
    file = tmp_path / "report.html"
    assert data(run("report", task, "--output", file, "--json"))["file"] == str(file)
    page = file.read_text()
    assert "</script>" not in page
    assert "The ledger" in page
    final = run("final", task, "--yes")
    assert final.exit_code == 0, final.stderr
    assert "sealed test was opened" in final.stdout


def test_show_says_where_it_stops_and_goes_on_with_replies_that_are_kept(task: Path) -> None:
    (task / "pipelines").mkdir(exist_ok=True)
    (task / "pipelines" / "asks.yaml").write_text(
        "steps:\n- expand\n- retrieve: {k: 1}\n- generate: {template: Answer the question.}\n"
    )
    first = run("show", task, "--pipeline", "asks")
    assert "what the step `expand` asks" in " ".join(first.stdout.split())
    data(run("evaluate", task, "--pipeline", "asks", "--limit", "1", "--json"))
    then = run("show", task, "--pipeline", "asks")
    assert "the step `expand` asks" not in " ".join(then.stdout.split())
    assert "Answer the question." in then.stdout
