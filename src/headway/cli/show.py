"""Findings for a person in a terminal. Figures and verdicts are worded in `report.words`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headway.cli import draw
from headway.core.findings import (
    WORN,
    CheckReport,
    Comparison,
    Diagnosis,
    Journey,
    JourneyStep,
    Kind,
    Plan,
    RunFinding,
)
from headway.core.record import Record
from headway.report import words
from headway.report.followed import followed
from headway.report.traced import traced

Say = Callable[..., None]

MARKS = {
    "ok": ("✓", "green"),
    "note": ("·", "dim"),
    "warning": ("!", "yellow"),
    "error": ("✗", "bold red"),
}
AXES = {"context": "cyan", "behaviour": "yellow", "both": "magenta"}
FAILURES = 3  # failures shown in a terminal; the report shows more, --json all


def table(
    *columns: str, rows: Iterable[Sequence[RenderableType]], right: str = "", wrap: int = -1
) -> Table:
    """A plain table. Columns named in `right` hold numbers; only the column `wrap` may wrap."""
    made = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1)
    )
    for number, name in enumerate(columns):
        numeric = name != "" and name in right.split()
        made.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=number != wrap % len(columns),
            overflow="fold",
        )
    for row in rows:
        made.add_row(*row)
    return made


def _t(said: str, style: str = "") -> Text:
    """A text in a style, never markup; control characters of what a model wrote made visible."""
    return Text(words.visible(said), style=style)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(_t(text, style="bold"))


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(_t(text, style=style))


def _bullets(console: Console, said: Iterable[str]) -> None:
    made = Table.grid(padding=(0, 1))
    made.add_column()
    made.add_column(overflow="fold")  # a word longer than the line, such as JSON, loses nothing
    for text in said:
        made.add_row(_t(" •"), _t(text))
    console.print(made)


def _notices(console: Console, notices: Iterable[str]) -> None:
    for notice in notices:
        _say(console, f"! {notice}", "yellow")


def _unreviewed(console: Console, many: int, of: int = 0) -> None:
    _notices(console, filter(None, [words.unreviewed(many, of)]))


def _axis(name: str) -> Text:
    return _t(name, style=AXES.get(name, "dim"))


# --- evaluate, compare ------------------------------------------------------------------------


def run(console: Console, found: RunFinding, heading: str | None = None) -> None:
    """One run: metrics with intervals, kinds, what it used."""
    model = f" with {found.model}" if found.model else ""
    _say(console, heading or f"{words.count(found.n, 'example')} of {found.split}{model}", "bold")
    if found.describes:
        _say(console, found.describes, "dim")
    rows = [
        (
            _t(name),
            draw.bar(e, 20),
            _t(words.figure(e) if e.n or name not in found.unscored else "not scored"),
            _t(f"{e.n:,}"),
        )
        for name, e in found.metrics.items()
    ]
    console.print(table("metric", "", "mean (95% interval)", "n", rows=rows, right="n", wrap=0))
    lost = [
        f"{found.completed:,} completed",
        f"{words.count(found.outage, 'outage')} (not scored)" if found.outage else "",
        f"{found.invalid:,} invalid (score 0)" if found.invalid else "",
        f"{found.refused:,} refused (score 0)" if found.refused else "",
    ]
    _say(console, ", ".join(filter(None, lost)))
    for name, many in found.unscored.items():
        _say(
            console,
            f"{name} could not score {many:,} of {words.count(found.n, 'answer')}:"
            " `headway show TASK EXAMPLE` says why",
            "yellow",
        )
    _kinds(console, found.kinds, next(iter(found.metrics), ""))
    console.print()
    latency = found.latency_s
    _say(console, f"used     {words.usage(found.usage)}")
    if found.scoring.calls or found.scoring.cached_calls:
        _say(console, f"judged   {words.usage(found.scoring)}")
    _say(
        console,
        f"latency  p50 {words.seconds(latency.p50)}, p95 {words.seconds(latency.p95)} an example; "
        f"{words.duration(found.wall_s)} in all",
    )
    _say(console, f"run      {found.run}   pipeline {found.pipeline[:12]}", "dim")
    aside = words.set_aside(found.set_aside)
    _unreviewed(console, found.unreviewed)
    _notices(console, filter(None, [aside, *found.notices]))


def _kinds(console: Console, kinds: Sequence[Kind], metric: str = "kind,") -> None:
    shown = words.kinds_shown(kinds)
    if not shown:
        return
    rows = [
        (
            _t(kind.value),
            draw.bar(words.kind_estimate(kind), 16),
            _t(words.kind_figure(kind)),
            _t(f"{kind.n:,}"),
            _t("worse" if kind.worse else "", style="bold red"),
        )
        for kind in shown
    ]
    by = ", ".join(dict.fromkeys(kind.by for kind in shown))
    console.print()
    columns = f"{metric} by {by}", "", "mean (95% interval)", "n", ""
    console.print(table(*columns, rows=rows, right="n", wrap=0))
    if len(kinds) > len(shown):
        _say(console, f"{len(kinds) - len(shown)} more kinds: --json shows all", "dim")


def comparison(console: Console, found: Comparison) -> None:
    """Two runs: the difference, the verdict, and what would prove it."""
    style = {"better": "green", "worse": "red"}.get(found.verdict, "yellow")
    _say(console, f"A  {found.a}")
    _say(console, f"B  {found.b}")
    console.print()
    _say(console, words.comparison(found), style)
    if found.p is not None:
        method = f", {words.spaced(found.method)}" if found.method else ""
        _say(console, f"p {found.p:.2g}{method}, {words.count(found.groups, 'group')}", "dim")
    _unreviewed(console, found.unreviewed, found.n)


# --- diagnose ---------------------------------------------------------------------------------


def diagnosis(console: Console, found: Diagnosis) -> None:
    """The map, the probes, the headroom, the causes, and what to do."""
    _say(console, words.holds_back(found), "bold")
    console.print()
    console.print(draw.the_map(found))
    if words.drawable(found):
        _say(console, words.place(found), "dim")
    _rows(console, "Probes", words.probes(found), lambda _: "white")
    _rows(
        console,
        "Headroom: what is left to gain",
        words.headroom(found.headroom),
        lambda row: AXES.get(row.name, "yellow"),
        signed=True,
    )
    ranked = words.causes(found.causes)
    if ranked:
        _heading(console, f"Causes of {words.count(sum(n for _, n in ranked), 'failure')}")
        rows = [
            (_t(f"{many:,}"), _t(cause.name), _axis(cause.axis), _t(cause.meaning, "dim"))
            for cause, many in ranked
        ]
        console.print(table("n", "cause", "axis", "", rows=rows, right="n"))
    _verdicts(console, found)
    _funnel(console, found)
    if context := words.context(found):
        _rows(console, "What the passages shown are worth", context, lambda _: "cyan")
    if places := words.positions(found):
        title = "Where the evidence stands, among passages that do not hold it"
        _rows(console, title, places, lambda _: "cyan")
    _kinds(console, found.kinds)
    if noise := words.label_noise(found.label_noise):
        _heading(console, "Labels")
        _say(console, noise)
    _failures(console, found)
    advice = words.advice(found)
    if advice:
        _heading(console, "Next")
        _bullets(console, advice)
    console.print()
    _say(console, f"used  {words.usage(found.usage)}", "dim")
    _unreviewed(console, found.unreviewed, found.n)
    _notices(console, found.notices)


def _verdicts(console: Console, found: Diagnosis) -> None:
    """What was at fault, counted."""
    verdicts = words.verdicts(found)
    if not verdicts:
        return
    _heading(console, "What was at fault")
    rows = [(_t(f"{many:,}"), _axis(axis), _t(said)) for said, axis, many in verdicts]
    console.print(table("n", "axis", "verdict", rows=rows, right="n", wrap=2))


def _failures(console: Console, found: Diagnosis) -> None:
    """A few failures to read; findings of before had no verdicts."""
    if not words.verdicts(found):
        return
    chosen = found.failures[:FAILURES]
    all_of = len(found.failures)
    left = f", {len(chosen)} of {all_of}; --json has all" if all_of > len(chosen) else ""
    _heading(console, f"Failures to read{left}")
    for failure in chosen:
        _failure(console, failure)


def _failure(console: Console, failure: Mapping[str, Any]) -> None:
    made = Table.grid(padding=(0, 1))
    made.add_column(width=9, style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    cause = words.spaced(str(failure.get("cause", "")))
    why = f" ({failure['why']})" if failure.get("why") else ""
    for name, said in (
        (str(failure.get("example", "")), failure.get("question", "")),
        ("wanted", failure.get("wanted", "")),
        ("answered", failure.get("answered") or "nothing"),
        ("verdict", f"{failure.get('verdict', '')}; {cause}{why}"),
    ):
        short = " ".join(str(said).split())
        made.add_row(_t(name[:9]), _t(short if len(short) <= 160 else short[:159] + "…"))
    console.print(Padding(made, (0, 0, 1, 2)))


def _funnel(console: Console, found: Diagnosis) -> None:
    """The way of the evidence as a picture."""
    stages = words.funnel(found.funnel)
    if not stages:
        return
    _heading(console, "How far the evidence comes")
    wide = console.width >= 100
    rows = [
        (
            _t(stage.name),
            draw.bar(words.whole(stage.share), 24),
            _t(f"{stage.many:,}"),
            _t(f"{-stage.lost:,}" if stage.lost else "", "red"),
            _t(stage.meaning if wide else "", "dim"),
        )
        for stage in stages
    ]
    console.print(table("stage", "", "n", "lost", "", rows=rows, right="n lost"))
    if said := words.lost_most(found.funnel):
        _say(console, said, "dim")


def _rows(
    console: Console,
    title: str,
    rows: Sequence[words.Row],
    style: Callable[[words.Row], str],
    signed: bool = False,
) -> None:
    _heading(console, title)
    wide = console.width >= 100
    cells = [
        (
            _t(("  " if row.inside else "") + row.name),
            draw.bar(row.value, 20, style=style(row)),
            _t(words.figure(row.value, signed)),
            _t(row.meaning if wide else "", style="dim"),
        )
        for row in rows
    ]
    console.print(table("", "", "mean (95% interval)", "", rows=cells))


# --- optimize, try, final ---------------------------------------------------------------------


def ledger(console: Console, steps: Sequence[JourneyStep]) -> None:
    """Techniques tried: kept or dropped, the difference, the verdict; below, what and why."""
    if not steps:
        return
    first = max(9, *(len(step.technique) for step in steps)) + 1
    head = f"  {'technique':<{first}}{'axis':<10}{'difference (interval)':<26}{'verdict':<15}calls"
    _say(console, head, "dim")
    _say(console, "─" * (len(head) + 1), "dim")
    for step in steps:
        _step(console, step, first)


def _step(console: Console, step: JourneyStep, first: int) -> None:
    kept, tried = step.decision == "kept", step.reason == "tried"
    line = _t("· " if tried else "✓ " if kept else "✗ ", style="bold green" if kept else "")
    line.append(f"{step.technique:<{first}}", style="bold")
    line.append(f"{step.axis:<10}", style=AXES.get(step.axis, "dim"))
    line.append(f"{words.step_difference(step):<26}")
    colour = {"better": "green", "worse": "red"}.get(step.verdict or "", "")
    line.append(f"{words.verdict(step.verdict):<15}", style=colour)
    line.append(f"{step.calls:>5,}", style="dim")
    console.print(line)
    measured = f"({words.step_level(step)})" if words.step_level(step) else ""
    what = " ".join(filter(None, (step.candidate, measured)))
    below = _t(what, style="dim")
    if not tried:
        below.append("\n" if what else "").append_text(_t(words.step_reason(step)))
    if below:
        console.print(Padding(below, (0, 0, 0, 4)))


def journey(console: Console, found: Journey, folder: str) -> None:
    """A whole journey: the map, the ledger, the test, the winner, what next."""
    if found.diagnosis is not None:
        _say(console, words.holds_back(found.diagnosis))
        console.print()
        console.print(draw.the_map(found.diagnosis))
        if words.drawable(found.diagnosis):
            _say(console, words.place(found.diagnosis), "dim")
        console.print()
    ledger(console, found.steps)
    console.print()
    _say(console, f"Stopped: {words.stopped(found)}")
    console.print()
    proven = found.test is not None and words.proven_on_test(found.test)
    _say(console, words.headline(found), "bold green" if proven else "bold")
    if found.goal is not None:
        _say(console, words.goal(found))
    if found.test is not None:
        worn = found.test.openings > WORN
        _say(console, f"({words.openings(found.test.openings)})", "yellow" if worn else "dim")
    console.print()
    if found.best != found.baseline:
        _say(console, f"best     {found.best_describes or found.best}")
        _say(console, f"saved    {folder}/pipelines/best.yaml")
    if found.leading:
        _say(console, f"leading  {found.leading_describes or found.leading} (not proven)")
    _say(console, f"spent    {words.spent(found.spent)}")
    _say(console, f"read it  headway report {folder}")
    _say(console, f"go on    headway optimize {folder} --continue")
    _unreviewed(console, found.unreviewed, found.examples)
    _notices(console, found.notices)


def tried(console: Console, found: Any) -> None:
    """A technique's candidates on explore; nothing is kept."""
    if not found.steps:
        _say(console, "It has nothing to propose for this pipeline.")
        _notices(console, found.notices)
        return
    over = words.count(found.n, "example")
    _say(console, f"{found.metric} against the incumbent, over {over} of explore", "bold")
    ledger(console, found.steps)
    _notices(console, found.notices)
    _unreviewed(console, found.unreviewed, found.n)
    _say(
        console, "A hint, not a proof: nothing is kept. `headway optimize` proves and keeps.", "dim"
    )


