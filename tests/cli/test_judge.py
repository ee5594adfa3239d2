"""`headway judge` as a person types it: a labelled file, a task's own answers, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headway.cli import main
from headway.core.rating import FILE, Preference, Rating, read_verdicts

JUDGE = """
from headway.core.errors import Outage

def tired(request):
    return Outage("nobody is there")
"""


@pytest.fixture(autouse=True)
def _models_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged without a task is kept beside the models: not beside this machine's."""
    monkeypatch.setenv("HEADWAY_MODELS", str(tmp_path / "cache" / "models"))


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [
        {"user_input": f"q{i}", "response": "blue" if i % 2 else "red sky", "reference": "blue",
         "human": "yes" if i % 2 else "no"}
        for i in range(30)
    ]  # fmt: skip
    file = tmp_path / "labelled.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _run(*args: object, words: str | None = None) -> Result:
    return CliRunner().invoke(main, ["judge", *map(str, args)], input=words)


def test_a_metric_beside_people_in_a_table(labelled: Path) -> None:
    result = _run(labelled, "--metric", "token_f1")
    assert result.exit_code == 0, result.output
    for said in ("Cohen's kappa", "majority", "overlap", "May decide a journey"):
        assert said in result.stdout
    assert not (labelled.parent / ".headway").exists()  # nothing is left beside a person's file


def test_json_is_one_document(labelled: Path) -> None:
    result = _run(labelled, "--metric", "exact_match", "--json", "--limit", 8)
    found = json.loads(result.stdout)
    assert found["schema"] == "headway/judge/1"
    assert found["n"] == 8
    assert found["agreement"]["kappa"]["mean"] == 1.0
    assert len(found["answers"]) == 8
    assert found["standing"] == "unknown"  # so few say nothing of a judge
    few = " ".join(_run(labelled, "--metric", "exact_match", "--limit", 8).stdout.split())
    assert "8 answers are too few, 30 are enough" in few


def test_a_dry_run_says_what_it_would_spend(labelled: Path, make_task: Any) -> None:
    assert "offline" in _run(labelled, "--metric", "token_f1", "--dry-run").stdout
    task = make_task(models={"chat": "scripted/echo", "judge": "scripted/echo"})
    found = json.loads(
        _run(labelled, "--metric", "correctness", "--task", task, "--dry-run", "--json").stdout
    )
    assert found["command"] == "judge"
    assert found["calls"]["mean"] == 15  # the others are the reference: nobody is asked


@pytest.mark.parametrize(
    "what", [("--rate",), ("--rate", "--pairs", "baseline", "best"), ("--import", "v.csv"), ()]
)
def test_a_dry_run_of_what_is_not_planned_spends_nothing(make_task: Any, what: Any) -> None:
    task = make_task(models={"chat": "scripted/echo", "judge": "scripted/echo"})
    result = _run(task, *what, "--dry-run")
    assert result.exit_code == 2
    assert "--dry-run is for --metric and for --pairs" in result.output
    assert not (task / ".headway").exists()


def test_a_dry_run_of_pairs_counts_answers_and_verdicts(make_task: Any) -> None:
    task = make_task(models={"chat": "scripted/extract", "judge": "scripted/judge.py:fills"})
    (task / "judge.py").write_text(
        "import json\nfrom headway.engine.estimate.scoring import filled\n\n\n"
        "def fills(request):\n    return json.dumps(filled(request.json_schema))\n"
    )
    (task / "pipelines").mkdir()
    for name, tokens in (("baseline", 6), ("best", 18)):
        (task / "pipelines" / f"{name}.yaml").write_text(
            f"model: scripted/extract\nsteps:\n  - retrieve: {{k: 1}}\n"
            f"  - generate: {{template: Answer., max_tokens: {tokens}}}\n"
        )
    pair = ("--pairs", "baseline", "best", "--limit", 5)
    planned = json.loads(_run(task, *pair, "--dry-run", "--json").stdout)
    assert planned["command"] == "judge"
    assert planned["calls"]["mean"] == 20  # five answers of each side, and each pair in two orders
    assert "5 pairs by scripted/judge.py:fills" in " ".join(planned["notes"])
    assert json.loads(_run(task, *pair, "--json").stdout)["preferences"] == 5
    again = json.loads(_run(task, *pair, "--dry-run", "--json").stdout)
    assert (again["calls"]["low"], again["calls"]["mean"]) == (0, 10)  # the answers are kept


