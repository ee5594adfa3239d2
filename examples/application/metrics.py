"""A measure of one's own. task.yaml names it: python:metrics.py:to_the_point."""

from __future__ import annotations

from typing import Any


def to_the_point(example: dict[str, Any], record: dict[str, Any]) -> float | None:
    """1 for the answer alone, 0.5 where it stands among other words, 0 where it is not there.

    None, where there is nothing to judge by, stays out of the mean; it is not a zero.
    """
    wanted = example["reference"]
    if not wanted:
        return None
    said = (record["answer"] or "").strip(" .").casefold()
    if said == wanted.casefold():
        return 1.0
    return 0.5 if wanted.casefold() in said else 0.0
