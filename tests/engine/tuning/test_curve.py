"""The curve of a training, out of its log."""

from __future__ import annotations

import json
from pathlib import Path

from headway.cli.draw import line
from headway.engine.tuning.tuner import POINTS, curve_of


def written(file: Path, steps: list[tuple[int, float]]) -> Path:
    rows = [{"kind": "step", "data": {"step": s, "loss": loss}} for s, loss in steps]
    rows.insert(0, {"kind": "start", "data": {"steps": 3}})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_step_that_was_done_again_counts_once(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [(1, 3.0), (2, 9.0), (2, 2.0), (3, 1.0)])
    assert curve_of(log) == (3.0, 2.0, 1.0)
    assert line(curve_of(log)) == "█▅▁"
    assert curve_of(tmp_path / "none.jsonl") == ()


def test_a_line_that_a_full_disk_cut_short_is_none(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [(1, 3.0)])
    with log.open("a") as stream:
        stream.write('{"kind": "step", "da{"kind":"resumed","data":{}}\n')
        stream.write('{"kind": "step", "data": {"step": 2, "loss": 1.0}}\n')
    assert curve_of(log) == (3.0, 1.0)


def test_many_steps_are_means_of_as_many(tmp_path: Path) -> None:
    steps = [(n, float(n)) for n in range(1, 4 * POINTS + 1)]
    found = curve_of(written(tmp_path / "log.jsonl", steps))
    assert len(found) == POINTS
    assert found[0] == 2.5
    assert line([1.0, 1.0]) == "▁▁"
