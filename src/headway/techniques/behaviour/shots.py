"""What the techniques that show solved examples share: put them in, and see how many fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate, TechniqueContext
from headway.core.task import Example
from headway.techniques.context.shown import cut_settings, handed

LETTERS = 3  # a token, cautiously: English has about four
FRAME = 12  # tokens that a chat template puts around one example's two turns


def shows_evidence(pipeline: Pipeline) -> bool:
    """Whether shown examples should carry their passages, as the question itself does."""
    return pipeline.step("retrieve") is not None


def with_examples(pipeline: Pipeline, k: int, **settings: Any) -> Pipeline:
    """A copy in which these examples stand before the answer, in place of any other."""
    return pipeline.without_step("examples").with_step(
        "examples", before="generate", k=k, **settings
    )


async def fitting(
    ctx: TechniqueContext, counts: Sequence[int], sizes: Sequence[int] | None = None
) -> list[int]:
    """Those of `counts` whose examples the model's context holds beside all else; all of them,
    where the context is not known. sizes: letters of each example as shown; where they are not
    given, nine in ten of train's questions and references are taken to be no longer than one."""
    context = await ctx.context()
    if context is None:
        return list(counts)
    each = _ninth([_letters(e) for e in ctx.train] if sizes is None else sizes)
    left = context - _rest(ctx)
    return [k for k in counts if k * (each / LETTERS + FRAME) <= left]


async def searching(
    ctx: TechniqueContext, select: str, counts: Sequence[int], title: str
) -> list[Candidate]:
    """Candidates that search train for each question, without passages to keep the prompt short.
    title: with a place for the number."""
    if ctx.incumbent.step("generate") is None:
        return []
    return [
        Candidate(with_examples(ctx.incumbent, k, select=select), title.format(k))
        for k in await fitting(ctx, [k for k in counts if k <= len(ctx.train)])
    ]


def kinds(ctx: TechniqueContext) -> set[str]:
    """The labels that train holds, or where the answer is no label, its tags."""
    return set(_kinds(ctx))


def _kinds(ctx: TechniqueContext) -> Iterator[str]:
    for example in ctx.train:
        if ctx.task.spec.output.kind == "label":
            yield from example.references[:1]
        elif example.tags:
            yield " ".join(sorted(example.tags))


def _letters(example: Example) -> int:
    return len(example.question) + len("".join(example.references[:1]))


def _rest(ctx: TechniqueContext) -> float:
    """Tokens of the instructions, a long question, its passages and the answer."""
    step = ctx.incumbent.step("generate")
    settings = step.settings if step else {}
    words = int(cut_settings(ctx.incumbent).get("tokens", 160)) * handed(ctx.incumbent)
    letters = len(str(settings.get("template", ""))) + _ninth([len(e.question) for e in ctx.train])
    return letters / LETTERS + 2 * words + int(settings.get("max_tokens", 256)) + 150


def _ninth(sizes: Sequence[int]) -> int:
    """The size that nine in ten do not exceed."""
    return sorted(sizes)[int(0.9 * (len(sizes) - 1))] if sizes else 0
