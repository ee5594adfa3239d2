"""The price file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.models.prices import Prices

GOOD = """
house/*: {prompt: 1, completion: 2, date: 2026-01-01}
house/big-*: {prompt: 9, completion: 9, date: 2026-01-01}
house/exact: {prompt: 0.40, completion: 1.60, date: "2026-10-01"}
local/*: {prompt: 0, completion: 0, date: 2026-10-01}
"""


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWAY_PRICES", raising=False)


def write(folder: Path, text: str) -> Prices:
    (folder / "prices.yaml").write_text(text)
    return Prices.load(folder)


def test_prices_by_name_and_pattern(tmp_path: Path) -> None:
    prices = write(tmp_path, GOOD)
    assert prices.cost("house/exact", 1_000_000, 500_000) == pytest.approx(0.4 + 0.8)
    assert prices.cost("house/other", 1_000_000, 1_000_000) == 3
    assert prices.cost("house/big-1", 1_000_000, 0) == 1  # the first line that fits
    assert prices.cost("local/any", 10**9, 10**9) == 0


def test_unknown_is_none_and_embedded_is_free(tmp_path: Path) -> None:
    for prices in (write(tmp_path, GOOD), Prices()):
        assert prices.cost("openai/x", 1, 1) is None
        assert prices.cost("embedded/x", 10**9, 10**9) == 0.0
        assert prices.cost("scripted/x", 10**9, 10**9) == 0.0
    assert Prices.load(tmp_path / "nowhere").by_name == {}
    assert write(tmp_path, "").by_name == {}


def test_the_variable_goes_before_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD)
    other = tmp_path / "other.yaml"
    other.write_text("house/*: {prompt: 5, completion: 5, date: 2026-01-01}")
    monkeypatch.setenv("HEADWAY_PRICES", str(other))
    assert Prices.load(tmp_path).cost("house/exact", 1_000_000, 0) == 5
    monkeypatch.setenv("HEADWAY_PRICES", str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match="HEADWAY_PRICES names a file that is not there"):
        Prices.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "expected prices by model name, found list"),
        ("a: 3\n", "not a price: 3"),
        ("a: {prompt: 1, completion: 1, date: 2026-01-01, promt: 1}", "unknown field 'promt'"),
        ("a: {prompt: 1, date: 2026-01-01}", "completion is missing"),
        ("a: {prompt: 1, completion: 1}", "date is missing"),
        ("a: {prompt: -1, completion: 1, date: 2026-01-01}", "prompt is -1"),
        ("a: {prompt: .nan, completion: 1, date: 2026-01-01}", "prompt is nan"),
        ("a: {prompt: true, completion: 1, date: 2026-01-01}", "prompt is True"),
        ("a: {prompt: $1, completion: 1, date: 2026-01-01}", "prompt is '\\$1'"),
        ("a: {prompt: 1, completion: 1, date: last week}", "date is 'last week'"),
        ("a: {prompt: 1, completion: 1, date: 2026}", "date is 2026"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_bad_files_get_one_clear_message(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        write(tmp_path, text)
    assert str(tmp_path / "prices.yaml") in str(caught.value)


def test_notices_of_old_and_missing_prices(tmp_path: Path) -> None:
    prices = write(tmp_path, GOOD)
    names = ["house/exact", "house/other", "openai/x", "embedded/x"]
    old, missing = prices.notices(names, today=date(2026, 12, 30))  # exact: 90 days, still fresh
    assert "house/other" in old
    assert "363 days old" in old
    assert "openai/x" in missing
    assert "is not known" in missing
    assert len(prices.notices(names, today=date(2026, 12, 31))) == 3


def test_calls_may_be_billed_too(tmp_path: Path) -> None:
    prices = write(tmp_path, "a/r: {prompt: 1, completion: 0, calls: 2, date: 2026-10-01}\n" + GOOD)
    assert prices.cost("a/r", 0, 0) == pytest.approx(0.002)
    price = prices.of("a/r")
    assert price is not None
    assert price.cost(1_000_000, 0, 1000) == pytest.approx(3.0)
    assert prices.cost("house/exact", 0, 0) == 0
    for wrong in ("-1", "true", "null", "dear"):
        with pytest.raises(InputError, match="calls is"):
            write(tmp_path, f"a/r: {{prompt: 1, completion: 0, calls: {wrong}, date: 2026-10-01}}")
