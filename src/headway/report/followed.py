"""How a score came about, in lines that a person can follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway.report.words import spaced

_MARKS = {"yes": "✓", "present": "✓", "no": "✗", "missing": "✗", "contradicted": "✗✗"}


def followed(notes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a metric found on its way to a score, as (line, style): each verdict on a line of its
    own with the reason for it, and whatever else it kept."""
    lines: list[tuple[str, str]] = []
    for name, value in notes.items():
        if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            for verdict in value:
                lines += _verdict(verdict)
        elif isinstance(value, dict) and all(isinstance(v, dict) for v in value.values()):
            for inner, found in value.items():
                lines += _verdict({"statement": inner, **found})
        else:
            lines.append((f"{spaced(name)}: {plain(value)}", "dim"))
    return lines


def _verdict(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    word = str(found.get("verdict", found.get("score", found.get("winner", ""))))
    what = str(found.get("statement") or found.get("document") or "")
    bad = word in ("no", "missing", "contradicted")
    lines = [(f"{_MARKS.get(word, '·')} {word}  {what}", "red" if bad else "")]
    reason = found.get("reason")
    return [*lines, (f"    {reason}", "dim")] if reason else lines


def plain(value: Any) -> str:
    """A value as it stands in a line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)
