"""Every technique of the table keeps the contract; a new one is covered by its line there."""

from __future__ import annotations

from typing import Any

import pytest

from headway.techniques import TECHNIQUES
from headway.testing.techniques import TechniqueContract

# Held to the contract where the tasks are that they need: test_checks.py (questions that cannot be
# answered), test_few_shot.py (references of different hardness), test_history.py (conversations),
# test_meta_prompt.py.
ELSEWHERE = {"abstention", "matched_examples", "meta_prompt", "condense", "history"}


class TestTechniques(TechniqueContract):
    @pytest.fixture(params=[name for name in TECHNIQUES.names() if name not in ELSEWHERE])
    def technique(self, request: pytest.FixtureRequest) -> Any:
        return TECHNIQUES.load(request.param)


@pytest.mark.parametrize("name", TECHNIQUES.names())
def test_a_technique_is_called_as_in_the_table(name: str) -> None:
    assert TECHNIQUES.load(name).name == name
