"""Families, errors, progress, findings: what a person reads."""

from __future__ import annotations

import builtins
import json
from typing import Any

import pytest

from headway.core import catalogue, errors
from headway.core.catalogue import Family, did_you_mean
from headway.core.errors import HeadwayError, InputError, MissingExtra
from headway.core.findings import (
    Axes,
    CheckItem,
    CheckReport,
    Comparison,
    Diagnosis,
    Estimate,
    Finding,
    Headroom,
    Journey,
    JourneyStep,
    Latency,
    Plan,
    RunFinding,
    Spent,
    UsageTotal,
)
from headway.core.progress import Event, Notices, silent

# --- families -------------------------------------------------------------------------------------

THINGS = Family("thing", {"decode": "json:loads", "encode": "json:dumps"})


class Point:
    def __init__(self, name: str) -> None:
        self.name = name

    def load(self) -> str:
        return f"loaded {self.name}"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def entry_points(group: str) -> list[Point]:
        asked.append(group)
        return [Point("theirs"), Point("decode")]

    monkeypatch.setattr(catalogue, "entry_points", entry_points)
    return asked


def test_ours_come_first_and_win(outside: list[str]) -> None:
    assert THINGS.names() == ["decode", "encode", "theirs"]
    assert THINGS.load("decode") is json.loads
    assert THINGS.load("theirs") == "loaded theirs"
    assert set(outside) == {"headway.things"}
    assert dict(THINGS) == {"decode": json.loads, "encode": json.dumps, "theirs": "loaded theirs"}


def test_an_unknown_name_is_helped() -> None:
    with pytest.raises(InputError) as found:
        THINGS.load("decodee", where="p.yaml, step 1")
    text = str(found.value)
    assert text.startswith("p.yaml, step 1: unknown thing 'decodee'")
    assert "did you mean decode" in text
    assert "All: decode, encode" in text


def test_did_you_mean_far_off_lists_all() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "a, b"
    assert did_you_mean("x", []) == ""


# --- errors ---------------------------------------------------------------------------------------


def test_a_message_says_where_what_valid_do() -> None:
    error = InputError("this is wrong", where="a.yaml:3", valid="b or c", do="headway check")
    assert str(error) == "a.yaml:3: this is wrong\n  valid: b or c\n  try:   headway check"
    assert str(HeadwayError("alone")) == "alone"
    assert (error.what, error.where) == ("this is wrong", "a.yaml:3")


def test_exit_codes() -> None:
    codes = {
        "HeadwayError": 3, "InputError": 2, "MissingExtra": 2, "ModelError": 3, "Outage": 3,
        "Rejected": 3, "TooLong": 3, "BudgetEnded": 4, "GateFailed": 1,
    }  # fmt: skip
    found = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, HeadwayError)
    }
    assert found == codes


def test_a_missing_extra_says_what_to_install() -> None:
    assert "pip install 'headway[pandas]'" in str(MissingExtra("to_pandas()", "pandas"))


# --- progress -------------------------------------------------------------------------------------


def test_a_notice_is_said_once_and_kept() -> None:
    heard: list[Event] = []
    notices = Notices(heard.append)
    for text in ("one", "two", "one"):
        notices.add(text)
    assert notices.texts == ("one", "two")
    assert [(e.kind, e.text) for e in heard] == [("notice", "one"), ("notice", "two")]
    silent(Event("tick"))


# --- findings -------------------------------------------------------------------------------------

NOTHING = Estimate()
RUN = RunFinding(
    run="r1", pipeline="p1", split="dev", n=3, completed=2, outage=1, invalid=0, refused=0,
    metrics={"f1": Estimate(mean=0.5, low=0.25, high=0.75, n=2), "own": NOTHING},
    usage=UsageTotal(usd=None), latency_s=Latency(), wall_s=1.0,
)  # fmt: skip
COMPARISON = Comparison(
    a="r1", b="r2", metric="f1", n=0, groups=0, difference=None, low=None, high=None, p=None,
    verdict="not_comparable", why="outages",
)  # fmt: skip
DIAGNOSIS = Diagnosis(
    run="r1", n=3, coverage=NOTHING, map=Axes(), as_is=Estimate(mean=0.0, low=0.0, high=0.5, n=3),
    closed_book=None, perfect_context=None, headroom=Headroom(), causes={},
)  # fmt: skip
STEP = JourneyStep(
    technique="rerank", axis="context", candidate=None, verdict=None, decision="dropped",
    reason="needs_unmet", detail="needs knowledge",
)  # fmt: skip
JOURNEY = Journey(
    journey="j1", baseline="p1", steps=(STEP,), best="p1", leading=None, test=None,
    stopped="done", spent=Spent(usd=None),
)  # fmt: skip
PLAN = Plan(command="evaluate", calls=NOTHING, tokens=NOTHING, usd=NOTHING, minutes=NOTHING)
CHECK = CheckReport(task="t", items=(CheckItem(name="tags", level="error", text="none"),))
ALL: list[tuple[Finding, str]] = [
    (RUN, "evaluate"), (COMPARISON, "compare"), (DIAGNOSIS, "diagnose"), (JOURNEY, "optimize"),
    (PLAN, "plan"), (CHECK, "check"),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "name"), ALL, ids=lambda v: v if isinstance(v, str) else "")
def test_one_document_with_its_schema_first(finding: Finding, name: str) -> None:
    data = finding.to_json()
    assert next(iter(data)) == "schema"
    assert data["schema"] == f"headway/{name}/1"
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    rest = {k: v for k, v in data.items() if k != "schema"}
    assert type(finding).model_validate(rest) == finding


def test_an_unknown_is_null_and_a_zero_is_zero() -> None:
    data = RUN.to_json()
    assert data["metrics"]["own"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert data["usage"]["usd"] is None
    assert data["latency_s"] == {"p50": None, "p95": None}
    assert UsageTotal().usd == 0.0
    found = DIAGNOSIS.to_json()
    assert found["map"] == {"context": None, "behaviour": None}
    assert found["as_is"]["mean"] == 0.0
    assert COMPARISON.to_json()["difference"] is None


def test_rows() -> None:
    assert [r["metric"] for r in RUN.rows()] == ["f1", "own"]
    assert [r["probe"] for r in DIAGNOSIS.rows()] == ["as_is"]
    assert JOURNEY.rows()[0]["technique"] == "rerank"
    assert CHECK.rows() == [{"name": "tags", "level": "error", "text": "none"}]
    assert COMPARISON.rows()[0]["verdict"] == "not_comparable"
    assert CHECK.errors == 1


HOSTILE = "<script>alert(1)</script>&\"'"


def test_html_escapes_what_others_wrote() -> None:
    metrics = {HOSTILE: Estimate(mean=0.12345, low=0.0, high=1.0, n=1)}
    page = RUN.model_copy(update={"metrics": metrics})._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;" in page
    assert "<td>0.123</td>" in page
    steps = (STEP.model_copy(update={"detail": HOSTILE}),)
    assert "<script" not in JOURNEY.model_copy(update={"steps": steps})._repr_html_()


class Named(Finding):
    """Whose columns are named by others."""

    def rows(self) -> list[dict[str, Any]]:
        return [{HOSTILE: 1}]


def test_html_escapes_names_too() -> None:
    assert "<script" not in Named()._repr_html_()


def test_html_of_nothing() -> None:
    nothing = JOURNEY.model_copy(update={"steps": ()})._repr_html_()
    assert nothing == "<p>headway/optimize/1: nothing</p>"


def test_pandas_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match="pandas"):
        RUN.to_pandas()
