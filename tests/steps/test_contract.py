"""Every step of the table keeps the contract; a new one is covered by its line."""

from __future__ import annotations

from typing import Any

import pytest

from headway.steps import STEPS
from headway.testing.steps import StepContract

# More settings to try than the defaults, by step.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "retrieve": [{"by": "hybrid", "embed": "scripted/words", "k": 1}],
    "rerank": [{"model": "scripted/overlap", "k": 1}],
    "prefer": [
        {"rules": [{"newest": "date"}, {"first": {"kind": "note"}}], "weight": 2.0, "k": 1},
        {"rules": [{"newest": "date"}], "strict": True},
    ],
    "trim": [{"gap": 0.5, "least": 1, "most": 1}],
    "order": [{"how": "reversed"}, {"how": "document"}],
    "compress": [
        {"sentences": 1, "by": "embed", "embed": "scripted/words"},
        {"sentences": 1, "by": "rerank", "model": "scripted/overlap"},
    ],
    "examples": [
        {"k": 2, "select": "nearest", "show": "evidence"},
        {"k": 3, "ids": ["e1", "e2", "e3", "e4", "e5", "nobody"]},
    ],
    "generate": [
        {"contract": "json"},
        {"reasoning": "brief"},
        {"reasoning": "brief", "contract": "json"},
        {"reasoning": "quote"},
        {"reasoning": "steps", "room": 50},
        {"template": "{{examples}}\n{{passages}}\n{{labels}} {{schema}}\n{{question}}"},
    ],
    "database": [{"when": "always", "retries": 2}, {"when": "matched", "examples": 1}],
    "stage": [{"template": "{{passages}} {{worked}} {{question}}", "title": "Facts"}],
    "react": [{"tools": ["calculate", "search", "database"], "turns": 3, "keep": 3}],
    "vote": [{"n": 3, "by": "rerank", "model": "scripted/overlap"}, {"by": "model"}],
    "repair": [{"tries": 0}, {"loose": False, "tries": 2}],
    "application": [{"settings": {"style": "short"}}],
}
# Held to the contract in test_checks.py: it needs a task with a phrase for abstaining.
ELSEWHERE = {"abstain"}
NAMES = [name for name in STEPS.names() if name not in ELSEWHERE]
CASES = [(name, more) for name in NAMES for more in ({}, *SETTINGS.get(name, []))]


class TestSteps(StepContract):
    @pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(case[1]) or 'plain'}")
    def step(self, request: pytest.FixtureRequest) -> Any:
        name, settings = request.param
        return STEPS.load(name).model_validate(settings)


@pytest.mark.parametrize("name", STEPS.names())
def test_a_step_is_called_as_in_the_table(name: str) -> None:
    assert STEPS.load(name).name == name
