"""Runs made by hand, so that the truth about them is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headway.core.errors import Outage
from headway.core.pipeline import Pipeline
from headway.core.record import ChatRequest, Record, Usage
from headway.core.task import Example
from headway.engine.run import AS_IS, Probe, Run

PIPELINE = Pipeline.model_validate({"model": "scripted/echo", "steps": ["generate"]})
OUT = object()


def examples(count: int, groups: int | None = None, **more: Any) -> tuple[Example, ...]:
    """So many examples, each a group of its own or dealt out to `groups`."""
    return tuple(
        Example(
            id=f"e{n}", inputs={"question": f"q{n}"}, reference="r",
            group=None if groups is None else f"g{n % groups}", **more,
        )
        for n in range(count)
    )  # fmt: skip


def run_of(
    scores: Sequence[Any],
    over: Sequence[Example] | None = None,
    *,
    name: str = "p",
    usage: Usage = Usage(calls=1, prompt_tokens=10, completion_tokens=2),
    probe: Probe = AS_IS,
    **record: Any,
) -> Run:
    """A run with these scores of the metric `m`; OUT is an outage, None does not apply."""
    chosen = tuple(over) if over is not None else examples(len(scores))
    records = tuple(
        Record(e.id, status="outage", why="down", usage=usage)
        if score is OUT
        else Record(e.id, answer="a", scores={"m": score}, usage=usage, **record)
        for e, score in zip(chosen, scores, strict=True)
    )
    return Run(f"run-{name}", PIPELINE, name, "dev", probe, chosen, records, 1.0)


def right_share(examples: Sequence[Example], lost: float = 0.0) -> Callable[[ChatRequest], str]:
    """A chat model that answers a share of the questions rightly, which its prompt says: "share
    0.8 ...". lost: share of the questions at which it is down, for prompts of more than a half."""
    answers = {e.question: str(e.reference) for e in examples}
    order = {q: n for n, q in enumerate(answers)}

    def answer(request: ChatRequest) -> str:
        share = float(request.messages[0].content.split()[1])
        question = request.messages[-1].content
        place = (order[question] * 61 % 180) / 180
        if share > 0.5 and place < lost:
            raise Outage("down")
        return answers[question] if place < share else "something else"

    return answer
