"""Progress on stderr: a live line on a terminal, plain lines now and then elsewhere.

stdout belongs to the result; nothing here ever writes to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from headway.core.findings import JourneyStep, Spent
from headway.core.progress import Event
from headway.core.progress import Progress as Callback
from headway.report import words

EVERY_S = 5.0  # between two plain lines


@contextmanager
def shown(console: Console, label: str = "") -> Iterator[Callback]:
    """A callback that shows events on this console, for as long as the block lasts.

    label: what stands there until a phase has a name.
    """
    if console.is_terminal:
        with _Live(console, label) as live:
            yield live
    else:
        yield Plain(console, label)


class _Live:
    """One moving line: what is being done, how far, what is spent, how long yet.

    Notices and decided steps are printed above it, and stay.
    """

    def __init__(self, console: Console, label: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            transient=True,
            expand=False,
        )
        self._task = self._bar.add_task(label, total=None, note="")
        self._console = console
        self._fresh = True  # whether the next answer is the first of its phase

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        if event.kind == "notice":
            self._console.print(Text(f"! {words.visible(event.text)}", style="yellow"))
        elif event.kind == "step":
            self._console.print(decided(event))
        elif event.kind == "phase":
            room = max(20, self._console.width - 56)
            text = event.text if len(event.text) <= room else event.text[: room - 1] + "…"
            self._bar.reset(self._task, total=None, description=text, note=_note(event))
            self._fresh = True
        else:
            if event.kind == "answer" and self._fresh:
                self._fresh = False
                self._console.print(answered(event))
            self._bar.update(
                self._task, completed=event.done, total=event.total or None, note=_note(event)
            )


class Plain:
    """Lines for a log: notices and decided steps at once, the rest at most every few seconds."""

    def __init__(
        self,
        console: Console,
        label: str = "",
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._every_s, self._clock = console, every_s, clock
        self._phase, self._last, self._fresh = label, -every_s, True

    def __call__(self, event: Event) -> None:
        """Show one event, or pass over it."""
        if event.kind == "notice":
            return self._say(f"note: {event.text}")
        if event.kind == "step":
            return self._say(decided(event).plain)
        if event.kind == "answer" and self._fresh:
            self._fresh = False
            return self._say(answered(event).plain)
        if event.kind == "phase":
            self._fresh = True
        if event.kind in ("phase", "download"):
            self._phase = event.text
        now = self._clock()
        if now - self._last < self._every_s:
            return None
        self._last = now
        return self._say(": ".join(filter(None, (self._phase, _note(event)))))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _note(event: Event) -> str:
    """How far, what is spent and left, how long yet."""
    said = []
    if event.kind == "download":
        of = f" of {words.size(event.total)}" if event.total else ""
        return f"{words.size(event.done)}{of}"
    if event.total:
        said.append(f"{event.done:,} of {event.total:,} {event.text or 'examples'}")
    if "loss" in event.data:
        said.append(f"loss {event.data['loss']:.3f}")
    said += spent_and_left(event.spent)
    if event.eta_s is not None:
        said.append(f"at most {words.duration(event.eta_s)} left")
    return " · ".join(said)


def spent_and_left(spent: Mapping[str, Any]) -> list[str]:
    """`120 of 2,000 calls`, and money where any was spent or limited."""
    if not spent:
        return []
    known = Spent.model_validate({k: v for k, v in spent.items() if k in Spent.model_fields})
    limits = known.limits
    calls = (
        f"{known.calls:,} of {limits['calls']:,.0f}" if "calls" in limits else f"{known.calls:,}"
    )
    said = [f"{calls} calls"]
    if known.usd or "usd" in limits:
        of = f" of {words.money(limits['usd'])}" if "usd" in limits else ""
        said.append(f"{words.money(known.usd)}{of}")
    return said


def answered(event: Event) -> Text:
    """The first answer of a phase, beside what was wanted: so that a person sees it work."""

    def cut(value: object, most: int) -> str:
        text = words.visible(" ".join(str(value or "").split()))
        return text if len(text) <= most else text[: most - 1] + "…"

    data = event.data
    line = Text("  ", style="dim")
    line.append(cut(data.get("question"), 90), style="italic dim")
    line.append(" → ", style="dim")
    why = cut(data.get("why"), 60)
    line.append(cut(data.get("answer"), 70) or (f"(nothing: {why})" if why else "(nothing)"))
    if data.get("reference") is not None:
        line.append(f"  (wanted: {cut(data['reference'], 40)})", style="dim")
    return line


def decided(event: Event) -> Text:
    """A step of the ledger as one line."""
    step = JourneyStep.model_validate(dict(event.data))
    kept = step.decision == "kept"
    line = Text("✓ " if kept else "✗ ", style="green" if kept else "dim")
    line.append(step.technique, style="bold" if kept else "")
    line.append(
        f" {step.decision}: {words.visible(words.step_reason(step))}", style="" if kept else "dim"
    )
    if step.difference is not None:
        line.append(f" ({words.number(step.difference, signed=True)})", style="dim")
    return line
