"""The contract of a step finds what it is there to find: one broken step a rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from headway.core.protocols import Lender, Search, Shot, State
from headway.core.task import Frozen
from headway.testing.steps import OUTPUTS, StepContract


class Broken(Frozen):
    name: ClassVar[str] = "broken"
    supplies_context: ClassVar[bool] = False

    async def run(self, state: State, lend: Lender) -> State:
        return state


class Loose(BaseModel):
    name: ClassVar[str] = "loose"
    supplies_context: ClassVar[bool] = False

    async def run(self, state: State, lend: Lender) -> State:
        return state


class Writes(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        state.example.inputs["question"] = "another"
        return state


class Peeks(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, answer=str(state.example.reference))


class PeeksAside(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, answer=str(state.example.model_dump()["reference"]))


class ShowsItself(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, shots=tuple(Shot(e) for e in lend.task.split("train")))


class Varies(Broken):
    ticks: ClassVar[Iterator[int]] = count()

    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, answer=str(next(self.ticks)))


class Remembers(Broken):
    seen: ClassVar[list[str]] = []

    async def run(self, state: State, lend: Lender) -> State:
        self.seen.append("x")
        await lend.search("kiln", Search())
        return replace(state, answer=str(len(self.seen)))


class Trusts(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        request: Any = None
        return replace(state, answer=str(eval((await lend.chat(request)).text)))


class NoReason(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, status="invalid")


class First(Broken):
    async def run(self, state: State, lend: Lender) -> State:
        return replace(state, answer=state.example.question[0])


@pytest.mark.parametrize(
    ("step", "check"),
    [
        (Loose, "test_is_frozen_data_and_refuses_unknown_settings"),
        (Writes, "test_does_not_change_what_it_got"),
        (Peeks, "test_does_not_look_at_the_reference_or_the_evidence"),
        (PeeksAside, "test_does_not_look_at_the_reference_or_the_evidence"),
        (ShowsItself, "test_never_shows_the_example_itself"),
        (Varies, "test_the_same_again"),
        (Remembers, "test_many_at_once"),
        (First, "test_nothing_to_work_on"),
        (NoReason, "test_nothing_to_work_on"),
    ],
)
def test_a_broken_step_is_found(step: Any, check: str) -> None:
    with pytest.raises(BaseException) as found:
        getattr(StepContract(), check)(step())
    assert not isinstance(found.value, KeyboardInterrupt)


def test_a_step_that_trusts_a_model_is_found() -> None:
    with pytest.raises((SyntaxError, NameError, ValueError)):
        StepContract().test_whatever_a_model_writes_is_data(Trusts(), OUTPUTS[0])


def test_a_harmless_step_passes_all() -> None:
    suite = StepContract()
    for name in dir(suite):
        if name.startswith("test_") and name != "test_whatever_a_model_writes_is_data":
            getattr(suite, name)(Broken())
    suite.test_whatever_a_model_writes_is_data(Broken(), OUTPUTS[0])
