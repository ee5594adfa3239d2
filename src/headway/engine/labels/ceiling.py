"""How many references are wrong, and the score that a perfect system would then reach.

By people's verdicts where there are enough: the share of fixes among the reviewed of the queue,
carried over to those of it that nobody has ruled on, and the same outside the queue. The two parts
are joined by the method of variance estimates recovery (Zou and Donner, 2008, "Construction of
confidence limits about effect measures: a general approach"), from Wilson's interval of each.
Assumed: within each part the reviewed are like the others. Whoever reviews the most doubtful first
sees more wrong ones than are left, and the ceiling is then too low rather than too high.

Without verdicts by the suspects: if each of them is wrong. Nobody knows how many are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headway.core.findings import Estimate, LabelNoise
from headway.engine import statistics as stats

LEAST = 10  # verdicts in a part below which they say too little of it


def noise_of(
    examples: Collection[str], queue: Collection[str], agreed: Collection[str],
    wrong: Mapping[str, bool],
) -> LabelNoise | None:  # fmt: skip
    """What the noise among these examples implies; None without examples.

    queue: examples in doubt, those ruled on included. agreed: suspects by the rule. wrong: by
    example that a person ruled on, whether the reference was wrong; it is right now.
    """
    total = len(examples)
    if not total:
        return None
    inside = [e for e in examples if e in queue]
    ruled_in = [wrong[e] for e in inside if e in wrong]
    ruled_out = [wrong[e] for e in examples if e not in queue and e in wrong]
    open_in, open_out = len(inside) - len(ruled_in), total - len(inside) - len(ruled_out)
    suspects = sum(e in agreed and e not in wrong for e in examples)
    facts = {"n": total, "in_doubt": open_in, "suspects": suspects,
             "reviewed": len(ruled_in) + len(ruled_out)}  # fmt: skip
    if len(ruled_in) < LEAST and not (facts["reviewed"] and not open_in):
        found = stats.estimate([float(n < suspects) for n in range(total)])
        return LabelNoise(**facts, basis="suspects", share=_shown(found, total),
                          ceiling=_turned(found, total))  # fmt: skip
    parts = [(open_in, ruled_in)]
    if len(ruled_out) >= LEAST:
        parts.append((open_out, ruled_out))
    share, low, high = _joined(parts, total)
    found = stats.Estimate(share, low, high, total)
    return LabelNoise(**facts, basis="verdicts", outside=len(ruled_out) >= LEAST,
                      share=_shown(found, total), ceiling=_turned(found, total))  # fmt: skip


def _joined(parts: list[tuple[int, list[bool]]], total: int) -> tuple[float, float, float]:
    """(share, low, high) of wrong ones among all that nobody ruled on."""
    share = below = above = 0.0
    for many, ruled in parts:
        if not many:
            continue
        part, weight = stats.estimate([float(r) for r in ruled]), many / total
        if part.mean is None or part.low is None or part.high is None:
            continue
        share += weight * part.mean
        below += (weight * (part.mean - part.low)) ** 2
        above += (weight * (part.high - part.mean)) ** 2
    return share, max(0.0, share - below**0.5), min(1.0, share + above**0.5)


def _shown(found: stats.Estimate, total: int) -> Estimate:
    return Estimate(mean=found.mean, low=found.low, high=found.high, n=total)


def _turned(found: stats.Estimate, total: int) -> Estimate:
    """The ceiling: of each end, 1 minus the noise."""

    def top(value: float | None) -> float | None:
        return None if value is None else stats.score_ceiling(value)

    return Estimate(mean=top(found.mean), low=top(found.high), high=top(found.low), n=total)
