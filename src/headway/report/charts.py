"""The report's pictures as inline SVG: the map, bars with intervals, the score over the steps.

Colours come from the page's CSS by class, so that light, dark and print need no second picture.
Each picture has a title and says its figures in its text alternative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from headway.core.findings import Diagnosis, Estimate, Journey
from headway.report import words
from headway.report.markup import Html, el, join


def _picture(inside: Html, width: int, height: float, title: str, kind: str) -> Html:
    return el(
        "svg",
        el("title", title),
        inside,
        viewBox=f"0 0 {width} {height:g}",
        class_=kind,
        role="img",
        aria_label=title,
        xmlns="http://www.w3.org/2000/svg",
    )


def _text(x: float, y: float, said: str, class_: str = "t", anchor: str = "start") -> Html:
    return el("text", said, x=float(x), y=float(y), class_=class_, text_anchor=anchor)


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    return el("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


# --- the map ----------------------------------------------------------------------------------

SIDE, LEFT, TOP = 320, 58, 14  # the square, and the room for the words beside it


def map_picture(found: Diagnosis) -> Html:
    """The two axes with the application's place on them, its intervals, and the way to go."""
    context, behaviour = found.map.context, found.map.behaviour
    if behaviour is None or behaviour.mean is None:
        return el("p", words.place(found))
    if context is None or context.mean is None:
        return _behaviour_only(found, behaviour)

    def across(value: float) -> float:
        return LEFT + SIDE * min(1.0, max(0.0, value))

    def up(value: float) -> float:
        return TOP + SIDE * (1 - min(1.0, max(0.0, value)))

    x, y = across(behaviour.mean), up(context.mean)
    parts = [
        el("rect", x=LEFT, y=TOP, width=SIDE, height=SIDE, class_="plane"),
        el("rect", x=LEFT + SIDE // 2, y=TOP, width=SIDE // 2, height=SIDE // 2, class_="goal"),
        _line(across(0.5), up(0), across(0.5), up(1), "grid"),
        _line(across(0), up(0.5), across(1), up(0.5), "grid"),
        *(_text(across(at), up(0) + 16, f"{at:g}", "t", "middle") for at in (0, 0.5, 1)),
        *(_text(LEFT - 8, up(at) + 4, f"{at:g}", "t", "end") for at in (0, 0.5, 1)),
        _quadrant(across(0), up(1), "context", "retrieval"),
        _quadrant(across(0.5), up(1), "both", "all of it"),
        _quadrant(across(0), up(0) - 50, "prompt", "where all begin"),
        _quadrant(across(0.5), up(0) - 50, "behaviour", "prompting, tuning"),
        _text(LEFT + SIDE / 2, up(0) + 36, "behaviour: how it acts →", "axis-b", "middle"),
        el(
            "text",
            "context: what it knows →",
            class_="axis-c",
            text_anchor="middle",
            transform=f"translate(18 {TOP + SIDE / 2:g}) rotate(-90)",
        ),
        *_way(found, x, y),
    ]
    if behaviour.low is not None and behaviour.high is not None:
        parts.append(_line(across(behaviour.low), y, across(behaviour.high), y, "reach-b"))
    if context.low is not None and context.high is not None:
        parts.append(_line(x, up(context.low), x, up(context.high), "reach-c"))
    parts.append(el("circle", cx=x, cy=y, r=7, class_="here"))
    title = f"The map. {words.place(found)} {words.holds_back(found)}"
    return _picture(join(parts), LEFT + SIDE + 22, TOP + SIDE + 46, title, "map")


def _quadrant(x: float, y: float, name: str, means: str) -> Html:
    return join(
        [_text(x + 10, y + 22, name, "quadrant"), _text(x + 10, y + 38, means, "quadrant-means")]
    )


def _way(found: Diagnosis, x: float, y: float) -> list[Html]:
    """An arrow from the point along the axis that holds the application back."""
    if found.holds_back == "context" and y - TOP > 30:
        tip = max(TOP + 6, y - 78)
        return [
            _line(x, y, x, tip + 8, "way-c"),
            el("path", d=f"M{x - 6:.1f} {tip + 9:.1f}L{x:.1f} {tip:.1f}L{x + 6:.1f} {tip + 9:.1f}Z",
               class_="tip-c"),
        ]  # fmt: skip
    if found.holds_back == "behaviour" and LEFT + SIDE - x > 30:
        tip = min(LEFT + SIDE - 6, x + 78)
        return [
            _line(x, y, tip - 8, y, "way-b"),
            el("path", d=f"M{tip - 9:.1f} {y - 6:.1f}L{tip:.1f} {y:.1f}L{tip - 9:.1f} {y + 6:.1f}Z",
               class_="tip-b"),
        ]  # fmt: skip
    return []


def _behaviour_only(found: Diagnosis, behaviour: Estimate) -> Html:
    """The map where context does not apply: one axis."""
    parts = [
        _line(LEFT, 40, LEFT + SIDE, 40, "grid"),
        *(_text(LEFT + SIDE * at, 64, f"{at:g}", "t", "middle") for at in (0, 0.5, 1)),
        _text(LEFT + SIDE / 2, 84, "behaviour: how it acts →", "axis-b", "middle"),
        el("circle", cx=LEFT + SIDE * (behaviour.mean or 0.0), cy=40, r=7, class_="here"),
    ]
    if behaviour.low is not None and behaviour.high is not None:
        ends = LEFT + SIDE * behaviour.low, LEFT + SIDE * behaviour.high
        parts.insert(-1, _line(ends[0], 40, ends[1], 40, "reach-b"))
    return _picture(join(parts), LEFT + SIDE + 22, 96, f"The map. {words.place(found)}", "map")


# --- bars -------------------------------------------------------------------------------------


def bar(estimate: Estimate | None, kind: str = "plain", top: float = 1.0) -> Html:
    """One bar from 0 with its interval as a whisker; empty where there is no figure.

    It stands beside the figure in words, so a screen reader passes it over.
    """
    if estimate is None or estimate.mean is None:
        return Html("")

    def across(value: float) -> float:
        return 200 * min(1.0, max(0.0, value / (top or 1.0)))

    parts = [
        el("rect", x=0, y=3, width=200, height=12, class_="bar-room"),
        el("rect", x=0, y=3, width=across(estimate.mean), height=12, class_=f"bar-{kind}"),
    ]
    if estimate.low is not None and estimate.high is not None:
        low, high = across(estimate.low), across(estimate.high)
        parts += [
            _line(low, 9, high, 9, "whisker"),
            _line(low, 5, low, 13, "whisker"),
            _line(high, 5, high, 13, "whisker"),
        ]
    return el(
        "svg",
        join(parts),
        viewBox="-2 0 204 18",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
        xmlns="http://www.w3.org/2000/svg",
    )


# --- the score over the steps -----------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """One row of the chart: a measured score, or a word on why there is none."""

    name: str
    mean: float | None
    low: float | None
    high: float | None
    kind: str  # start, kept, dropped, test
    note: str = ""


def stops(journey: Journey) -> list[Stop]:
    """Baseline, then each step at what it was held against plus its difference."""
    run = journey.baseline_run
    start = run.metrics.get(journey.metric) if run else None
    if start is None or start.mean is None:
        return []
    rows = [Stop("baseline", start.mean, start.low, start.high, "start")]
    incumbent = proven = start.mean
    for step in journey.steps:
        if step.difference is None:
            note = words.REASONS.get(step.reason, words.spaced(step.reason))
            rows.append(Stop(step.technique, None, None, None, step.decision, note))
            continue
        beside = proven if step.beside == "proven" else incumbent
        low = None if step.low is None else beside + step.low
        high = None if step.high is None else beside + step.high
        mean = beside + step.difference
        rows.append(Stop(step.technique, mean, low, high, step.decision))
        if step.decision == "kept":
            incumbent = mean
            proven = mean if step.beside == "incumbent" else proven
    return rows


ROW, NAMES, PLOT = 30, 140, 330


def steps_picture(journey: Journey) -> Html:
    """The incumbent's score as a staircase down the ledger; the sealed test below it."""
    rows = stops(journey)
    if not rows:
        return Html("")
    tests: list[Stop] = []
    if journey.test is not None:
        for name, e in (("baseline", journey.test.baseline), ("best", journey.test.best)):
            tests.append(Stop(name, e.mean, e.low, e.high, "test"))
    low, high, ticks = _scale([*rows, *tests])

    def across(value: float) -> float:
        return NAMES + PLOT * (min(high, max(low, value)) - low) / (high - low)

    top = 34.0
    foot = top + ROW * len(rows)
    bottom = foot + (26 + ROW * len(tests) if tests else 0)
    parts = [_line(across(t), 22, across(t), bottom, "grid") for t in ticks]
    parts += [_text(across(t), 14, f"{t:g}", "t", "middle") for t in ticks]
    parts.append(el("path", d=_staircase(rows, top, across), class_="stair"))
    parts += [_row(stop, top + ROW * i + ROW / 2, across) for i, stop in enumerate(rows)]
    if tests:
        parts.append(_line(0, foot + 6, NAMES + PLOT, foot + 6, "grid"))
        parts.append(_text(0, foot + 23, "sealed test", "t"))
        parts += [_row(stop, foot + 26 + ROW * i + ROW / 2, across) for i, stop in enumerate(tests)]
    said = "; ".join(
        f"{s.name} {words.number(s.mean)} {s.kind if s.kind in ('kept', 'dropped') else ''}".strip()
        for s in rows
    )
    title = f"{journey.metric} over the steps: {said}"
    return _picture(join(parts), NAMES + PLOT + 20, bottom + 6, title, "steps")


def _scale(rows: Sequence[Stop]) -> tuple[float, float, list[float]]:
    """Ends and ticks that hold all points and most of their intervals, on round numbers."""
    values = [v for row in rows for v in (row.mean, row.low, row.high) if v is not None]
    span = max(values) - min(values) or 0.1
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10**9) if span / s <= 7)
    low, high = floor(min(values) / step) * step, ceil(max(values) / step) * step
    if high <= low:
        high = low + step
    ticks = [round(low + step * i, 6) for i in range(round((high - low) / step) + 1)]
    return low, high, ticks