def final(console: Console, found: Any) -> None:
    """The sealed test, opened for one pipeline."""
    run(console, found.figure, heading=f"The sealed test: {words.count(found.figure.n, 'example')}")
    said = words.openings(found.openings)
    _say(console, said[0].upper() + said[1:] + ".", "yellow" if found.worn else "")


# --- plan, check, show ------------------------------------------------------------------------


def plan(console: Console, found: Plan) -> None:
    """What a command would spend."""
    _say(console, f"{found.command} would spend, with its likely range:", "bold")
    for key, name in words.BUDGET:
        _say(console, f"  {name:<7} {words.estimated(key, getattr(found, key))}")
    _bullets(console, found.notes)


def check(console: Console, found: CheckReport) -> None:
    """All that was looked at, with marks."""
    _say(console, found.task, "bold")
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    made.add_column("", no_wrap=True)
    made.add_column("", no_wrap=True)
    made.add_column("")
    for item in found.items:
        mark, style = MARKS[item.level]
        made.add_row(_t(mark, style=style), _t(item.name), _t(item.text, style=style))
    console.print(made)
    count = words.count
    warnings = sum(item.level == "warning" for item in found.items)
    if found.errors:
        _say(console, f"{count(found.errors, 'error')}, {count(warnings, 'warning')}", "bold red")
    else:
        _say(console, f"ready; {count(warnings, 'warning')}", "green")


