"""A task's databases: the one place that runs a task's or a model's SQL."""

from __future__ import annotations

from collections.abc import Mapping

from headway.core.protocols import Database
from headway.core.task import Task
from headway.databases.sqlite import SQLiteDatabase

FOLDER = "databases"


def open_databases(task: Task) -> Mapping[str, Database]:
    """The databases in the task's folder `databases/`, by name. Raises InputError."""
    files = sorted((task.folder / FOLDER).glob("*.sqlite"))
    return {file.stem: SQLiteDatabase(file) for file in files}


__all__ = ["SQLiteDatabase", "open_databases"]
