"""The hand-made journey as fixtures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """The module `tests/report/made.py`."""
    file = Path(__file__).parents[1] / "report" / "made.py"
    spec = importlib.util.spec_from_file_location("headway_tests_made", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
