"""The commands. Each parses its flags, calls the workspace, and shows what came back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from headway.cli import door
from headway.cli.draft import draft
from headway.cli.errors import Guarded
from headway.cli.judge import judge
from headway.cli.models import models
from headway.cli.review import review
from headway.cli.tune import tune
from headway.core.errors import BudgetEnded, InputError
from headway.core.version import __version__


@click.group(
    cls=Guarded,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start: headway init demo, then headway evaluate demo.",
)
@click.version_option(__version__, prog_name="headway")
def main() -> None:
    """Take an LLM application from a first prompt to a measured best.

    Try something, evaluate, try something else, on two axes: context (what the model needs to
    know) and behaviour (how it needs to act). Only what is proven is kept.
    """


# --- making a task ----------------------------------------------------------------------------


@main.command(epilog="Example: headway init handbook --docs docs/ --questions questions.csv")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="A folder of documents.")
@click.option(
    "--questions",
    type=click.Path(path_type=Path),
    help="A table of questions and answers: CSV, JSONL or Parquet.",
)
@click.option("--force", is_flag=True, help="Write over a task that is there.")
@door.json_option
def init(
    folder: Path, docs: Path | None, questions: Path | None, force: bool, as_json: bool
) -> None:
    """Make a task folder; without options one that runs at once."""
    from headway.workspace import init_task

    made = init_task(folder, docs=docs, questions=questions, force=force)
    _made(made, as_json)


COLUMNS = (
    *("question", "messages", "files", "reference", "id", "context", "document", "evidence"),
    *("title", "group", "tags"),
)


def _column_options(command: Any) -> Any:
    for name in reversed(COLUMNS):
        said = f"The table's column that holds the {name}."
        command = click.option(f"--{name}", metavar="COLUMN", help=said)(command)
    return command


@main.command("import", epilog="Example: headway import qa.csv support --question frage")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("task", type=click.Path(path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["squad", "beir", "ragas", "table"]),
    help="The source's format. [default: found out]",
)
@_column_options
@click.option("--force", is_flag=True, help="Write over a task that is there.")
@door.json_option
def import_(
    source: Path, task: Path, format: str | None, force: bool, as_json: bool, **columns: str | None
) -> None:
    """Make a task folder from SQuAD, BEIR, Ragas' rows, or a table of yours.

    A table is a CSV, JSONL or Parquet file; name its columns where they are called otherwise.
    """
    from headway.workspace import import_task

    named = {ours: theirs for ours, theirs in columns.items() if theirs}
    made = import_task(source, task, format=format, force=force, columns=named)
    _made(made, as_json)


main.add_command(draft)


def _made(found: Any, as_json: bool) -> None:
    from headway.cli import show

    if as_json:
        return door.document({"schema": "headway/made/1", **found.as_data()})
    show.made(Console(), found)


# --- looking ----------------------------------------------------------------------------------


@main.command(epilog="Example: headway check handbook")
@door.task_argument
@door.model_option
@click.option(
    "--labels",
    is_flag=True,
    help="Also look for wrong references, by models in this process and answers in the store.",
)
@door.json_option
@click.pass_context
def check(ctx: click.Context, task: Path, model: str | None, labels: bool, as_json: bool) -> None:
    """Say what a task holds, what is wrong, what it can prove."""
    from headway.cli import show

    found = door.work(task, lambda w: w.check(labels), model)
    door.emit(found, as_json, show.check)
    if found.errors:
        ctx.exit(InputError.exit_code)


main.add_command(review)


@main.command("show", epilog="Example: headway show handbook q17 --pipeline pipelines/best.yaml")
@door.task_argument
@click.argument("example", required=False)
@door.pipeline_option
@door.model_option
@door.json_option
def show_(
    task: Path, example: str | None, pipeline: str | None, model: str | None, as_json: bool
) -> None:
    """Print the exact messages of an example, without a call."""
    from headway.cli import show

    found = door.work(task, lambda w: w.show(example, pipeline), model)
    door.emit(found, as_json, show.shown)


# --- measuring --------------------------------------------------------------------------------


@main.command(epilog="Example: headway evaluate handbook --limit 50")
@door.task_argument
@door.pipeline_option
@door.model_option
@click.option(
    "--split",
    type=click.Choice(["dev", "train", "test"]),
    default="dev",
    show_default=True,
    help="The examples to run over. The test split is sealed: `headway final` opens it.",
)
@door.limit_option
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Run each example N times, to see how much answers vary.",
)
@click.option(
    "--by",
    multiple=True,
    default=("tags",),
    show_default=True,
    help="Kinds to show: tags, group, or a field of the inputs. May be repeated.",
)
@click.option(
    "--ragas",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write questions, passages, answers and references to FILE.jsonl, in Ragas' format.",
)
@door.dry_option
@door.json_option
def evaluate(
    task: Path,
    model: str | None,
    by: tuple[str, ...],
    ragas: Path | None,
    dry: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a pipeline over the examples and score it, with intervals."""
    from headway.cli import show

    if dry:
        return door.planned(task, "evaluate", as_json, model, **options)
    found = door.work(task, lambda w: w.evaluate(by=by, ragas=ragas, **options), model)
    door.emit(found, as_json, show.run)


