"""Which kinds of questions fail more than the rest, corrected for how many were looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ._numbers import (
    Index,
    Vector,
    check_share,
    group_index,
    hypergeometric_cdf,
    is_binary,
    renumber,
    sums_by_group,
    to_vector,
)
from .estimates import estimate
from .pairs import sign_flip

Labels = Sequence[str | Sequence[str] | None]
Members = npt.NDArray[np.bool_]

DRAWS = 20_000  # permutations: p reaches 1/20001, enough for Holm over some hundred kinds
SMALLEST = 5  # kinds with fewer examples are shown but not tested, so they cost the others nothing
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Kind:
    """One kind of question: `value` of the label `by`, with its mean on `n` examples.

    `p` is one-sided (worse than the rest) and corrected; None where not tested. `worse` says that
    it is at most alpha.
    """

    by: str
    value: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    worse: bool
    p: float | None = None

    def to_dict(self) -> dict[str, float | int | str | bool | None]:
        return asdict(self)


def worse_kinds(
    values: Sequence[float | None],
    kinds: Mapping[str, Labels] | Labels,
    groups: Sequence[str | None] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    *,
    level: float = 0.95,
) -> list[Kind]:
    """Every kind against the rest, worst first.

    Args:
        values: scores, higher is better, shape (n,); None is skipped.
        kinds: labels of each example by what they are (`{"tag": [...], "database": [...]}`); an
            entry is a label, several labels, or None. A bare list is taken as `{"tag": list}`.
        groups: related examples, as in `estimate`.
        alpha: chance that *any* kind is wrongly called worse, whichever others truly are (strong
            control), over everything in this one call.
        seed: of permutations and bootstraps.
        level: of each kind's own interval, which is not corrected.

    Test of one kind: its labels are dealt out anew to the groups. Single examples with 0/1 scores:
    the hypergeometric tail (Fisher's exact test, one-sided); otherwise sampled permutations, with
    whole groups dealt where every group lies wholly inside or outside of the kind. Where groups are
    split by a kind: sign flips of the groups' score contributions (Hemerik, Goeman and Finos 2020),
    which need the kind in several groups to find anything (about log2(1 / p)). Holm (1979)
    corrects over all kinds tested.

    Assumes that under the null a group's scores and labels are unrelated; kinds that differ in
    spread but not in mean are close enough to it in practice. Kinds with fewer than 5 examples,
    inside or outside, are listed untested.

    Raises:
        ValueError: lengths differ, alpha outside (0, 1), NaN or infinity.
    """
    check_share(alpha, "alpha")
    x = to_vector(values, "values")
    by_name: Mapping[str, Labels] = kinds if isinstance(kinds, Mapping) else {"tag": kinds}
    names, rows = _members(by_name, len(x))
    index = group_index(groups, len(x))
    used = ~np.isnan(x)
    x, inside, (index, count) = x[used], rows[:, used], renumber(index[used])
    sizes = inside.sum(axis=1)
    tested = [i for i, s in enumerate(sizes) if min(s, len(x) - s) >= SMALLEST]
    raw = _p_values(x, inside[tested], index, count, seed)
    corrected = dict(zip(tested, holm(raw), strict=True))
    found = []
    for i, (by, value) in enumerate(names):
        if not sizes[i]:
            continue
        members = np.flatnonzero(inside[i])
        own = estimate(x[members].tolist(), [str(g) for g in index[members]], level, seed)
        p = corrected.get(i)
        worse = p is not None and p <= alpha
        found.append(Kind(by, value, own.n, own.mean, own.low, own.high, worse, p))
    return sorted(found, key=lambda k: (1.0 if k.p is None else k.p, k.mean or 0.0, k.by, k.value))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that those <= alpha are wrong with probability <= alpha (Holm 1979)."""
    out = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        out[i] = largest
    return out


def _members(kinds: Mapping[str, Labels], n: int) -> tuple[list[tuple[str, str]], Members]:
    """Every (by, value) in order of appearance, and who belongs to it: shape (K, n)."""
    rows: dict[tuple[str, str], Members] = {}
    for by, labels in kinds.items():
        if len(labels) != n:
            raise ValueError(f"kind `{by}` has {len(labels)} labels for {n} values; give one each")
        for i, entry in enumerate(labels):
            for value in () if entry is None else (entry,) if isinstance(entry, str) else entry:
                rows.setdefault((by, value), np.zeros(n, dtype=bool))[i] = True
    return list(rows), np.array(list(rows.values()), dtype=bool).reshape(len(rows), n)


def _p_values(
    x: Vector,
    inside: Members,
    index: Index,
    count: int,
    seed: int,
) -> list[float]:
    if not len(inside):
        return []
    if count == len(x) and is_binary(x):
        right = int(x.sum())
        return [
            hypergeometric_cdf(int(x[row].sum()), int(row.sum()), right, len(x)) for row in inside
        ]
    sizes = np.bincount(index)
    share = np.array([sums_by_group(row.astype(np.float64), index) / sizes for row in inside])
    whole = ((share == 0.0) | (share == 1.0)).all(axis=1)
    away = x - x.mean()
    out = np.ones(len(inside))
    if whole.any():
        out[whole] = _permuted(sums_by_group(away, index), share[whole], seed)
    for i in np.flatnonzero(~whole):
        member = inside[i].astype(np.float64)
        contributions = sums_by_group((member - member.mean()) * away, index)
        out[i] = sign_flip(contributions, "less", seed)[0]
    return [float(p) for p in out]


def _permuted(sums: Vector, member: Vector, seed: int) -> Vector:
    """Chance that a kind's sum is as low when kinds are dealt to groups anew; shape (K,)."""
    seen = member @ sums + 1e-9 * np.abs(sums).sum()
    rng = np.random.default_rng(seed)
    rows, hits = max(1, _CHUNK // len(sums)), np.zeros(len(member))
    for start in range(0, DRAWS, rows):
        dealt = np.tile(sums, (min(rows, DRAWS - start), 1))
        rng.permuted(dealt, axis=1, out=dealt)
        hits += (dealt @ member.T <= seen).sum(axis=0)
    return np.asarray((1 + hits) / (1 + DRAWS), dtype=np.float64)
