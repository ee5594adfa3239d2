"""`headway tune`: prepare samples, train a model on them, and say whether it paid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from headway.cli import door
from headway.core.errors import InputError

if TYPE_CHECKING:
    from headway.engine.tuning import TuneWish

HOW = ("epochs", "rate", "rank", "alpha", "batch", "max_tokens", "threads", "seed")
"""Settings of the trainer that have a flag."""


@click.command(epilog="Example: headway tune tickets --minutes 15, then headway optimize tickets")
@door.task_argument
@click.option(
    "--pipeline",
    metavar="FILE",
    help="The pipeline to tune in. [default: pipelines/best.yaml, else the baseline]",
)
@click.option(
    "--base",
    metavar="MODEL",
    help="Weights to start from: embedded/NAME, tuned/NAME to go on, a folder in Hugging Face's"
    " form, or OWNER/REPOSITORY. [default: the pipeline's model]",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=15.0,
    show_default=True,
    metavar="M",
    help="Of training; measuring comes on top. What is left over tries rates and ranks on half.",
)
@click.option(
    "--prompt",
    type=click.Choice(["auto", "short", "same"]),
    default="auto",
    show_default=True,
    help="Keep the pipeline's prompt, or train without its instructions and examples; auto: short"
    " from 100 samples on.",
)
@click.option("--pilot", is_flag=True, help="End after the pilot: look at ten answers first.")
@click.option(
    "--no-half",
    is_flag=True,
    help="Do not also train on half, which shows what twice the data would bring, and where"
    " settings are tried.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Passes over the samples. [default: up to 5, as the minutes allow]",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="X",
    help="Learning rate. [default: 0.001]",
)
@click.option(
    "--rank", type=click.IntRange(min=1), metavar="R", help="Of the adapter. [default: 16]"
)
@click.option(
    "--alpha",
    type=click.FloatRange(min=0, min_open=True),
    metavar="A",
    help="Scale of the adapter, over its rank. [default: 32]",
)
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help="Samples a step. [default: 8]"
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=16),
    metavar="N",
    help="Longer samples are left out. [default: 1024, or what the longest has, up to 4096]",
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="[default: all cores]")
@click.option("--seed", type=int, metavar="N", help="[default: 7]")
@click.option("--trainer", metavar="NAME", help="lora, command, or one of yours. [default: lora]")
@click.option(
    "--command",
    metavar="LINE",
    help="Train by this command, with {train} {held} {base} {out} {epochs} {rate} ... in"
    " it; it leaves a peft adapter in {out}.",
)
@click.option(
    "--teacher",
    metavar="FILE|MODEL",
    help="Distil: this pipeline or model answers the inputs, and what passes the filter"
    " is trained on.",
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="With --teacher: inputs without references. [default: those of train]",
)
@click.option(
    "--keep",
    type=click.Choice(["metric", "judge", "agreement"]),
    default=None,
    help="With --teacher: which answers are kept. [default: metric where there are"
    " references, else agreement]",
)
@click.option(
    "--from",
    "log",
    type=click.Path(path_type=Path),
    metavar="LOG.jsonl",
    help="Prompt baking: train on a production log's own answers.",
)
@click.option(
    "--samples",
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="Train on these samples in OpenAI's chat form instead of on train's examples.",
)
@click.option(
    "--unmasked", is_flag=True, help="With --from or --inputs: leave personal data as it is."
)
@click.option(
    "--serve",
    metavar="HOUSE/NAME",
    help="The endpoint that will serve it, where the base is one of Hugging Face's.",
)
@click.option("--name", metavar="NAME", help="Of the tuned model. [default: the task's and a hash]")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Examples of dev to prove it on.",
)
@click.option(
    "--merge",
    metavar="tuned/NAME",
    help="Train nothing: write this model's weights merged, and measure each kind.",
)
@click.option(
    "--quantisation",
    metavar="A,B",
    default="q8_0",
    show_default=True,
    help="With --merge: f16, q8_0, q5_1, q5_0, q4_1, q4_0.",
)
@click.option("--force", is_flag=True, help="Train although a check says to stop.")
@click.option("--yes", is_flag=True, help="Do not ask before training.")
@door.model_option
@door.dry_option
@door.json_option
def tune(
    task: Path, model: str | None, yes: bool, dry: bool, as_json: bool, merge: str | None,
    quantisation: str, **options: Any,
) -> None:  # fmt: skip
    """Fine-tune a model on the task's own examples, and say whether it paid.

    Samples are made from train by the pipeline itself, checked, and trained on in stages: a pilot,
    half, all. The best epoch is chosen on samples held out of train, and what comes out is
    compared on dev with the pipeline before. The result is a model like any other, tuned/NAME.
    """
    from headway.cli import show_tune

    _sensible(_given(), dry)
    if merge is not None:
        kinds = tuple(k.strip() for k in quantisation.split(",") if k.strip())
        how = (kinds, options["pipeline"], options["limit"])
        merged = door.work(task, lambda w: w.merge(merge, *how), model)
        return door.emit(merged, as_json, show_tune.merged)
    pipeline = options["pipeline"] or _best(task)
    wish = _wish(options)
    source = {
        "teacher": options["teacher"], "inputs": options["inputs"], "keep": options["keep"],
        "log": options["log"], "unmasked": options["unmasked"],
    }  # fmt: skip
    if dry or not yes:
        plan = door.work(task, lambda w: w.plan_tune(pipeline, wish, **source), model)
        if dry:
            return door.emit(plan, as_json, show_tune.plan)
        show_tune.plan(Console(stderr=True), plan)
        if door.interactive() and not click.confirm("Train?", default=True, err=True):
            return click.echo("Nothing was trained.", err=True)
    found = door.work(task, lambda w: w.tune(pipeline, wish, **source), model)
    door.emit(found, as_json, lambda console, f: show_tune.tuned(console, f, task))


# Options that mean nothing without another, or beside it.
ONLY_WITH = {
    "inputs": ("teacher",), "keep": ("teacher",), "unmasked": ("log", "inputs"),
    "quantisation": ("merge",),
}  # fmt: skip
NOT_BESIDE = (("samples", "teacher"), ("samples", "log"), ("teacher", "log"))
MERGING = {"merge", "quantisation", "pipeline", "limit", "model", "task", "yes", "dry", "as_json"}
"""What --merge, which trains nothing, takes."""
FLAGS = {"log": "--from"}


def _given() -> list[str]:
    """The options that were typed, in the order of --help."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    names = [str(option.name) for option in context.command.params]
    return [name for name in names if context.get_parameter_source(name) is typed]


