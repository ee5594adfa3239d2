"""What calls cost: a dated file of the user's, since prices change and no list of ours would.

    # prices.yaml in the task folder, or the file that HEADWAY_PRICES names
    openai/gpt-4.1-mini: {prompt: 0.40, completion: 1.60, date: 2026-10-01}
    house/*: {prompt: 0, completion: 0, date: 2026-10-01}
    openai/text-embedding-3-small: {prompt: 0.02, completion: 0, date: 2026-10-01}
    cohere/rerank-v3.5: {prompt: 0, completion: 0, calls: 2.00, date: 2026-10-01}

Prices are USD for a million tokens; `calls`, where calls are billed too, USD for a thousand of
them. Embedding and re-ranking models read only: their tokens are prompt tokens. A name may hold
`*`; the first line that fits counts, a name without `*` before all others. A model that no line
fits has an unknown price: None, never 0. Models in this process cost 0.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError
from headway.core.task import read_yaml

OLD_DAYS = 90
FILE = "prices.yaml"
VARIABLE = "HEADWAY_PRICES"
FREE = ("embedded/", "scripted/")
FORM = "MODEL: {prompt: 0.40, completion: 1.60, date: 2026-10-01}   (USD for a million tokens)"


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million prompt tokens, for a million completion tokens, and for a thousand calls,
    as of a date.

    The date is None for models that cost nothing since they run in this process.
    """

    prompt: float
    completion: float
    date: date | None
    calls: float = 0.0

    def cost(self, prompt_tokens: int, completion_tokens: int, calls: int = 1) -> float:
        """USD of so many calls, one if not said, with these tokens in all."""
        tokens = (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1e6
        return tokens + self.calls * calls / 1e3


@dataclass(frozen=True)
class Prices:
    """Prices by model name or pattern, in the file's order."""

    by_name: Mapping[str, Price] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def load(cls, folder: Path | None = None) -> Prices:
        """The file that HEADWAY_PRICES names, else the folder's prices.yaml, else no prices.

        Raises InputError for a file that cannot be used, or that is named and not there.
        """
        named = os.environ.get(VARIABLE, "").strip()
        file = Path(named).expanduser() if named else (folder or Path()) / FILE
        if not file.is_file():
            if named:
                raise InputError(
                    f"{VARIABLE} names a file that is not there", where=str(file), valid=FORM
                )
            return cls()
        data = read_yaml(file)
        if data is None:
            return cls({}, file)
        if not isinstance(data, dict):
            raise InputError(
                f"expected prices by model name, found {type(data).__name__}",
                where=str(file),
                valid=FORM,
            )
        return cls({str(name): _price(str(name), row, file) for name, row in data.items()}, file)

    def of(self, name: str) -> Price | None:
        """The price of a model; None where it is not known."""
        if name.startswith(FREE):
            return Price(0.0, 0.0, None)
        if name in self.by_name:
            return self.by_name[name]
        fits = (price for pattern, price in self.by_name.items() if fnmatchcase(name, pattern))
        return next(fits, None)

    def cost(self, name: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """USD of one call; None where the price is not known."""
        price = self.of(name)
        return None if price is None else price.cost(prompt_tokens, completion_tokens)

    def notices(self, names: list[str], today: date | None = None) -> list[str]:
        """A sentence for each of these models whose price is not known or older than 90 days."""
        said = []
        today = today or datetime.now().astimezone().date()
        for name in names:
            price = self.of(name)
            if price is None:
                said.append(
                    f"the price of {name} is not known, so its cost is not counted; add it to"
                    f" {self.file or FILE}:  {FORM.replace('MODEL', name)}"
                )
            elif price.date is not None and (today - price.date).days > OLD_DAYS:
                said.append(
                    f"the price of {name} in {self.file} is of {price.date.isoformat()},"
                    f" {(today - price.date).days} days old; check it"
                )
        return said


def _price(name: str, row: Any, file: Path) -> Price:
    where = f"{file}, {name}"
    if not isinstance(row, dict):
        raise InputError(f"not a price: {row!r}", where=where, valid=FORM)
    needed = ["prompt", "completion", "date"]
    known = [*needed, "calls"]
    unknown = [str(key) for key in row if key not in known]
    if unknown:
        raise InputError(
            f"unknown field {unknown[0]!r}", where=where, valid=did_you_mean(unknown[0], known)
        )
    missing = [key for key in needed if row.get(key) is None]
    if missing:
        raise InputError(f"{missing[0]} is missing", where=where, valid=FORM)
    amounts = []
    for key in ("prompt", "completion", "calls"):
        value = row.get(key, 0.0)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            unit = "thousand calls" if key == "calls" else "million tokens"
            raise InputError(
                f"{key} is {value!r}", where=where, valid=f"USD for a {unit}, 0 or more"
            )
        amounts.append(float(value))
    when = row["date"]
    if isinstance(when, str):
        with contextlib.suppress(ValueError):
            when = date.fromisoformat(when)
    if isinstance(when, datetime) or not isinstance(when, date):
        raise InputError(
            f"date is {row['date']!r}", where=where, valid="the day of the price: 2026-10-01"
        )
    return Price(amounts[0], amounts[1], when, amounts[2])
