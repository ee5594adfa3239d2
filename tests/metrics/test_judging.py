"""What all judges have in common: reading a reply, and asking again for one that cannot be read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headway.core.record import ChatReply, Passage
from headway.metrics.faithfulness import FaithfulnessJudge
from headway.metrics.judging import Unread, ask, field, form, parsed
from headway.metrics.scoring import measure
from headway.testing.metrics import lent, scored

NO, YES = '{"1": {"reason": "", "verdict": "no"}}', '{"1": {"reason": "", "verdict": "yes"}}'
WEIGHED = f"<think>They want {NO}, hm.</think>"


@pytest.mark.parametrize(
    "reply", [f"{WEIGHED}{YES}", f"They want {NO}, hm.\n</think>\n\n{YES}", f"so: {YES}"]
)
def test_what_a_judge_weighs_is_no_verdict(reply: str) -> None:
    assert parsed(reply)["1"]["verdict"] == "yes"


@pytest.mark.parametrize("was_cut", [False, True])
def test_a_reply_that_ends_in_thinking_has_no_verdict(was_cut: bool) -> None:
    with pytest.raises(ValueError, match="ended while thinking"):
        parsed(f"<think>They want {NO}", was_cut)


def test_a_thinking_judge_scores() -> None:
    shown = "The kiln is fired to 1,240 degrees."
    case: dict[str, Any] = {"question": "How hot?", "passages": (Passage("kiln.md", shown),)}
    whole = scored(shown, lend=lent(lambda request: f"{WEIGHED}{YES}"), **case)
    found = asyncio.run(measure(FaithfulnessJudge(), whole))
    assert found.value == 1.0
    cut = scored(shown, lend=lent(lambda request: f"<think>They want {YES}"), **case)
    found = asyncio.run(measure(FaithfulnessJudge(), cut))
    assert found.value is None
    assert "ended while thinking" in found.unscored


def test_it_is_not_shown_its_thinking_when_it_is_asked_again() -> None:
    lend = lent([ChatReply("<think>" + "so " * 2000 + "</think>yes"), ChatReply('{"good": true}')])
    schema = form(good={"type": "boolean"})

    async def asked(lend: Any) -> bool:
        return await ask(
            lend, "Judge.", {"answer": "x"}, schema, lambda d: bool(field(d, "good", bool)),
            max_tokens=9_999,
        )  # fmt: skip

    assert asyncio.run(asked(lend))
    assert [m.content for m in lend.requests[1].messages if m.role == "assistant"] == ["yes"]
    with pytest.raises(Unread) as caught:
        asyncio.run(asked(lent(["<think>so</think>maybe"] * 2)))
    assert caught.value.said == "maybe"
