"""The generate step: what is sent, and what is read out of a reply."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Shot, State
from headway.core.record import ChatReply, Message, Passage
from headway.core.task import Evidence, Example, Output
from headway.steps import build
from headway.steps.generate import Generate, answer_schema, layout, quotes, shown
from headway.steps.reading import as_label, first_json, schema_problem
from headway.steps.stage import Stage
from headway.testing.steps import ScriptedLender, small_task

TEXT = Output()
LABEL = Output(kind="label", labels=("red", "dark red", "BLUE_sky"))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
JSON = Output(kind="json", schema=SCHEMA)  # type: ignore[call-arg]
PASSAGES = (
    Passage("a.md", "  The kiln fires.\n", title="Kiln"),
    Passage("b.md", "# Press\nIt stands.", title="Press"),
    Passage("c.md", "No title."),
)
SHOT = Shot(Example(id="s", inputs={"question": "Shown?"}, reference="yes"), PASSAGES[2:])


def state(**more: Any) -> State:
    example = Example(id="e", inputs={"question": "Asked?"})
    return State(example, "Asked?", **more)


def sent(step: Generate, output: Output = TEXT, **more: Any) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in step.request(state(**more), output).messages]


# --- what is sent ---------------------------------------------------------------------------------


def test_passages_are_numbered_with_titles_that_do_not_stand_in_them() -> None:
    assert layout(PASSAGES) == (
        "[1] Kiln\nThe kiln fires.\n\n[2]\n# Press\nIt stands.\n\n[3]\nNo title."
    )
    assert shown("Why?", ()) == "Why?"
    assert shown("Why?", PASSAGES[2:]) == "[1]\nNo title.\n\nQuestion: Why?"


def test_without_placeholders_the_template_is_the_system_message() -> None:
    assert sent(Generate(template="Be brief.")) == [("system", "Be brief."), ("user", "Asked?")]
    messages = sent(Generate(template="Be brief."), passages=PASSAGES[2:], shots=(SHOT,))
    assert messages == [
        ("system", "Be brief."),
        ("user", "[1]\nNo title.\n\nQuestion: Shown?"),
        ("assistant", "yes"),
        ("user", "[1]\nNo title.\n\nQuestion: Asked?"),
    ]


def test_with_placeholders_the_template_is_the_user_message() -> None:
    template = "{{ passages }}\nof {{labels}} / {{schema}}\nQ: {{question}}"
    ((role, text),) = sent(Generate(template=template), LABEL, passages=PASSAGES[2:])
    assert role == "user"
    assert text == "[1]\nNo title.\nof red, dark red, BLUE_sky / {}\nQ: Asked?"


@pytest.mark.parametrize("hole", ["{{examples}}", "{{ examples }}", "{{\texamples\n}}"])
def test_examples_stand_where_the_template_says(hole: str) -> None:
    messages = sent(Generate(template=hole + " {{question}}"), shots=(SHOT,))
    assert messages == [("user", "[1]\nNo title.\n\nQuestion: Shown?\nyes Asked?")]


def test_examples_are_turns_where_the_template_has_no_place_for_them() -> None:
    roles = [role for role, _ in sent(Generate(template="{{question}}"), shots=(SHOT,))]
    assert roles == ["user", "assistant", "user"]


def test_what_is_put_in_is_not_read_again() -> None:
    hostile = Passage("x.md", "{{question}} {{nobody}} \\1 {0} %s")
    ((_, text),) = sent(Generate(template="{{passages}}|{{question}}"), passages=(hostile,))
    assert text == "[1]\n{{question}} {{nobody}} \\1 {0} %s|Asked?"


@pytest.mark.parametrize("template", ["{{nobody}} {{question}}", "{{passages}}"])
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    for step in (Generate, Stage):
        with pytest.raises(ValidationError, match=r"\{\{"):
            step(template=template)


def test_reasoning_asks_for_thinking_and_leaves_room_for_it() -> None:
    request = Generate(reasoning="brief", max_tokens=50).request(state(), TEXT)
    assert "'Answer:'" in request.messages[0].content
    assert request.max_tokens == 170
    assert sent(Generate(reasoning="brief"), shots=(SHOT,))[2] == ("assistant", "Answer: yes")


def test_quoting_asks_for_sentences_and_leaves_room_for_them() -> None:
    request = Generate(reasoning="quote", max_tokens=50).request(state(), TEXT)
    assert "'Quote:'" in request.messages[0].content
    assert "'Answer:'" in request.messages[0].content
    assert request.max_tokens == 170
    both = Generate(reasoning="quote", contract="json").request(state(), TEXT)
    assert "follows this schema" in both.messages[0].content
    assert both.json_schema is None


TOWER = Passage("t.md", "# Tower\n\nThe tower is tall. It was built in 1,240, they say. It leans.")


@pytest.mark.parametrize(
    ("evidence", "passages", "said"),
    [
        # The sentence that holds it, word for word, once.
        (["built in 1,240"], [TOWER], ["Quote: It was built in 1,240, they say."]),
        (["built", "in 1,240"], [TOWER], ["Quote: It was built in 1,240, they say."]),
        (["It leans."], [PASSAGES[0], TOWER], ["Quote: It leans."]),
        # Two sentences at once: the evidence itself.
        (["is tall. It was built"], [TOWER], ["Quote: is tall. It was built"]),
        # What is not shown is not quoted, nor what stands only in another document.
        (["built in 1,240"], [], []),
        (["built in 1,240"], [PASSAGES[0]], []),
        (["built in 1,240"], [Passage("other.md", TOWER.text)], []),
        ([None], [TOWER], []),
    ],
)
def test_shown_examples_quote_the_passages_shown_with_them(
    evidence: list[str | None], passages: list[Passage], said: list[str]
) -> None:
    spans = tuple(Evidence(document="t.md", text=text) for text in evidence)
    example = Example(id="s", inputs={"question": "When?"}, reference="1240", evidence=spans)
    messages = sent(Generate(reasoning="quote"), shots=(Shot(example, tuple(passages)),))
    assert messages[2] == ("assistant", "\n".join([*said, "Answer: 1240"]))
    filled = sent(
        Generate(reasoning="quote", template="{{examples}}|{{question}}"),
        shots=(Shot(example, tuple(passages)),),
    )
    assert "\n".join([*said, "Answer: 1240"]) + "|" in filled[0][1]


def test_an_unanswerable_example_quotes_nothing() -> None:
    output = Output(abstain="No idea.")
    example = Example(id="s", inputs={"question": "Who?"}, reference="No idea.")
    step = Generate(reasoning="quote")
    assert step.wanted(example, output, [TOWER]) == "Quote: none\nAnswer: No idea."
    assert step.wanted(example, output) == "Answer: No idea."
    assert step.wanted(example, TEXT, [TOWER]) == "Answer: No idea."


def test_what_is_shown_as_a_quote_is_read_as_one() -> None:
    step = Generate(reasoning="quote", contract="json")
    spans = (Evidence(document="t.md", text="1,240"), Evidence(document="t.md", text="leans"))
    example = Example(id="s", inputs={}, reference="dark red", evidence=spans)
    text = step.wanted(example, LABEL, [TOWER])
    assert quotes(text) == ["It was built in 1,240, they say.", "It leans."]
    assert step.read(ChatReply(text), LABEL)["answer"] == "dark red"


def test_a_contract_asks_and_enforces() -> None:
    request = Generate(contract="json").request(state(), LABEL)
    assert request.json_schema == answer_schema(LABEL)
    assert '"enum":["red","dark red","BLUE_sky"]' in request.messages[0].content
    in_template = Generate(contract="json", template="{{question}}").request(state(), TEXT)
    assert "follows this schema" in in_template.messages[-1].content


def test_reasoning_under_a_contract_is_the_first_field() -> None:
    request = Generate(contract="json", reasoning="brief").request(state(), TEXT)
    assert "'reasoning', in at most three short sentences" in request.messages[0].content
    assert request.json_schema is not None
    assert list(request.json_schema["properties"]) == ["reasoning", "answer"]
    assert request.json_schema["required"] == ["reasoning", "answer"]
    assert orjson.dumps(request.json_schema).decode() in request.messages[0].content
    found = Generate(contract="json", reasoning="steps").read(
        ChatReply('{"reasoning": "It opens. Answer: {no}", "answer": "six"}'), TEXT
    )
    assert found == {"answer": "six", "output": "six", "status": "done"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"anyOf": [{"type": "object"}]},
        {"type": "object", "properties": {"reasoning": {"type": "string"}}},
        {"type": "object", "properties": {"n": {}}, "maxProperties": 1},
    ],
)
def test_a_schema_with_no_room_for_reasoning_follows_it(schema: dict[str, Any]) -> None:
    output = Output(kind="json", schema=schema)  # type: ignore[call-arg]
    request = Generate(contract="json", reasoning="brief").request(state(), output)
    assert "'Answer:'" in request.messages[0].content
    assert "follows this schema" in request.messages[0].content
    assert request.json_schema is None


@pytest.mark.parametrize(
    ("reference", "how", "output", "text"),
    [
        (["a", "b"], {}, TEXT, "a"),
        ([], {}, TEXT, ""),
        ("red", {"contract": "json"}, LABEL, '{"label":"red"}'),
        ("a", {"contract": "json"}, TEXT, '{"answer":"a"}'),
        ({"n": 1}, {}, JSON, '{"n":1}'),
        ([1], {"contract": "json"}, JSON, "[1]"),
        (7, {}, TEXT, "7"),
    ],
)
def test_the_reply_that_a_shown_example_stands_for(
    reference: Any, how: dict[str, Any], output: Output, text: str
) -> None:
    example = Example(id="x", inputs={}, reference=reference)
    step = Generate(**how)
    assert step.wanted(example, output) == text
    if text and output is not JSON:  # it reads its own examples as done
        assert step.read(ChatReply(text), output)["status"] == "done"


# --- what is read ---------------------------------------------------------------------------------


def read(text: str, output: Output = TEXT, finish: str = "stop", **how: Any) -> dict[str, Any]:
    return Generate(**how).read(ChatReply(text, finish=finish), output)  # type: ignore[arg-type]


def test_text_is_the_answer() -> None:
    assert read("  At six.\n") == {"answer": "At six.", "output": "At six.", "status": "done"}


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, but I can't help with that.", "I cannot assist you.", "As an AI language model,"],
)
def test_a_refusal_is_no_answer(text: str) -> None:
    found = read(text)
    assert found["status"] == "refused"
    assert "output" not in found
    # Long answers that begin so, and answers that merely hold the words, are answers.
    assert read(text + " But here it is:" + " word" * 60)["status"] == "done"
    assert read("The letter said: " + text)["status"] == "done"


def test_a_service_that_refuses() -> None:
    assert read("", finish="refused")["status"] == "refused"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It says six.\nAnswer: six", "six"),
        ("Answer: no. Wait.\nAnswer: six", "six"),
        ("six", "six"),
        ("Answer:", ""),
    ],
)
def test_thinking_is_kept_out(text: str, answer: str) -> None:
    assert read(text, reasoning="brief")["answer"] == answer


@pytest.mark.parametrize(
    ("text", "found", "answer"),
    [
        ("Quote: It opens at six.\nAnswer: six", ["It opens at six."], "six"),
        ('Quote: "It opens."\nQuote: “At six.”\nAnswer: six', ["It opens.", "At six."], "six"),
        ("Quotes:\n- It opens.\n- At six.\n\nAnswer: six", ["It opens.", "At six."], "six"),
        ('**Quote 1:** [2] "It opens." [2]\n**Answer:** six', ["It opens."], "six"),
        ("Quote: none\nAnswer: six", [], "six"),
        ("Quote: None.\nAnswer: six", [], "six"),
        ("> quote: It opens.\nAnswer: six", ["It opens."], "six"),
        ("Answer: six\nQuote: It opens at six.", ["It opens at six."], "six"),
        ("Quote: He said 'Answer: me'.\nAnswer: six", ["He said 'Answer: me'."], "six"),
        ("Answer: six", [], "six"),
        ("six", [], "six"),
        ("She quotes: the poem.\nAnswer: six", [], "six"),
    ],
)
def test_quotes_are_kept_out_and_read(text: str, found: list[str], answer: str) -> None:
    assert quotes(text) == found
    assert read(text, reasoning="quote") == {"answer": answer, "output": answer, "status": "done"}


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_quotes_without_an_answer_are_invalid(finish: str) -> None:
    found = read("Quote: It opens at six.", finish=finish, reasoning="quote")
    assert found["status"] == "invalid"
    assert "no 'Answer:' line" in found["why"]


def test_cut_off_while_thinking_is_invalid() -> None:
    found = read("First I look at", finish="length", reasoning="brief")
    assert (found["status"], found["answer"]) == ("invalid", "First I look at")
    assert found["why"] == "cut off at max_tokens while thinking: no 'Answer:' line"
    assert read("x Answer: six", finish="length", reasoning="brief")["answer"] == "six"


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        ('{"n": 1}', "done", ""),
        ('Here:\n```json\n{"n": 1}\n```', "done", ""),
        ('{broken {"n": 1} {"n": 2}', "done", ""),
        ('{"n": "one"}', "invalid", "breaks the schema at $.n"),
        ("{}", "invalid", "'n' is a required property"),
        ("[1]", "invalid", "breaks the schema at $"),
        ("no", "invalid", "no JSON object in the reply"),
    ],
)
def test_json(text: str, status: str, why: str) -> None:
    found = read(text, JSON)
    assert found["status"] == status
    if status == "done":
        assert found["output"] == {"n": 1}
        assert json.loads(found["answer"]) == {"n": 1}
    else:
        assert why in found["why"]
        assert found["answer"] == text


def test_json_that_was_cut_off_says_so() -> None:
    assert "cut off at max_tokens" in read('{"n": 1', JSON, finish="length")["why"]
    assert "cut off" not in read('{"n": 1', JSON)["why"]


def test_contract_text_and_label() -> None:
    assert read('{"answer": " six "}', contract="json")["answer"] == "six"
    assert read('{"label": "BLUE_sky"}', LABEL, contract="json")["answer"] == "BLUE_sky"
    assert read('{"label": "green"}', LABEL, contract="json")["status"] == "invalid"
    assert read('{"answer": 6}', contract="json")["status"] == "invalid"
    assert read("six", contract="json")["status"] == "invalid"
    both = read('So.\nAnswer: {"answer": "six"}', contract="json", reasoning="brief")
    assert both["answer"] == "six"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("red", "red"),
        ("RED.", "red"),
        ("It is red", "red"),
        ("It is dark red", "dark red"),
        ("blue sky", "BLUE_sky"),
        ("Blue_Sky!", "BLUE_sky"),
        ("red or blue sky", None),
        ("reddish", None),
        ("", None),
        ("green", None),
    ],
)
def test_labels(text: str, label: str | None) -> None:
    assert as_label(text, LABEL.labels) == label
    found = read(text, LABEL)
    assert found["status"] == ("done" if label else "invalid")
    if label:
        assert found["output"] == label


@pytest.mark.parametrize(
    "schema",
    [{"type": "objct"}, {"properties": 5}, {"$ref": "#/nowhere"}, {"pattern": "("}],
)
def test_a_schema_that_is_none_is_bad_input(schema: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"output\.schema"):
        schema_problem({"a": 1}, schema)


# --- whatever a model writes ----------------------------------------------------------------------

GARBAGE = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(['{"', '"}', "{", "}", '":', "[", "]", "\\u", "d800", "1e9", "NaN",
                              "Answer:", "Quote:", "red", "dark ", "\n", "```json", "n", "9" * 20])
    ).map("".join),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ).map(lambda value: "so: " + json.dumps(value)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('<think>or {"a": 1}?</think>{"a": 2}', {"a": 2}),
        ('or {"a": 1}?\n</think>\n{"a": 2}', {"a": 2}),
        ('<think>or {"a": 1}', None),
        ('{"a": "<think>"}', {"a": "<think>"}),
    ],
)
def test_what_is_thought_is_no_json(text: str, value: Any) -> None:
    assert first_json(text) == value


@given(text=GARBAGE)
@settings(max_examples=300, deadline=None)
def test_first_json_gives_what_can_be_kept_or_nothing(text: str) -> None:
    value = first_json(text)
    assert orjson.loads(orjson.dumps(value)) == value
    for schema in (SCHEMA, answer_schema(LABEL), answer_schema(TEXT), {}):
        assert isinstance(schema_problem(value, schema), str)


@given(text=GARBAGE, labels=st.lists(st.text(max_size=6), max_size=4).map(tuple))
@settings(max_examples=300, deadline=None)
def test_as_label_names_a_label_or_none(text: str, labels: tuple[str, ...]) -> None:
    found = as_label(text, labels)
    assert found is None or found in labels


@given(
    text=GARBAGE,
    output=st.sampled_from([TEXT, LABEL, JSON]),
    finish=st.sampled_from(["stop", "length", "refused"]),
    reasoning=st.sampled_from(["none", "brief", "steps", "quote"]),
    contract=st.sampled_from(["none", "json"]),
)
@settings(max_examples=300, deadline=None)
def test_every_reply_is_read(
    text: str, output: Output, finish: str, reasoning: str, contract: str
) -> None:
    found = read(text, output, finish, reasoning=reasoning, contract=contract)
    assert found["status"] in ("done", "invalid", "refused")
    assert (found["status"] == "done") == ("output" in found)
    assert found["status"] == "done" or found["why"]
    if found["status"] == "done" and output is LABEL:
        assert found["output"] in LABEL.labels
    if found["status"] == "done" and output is JSON:
        assert isinstance(found["output"]["n"], int | float)


async def test_run_fills_the_state() -> None:
    lender = ScriptedLender(small_task(), "six")
    found = await Generate(template="Be brief.").run(state(), lender)
    assert found.messages == (Message("system", "Be brief."), Message("user", "Asked?"))
    assert (found.answer, found.output, found.status) == ("six", "six", "done")
    assert found.trace == ({"step": "generate", "finish": "stop", "text": "six"},)


async def test_the_trace_tells_how_another_reply_would_be_read() -> None:
    lender = ScriptedLender(small_task(), 'Quote: So it is.\nAnswer: {"answer": "six"}')
    step = Generate(reasoning="quote", contract="json", model="other")
    found = await step.run(state(), lender)
    assert found.answer == "six"
    (told,) = found.trace
    assert told["quotes"] == ["So it is."]
    assert (told["reasoning"], told["contract"], told["model"]) == ("quote", "json", "other")


# --- building -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (["generat"], "step 1 (generat): unknown step 'generat'\n  valid: did you mean generate"),
        (["generate", {"retrieve": {"kk": 2}}], "step 2 (retrieve): unknown field 'kk'"),
        ([{"retrieve": {"k": 0}}], "step 1 (retrieve): k: "),
        ([{"retrieve": {"passages": {"tokens": 20, "overlap": 20}}}], "must be less than tokens"),
        ([{"retrieve": {"by": "magic"}}], "(found 'magic')"),
        ([{"generate": {"template": "{{who}} {{question}}"}}], "unknown placeholder {{who}}"),
    ],
)
def test_a_step_that_cannot_be_built_is_named(steps: list[Any], says: str) -> None:
    with pytest.raises(InputError) as found:
        build(Pipeline.model_validate({"steps": steps}), "p.yaml")
    assert says in str(found.value)
    assert str(found.value).startswith("p.yaml, step ")
