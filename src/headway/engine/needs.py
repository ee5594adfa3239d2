"""Whether a task has what a technique needs."""

from __future__ import annotations

from importlib.util import find_spec

from headway.core.protocols import Technique
from headway.core.task import Task

# The package of an optional part. A part that is not here says by itself what to type.
EXTRAS = {"prompts": "gepa"}


def unmet(technique: type[Technique], task: Task) -> str:
    """The first need of a technique that a task does not meet, in words; empty where it meets
    all."""
    spec, train = task.spec, task.split("train")
    there = {
        "knowledge": (spec.knowledge is not None, "knowledge, and the task has none"),
        "evidence": (any(e.evidence for e in train), "examples with evidence in train"),
        "conversations": (any(e.history for e in train), "conversations in train"),
        "application": (bool(spec.application), "an application with declared settings"),
        "database": (
            any((task.folder / "databases").glob("*.sqlite")),
            "a database, and the task has none",
        ),
    }
    for need in technique.needs:
        name, _, number = need.partition(">=")
        if name == "train" and len(train) < int(number):
            return f"needs {number} examples in train, there are {len(train)}"
        if name.startswith("role:") and getattr(spec.models, name[5:], None) is None:
            return f"needs a model in the role {name[5:]!r}"
        package = EXTRAS.get(name.removeprefix("extra:"))
        if name.startswith("extra:") and package and find_spec(package) is None:
            return f"needs a package: pip install 'headway[{name[6:]}]'"
        met, text = there.get(name, (True, ""))
        if not met:
            return f"needs {text}"
    return ""
