"""`headway models`: what can be fetched, what is here, whether a model answers."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from headway.cli import door
from headway.core.errors import InputError
from headway.core.task import Task, TaskSpec
from headway.report import words

if TYPE_CHECKING:
    from headway.workspace import Workspace

T = TypeVar("T")


def _with(task: Path | None, do: Callable[[Workspace], Awaitable[T]]) -> T:
    """Do something in a task's workspace, or without a task in an empty one."""
    if task is not None:
        return door.work(task, do)
    with tempfile.TemporaryDirectory(prefix="headway-") as folder:
        empty = Task(folder=Path(folder), spec=TaskSpec(name="none"), examples=())
        return door.work(empty, do)


def _task_option(command: Any) -> Any:
    return click.option(
        "--task",
        type=click.Path(path_type=Path),
        help="A task folder, whose endpoints and `.env` count too.",
    )(command)


@click.group(
    invoke_without_command=True,
    epilog="Example: headway models, then headway models pull embedded/bge-small-en",
)
@_task_option
@door.json_option
@click.pass_context
def models(ctx: click.Context, task: Path | None, as_json: bool) -> None:
    """List models; fetch, check or remove one.

    Those of the list run in this process. Any OpenAI-compatible service is a model too: name it
    under `endpoints:` in task.yaml.
    """
    from headway.cli import show

    if ctx.invoked_subcommand is not None:
        return
    cards = _with(task, lambda w: w.models())
    if as_json:
        rows = [asdict(card) for card in cards]
        return door.document({"schema": "headway/models/1", "models": rows})
    show.models(Console(), cards)


@models.command(epilog="Example: headway models pull --all")
@click.argument("name", required=False)
@click.option("--all", "all_", is_flag=True, help="Every model of the list.")
@door.json_option
def pull(name: str | None, all_: bool, as_json: bool) -> None:
    """Fetch a model, or all; what was fetched before is not fetched again."""
    if (name is None) == (not all_):
        raise InputError("which model?", valid="a NAME, or --all", do="headway models")

    async def fetch(workspace: Workspace) -> list[str]:
        names = [name] if name else [card.name for card in await workspace.models()]
        for one in names:
            await workspace.pull(one)
        return names

    pulled = _with(None, fetch)
    if as_json:
        return door.document({"schema": "headway/models-pull/1", "models": pulled})
    for one in pulled:
        click.echo(f"here: {one}")


@models.command("check", epilog="Example: headway models check house/llama --task handbook")
@click.argument("name")
@_task_option
@door.json_option
def check_(name: str, task: Path | None, as_json: bool) -> None:
    """Ask a model one small question: does it answer, how fast, what does it cost."""
    from headway.cli import show

    found = _with(task, lambda w: w.check_model(name))
    if as_json:
        return door.document({"schema": "headway/models-check/1", **found})
    show.fields(Console(), found)


@models.command(epilog="Example: headway models remove embedded/bge-small-en")
@click.argument("name")
def remove(name: str) -> None:
    """Take a fetched model off this machine."""

    freed = _with(None, lambda w: w.remove_model(name))
    click.echo(f"removed {name}: {words.size(freed)} freed")
