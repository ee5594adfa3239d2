"""`headway review`: what waits for a person's verdict, one example after another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import orjson
from rich.console import Console

from headway.cli import door
from headway.core.errors import InputError
from headway.report import words

if TYPE_CHECKING:
    from headway.core.review import Ruling
    from headway.engine.reviewing import Item, QueueFinding, Reviewer, What

KEYS = "a accept  f fix the reference  o fix the question  m ambiguous  s skip  q quit"
PROPOSED = "p take what is proposed"
LISTED = 40  # of a queue in a terminal; --json has all


@click.command(epilog="Example: headway review support --what drafts")
@door.task_argument
@click.option(
    "--what",
    type=click.Choice(["drafts", "labels", "all"]),
    default="all",
    show_default=True,
    help="Drafts nobody has looked at, labels that are in doubt, or both: these first.",
)
@click.option("--list", "listed", is_flag=True, help="Only show the queue.")
@click.option("--by", metavar="NAME", help="Who rules. [default: git's user, else yours]")
@click.option("--example", metavar="ID", help="Rule on this one, without being asked.")
@click.option(
    "--verdict", type=click.Choice(["accept", "fix", "ambiguous"]), help="The verdict on --example."
)
@click.option(
    "--reference",
    metavar="TEXT",
    help="With --verdict fix: the right answer; for a JSON task an object.",
)
@click.option(
    "--question", metavar="TEXT", help="With --verdict fix: the question as it should be."
)
@click.option("--note", default="", metavar="TEXT", help="Why, for whoever reads it later.")
@door.json_option
def review(
    task: Path, what: str, listed: bool, by: str | None, example: str | None, verdict: str | None,
    reference: str | None, question: str | None, note: str, as_json: bool,
) -> None:  # fmt: skip
    """Rule on drafts and doubtful labels: accept, fix, ambiguous.

    Each verdict is written to reviews.jsonl at once, with who gave it and when; examples.jsonl
    stays as it is. An example that is ambiguous is set aside and not scored.
    """
    if (example is None) != (verdict is None):
        raise InputError(
            "a verdict and its example belong together",
            do=f"headway review {task} --example ID --verdict accept",
        )
    if example is not None and verdict is not None:
        return _one(task, example, verdict, reference, question, by, note, as_json)
    if reference is not None or question is not None:
        raise InputError(
            "--reference and --question fix one example",
            do=f"headway review {task} --example ID --verdict fix --reference ANSWER",
        )
    found = door.work(task, lambda w: w.review(cast("What", what)))
    if listed or as_json or not _at_keys():
        return door.emit(found, as_json, lambda console, f: _queue(console, f, task))
    _ask_all(task, found, by)


def _at_keys() -> bool:
    """Whether a person sits at the keys: here standard output is what is looked at."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _one(
    task: Path, example: str, verdict: str, reference: str | None, question: str | None,
    by: str | None, note: str, as_json: bool,
) -> None:  # fmt: skip
    if verdict != "fix" and (reference is not None or question is not None):
        raise InputError(f"--verdict {verdict} changes nothing", valid="--verdict fix")
    if verdict == "fix" and reference is None and question is None:
        raise InputError("a fix needs what it is fixed to", valid="--reference, --question or both")

    async def rule(workspace: Any) -> Any:
        value = _read(reference, workspace.task.spec.output.kind)
        return await workspace.rule(
            example, verdict, reference=value, question=question, by=by, note=note
        )

    made = door.work(task, rule)
    if as_json:
        return door.document({"schema": "headway/verdict/1", **made.model_dump(mode="json")})
    click.echo(f"{made.example}: {made.verdict}, by {made.by}")


def _read(reference: str | None, kind: str) -> Any:
    """A reference as it was typed: an object where the task's answers are objects."""
    if reference is None or kind != "json":
        return reference
    try:
        value = orjson.loads(reference)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the reference is not JSON: {error}", valid='{"field": 1}') from None
    if not isinstance(value, dict):
        raise InputError("the reference is not a JSON object", valid='{"field": 1}')
    return value


def _queue(console: Console, found: QueueFinding, task: Path) -> None:
    """The queue as a table."""
    from headway.cli.show import _notices, _say, _t, table

    said = f"{words.count(found.suspects, 'doubtful label')}, {words.count(found.drafts, 'draft')}"
    ruled = f"{words.count(found.ruled, 'verdict')} so far"
    if found.ambiguous:
        ruled += f", {len(found.ambiguous)} ambiguous"
    _say(console, f"{said} to rule on; {ruled}", "bold")
    rows = [
        (_t(i.example), _t(i.why), _t(_short(i.question, 60)), _t(_short(i.reference, 30)))
        for i in found.items[:LISTED]
    ]
    if rows:
        console.print(table("example", "why", "question", "reference", rows=rows, wrap=2))
    if found.items[LISTED:]:
        _say(console, f"{len(found.items) - LISTED} more: --json shows all", "dim")
    if found.void:
        names = ", ".join(found.void[:5])
        _notices(console, [f"Void, as the example changed since or is gone: {names}"])
    if found.items:
        _say(console, f"rule on them: headway review {task}, in a terminal", "dim")


