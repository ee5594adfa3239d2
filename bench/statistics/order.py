"""In which order examples should be taken where they come in groups: level and power of confirm.

    python bench/statistics/order.py [--quick]

Hours on one thread: 0.2; --quick is 0.02. Rows are kept in order.jsonl beside this file, so the
same command goes on where it was stopped; ORDER.md is written at the end.

A candidate's differences are drawn, and proven or not in three planned looks, as `engine.confirm`
asks them (`statistics.paired` by group, one-sided; `statistics.boundaries`). Three orders: whole
groups one after the other; turns among groups (one of each, then a second of each); and a random
order of examples, which is what Headway takes. Level: how often something is proven whose mean
difference over examples is zero. Power: the same where it is half a standard deviation, at half the
level.

Two shapes of 145 examples: 29 groups of 5; and 5 groups of 10 to 30 beside 20 of 3, where in some
rows what is gained on small groups is lost on large ones, so that the mean over examples is zero
and the mean over groups is not. `alike` is the correlation of two differences in one group.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from headway.engine import statistics as stats

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

Order = Literal["groups", "turns", "examples"]
ORDERS: tuple[Order, ...] = ("groups", "turns", "examples")
SHAPES = {"even": [5] * 29, "uneven": [30, 20, 15, 10, 10] + [3] * 20}
LOOKS = {"41 of 145": (14, 28, 41), "all 145": (48, 96, 145)}
LEVEL, GAIN, RUNS, QUICK = 0.05, 0.5, 1000, 50


def placed(groups: np.ndarray, order: Order, rng: np.random.Generator) -> np.ndarray:
    """The numbers of examples in the order in which they are taken."""
    lot = rng.permutation(groups.max() + 1)
    if order == "examples":
        return rng.permutation(len(groups))
    if order == "groups":
        return np.argsort(lot[groups], kind="stable")
    turn = np.concatenate([np.arange(size) for size in np.bincount(groups)])
    return np.lexsort((lot[groups], turn))


def proven(
    sizes: Sequence[int], looks: Sequence[int], order: Order, alike: float, by_size: float,
    gain: float, level: float, rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether one drawn candidate is proven in the looks."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    small = np.asarray(sizes) <= np.median(sizes)
    tilt = np.where(small, by_size, -by_size)
    tilt = tilt - (tilt * sizes).sum() / len(groups) + rng.normal(0, alike**0.5, len(sizes))
    x = gain + tilt[groups] + rng.normal(0, (1 - alike) ** 0.5, len(groups))
    taken = placed(groups, order, rng)
    x, names = x[taken], [str(g) for g in groups[taken]]
    limits = stats.boundaries(level, [n / looks[-1] for n in looks])
    for n, limit in zip(looks, limits, strict=True):
        p = stats.paired([0.0] * n, list(x[:n]), names[:n], alternative="greater").p
        if p is not None and p <= limit:
            return True
    return False


def measure(kept: Kept, runs: int) -> None:
    """All rows that are not there yet."""
    for shape, sizes in SHAPES.items():
        for said, looks in LOOKS.items():
            for alike in (0.0, 0.5, 0.9):
                for by_size in (0.0, 1.0) if shape == "uneven" else (0.0,):
                    for order in ORDERS:
                        key = f"{shape}|{said}|{alike}|{by_size}|{order}|{runs}"
                        if key in kept.rows:
                            continue
                        rng = np.random.default_rng(7)
                        level, power = (
                            sum(
                                proven(sizes, looks, order, alike, by_size, gain, at, rng)
                                for _ in range(runs)
                            ) / runs
                            for gain, at in ((0.0, LEVEL), (GAIN, LEVEL / 2))
                        )  # fmt: skip
                        kept.put(key, {"level": level, "power": power})
                        print(f"  {key}: level {level:.3f}, power {power:.2f}", flush=True)


def page(kept: Kept, runs: int) -> str:
    """The table."""
    error = 2 * (LEVEL * (1 - LEVEL) / runs) ** 0.5
    said = [
        "# In which order examples are taken\n",
        f"Written by `python bench/statistics/order.py`: {runs:,} drawn candidates a figure, three"
        f" looks, at level {LEVEL:g}. A level is known to ±{error:.3f}, a power to"
        f" ±{(1 / runs) ** 0.5:.2f}. Level / power by order:\n",
        "| groups | looks at | alike | small gain, large lose | whole groups | turns | random |",
        "|---|---|---|---|---|---|---|",
    ]
    for shape, sizes in SHAPES.items():
        what = "29 of 5" if shape == "even" else f"5 of {sizes[4]} to {sizes[0]}, 20 of 3"
        for seen in LOOKS:
            for alike in (0.0, 0.5, 0.9):
                for by_size in (0.0, 1.0) if shape == "uneven" else (0.0,):
                    keys = [f"{shape}|{seen}|{alike}|{by_size}|{order}|{runs}" for order in ORDERS]
                    cells = [
                        f"{kept.rows[key]['level']:.3f} / {kept.rows[key]['power']:.2f}"
                        for key in keys
                    ]
                    tilted = "yes" if by_size else "no"
                    said.append(f"| {what} | {seen} | {alike} | {tilted} | {' | '.join(cells)} |")
    return "\n".join(said) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} candidates a figure")
    given = parser.parse_args()
    runs = QUICK if given.quick else RUNS
    print(f"hours: about {0.02 if given.quick else 0.2} on one thread", flush=True)
    kept = Kept(HERE / "order.jsonl")
    measure(kept, runs)
    text = page(kept, runs)
    if not given.quick:
        (HERE / "ORDER.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