@main.command(epilog="Example: headway compare handbook baseline pipelines/best.yaml")
@door.task_argument
@click.argument("a")
@click.argument("b")
@click.option("--metric", metavar="NAME", help="The metric to compare on. [default: the first]")
@door.model_option
@door.dry_option
@door.json_option
def compare(
    task: Path, a: str, b: str, metric: str | None, model: str | None, dry: bool, as_json: bool
) -> None:
    """Compare B with A, example by example.

    Gives the difference B minus A, its interval and the verdict. A and B are pipeline files,
    runs or fingerprints.
    """
    from headway.cli import show

    if dry:
        return door.planned(task, "compare", as_json, model, a=a, b=b)
    found = door.work(task, lambda w: w.compare(a, b, metric), model)
    door.emit(found, as_json, show.comparison)


@main.command(epilog="Example: headway diagnose handbook")
@door.task_argument
@door.pipeline_option
@door.model_option
@door.limit_option
@click.option(
    "--positions",
    is_flag=True,
    help="Also ask whether it matters where the evidence stands among the passages shown.",
)
@door.dry_option
@door.json_option
def diagnose(task: Path, model: str | None, dry: bool, as_json: bool, **options: Any) -> None:
    """Say which axis holds a pipeline back, by how much, and why."""
    from headway.cli import show

    if dry:
        return door.planned(task, "diagnose", as_json, model, **options)
    found = door.work(task, lambda w: w.diagnose(**options), model)
    door.emit(found, as_json, show.diagnosis)


# --- optimising -------------------------------------------------------------------------------


@main.command("try", epilog="Example: headway try handbook rerank --limit 40")
@door.task_argument
@click.argument("technique")
@door.pipeline_option
@door.model_option
@door.limit_option
@door.dry_option
@door.json_option
def try_(
    task: Path, technique: str, model: str | None, dry: bool, as_json: bool, **options: Any
) -> None:
    """Try one technique on explore: a hint, nothing is kept."""
    from headway.cli import show

    if dry:
        return door.planned(task, "try", as_json, model, technique=technique, **options)
    found = door.work(task, lambda w: w.try_technique(technique, **options), model)
    door.emit(found, as_json, show.tried)


