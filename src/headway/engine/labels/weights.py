"""Whose weights answer under a model's name. One model in two forms is no two witnesses: tuned and
untuned, merged, served here and there, they err alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from headway.core.errors import InputError
from headway.models.adapted import DESCRIPTION, FOLDER, PREFIX
from headway.models.tuned import folder_of

HERE = ("embedded", "scripted")
MERGED = re.compile(rf"embedded/{FOLDER}/([^/]+)/merged[^/]*\.gguf")


class Weights(NamedTuple):
    """root: the model that all forms come from. tuned: whether the task's train has changed it."""

    root: str
    tuned: bool


def weights_of(model: str, folder: Path) -> Weights | None:
    """The weights behind a pipeline's model; folder: the task's.

    None for a merged file, which says what its adapter says, and for a tuned model that no
    description tells of, as the epochs of a training: of what it was made nobody knows here.
    """
    if MERGED.fullmatch(model):
        return None
    tuned = model if model.startswith(PREFIX) else _served(folder).get(model)
    if tuned is not None:
        root = _root(tuned, folder)
        return None if root is None else Weights(root, True)
    provider, _, own = model.partition("/")
    # Two services with a model of one name serve one model, by its name at Hugging Face as a rule.
    return Weights(model if provider in HERE or not own else own, False)


def _root(name: str, folder: Path) -> str | None:
    """The base of a tuned model; of one that was trained from a merged file, that one's base."""
    seen = set[str]()
    while name not in seen:
        seen.add(name)
        try:
            base = _told(folder_of(name, folder) / DESCRIPTION).get("base")
        except InputError:
            return None
        merged = MERGED.fullmatch(base) if isinstance(base, str) else None
        if merged is None:
            return base if isinstance(base, str) and base else None
        name = PREFIX + merged[1]
    return None


def _served(folder: Path) -> dict[str, str]:
    """The task's tuned models by the name of the endpoint's model that serves them."""
    places = (folder / FOLDER).glob(f"*/{DESCRIPTION}")
    return {
        str(at): PREFIX + place.parent.name
        for place in places if (at := _told(place).get("served_as"))
    }  # fmt: skip


def _told(place: Path) -> Mapping[str, Any]:
    """A model's description; empty where it cannot be read. The weights are not looked at: that
    takes seconds, and they need not be there any more."""
    try:
        held = orjson.loads(place.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return held if isinstance(held, dict) else {}
