"""Checkpoints that a kill at any moment leaves whole.

A folder is written under a temporary name, forced to the disk and then renamed, so a folder under
its own name is complete. Only the newest is kept.

The bytes are made in memory first and written by plain writes: a full disk is then an OSError
that says so, where torch's and safetensors' own writers raise errors of their own kinds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

STATE = "state.json"
_NAME = "checkpoint-"
_UNFINISHED = ".unfinished"


@dataclass
class Progress:
    """How far a training has come. digest: of the job and its data. step, epoch: done so far.
    position: steps done in the epoch under way. epochs: what was told of finished ones. nats,
    written: loss and reply tokens of the epoch under way. first, last: losses, to see a training
    diverge by. start: what was told at the start."""

    digest: str
    step: int = 0
    epoch: int = 0
    position: int = 0
    tokens: int = 0
    seconds: float = 0.0
    nats: float = 0.0
    written: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    start: dict[str, Any] = field(default_factory=dict)

    def dumped(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Progress:
        return cls(**orjson.loads((folder / STATE).read_bytes()))


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is either complete or not there; one that is there is replaced."""
    draft = folder.with_name(folder.name + _UNFINISHED)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, data in files.items():
        with (draft / name).open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    _remove(folder)
    draft.rename(folder)


def _remove(folder: Path) -> None:
    """Under another name first: half a folder never bears a whole one's name."""
    if folder.exists():
        gone = folder.with_name(folder.name + ".removed" + _UNFINISHED)
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def keep(folder: Path, progress: Progress, files: Mapping[str, bytes]) -> Path:
    """Write the checkpoint of this step below `folder`, then remove the ones before it."""
    made = folder / f"{_NAME}{progress.step:08d}"
    write_folder(made, {**files, STATE: progress.dumped()})
    for other in _all(folder):
        if other != made:
            _remove(other)
    return made


def newest(folder: Path) -> Path | None:
    """The last whole checkpoint below `folder`."""
    return max(_all(folder), default=None)


def clear(folder: Path) -> None:
    """Remove every checkpoint below `folder`, and what a kill left unfinished."""
    for other in _all(folder):
        _remove(other)
    for draft in folder.glob("*" + _UNFINISHED):
        shutil.rmtree(draft, ignore_errors=True)


def _all(folder: Path) -> list[Path]:
    return [at for at in folder.glob(_NAME + "*") if at.suffix != _UNFINISHED]