def shown(console: Console, found: Any) -> None:
    """The exact messages of an example."""
    tokens = f", {words.count(found.tokens, 'token')}" if found.tokens is not None else ""
    _say(console, f"example {found.example.id}{tokens}", "bold")
    _say(console, found.pipeline.describe(), "dim")
    for message in found.messages:
        _heading(console, message.role)
        console.print(_t(message.content))
    if not found.messages:
        _say(console, "Nothing is sent to a model here: the application makes its own calls.")
    if found.passages:
        _heading(console, words.count(len(found.passages), "passage"))
        for passage in found.passages:
            score = f"  {passage.score:.3f}" if passage.score is not None else ""
            at = f"{passage.document} {passage.start}-{passage.end}"
            _say(console, f"{at}{score}", "dim")
    if found.example.references:
        _heading(console, "reference")
        _say(console, " | ".join(found.example.references))
    if found.record is not None:
        _followed(console, found.record)
    _notices(console, found.notes)


def _followed(console: Console, record: Record) -> None:
    """What was answered when it was evaluated, and how each metric came to its score."""
    _heading(console, "answer, when it was evaluated")
    _say(console, record.answer or "(none)")
    if record.status != "done":
        _say(console, f"{record.status}: {record.why}", "yellow")
    if steps := traced(record.trace, record.answer):
        _heading(console, "step by step")
        for line, style in steps:
            _say(console, line, style)
    for name, value in record.scores.items():
        console.print()
        why = record.unscored.get(name)
        figure = "does not apply" if value is None else f"{value:.3f}"
        figure = f"not scored: {why}" if why else figure
        console.print(_t(f"{name}  ", "bold").append_text(_t(figure, "yellow" if why else "")))
        for line, style in followed(record.judged.get(name, {})):
            console.print(Padding(_t(line, style), (0, 0, 0, 2)))


