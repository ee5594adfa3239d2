"""The levels of a journey: what each question to confirm may cost.

A journey asks confirm a sequence of questions, "is this candidate proven better?", and hears only
`kept` or `not`. What it asks next may depend on everything heard so far, so candidates are not
fixed in advance and no correction by their number is possible. But a candidate can depend on
confirm *only through the answers*: given the explore data and the dice of the proposers, the
question after a history of answers h is fixed before confirm is looked at. There is one question
for each h, hence a tree of questions, all fixed in advance, of which a journey walks one path.

If the question after h is tested at level(h), and the levels of the whole infinite tree sum to
`total`, then by the union bound the chance that any question anywhere in the tree is falsely
answered `kept` is at most `total`; the walked path is part of the tree. So the chance that a
journey, of whatever length and cunning, ever keeps something not better is at most `total`. This is
the compression argument of the Ladder (Blum and Hardt 2015; Dwork et al. 2015), with testing in
place of estimating.

Assumed: only the answers leave confirm (no scores, no look at its examples, no count of calls or
time that tells more); every answer comes from a test valid at its level; confirm is a sample, by
group, of the examples the claim is about; and a history, once begun on a confirm set, goes on
across journeys on that set.

The shape. Levels follow a prior over journeys, which need not be true for the guarantee, only
helpful for power. Answers are `kept` with a Beta(1, 5) rate: a keep in six at first, rarer after
every `not` (Polya's urn), so all C(i, k) histories of i answers with k keeps share

    P(i, k) = 5 k! (i - k + 4)! / (i + 5)!                        sum over the histories of i: 1

and the length of the journey is worth u(i) = 6 / ((i + 6)(i + 7)), which telescopes to 1 and falls
only like 1 / i^2. A level is total * u(i) * P(i, k); w(i, k) = C(i, k) u(i) P(i, k) sums to 1.

With total = 0.05:

    asked   kept 0   kept 1   kept 2   kept 3   kept 4
        0   7.1e-3
        1   4.5e-3   8.9e-4
        2   3.0e-3   5.0e-4   2.0e-4
        5   1.1e-3   1.3e-4   3.2e-5   1.4e-5   9.0e-6
       10   3.7e-4   2.6e-5   4.0e-6   1.0e-6   3.7e-7
       20   8.5e-5   3.6e-6   3.1e-7   4.2e-8   8.0e-9

`recycle=True` is a sharper use of the same union bound. A level counts only where the candidate is
*not* better (only there can an answer be false), and after a false keep the error has happened:
what is spent below it adds nothing. A question whose candidate is not better thus needs the level
of itself and of the branch `not`; a better one, of the branches `kept` and `not`. So the branch
`kept` may reuse the level of its question in full, and level(h) = total * P(history h, then kept)
is safe for any prior P. (Proof by induction from the leaves: the chance of a false keep in the tree
below h is at most total * P(h).) Levels then sum to `total` along the path of nots, not over the
tree, and are 1.2 times as large at the first question, 4 after twenty nots, 4 to 14 after two keeps
(lower table). Fewer questions, better chosen, help more than either scheme.

    asked   kept 0   kept 1   kept 2   kept 3   kept 4
        0   8.3e-3
        1   6.0e-3   2.4e-3
        2   4.5e-3   1.5e-3   8.9e-4
        5   2.3e-3   5.1e-4   1.9e-4   1.1e-4   9.0e-5
       10   1.0e-3   1.5e-4   3.4e-5   1.1e-5   5.2e-6
       20   3.8e-4   3.2e-5   4.2e-6   7.6e-7   1.8e-7
"""

from __future__ import annotations

from math import exp, lgamma, log

_NOTS = 5  # of the Beta(1, 5) prior: nots expected for each keep before anything is heard
_SHAPE = 6  # of u(i): the level of the first question is total / (_SHAPE + 1)


def level(history: str, total: float = 0.05, *, recycle: bool = False) -> float:
    """The level of the question that follows `history`.

    Args:
        history: the answers heard so far on this confirm set, oldest first: `k` for kept, `n` for
            not. The empty string asks for the first question's level.
        total: the chance that a journey may ever keep something that is not better.
        recycle: the sharper scheme of the module's text; decide once for a confirm set.

    Returns:
        A level > 0; it depends on `history` only through its length and its number of keeps.

    Raises:
        ValueError: a letter other than k and n, or a total outside (0, 1).
    """
    if history.strip("kn"):
        raise ValueError(f"`history` is written with k and n only, got {history!r}")
    if not 0.0 < total < 1.0:
        raise ValueError(f"`total` must lie strictly between 0 and 1, got {total!r}")
    asked, kept = len(history), history.count("k")
    if recycle:
        return total * _prior(asked + 1, kept + 1)
    return total * _SHAPE / ((asked + _SHAPE) * (asked + _SHAPE + 1)) * _prior(asked, kept)


def spent(history: str, total: float = 0.05, *, recycle: bool = False) -> float:
    """Sum of the levels of the questions already asked on the way through `history`."""
    return sum(level(history[:i], total, recycle=recycle) for i in range(len(history)))


def _prior(asked: int, kept: int) -> float:
    """Probability of one history of `asked` answers with `kept` keeps, under Beta(1, 5)."""
    nots = asked - kept
    return exp(log(_NOTS) + lgamma(kept + 1) + lgamma(nots + _NOTS) - lgamma(asked + _NOTS + 1))
