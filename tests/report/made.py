"""A journey made by hand, as rich as real ones: what the report and the terminal are shown with."""

from __future__ import annotations

from typing import Any

from headway.core.findings import (
    Axes,
    CheckItem,
    CheckReport,
    Comparison,
    Diagnosis,
    Estimate,
    Headroom,
    Journey,
    JourneyStep,
    Kind,
    Latency,
    Plan,
    RunFinding,
    Spent,
    TestFigure,
    UsageTotal,
)
from headway.core.pipeline import Pipeline

EVIL = """<script>alert("x")</script> & 'quoted' </pre></details>"""


# What is at fault, whether the answer is supported by what was shown, and that in a sentence.
VERDICTS: tuple[tuple[str, bool | None, str], ...] = (
    ("search", True, "search at fault, answer faithful"),
    ("search", None, "search at fault, no answer to judge"),
    ("model", True, "model at fault: the right passage was shown"),
    ("search", False, "search at fault, answer made up"),
    ("model", True, "model at fault: the right passage was shown"),
)
FUNNEL = {
    "with evidence": 90, "in the knowledge": 90, "whole in one passage": 84, "found in 100": 63,
    "found in k": 55, "in the prompt": 49, "used": 42,
}  # fmt: skip


def e(mean: float | None, low: float | None = None, high: float | None = None, n: int = 96) -> Any:
    return Estimate(mean=mean, low=low, high=high, n=n)


def step(technique: str, decision: str, difference: float | None = None, **more: Any) -> Any:
    spread = more.pop("spread", 0.08)
    known = difference is not None
    fields: dict[str, Any] = {
        "axis": "context",
        "candidate": None,
        "verdict": None,
        "reason": decision,
        "detail": "",
        "difference": difference,
        "low": difference - spread if known else None,
        "high": difference + spread if known else None,
        "measured_on": "explore" if known else None,
        "n": 60 if known else 0,
    }
    return JourneyStep(technique=technique, decision=decision, **{**fields, **more})  # type: ignore[arg-type]


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(by="tags", value="benefits", n=31, mean=0.581, low=0.41, high=0.74, worse=False),
        Kind(by="tags", value="travel", n=40, mean=0.475, low=0.33, high=0.62, worse=False),
        Kind(
            by="tags", value="figures in tables", n=25, mean=0.16, low=0.06, high=0.35, worse=True
        ),
    )


def run(**more: Any) -> RunFinding:
    fields: dict[str, Any] = {
        "run": "r-8f2c01",
        "pipeline": "0b1f6a2c93d44e5f8a7b6c5d4e3f2a1b",
        "split": "dev",
        "n": 156,
        "completed": 154,
        "outage": 2,
        "invalid": 3,
        "refused": 1,
        "metrics": {
            "correctness": e(0.436, 0.359, 0.515, 154),
            "faithfulness": e(0.871, 0.815, 0.914, 154),
            "context_recall": e(0.552, 0.461, 0.640, 118),
        },
        "kinds": kinds(),
        "usage": UsageTotal(
            calls=154, cached_calls=12, prompt_tokens=181_402, completion_tokens=5_210, usd=None
        ),
        "latency_s": Latency(p50=0.61, p95=1.42),
        "wall_s": 41.2,
        "model": "embedded/qwen2.5-coder-0.5b",
        "describes": "retrieve(passages 160/32, by text, k 4) → generate(max_tokens 64)",
        "unreviewed": 40,
    }
    return RunFinding(**{**fields, **more})


