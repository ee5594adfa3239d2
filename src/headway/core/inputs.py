"""Files of an example: named in `inputs.files`, relative to the task folder, shown before the
question.

What a data file names is data: never a path outside the task folder, through a link either, and
nothing hidden (keys lie in `.env`). What stands in a file is data as well: it is shown between
marks that it cannot close.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

VALID = '{"files": ["folder/name.pdf"]}: names of files in the task folder'


@dataclass(frozen=True, slots=True)
class File:
    """A file of an example, read whole."""

    name: str
    text: str


def names_of(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in `inputs.files`; one text is one name; what is no text is passed over."""
    files = inputs.get("files")
    many = [files] if isinstance(files, str) else files
    return tuple(f for f in many if isinstance(f, str)) if isinstance(many, list) else ()


def problem(inputs: Mapping[str, Any], folder: Path) -> str:
    """What is wrong with `inputs.files`, and where; empty where nothing is."""
    files = inputs.get("files")
    if files is None:
        return ""
    many = [files] if isinstance(files, str) else files
    if not isinstance(many, list) or not all(isinstance(f, str) for f in many):
        return f"files is {files!r:.60}, not a list of names"
    for name in many:
        try:
            located(name, folder)
        except ValueError as error:
            return str(error)
    return ""


def located(name: str, folder: Path) -> Path:
    """The file of that name in a task folder. Raises ValueError, in words, for one that is not
    there or that may not be read."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise ValueError(f"the file {name!r} is named by a path that may leave the task folder")
    if not name.strip() or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    try:
        home = folder.resolve()
        found = (home / path).resolve()
        inside = found.relative_to(home)
        there = found.is_file()
    except ValueError:
        raise ValueError(f"the file {name!r} is a link that leaves the task folder") from None
    except (OSError, RuntimeError):
        raise ValueError(f"the file {name!r} cannot be opened") from None
    if any(part.startswith(".") for part in (*path.parts, *inside.parts)):
        raise ValueError(f"the file {name!r} is hidden, and hidden files are not shown")
    if not there:
        raise ValueError(f"there is no file {name!r} in the task folder")
    return found


def contents_digest(names: Sequence[str], folder: Path) -> list[str]:
    """A hash of what each file holds; of one that cannot be read, of that."""
    found = []
    for name in names:
        try:
            found.append(hashlib.sha256(located(name, folder).read_bytes()).hexdigest())
        except (ValueError, OSError) as error:
            found.append(f"unreadable: {type(error).__name__}")
    return found


# --- showing --------------------------------------------------------------------------------------

_MARK = re.compile(r"<(/?)(file)(?=[\s>/])", re.IGNORECASE)


def laid_out(files: Sequence[File], most: int) -> str:
    """Files as the model sees them: each with its name, between marks; of at most so many
    characters together, and what is cut off is said."""
    rooms = _rooms([len(file.text) for file in files], most)
    return "\n\n".join(_laid(file, room) for file, room in zip(files, rooms, strict=True))


def _laid(file: File, room: int) -> str:
    text, name = file.text.strip(), " ".join(file.name.split()).replace('"', "'")
    if len(text) > room:
        cut = text[:room].rstrip()
        text = f"{cut}\n[cut here: {len(cut):,} of {len(text):,} characters are shown]"
    inside = _MARK.sub(r"< \1\2", text)
    return f'<file name="{name}">\n{inside}\n</file>'


def _rooms(sizes: Sequence[int], most: int) -> list[int]:
    """Equal shares; what a short file leaves goes to the longer ones."""
    rooms, left = [0] * len(sizes), most
    order = sorted(range(len(sizes)), key=lambda at: sizes[at])
    for place, at in enumerate(order):
        rooms[at] = min(sizes[at], left // (len(order) - place))
        left -= rooms[at]
    return rooms