def _sensible(given: list[str], dry: bool) -> None:
    """Raises InputError for options of which one would be passed over in silence."""

    def flag(name: str) -> str:
        return FLAGS.get(name, f"--{name.replace('_', '-')}")

    for name, others in ONLY_WITH.items():
        if name in given and not any(other in given for other in others):
            said = " or ".join(flag(other) for other in others)
            raise InputError(f"{flag(name)} belongs to {said}, which is not given")
    for one, two in NOT_BESIDE:
        if one in given and two in given:
            raise InputError(
                f"{flag(one)} and {flag(two)} both say what is trained on", valid="one of them"
            )
    if "merge" not in given:
        return
    if dry:
        raise InputError("--merge has no --dry-run: it trains nothing and asks dev once a kind")
    if training := [flag(name) for name in given if name not in MERGING]:
        raise InputError(
            f"{', '.join(training)} beside --merge, which trains nothing",
            valid="--merge with --quantisation, --pipeline, --limit, --model",
            do="two commands: one that trains, then one that merges",
        )  # fmt: skip


def _best(task: Path) -> str | None:
    """What a journey found, if there was one."""
    file = task / "pipelines" / "best.yaml"
    return str(file) if file.is_file() else None


def _wish(options: dict[str, Any]) -> TuneWish:
    from headway.engine.tuning import TuneWish

    if options["command"] and options["trainer"] not in (None, "command"):
        raise InputError("--command is the trainer `command`'s", valid="--trainer command")
    if options["trainer"] == "command" and not options["command"]:
        raise InputError(
            "--trainer command needs the command", do='--command "axolotl train my.yaml"'
        )
    stages: tuple[Any, ...] = ("pilot",) if options["pilot"] else ("pilot", "half", "full")
    if options["no_half"]:
        stages = tuple(s for s in stages if s != "half")
    return TuneWish(
        minutes=options["minutes"], base=options["base"], prompt=options["prompt"], stages=stages,
        trainer=options["trainer"] or ("command" if options["command"] else "lora"),
        command=options["command"], name=options["name"],
        how={k: options[k] for k in HOW if options[k] is not None},
        limit=options["limit"], force=options["force"], file=options["samples"],
        serve=options["serve"],
    )  # fmt: skip
