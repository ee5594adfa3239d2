"""Files that are there in full or not at all, and what their bytes are called."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_full(out: Path) -> Iterator[Path]:
    """Where to write the file that is to stand at `out`. It is put there when the block ends
    without an error; until then, and after a kill, `out` is what it was. Two processes may write
    the same file at once: the last one's stands. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as box:
        place = Path(box) / out.name
        yield place
        os.replace(place, out)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
