"""Rows that a bench has measured: one JSON line each, in a file that is committed beside its table.

So a bench goes on where it was stopped, on another machine too, and two of its parts can be
measured side by side. A later line of the same key replaces an earlier one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Kept:
    """`rows` by key, as they were when last read; `put` appends one and reads the others' anew."""

    def __init__(self, file: Path, fresh: bool = False) -> None:
        self.file = file
        if fresh:
            self.file.unlink(missing_ok=True)
        self.rows: dict[str, Any] = {}
        self._read()

    def _read(self) -> None:
        if self.file.is_file():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["key"]] = row["value"]

    def put(self, key: str, value: Any) -> None:
        """Keep one row: a single write, so that lines of two processes never mix."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"key": key, "value": value}, ensure_ascii=False) + "\n")
        self._read()