def techniques(console: Console, kinds: Sequence[Any]) -> None:
    """A card for each technique."""
    for kind in kinds:
        console.print()
        _card(console, kind)


def technique(console: Console, kind: Any) -> None:
    """The full card of one: what each cause means, and where the idea is from."""
    _card(console, kind, full=True)
    about = inspect.getdoc(sys.modules.get(kind.__module__)) or ""
    for paragraph in filter(None, (about.strip(), (inspect.getdoc(kind) or "").strip())):
        console.print()
        _say(console, "\n\n".join(" ".join(p.split("\n")) for p in paragraph.split("\n\n")))


def _card(console: Console, kind: Any, full: bool = False) -> None:
    console.print(_t(kind.name, style="bold").append("  ").append_text(_axis(kind.axis)))
    causes = [words.cause(name) for name in kind.addresses]
    means = "\n".join(f"{cause.name}: {cause.meaning}" for cause in causes)
    for name, said in (
        ("good for", kind.good_for),
        ("not for", kind.not_good_for),
        ("needs", ", ".join(kind.needs)),
        ("costs", kind.costs),
        ("addresses", means if full else ", ".join(cause.name for cause in causes)),
    ):
        if said:
            hanging = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
            hanging.add_column("", width=11, style="dim", no_wrap=True)
            hanging.add_column("")
            hanging.add_row(_t(f"  {name}"), _t(said))
            console.print(hanging)


