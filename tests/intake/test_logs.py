"""Production logs, and what is masked in them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.intake.logs import Log, read_log, read_masked
from headway.intake.privacy import Masker

USER, REPLY = (
    {"role": "user", "content": "How long?"},
    {"role": "assistant", "content": "Two days."},
)


def log(tmp_path: Path, *rows: Any) -> Log:
    file = tmp_path / "log.jsonl"
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return read_log(file, lambda value: value)


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, USER, REPLY]},
        {"request": {"model": "m", "messages": [USER]}, "response": {"choices": [
            {"message": REPLY}]}},
        {"body": {"messages": [USER]}, "response": {"body": {"choices": [{"message": REPLY}]}}},
        {"request": json.dumps({"messages": [USER]}),
         "response": json.dumps({"choices": [{"message": REPLY}]})},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "How long?"}]}],
         "output": [{"role": "assistant", "content": [{"type": "output_text",
                                                       "text": "Two days."}]}]},
        {"input": "How long?", "output": "Two days."},
        {"inputs": {"question": "How long?"}, "outputs": {"answer": "Two days."}},
        {"inputs": {"messages": [USER]}, "outputs": {"messages": [USER, REPLY]}},
        {"prompt": "How long?", "completion": "Two days."},
        {"prompt": [USER], "response": "Two days."},
        {"question": "How long?", "answer": "Two days.", "id": 7},
        {"query": "How long?", "response": "Two days."},
    ],
)  # fmt: skip
def test_common_shapes(tmp_path: Path, row: dict[str, Any]) -> None:
    (found,) = log(tmp_path, row).requests
    assert (found.inputs, found.answer) == ({"question": "How long?"}, "Two days.")


def test_a_conversation_is_kept_up_to_the_last_user_turn(tmp_path: Path) -> None:
    again = {"role": "user", "content": "And in May?"}
    (found,) = log(tmp_path, {"messages": [USER, REPLY, again], "session_id": 4}).requests
    assert found.inputs == {"messages": [USER, REPLY, again]}
    assert (found.answer, found.session) == (None, "session_id:4")


def test_what_asks_nothing_is_counted_with_its_line(tmp_path: Path) -> None:
    found = log(tmp_path, {"event": "login"}, {"messages": [REPLY]}, '{"question": "cut', "[1]",
                {"question": "How long?"})  # fmt: skip
    assert len(found.requests) == 1
    assert found.skipped.lines() == (
        "2 passed over: no question (line 1, line 2)",
        "1 passed over: not JSON (line 3)",
        "1 passed over: no object (line 4)",
    )


def test_a_log_without_requests_says_what_is_valid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no request is found") as error:
        log(tmp_path, {"event": "login"})
    assert "log.jsonl" in str(error.value)
    assert '"messages"' in str(error.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_log(tmp_path / "none.jsonl", lambda value: value)


# --- personal data --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def masker() -> Masker:
    pytest.importorskip("presidio_analyzer")
    return Masker()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("I am at anna.schmidt+x@firma-gmbh.de.", "I am at [EMAIL]."),
        ("li@qq.com，谢谢", "[EMAIL]，谢谢"),
        ("Call +49 151 23456789 or (212) 555-0199!", "Call [PHONE] or [PHONE]!"),
        ("Ring 020 7946 0958", "Ring [PHONE]"),
        ("To DE89 3704 0044 0532 0130 00 please", "To [IBAN] please"),
        ("card 4111 1111 1111 1111", "card [CARD]"),
        ("from 192.168.10.4", "from [IP]"),
    ],
)
def test_personal_data_is_masked(masker: Masker, text: str, masked: str) -> None:
    assert masker.mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "The order 41-1 came on 12.05.2026 19:30.",
        "Error E4 on 2026-01-01, 1,234,567 cups, part 0045-123",
        "26 days at 7.5 percent, from 08:00 to 17:30",
    ],
)
def test_figures_that_are_nobodys_stay(masker: Masker, text: str) -> None:
    assert masker.mask(text) == text


def test_everything_inside_is_masked_and_counted() -> None:
    pytest.importorskip("presidio_analyzer")
    masker = Masker()
    found = masker.masked({"messages": [{"content": "a@b.org and c@d.org"}], "n": 4})
    assert found == {"messages": [{"content": "[EMAIL] and [EMAIL]"}], "n": 4}
    assert masker.counts == {"email": 2}


def test_without_the_extra_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(InputError, match="nothing is copied") as error:
        Masker()
    assert "headway[privacy]" in str(error.value)
    assert "--unmasked" in str(error.value)


def test_a_log_without_requests_is_told_before_the_masker_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes half a minute to load, and masks nothing of an empty file."""

    def load() -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("headway.intake.logs.Masker", load)
    file = tmp_path / "log.jsonl"
    file.write_text("{}\n")
    with pytest.raises(InputError):
        read_masked(file)
