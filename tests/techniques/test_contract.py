"""Every technique of the table keeps the contract; a new one is covered by its line there."""

from __future__ import annotations

from typing import Any

import pytest

from headway.techniques import TECHNIQUES
from headway.testing.techniques import TechniqueContract


class TestTechniques(TechniqueContract):
    @pytest.fixture(params=TECHNIQUES.names())
    def technique(self, request: pytest.FixtureRequest) -> Any:
        return TECHNIQUES.load(request.param)


@pytest.mark.parametrize("name", TECHNIQUES.names())
def test_a_technique_is_called_as_in_the_table(name: str) -> None:
    assert TECHNIQUES.load(name).name == name
