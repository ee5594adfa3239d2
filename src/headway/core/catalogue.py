"""Families of exchangeable parts: a literal table `name -> "module:Class"`, loaded on use.

A new part is one file and one line in its family's table. Packages from outside join by the
entry point group `headway.<family>` and are found by the same lookup.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from headway.core.errors import InputError


def did_you_mean(name: str, known: list[str]) -> str:
    """`valid:` text for a name that is not known: the near ones first, then all."""
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    listed = ", ".join(sorted(known))
    return f"did you mean {' or '.join(near)}? All: {listed}" if near else listed


@dataclass(frozen=True)
class Family:
    """A table of parts of one kind; `kind` is singular, as it reads in a message."""

    kind: str
    table: Mapping[str, str]

    @property
    def group(self) -> str:
        """Entry point group by which outside packages join."""
        return f"headway.{self.kind}s"

    def names(self) -> list[str]:
        """All known names, ours first, in the table's order."""
        outside = [point.name for point in entry_points(group=self.group)]
        return [*self.table, *(name for name in outside if name not in self.table)]

    def load(self, name: str, where: str | None = None) -> Any:
        """The object behind `name`. Raises InputError for a name that is not known."""
        if name in self.table:
            module, _, attribute = self.table[name].partition(":")
            return getattr(import_module(module), attribute)
        for point in entry_points(group=self.group):
            if point.name == name:
                return point.load()
        raise InputError(
            f"unknown {self.kind} {name!r}", where=where, valid=did_you_mean(name, self.names())
        )

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for name in self.names():
            yield name, self.load(name)
