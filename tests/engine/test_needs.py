"""What a technique needs and a task has not: said at once, with what to write where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from headway.cli.commands import main
from headway.core.errors import InputError
from headway.core.task import Task
from headway.engine.needs import insist, missing, unmet
from headway.workspace import Workspace


def wants(*needs: str) -> Any:
    return type("Wants", (), {"name": "wants", "needs": needs})


@pytest.mark.parametrize(
    ("need", "what", "where", "do"),
    [
        ("knowledge", "needs knowledge", "task.yaml", "knowledge:"),
        ("evidence", "evidence in train", "examples.jsonl", '"evidence"'),
        ("conversations", "conversations in train", "examples.jsonl", '"messages"'),
        ("application", "an application", "task.yaml", "application: app.py:answer"),
        ("database", "a database", "databases", "NAME.sqlite"),
        ("train>=9999", "needs 9999 examples in train", "examples.jsonl", "headway check"),
        ("role:proposer", "the role 'proposer'", "task.yaml", "models: {proposer: MODEL}"),
    ],
)  # fmt: skip
def test_a_need_says_what_where_and_what_to_type(
    make_task: Any, need: str, what: str, where: str, do: str
) -> None:
    task = Task.load(make_task(knowledge=False))
    found = missing(wants(need), task)
    assert found is not None
    assert what in found.what
    assert found.what == unmet(wants(need), task)
    assert Path(found.where).name == where
    assert Path(found.where).is_relative_to(task.folder)
    assert do in found.do
    with pytest.raises(InputError, match=r"wants needs") as error:
        insist(wants(need), task)
    assert error.value.do == found.do


def test_what_is_met_is_not_missed(make_task: Any) -> None:
    task = Task.load(make_task())
    kind = wants("knowledge", "evidence", "train>=12", "extra:unknown")
    assert missing(kind, task) is None
    assert unmet(kind, task) == ""
    insist(kind, task)


def test_a_missing_package_is_said_with_what_to_type(
    make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.engine.needs.find_spec", lambda name: None)
    found = missing(wants("extra:prompts"), Task.load(make_task()))
    assert found is not None
    assert found.do == "pip install 'headway[prompts]'"


async def test_try_refuses_before_any_call(make_task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*args: Any, **more: Any) -> Any:
        raise AssertionError("nothing may be run")

    monkeypatch.setattr("headway.engine.run.Runner.run", refuse)
    async with Workspace.open(make_task(knowledge=False)) as workspace:
        with pytest.raises(InputError, match="hyde needs knowledge"):
            await workspace.try_technique("hyde")
        with pytest.raises(InputError, match="hyde needs knowledge"):
            await workspace.plan("try", technique="hyde")


def test_the_command_line_says_what_is_missing(make_task: Any) -> None:
    result = CliRunner().invoke(main, ["try", str(make_task()), "meta_prompt"])
    assert result.exit_code == 2
    assert "task.yaml: meta_prompt needs a model in the role 'proposer'" in result.stderr
    assert "try:   models: {proposer: MODEL}" in result.stderr


class Shy:
    """Proposes nothing; says why, or not."""

    name: ClassVar[str] = "shy"
    axis: ClassVar[str] = "behaviour"
    good_for: ClassVar[str] = "nothing"
    not_good_for: ClassVar[str] = "anything"
    addresses: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "nothing"
    why: ClassVar[str] = ""

    async def propose(self, ctx: Any) -> AsyncIterator[Any]:
        if self.why:
            ctx.notice(self.why)
        for _ in ():
            yield


@pytest.mark.parametrize("why", ["shy: of 3 questions none was right.", ""])
def test_a_technique_that_yields_nothing_says_why(
    make_task: Any, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(Shy, "why", why)
    monkeypatch.setattr("headway.workspace.TECHNIQUES", SimpleNamespace(load=lambda name: Shy))
    task = str(make_task())
    result = CliRunner().invoke(main, ["try", task, "shy"])
    assert result.exit_code == 0
    shown = " ".join(result.stdout.split())
    assert "nothing to propose" in shown
    assert (why or "shy did not say why. It is good for nothing; not for anything.") in shown


async def test_what_it_says_is_there_though_it_was_said_before(
    make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shy, "why", "shy: no.")
    monkeypatch.setattr("headway.workspace.TECHNIQUES", SimpleNamespace(load=lambda name: Shy))
    async with Workspace.open(make_task()) as workspace:
        for _ in range(2):
            found = await workspace.try_technique("shy")
            assert found.notices == ("shy: no.",)
            assert found.steps == ()
