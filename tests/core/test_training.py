"""Samples in files: what stands in a row, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.core.training import Sample, read_samples, write_samples

CALL = [{"function": {"name": "look", "arguments": "{}"}}]


def sample(**last: Any) -> Sample:
    return Sample("a", "a", ({"role": "user", "content": "q"}, {"role": "assistant", **last}))


def test_null_names_nothing(tmp_path: Path) -> None:
    """Tables write it where a cell is empty: else all such rows were one group, of one id."""
    rows = [{}, {"id": None, "group": None}, {"id": "x", "group": None}, {"id": 0, "group": 0}]
    file = tmp_path / "samples.jsonl"
    messages = list(sample(content="r").messages)
    file.write_text("".join(json.dumps({"messages": messages, **row}) + "\n" for row in rows))
    found = [(s.id, s.group) for s in read_samples(file)]
    assert found == [("1", "1"), ("2", "2"), ("x", "x"), ("0", "0")]


@pytest.mark.parametrize(
    ("last", "reply"),
    [
        ({"content": "yes"}, "yes"),
        ({"content": None, "tool_calls": CALL}, json.dumps(CALL, separators=(",", ":"))),
        ({"content": "", "tool_calls": []}, ""),
        ({"content": ""}, ""),
        ({}, ""),
    ],
)
def test_a_reply_is_what_is_written(tmp_path: Path, last: dict[str, Any], reply: str) -> None:
    write_samples(tmp_path / "samples.jsonl", [sample(**last)])
    (read,) = read_samples(tmp_path / "samples.jsonl")
    assert read.reply == sample(**last).reply == reply
