"""`headway judge`: a metric beside people, and people's own verdicts on a task's answers."""

from __future__ import annotations

import getpass
import re
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from headway.cli import door
from headway.cli.errors import TASK
from headway.core.errors import InputError
from headway.core.progress import Progress
from headway.core.rating import Rating, Verdict, add_verdicts
from headway.core.task import Task, TaskSpec

if TYPE_CHECKING:
    from headway.core.judgement import RatingsFinding
    from headway.engine.people import ToRate
    from headway.workspace import Workspace

T = TypeVar("T")
COLUMNS = ("question", "answer", "contexts", "reference", "label", "votes", "group")
_SINGLE = re.compile(r"\s*([1-5])?\s*([hwf])?\s*\Z", re.IGNORECASE)
_FLAGS = {"h": "hallucination", "w": "wrong", "f": "fine"}


def _column_options(command: Any) -> Any:
    for name in reversed(COLUMNS):
        said = f"The column that holds the {name}."
        command = click.option(f"--{name}", metavar="COLUMN", help=said)(command)
    return command


@click.command(
    epilog="Example: headway judge labelled.jsonl --metric faithfulness; headway judge support"
    " --rate; headway judge support --pairs baseline best"
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--metric", metavar="NAME", help="The metric to hold against people.")
@click.option(
    "--task",
    type=click.Path(path_type=Path),
    help="The task whose models, rubric and `.env` count; it keeps what is measured.",
)
@click.option("--model", metavar="NAME", help="The judge. [default: models: judge of the task]")
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    metavar="K",
    help="Judge each answer K times, to see how much scores vary.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N answers.")
@click.option("--yes", metavar="VALUE", help="The label that means yes; all others mean no.")
@click.option(
    "--scale", type=float, nargs=2, metavar="LOW HIGH", help="The ends of people's ratings."
)
@_column_options
@click.option(
    "--import",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take people's verdicts on a task's answers from a table.",
)
@click.option("--rate", is_flag=True, help="Rate a task's answers here, one after another.")
@click.option(
    "--pairs",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Compare two pipelines' answers: by the judge, or with --rate by you. May be repeated.",
)
@door.pipeline_option
@click.option("--by", metavar="NAME", help="Who rates. [default: your user name]")
@door.dry_option
@door.json_option
def judge(
    source: Path, metric: str | None, task: Path | None, model: str | None, as_json: bool,
    table: Path | None, rate: bool, pairs: tuple[tuple[str, str], ...], **options: Any,
) -> None:  # fmt: skip
    """Say how far a metric agrees with people, and what people say of answers.

    SOURCE is a file of answers with people's labels (JSONL, CSV or Parquet; Ragas' column names
    are known), or a task folder: then it is about people's verdicts in its ratings.jsonl.
    """
    if source.is_dir() and task is None:
        _of_task(source, metric, model, table, rate, pairs, as_json, options)
    elif table or rate or pairs:
        raise InputError(
            "--import, --rate and --pairs are about the answers of a task, and this is no task",
            where=str(source),
            do="headway judge TASK --rate",
        )
    else:
        _of_file(source, metric, task, model, as_json, options)


# --- a labelled file ------------------------------------------------------------------------------


def _of_file(
    source: Path, metric: str | None, folder: Path | None, model: str | None, as_json: bool,
    options: dict[str, Any],
) -> None:  # fmt: skip
    from headway.cli import show, show_judge

    if metric is None and folder is None:
        raise InputError(
            "which metric?",
            valid="a name, such as faithfulness, correctness, token_f1, or python:FILE.py:NAME",
            do=f"headway judge {source} --metric faithfulness",
        )
    asked = {
        "columns": {name: options[name] for name in COLUMNS if options[name]},
        "yes": options["yes"], "scale": options["scale"], "limit": options["limit"],
        "repeat": options["repeat"],
    }  # fmt: skip
    task = _with_judge(Task.load(folder) if folder else _no_task(source), model)
    if options["dry"]:
        planned = _work(task, folder, lambda w: w.plan_judge(source, metric, **asked))
        return door.emit(planned, as_json, show.plan)
    found = _work(task, folder, lambda w: w.judge(source, metric, **asked))
    door.emit(found, as_json, show_judge.judge)


def _no_task(source: Path) -> Task:
    return Task(folder=source.resolve().parent, spec=TaskSpec(name=source.stem), examples=())


def _with_judge(task: Task, model: str | None) -> Task:
    if model is None:
        return task
    models = task.spec.models.model_copy(update={"judge": model})
    return task.model_copy(update={"spec": task.spec.model_copy(update={"models": models})})


