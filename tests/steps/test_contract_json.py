"""The output contract: what a reply says and whether it refuses, JSON that is nearly right, labels,
what is cut off, and the step that mends a broken form."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.core.errors import TooLong
from headway.core.protocols import State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Example, Output, Task
from headway.steps.check import Check
from headway.steps.generate import Generate, answer_schema, led
from headway.steps.reading import (
    apart,
    as_label,
    conclusion,
    loose_json,
    refuses,
    schema_problem,
    split_answer,
)
from headway.steps.repair import Repair
from headway.testing.steps import ScriptedLender, StepContract, small_task

SCHEMA = {
    "type": "object",
    "properties": {"town": {"type": "string"}, "year": {"type": "integer"}},
    "required": ["town"],
    "additionalProperties": False,
}
JSON = small_task({"kind": "json", "schema": SCHEMA})
LABELS = small_task({"kind": "label", "labels": ["red", "dark red", "blue"]})
ULM = {"town": "Ulm", "year": 1377}


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I can’t assist with that request.",
        "Sorry, I can't do that.",
        "I am unable to fulfill this request.",
        "I can't provide instructions on how to do this.",
        "Unfortunately, I can't help with that, as it is not allowed.",
        "As an AI, I cannot have opinions on this.",
        "As an AI language model,",
        "I'm sorry for the confusion, but as a text-based AI, I don't have the ability to do it.",
        "Es tut mir leid, aber dabei kann ich nicht helfen.",
        "Leider kann ich Ihnen nicht weiterhelfen.",
        "Als KI-Modell kann ich dazu leider nichts sagen, das darf ich nicht.",
        "Je suis désolé, mais je ne peux pas vous aider avec cette demande.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Mi dispiace, ma non posso aiutarti con questo.",
        "Desculpe, mas não posso ajudar com isso.",
        "Het spijt me, maar daar kan ik je niet mee helpen.",
        "很抱歉，我无法协助处理该请求。",
        "申し訳ありませんが、そのご要望にはお応えできません。",
    ],
)
def test_refusals_are_seen(text: str) -> None:
    assert refuses(text)
    assert Generate().read(ChatReply(text), Output())["status"] == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, I cannot find your booking.",
        "I'm sorry to hear that. Your card is blocked.",
        "Sorry, the shop is closed on Sunday.",
        "Sorry",
        "I'm sorry, but I can't find that in the passages.",
        "We cannot help with refunds.",
        "I cannot help with refunds older than 30 days; ask the desk.",
        "I can't help but notice that it is six.",
        "I can't do it alone, she said.",
        "I will not pay.",
        "As an AI assistant, I recommend the second.",
        "Leider ist der Laden geschlossen.",
        "Leider kann ich dazu keine Angabe finden.",
        "Désolé, le magasin est fermé.",
        "Lo siento, la tienda está cerrada.",
        "No puedo entrar en mi cuenta.",
        "Mi dispiace, il negozio è chiuso.",
        "Desculpe, a loja está fechada.",
        "Sorry, de winkel is dicht.",
        "很抱歉，商店关门了。",
        "我不能登录",
        "申し訳ありませんが、閉店しました。",
    ],
)
def test_ordinary_answers_are_no_refusals(text: str) -> None:
    assert not refuses(text)
    assert Generate().read(ChatReply(text), Output())["status"] == "done"


def test_the_tasks_own_phrase_is_never_a_refusal() -> None:
    phrase = "I can't help with that."
    assert refuses(phrase)
    assert not refuses("I can’t help with that", phrase)
    read = Generate().read(ChatReply(phrase), Output(abstain=phrase))
    assert (read["status"], read["answer"]) == ("done", phrase)


# --- thinking and the answer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So.\nAnswer: 5", "5"),
        ("So.\n**Final Answer:** **42**", "42"),
        ("So.\n**Answer: 5**", "5"),
        ("So.\n- my final answer : five kegs", "five kegs"),
        ("So.\nAnswer:\n18", "18"),
        ("Answer: **5** apples", "**5** apples"),
        ("Answer: 4\nNo, wait.\nAnswer: 5", "5"),
        ("Answer: 18\nExplanation: because", "18"),
        ("Answer: one\ntwo", "one\ntwo"),
        ("The answer is: 5", None),
        ("in one line Answer: six", "six"),
        ("so \\boxed{42}.", "42"),
        ("\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("Answer: $\\boxed{18}$.", "18"),
        ("Answer: about \\boxed{18} kegs", "about \\boxed{18} kegs"),
        ("16 - 3 = 13\n#### 13", "13"),
        ("#### Heading\ntext", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_the_answer_behind_the_thinking(text: str, answer: str | None) -> None:
    assert conclusion(text) == answer
    if answer is not None:
        read = Generate(reasoning="steps").read(ChatReply(text), Output())
        assert (read["output"], read["status"]) == (answer, "done")


def test_models_that_think_of_themselves() -> None:
    assert apart("<think>a\nb</think>\n\nsix") == ("a\nb", "six")
    assert apart("six <think>") == ("", "six <think>")
    for how in ({}, {"reasoning": "brief"}, {"contract": "json"}):
        text = '{"answer": "six"}' if "contract" in how else "six"
        read = Generate(**how).read(ChatReply(f"<think>{{no}}</think>{text}"), Output())  # type: ignore[arg-type]
        assert read["output"] == "six"
    cut = Generate().read(ChatReply("<think>long", finish="length"), Output())
    assert (cut["status"], cut["why"]) == ("invalid", "cut off at max_tokens while thinking")
    bare = Generate().read(ChatReply("<think>done</think>"), Output())
    assert bare["why"] == "nothing follows the thinking"


def test_room_for_a_whole_working() -> None:
    state = State(Example(id="e", inputs={}), "Why?")
    request = Generate(reasoning="steps", max_tokens=32).request(state, Output())
    assert request.max_tokens == 432
    assert "one step on a line" in request.messages[0].content
    assert Generate(reasoning="steps", room=50).request(state, Output()).max_tokens == 306


# --- cut off, and bad form ------------------------------------------------------------------------


def test_cut_off_is_told_apart_from_bad_form() -> None:
    def why(text: str, output: Output, **how: Any) -> tuple[str, str]:
        read = Generate(**how).read(ChatReply(text, finish="length"), output)
        return read["status"], read.get("why", "")

    assert why("It opens at", Output()) == ("done", "cut off at max_tokens")
    status, said = why("Well, the text", LABELS.spec.output)
    assert status == "invalid"
    assert said.startswith("cut off at max_tokens: none of the labels")
    assert why('{"town": "U', JSON.spec.output)[1].endswith("(cut off at max_tokens)")
    assert "cut off" in why("Quote: it", Output(), reasoning="quote")[1]
    whole = Generate().read(ChatReply("neither"), LABELS.spec.output)
    assert "cut off" not in whole["why"]


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("dark red", "dark red"),
        ("It is dark red.", "dark red"),
        ("red, and not dark", "red"),
        ("red or dark red", None),
        ("dark red, nearly red", None),
        ("C#", "C#"),
        ("c", "C"),
        ("`C++`", "C++"),
        ("transfer fee", "transfer_fee"),
        ("transfer_fee_charged", "transfer_fee_charged"),
        ("the label is transfer_fee_charged", "transfer_fee_charged"),
        ("fee", None),
        ("++", None),
    ],
)
def test_labels_that_begin_or_hold_each_other(text: str, label: str | None) -> None:
    labels = ("red", "dark red", "C", "C#", "C++", "transfer_fee", "transfer_fee_charged")
    assert as_label(text, labels) == label


# --- JSON that is nearly right --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{'town': 'Ulm', 'year': 1377}",
        '{"town": "Ulm", "year": 1377,}',
        '```json\n{"town": "Ulm", "year": 1377,}\n```',
        "Here it is: {town: 'Ulm', year: 1377} I hope it helps.",
        '{"town": "Ulm", "year": 1377',
        '{"town": "Ulm", // the town\n "year": 1377}',
        '{"town": "Ulm" "year": 1377}',
    ],
)
async def test_json_that_is_nearly_right_is_read_without_a_call(text: str) -> None:
    assert loose_json(text) == ULM
    found, lender = await mended(Repair(tries=0), text)
    assert (found.output, found.status, found.why) == (ULM, "done", "")
    assert found.trace[-1]["step"] == "repair"
    assert found.trace[-1]["how"] == "read loosely"
    assert len(lender.requests) == 1
    strict, _ = await mended(Repair(loose=False, tries=0), text)
    assert strict.status == "invalid"


def test_what_is_no_object_is_not_made_one() -> None:
    for text in ("", "no", "{", "[1, 2]", "{a: 1} or {b: 2}", "{" * 5000, '{"a": "\ud800",}'):
        assert loose_json(text) is None


@given(st.text(alphabet="{}[]'\":,.abn1 \n\\`", max_size=80))
@settings(max_examples=300, deadline=2000)
def test_whatever_is_written_is_read_or_left(text: str) -> None:
    value = loose_json(text)
    assert value is None or orjson.loads(orjson.dumps(value)) == value
    head, tail, marked = split_answer(text)
    assert marked or (head, tail) == ("", text)


# --- repair ---------------------------------------------------------------------------------------


class Lender(ScriptedLender):
    """Says its replies in turn."""

    def __init__(self, replies: Sequence[Any], task: Task) -> None:
        super().__init__(task)
        self.replies = list(replies)

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        self.requests.append(request)
        found = self.replies[len(self.requests) - 1]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, ChatReply) else ChatReply(found)


async def mended(
    step: Repair, *replies: Any, task: Task = JSON, **generate: Any
) -> tuple[State, Lender]:
    lender = Lender(replies, task)
    state = State(Example(id="e", inputs={}), "Which town?")
    asked = await Generate(**generate).run(state, lender)
    return await step.run(asked, lender), lender


async def test_the_problem_is_shown_and_the_answer_asked_for_once_more() -> None:
    bad, good = '{"town": "Ulm", "year": "long ago"}', '{"town": "Ulm", "year": 1377}'
    found, lender = await mended(Repair(), bad, good, contract="json", model="other")
    assert (found.output, found.status, found.why) == (ULM, "done", "")
    first, second = lender.requests
    assert second.messages[:-2] == first.messages
    assert second.messages[-2] == Message("assistant", bad)
    told = second.messages[-1].content
    assert "breaks the schema at $.year: 'long ago' is not of type 'integer'" in told
    assert orjson.dumps(SCHEMA).decode() in told
    assert second.json_schema == SCHEMA
    assert (found.trace[-1]["how"], found.trace[-1]["tries"]) == ("asked again", 1)
    assert (found.request, found.messages) == (second, second.messages)


async def test_it_asks_as_often_as_it_may_and_then_says_what_is_wrong() -> None:
    found, lender = await mended(Repair(tries=2), "no", '{"year": 1}', "never")
    assert len(lender.requests) == 3
    assert (found.status, found.answer) == ("invalid", "never")
    assert found.why == "no JSON object in the reply"
    assert [e["why"] for e in found.trace[1:]] == [
        "breaks the schema at $: 'town' is a required property", "no JSON object in the reply"
    ]  # fmt: skip
    assert "'town' is a required property" in lender.requests[2].messages[-1].content
    # A second reply may need patience as well.
    found, _ = await mended(Repair(), "no", "{'town': 'Ulm',}")
    assert found.output == {"town": "Ulm"}


async def test_what_was_cut_off_gets_room_and_no_lesson() -> None:
    cut = ChatReply('{"town": "Ul', finish="length")
    found, lender = await mended(Repair(), cut, '{"town": "Ulm"}', max_tokens=20)
    assert found.output == {"town": "Ulm"}
    assert lender.requests[1].messages == lender.requests[0].messages
    assert lender.requests[1].max_tokens == 40
    # What has not even begun its object lacks form, not room.
    talk = ChatReply("I booked a table and then", finish="length")
    found, lender = await mended(Repair(), talk, '{"town": "Ulm"}', max_tokens=20)
    assert "no JSON object" in lender.requests[1].messages[-1].content
    assert (lender.requests[1].max_tokens, lender.requests[1].json_schema) == (20, SCHEMA)
    # Never read with patience: the town would be called Ul.
    found, _ = await mended(Repair(tries=0), cut)
    assert found.status == "invalid"


async def test_labels_and_thinking_are_asked_for_in_their_form() -> None:
    for said in ("blue", '{"label": "blue"}', "```\n{'label': 'blue'}"):
        found, lender = await mended(Repair(), "green", said, task=LABELS)
        assert (found.answer, found.status) == ("blue", "done")
        assert '"enum":["red","dark red","blue"]' in lender.requests[1].messages[-1].content
        assert lender.requests[1].json_schema == answer_schema(LABELS.spec.output)
    found, lender = await mended(
        Repair(), "It is green.\nAnswer: green", "Blue then.\nAnswer: blue", task=LABELS,
        reasoning="brief",
    )  # fmt: skip
    assert found.answer == "blue"
    assert "exactly one of: red, dark red, blue" in lender.requests[1].messages[-1].content
    assert "starts with 'Answer:'" in lender.requests[1].messages[-1].content
    loose = "I see {two} of them.\nAnswer: {'label': 'red',}"
    found, lender = await mended(Repair(), loose, task=LABELS, contract="json", reasoning="brief")
    assert found.answer == "red"
    field = "{'reasoning': 'I see', 'label': 'red',}"
    found, _ = await mended(Repair(), field, task=LABELS, contract="json", reasoning="steps")
    assert found.answer == "red"


async def test_what_is_right_refused_too_long_or_blocked_is_left_alone() -> None:
    for reply in ('{"town": "Ulm"}', ChatReply("no", finish="refused")):
        found, lender = await mended(Repair(), reply)
        assert len(lender.requests) == 1
    found, lender = await mended(Repair(), "no", TooLong("too long"))
    assert (found.status, found.answer) == ("invalid", "no")
    lender = Lender(["six"], small_task())
    state = State(Example(id="e", inputs={}), "When?")
    state = await Generate().run(state, lender)
    blocked = await Check(facts=0.5).run(state, lender)  # no passages: nothing to check
    assert await Repair().run(blocked, lender) == blocked
    (entry,) = state.trace
    invalid = State(
        state.example, "When?", request=state.request, trace=(entry,), answer="six",
        status="invalid", why="blocked: not said",
    )  # fmt: skip
    assert await Repair().run(invalid, lender) == invalid
    assert len(lender.requests) == 1


class TestRepair(StepContract):
    """After a generate whose reply breaks the contract wherever there is one."""

    @pytest.fixture(params=[Repair(), Repair(tries=0), Repair(loose=False, tries=2)])
    def step(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    def _run(self, step: Any, state: State, lender: ScriptedLender | None = None) -> State:
        lender = lender or ScriptedLender(JSON)
        return asyncio.run(step.run(asyncio.run(Generate().run(state, lender)), lender))


# --- reasoning inside the object ------------------------------------------------------------------


def test_the_schema_with_reasoning_first_still_holds_for_the_rest() -> None:
    whole = led(SCHEMA, "reasoning")
    assert whole is not None
    assert list(whole["properties"]) == ["reasoning", "town", "year"]
    assert whole["required"] == ["reasoning", "town"]
    assert "reasoning" not in SCHEMA["properties"]
    assert schema_problem({"reasoning": "x", "town": "Ulm"}, whole) == ""
    assert schema_problem({"town": "Ulm"}, whole) != ""
    assert led(whole, "reasoning") is None
    label = led(answer_schema(LABELS.spec.output), "reasoning")
    assert label is not None
    assert list(label["properties"]) == ["reasoning", "label"]


def test_reasoning_in_the_object_is_kept_out_of_the_output() -> None:
    step = Generate(contract="json", reasoning="brief")
    text = '{"reasoning": "It is on the Danube.", "town": "Ulm"}'
    assert step.read(ChatReply(text), JSON.spec.output)["output"] == {"town": "Ulm"}
    # A task's own field of that name is its own.
    own = {**SCHEMA, "properties": {"reasoning": {"type": "string"}}, "required": ["reasoning"]}
    output = Output(kind="json", schema=own)  # type: ignore[call-arg]
    read = step.read(ChatReply('So.\nAnswer: {"reasoning": "x"}'), output)
    assert read["output"] == {"reasoning": "x"}