def models(console: Console, cards: Sequence[Any]) -> None:
    """Models: whether each is here, its role, size, licence, what it is good for."""
    rows = [
        (
            _t("✓" if card.present else "·", "green" if card.present else "dim"),
            _t(card.name).append(f"\n{card.role}, {words.size(card.size)}, {card.licence}", "dim"),
            _t(card.good_for),
        )
        for card in cards
    ]
    console.print(table("here", "model", "good for", rows=rows))


def fields(console: Console, found: Mapping[str, Any]) -> None:
    """Fields by name; what is not known is said to be so."""
    made = Table.grid(padding=(0, 2))
    for name, value in found.items():
        said = "not known" if value is None else "yes" if value is True else value
        made.add_row(_t(words.spaced(name), "dim"), _t("no" if said is False else str(said)))
    console.print(made)


def made(console: Console, found: Any) -> None:
    """What an import made."""
    counted = [words.count(found.examples, "example")]
    if found.documents:
        counted.append(words.count(found.documents, "document"))
    if found.with_evidence:
        counted.append(f"{found.with_evidence:,} with evidence")
    _say(console, f"{found.folder}: {', '.join(counted)}", "bold")
    if found.labels:
        _say(console, f"{words.count(len(found.labels), 'label')}: {', '.join(found.labels[:10])}")
    _bullets(console, found.files)
    for line in found.skipped:
        _say(console, f"! {line}", "yellow")
    _say(console, f"next: headway {'check' if found.examples else 'draft'} {found.folder}")
