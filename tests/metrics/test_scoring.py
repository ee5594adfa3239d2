"""The rules for every metric, the table, and metrics of the user's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from headway.core.errors import InputError, Outage, Rejected
from headway.core.protocols import Metric, Scored
from headway.core.record import Score
from headway.core.task import Task, TaskSpec
from headway.metrics import METRICS, load, load_all, score
from headway.testing.metrics import scored

CASE = scored("blue", reference="blue")


def run(case: Scored, *metrics: Metric) -> dict[str, float | None]:
    found = asyncio.run(score(case.task, case.example, case.record, case.evidence, metrics))
    return {name: made.value for name, made in found.items()}


def with_status(case: Scored, status: str) -> Scored:
    return replace(case, record=replace(case.record, status=status))  # type: ignore[arg-type]


def test_every_metric_of_the_table_loads_by_its_own_name() -> None:
    for name in METRICS.table:
        assert load(name, Path()).name == name
    assert load("retrieval_ndcg@5", Path()).name == "retrieval_ndcg@5"


def test_a_near_name_is_offered() -> None:
    with pytest.raises(InputError, match="did you mean exact_match"):
        load("exact_mach", Path())


def test_status() -> None:
    metrics = [load(name, Path()) for name in ("exact_match", "retrieval_recall", "json_valid")]
    assert run(CASE, metrics[0]) == {"exact_match": 1.0}
    for status in ("invalid", "refused"):
        assert run(with_status(CASE, status), *metrics) == {
            "exact_match": 0.0,
            "retrieval_recall": None,
            "json_valid": 0.0,
        }
    assert set(run(with_status(CASE, "outage"), *metrics).values()) == {None}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, -0.1])
def test_what_is_no_score_names_the_metric(value: float) -> None:
    class Bad:
        name: ClassVar[str] = "mine"
        needs: ClassVar[tuple[str, ...]] = ()
        yes_no: ClassVar[bool] = False

        async def score(self, scored: Scored) -> float | None:
            return value

    with pytest.raises(InputError, match=r"metric 'mine' gave .* for example '1'"):
        run(CASE, Bad())


OWN = '''
"""My metrics."""
def plain(example, record):
    return record["answer"] == example["reference"]

async def waits(example, record):
    return 0.25

def none(example, record):
    return None

def crash(example, record):
    return example["nothing"]

def text(example, record):
    return "good"

def changes(example, record):
    record["answer"] = "changed"
    example["inputs"].clear()
    return 1

def far(example, record):
    return 7

plain.yes_no = True
plain.needs = ("reference",)

class Whole:
    name = "ignored"
    needs = ("reference",)
    yes_no = False
    async def score(self, scored):
        return 0.5

class Never(Whole):
    def applies(self, scored):
        return False

class Unsure(Whole):
    def applies(self, scored):
        return scored.example.inputs["nothing"]

class Polite(Whole):
    any_status = True
    async def score(self, scored):
        return float(scored.record.status == "refused")

class NotOne:
    pass

value = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "metrics.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def own(folder: Path, name: str, case: Scored = CASE) -> float | None:
    metric = load(f"python:metrics.py:{name}", folder)
    return run(case, metric)[f"python:metrics.py:{name}"]


def test_own_functions_and_classes(folder: Path) -> None:
    assert own(folder, "plain") == 1.0
    assert own(folder, "plain", scored("red", reference="blue")) == 0.0
    assert own(folder, "waits") == 0.25
    assert own(folder, "none") is None
    assert own(folder, "Whole") == 0.5
    metric = load("python:metrics.py:plain", folder)
    assert (metric.yes_no, metric.needs) == (True, ("reference",))
    assert not load("python:metrics.py:waits", folder).yes_no
    assert own(folder, "plain", with_status(CASE, "invalid")) == 0.0


def test_own_classes_say_where_they_apply(folder: Path) -> None:
    refused = with_status(CASE, "refused")
    assert own(folder, "Whole", refused) == 0.0
    assert own(folder, "Never", refused) is None
    assert own(folder, "Polite", refused) == 1.0  # it has its own say on refusals
    assert own(folder, "Polite", with_status(CASE, "outage")) is None
    with pytest.raises(InputError, match=r"metrics\.py:\d+: .*example '1': it crashed: KeyError"):
        own(folder, "Unsure", refused)


def test_no_reference_in_a_list_is_no_reference() -> None:
    none = with_status(scored("blue", reference=[]), "refused")
    assert run(none, load("exact_match", Path())) == {"exact_match": None}


def test_own_functions_cannot_change_what_was_measured(folder: Path) -> None:
    assert own(folder, "changes") == 1.0
    assert (CASE.record.answer, CASE.example.inputs) == ("blue", {"question": "?"})


def test_a_crash_is_one_message_with_file_line_and_example(folder: Path) -> None:
    with pytest.raises(InputError) as error:
        own(folder, "crash")
    assert f"{folder / 'metrics.py'}:13: " in str(error.value)
    assert "example '1': it crashed: KeyError: 'nothing'" in str(error.value)
    assert error.value.what.count("\n") == 0


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("python:metrics.py", "does not name a function"),
        ("python:metrics:plain", "does not name a function"),
        ("python:nowhere.py:plain", "there is no file"),
        ("python:metrics.py:plane", "did you mean plain"),
        ("python:metrics.py:value", "is not a function"),
        ("python:metrics.py:NotOne", "is not a metric"),
        ("python:broken.py:x", "broken.py:2: it fails while it is loaded: SyntaxError"),
        ("python:dies.py:x", "dies.py:1: it fails while it is loaded: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_loaded(folder: Path, spec: str, what: str) -> None:
    (folder / "broken.py").write_text("x = 1\ndef f(:\n", encoding="utf-8")
    (folder / "dies.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        load(spec, folder)
    assert what in str(error.value)


@pytest.mark.parametrize("name", ["text", "far"])
def test_a_value_that_is_no_score(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"metrics.py:{name}"):
        own(folder, name)


def test_metrics_of_a_task_in_its_order(folder: Path) -> None:
    spec = TaskSpec(name="t", metrics=("token_f1", "python:metrics.py:plain"))
    task = Task(folder=folder, spec=spec, examples=())
    assert [metric.name for metric in load_all(task)] == list(spec.metrics)
    wrong = Task(folder=folder, spec=TaskSpec(name="t", metrics=("nothing",)), examples=())
    with pytest.raises(InputError, match=r"task\.yaml: unknown metric 'nothing'"):
        load_all(wrong)


class Judged:
    """A metric whose model fails, or writes what cannot be read, or is right."""

    name: ClassVar[str] = "judged"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("judge",)

    def __init__(self, does: Exception | Score) -> None:
        self._does = does

    async def score(self, scored: Scored) -> Score:
        if isinstance(self._does, Exception):
            raise self._does
        return self._does


def judged(does: Exception | Score) -> Score:
    found = asyncio.run(score(CASE.task, CASE.example, CASE.record, CASE.evidence, [Judged(does)]))
    return found["judged"]


def test_a_judge_that_is_down_leaves_the_answer_unscored_and_not_zero() -> None:
    found = judged(Outage("the service does not answer"))
    assert found.value is None
    assert found.unscored == "the service does not answer"
    record = CASE.record.with_scores({"judged": found})
    assert record.scores == {"judged": None}
    assert record.unscored == {"judged": "the service does not answer"}


def test_how_a_score_came_about_stays_with_the_record() -> None:
    found = judged(Score(0.5, {"statements": ["a", "b"], "verdicts": [True, False]}))
    record = CASE.record.with_scores({"judged": found})
    assert record.scores == {"judged": 0.5}
    assert record.judged["judged"]["verdicts"] == [True, False]
    assert not record.unscored


def test_a_wrong_key_stops_everything() -> None:
    with pytest.raises(Rejected):
        judged(Rejected("wrong key"))
