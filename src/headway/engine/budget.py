"""One budget for a whole journey: calls, tokens, dollars, minutes. Checked before each call.

Only new calls are charged; what comes from the cache is free. What a journey spent is the sum of
the replies it paid for in the store, so a killed process knows its bill when it starts again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from headway.core.errors import BudgetEnded
from headway.core.findings import Spent


@dataclass(frozen=True)
class Limits:
    """The most that may be spent; None is no limit."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    minutes: float | None = None

    def to_dict(self) -> dict[str, float]:
        """Only the limits that there are."""
        return {k: v for k, v in vars(self).items() if v is not None}


class Budget:
    """Counts what is spent and stops before a call that would exceed a limit.

    `hold` keeps a part back (the sealed test's share): while it is set, limits are that much
    lower. Calls in flight are counted by an estimate until they settle.
    """

    def __init__(self, limits: Limits = Limits(), *, spent: Spent = Spent()) -> None:
        self.limits = limits
        self.calls, self.tokens, self.usd = spent.calls, spent.tokens, spent.usd
        self.new_calls = 0
        """Calls made by this process."""
        self._before_s = spent.minutes * 60
        self._start = time.monotonic()
        self._settled = asyncio.Event()
        self._flying_calls = 0
        self._flying_tokens = 0
        self.hold_calls = 0
        self.hold_tokens = 0
        self.hold_s = 0.0

    @property
    def seconds(self) -> float:
        """Wall time so far, over all processes that worked on this journey."""
        return self._before_s + time.monotonic() - self._start

    @property
    def seconds_left(self) -> float | None:
        """Wall time left before what is held back; None without a limit."""
        if self.limits.minutes is None:
            return None
        return self.limits.minutes * 60 - self.seconds - self.hold_s

    @property
    def calls_left(self) -> int | None:
        """About how many more calls the tightest limit allows, at what calls cost so far and
        without what is held back; None where nothing limits them, or nothing is known yet."""
        limits, made = self.limits, max(1, self.calls)
        room = [
            (limits.calls, self.calls + self.hold_calls, 1.0),
            (limits.tokens, self.tokens + self.hold_tokens, self.tokens / made),
            (limits.usd, self.usd or 0.0, (self.usd or 0.0) / made),
            (
                None if limits.minutes is None else limits.minutes * 60,
                self.seconds + self.hold_s,
                self.seconds / made if self.calls else 0.0,
            ),
        ]
        left = [(most - used) / each for most, used, each in room if most is not None and each]
        return max(0, int(min(left))) if left else None

    def ended(self, more: int = 0, *, flying: bool = True) -> str | None:
        """Which limit is reached, or would be passed by one call of so many tokens more, in
        words; else None. flying: whether calls on the way count, by their estimates."""
        limits = self.limits
        calls = self._flying_calls if flying else 0
        tokens = self._flying_tokens if flying else 0
        if limits.calls is not None and self.calls + calls >= limits.calls - self.hold_calls:
            return f"{limits.calls} calls{_less(self.hold_calls)}"
        if limits.tokens is not None and (
            self.tokens + tokens + max(1, more) > limits.tokens - self.hold_tokens
        ):
            return f"{limits.tokens:,} tokens{_less(self.hold_tokens)}"
        if limits.usd is not None and self.usd is not None:
            # A call's price is known after it; until then it is taken to cost what one cost so
            # far, and the first one alone goes ahead of all others.
            each = self.usd / self.calls if self.calls else limits.usd
            if self.usd + calls * each >= limits.usd:
                return f"${limits.usd:g}"
        left = self.seconds_left
        if left is not None and left <= 0:
            return f"{limits.minutes:g} minutes{_less(self.hold_s)}"
        return None

    async def reserve(self, tokens: int) -> None:
        """Before a call: waits while only the estimates of calls on the way stand against it.

        Raises BudgetEnded where the budget does not allow it.
        """
        while self.ended(tokens) is not None:
            reached = self.ended(tokens, flying=False)
            if reached is not None or not self._flying_calls:
                raise BudgetEnded(
                    f"the budget of {reached or self.ended(tokens)} has ended",
                    do="run the same command with --continue and a larger budget to go on",
                )
            self._settled.clear()
            await self._settled.wait()
        if self.limits.usd is not None and self.usd is None:
            raise BudgetEnded(
                "a dollar budget needs known prices, and this model's price is not known",
                do="write the model's price into prices.yaml, or use --calls or --tokens",
            )
        self._flying_calls += 1
        self._flying_tokens += tokens

    def settle(self, reserved: int, tokens: int | None, usd: float | None) -> None:
        """After a call; tokens None where it failed and cost nothing that we know of."""
        self._settled.set()
        self._flying_calls -= 1
        self._flying_tokens -= reserved
        if tokens is not None:
            self.calls += 1
            self.new_calls += 1
            self.tokens += tokens
            self.usd = None if self.usd is None or usd is None else self.usd + usd

    def spent(self) -> Spent:
        """What is spent, beside the limits."""
        return Spent(
            calls=self.calls,
            tokens=self.tokens,
            usd=self.usd,
            minutes=round(self.seconds / 60, 2),
            limits=self.limits.to_dict(),
        )


def _less(held: float) -> str:
    """What is told of a limit that is reached before it is spent."""
    return ", less the share of the sealed test," if held else ""