def _staircase(rows: Sequence[Stop], top: float, across: Callable[[float], float]) -> str:
    path, y = "", top
    for i, row in enumerate(rows):
        if row.mean is None or row.kind == "dropped":
            continue
        middle, x = top + ROW * i + ROW / 2, across(row.mean)
        path += f"M{x:.1f} {middle:.1f}" if not path else f"V{middle:.1f}H{x:.1f}"
        y = middle
    return path + f"V{max(y, top + ROW * len(rows)):.1f}"


def _row(stop: Stop, y: float, across: Callable[[float], float]) -> Html:
    mark = {"kept": "✓", "dropped": "✗"}.get(stop.kind, "")
    name = stop.name if len(stop.name) <= 18 else stop.name[:17] + "…"
    parts = [
        _text(2, y + 5, mark, f"mark-{stop.kind}"),
        _text(18 if mark else 2, y + 5, name, f"name-{stop.kind}"),
    ]
    if stop.mean is None:
        parts.append(_text(NAMES + 4, y + 5, f"not measured: {stop.note}", "t over"))
        return join(parts)
    if stop.low is not None and stop.high is not None:
        parts.append(_line(across(stop.low), y, across(stop.high), y, f"reach-{stop.kind}"))
    parts.append(el("circle", cx=across(stop.mean), cy=y, r=5.5, class_=f"dot-{stop.kind}"))
    return join(parts)
