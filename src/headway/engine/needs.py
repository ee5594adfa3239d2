"""Whether a task has what a technique needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from headway.core.errors import InputError
from headway.core.protocols import Technique
from headway.core.task import Task

# The package of an optional part. A part that is not here says by itself what to type.
EXTRAS = {"prompts": "gepa", "finetune": "peft"}


@dataclass(frozen=True)
class Need:
    """What a technique misses in a task. what: in words, after the technique's name; where: the
    file or folder it would stand in; do: what to write there or to type."""

    what: str
    where: str
    do: str


def unmet(technique: type[Technique], task: Task) -> str:
    """The first need of a technique that a task does not meet, in words; empty where it meets
    all."""
    found = missing(technique, task)
    return found.what if found else ""


def insist(technique: type[Technique], task: Task) -> None:
    """Raises InputError where the task does not have what the technique needs."""
    found = missing(technique, task)
    if found:
        raise InputError(f"{technique.name} {found.what}", where=found.where, do=found.do)


def missing(technique: type[Technique], task: Task) -> Need | None:
    """The first need of a technique that a task does not meet; None where it meets all."""
    spec, train = task.spec, task.split("train")
    yaml, examples = str(task.folder / "task.yaml"), str(task.folder / "examples.jsonl")
    databases = task.folder / "databases"
    there = {
        "knowledge": (
            spec.knowledge is not None,
            Need("needs knowledge, and the task has none", yaml, "knowledge: {path: knowledge/}"),
        ),
        "evidence": (
            any(e.evidence for e in train),
            Need(
                "needs examples with evidence in train", examples,
                '"evidence": [{"document": "FILE", "text": "THE WORDS THAT ANSWER"}]',
            ),
        ),
        "conversations": (
            any(e.history for e in train),
            Need(
                "needs conversations in train", examples,
                '"inputs": {"messages": [{"role": "user", "content": ...}, ...]}',
            ),
        ),
        "application": (
            bool(spec.application),
            Need(
                "needs an application with declared settings", yaml,
                "application: app.py:answer, and settings: below it",
            ),
        ),
        "database": (
            any(databases.glob("*.sqlite")),
            Need(
                "needs a database, and the task has none", str(databases),
                "put the data there as NAME.sqlite",
            ),
        ),
    }  # fmt: skip
    for need in technique.needs:
        name, _, number = need.partition(">=")
        if name == "train" and len(train) < int(number):
            what = f"needs {number} examples in train, there are {len(train)}"
            return Need(what, examples, f"add examples; headway check {task.typed}   (counts them)")
        if name.startswith("role:") and getattr(spec.models, name[5:], None) is None:
            role = name[5:]
            return Need(f"needs a model in the role {role!r}", yaml, f"models: {{{role}: MODEL}}")
        package = EXTRAS.get(name.removeprefix("extra:"))
        if name.startswith("extra:") and package and find_spec(package) is None:
            install = f"pip install 'headway[{name[6:]}]'"
            return Need(f"needs a package: {install}", "this Python", install)
        met, lack = there.get(name, (True, None))
        if not met:
            return lack
    return None