def _positive(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and value <= 0:
        raise click.BadParameter(f"{value:g} is not above 0")
    return value


@main.command(epilog="Example: headway optimize handbook --calls 2000 --minutes 60 --yes")
@door.task_argument
@click.option("--calls", type=click.IntRange(min=1), metavar="N", help="At most N model calls.")
@click.option("--tokens", type=click.IntRange(min=1), metavar="N", help="At most N tokens.")
@click.option("--usd", type=float, callback=_positive, metavar="X", help="At most X US dollars.")
@click.option("--minutes", type=float, callback=_positive, metavar="M", help="At most M minutes.")
@click.option(
    "--axis", type=click.Choice(["context", "behaviour"]), help="Try techniques of this axis only."
)
@click.option(
    "--test",
    type=click.Choice(["end", "never"]),
    default="end",
    show_default=True,
    help="Open the sealed test once at the end, or leave it closed.",
)
@click.option("--continue", "resume", is_flag=True, help="Go on with the last journey.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@door.pipeline_option
@door.model_option
@door.dry_option
@door.json_option
def optimize(
    task: Path, model: str | None, yes: bool, dry: bool, as_json: bool, **options: Any
) -> None:
    """Try techniques under a budget and keep only what is proven.

    A journey that was interrupted goes on with the same command.
    """
    from headway.cli import show

    if dry:
        return door.planned(task, "optimize", as_json, model, **options)
    if not yes:
        found = door.work(task, lambda w: w.plan("optimize", **options), model)
        show.plan(Console(stderr=True), found)
        if door.interactive() and not click.confirm("Go?", default=True, err=True):
            return click.echo("Nothing was spent.", err=True)
    journey = door.work(task, lambda w: w.optimize(**options), model)
    door.emit(journey, as_json, lambda console, found: show.journey(console, found, str(task)))
    if not journey.complete:
        raise BudgetEnded(
            "the budget ended before the diagnosis or the sealed test was through",
            do=f"headway optimize {task} --continue, with more of it",
        )


@main.command(epilog="Example: headway final handbook --pipeline pipelines/best.yaml")
@door.task_argument
@click.option(
    "--pipeline",
    metavar="FILE",
    help="The pipeline to test. [default: pipelines/best.yaml, else the baseline]",
)
@door.model_option
@click.option("--yes", is_flag=True, help="Do not ask before opening the sealed test.")
@door.dry_option
@door.json_option
def final(
    task: Path, pipeline: str | None, model: str | None, yes: bool, dry: bool, as_json: bool
) -> None:
    """Open the sealed test for one pipeline. Each opening is counted and shown."""
    from headway.cli import show

    if dry:
        return door.planned(task, "final", as_json, model, pipeline=pipeline)
    if not yes:
        _ask_before_opening(task)
    found = door.work(task, lambda w: w.final(pipeline), model)
    door.emit(found, as_json, show.final)


def _ask_before_opening(task: Path) -> None:
    if not door.interactive():
        raise InputError(
            "this opens the sealed test, and there is nobody here to ask",
            valid="--yes, to open it without being asked",
            do=f"headway final {task} --yes",
        )
    click.echo(
        "This opens the sealed test. Each opening is counted and stands beside the figure; after "
        "five the test is called worn.",
        err=True,
    )
    if not click.confirm("Open it?", err=True):
        click.echo("It stays sealed.", err=True)
        click.get_current_context().exit(0)


@main.command(epilog="Example: headway report handbook --output report.html")
@door.task_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it. [default: report.html in the task folder]",
)
@click.option("--journey", metavar="ID", help="Which journey. [default: the last]")
@door.json_option
def report(task: Path, output: Path | None, journey: str | None, as_json: bool) -> None:
    """Write a journey as one HTML file that needs nothing else."""
    target = output or task / "report.html"
    file = door.work(task, lambda w: w.report(target, journey))
    if as_json:
        return door.document({"schema": "headway/report/1", "file": str(file)})
    click.echo(f"written: {file}")


# --- what there is ----------------------------------------------------------------------------


CARD = ("name", "axis", "good_for", "not_good_for", "addresses", "needs", "costs")


@main.command(epilog="Example: headway techniques --axis context, headway techniques rerank")
@click.argument("name", required=False)
@click.option("--axis", type=click.Choice(["context", "behaviour", "both"]), help="Only these.")
@door.json_option
def techniques(name: str | None, axis: str | None, as_json: bool) -> None:
    """List the techniques: what each is good for, what it needs and costs.

    With NAME: all that is known of one, and where its idea is from.
    """
    from headway.cli import show
    from headway.workspace import techniques as known

    kinds = [kind for kind in known(name) if axis in (None, kind.axis)]
    if as_json:
        rows = [{field: getattr(kind, field) for field in CARD} for kind in kinds]
        return door.document({"schema": "headway/techniques/1", "techniques": rows})
    if name is None:
        return show.techniques(Console(), kinds)
    for kind in kinds:
        show.technique(Console(), kind)


@main.command(epilog="Example: headway schema task > task.schema.json")
@click.argument("name", default="task")
def schema(name: str) -> None:
    """Print the JSON Schema of a file or of a command's document."""
    from headway.workspace import schema as known

    door.document(known(name))


main.add_command(tune)
main.add_command(judge)
main.add_command(models)
