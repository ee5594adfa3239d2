"""What people have, made into a task folder: known formats, their own tables, or nothing yet."""

from __future__ import annotations

from headway.intake.contents import Contents, Options
from headway.intake.importers import IMPORTERS, bring_in, detect
from headway.intake.logs import read_masked
from headway.intake.scaffold import init
from headway.intake.writing import Summary

__all__ = [
    "IMPORTERS", "Contents", "Options", "Summary", "bring_in", "detect", "init", "read_masked",
]  # fmt: skip
