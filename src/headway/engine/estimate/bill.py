"""Costs with the ends they may have, and costs added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, hypot, log
from statistics import fmean

from headway.core.findings import Estimate, Plan


@dataclass(frozen=True)
class Range:
    """A guess with the ends it may have."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def about(cls, mean: float, below: float = 1.0, above: float = 1.0) -> Range:
        """`mean`, from `below` times it to `above` times it."""
        return cls(mean, mean * below, mean * above)

    def __add__(self, other: Range) -> Range:
        return Range(self.mean + other.mean, self.low + other.low, self.high + other.high)

    def __mul__(self, other: Range | float) -> Range:
        """The product of two that do not hang together, so that their worst seldom meet: the ends
        lie as far off, in proportion, as the root of the squares of both."""
        if not isinstance(other, Range):
            return Range(self.mean * other, self.low * other, self.high * other)
        mean = self.mean * other.mean
        low, high = self.low * other.low, self.high * other.high
        if mean > 0 and low > 0:
            low = mean * exp(-hypot(self._off(-1), other._off(-1)))
        if mean > 0:
            high = mean * exp(hypot(self._off(1), other._off(1)))
        return Range(mean, low, high)

    def most(self, limit: float | None) -> Range:
        """No end beyond a limit; None is none."""
        if limit is None:
            return self
        return Range(min(self.mean, limit), min(self.low, limit), min(self.high, limit))

    def _off(self, side: int) -> float:
        """How far an end lies from the mean, as a logarithm."""
        return log(self.high / self.mean) if side > 0 else log(self.mean / self.low)


@dataclass(frozen=True)
class Each:
    """What one example costs. tokens and usd None: not known. n: records it was measured on."""

    calls: Range
    tokens: Range | None
    usd: Range | None
    seconds: Range
    n: int = 0

    def __add__(self, other: Each) -> Each:
        """Both for one example; n as measured here, since what is added is the smaller part."""
        return Each(
            self.calls + other.calls,
            _both(self.tokens, other.tokens),
            _both(self.usd, other.usd),
            self.seconds + other.seconds,
            self.n,
        )


@dataclass
class Bill:
    """Costs added up, with the sentences that say what they assume."""

    calls: Range = Range()
    tokens: Range | None = Range()
    usd: Range | None = Range()
    seconds: Range = Range()
    n: int | None = None
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, each: Each, passes: Range) -> None:
        """So many examples at this price; no example costs nothing, whatever its price."""
        if not passes.high:
            return
        self.calls += each.calls * passes
        self.seconds += each.seconds * passes
        self.tokens = _sum(self.tokens, each.tokens, passes)
        self.usd = _sum(self.usd, each.usd, passes)
        self.n = each.n if self.n is None else min(self.n, each.n)

    def note(self, text: str) -> None:
        """Say it once."""
        self.notes[text] = None

    def cap(self, dear: float, usual: float, cheap: float) -> None:
        """Keep these shares of the work, where an example turns out dear, as thought, or cheap."""

        def kept(value: Range) -> Range:
            mean = value.mean * usual
            high = min(value.high, value.mean * cheap)
            return Range(mean, min(mean, value.low, value.mean * dear), max(mean, high))

        self.calls, self.seconds = kept(self.calls), kept(self.seconds)
        self.tokens = kept(self.tokens) if self.tokens else self.tokens
        self.usd = kept(self.usd) if self.usd else self.usd

    def to_plan(self, command: str) -> Plan:
        """As a finding; n is how many measured examples the guess rests on, 0 for none."""

        def told(value: Range | None, digits: int) -> Estimate:
            if value is None:
                return Estimate(n=self.n or 0)
            mean, low, high = (round(x, digits) for x in (value.mean, value.low, value.high))
            return Estimate(mean=mean, low=low, high=high, n=self.n or 0)

        minutes = self.seconds * Range(1 / 60, 1 / 60, 1 / 60)
        return Plan(
            command=command, calls=told(self.calls, 0), tokens=told(self.tokens, 0),
            usd=told(self.usd, 4), minutes=told(minutes, 2), notes=tuple(self.notes),
        )  # fmt: skip


def _both(one: Range | None, other: Range | None) -> Range | None:
    return None if one is None or other is None else one + other


def _sum(total: Range | None, each: Range | None, passes: Range) -> Range | None:
    return None if total is None or each is None else total + each * passes


def mean_of(value: Range) -> float:
    return value.mean


def low_of(value: Range) -> float:
    return value.low


def high_of(value: Range) -> float:
    return value.high


def ends(value: Range) -> tuple[float, float, float]:
    return value.mean, value.low, value.high


def average(prices: Sequence[Each]) -> Each:
    """The mean of several candidates' prices, with the widest ends."""

    def mean(values: Sequence[Range | None]) -> Range | None:
        known = [v for v in values if v is not None]
        if len(known) < len(values):
            return None
        low, high = min(v.low for v in known), max(v.high for v in known)
        return Range(fmean(v.mean for v in known), low, high)

    return Each(
        mean([p.calls for p in prices]) or Range(),
        mean([p.tokens for p in prices]),
        mean([p.usd for p in prices]),
        mean([p.seconds for p in prices]) or Range(),
        min(p.n for p in prices),
    )


def raced(candidates: int, rounds: Sequence[int]) -> Range:
    """Examples that a race takes: half fall out each round, or all after the first. A second
    turn, after something was kept, can double it."""
    passes, alive = candidates * rounds[0], candidates
    low = passes
    for before, now in pairwise(rounds):
        alive = (alive + 1) // 2
        passes += alive * (now - before)
    return Range((low + passes) / 2 * 1.25, low, 2 * passes)
