"""How far a budget reaches: how many examples to diagnose, to race on, to confirm on, to test on.

The one dial is the budget; everything else is derived from it and from the measured cost of one
example, and a share for the sealed test is kept back from the start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, inf
from typing import Any

from headway.core.task import Example, Task, fraction
from headway.engine.budget import Limits

EXPLORE_SHARE = 0.4  # of dev's groups; the rest is confirm
DIAGNOSED = 60


def cut_dev(task: Task) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """dev, cut once by group into explore and confirm; stable when examples are added."""
    explore: list[Example] = []
    confirm: list[Example] = []
    for example in task.split("dev"):
        at = fraction(f"explore:{task.spec.splits.seed}:{example.cluster}")
        (explore if at < EXPLORE_SHARE else confirm).append(example)
    return tuple(explore), tuple(confirm)


@dataclass(frozen=True)
class Sizes:
    """Numbers of examples; `rounds` are the sizes of a race, growing; `looks` those of confirm."""

    diagnose: int
    rounds: tuple[int, ...]
    looks: tuple[int, ...]
    test: int
    seconds_each: float = 0.0
    tokens_each: float = 0.0
    calls_each: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the journey's state."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Sizes:
        """Back from plain data."""
        return cls(**{**data, "rounds": tuple(data["rounds"]), "looks": tuple(data["looks"])})


def affordable(
    limits: Limits,
    seconds_each: float,
    tokens_each: float,
    usd_each: float | None,
    seconds_used: float = 0.0,
) -> float:
    """How many examples through the pipeline the whole budget pays for; inf without limits."""
    reach = inf
    if limits.calls is not None:
        reach = min(reach, limits.calls)
    if limits.tokens is not None and tokens_each:
        reach = min(reach, limits.tokens / tokens_each)
    if limits.usd is not None and usd_each:
        reach = min(reach, limits.usd / usd_each)
    if limits.minutes is not None and seconds_each:
        reach = min(reach, max(0.0, limits.minutes * 60 - seconds_used) / seconds_each)
    return reach


def sizes(
    reach: float, explore: int, confirm: int, test: int, seconds_each: float, tokens_each: float,
    calls_each: float = 1.0,
) -> Sizes:  # fmt: skip
    """Shares of what the budget reaches: about a fifth diagnosis, a fifth test, the rest for
    racing and confirming; never more than there is, never less than says anything."""

    def part(share: float, least: int, there_is: int, most: int = 10**9) -> int:
        wanted = most if reach == inf else max(least, int(share * reach))
        return min(there_is, wanted, most)

    # Not under 36: the map takes 30 with evidence.
    diagnosed = part(0.12, 36, explore, DIAGNOSED)
    raced = part(0.08, 24, explore, 96)
    confirmed = part(0.14, 40, confirm)
    tested = part(0.11, 40, test)
    rounds = tuple(sorted({min(raced, max(8, raced // 4)), min(raced, max(8, raced // 2)), raced}))
    looks = tuple(sorted({ceil(confirmed / 3), ceil(2 * confirmed / 3), confirmed} - {0}))
    return Sizes(diagnosed, rounds, looks, tested, seconds_each, tokens_each, calls_each)
