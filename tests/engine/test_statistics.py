"""The package as a whole: what it exports, and that it stays pure and light to import."""

from __future__ import annotations

import subprocess
import sys

import headway.engine.statistics as statistics


def test_all_is_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(statistics).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("headway")
    }
    assert list(statistics.__all__) == sorted(statistics.__all__)
    assert set(statistics.__all__) == public


def test_every_public_name_is_documented() -> None:
    for name in statistics.__all__:
        assert getattr(statistics, name).__doc__, name


def test_importing_headway_does_not_load_scipy_stats() -> None:
    code = "import sys, headway; assert 'scipy.stats' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
