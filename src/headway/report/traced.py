"""What each step of a pipeline did on the way to an answer, in lines that a person can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headway.report.followed import plain
from headway.report.words import spaced

LONGEST = 300  # characters of one value; --json has all
LISTED = 20  # values of one list


def traced(trace: Sequence[Mapping[str, Any]], answer: str | None) -> list[tuple[str, str]]:
    """A record's trace as (line, style): each step's name, then what it kept, a value on a line.
    Nothing where there is one reply, and the answer is all of it."""
    if len(trace) == 1 and str(trace[0].get("text", "")).strip() == (answer or "").strip():
        return []
    lines: list[tuple[str, str]] = []
    for entry in trace:
        lines.append((str(entry.get("step", "step")), "bold"))
        for name, value in entry.items():
            if name != "step" and value not in ("", [], {}, None):
                lines += _told(spaced(name), value)
    return lines


def _told(name: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, list | tuple):
        return [(f"  {name}: {_short(value)}", "dim")]
    shown = [(f"    · {_short(v)}", "dim") for v in value[:LISTED]]
    more = [(f"    {len(value) - LISTED} more", "dim")] if value[LISTED:] else []
    return [(f"  {name}:", "dim"), *shown, *more]


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        said: list[str] = []
        for name, inner in value.items():
            # An action stands in what was said already.
            if (told := plain(inner)) and not any(told in before for before in said):
                said.append(f"{spaced(name)}: {told}")
        value = "; ".join(said)
    text = "none" if value is None else " ".join(plain(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
