"""Public packs and their tasks: where the data lie, rows in and out, groups in the wanted split.

The packs lie outside the repository: HEADWAY_DATA, else ../shared/data beside the checkout.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headway.core.task import Shares, Split, fraction

DATA = Path(
    os.environ.get("HEADWAY_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
)


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL file, gzipped or not."""
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            if line.strip():
                yield json.loads(line)


def write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as a JSONL file."""
    with file.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def placed(name: str, split: Split, shares: Shares) -> str:
    """A group's name that begins with `name` and that falls into `split`, so that a pack's own
    train and test parts stay apart."""
    low = {"train": 0.0, "dev": shares.train, "test": shares.train + shares.dev}[split]
    high = low + getattr(shares, split)
    number = 0
    while not low <= fraction(f"{shares.seed}:{name} {number}") < high:
        number += 1
    return f"{name} {number}"
