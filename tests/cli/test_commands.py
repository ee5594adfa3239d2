"""The commands against a small fake workspace: parsing, streams, exit codes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import click
import pytest
from click.testing import CliRunner, Result

import headway.workspace
from headway import __version__
from headway.cli import door, main
from headway.core.errors import BudgetEnded, InputError, Outage
from headway.core.progress import Event
from headway.techniques import TECHNIQUES


@dataclass(frozen=True)
class Card:
    """A model, as `headway models` lists it."""

    name: str
    role: str
    present: bool
    size: int
    good_for: str
    licence: str


class Fake:
    """Answers every verb with the finding set for it, remembers what it was asked."""

    findings: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, tuple[Any, ...], dict[str, Any]]]] = []
    opened: ClassVar[list[tuple[Any, Any]]] = []

    def __init__(self, progress: Any) -> None:
        self.progress = progress

    @classmethod
    def open(cls, folder: Any, *, model: str | None = None, progress: Any = None) -> Fake:
        cls.opened.append((folder, model))
        return cls(progress)

    async def __aenter__(self) -> Fake:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def __getattr__(self, verb: str) -> Any:
        async def answer(*given: Any, **options: Any) -> Any:
            self.asked.append((verb, given, options))
            print("the user's own application prints this")  # noqa: T201
            self.progress(Event("phase", "answers"))
            self.progress(Event("tick", done=3, total=10, eta_s=30.0))
            self.progress(Event("notice", "this must be read"))
            found = self.findings[verb]
            if isinstance(found, BaseException):
                raise found
            return found

        return answer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, made: ModuleType) -> type[Fake]:
    from headway.core.findings import TestFinding
    from headway.engine.trying import Tried

    monkeypatch.setattr(headway.workspace, "Workspace", Fake)
    steps = made.steps()
    Fake.asked, Fake.opened = [], []
    Fake.findings = {
        "evaluate": made.run(),
        "compare": made.comparison(),
        "diagnose": made.diagnosis(),
        "optimize": made.journey(),
        "plan": made.plan(),
        "check": made.check(),
        "report": Path("report.html"),
        "try_technique": Tried(incumbent="i", metric="correctness", n=60, steps=steps[:2]),
        "final": TestFinding(pipeline="p", figure=made.run(split="test"), openings=6, worn=True),
    }
    return Fake


def run(*args: str, **more: Any) -> Result:
    return CliRunner().invoke(main, list(args), **more)


COMMANDS = [
    ("evaluate", ["t"], "headway/evaluate/1"),
    ("compare", ["t", "a", "b"], "headway/compare/1"),
    ("diagnose", ["t"], "headway/diagnose/1"),
    ("try", ["t", "rerank"], "headway/try/1"),
    ("optimize", ["t", "--calls", "9"], "headway/optimize/1"),
    ("final", ["t", "--yes"], "headway/final/1"),
    ("check", ["t"], "headway/check/1"),
    ("report", ["t"], "headway/report/1"),
]
SPENDING = ["evaluate", "compare", "diagnose", "try", "optimize", "final"]


@pytest.mark.parametrize(("command", "args", "schema"), COMMANDS)
def test_json_is_one_document_on_stdout_and_nothing_else(
    fake: type[Fake], command: str, args: list[str], schema: str
) -> None:
    result = run(command, *args, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["schema"] == schema
    assert "this must be read" in result.stderr
    assert "the user's own application prints this" in result.stderr


@pytest.mark.parametrize(("command", "args", "_"), COMMANDS)
def test_each_prints_for_a_person_within_80_columns(
    fake: type[Fake], command: str, args: list[str], _: str
) -> None:
    result = run(command, *args, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip()
    assert "\x1b" not in result.output
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


@pytest.mark.parametrize("command", SPENDING)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_dry_run_only_plans(fake: type[Fake], command: str, as_json: bool) -> None:
    args = next(args for name, args, _ in COMMANDS if name == command)
    result = run(command, *args, "--dry-run", *(["--json"] if as_json else []))
    assert result.exit_code == 0, result.stderr
    assert [verb for verb, _, _ in fake.asked] == ["plan"]
    assert fake.asked[0][1] == (command,)
    if as_json:
        assert json.loads(result.stdout)["schema"] == "headway/plan/1"
    else:
        assert "1,800 (1,200 to 2,000)" in result.stdout
        assert "price not known" in result.stdout


def test_flags_reach_the_workspace(fake: type[Fake]) -> None:
    run("evaluate", "t", "--pipeline", "p.yaml", "--model", "scripted/echo", "--split", "train",
        "--limit", "5", "--repeat", "3", "--by", "tags", "--by", "group")  # fmt: skip
    assert fake.opened == [(Path("t"), "scripted/echo")]
    assert fake.asked[0][2] == {
        "pipeline": "p.yaml",
        "split": "train",
        "limit": 5,
        "repeat": 3,
        "by": ("tags", "group"),
        "ragas": None,
    }
    fake.asked.clear()
    run("optimize", "t", "--tokens", "7", "--usd", "1.5", "--minutes", "2", "--axis", "context",
        "--test", "never", "--continue", "--yes", "--pipeline", "best")  # fmt: skip
    assert fake.asked == [
        (
            "optimize",
            (),
            {
                "calls": None,
                "tokens": 7,
                "usd": 1.5,
                "minutes": 2.0,
                "axis": "context",
                "test": "never",
                "resume": True,
                "pipeline": "best",
            },
        )
    ]


def test_optimize_off_a_terminal_shows_the_plan_and_goes(fake: type[Fake]) -> None:
    result = run("optimize", "t")
    assert [verb for verb, _, _ in fake.asked] == ["plan", "optimize"]
    assert "optimize would spend" in result.stderr
    assert "optimize would spend" not in result.stdout
    assert "headway optimize t --continue" in result.stdout


@pytest.mark.parametrize(("answer", "verbs"), [("y\n", 2), ("n\n", 1)])
def test_optimize_on_a_terminal_asks(
    fake: type[Fake], monkeypatch: pytest.MonkeyPatch, answer: str, verbs: int
) -> None:
    monkeypatch.setattr(door, "interactive", lambda: True)
    result = run("optimize", "t", input=answer)
    assert result.exit_code == 0
    assert len(fake.asked) == verbs


def test_a_budget_that_ends_before_the_test_is_through_exits_4(
    fake: type[Fake], made: ModuleType
) -> None:
    stopped = "the calls are spent; the budget ended before the sealed test was through"
    fake.findings["optimize"] = made.journey(stopped=stopped, test=None, complete=False)
    result = run("optimize", "t", "--yes", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["stopped"] == stopped
    assert "--continue" in result.stderr


def test_final_asks_before_it_opens_the_sealed_test(
    fake: type[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("final", "t")
    assert result.exit_code == 2
    assert "sealed test" in result.stderr
    assert "--yes" in result.stderr
    assert fake.asked == []
    monkeypatch.setattr(door, "interactive", lambda: True)
    assert run("final", "t", input="n\n").exit_code == 0
    assert fake.asked == []
    opened = run("final", "t", input="y\n")
    assert opened.exit_code == 0
    assert "worn" in opened.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("found 3", where="task.yaml:2", valid="1 or 2", do="headway check t"), 2),
        (Outage("house/m did not answer"), 3),
        (BudgetEnded("500 of 500 calls are spent"), 4),
        (ExceptionGroup("tasks", [ValueError("x"), Outage("house/m did not answer")]), 3),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_errors_are_sentences_with_an_exit_code(
    fake: type[Fake], error: Exception, code: int, as_json: bool
) -> None:
    fake.findings["evaluate"] = error
    result = run("evaluate", "t", *(["--json"] if as_json else []))
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if isinstance(error, InputError):
        assert "task.yaml:2: found 3\n  valid: 1 or 2\n  try:   headway check t" in result.stderr


def test_a_bug_leaves_its_traceback_in_a_file(fake: type[Fake], tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: t")
    fake.findings["evaluate"] = ZeroDivisionError("oops")
    result = run("evaluate", str(tmp_path))
    assert result.exit_code == 70
    assert "This is a bug in Headway (ZeroDivisionError: oops)" in result.stderr
    assert "Traceback" not in result.stderr
    (file,) = (tmp_path / ".headway").glob("traceback-*.txt")
    assert str(file) in result.stderr
    assert "ZeroDivisionError: oops" in file.read_text()


def test_a_bug_without_a_task_goes_to_a_temporary_file(
    fake: type[Fake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fake.findings["evaluate"] = RuntimeError()
    result = run("evaluate", str(tmp_path / "nowhere"))
    assert result.exit_code == 70
    assert "RuntimeError" in next(tmp_path.glob("headway-*.txt")).read_text()


def test_an_interrupt_is_one_line(fake: type[Fake]) -> None:
    fake.findings["optimize"] = KeyboardInterrupt()
    result = run("optimize", "t", "--yes")
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    assert "Traceback" not in result.output


def test_check_with_errors_exits_2_after_its_list(fake: type[Fake], made: ModuleType) -> None:
    items = made.check().items
    broken = items[0].model_copy(update={"level": "error", "text": "no examples"})
    fake.findings["check"] = made.check().model_copy(update={"items": (*items, broken)})
    result = run("check", "t", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["items"][-1]["text"] == "no examples"
    assert "1 error, 1 warning" in run("check", "t").stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["evalate", "t"], "Did you mean 'evaluate'?"),
        (["evaluate", "t", "--repaet", "3"], "Did you mean '--repeat'?"),
        (["evaluate", "t", "--limit", "0"], "0 is not in the range"),
        (["evaluate", "t", "--split", "tset"], "'dev', 'train', 'test'"),
        (["optimize", "t", "--usd", "0"], "0 is not above 0"),
        (["evaluate"], "Missing argument 'TASK'"),
    ],
)
def test_usage_errors_exit_2_and_help(args: list[str], said: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def _all(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += _all(command, (*path, name))
    return found


@pytest.mark.parametrize("path", _all(main), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"Example: headway {' '.join(path)}" in result.stdout
    assert len(result.stdout.splitlines()) > 5


def test_the_commands_of_the_house() -> None:
    making = "init import draft review check show models schema techniques tune"
    measuring = "evaluate compare judge diagnose try optimize final report"
    assert set(main.commands) == {*making.split(), *measuring.split()}


def test_version_and_start() -> None:
    assert run("--version").stdout == f"headway, version {__version__}\n"
    assert "headway init demo" in run("--help").stdout


def test_techniques_and_schema_need_no_task() -> None:
    listed = json.loads(run("techniques", "--json").stdout)
    assert listed["schema"] == "headway/techniques/1"
    fields = {"name", "axis", "good_for", "not_good_for", "addresses", "needs", "costs"}
    assert all(set(kind) == fields for kind in listed["techniques"])
    only = json.loads(run("techniques", "--json", "--axis", "context").stdout)
    assert {kind["axis"] for kind in only["techniques"]} == {"context"}
    said = run("techniques", env={"COLUMNS": "80"}).stdout
    assert all(kind["name"] in said for kind in listed["techniques"])
    assert json.loads(run("schema").stdout)["properties"]["metrics"]
    assert json.loads(run("schema", "optimize").stdout)["properties"]["schema"]
    unknown = run("schema", "optimise")
    assert unknown.exit_code == 2
    assert "optimize" in unknown.stderr


def test_the_card_of_one_technique() -> None:
    said = run("techniques", "rerank", env={"COLUMNS": "80"}).stdout
    for word in ("good for", "not for", "needs", "costs", "addresses", "Nogueira and Cho, 2019"):
        assert word in said
    # Each cause with what it means.
    assert "ranked too low: search brings the evidence, but below what is shown" in " ".join(
        said.split()
    )
    (card,) = json.loads(run("techniques", "rerank", "--json").stdout)["techniques"]
    assert card["name"] == "rerank"
    assert "cross-encoder" in card["costs"]
    assert all("costs" in run("techniques", name).stdout for name, _ in TECHNIQUES)
    unknown = run("techniques", "rerankk")
    assert unknown.exit_code == 2
    assert "did you mean rerank" in unknown.stderr


def test_diagnose_asks_for_the_places_where_told(fake: type[Fake]) -> None:
    assert run("diagnose", "t").exit_code == 0
    assert run("diagnose", "t", "--positions").exit_code == 0
    assert [options["positions"] for _, _, options in fake.asked] == [False, True]


def test_init_makes_a_task_that_checks_and_runs(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    made = run("init", str(folder))
    assert made.exit_code == 0, made.output
    assert "next: headway check" in made.stdout.replace("\n", " ")
    again = run("init", str(folder))
    assert again.exit_code == 2
    assert "--force" in again.stderr
    forced = run("init", str(folder), "--force", "--json")
    assert json.loads(forced.stdout)["schema"] == "headway/made/1"
    found = run("evaluate", str(folder), "--model", "scripted/extract", "--limit", "5", "--json")
    assert json.loads(found.stdout)["completed"] == 5


def test_import_names_columns(tmp_path: Path) -> None:
    source = tmp_path / "qa.csv"
    source.write_text("frage,antwort\n" + "".join(f"Was ist {i}?,{i}\n" for i in range(30)))
    task = tmp_path / "t"
    made = run("import", str(source), str(task), "--question", "frage", "--reference", "antwort")
    assert made.exit_code == 0, made.output
    assert "30 examples" in made.stdout
    wrong = run("import", str(source), str(tmp_path / "u"), "--question", "fraage")
    assert wrong.exit_code == 2
    assert "frage" in wrong.stderr


def test_models_need_no_task(fake: type[Fake]) -> None:
    cards = [
        Card("embedded/a", "chat", True, 1_200_000_000, "answers", "Apache-2.0"),
        Card("embedded/b", "embed", False, 34_000_000, "search", "MIT"),
    ]
    fake.findings |= {
        "models": cards,
        "pull": Path("x"),
        "check_model": {"name": "house/m", "usd": None},
    }
    fake.findings["remove_model"] = 34_000_000
    listed = json.loads(run("models", "--json").stdout)
    assert [card["name"] for card in listed["models"]] == ["embedded/a", "embedded/b"]
    assert "1.2 GB" in run("models").stdout
    fake.asked.clear()
    assert "here: embedded/b" in run("models", "pull", "--all").stdout
    assert [given for verb, given, _ in fake.asked if verb == "pull"] == [
        ("embedded/a",),
        ("embedded/b",),
    ]
    assert json.loads(run("models", "check", "house/m", "--json").stdout)["name"] == "house/m"
    assert "not known" in run("models", "check", "house/m").stdout
    assert "34 MB freed" in run("models", "remove", "embedded/b").stdout


@pytest.mark.parametrize("args", [[], ["embedded/a", "--all"]])
def test_pull_wants_one_name_or_all(fake: type[Fake], args: list[str]) -> None:
    result = run("models", "pull", *args)
    assert result.exit_code == 2
    assert "a NAME, or --all" in result.stderr
    assert fake.asked == []
