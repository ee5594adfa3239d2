"""Where an index is built: beside its place and renamed into it, under a lock.

A kill leaves nothing half-built under the final name, and of two processes that want the same
index one waits and then finds it there.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: both may build, and the second to finish drops its own
    fcntl = None  # type: ignore[assignment]

KEEP = 32  # indexes of a kind kept on disk: a journey over many cuts must not fill it
_REMOVED = ".removed-"
_PASSING = re.compile(r"\.(building|removed)-")


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Hold a lock between processes; the system lets go of it when its holder dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR)
    try:
        if fcntl is not None:
            # Polled rather than waited for in a thread: a cancelled wait must not keep a thread.
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


async def build_once(place: Path, build: Callable[[Path], Awaitable[None]]) -> None:
    """Make the folder `place` by `build(temporary folder)`, unless it is there already."""
    if _there(place):
        return
    async with locked(place.with_name(place.name + ".lock")):
        if _there(place):
            return
        prefix = f"{place.name}.building-"
        _sweep(place.parent, prefix)
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
        try:
            await build(temporary)
            _move(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    tidy(place.parent, place.name.split("-")[0] + "-*")


def used(place: Path) -> None:
    """Mark a kept folder or file as used now."""
    with suppress(OSError):
        os.utime(place)


def tidy(folder: Path, pattern: str, keep: int = KEEP) -> None:
    """Remove what matches the pattern but for the `keep` that were used last.

    Whoever has a removed one open notices at its next search and makes it again: what is kept
    here can always be made again.
    """
    if fcntl is not None:
        for left in folder.glob(f"*{_REMOVED}*"):
            _remove(left)  # a kill while removing
    kept: list[tuple[float, Path]] = []
    for path in folder.glob(pattern):
        if not path.name.endswith((".lock", ".tmp")) and not _PASSING.search(path.name):
            with suppress(OSError):
                kept.append((path.stat().st_mtime, path))
    kept.sort(key=lambda item: (-item[0], item[1].name))
    for _, path in kept[keep:]:
        gone = path.with_name(f"{path.name}{_REMOVED}{os.getpid()}")
        with suppress(OSError):
            # Renamed first, so that nobody opens half of it.
            path.rename(gone)
            _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _there(place: Path) -> bool:
    return place.is_dir()


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what a killed process left: no other builds this index, as we hold its lock."""
    if fcntl is not None:
        for left in folder.glob(prefix + "*"):
            shutil.rmtree(left, ignore_errors=True)


def _move(temporary: Path, place: Path) -> None:
    try:
        temporary.rename(place)
    except OSError:
        if not place.is_dir():  # else another was quicker, with the same content
            raise
