"""What confirm is asked, what it keeps of it, and what it never tells."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headway.core.errors import BudgetEnded
from headway.core.pipeline import Pipeline
from headway.engine import statistics as stats
from headway.engine.budget import Limits
from headway.engine.confirm import Confirm
from headway.engine.plan import cut_dev
from headway.engine.run import Runner
from headway.models.scripted import ScriptedChat
from headway.workspace import Workspace

Asked = Callable[..., AbstractAsyncContextManager[tuple[Confirm, Runner]]]
LOOKS = (60, 100)


def pipeline(share: float, tag: str = "") -> Pipeline:
    """A pipeline that answers this share of questions right: its prompt says which."""
    template = f"share {share} {tag}".strip()
    return Pipeline.model_validate(
        {"model": "scripted/extract", "steps": [{"generate": {"template": template}}]}
    )


@pytest.fixture
def asked(make_task: Any, made: ModuleType) -> Asked:
    folder: Path = make_task(knowledge=False, splits={"train": 0.0, "dev": 1.0, "test": 0.0})

    @asynccontextmanager
    async def opened(
        limits: Limits = Limits(), lost: float = 0.0, journey: str | None = "j"
    ) -> AsyncIterator[tuple[Confirm, Runner]]:
        async with Workspace.open(folder) as workspace:
            answer = made.right_share(workspace.task.examples, lost)
            workspace.parts._chat["scripted/extract"] = ScriptedChat(answer)
            runner = workspace._runner(limits, journey)
            yield Confirm(runner, cut_dev(workspace.task)[1], "exact_match"), runner

    return opened


def kept_in(confirm: Confirm) -> list[tuple[Any, ...]]:
    with sqlite3.connect(confirm.runner.desk.store.file) as db:
        return db.execute(
            "SELECT number, answer, journey, candidate, level FROM answers ORDER BY number"
        ).fetchall()


async def test_a_clear_gain_is_kept_and_its_level_stored(asked: Asked) -> None:
    async with asked() as (confirm, _):
        first = confirm.level
        assert first == stats.level("", 0.05)
        found = await confirm.ask(pipeline(0.95), pipeline(0.2), LOOKS)
        assert found.kept
        assert found.comparable
        assert (found.ground, found.level) == ("better", first)
        assert found.difference == pytest.approx(0.75, abs=0.2)
        assert kept_in(confirm) == [(0, "k", "j", pipeline(0.95).digest, first)]
        assert confirm.history == "k"
        assert confirm.level == stats.level("k", 0.05) < first


async def test_no_gain_is_not_kept_and_costs_a_level_too(asked: Asked) -> None:
    async with asked() as (confirm, _):
        found = await confirm.ask(pipeline(0.5), pipeline(0.5, "same"), LOOKS)
        assert not found.kept
        assert found.difference == 0.0
        assert found.examples_needed is None
        assert [row[1] for row in kept_in(confirm)] == ["n"]
        assert confirm.level == stats.level("n", 0.05)


async def test_worse_is_not_kept(asked: Asked) -> None:
    async with asked() as (confirm, _):
        assert not (await confirm.ask(pipeline(0.2), pipeline(0.9), LOOKS)).kept


async def test_a_small_gain_says_what_would_prove_it(asked: Asked) -> None:
    async with asked() as (confirm, _):
        found = await confirm.ask(pipeline(0.53), pipeline(0.5), LOOKS)
        assert not found.kept
        assert found.difference is not None
        assert found.difference > 0
        assert found.examples_needed is not None
        assert found.examples_needed > 100


async def test_what_a_first_look_needs_counts_all_that_groups_will_hold(asked: Asked) -> None:
    async with asked() as (confirm, runner):
        place = {e.id: n * 61 % 180 for n, e in enumerate(runner.desk.task.examples)}
        groups = [e.model_copy(update={"group": f"g{place[e.id] // 18}"}) for e in confirm.examples]
        related = Confirm(runner, groups, "exact_match")  # what is gained is gained in one group
        found = await related.ask(pipeline(0.6), pipeline(0.5), (30,))
        assert not found.kept
        seen = stats.paired(
            found.incumbent.scores("exact_match"), found.run.scores("exact_match"), found.run.groups
        )
        assert seen.difference is not None
        assert seen.sd is not None
        # Three of each group say what is seen of ten as if there were groups of three only.
        small = stats.examples_needed(
            seen.difference, seen.sd, found.level, two_sided=False,
            per_group=seen.n / seen.groups,
        )  # fmt: skip
        assert small is not None
        assert found.examples_needed is not None
        assert found.examples_needed > 1.5 * small


async def test_the_history_goes_on_across_journeys_and_processes(asked: Asked) -> None:
    levels = []
    for number, journey in enumerate(("one", "two", "three")):
        async with asked(journey=journey) as (confirm, _):
            assert len(confirm.history) == number
            levels.append((await confirm.ask(pipeline(0.5, journey), pipeline(0.5), LOOKS)).level)
    async with asked() as (confirm, runner):
        assert confirm.history == "nnn"
        assert levels == [stats.level("n" * n, 0.05) for n in range(3)]
        assert [row[2] for row in kept_in(confirm)] == ["one", "two", "three"]
        # Another confirm set, or another metric, has a history of its own.
        assert Confirm(runner, confirm.examples[:-1], "exact_match").history == ""
        assert Confirm(runner, confirm.examples, "token_f1").history == ""
        assert Confirm(runner, confirm.examples[::-1], "exact_match").history == "nnn"


@pytest.mark.parametrize("calls", [5, 70, 150])
async def test_a_budget_that_ends_in_a_question_answers_nothing(asked: Asked, calls: int) -> None:
    async with asked(Limits(calls=calls)) as (confirm, _):
        before = confirm.level
        with pytest.raises(BudgetEnded):
            await confirm.ask(pipeline(0.55), pipeline(0.5), LOOKS)
        assert kept_in(confirm) == []
        assert confirm.level == before
    # Asked again with room, it is the same question at the same level.
    async with asked() as (confirm, _):
        assert (await confirm.ask(pipeline(0.55), pipeline(0.5), LOOKS)).level == before
        assert len(kept_in(confirm)) == 1


async def test_what_was_lost_to_outages_is_no_answer(asked: Asked) -> None:
    async with asked(lost=0.3) as (confirm, _):
        found = await confirm.ask(pipeline(0.95), pipeline(0.2), LOOKS)
        assert not found.comparable
        assert not found.kept
        assert kept_in(confirm) == []
    async with asked() as (confirm, _):  # the service is back: asked as if never before
        assert (await confirm.ask(pipeline(0.95), pipeline(0.2), LOOKS)).kept


async def test_a_first_look_may_be_enough(asked: Asked) -> None:
    async with asked() as (confirm, _):
        clear = await confirm.ask(pipeline(1.0), pipeline(0.0), LOOKS)
        assert (clear.kept, clear.n) == (True, LOOKS[0])


async def test_not_worse_within_a_margin(asked: Asked) -> None:
    async with asked() as (confirm, _):
        same = await confirm.ask(pipeline(0.9), pipeline(0.9, "old"), LOOKS, margin=0.3)
        assert (same.kept, same.ground) == (True, "not_worse")
        worse = await confirm.ask(pipeline(0.3), pipeline(0.9, "old"), LOOKS, margin=0.1)
        assert not worse.kept
        # Without a margin, equal is not better.
        assert not (await confirm.ask(pipeline(0.9), pipeline(0.9, "old"), LOOKS)).kept