def _short(value: Any, most: int) -> str:
    text = " ".join(_text(value).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(value: Any, lines: bool = False) -> str:
    """lines: JSON with a line a field, as it is edited."""
    if value is None:
        return ""
    option = orjson.OPT_INDENT_2 if lines else None
    return value if isinstance(value, str) else orjson.dumps(value, option=option).decode()


def _ask_all(task: Path, found: QueueFinding, by: str | None) -> None:
    """One after another, until the queue or the person is through."""
    from headway.cli.show import _say

    console, done = Console(), 0

    async def reviewer(workspace: Any) -> Reviewer:
        made: Reviewer = workspace.reviewer()
        return made

    rules = door.work(task, reviewer)
    kind, documents = rules.task.spec.output.kind, rules.task.has_knowledge
    for number, item in enumerate(found.items, start=1):
        _show(console, item, number, len(found.items), documents)
        ruled = _ask(console, rules, item, kind, by)
        if ruled is None:
            break
        done += ruled
    _say(console, f"{words.count(done, 'verdict')} written to {task / 'reviews.jsonl'}", "bold")


def _ask(console: Console, rules: Reviewer, item: Item, kind: str, by: str | None) -> int | None:
    """1 for a verdict, 0 for a skip, None to end. What is wrong is said, and asked again."""
    from headway.cli.show import _say

    keys = KEYS if item.proposed is None else f"{PROPOSED}\n{KEYS}"
    while True:
        _say(console, keys, "dim")
        try:
            key = click.getchar().lower()
        except (KeyboardInterrupt, EOFError):  # what is ruled so far is on the disk
            return None
        try:
            if key in ("q", ""):  # nothing: the terminal is gone
                return None
            if key == "s":
                return 0
            verdict = {"a": "accept", "m": "ambiguous"}.get(key, "fix")
            more = _fixed(key, item, kind) if verdict == "fix" else {}
            if more is None:
                continue
            made = rules.rule(item.example, cast("Ruling", verdict), by=by, **more)
            _say(console, f"{made.verdict}, by {made.by}", "green")
            return 1
        except InputError as error:
            _say(console, str(error), "yellow")


def _fixed(key: str, item: Item, kind: str) -> dict[str, Any] | None:
    """What a key's fix changes; None where it changes nothing, or the key means nothing."""
    if key == "p" and item.proposed is not None:
        return {"reference": item.proposed}
    if key == "f":
        start = item.proposed if item.proposed is not None else item.reference
        typed = _edited(_text(start, lines=kind == "json"))
        value = _listed(typed) if isinstance(start, list) and kind != "json" else None
        value = value or _read(typed, kind)
        return None if value in (None, item.reference) else {"reference": value}
    if key == "o":
        asked = item.question.rpartition("\nuser: ")[2]
        typed = _edited(asked)
        return None if typed in (None, asked) else {"question": typed}
    return None


def _listed(typed: str | None) -> list[str] | None:
    """Acceptable answers that were edited as a JSON list; None where it is another text."""
    try:
        value = orjson.loads(typed or "")
    except orjson.JSONDecodeError:
        return None
    texts = isinstance(value, list) and all(isinstance(v, str) for v in value)
    return value if texts else None


def _edited(text: str) -> str | None:
    """The text as the person leaves it: in $EDITOR where it has several lines, else on one line.
    None where nothing is left, or the person leaves without saving."""
    try:
        found = click.edit(text) if "\n" in text else click.prompt("to", default=text or None)
    except click.Abort:
        return None
    except click.ClickException as error:  # there is no editor, or it failed
        raise InputError(error.format_message(), do="set EDITOR to one that works") from None
    return (found or "").strip() or None


def _show(console: Console, item: Item, number: int, of: int, documents: bool) -> None:
    """All that a person needs to rule on one example."""
    from headway.cli.show import _heading, _say, _t

    _heading(console, f"{number} of {of}  {item.example}  ({item.why}: {', '.join(item.tags)})")
    _say(console, item.question)
    _say(console, f"reference  {_text(item.reference) or 'none'}", "bold")
    if item.proposed is not None:
        _say(console, f"proposed   {_text(item.proposed)}", "cyan")
    if item.said:
        _say(console, item.said, "dim")
    for voter, vote in item.votes.items():
        _say(console, f"  {voter}: {_voted(vote)}", "dim")
    for shown in item.evidence:
        _say(console, shown.document, "dim")
        around = _t(f"…{shown.before[-240:]}" if shown.before else "", "dim")
        around.append_text(_t(shown.text, "bold green"))
        around.append_text(_t(f"{shown.after[:240]}…" if shown.after else "", "dim"))
        console.print(around)
    if documents and not item.evidence:
        _say(console, "no evidence is written down", "dim")


def _voted(vote: Any) -> str:
    """How sure a voter is that the reference is wrong, and what it says instead."""
    if not isinstance(vote, dict):
        return _text(vote)
    instead = f", says {_text(vote['says'])}" if vote.get("says") is not None else ""
    return f"{vote.get('against', 0):.0%} against the reference{instead}"