def diagnosis(**more: Any) -> Diagnosis:
    failures = tuple(
        {
            "example": f"q{number}",
            "question": question,
            "wanted": wanted,
            "answered": answered,
            "score": 0.0,
            "cause": cause,
            "axis": axis,
            "fault": fault,
            "faithful": faithful,
            "verdict": verdict,
            "right_with_evidence": True,
            "why": "rerank has it at place 7 and keeps 4" if cause == "ranked_too_low" else "",
            "tags": ["travel"],
        }
        for number, ((question, wanted, answered, cause), (fault, faithful, verdict)) in enumerate(
            zip(
                [
                    ("How many days of leave may be carried over?", "5 days", "25 days",
                     "not_found"),
                    ("Who signs off travel above 2,000 EUR?", "the head of unit", "",
                     "ranked_too_low"),
                    (f"What does {EVIL} mean?", EVIL, EVIL, "wrong_despite_evidence"),
                    ("Is a taxi from the airport paid?", "Yes, with a receipt", "No", "cut_apart"),
                    ("When is payday in December?", "the 18th", "{answer: 18", "invalid_output"),
                ],
                VERDICTS,
                strict=True,
            ),
            start=1,
        )
        for axis in ["behaviour" if fault == "model" else "context"]
    )  # fmt: skip
    fields: dict[str, Any] = {
        "run": "r-8f2c01",
        "n": 96,
        "coverage": e(0.9375, 0.87, 0.97),
        "map": Axes(context=e(0.531, 0.43, 0.63, 90), behaviour=e(0.822, 0.73, 0.89, 90)),
        "as_is": e(0.436, 0.34, 0.54, 90),
        "closed_book": e(0.078, 0.04, 0.15, 90),
        "perfect_context": e(0.822, 0.73, 0.89, 90),
        "headroom": Headroom(
            context=e(0.386, 0.28, 0.49, 90),
            behaviour=e(0.178, 0.11, 0.27, 90),
            reachable_at_3=e(0.067, 0.03, 0.12, 90),
        ),
        "causes": {
            "not_found": 21,
            "ranked_too_low": 14,
            "cut_apart": 6,
            "wrong_despite_evidence": 7,
            "invalid_output": 3,
            "outage": 1,
        },
        "kinds": kinds(),
        "advice": (
            "Context holds it back: with the right passages correctness would be 0.82.",
            "21 of 52 failures: search does not have the evidence. Try: hybrid, expand, hyde.",
            "14 of 52 failures: search finds the evidence below what is shown. Try: rerank.",
        ),
        "holds_back": "context",
        "funnel": FUNNEL,
        "context_precision": e(0.312, 0.25, 0.38, 90),
        "context_recall": e(0.544, 0.44, 0.64, 90),
        "positions": {
            "first": e(0.96, 0.89, 0.99, 74),
            "middle": e(0.81, 0.71, 0.89, 74),
            "last": e(0.93, 0.85, 0.97, 74),
        },
        "failures": failures,
        "metric": "correctness",
        "pipeline": "0b1f6a2c93d44e5f8a7b6c5d4e3f2a1b",
        "usage": UsageTotal(calls=402, prompt_tokens=402_000, completion_tokens=9000, usd=0.0),
    }
    return Diagnosis(**{**fields, **more})


def steps() -> tuple[JourneyStep, ...]:
    return (
        step(
            "hybrid",
            "kept",
            0.141,
            candidate="search by words and by meaning",
            verdict="better",
            measured_on="confirm",
            n=60,
            level=0.017,
            detail="Proven better on confirm: +0.141 over 60 examples.",
            calls=180,
        ),
        step(
            "hyde",
            "dropped",
            -0.021,
            candidate="search with an invented answer",
            verdict="not_proven",
            reason="no_gain",
            detail="Explore shows no gain over the incumbent, at one more call an example.",
            calls=120,
        ),
        step(
            "passages",
            "kept",
            0.094,
            candidate="320 tokens, overlap 64",
            verdict="better",
            measured_on="confirm",
            level=0.011,
            detail="Proven better on confirm: fewer answers are cut apart.",
            calls=240,
            spread=0.07,
        ),
        step(
            "rerank",
            "dropped",
            0.062,
            candidate="cross-encoder, 20 to 4",
            verdict="better",
            reason="too_slow",
            detail="latency p95 is 3.1 s, and the constraint is 2.0 s.",
            calls=60,
            spread=0.05,
        ),
        step(
            "instructions",
            "dropped",
            0.033,
            axis="behaviour",
            candidate=f"say what is shown, answer in one phrase {EVIL}",
            verdict="not_proven",
            reason="not_proven",
            detail="About 180 more examples would prove a gain of this size.",
            measured_on="confirm",
            level=0.0042,
            calls=180,
        ),
        step(
            "fine_tune",
            "dropped",
            axis="behaviour",
            reason="needs_unmet",
            detail="train holds 41 examples; 50 are needed.",
        ),
    )


