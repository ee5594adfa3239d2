"""The way of a newcomer, on a real model in this process: init, check, show, evaluate, diagnose."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODEL = ("--model", "embedded/smollm2-135m")


def headway(*arguments: str) -> dict:
    """The JSON document of one command."""
    done = subprocess.run(
        [sys.executable, "-m", "headway", *arguments, "--json"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.embedded
def test_from_init_to_a_diagnosis(tmp_path: Path) -> None:
    task = str(tmp_path / "mine")
    headway("init", task)
    assert headway("check", task)["schema"] == "headway/check/1"
    assert headway("show", task, *MODEL)["tokens"] > 10
    first = headway("evaluate", task, "--limit", "6", *MODEL)
    assert (first["completed"], first["outage"]) == (6, 0)
    assert first["model"] == "embedded/smollm2-135m"
    assert first["usage"]["usd"] == 0.0
    assert first["usage"]["completion_tokens"] > 0
    again = headway("evaluate", task, "--limit", "6", *MODEL)
    assert again["usage"]["calls"] == 0
    assert again["metrics"] == first["metrics"]
    found = headway("diagnose", task, "--limit", "6", *MODEL)
    assert found["closed_book"]["n"] == found["perfect_context"]["n"] > 0
    assert sum(found["causes"].values()) <= 6
