"""Pictures made of characters: the map and bars with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from headway.core.findings import Diagnosis, Estimate
from headway.report import words

WIDTH, HEIGHT = 49, 17  # of the plane in characters; odd, so that its middle is a cell
HEIGHTS = "▁▂▃▄▅▆▇█"


def bar(estimate: Estimate | None, width: int = 24, top: float = 1.0, style: str = "cyan") -> Text:
    """`██████▓▓░░····`: solid up to the interval, dark up to the mean, light up to its end."""
    if estimate is None or estimate.mean is None:
        return Text("·" * width, style="dim")

    def cells(value: float | None, otherwise: int) -> int:
        if value is None:
            return otherwise
        return round(width * min(1.0, max(0.0, value / (top or 1.0))))

    middle = cells(estimate.mean, 0)
    low, high = min(middle, cells(estimate.low, middle)), max(middle, cells(estimate.high, middle))
    drawn = Text("█" * low + "▓" * (middle - low) + "░" * (high - middle), style=style)
    return drawn.append("·" * (width - high), style="dim")


class _Plane:
    """A grid of characters, each with a style."""

    def __init__(self) -> None:
        self.cells = [[(" ", "")] * WIDTH for _ in range(HEIGHT)]

    def put(self, x: int, y: int, text: str, style: str = "") -> None:
        for i, character in enumerate(text):
            if 0 <= x + i < WIDTH and 0 <= y < HEIGHT:
                self.cells[y][x + i] = (character, style)


def line(values: Sequence[float]) -> str:
    """A curve a character high, from its least value to its greatest."""
    low, high = min(values), max(values)
    steps = len(HEIGHTS) - 1
    return "".join(HEIGHTS[round((v - low) / (high - low or 1.0) * steps)] for v in values)


def _column(value: float) -> int:
    return round((WIDTH - 1) * min(1.0, max(0.0, value)))


def _line(value: float) -> int:
    return round((HEIGHT - 1) * (1 - min(1.0, max(0.0, value))))


def the_map(found: Diagnosis) -> Text:
    """The two axes as a plane with the application's place on it; 60 columns wide."""
    context, behaviour = found.map.context, found.map.behaviour
    if behaviour is None or behaviour.mean is None:
        return Text(words.place(found), style="yellow")
    if context is None or context.mean is None:
        line = bar(behaviour, WIDTH, style="yellow")
        return Text("behaviour  0 ").append(line).append(" 1")
    plane = _Plane()
    for y in range(HEIGHT):
        plane.put(_column(0.5), y, "┊", "dim")
    plane.put(0, _line(0.5), "┈" * WIDTH, "dim")
    for x, y, name, means in (
        (1, 0, "context", "retrieval"),
        (_column(0.5) + 2, 0, "both", "all of it"),
        (1, HEIGHT - 2, "prompt", "where all begin"),
        (_column(0.5) + 2, HEIGHT - 2, "behaviour", "prompting, tuning"),
    ):
        plane.put(x, y, name, "bold")
        plane.put(x, y + 1, means, "dim")
    _mark(plane, found, context, behaviour)
    return _framed(plane)


def _mark(plane: _Plane, found: Diagnosis, context: Estimate, behaviour: Estimate) -> None:
    """The point, its intervals, and an arrow along the axis that holds it back."""
    x, y = _column(behaviour.mean or 0.0), _line(context.mean or 0.0)
    if behaviour.low is not None and behaviour.high is not None:
        left, right = _column(behaviour.low), _column(behaviour.high)
        plane.put(left, y, "─" * (right - left + 1), "yellow")
    top = y
    if context.low is not None and context.high is not None:
        top = _line(context.high)
        for at in range(top, _line(context.low) + 1):
            plane.put(x, at, "│", "cyan")
    if found.holds_back == "context" and top > 0:
        plane.put(x, top - 1, "▲", "bold cyan")
    if found.holds_back == "behaviour":
        end = _column(behaviour.high if behaviour.high is not None else behaviour.mean or 0.0)
        plane.put(end + 1, y, "▶", "bold yellow")
    plane.put(x, y, "●", "bold")


def _framed(plane: _Plane) -> Text:
    drawn = Text("context: what it knows\n", style="cyan")
    for y, row in enumerate(plane.cells):
        label = {0: "1", HEIGHT // 2: "0.5", HEIGHT - 1: "0"}.get(y, "")
        drawn.append(f"{label:>4} │", style="dim")
        for character, style in row:
            drawn.append(character, style=style)
        drawn.append("│\n", style="dim")
    drawn.append("     └" + "─" * WIDTH + "┘\n", style="dim")
    middle = WIDTH // 2
    drawn.append("      0" + "0.5".center(2 * middle - 1) + "1\n", style="dim")
    return drawn.append("      " + "behaviour: how it acts".center(WIDTH), style="yellow")