def test_with_a_task_it_is_kept_for_its_journeys(labelled: Path, make_task: Any) -> None:
    task = make_task()
    assert _run(labelled, "--metric", "token_f1", "--task", task).exit_code == 0
    check = CliRunner().invoke(main, ["check", str(task)])
    assert "agrees with people at kappa 1.00" in " ".join(check.stdout.split())


def test_outages_are_listed_apart_from_misses(labelled: Path, make_task: Any) -> None:
    task = make_task(models={"chat": "scripted/echo", "judge": "scripted/judge.py:tired"})
    (task / "judge.py").write_text(JUDGE)
    result = _run(labelled, "--metric", "correctness", "--task", task)
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0, result.output
    assert "15 answers of 30 got no score; each was lost to an outage" in said
    assert "counts as a miss" not in said
    assert "15 answers are too few, 30 are enough" in said
    assert "nothing is kept" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "which metric?"),
        (("--metric", "tokenf1"), "token_f1"),
        (("--metric", "token_f1", "--label", "huma"), "no column 'huma'"),
        (("--metric", "pairwise"), "holds single ones"),
        (("--rate",), "this is no task"),
        (("--metric", "context_recall"), "applies to none"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(labelled: Path, args: Any, said: str) -> None:
    result = _run(labelled, *args)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_rating_is_kept_at_once_and_may_be_left(make_task: Any) -> None:
    task = make_task()
    result = _run(task, "--rate", "--by", "ana", "--limit", 5, words="4\nnonsense\n2h\n\nq\n")
    assert result.exit_code == 0, result.output
    first, second = read_verdicts(task)
    assert isinstance(first, Rating)
    assert isinstance(second, Rating)
    assert (first.rating, first.flag, first.by) == (4.0, None, "ana")
    assert (second.rating, second.flag) == (2.0, "hallucination")
    assert "Not understood" in result.output
    assert "2 ratings" in result.stdout
    # The same person goes on with what is left; an end of input is a way to leave.
    again = _run(task, "--rate", "--by", "ana", "--limit", 5, words="")
    assert again.exit_code == 0
    assert "1 of 3" in again.output
    assert len((task / FILE).read_text().splitlines()) == 2


def test_pairs_are_shown_without_names(make_task: Any) -> None:
    task = make_task()
    (task / "pipelines").mkdir()
    for name, k in (("baseline", 1), ("best", 3)):
        (task / "pipelines" / f"{name}.yaml").write_text(
            f"model: scripted/extract\nsteps:\n  - retrieve: {{k: {k}}}\n"
            f"  - generate: {{template: Answer., max_tokens: {6 * k}}}\n"
        )
    result = _run(task, "--rate", "--pairs", "baseline", "best", "--by", "ana",
                  words="1\nt\n2\nq\n")  # fmt: skip
    assert result.exit_code == 0, result.output
    asked = result.output.split("preferences")[0]
    assert "best@" not in asked
    assert "baseline@" not in asked
    verdicts = read_verdicts(task)
    assert [type(v) for v in verdicts] == [Preference] * 3
    assert [v.prefer for v in verdicts if isinstance(v, Preference)][1] == "tie"
    assert "Bradley-Terry" in result.stdout


def test_importing_and_a_task_that_nobody_rated(make_task: Any, tmp_path: Path) -> None:
    task = make_task()
    assert "Nobody has rated" in _run(task).stdout
    (said,) = json.loads(_run(task, "--json").stdout)["notices"]
    assert f"headway judge {task} --rate" in said
    nothing = _run(task, "--metric", "token_f1")
    assert nothing.exit_code == 2
    assert "too few answers" in nothing.output
    table = tmp_path / "v.csv"
    table.write_text("example,answer,rating,by\nAlderford-0,Arn,5,ana\nAlderford-1,blue,1,ben\n")
    found = json.loads(_run(task, "--import", table, "--json").stdout)
    assert found["schema"] == "headway/ratings/1"
    assert (found["added"], found["people"]) == (2, ["ana", "ben"])
    assert json.loads(_run(task, "--import", table, "--json").stdout)["added"] == 0
    assert json.loads(_run(task, "--metric", "token_f1", "--json").stdout)["n"] == 2
