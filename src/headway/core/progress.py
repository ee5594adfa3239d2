"""How long work tells what it is doing: events to one callback, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    kind: `phase` a new part of the work begins (text names it), `tick` one more example of it is
    done (done, total; text names what is counted, if not examples; data may hold a `loss`),
    `answer` a model's answer worth showing (data: question, answer, reference, score), `step` a
    journey's ledger grew (data: a JourneyStep as JSON), `notice` a sentence that must be read,
    `download` bytes (done, total, text names the file).
    eta_s: seconds left of the whole command as now planned, None where not known.
    spent: calls, tokens, usd, minutes so far, and limits where there are any.
    """

    kind: Literal["phase", "tick", "answer", "step", "notice", "download"]
    text: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    spent: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


Progress = Callable[[Event], None]


def silent(event: Event) -> None:
    """Shows nothing."""


class Notices:
    """Sentences that must reach the person, each once, shown at once and kept for the finding."""

    def __init__(self, progress: Progress = silent) -> None:
        self._progress = progress
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Say it, unless it was said."""
        if text not in self._texts:
            self._texts[text] = None
            self._progress(Event("notice", text))

    @property
    def texts(self) -> tuple[str, ...]:
        """All that was said, in order."""
        return tuple(self._texts)
