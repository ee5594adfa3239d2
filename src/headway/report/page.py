"""`render`: a journey as one HTML file that needs nothing else, to read and to keep."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime
from importlib import resources

import yaml

from headway.core.findings import WORN, Diagnosis, Estimate, Journey, JourneyStep, Kind
from headway.core.pipeline import PROMPTS, Pipeline
from headway.core.version import __version__
from headway.report import charts, words
from headway.report.markup import Child, Html, el, join

MOST_FAILURES = 40  # failures shown; enough to read, and the file stays small


def render(
    journey: Journey,
    *,
    task_name: str,
    description: str = "",
    baseline: Pipeline | None = None,
    best: Pipeline | None = None,
    saved: str | None = None,
    versions: Mapping[str, str] | None = None,
    made: datetime | None = None,
) -> str:
    """The report as HTML.

    baseline, best: the pipelines, to show the winner and what was changed; without them the
    report says what they do in a line. saved: where the winner lies, as the user would type it.
    versions: name -> version of what took part; Headway's own is always there. made: when.
    """
    known = {"headway": __version__, **(versions or {})}
    found = journey.diagnosis
    parts = [
        _top(journey, task_name, description, made),
        *([_diagnosis(found)] if found else []),
        _steps(journey),
        _ledger(journey),
        *([_failures(found)] if found and found.failures else []),
        _winner(journey, baseline, best, saved),
        _budget(journey),
        _small_print(journey, known),
    ]
    css = resources.files("headway.report").joinpath("report.css").read_text(encoding="utf-8")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{task_name}: Headway report"),
        el("style", Html(css)),
    )
    page = el("html", head, el("body", el("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


# --- parts of the page ------------------------------------------------------------------------


def _section(title: str, *inside: Child, lead: str = "") -> Html:
    name = title.lower().replace(" ", "-").replace(",", "")
    body = [el("h2", title, id=name), el("p", lead, class_="lead") if lead else None, *inside]
    return el("section", *body, aria_labelledby=name)


def _table(head: list[str], rows: list[list[Child]], kind: str, caption: str) -> Html:
    """A table with headers. Roles are written out, since on a phone its rows become cards."""
    top = el("tr", *(el("th", name, scope="col", role="columnheader") for name in head), role="row")
    body = [
        el(
            "tr",
            *(
                el("td", value, data_label=name, role="cell")
                for name, value in zip(head, row, strict=True)
            ),
            role="row",
        )
        for row in rows
    ]
    return el(
        "table",
        el("caption", caption, class_="hidden"),
        el("thead", top, role="rowgroup"),
        el("tbody", *body, role="rowgroup"),
        class_=kind,
        role="table",
    )


def _tile(name: str, value: Child, note: str = "", kind: str = "") -> Html:
    return el(
        "div",
        el("dt", name),
        el("dd", value, el("span", note, class_="note") if note else None),
        class_=f"tile {kind}".strip(),
    )


def _top(journey: Journey, task_name: str, description: str, made: datetime | None) -> Html:
    test = journey.test
    tiles: list[Html] = []
    if test is not None:
        tiles = [
            _measured("baseline, sealed test", test.baseline),
            _measured("best, sealed test", test.best),
            _tile(
                "difference",
                words.number(test.difference, signed=True),
                words.interval(test.low, test.high, signed=True),
                "good" if words.proven_on_test(test) else "",
            ),
        ]
    elif journey.baseline_run and journey.metric in journey.baseline_run.metrics:
        tiles = [_measured("baseline, dev", journey.baseline_run.metrics[journey.metric])]
    kept = sum(step.decision == "kept" for step in journey.steps)
    tiles.append(_tile("ledger", f"{kept} kept", f"{len(journey.steps) - kept} dropped"))
    tiles.append(_tile("spent", words.count(journey.spent.calls, "call"), _cost(journey)))
    date = f" · {made:%d %B %Y}" if made else ""
    return el(
        "header",
        el("p", f"Headway report{date}", class_="kicker"),
        el("h1", task_name),
        el("p", description, class_="description") if description else None,
        el("p", words.headline(journey), class_="headline"),
        el("dl", *tiles, class_="tiles"),
        el("p", words.goal(journey), class_="note") if journey.goal is not None else None,
        _openings(journey),
        *(el("p", notice, class_="notice") for notice in _notices(journey)),
    )


def _notices(journey: Journey) -> tuple[str, ...]:
    drafts = words.unreviewed(journey.unreviewed, journey.examples)
    return (f"{drafts}.", *journey.notices) if drafts else journey.notices


def _measured(name: str, estimate: Estimate) -> Html:
    ends = words.interval(estimate.low, estimate.high)
    note = ", ".join(filter(None, (ends, f"n {estimate.n:,}" if estimate.n else "")))
    return _tile(name, words.number(estimate.mean), note)


def _cost(journey: Journey) -> str:
    return f"{words.money(journey.spent.usd)}, {words.duration(journey.spent.minutes * 60)}"


def _openings(journey: Journey) -> Html | None:
    if journey.test is None:
        return None
    worn = journey.test.openings > WORN
    said = words.openings(journey.test.openings)
    return el("p", said[0].upper() + said[1:] + ".", class_="notice" if worn else "note")


def _diagnosis(found: Diagnosis) -> Html:
    picture = el(
        "figure",
        charts.map_picture(found),
        el("figcaption", words.place(found)) if words.drawable(found) else None,
        class_="map-figure",
    )
    beside = el(
        "div",
        _figures(words.probes(found), "Probe"),
        _figures(words.headroom(found.headroom), "Headroom", signed=True),
    )
    return _section(
        "Where the baseline stands",
        el("div", picture, beside, class_="columns"),
        _advice(found),
        _funnel(found),
        *([_figures(rows, "Passages shown")] if (rows := words.context(found)) else []),
        *([_figures(rows, "Place of the evidence")] if (rows := words.positions(found)) else []),
        _causes(found),
        _verdicts(found),
        _kinds(found.kinds),
        el("p", noise) if (noise := words.label_noise(found.label_noise)) else None,
        *(el("p", notice, class_="notice") for notice in found.notices),
        lead=words.holds_back(found),
    )


def _figures(rows: list[words.Row], title: str, signed: bool = False) -> Html:
    """Named figures as a table of bars, each in the colour of its axis."""
    top = max([1.0, *(row.value.mean or 0.0 for row in rows if row.value)])
    cells: list[list[Child]] = [
        [
            el("span", row.name, el("span", row.meaning, class_="note"),
               class_="inside" if row.inside else None),
            charts.bar(row.value, _colour(row) if signed else "plain", top),
            el("span", words.figure(row.value, signed), class_="figures"),
        ]
        for row in rows
    ]  # fmt: skip
    return _table([title, "Score", "Figure"], cells, "probes", title)


def _colour(row: words.Row) -> str:
    return "context" if row.name == "context" else "behaviour"


def _advice(found: Diagnosis) -> Html | None:
    said = words.advice(found)
    return el("ul", *(el("li", one) for one in said), class_="advice") if said else None


def _causes(found: Diagnosis) -> Html | None:
    ranked = words.causes(found.causes)
    if not ranked:
        return None
    most = max(many for _, many in ranked)
    rows: list[list[Child]] = [
        [
            el("span", cause.name, el("span", cause.meaning, class_="note")),
            _chip(cause.axis),
            join([charts.bar(words.whole(many), cause.axis or "plain", most), f" {many}"]),
        ]
        for cause, many in ranked
    ]
    total = sum(many for _, many in ranked)
    return join(
        [
            el("h3", f"Causes of its {words.count(total, 'failure')}"),
            _table(["Cause", "Axis", "Failures"], rows, "causes", "Causes of failure"),
        ]
    )


def _funnel(found: Diagnosis) -> Html | None:
    """The way of the evidence, a bar a stage."""
    stages = words.funnel(found.funnel)
    if not stages:
        return None
    rows: list[list[Child]] = [
        [
            el("span", stage.name, el("span", stage.meaning, class_="note")),
            charts.bar(words.whole(stage.share), "context"),
            el("span", f"{stage.many:,}",
               el("span", f" −{stage.lost:,}", class_="bad") if stage.lost else None),
        ]
        for stage in stages
    ]  # fmt: skip
    return join(
        [
            el("h3", "How far the evidence comes"),
            el("p", words.lost_most(found.funnel), class_="note"),
            _table(["Stage", "Share", "Examples"], rows, "funnel", "How far the evidence comes"),
        ]
    )


def _verdicts(found: Diagnosis) -> Html | None:
    """What was at fault, counted."""
    verdicts = words.verdicts(found)
    if not verdicts:
        return None
    most = max(many for *_, many in verdicts)
    rows: list[list[Child]] = [
        [
            said,
            _chip(axis),
            join([charts.bar(words.whole(many), axis or "plain", most), f" {many}"]),
        ]
        for said, axis, many in verdicts
    ]
    return join(
        [
            el("h3", "What was at fault"),
            _table(["Verdict", "Axis", "Failures"], rows, "causes", "What was at fault"),
        ]
    )


def _kinds(kinds: tuple[Kind, ...]) -> Html | None:
    shown = words.kinds_shown(kinds)
    if not shown:
        return None
    rows: list[list[Child]] = [
        [
            el("span", kind.value, el("span", f"by {kind.by}, n {kind.n:,}", class_="note")),
            charts.bar(words.kind_estimate(kind)),
            words.kind_figure(kind),
            el("strong", "worse", class_="bad") if kind.worse else "",
        ]
        for kind in shown
    ]
    left = f"; {len(kinds) - len(shown)} more are not shown" if len(kinds) > len(shown) else ""
    return join(
        [
            el("h3", "Kinds of questions"),
            el("p", f"Worse: proven below the rest, corrected for how many were looked at{left}.",
               class_="note"),
            _table(["Kind", "Score", "Figure", "Verdict"], rows, "kinds", "Kinds of questions"),
        ]
    )  # fmt: skip


def _chip(axis: str) -> Html | None:
    return el("span", axis, class_=f"chip {axis}") if axis else None


def _steps(journey: Journey) -> Html | None:
    picture = charts.steps_picture(journey)
    if not picture:
        return None
    lead = (
        f"Each row is a technique, tried on the best pipeline of that moment: its {journey.metric} "
        "there, with its interval. The line is the best so far; it moves only when a step is kept."
    )
    return _section("Step by step", el("figure", picture, class_="steps-figure"), lead=lead)


def _ledger(journey: Journey) -> Html:
    if not journey.steps:
        return _section("The ledger", el("p", "Nothing was tried."))
    rows = [_ledger_row(step) for step in journey.steps]
    head = ["Decision", "Technique", "Difference", "Why", "Calls"]
    kept = sum(step.decision == "kept" for step in journey.steps)
    return _section(
        "The ledger",
        _table(head, rows, "ledger", "Techniques tried, kept or dropped"),
        lead=f"{words.count(len(rows), 'technique')} considered, {kept} kept. "
        f"Stopped: {words.stopped(journey)}",
    )


def _ledger_row(step: JourneyStep) -> list[Child]:
    kept = step.decision == "kept"
    mark = el("span", "✓" if kept else "✗", aria_hidden="true")
    return [
        el("span", mark, f" {step.decision}", class_=step.decision),
        el(
            "span",
            el("strong", step.technique),
            " ",
            _chip(step.axis),
            el("span", step.candidate, class_="note") if step.candidate else None,
        ),
        el("span", words.step_difference(step), el("span", words.step_level(step), class_="note"),
           class_="figures"),
        el("span", words.verdict(step.verdict) if step.verdict else None,
           el("span", words.step_reason(step), class_="note")),
        f"{step.calls:,}",
    ]  # fmt: skip


def _failures(found: Diagnosis) -> Html:
    def said(failure: Mapping[str, object], name: str) -> str:
        value = failure.get(name)
        return "" if value is None else str(value)

    rows: list[list[Child]] = []
    for failure in found.failures[:MOST_FAILURES]:
        cause = words.cause(said(failure, "cause"))
        rows.append(
            [
                el("span", said(failure, "question"),
                   el("span", said(failure, "example"), class_="note")),
                said(failure, "wanted"),
                said(failure, "answered") or el("em", "nothing"),
                el("span", cause.name, " ", _chip(cause.axis),
                   el("span", said(failure, "verdict"), class_="note"),
                   el("span", said(failure, "why") or None, class_="note")),
            ]
        )  # fmt: skip
    all_of = len(found.failures)
    shown = f"{len(rows)} of {all_of}" if all_of > len(rows) else "all"
    head = ["Question", "Wanted", "Answered", "Cause"]
    return _section(
        "Failures to read",
        el(
            "details",
            el(
                "summary",
                f"The baseline's {words.count(all_of, 'failure')} on explore ({shown} shown)",
            ),
            _table(head, rows, "failures", "Failures of the baseline"),
        ),
        lead="Nothing teaches more about an application than reading what it got wrong.",
    )


# --- the winner -------------------------------------------------------------------------------


def _winner(
    journey: Journey, baseline: Pipeline | None, best: Pipeline | None, saved: str | None
) -> Html:
    changed = journey.best != journey.baseline
    said: list[Child] = []
    if journey.best_describes:
        said.append(el("p", el("code", journey.best_describes)))
    if saved:
        said.append(el("p", "It is saved as ", el("code", saved), "."))
    if journey.leading and journey.leading_describes:
        said.append(
            el("p", "Leading, but not proven: ", el("code", journey.leading_describes), ".")
        )
    if best is not None:
        before = baseline if changed and baseline is not None else best
        said.append(_listing("Pipeline", _yaml(before), _yaml(best)))
        old, new = _prompts(before), _prompts(best)
        for name, text in new.items():
            said.append(_listing(f"Prompt of {name}", old.get(name, ""), text))
    return _section("The winner", *said, lead=words.winner(journey))


def _prompts(pipeline: Pipeline) -> dict[str, str]:
    """Prompts by the step they belong to."""
    return {
        f"{step.name}, {name}": str(step.settings[name])
        for step in pipeline.steps
        for name in PROMPTS
        if name in step.settings
    }


def _yaml(pipeline: Pipeline) -> str:
    """The pipeline as its file says it, prompts apart."""
    steps = [
        {s.name: {k: v for k, v in s.settings.items() if k not in PROMPTS}} for s in pipeline.steps
    ]
    data = {"model": pipeline.model, "steps": steps} if pipeline.model else {"steps": steps}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=80).rstrip()


def _listing(title: str, before: str, after: str) -> Html:
    """A text with its changes marked; as it is where nothing was changed."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return join([el("h3", title), el("pre", el("code", after), tabindex="0")])
    lines: list[Html] = []
    for line in difflib.ndiff(old, new):
        mark, text = line[:2], line[2:]
        if mark == "+ ":
            lines.append(el("ins", f"+ {text}"))
        elif mark == "- ":
            lines.append(el("del", f"- {text}"))
        elif mark == "  ":
            lines.append(el("span", f"  {text}"))
    title += " (changes against the baseline)"
    return join([el("h3", title), el("pre", el("code", *lines, class_="diff"), tabindex="0")])


