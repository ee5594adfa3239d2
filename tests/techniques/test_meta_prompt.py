"""Rewrites from failures: what is found, what is refused, what ends the search, what replays."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gepa")

import headway as hw
from headway.core.errors import BudgetEnded, MissingExtra, Outage, TooLong
from headway.core.protocols import Candidate, Technique
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example
from headway.engine.needs import unmet
from headway.engine.trying import Tried
from headway.models.scripted import ScriptedChat
from headway.techniques.behaviour import meta_prompt, reflection
from headway.techniques.behaviour.meta_prompt import MetaPrompt, cut_train
from headway.techniques.behaviour.reflection import between, metric_calls, placeholders
from headway.testing.techniques import (
    INCUMBENTS,
    ScriptedContext,
    TechniqueContract,
    large_task,
    proposals,
)
from headway.workspace import Workspace

RULE = "Answer briefly."


@dataclass
class Prompted(ScriptedContext):
    """A model that is right where the prompt says RULE, and for every fourth example anyway.

    replies: the proposer's, one a call and the last from then on. raises: an error instead, from
    the call of that number on.
    """

    replies: Sequence[str] = (RULE,)
    raises: tuple[int, Exception] | None = None
    unscored: bool = False
    requests: list[ChatRequest] = field(default_factory=list)
    evaluated: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        if self.raises is not None and len(self.requests) >= self.raises[0]:
            raise self.raises[1]
        if self.reply != "Answer briefly.":
            return ChatReply(self.reply)
        return ChatReply(self.replies[min(len(self.requests), len(self.replies)) - 1])

    async def evaluate(self, pipeline: Any, examples: Sequence[Example]) -> tuple[Record, ...]:
        await asyncio.sleep(0)
        step = pipeline.step("generate")
        text = str(step.settings["template"])
        self.evaluated.append((text, tuple(e.id for e in examples)))
        found = []
        for example in examples:
            assert example in self.train
            score = float(RULE in text or int(example.id[-3:]) % 4 == 0)
            passages = (Passage("boxes.md", "the secret order of the boxes is kept upstairs"),)
            none = self.unscored and int(example.id[-3:]) % 3 == 0
            found.append(
                Record(example.id, answer="an answer", passages=passages,
                       scores={self.task.metric: None if none else score})
            )  # fmt: skip
        return tuple(found)


def context(incumbent: str = "no search", **more: Any) -> Prompted:
    task = large_task()
    return Prompted(task, INCUMBENTS[incumbent], task.split("train"), **more)


def templates(found: Sequence[Candidate]) -> list[str]:
    steps = [c.pipeline.step("generate") for c in found]
    return [str(step.settings["template"]) for step in steps if step is not None]


class TestMetaPrompt(TechniqueContract):
    @pytest.fixture(autouse=True)
    def _answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("headway.testing.techniques.ScriptedContext", Prompted)

    @pytest.fixture
    def technique(self) -> type[Technique]:
        return MetaPrompt


# --- what is found --------------------------------------------------------------------------------


def test_the_rewrite_that_mends_the_failures_is_found() -> None:
    ctx = context(replies=("It fails.\n<prompt>\nBe kind.\n</prompt>", f"<prompt>{RULE}</prompt>"))
    found = proposals(MetaPrompt, ctx)
    assert templates(found) == [RULE]
    assert "the best rewrite by scripted/echo from" in found[0].title
    asked = ctx.requests[0].messages[0].content
    assert "Say what is kept in a box." in asked
    assert "<prompt>\nAnswer.\n</prompt>" in asked
    assert "score 0.00" in asked
    assert "Wanted: item rr" in asked
    assert len(ctx.requests) <= meta_prompt.ROUNDS


def test_nobody_who_proposes_sees_what_is_chosen_on() -> None:
    ctx = context()
    proposals(MetaPrompt, ctx)
    feedback, selection = cut_train(ctx.train)
    assert len(selection) == round(0.4 * len(ctx.train))
    said = "".join(r.messages[0].content for r in ctx.requests)
    assert not [e.id for e in selection if e.question in said]
    assert [e.id for e in feedback if e.question in said]
    assert {e.cluster for e in feedback}.isdisjoint(e.cluster for e in selection)


def test_shortest_within_noise_is_chosen_by_pairs() -> None:
    search = reflection.Search(context(), "own", [], [], None, 1, 100)
    search.selected = {
        "own": [0.0] * 8,
        "best and long": [1.0] * 7 + [0.0],
        "near": [1.0] * 6 + [0.0, None],
        "far": [1.0] + [0.0] * 7,
    }
    assert MetaPrompt()._found(search) == [
        ("best and long", "the best"), ("near", "the shortest as good")
    ]  # fmt: skip
    search.selected["one"] = search.selected["best and long"]
    assert MetaPrompt()._found(search) == [("one", "the best")]
    search.selected = {"own": [1.0, None], "worse": [0.5, None], "unknown": [None, None]}
    assert MetaPrompt()._found(search) == []


def test_no_failure_no_proposer() -> None:
    ctx = context()
    ctx.incumbent = ctx.incumbent.with_step("generate", template=RULE)
    assert proposals(MetaPrompt, ctx) == []
    assert ctx.requests == []
    assert "no failure" in ctx.notices[0]


def test_nothing_better_is_said() -> None:
    ctx = context(replies=("Be kind.",))
    assert proposals(MetaPrompt, ctx) == []
    assert "none was better" in ctx.notices[-1]


def test_what_has_no_score_speaks_for_no_prompt() -> None:
    assert templates(proposals(MetaPrompt, context(unscored=True))) == [RULE]


def test_the_same_seed_asks_the_same() -> None:
    first, second = context(), context()
    assert templates(proposals(MetaPrompt, first)) == templates(proposals(MetaPrompt, second))
    assert first.requests == second.requests
    assert first.evaluated == second.evaluated
    assert len({r.seed for r in first.requests}) == len(first.requests)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incumbent", "reply", "why"),
    [
        ("own placeholders", f"{RULE} {{{{question}}}}", "lost a placeholder: {{passages}}"),
        ("no search", f"{RULE} {{{{question}}}}", "put in a placeholder"),
        ("no search", f"{RULE} " + "word " * 1000, "too long"),
        ("no search", f"{RULE} For instance item rr{{code}}.", 'copied from train: "item rr'),
        ("no search", f"{RULE} the secret order of the boxes is known", "copied from train"),
        ("no search", "Answer.", "changed nothing"),
        ("no search", " ", "held no prompt"),
    ],
)
def test_refused_with_a_reason(incumbent: str, reply: str, why: str) -> None:
    ctx = context(incumbent)
    code = str(ctx.train[0].reference)[-3:]
    ctx.replies = (f"<prompt>{reply.replace('{code}', code)}</prompt>",)
    assert proposals(MetaPrompt, ctx) == []
    (refusal, *_) = [n for n in ctx.notices if "refused" in n]
    assert f"refused {meta_prompt.ROUNDS} of {meta_prompt.ROUNDS} rewrites" in refusal
    assert why.partition(":")[0] in refusal
    # The proposer is told, and what was refused was never run.
    assert "An earlier rewrite was refused" in ctx.requests[1].messages[0].content
    assert {text for text, _ in ctx.evaluated} == {
        str(INCUMBENTS[incumbent].step("generate").settings["template"])  # type: ignore[union-attr]
    }


def test_what_the_task_says_may_be_said_again() -> None:
    reply = f"Say what is kept in a box. {RULE} If unsure, say: I do not know"
    ctx = context(replies=(reply,))
    assert templates(proposals(MetaPrompt, ctx)) == [reply]


def test_a_reply_that_was_cut_off_is_refused() -> None:
    class Cut(Prompted):
        async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
            return ChatReply(RULE, finish="length")

    task = large_task()
    ctx = Cut(task, INCUMBENTS["no search"], task.split("train"))
    assert proposals(MetaPrompt, ctx) == []
    assert "held no prompt" in ctx.notices[0]


# --- what ends it ---------------------------------------------------------------------------------


def test_a_budget_that_ends_leaves_what_was_found() -> None:
    ended = BudgetEnded("the budget of 9 calls has ended")
    ctx = context(replies=("Be kind.", RULE), raises=(3, ended))
    ctx.replies = (RULE,)
    found = proposals(MetaPrompt, ctx)
    assert templates(found) == [RULE]
    none = context(raises=(1, ended))
    assert proposals(MetaPrompt, none) == []
    assert "ended early: the budget of 9 calls has ended" in none.notices[0]


def test_a_proposer_that_is_down_is_an_outage() -> None:
    with pytest.raises(Outage):
        proposals(MetaPrompt, context(raises=(1, Outage("nobody there"))))


def test_cases_that_do_not_fit_are_shown_fewer_at_a_time() -> None:
    class Small(Prompted):
        async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
            if "## Case 2" in request.messages[0].content:
                raise TooLong("the prompt has 9 tokens")
            return await super().chat(request, model)

    task = large_task()
    ctx = Small(task, INCUMBENTS["no search"], task.split("train"))
    assert templates(proposals(MetaPrompt, ctx)) == [RULE]


def test_no_more_than_a_share_of_the_budget_and_of_the_plan() -> None:
    class Counting(Prompted):
        @property
        def calls_left(self) -> int | None:  # type: ignore[override]
            return 200 - sum(len(ids) for _, ids in self.evaluated)

        @calls_left.setter
        def calls_left(self, value: int | None) -> None:
            """Given by what was evaluated."""

    task = large_task()
    few = Counting(task, INCUMBENTS["no search"], task.split("train"), replies=("Be kind.",))
    proposals(MetaPrompt, few)
    many = context(replies=("Be kind.",))
    proposals(MetaPrompt, many)
    assert len(few.requests) < len(many.requests)
    _, selection = cut_train(many.train)
    counted = sum(len(ids) for _, ids in many.evaluated[1:])
    assert counted <= metric_calls(len(selection), meta_prompt.ROUNDS) + 2 * reflection.MINIBATCH


async def test_a_cancelled_search_ends_with_its_thread() -> None:
    started = asyncio.Event()

    class Waiting(Prompted):
        async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

    task = large_task()
    ctx = Waiting(task, INCUMBENTS["no search"], task.split("train"))

    async def work() -> list[Candidate]:
        return [c async for c in MetaPrompt().propose(ctx)]

    before = threading.active_count()
    running = asyncio.create_task(work())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert threading.active_count() <= before + 1  # the pool's thread, idle again
    assert await asyncio.to_thread(lambda: 1) == 1


def test_the_missing_extra_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    with pytest.raises(MissingExtra, match=r"headway\[prompts\]"):
        proposals(MetaPrompt, context())
    monkeypatch.setattr("headway.engine.needs.find_spec", lambda name: None)
    assert unmet(MetaPrompt, large_task()) == "needs a package: pip install 'headway[prompts]'"


def test_it_is_quiet_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    proposals(MetaPrompt, context())
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


# --- the parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "prompt"),
    [
        ("It fails.\n<prompt>\nBe brief.\n</prompt>\nDone.", "Be brief."),
        ("<prompt>old</prompt> then <prompt>new", "new"),
        ("Here:\n```text\nBe brief.\nAnd kind.\n```", "Be brief.\nAnd kind."),
        ("```Be brief.```", "Be brief."),
        ("Be brief.", "Be brief."),
        ("", ""),
    ],
)
def test_the_prompt_in_a_reply(reply: str, prompt: str) -> None:
    assert between(reply) == prompt


def test_placeholders_of_a_text() -> None:
    assert placeholders("{{a}} {{ b }} {c} {{d") == {"a", "b"}
    assert placeholders("") == set()


def test_train_is_cut_by_group() -> None:
    train = [Example(id=str(n), inputs={}, group=f"g{n // 10}") for n in range(200)]
    feedback, selection = cut_train(train)
    assert (len(feedback), len(selection)) == (meta_prompt.FEEDBACK, meta_prompt.SELECTION)
    assert {e.group for e in feedback}.isdisjoint({e.group for e in selection})
    assert cut_train([]) == ([], [])


# --- through the engine ---------------------------------------------------------------------------

MODEL = """
ASKED = []

