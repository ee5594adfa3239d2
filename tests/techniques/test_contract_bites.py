"""The contract of a technique finds what it is there to find: one broken technique a rule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from headway.core.protocols import Candidate, TechniqueContext
from headway.testing.techniques import TechniqueContract


class Good:
    """Says it politely."""

    name = "polite"
    axis = "behaviour"
    good_for = "rude models"
    not_good_for = "polite ones"
    addresses = ("wrong_despite_evidence",)
    needs = ("train>=8", "role:proposer")
    costs = "one word"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        step = ctx.incumbent.step("generate")
        if step is not None:
            text = f"Please. {step.settings.get('template', '')}"
            yield Candidate(ctx.incumbent.with_step("generate", template=text), "please")


class NoCard(Good):
    good_for = " "


class UnknownCause(Good):
    addresses = ("bad_luck",)


class UnknownNeed(Good):
    needs = ("train > 8",)


class UnknownRole(Good):
    needs = ("role:friend",)


class Silent(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        for candidate in ():
            yield candidate


class NothingNew(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent, "the same")


class Invalid(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent.with_step("generate", k=3), "a setting that is none")


class LosesPlaceholders(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent.with_step("generate", template="Please."), "please")


class Peeks(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        text = f"Such as: {ctx.task.split('dev')[0].question}"
        yield Candidate(ctx.incumbent.with_step("generate", template=text), "shown")


class PeeksById(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        ids = [e.id for e in ctx.task.split("test")[:2]]
        shown = ctx.incumbent.with_step("examples", before="generate", ids=ids)
        yield Candidate(shown, "shown")


class NeedsTrain(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent.with_step("generate", template=ctx.train[0].id), "first")


class Varies(Good):
    ticks = count()

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent.with_step("generate", max_tokens=1 + next(self.ticks)), "n")


class Trusts(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        request: Any = None
        text = (await ctx.chat(request)).text
        yield Candidate(ctx.incumbent.with_step("generate", template=text), "as it says")


class Everywhere(Good):
    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        yield Candidate(ctx.incumbent.with_step("generate", max_tokens=7), "short")


@pytest.mark.parametrize(
    ("technique", "check"),
    [
        (NoCard, "test_the_card_is_complete"),
        (UnknownCause, "test_it_addresses_known_causes"),
        (UnknownNeed, "test_needs_can_be_read"),
        (UnknownRole, "test_needs_can_be_read"),
        (Silent, "test_proposes_somewhere"),
        (NothingNew, "test_proposals_are_valid_and_new"),
        (Invalid, "test_proposals_are_valid_and_new"),
        (LosesPlaceholders, "test_no_placeholder_is_lost"),
        (Peeks, "test_only_train_is_named"),
        (PeeksById, "test_only_train_is_named"),
        (NeedsTrain, "test_an_empty_train_is_no_error"),
        (Varies, "test_the_same_again"),
        (Trusts, "test_whatever_a_model_writes_is_data"),
        (Everywhere, "test_nothing_where_it_does_not_apply"),
    ],
)
def test_a_broken_technique_is_found(technique: Any, check: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  # each fails in its own way
        getattr(TechniqueContract(), check)(technique)


def test_a_good_one_passes_all() -> None:
    suite = TechniqueContract()
    for name in dir(suite):
        if name.startswith("test_"):
            getattr(suite, name)(Good)
