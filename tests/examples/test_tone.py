"""The tone task: its files are what its generator writes, references follow the house style, and
rewrites that fall short do so in the way that their ratings say."""

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headway import Task

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "tone"
GOOD = "Dear Ms Okonkwo,\n\n{}\n\nKind regards,\nThe Linden Court team"
NOTE = "Ms Okonkwo flat 41 - boiler u/s, fitter 14 May 9:30, key w/ porter"
BODY = (
    "We have ordered the part for the boiler in flat 41, and a fitter will install it on 14 May"
    " at 9:30. You do not have to be at home. Please leave your key with the porter."
)


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tone_metrics", FOLDER / "metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.load(FOLDER)


@pytest.fixture(scope="module")
def judged() -> list[dict[str, Any]]:
    lines = (FOLDER / "judged.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_regenerating_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", FOLDER / "generate.py", tmp_path], check=True)
    assert {p.name for p in tmp_path.iterdir()} == {"examples.jsonl", "judged.jsonl"}
    for written in tmp_path.iterdir():
        assert written.read_bytes() == (FOLDER / written.name).read_bytes(), written.name
        assert len(written.read_bytes()) < 1_000_000


def test_sizes(task: Task) -> None:
    assert len(task.examples) == 240
    assert len({e.inputs["question"] for e in task.examples}) == 240
    assert len({e.group for e in task.examples}) == 60
    assert [len(task.split(name)) > 30 for name in ("train", "dev", "test")] == [True] * 3
    assert task.spec.rubric is not None
    assert len(task.spec.rubric.criteria) == 5


def test_references_follow_every_rule_and_keep_every_fact(task: Task, metrics: ModuleType) -> None:
    for example in task.examples:
        data, record = example.model_dump(), {"output": example.reference}
        assert metrics.style(data, record) == 1.0, example.id
        assert metrics.facts(data, record) == 1.0, example.id
        # A figure of the note, a name and a subject at least: nothing that any letter would have.
        assert len(metrics.wanted(example.inputs["question"], example.reference)) >= 4, example.id


def test_notes_are_not_in_the_style(task: Task, metrics: ModuleType) -> None:
    shares = [
        metrics.style(e.model_dump(), {"output": e.inputs["question"]}) for e in task.examples
    ]
    assert max(shares) <= 0.6
    assert sum(shares) / len(shares) < 0.5


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("greeting", GOOD.format(BODY).replace("Dear", "Hello")),
        ("greeting", GOOD.format(BODY).replace("Okonkwo", "Pellegrin")),
        ("sign_off", GOOD.format(BODY).replace("Linden", "Linton")),
        ("length", GOOD.format("We mend the boiler in flat 41 on 14 May at 9:30. Please wait.")),
        ("length", GOOD.format(BODY + " We thank you for it very much." * 6)),
        ("sentences", GOOD.format(BODY.replace(". You", " and you"))),
        ("words", GOOD.format(BODY.replace("will install", "will ASAP install"))),
        ("words", GOOD.format(BODY.replace("do not", "don't"))),
        ("figures", GOOD.format(BODY.replace("9:30", "10:30"))),
        ("figures", GOOD.format(BODY.replace(" at 9:30", ""))),
        ("figures", GOOD.format(BODY.replace("at home", "at home for 2 hours"))),
        ("active", GOOD.format(BODY.replace("We have ordered the part", "It was ordered"))),
        ("next_step", GOOD.format(BODY.replace("Please leave", "Leave"))),
        ("next_step", GOOD.format(BODY + " Please write to us.")),
        ("calm", GOOD.format(BODY.replace("home.", "home!"))),
        ("calm", GOOD.format(BODY.replace("not", "NOT"))),
        ("we", GOOD.format(BODY.replace("We have", "I have"))),
    ],
)  # fmt: skip
def test_each_rule_is_broken_by_what_breaks_it(metrics: ModuleType, rule: str, text: str) -> None:
    assert all(metrics.rules(NOTE, GOOD.format(BODY)).values())
    assert not metrics.rules(NOTE, text)[rule]


def test_facts_count_what_is_lost(metrics: ModuleType) -> None:
    example = {"inputs": {"question": NOTE}, "reference": GOOD.format(BODY)}

    def kept(text: str) -> float:
        return float(metrics.facts(example, {"output": text}))

    # 41, 14, 9:30, Okonkwo, boiler, fitter, key
    assert kept(GOOD.format(BODY)) == 1.0
    assert kept(GOOD.format(BODY.replace("9:30", "10:30"))) == pytest.approx(6 / 7)
    assert kept(GOOD.format("Please wait.")) == pytest.approx(1 / 7)
    assert kept("") == 0.0
    assert metrics.facts({**example, "reference": None}, {"output": "We come."}) is None


def test_no_answer_meets_hardly_any_rule(metrics: ModuleType) -> None:
    met = metrics.rules(NOTE, "")
    assert not any(met[name] for name in ("greeting", "sign_off", "length", "sentences",
                                          "figures", "next_step"))  # fmt: skip


def test_judged_answers_differ_as_their_ratings_say(
    task: Task, judged: list[dict[str, Any]], metrics: ModuleType
) -> None:
    assert len(judged) == 180
    assert Counter(row["label"] for row in judged) == {5: 60, 3: 60, 1: 60}
    examples = {e.id: e.model_dump() for e in task.examples}
    assert len({row["group"] for row in judged}) == 60
    assert {row["group"] for row in judged} <= set(examples)
    for row in judged:
        example, record = examples[row["group"]], {"output": row["answer"]}
        assert row["question"] == example["inputs"]["question"]
        assert row["answer"] != example["reference"], "a judge could compare instead of judging"
        style, facts = metrics.style(example, record), metrics.facts(example, record)
        if row["label"] == 5:
            assert (style, facts) == (1.0, 1.0), row["id"]
        elif row["label"] == 3:
            assert 0.6 <= style <= 0.8, row["id"]
            assert facts == 1.0, row["id"]
        else:
            assert style <= 0.4, row["id"]
            assert facts < 1.0, row["id"]


def test_the_styles_of_middling_answers_fail_in_several_ways(
    judged: list[dict[str, Any]], metrics: ModuleType
) -> None:
    broken = Counter(
        name
        for row in judged
        if row["label"] == 3
        for name, met in metrics.rules(row["question"], row["answer"]).items()
        if not met
    )
    assert len(broken) >= 7
    assert max(broken.values()) <= 45