def answer(request):
    prompt = request.messages[0].content
    word = request.messages[-1].content.split()[-1].strip('?')
    return word.upper() if 'capital' in prompt else word

def proposer(request):
    ASKED.append(request)
    return 'It wants capitals.\\n<prompt>\\nRepeat the last word in capitals.\\n</prompt>'
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "task.yaml").write_text(
        "name: words\ndescription: Repeat the last word as the house writes it.\n"
        "instructions: Repeat the last word.\nmetrics: [own]\n".replace(
            "own", "python:metric.py:same"
        )
        + "models: {chat: 'scripted/model.py:answer', proposer: 'scripted/model.py:proposer'}\n"
        "splits: {train: 0.4, dev: 0.4, test: 0.2}\n"
    )
    (folder / "metric.py").write_text(
        "def same(example, record):\n    return float(record['answer'] == example['reference'])\n"
    )
    (folder / "model.py").write_text(MODEL)
    rows = [
        {"id": f"{n}", "inputs": {"question": f"What is word w{n}x?"}, "reference": f"W{n}X"}
        for n in range(100)
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_tried_on_a_task_it_mends_what_the_prompt_does_not_say(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ChatRequest] = []
    chat = ScriptedChat.chat

    async def counted(self: ScriptedChat, request: ChatRequest) -> ChatReply:
        asked.append(request)
        return await chat(self, request)

    monkeypatch.setattr(ScriptedChat, "chat", counted)

    async def go() -> Tried:
        async with Workspace.open(task) as work:
            return await work.try_technique("meta_prompt")

    tried = asyncio.run(go())
    (step,) = tried.steps
    assert step.difference == 1.0
    assert "(6 words)" in str(step.candidate)
    assert asked
    # Killed and started again, or simply asked again: all of it is in the cache.
    asked.clear()
    again = asyncio.run(go())
    assert asked == []
    assert [s.pipeline for s in again.steps] == [s.pipeline for s in tried.steps]


def test_in_a_journey_it_is_kept_and_a_small_budget_ends_it_cleanly(task: Path) -> None:
    small = hw.optimize(task, calls=100, axis="behaviour", test="never")
    assert small.spent.calls <= 100
    assert "budget of 100 calls" in small.stopped
    whole = hw.optimize(task, calls=3000, axis="behaviour", test="never")
    kept = {s.technique: s for s in whole.steps if s.decision == "kept"}
    assert set(kept) == {"meta_prompt"}