# --- what it cost, what it assumes ------------------------------------------------------------


def _budget(journey: Journey) -> Html:
    rows: list[list[Child]] = [
        [name, used, limit, charts.bar(words.whole(share)) if share is not None else ""]
        for name, used, limit, share in words.spent_rows(journey.spent)
    ]
    run = journey.baseline_run
    used = f"A run of the baseline took {words.usage(run.usage)}." if run else ""
    return _section(
        "Budget",
        _table(["Of", "Spent", "Limit", "Share"], rows, "budget", "Spent of the budget"),
        el("p", used, class_="note") if used else None,
    )


ASSUMED = (
    "Every claim is about new examples like these: examples are taken as drawn at random from what "
    "the application will meet, and groups as independent of each other. Where a group holds more "
    "than one example, intervals are cluster-robust.",
    "Intervals of single figures hold at 95%. A step's interval on confirm holds at that step's "
    "own level, written beside it; the levels of all confirm decisions, over all journeys on the "
    "same confirm, sum to at most 5%. Differences on explore choose what to try and prove nothing.",
    "The chart adds up the differences of kept steps as they were measured on dev. Choosing the "
    "best makes such a sum flatter a little; the sealed test does not, and only it is the result.",
    "Outages are never scored. Invalid output and refusals score 0. An unknown price is shown as "
    "not known, never as free.",
)


def _small_print(journey: Journey, versions: Mapping[str, str]) -> Html:
    ran = ", ".join(f"{name} {version}" for name, version in versions.items())
    names = [f"Journey {journey.journey}", f"baseline {journey.baseline}", f"best {journey.best}"]
    if journey.leading:
        names.append(f"leading {journey.leading}")
    return el(
        "footer",
        el("h2", "What the verdicts assume"),
        el("ul", *(el("li", said) for said in ASSUMED)),
        el("p", "; ".join(names) + ".", class_="ids"),
        el("p", f"Made with {ran}."),
    )
