"""What each step did, as `show` tells it."""

from __future__ import annotations

from headway.report.traced import LISTED, LONGEST, traced


def lines(*trace: dict[str, object], answer: str = "12") -> list[str]:
    return [line for line, _ in traced(trace, answer)]


def test_one_reply_that_is_the_answer_needs_no_words() -> None:
    assert lines({"step": "generate", "finish": "stop", "text": " 12\n"}) == []
    assert "  text: It is 12." in lines({"step": "generate", "text": "It is 12."})


def test_every_sample_and_grade_stands_on_its_line() -> None:
    vote = {"step": "vote", "n": 2, "lost": 0, "said": ["12", "7"], "grades": [9.0, None]}
    assert lines({"step": "generate", "text": "12"}, vote) == [
        "generate", "  text: 12",
        "vote", "  n: 2", "  lost: 0", "  said:", "    · 12", "    · 7",
        "  grades:", "    · 9.000", "    · none",
    ]  # fmt: skip


def test_a_turn_is_told_once() -> None:
    said = "Thought: I add.\nAction: calculate[5 + 7]"
    turn = {"said": said, "tool": "calculate", "given": "5 + 7", "told": "Observation: 12"}
    last = {"said": "Action: finish[12]", "tool": "finish", "given": "12", "told": ""}
    found = lines({"step": "react", "ended": "finished", "turns": [turn, last]})
    assert found[-2:] == [
        "    · said: Thought: I add. Action: calculate[5 + 7]; told: Observation: 12",
        "    · said: Action: finish[12]",
    ]


def test_long_values_and_lists_are_cut_and_say_so() -> None:
    found = lines({"step": "hyde", "made_up": "a" * 9999, "queries": ["q"] * (LISTED + 3)})
    assert max(map(len, found)) < LONGEST + 20
    assert found[-1] == "    3 more"
