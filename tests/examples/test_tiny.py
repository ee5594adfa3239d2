"""The toy for readers: it runs, and it keeps what helps and drops what does not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "examples" / "tiny.py"


def test_it_keeps_what_is_proven_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, FILE], capture_output=True, text=True, check=True)
    ledger = {line[2:20].strip(): line[21:] for line in done.stdout.splitlines() if line[0] == "-"}
    assert list(ledger) == [
        "more passages", "a friendly prompt", "a clear prompt", "far more passages",
    ]  # fmt: skip
    assert [text.startswith("KEPT") for text in ledger.values()] == [True, False, True, False]
    assert "not proven" in ledger["a friendly prompt"]  # luck on explore, and no more than that
    assert "no gain on explore" in ledger["far more passages"]
    before, after = (float(line.split()[1]) for line in done.stdout.splitlines()[-2:])
    assert after > before + 0.5


def test_a_technique_that_changes_nothing_is_never_kept() -> None:
    spec = importlib.util.spec_from_file_location("headway_tests_tiny", FILE)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tiny  # dataclasses look their module up
    spec.loader.exec_module(tiny)
    same = {f"wording {i}": {"prompt": f"Answer the question{'.' * i}"} for i in range(2, 9)}
    baseline = tiny.Pipeline(passages=4)  # with several passages wordings differ, by luck alone
    best, history = tiny.optimise(baseline, same)
    assert best == baseline
    assert set(history) == {"n"}


def test_it_is_short_and_needs_nothing() -> None:
    text = FILE.read_text()
    assert len(text.splitlines()) < 150
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert {name for name in imports if name not in sys.stdlib_module_names} == {"headway.engine"}