def _work(task: Task, folder: Path | None, do: Callable[[Workspace], Awaitable[T]]) -> T:
    """Do it at the task's store; without a task at one beside the models, so that what was judged
    once is not judged again."""
    from headway.models.pull import models_dir
    from headway.workspace import Workspace

    if folder is not None:
        click.get_current_context().meta[TASK] = folder

    def working(store: Path | None) -> Callable[[Progress], Coroutine[Any, Any, T]]:
        async def inside(tell: Progress) -> T:
            async with Workspace(task, progress=tell, store=store) as workspace:
                return await do(workspace)

        return inside

    if folder is not None:
        return door.run(working(None))
    file = models_dir().parent / "judges" / "store.db"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return door.run(working(file))
    except OSError:  # a cache folder that cannot be written must not stop a look at a judge
        with tempfile.TemporaryDirectory(prefix="headway-") as scratch:
            return door.run(working(Path(scratch) / "store.db"))


# --- a task's own answers -------------------------------------------------------------------------


def _of_task(
    folder: Path, metric: str | None, model: str | None, table: Path | None, rate: bool,
    pairs: tuple[tuple[str, str], ...], as_json: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    from headway.cli import show, show_judge

    if options["dry"] and (rate or table is not None or (metric is None and not pairs)):
        raise InputError(
            "--dry-run is for --metric and for --pairs: what a person does is not planned",
            do=f"headway judge {folder} --metric NAME --dry-run",
        )
    task = _with_judge(Task.load(folder), model)
    by, limit = options["by"] or _me(), options["limit"]
    if table is not None:
        taken = _work(task, folder, _import(table, options))
        door.emit(taken, as_json, show_judge.ratings)
    elif rate:
        for a, b in pairs or ((options["pipeline"], None),):
            todo = _work(task, folder, _answers(a, b, by, limit))
            if not _rate(task, todo, by):
                break
        _said(task, folder, as_json)
    elif pairs and options["dry"]:
        planned = _work(task, folder, lambda w: w.plan_judge_pairs(pairs, limit))
        door.emit(planned, as_json, show.plan)
    elif pairs:
        found = _work(task, folder, lambda w: w.judge_pairs(pairs, limit))
        door.emit(found, as_json, show_judge.ratings)
    elif metric is None:
        _said(task, folder, as_json)
    else:
        asked = {"repeat": options["repeat"], "limit": limit}
        if options["dry"]:
            plan = _work(task, folder, lambda w: w.plan_judge(None, metric, **asked))
            return door.emit(plan, as_json, show.plan)
        held = _work(task, folder, lambda w: w.judge(None, metric, **asked))
        door.emit(held, as_json, show_judge.judge)


def _import(
    table: Path, options: dict[str, Any]
) -> Callable[[Workspace], Awaitable[RatingsFinding]]:
    columns = {name: options[name] for name in ("question", "answer") if options[name]}
    scale = options["scale"] or (1.0, 5.0)
    by, pipeline = options["by"] or "", options["pipeline"]
    return lambda w: w.import_ratings(table, columns=columns, by=by, scale=scale, pipeline=pipeline)


def _answers(
    a: str | None, b: str | None, by: str, limit: int | None
) -> Callable[[Workspace], Awaitable[list[ToRate]]]:
    return lambda w: w.to_rate(a, against=b, by=by, limit=limit)


def _said(task: Task, folder: Path, as_json: bool) -> None:
    from headway.cli import show_judge

    async def ratings(workspace: Workspace) -> Any:
        return workspace.ratings()

    door.emit(_work(task, folder, ratings), as_json, show_judge.ratings)


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


def _rate(task: Task, todo: list[ToRate], by: str) -> bool:
    """Ask for verdicts, each kept as soon as it is given; False where the person left."""
    from headway.cli import show_judge

    console = Console(stderr=True)
    if not todo:
        click.echo("There is nothing left to rate here.", err=True)
    for at, rated in enumerate(todo, start=1):
        show_judge.to_rate(console, rated, at, len(todo))
        verdict = _ask(rated, by)
        if verdict == "quit":
            return False
        if isinstance(verdict, Verdict):
            add_verdicts(task.folder, [verdict])
    return True


def _ask(rated: ToRate, by: str) -> Verdict | str:
    """A verdict, `skip` or `quit`; asked again until it can be read."""
    from headway.engine.people import preference

    pair = len(rated.sides) > 1
    said = (
        "1 or 2 is better, t tie, Enter skips, q quits"
        if pair
        else "1 (worst) to 5 (best), and h made up, w wrong, f fine; Enter skips, q quits"
    )
    while True:
        try:
            word = click.prompt(said, default="", show_default=False, err=True).strip().lower()
        except click.Abort:
            return "quit"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if word in ("", "q", "quit"):
            return "quit" if word else "skip"
        if pair and word in ("1", "2", "t"):
            return preference(rated, None if word == "t" else int(word) - 1, by, now)
        match = None if pair else _SINGLE.match(word)
        if match is not None:
            side = rated.sides[0]
            made = {
                "example": rated.example.id, "answer": side.answer, "pipeline": side.pipeline,
                "rating": float(match[1]) if match[1] else None,
                "flag": _FLAGS.get(match[2] or ""), "by": by, "at": now,
            }  # fmt: skip
            return Rating.model_validate(made)
        click.echo(f"Not understood: {word[:20]!r}.", err=True)
