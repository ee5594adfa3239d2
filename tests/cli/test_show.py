"""What a person sees: the map, bars, progress."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from headway.cli import draw, progress, show
from headway.core.findings import Axes, Estimate
from headway.core.progress import Event


def printed(do: Any, *args: Any, width: int = 80, **more: Any) -> str:
    stream = io.StringIO()
    do(Console(file=stream, width=width, **more), *args)
    return stream.getvalue()


def test_the_point_stands_where_the_figures_say(made: ModuleType) -> None:
    lines = draw.the_map(made.diagnosis()).plain.splitlines()[1:]
    (y,) = [i for i, line in enumerate(lines) if "●" in line]
    x = lines[y].index("●") - len("   1 │")
    assert x == round(0.822 * (draw.WIDTH - 1))
    assert y == round((1 - 0.531) * (draw.HEIGHT - 1))
    arrow = [line.index("▲") for line in lines if "▲" in line]
    assert arrow == [lines[y].index("●")]
    assert all(name in "\n".join(lines) for name in ("context", "both", "prompt", "behaviour"))


def test_the_arrow_points_along_the_axis_that_holds_it_back(made: ModuleType) -> None:
    held = made.diagnosis(
        holds_back="behaviour",
        map=Axes(context=made.e(0.9, 0.85, 0.95), behaviour=made.e(0.4, 0.3, 0.5)),
    )
    drawn = draw.the_map(held).plain
    assert "▶" in drawn
    assert "▲" not in drawn


@pytest.mark.parametrize(
    ("context", "behaviour"),
    [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.5, 0.5)],
)
def test_points_at_the_rim_stay_inside(made: ModuleType, context: float, behaviour: float) -> None:
    for axis in ("context", "behaviour"):
        found = made.diagnosis(
            holds_back=axis,
            map=Axes(
                context=made.e(context, context - 0.2, context + 0.2),
                behaviour=made.e(behaviour, behaviour - 0.2, behaviour + 0.2),
            ),
        )
        lines = draw.the_map(found).plain.splitlines()
        assert sum(line.count("●") for line in lines) == 1
        assert {len(line) for line in lines[1:-3]} == {draw.WIDTH + 7}


def test_no_map_is_drawn_without_a_place(made: ModuleType) -> None:
    said = draw.the_map(made.diagnosis(map=Axes(), coverage=made.e(0.1, n=96))).plain
    assert "The map is not drawn" in said
    assert "┊" not in said
    only = draw.the_map(made.diagnosis(map=Axes(behaviour=made.e(0.6, 0.5, 0.7)))).plain
    assert only.startswith("behaviour  0 ")
    assert "Context" not in only  # said once, beside it


def test_bars_hold_their_width_whatever_the_figure() -> None:
    for mean, low, high in ((0.5, 0.3, 0.7), (-0.2, -0.3, 0.1), (1.4, 0.9, 2.0), (0.5, None, None)):
        assert len(draw.bar(Estimate(mean=mean, low=low, high=high), 24).plain) == 24
    assert draw.bar(Estimate(mean=0.5, low=0.25, high=0.75), 8).plain == "██▓▓░░··"
    assert set(draw.bar(None).plain) == {"·"}


@pytest.mark.parametrize("width", [80, 120])
def test_everything_fits(made: ModuleType, width: int) -> None:
    for do, *args in (
        (show.run, made.run()),
        (show.comparison, made.comparison()),
        (show.diagnosis, made.diagnosis(funnel={"with evidence": 90, "in the prompt": 49})),
        (show.journey, made.journey(), "handbook"),
        (show.plan, made.plan()),
        (show.check, made.check()),
    ):
        text = printed(do, *args, width=width)
        assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_the_way_of_the_evidence_is_drawn(made: ModuleType, width: int) -> None:
    lines = printed(show.diagnosis, made.diagnosis(), width=width).splitlines()
    bars = {
        name: next(line.count("█") for line in lines if line.startswith(name + " "))
        for name in made.FUNNEL
    }
    assert list(bars.values()) == sorted(bars.values(), reverse=True)
    assert bars["with evidence"] == 24
    assert bars["used"] == round(24 * 42 / 90)
    (found,) = [line for line in lines if line.startswith("found in 100")]
    assert "63" in found
    assert "-21" in found
    assert "Most is lost on the way to 'found in 100': 21 of 90." in lines


def test_what_was_at_fault_is_said_of_each_failure(made: ModuleType) -> None:
    text = printed(show.diagnosis, made.diagnosis(), width=120)
    assert "What was at fault" in text
    assert text.count("model at fault: the right passage was shown") == 2  # counted, and one shown
    assert "search at fault, answer faithful; not found" in text
    assert "ranked too low (rerank has it at place 7 and keeps 4)" in text
    assert "Failures to read, 3 of 5; --json has all" in text
    assert "context precision" in text
    assert "0.312 (0.250 to 0.380)" in text
    assert "evidence middle" in text
    assert "0.810 (0.710 to 0.890)" in text
    older = made.diagnosis(failures=(), funnel={}, positions={}, context_precision=None,
                           context_recall=None)  # fmt: skip
    said = printed(show.diagnosis, older)
    assert not any(w in said for w in ("at fault", "How far", "What the passages", "Where the"))


def test_figures_are_never_cut(made: ModuleType) -> None:
    text = printed(show.diagnosis, made.diagnosis())
    assert "0.078 (0.040 to 0.150)" in text
    assert "+0.386 (+0.280 to +0.490)" in text
    journey = printed(show.journey, made.journey(), "handbook")
    assert "✓ hybrid" in journey
    assert "✗ rerank" in journey
    assert "too slow: latency p95 is 3.1 s" in journey


def test_what_a_model_wrote_neither_styles_nor_steers_the_terminal(made: ModuleType) -> None:
    steps = made.steps()
    evil = steps[0].model_copy(
        update={"candidate": "[red]x[/red] \x1b[2J", "detail": "\x1b]0;t\x07"}
    )
    text = printed(show.journey, made.journey(steps=(evil,)), "t", force_terminal=True)
    assert "[red]x[/red]" in text
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text


def test_colour_only_on_a_terminal_that_wants_it(
    made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in printed(show.check, made.check())
    coloured = printed(show.check, made.check(), force_terminal=True, color_system="standard")
    assert "\x1b[32m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(show.check, made.check(), force_terminal=True, color_system="standard")
    assert "\x1b[32m" not in plain


# --- progress ---------------------------------------------------------------------------------


def test_plain_progress_is_at_most_a_line_every_five_seconds(made: ModuleType) -> None:
    stream, now = io.StringIO(), [0.0]
    tell = progress.Plain(Console(file=stream, width=80), clock=lambda: now[0])
    tell(Event("phase", "as it is"))
    for done in range(1, 101):
        now[0] += 0.125
        spent = {"calls": done, "limits": {"calls": 2000}}
        tell(Event("tick", done=done, total=100, eta_s=90.0, spent=spent))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3  # at 0, 5 and 10 s of 12.5
    assert lines[0] == "as it is"
    assert lines[1].startswith("as it is: ")
    assert "of 2,000 calls" in lines[1]
    assert "at most 1 min 30 s left" in lines[1]
    assert "\x1b" not in stream.getvalue()


def test_notices_and_steps_are_shown_at_once(made: ModuleType) -> None:
    stream = io.StringIO()
    tell = progress.Plain(Console(file=stream, width=200), clock=lambda: 1.0)
    tell(Event("phase", "hybrid"))
    tell(Event("notice", "read this"))
    tell(Event("step", "hybrid", data=made.steps()[0].model_dump(mode="json")))
    text = stream.getvalue()
    assert "note: read this" in text
    assert "✓ hybrid kept: Proven better on confirm" in text
    assert "(+0.141)" in text


def test_a_download_says_how_many_bytes() -> None:
    stream = io.StringIO()
    tell = progress.Plain(Console(file=stream, width=200), clock=lambda: 1.0)
    tell(Event("download", "model.gguf", done=2_500_000, total=1_200_000_000))
    assert stream.getvalue() == "model.gguf: 2 MB of 1.2 GB\n"


def test_live_progress_keeps_steps_above_its_line(made: ModuleType) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    with progress.shown(console) as tell:
        tell(Event("phase", "a very long phase " * 10))
        tell(Event("tick", done=1, total=4, spent={"calls": 3, "usd": 0.2}))
        tell(Event("answer", done=2, total=4, data={"example": object()}))
        tell(Event("step", "hyde", data=made.steps()[1].model_dump(mode="json")))
        tell(Event("notice", "read this"))
        tell(Event("download", "m", done=1, total=2))
    text = stream.getvalue()
    assert "✗ hyde dropped" in text
    assert "! read this" in text
