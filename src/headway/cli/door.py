"""What the commands share: options, opening a task with progress, printing a result."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click
import orjson
from rich.console import Console

from headway.cli import progress
from headway.cli.errors import TASK
from headway.core.progress import Progress
from headway.core.task import Task

if TYPE_CHECKING:
    from headway.workspace import Workspace

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Document(Protocol):
    """Anything with one JSON form."""

    def to_json(self) -> dict[str, Any]: ...


def task_argument(command: F) -> F:
    """TASK: a task folder."""
    return click.argument("task", type=click.Path(path_type=Path))(command)


def json_option(command: F) -> F:
    """--json."""
    said = "Print one JSON document on stdout; all else goes to stderr."
    return click.option("--json", "as_json", is_flag=True, help=said)(command)


def dry_option(command: F) -> F:
    """--dry-run."""
    said = "Only say what this would spend, with a range; spend nothing."
    return click.option("--dry-run", "dry", is_flag=True, help=said)(command)


def pipeline_option(command: F) -> F:
    """--pipeline."""
    said = "A pipeline: a YAML file, a run or a fingerprint. [default: the task's baseline]"
    return click.option("--pipeline", metavar="FILE", help=said)(command)


def model_option(command: F) -> F:
    """--model."""
    said = "Use this chat model instead, such as embedded/qwen2.5-coder-0.5b or house/NAME."
    return click.option("--model", metavar="NAME", help=said)(command)


def limit_option(command: F) -> F:
    """--limit."""
    said = "Take the first N examples of the task's one random order."
    return click.option("--limit", type=click.IntRange(min=1), metavar="N", help=said)(command)


def interactive() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def work(task: Path | Task, do: Callable[[Workspace], Awaitable[T]], model: str | None = None) -> T:
    """Open a task, do something with it while progress is shown, close it."""
    from headway.workspace import Workspace

    if isinstance(task, Path):
        click.get_current_context().meta[TASK] = task

    async def inside(tell: Progress) -> T:
        async with Workspace.open(task, model=model, progress=tell) as workspace:
            return await do(workspace)

    return run(inside)


def run(do: Callable[[Progress], Coroutine[Any, Any, T]]) -> T:
    """Run asynchronous work with progress on stderr.

    What the user's own code prints meanwhile goes to stderr too, so that stdout stays the result.
    """
    from headway.workspace import run_sync

    label = click.get_current_context().info_name or ""
    with (
        progress.shown(Console(stderr=True), label) as tell,
        contextlib.redirect_stdout(sys.stderr),
    ):
        return run_sync(do(tell))


def planned(task: Path, command: str, as_json: bool, model: str | None, **options: Any) -> None:
    """`--dry-run`: the plan, and nothing else."""
    from headway.cli import show

    emit(work(task, lambda w: w.plan(command, **options), model), as_json, show.plan)


def emit(found: Document, as_json: bool, show: Callable[[Console, Any], None]) -> None:
    """Print a result: a picture for a person, or its one JSON document."""
    if as_json:
        document(found.to_json())
    else:
        show(Console(), found)


def document(data: Any) -> None:
    """One JSON document on stdout."""
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
