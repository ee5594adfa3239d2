"""A small task of our own, made in a temporary folder: towns, their rivers, bridges and mayors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine's other work than of us: bench/ measures time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

TOWNS = [
    f"{first}{last}"
    for first in (
        "Alder",
        "Birch",
        "Cedar",
        "Dale",
        "Elm",
        "Fern",
        "Gorse",
        "Hazel",
        "Iris",
        "Juni",
    )
    for last in ("ford", "bury", "wick", "stead", "combe", "holt")
]
RIVERS = ("Arn", "Bel", "Cor", "Dun", "Esk", "Fal", "Gar", "Hull")
COLOURS = ("red", "green", "blue", "white", "yellow", "black")

MakeTask = Callable[..., Path]


def _facts(number: int, town: str) -> list[tuple[str, str, str]]:
    """(sentence, question, answer) of one town."""
    river, colour = RIVERS[number % len(RIVERS)], COLOURS[number % len(COLOURS)]
    return [
        (f"{town} lies on the river {river}.", f"On which river does {town} lie?", river),
        (f"The town hall of {town} is painted {colour}.",
         f"What colour is the town hall of {town}?", colour),
        (f"The bridge of {town} was opened in {1800 + 3 * number}.",
         f"When was the bridge of {town} opened?", str(1800 + 3 * number)),
    ]  # fmt: skip


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """Makes a task folder; `**spec` goes over task.yaml. 180 examples, one group a town."""

    def make(name: str = "towns", towns: int = 60, knowledge: bool = True, **spec: object) -> Path:
        folder = tmp_path / name
        (folder / "knowledge").mkdir(parents=True)
        examples = []
        for number, town in enumerate(TOWNS[:towns]):
            text = f"# {town}\n\n" + " ".join(f[0] for f in _facts(number, town)) + "\n"
            if knowledge:
                (folder / "knowledge" / f"{town}.md").write_text(text)
            for at, (sentence, question, answer) in enumerate(_facts(number, town)):
                evidence = {"document": f"{town}.md", "text": sentence}
                examples.append(
                    {
                        "id": f"{town}-{at}",
                        "inputs": {"question": question},
                        "reference": answer,
                        "evidence": [evidence] if knowledge else [],
                        "group": town,
                        "tags": [("river", "hall", "bridge")[at]],
                    }
                )
        (folder / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in examples))
        data: dict[str, object] = {
            "name": name,
            "description": "Answer questions about towns.",
            "instructions": "Answer the question about the town.",
            "metrics": ["token_f1", "exact_match"],
            "models": {
                "chat": "scripted/extract", "embed": "scripted/words", "rerank": "scripted/overlap",
            },
            **({"knowledge": {"path": "knowledge/", "language": "en"}} if knowledge else {}),
            **spec,
        }  # fmt: skip
        (folder / "task.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
        return folder

    return make
