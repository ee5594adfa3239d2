"""`headway draft`: examples from documents or logs, where there are none yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from headway.cli import door
from headway.core.errors import BudgetEnded, InputError
from headway.report import words

if TYPE_CHECKING:
    from headway.core.findings import Plan
    from headway.engine.budget import Limits
    from headway.engine.drafting import DraftFinding, LogFinding

SHOWN = 8  # drafts and clusters shown in a terminal; --json has all


@click.command(epilog="Example: headway draft support --n 60, then headway review support")
@door.task_argument
@click.option(
    "--n",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    metavar="N",
    help="How many. The same command with a larger N goes on from those it wrote.",
)
@click.option(
    "--kinds",
    metavar="A,B",
    help="Only these: one_passage, two_passages, figures, unanswerable. [default: all that fit]",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Which facts come first.")
@click.option(
    "--from",
    "log",
    type=click.Path(path_type=Path),
    metavar="LOG.jsonl",
    help="Sample real questions from a log instead, one JSON object a line.",
)
@click.option(
    "--pick",
    type=click.Choice(["spread", "wavering"]),
    default="spread",
    show_default=True,
    help="With --from: over all that is asked, or those next worth a label: near what fails on"
    " train, and where samples of the pipeline's answers disagree.",
)
@click.option(
    "--unmasked", is_flag=True, help="With --from: copy questions without masking personal data."
)
@click.option(
    "--closed-book",
    is_flag=True,
    help="Also ask each question without documents, and tag those that the model knows.",
)
@click.option("--calls", type=click.IntRange(min=1), metavar="N", help="At most N model calls.")
@click.option("--tokens", type=click.IntRange(min=1), metavar="N", help="At most N tokens.")
@click.option(
    "--usd", type=click.FloatRange(min=0, min_open=True), metavar="X", help="At most X US dollars."
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="At most M minutes."
)
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@door.model_option
@door.dry_option
@door.json_option
def draft(
    task: Path, log: Path | None, unmasked: bool, model: str | None, yes: bool, dry: bool,
    as_json: bool, n: int, seed: int, **options: Any,
) -> None:  # fmt: skip
    """Draft examples from a task's documents, or sample a log.

    A model writes questions, answers and the sentences that hold them; what does not stand in a
    document, or cannot be answered again from its sentence alone, is thrown away and counted.
    Drafts are unreviewed until `headway review`, and stay out of the sealed test until then.
    """
    if log is not None:
        unused = [name for name in ("kinds", "closed_book") if options[name]]
        asks = options["pick"] == "wavering"
        if unused or (dry and not asks):
            raise InputError(
                f"--{unused[0].replace('_', '-') if unused else 'dry-run'} is for drafts from"
                " documents; sampling a log asks no chat model",
                do=f"headway draft {task} --from {log} --n {n}",
            )
        if asks:
            return _waver(task, log, model, yes, dry, as_json, n, seed, unmasked, options)
        if model is not None:
            raise InputError("--model writes drafts from documents; a log needs none written")
        limits = _limits(options)
        found = door.work(task, lambda w: w.draft_from(log, n, seed, unmasked, limits=limits))
        return door.emit(found, as_json, lambda console, f: _sampled(console, f, task))
    for name, given in (("unmasked", unmasked), ("pick wavering", options["pick"] != "spread")):
        if given:
            raise InputError(f"--{name} is for logs", valid=f"--from LOG.jsonl --{name}")
    _draft(task, model, yes, dry, as_json, n, seed, options)


def _limits(options: dict[str, Any]) -> Limits:
    from headway.engine.budget import Limits

    return Limits(options["calls"], options["tokens"], options["usd"], options["minutes"])


def _agreed(plan: Plan, yes: bool) -> bool:
    """Show what it would spend; whether to go."""
    from headway.cli import show

    show.plan(Console(stderr=True), plan)
    return yes or not door.interactive() or click.confirm("Go?", default=True, err=True)


def _waver(
    task: Path, log: Path, model: str | None, yes: bool, dry: bool, as_json: bool, n: int,
    seed: int, unmasked: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    from headway.cli import show

    if dry or not yes:
        plan = door.work(task, lambda w: w.plan_draft_from(log, n, unmasked), model)
        if dry:
            return door.emit(plan, as_json, show.plan)
        if not _agreed(plan, yes):
            return click.echo("Nothing was spent.", err=True)
    limits = _limits(options)
    found = door.work(
        task,
        lambda w: w.draft_from(log, n, seed, unmasked, pick="wavering", limits=limits),
        model,
    )
    door.emit(found, as_json, lambda console, f: _sampled(console, f, task))


def _draft(
    task: Path, model: str | None, yes: bool, dry: bool, as_json: bool, n: int, seed: int,
    options: dict[str, Any],
) -> None:  # fmt: skip
    from headway.cli import show
    from headway.engine.drafting import Order

    kinds = tuple(k.strip() for k in (options["kinds"] or "").split(",") if k.strip())
    order = Order(n, kinds, seed, options["closed_book"])
    limits = _limits(options)
    if dry or not yes:
        plan = door.work(task, lambda w: w.plan_draft(order), model)
        if dry:
            return door.emit(plan, as_json, show.plan)
        if not _agreed(plan, yes):
            return click.echo("Nothing was spent.", err=True)
    found = door.work(task, lambda w: w.draft(order, limits), model)
    door.emit(found, as_json, lambda console, f: _drafted(console, f, task))
    if "budget" in found.stopped:
        raise BudgetEnded(
            f"{found.stopped}: {found.drafted + found.known} of {found.wanted} are drafted",
            do="the same command with a larger budget, or none, goes on from there",
        )


def _drafted(console: Console, found: DraftFinding, task: Path) -> None:
    """What was drafted, what was thrown away."""
    from headway.cli.show import _bullets, _heading, _notices, _say, _t, table
    from headway.engine.drafting.filters import REASONS

    before = f", beside {found.known} that were there" if found.known else ""
    made = words.count(found.drafted, "draft")
    _say(console, f"{made} of {found.wanted} wanted{before}, by {found.model}", "bold")
    _say(
        console, f"about {found.documents} of {words.count(found.of_documents, 'document')}", "dim"
    )
    rows = [(_t(kind), _t(str(found.kinds.get(kind, 0))), _t(str(tries)))
            for kind, tries in found.tries.items()]  # fmt: skip
    console.print(table("kind", "kept", "tries", rows=rows, right="kept tries", wrap=0))
    if found.removed:
        _heading(console, f"Thrown away: {sum(found.removed.values())}")
        rows = [(_t(str(many)), _t(words.spaced(why)), _t(REASONS.get(why, ""), "dim"))
                for why, many in found.removed.items()]  # fmt: skip
        console.print(table("n", "why", "", rows=rows, right="n"))
    if found.examples:
        _heading(console, "To read")
        _bullets(console, [f"{e.question}  ({e.reference})" for e in found.examples[:SHOWN]])
        if found.examples[SHOWN:]:
            _say(console, f"{len(found.examples) - SHOWN} more in {found.file}", "dim")
    if found.closed_book is not None:
        _say(console, f"known to the model without documents: {found.closed_book}")
    console.print()
    if found.stopped:
        _notices(console, [found.stopped[0].upper() + found.stopped[1:] + "."])
    _end(console, found, task)


def _sampled(console: Console, found: LogFinding, task: Path) -> None:
    """What was sampled from a log."""
    from headway.cli.show import _heading, _say, _t, table

    before = f", beside {found.known} that were there" if found.known else ""
    _say(console, f"{words.count(found.sampled, 'question')} sampled{before}, of"
                  f" {found.read:,} in {found.log}", "bold")  # fmt: skip
    said = [f"{found.with_answer} with the log's answer as a reference, which nobody has checked"]
    said += [f"{many} {words.spaced(why)}" for why, many in found.removed.items()]
    for line in (*said, *found.skipped):
        _say(console, line, "dim")
    if found.pick == "wavering":
        _heading(console, "Next worth a label")
        why = [(_t(row["why"]), _t(" ".join(row["question"].split())))
               for row in found.rows()[:SHOWN]]  # fmt: skip
        console.print(table("why", "question", rows=why))
    _heading(console, "What is asked")
    rows = [(_t(f"{c['questions']:,}"), _t(str(c["sampled"])), _t(" ".join(c["typical"].split())))
            for c in found.clusters[:SHOWN]]  # fmt: skip
    console.print(table("asked", "sampled", "such as", rows=rows, right="asked sampled"))
    _end(console, found, task)


def _end(console: Console, found: DraftFinding | LogFinding, task: Path) -> None:
    from headway.cli.show import _notices, _say

    _say(console, f"spent    {words.spent(found.spent)}")
    _say(console, f"written  {found.file}")
    _say(console, f"rule on  headway review {task}")
    _notices(console, found.notices)
