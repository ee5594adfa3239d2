"""One training at a time in a job's folder: two would write over each other's checkpoints.

A lock that the process which trains inherits and so holds as long as it lives, even where what
started it was killed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headway.core.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nobody hears of the other
    fcntl = None  # type: ignore[assignment]

LOCK = "training.lock"
STILL_S = 10.0  # seconds to wait for one that an earlier run left behind


@asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[tuple[int, ...]]:
    """Hold the folder; the descriptors are those that the process is to inherit (`pass_fds`).
    Raises InputError where another training is still running there."""
    if fcntl is None:
        yield ()
        return
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        until = time.monotonic() + STILL_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise _running(folder) from None
                await asyncio.sleep(0.1)
        os.truncate(lock, 0)  # of who held it before
        yield (lock,)
    finally:
        os.close(lock)


def led_by(folder: Path, group: int) -> None:
    """Write down, for who comes second, the process group that holds the folder."""
    (folder / LOCK).write_text(str(group))


def _running(folder: Path) -> InputError:
    group = (folder / LOCK).read_text().strip()
    return InputError(
        "this training is still running" + (f" (process group {group})" if group else ""),
        where=str(folder), do="wait for it" + (f", or kill -- -{group}" if group else ""),
    )  # fmt: skip
