"""Documents that were parsed before: one small file each, by what the document's bytes hash to.

A kept file begins with the hash of the rest, so a damaged one is seen, and parsed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson

from headway.core.files import in_full
from headway.knowledge.readers.parsed import Closed, Parsed, Unreadable


def kept(cache: Path, file: Path, version: str, parse: Callable[[Path], Parsed]) -> Parsed:
    """What `parse(file)` gives, from the cache where it is there; why it could not is kept too.

    version: of all that reads. Raises as `parse` does. A cache that cannot be written is none.
    """
    place = cache / f"{_hash(file, version)}.json"
    found = _load(place)
    if found is None:
        try:
            found = parse(file)
        except Closed:
            raise
        except Unreadable as reason:
            found = str(reason)
        _save(place, found)
    if isinstance(found, str):
        raise Unreadable(found)
    return found


def _hash(file: Path, version: str) -> str:
    total = hashlib.sha256(version.encode() + b"\0")
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    except OSError as error:
        raise Closed(f"it cannot be opened ({error.strerror})") from None
    return total.hexdigest()


def _load(place: Path) -> Parsed | str | None:
    try:
        data = place.read_bytes()
        if data[:64].decode() != hashlib.sha256(data[64:]).hexdigest():
            return None
        found = orjson.loads(data[64:])
        if "unreadable" in found:
            return str(found["unreadable"])
        return Parsed(
            found["title"],
            found["text"],
            found["metadata"],
            tuple((at, level, heading) for at, level, heading in found["headings"]),
            tuple(found["pages"]),
            tuple(found["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(place: Path, found: Parsed | str) -> None:
    data = orjson.dumps({"unreadable": found} if isinstance(found, str) else asdict(found))
    with suppress(OSError), in_full(place) as draft:
        draft.write_bytes(hashlib.sha256(data).hexdigest().encode() + data)