def pipelines() -> tuple[Pipeline, Pipeline]:
    before = Pipeline.model_validate(
        {
            "model": "embedded/qwen2.5-coder-0.5b",
            "steps": [
                {"retrieve": {"passages": {"tokens": 160, "overlap": 32}, "by": "text", "k": 4}},
                {"generate": {"template": "Answer from these.\n{context}\n{question}"}},
            ],
        }
    )
    after = before.with_step(
        "retrieve", by="hybrid", passages={"tokens": 320, "overlap": 64}
    ).with_step("generate", template="Answer in one phrase.\n{context}\n{question}\n" + EVIL)
    return before, after


def journey(**more: Any) -> Journey:
    fields: dict[str, Any] = {
        "journey": "j-41d0",
        "baseline": "0b1f6a2c93d44e5f8a7b6c5d4e3f2a1b",
        "steps": steps(),
        "best": "77e1c0aa5b6c7d8e9f00112233445566",
        "leading": "99aa1122334455667788990011223344",
        "leading_describes": "retrieve(by hybrid) → generate(template in one phrase)",
        "test": TestFigure(
            baseline=e(0.424, 0.33, 0.52, 94),
            best=e(0.649, 0.55, 0.74, 94),
            difference=0.225,
            low=0.12,
            high=0.33,
            openings=2,
            p=0.0004,
            verdict="better",
            n=94,
        ),
        "stopped": "Nothing left has headroom that 40 calls could prove.",
        "spent": Spent(
            calls=1962,
            tokens=1_204_311,
            usd=None,
            minutes=23.4,
            limits={"calls": 2000, "minutes": 60},
        ),
        "metric": "correctness",
        "goal": 0.85,
        "diagnosis": diagnosis(),
        "baseline_run": run(),
        "best_describes": "retrieve(passages 320/64, by hybrid, k 4) → generate(max_tokens 64)",
    }
    return Journey(**{**fields, **more})


def comparison(**more: Any) -> Comparison:
    fields: dict[str, Any] = {
        "a": "0b1f6a2c93d4",
        "b": "77e1c0aa5b6c",
        "metric": "correctness",
        "n": 140,
        "groups": 120,
        "difference": 0.031,
        "low": -0.02,
        "high": 0.082,
        "p": 0.23,
        "verdict": "not_proven",
        "examples_needed": 383,
        "method": "sign_flip",
        "why": "the interval includes zero",
    }
    return Comparison(**{**fields, **more})


def plan(command: str = "optimize") -> Plan:
    return Plan(
        command=command,
        calls=e(1800, 1200, 2000, 0),
        tokens=e(1_900_000, 1_300_000, 2_300_000, 0),
        usd=e(None, n=0),
        minutes=e(24, 15, 30, 0),
        notes=("confirm has 60 examples: gains under 0.10 will rarely be proven.",),
    )


def check() -> CheckReport:
    return CheckReport(
        task="handbook",
        items=(
            CheckItem(name="task", level="ok", text="task.yaml is valid"),
            CheckItem(name="examples", level="ok", text="312 examples: train 62, dev 156, test 94"),
            CheckItem(name="evidence", level="note", text="inferred for 40 examples; review them"),
            CheckItem(name="models", level="warning", text="the price of house/m is not known"),
        ),
    )
