"""`headway tune` on the command line: what is refused, what is planned, what is told at the end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from headway.cli import show_tune
from headway.cli.commands import main
from headway.core.findings import CheckItem, Comparison, Estimate
from headway.core.tuning import (
    Cost,
    Merged,
    MergeFinding,
    Side,
    TuneEpoch,
    TuneFinding,
    TunePlan,
    TuneStage,
)

MakeTask = Callable[..., Path]
HALF = Estimate(mean=0.5, low=0.4, high=0.6, n=40)
PLAN = TunePlan(
    base="embedded/smollm2-135m", trainer="lora", pipeline="abc", describes="generate", samples=80,
    held=12, left_out={"duplicate": 2}, tokens=8000, longest=200, prompt_tokens=70.0,
    reply_tokens=30.0, stages={"pilot": 64, "full": 80}, epochs=3, seconds=90.0, measured=True,
    checks=(CheckItem(name="samples", level="ok", text="To train on: 80 samples."),),
    samples_file="samples.jsonl",
)  # fmt: skip


def run(*arguments: object, code: int = 0) -> str:
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exit_code == code, found.output
    return found.stdout if "--json" in arguments else found.output


def printed(show: Callable[..., None], *found: Any) -> str:
    out = io.StringIO()
    show(Console(file=out, width=120, no_color=True), *found)
    return out.getvalue()


def told(verdict: str = "better", **more: Any) -> TuneFinding:
    compared = Comparison(
        a="a", b="b", metric="token_f1", n=40, groups=40, difference=0.2, low=0.1, high=0.3,
        p=0.01, verdict=verdict,  # type: ignore[arg-type]
    )  # fmt: skip
    epochs = (TuneEpoch(epoch=1, loss=1.5, held_loss=0.9, score=HALF), TuneEpoch(epoch=2))
    stages = (TuneStage(name="full", samples=80, epochs=epochs, chosen=1, tokens=8000, seconds=20),)
    return TuneFinding(**{
        "name": "tuned/a", "base": "embedded/smollm2-135m", "trainer": "lora", "plan": PLAN,
        "stages": stages, "comparison": compared, "before": HALF, "after": HALF,
        "cost_before": Cost(prompt_tokens=300, completion_tokens=20, seconds=1.0, usd=0.0),
        "cost_after": Cost(prompt_tokens=80, completion_tokens=20, seconds=0.5, usd=0.0),
        "sides": (Side(example="e1", question="Q?", wanted="yes", base="no\x1b[2J", tuned="yes"),),
        "likeness": ({"name": "words", "wanted": 5.0, "base": 9.0, "tuned": 5.0,
                      "moved": "towards"},),
        "likeness_after": "pilot",
        "general_before": HALF, "general_after": HALF, "general_change": HALF,
        "forgotten": ("What is 2 + 2?",), "pipeline_file": "p.yaml", "folder": "models/a", **more,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("better", "It paid"), ("worse", "did not pay"), ("not_proven", "Not proven"),
     ("not_comparable", "Not comparable")],
)  # fmt: skip
def test_the_verdict_comes_first(verdict: str, said: str) -> None:
    lines = printed(show_tune.tuned, told(verdict), Path("task")).splitlines()
    assert said in lines[0]
    assert "80 prompt tokens a request instead of 300" in " ".join(" ".join(lines[:2]).split())


def test_all_of_it_is_told() -> None:
    text = printed(show_tune.tuned, told(), Path("task"))
    for said in (
        "400 tokens/s",
        "0.900",
        "towards",
        "What is 2 + 2?",
        "tuned/a",
        "p.yaml",
        "wanted",
        "Answers after the pilot, beside what is wanted",
    ):
        assert said in text
    assert "\x1b[2J" not in text  # what a model writes is data
    stopped = printed(show_tune.tuned, told(name="", stopped="it went away"), Path("task"))
    assert stopped.startswith("Stopped: it went away")
    assert "the same command with --force" in stopped


def test_what_could_not_be_compared_has_no_empty_difference() -> None:
    none = {"difference": None, "low": None, "high": None, "verdict": "not_comparable"}
    compared = told().comparison
    assert compared is not None
    lost = told(comparison=compared.model_copy(update=none))
    assert show_tune.verdict(lost).startswith("Not comparable; 80 prompt tokens")


def test_a_gain_from_twice_the_data_is_a_hint() -> None:
    said = printed(show_tune.tuned, told(doubling=HALF), Path("task"))
    assert "A hint: each is the best of its epochs there" in " ".join(said.split())


@pytest.mark.parametrize(
    ("verdict", "said"), [("worse", "proven: it forgot"), ("not_proven", "not proven: so few")]
)
def test_whether_forgetting_is_proven_is_told(verdict: str, said: str) -> None:
    assert said in printed(show_tune.tuned, told(general_verdict=verdict), Path("task"))


def test_a_pilots_answer_stands_beside_that_of_all_samples() -> None:
    side = Side(example="e1", question="Q?", wanted="yes", base="no", tuned="yes", pilot="perhaps")
    assert "pilot   perhaps" in printed(show_tune.tuned, told(sides=(side,)), Path("task"))
    assert "pilot   " not in printed(show_tune.tuned, told(), Path("task"))


def test_what_is_to_be_typed_next_is_typed_as_it_stands(tmp_path: Path) -> None:
    """Quoted, and nothing that is done already."""
    file = tmp_path / "my task" / "pipelines" / "a.yaml"
    found = told(pipeline_file=str(file), serve="vllm serve x")
    text = " ".join(printed(show_tune.tuned, found, tmp_path / "my task").split())
    assert f"headway compare '{tmp_path / 'my task'}' baseline '{file}'" in text
    assert '"served_as": "HOUSE/NAME"' in text
    named = printed(show_tune.tuned, told(serve="vllm serve x", served_as="house/a"), Path("task"))
    assert "it is then house/a" in named
    assert "HOUSE/NAME" not in named


def test_settings_that_were_tried_are_told() -> None:
    stages = (
        TuneStage(name="half", samples=40, chosen=1, taken=False),
        TuneStage(name="half", samples=40, settings={"rate": 0.002}),
        TuneStage(
            name="half",
            samples=40,
            settings={"rate": 0.1},
            taken=False,
            seconds=9.0,
            stopped="the loss diverges",
        ),
        TuneStage(name="full", samples=80, settings={"rate": 0.002}),
    )
    text = printed(show_tune.tuned, told(stages=stages), Path("task"))
    assert text.count("other settings did better") == 1
    assert "half, rate 0.002: 40 samples" in text
    assert "full, rate 0.002: 80 samples" in text
    assert "half, rate 0.1: 40 samples, 9 s (the loss diverges); left out" in text


def test_long_words_lose_nothing() -> None:
    """JSON without spaces is one word, wider than a terminal."""
    wide = '{"a":"' + "0123456789" * 20 + 'end"}'
    side = Side(example="e1", question="Q?", wanted=wide, base=wide, tuned=wide)
    text = printed(show_tune.tuned, told(sides=(side,)), Path("task"))
    assert "".join(text.split()).count(wide) == 3


def test_a_plan_and_merged_weights_are_told() -> None:
    text = printed(show_tune.plan, PLAN)
    for said in (
        "about 1 min 30 s",
        "12 held out",
        "2 duplicate",
        "pilot",
        "To train on: 80 samples.",
    ):
        assert said in text
    trials = {"stages": {"half": 40, "full": 80}, "trials": ({"rate": 0.002},)}
    assert "half, rate 0.002" in printed(show_tune.plan, PLAN.model_copy(update=trials))
    row = Merged(
        kind="q8_0", model="embedded/a.gguf", size=10**8, score=HALF, seconds=1.0, same=0.9
    )
    text = printed(
        show_tune.merged, MergeFinding(name="tuned/a", metric="token_f1", n=40, merged=(row,))
    )
    assert "q8_0" in text
    assert "90%" in text
    assert "embedded/a.gguf" in text


def test_every_finding_is_one_document() -> None:
    for found, schema in ((PLAN, "headway/tune-plan/1"), (told(), "headway/tune/1")):
        data = json.loads(json.dumps(found.to_json()))
        assert data["schema"] == schema
        assert found.rows()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "behind an endpoint"),
        (("--base", "weights.bin"), "no model that can be trained here"),
        (("--base", "tuned/none"), "not there"),
        (("--trainer", "command"), "needs the command"),
        (("--trainer", "lora", "--command", "x"), "trainer `command`"),
        (("--trainer", "nothing", "--yes"), "behind an endpoint"),
        (("--rate", "0"), "--rate"),
        (("--minutes", "-1"), "--minutes"),
        (("--base", "owner/model", "--samples", "none.jsonl"), "none.jsonl"),
        (("--base", "owner/model", "--rate", "7"), "rate"),
        (("--inputs", "none.jsonl", "--teacher", "scripted/echo"), "none.jsonl"),
        (("--inputs", "none.jsonl"), "belongs to --teacher"),
        (("--unmasked",), "belongs to --from or --inputs"),
        (("--inputs", "none.jsonl", "--teacher", "scripted/echo", "--unmasked"), "none.jsonl"),
        (("--samples", "a.jsonl", "--from", "b.jsonl"), "both say what is trained on"),
        (("--merge", "tuned/none", "--dry-run"), "no --dry-run"),
        (("--merge", "tuned/none", "--rate", "0.01", "--no-half"), "--no-half, --rate beside"),
        (("--merge", "tuned/none", "--minutes", "15", "--limit", "9"), "--minutes beside --merge"),
        (("--merge", "tuned/none", "--from", "b.jsonl"), "--from beside --merge"),
        (("--quantisation", "q8_0"), "belongs to --merge"),
        (("--base", "owner/model", "--serve", "nohouse", "--dry-run"), "--serve nohouse"),
        (("--base", "owner/model", "--from", "none.jsonl", "--unmasked"), "none.jsonl"),
        (("--base", "owner/model", "--pipeline", "none.yaml"), "none.yaml"),
        (("--merge", "tuned/none"), "none"),
    ],
)
def test_bad_input_is_one_message(make_task: MakeTask, options: tuple[str, ...], said: str) -> None:
    text = run("tune", make_task(), *options, code=2)
    assert said in text
    assert "Traceback" not in text


def test_a_plan_spends_nothing_and_is_a_document(make_task: MakeTask) -> None:
    folder = make_task()
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "best.yaml").write_text(
        "model: scripted/extract\nsteps:\n  - retrieve: {k: 2}\n  - generate: {}\n"
    )
    data = json.loads(run("tune", folder, "--base", "owner/model", "--dry-run", "--json"))
    assert data["schema"] == "headway/tune-plan/1"
    assert data["base"] == "owner/model"
    assert "retrieve" in data["describes"]
    assert data["measured"] is False
    assert not (folder / "models").exists()
