"""Production logs, and what is masked in them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from headway.core import conversation
from headway.core.errors import InputError
from headway.core.task import Example
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


# --- what tools returned --------------------------------------------------------------------------

ASKED = {"role": "user", "content": "weather?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "Bern"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RETURNED = {"role": "tool", "tool_call_id": "c1", "content": "18C"}
WARM = {"role": "assistant", "content": "It is 18C."}
# The same in the form of the Responses API, where calls are items without a role.
ITEMS = [ASKED, {"type": "function_call", "call_id": "c1", "name": "look",
                 "arguments": '{"at": "Bern"}'},
         {"type": "function_call_output", "call_id": "c1", "output": "18C"}]  # fmt: skip
OLD = [ASKED, {"role": "assistant", "content": "",
               "function_call": {"name": "look", "arguments": '{"at": "Bern"}'}},
       {"role": "function", "name": 'look({"at": "Bern"})', "content": "18C"}]  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASKED, CALLING, RETURNED, WARM]},
        {"request": {"messages": [ASKED, CALLING, RETURNED]},
         "response": {"choices": [{"message": WARM}]}},
        {"request": json.dumps({"messages": [ASKED, CALLING, RETURNED]}),
         "response": json.dumps({"choices": [{"message": WARM}]})},
        {"inputs": {"messages": [ASKED, CALLING, RETURNED]},
         "outputs": {"messages": [ASKED, CALLING, RETURNED, WARM]}},
        {"input": ITEMS, "output": [{"type": "message", **WARM}]},
        {"messages": [*OLD, WARM]},
    ],
)  # fmt: skip
def test_what_tools_returned_stays_in_the_conversation(tmp_path: Path, row: dict[str, Any]) -> None:
    """Else the sample would teach to make the answer up."""
    (found,) = log(tmp_path, row).requests
    assert (found.answer, found.fault) == ("It is 18C.", "")
    example = Example(id="e", inputs=dict(found.inputs))
    assert conversation.problem(example.inputs["messages"]) == ""
    assert example.question == "weather?"
    assert [(turn.role, turn.content) for turn in example.history] == [
        ("assistant", '[calls look({"at": "Bern"})]'),
        ("user", '[look({"at": "Bern"}) returned]\n18C'),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASKED, {"role": "assistant", "content": [
            {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "Bern"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "18C"}]}, WARM]},
        {"input": "weather?", "output": [{"type": "web_search_call", "id": "w"},
                                         {"type": "message", **WARM}]},
        {"inputs": {"messages": [ASKED]},
         "outputs": {"messages": [ASKED, CALLING, RETURNED, WARM]}},
        {"question": "weather?", "answer": "It is 18C.", "tool_calls": [CALL]},
    ],
)  # fmt: skip
def test_an_answer_by_tools_that_are_not_shown_is_none_to_learn(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    found = log(tmp_path, row, {"question": "How long?", "answer": "Two days.", "tool_calls": []})
    assert [request.fault for request in found.requests] == ["tools", ""]
    assert found.requests[0].inputs == {"question": "weather?"}
    (notice,) = found.notices
    assert "rest on what tools returned" in notice
    assert ": 1. " in notice


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASKED, {**CALLING, "content": "Let me look."}]},
        {"messages": [ASKED],
         "response": {"choices": [{"message": {**CALLING, "content": "Let me look."}}]}},
        {"input": "weather?",
         "output": [{"role": "assistant", "content": "Let me look."}, ITEMS[1]]},
    ],
)  # fmt: skip
def test_a_call_of_a_tool_is_no_answer(tmp_path: Path, row: dict[str, Any]) -> None:
    (found,) = log(tmp_path, row).requests
    assert (found.inputs, found.answer) == ({"question": "weather?"}, None)


# --- what people thought --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "bad"),
    [
        ([0, 1], [0]),
        ([0.2, 0.5, 0.9], [0.2]),
        ([0], [0]),
        ([1, 2, 3, 4, 5], [1, 2]),
        ([1, 5], [1]),
        ([4, 5], []),
        (["1", "4.5", "5"], ["1"]),
        ([-1, 0, 1], [-1]),
        ([-1], [-1]),
        ([1, 2], [1]),
        ([0, 1, 2], [0]),
        ([False, True], [False]),
        ([1, 7, 10], [1]),
        ([20, 80], [20]),
        ([20, 30], [20]),
    ],
)
def test_the_scale_of_a_rating_is_that_of_the_whole_file(
    tmp_path: Path, figures: list[Any], bad: list[Any]
) -> None:
    for rows in (
        [{"rating": figure} for figure in figures],
        [{"feedback": {"score": figure}} for figure in figures],
        [{"metadata": {"userRating": figure}} for figure in figures],
        [{"feedback": [{"key": "stars", "score": figure}]} for figure in figures],
    ):
        found = log(tmp_path, *({"question": f"q{n}", **row} for n, row in enumerate(rows)),
                    {"question": "not rated"})  # fmt: skip
        faults = [request.fault for request in found.requests]
        assert faults == [*("flagged" if figure in bad else "" for figure in figures), ""]
        assert len(found.notices) == bool(bad)
        assert all(f": {len(bad)}." in notice for notice in found.notices)


def test_a_scale_that_cannot_be_told_is_said_once(tmp_path: Path) -> None:
    rows = [{"question": "q", "rating": 1, "stars": n} for n in (7, 20, 30)]
    found = log(tmp_path, *rows)
    assert {request.fault for request in found.requests} == {""}
    (notice,) = found.notices
    assert "cannot be told" in notice
    assert "rating (seen: 1 alone), stars (seen: 7 to 30)" in notice


@pytest.mark.parametrize(
    ("row", "bad"),
    [
        ({"thumbs_up": False}, True),
        ({"thumbsUp": False, "thumbsDown": None}, True),
        ({"feedback": {"thumbs_up": False}}, True),
        ({"liked": False}, True),
        ({"accepted": False}, True),
        ({"Helpful": "no"}, True),
        ({"thumbs_up": False, "thumbs_down": False}, False),  # nobody said anything
        ({"thumbs_up": True}, False),
        ({"thumbs_up": None}, False),
        ({"output": {"rating": 1, "helpful": False, "text": "a"}}, False),  # what a model wrote
    ],
)
def test_yes_and_no(tmp_path: Path, row: dict[str, Any], bad: bool) -> None:
    found = log(tmp_path, {"question": "q", **row}, {"question": "p", "output": {"rating": 5}})
    assert [request.fault for request in found.requests] == ["flagged" if bad else "", ""]
    assert len(found.notices) == bad


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


@pytest.mark.parametrize("unmasked", [True, False])
def test_notices_of_the_log_stand_beside_those_of_masking(tmp_path: Path, unmasked: bool) -> None:
    if not unmasked:
        pytest.importorskip("presidio_analyzer")
    log(tmp_path, {"question": "q", "rating": 2})
    found = read_masked(tmp_path / "log.jsonl", unmasked)
    assert "masked" in found.notices[0].casefold()
    assert "cannot be told" in found.notices[-1]
