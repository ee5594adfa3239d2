"""check and abstain: quotes looked up, statements judged, and what is done with what fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import headway.testing.steps
from headway.core.errors import InputError, TooLong
from headway.core.inputs import File
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Passage
from headway.core.task import Example
from headway.steps.abstain import Abstain
from headway.steps.check import Check, votes_of
from headway.steps.generate import Generate
from headway.steps.support import (
    Shown,
    content,
    numbers,
    plain,
    stands_in,
    statements,
)
from headway.testing.steps import ScriptedLender, StepContract, small_task

PHRASE = "I do not know."
TASK = small_task({"kind": "text", "abstain": PHRASE})
BARE = small_task()
KILN = "The kiln fires at 1,240 degrees. It is opened on Monday by the potter."
PASSAGES = (Passage("kiln.md", KILN, 0, len(KILN), "Kiln"), Passage("h.md", "The harbour sleeps."))


def state(query: str = "How hot does the kiln get?", **more: Any) -> State:
    more = {"passages": PASSAGES, **more}
    return State(Example(id="e", inputs={"question": query}), query, **more)


def replies(*texts: str) -> Callable[[ChatRequest], str]:
    waiting = iter(texts)
    return lambda request: next(waiting)


async def checked(
    step: Check,
    *texts: str,
    task: Any = TASK,
    generate: Mapping[str, Any] | None = None,
    **more: Any,
) -> tuple[State, ScriptedLender]:
    """generate, then the check; the model says `texts` in turn, and not more than those."""
    lender = ScriptedLender(task, replies(*texts))
    asked = await Generate.model_validate(generate or {}).run(state(**more), lender)
    return await step.run(asked, lender), lender


# --- quotes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("The kiln fires at 1,240 degrees.", True),
        ("the KILN\n  fires at 1,240 degrees!", True),
        ("“kiln fires at 1,240”", True),
        ("The kiln ... is opened on Monday", True),
        ("The kiln […] by the potter", True),
        ("is opened on Monday … The kiln", False),  # not in this order
        ("The **kiln** fires", True),
        ("The kiln fires at 1,250 degrees.", False),
        ("The kiln fires at 1", False),  # a number cut in two is another number
        ("240 degrees", False),
        ("The kiln fires at 1,240 deg", False),
        ("iln fires", False),
        ("The harbour sleeps", True),
        ("degrees. The harbour", False),  # no passage holds both
        ("", False),
        ("...", False),
    ],
)
def test_a_quote_stands_in_a_passage_or_not(quote: str, found: bool) -> None:
    assert stands_in(quote, [p.text for p in PASSAGES]) == found


def test_scripts_without_spaces_and_typography() -> None:
    assert stands_in("窯は千度", ["この窯は千度で焼く。"])
    assert stands_in('l\'été – "ici"', ["Pendant l’été — « ici », on dort."]) is False  # the space
    assert stands_in("l'été - 'ici'", ["Pendant l’été — “ici”, on dort."])
    assert stands_in("ﬁne co\u00adoperation", ["It is fine cooperation."])


WORDS = st.lists(
    st.sampled_from(
        ["The", "kiln", "don’t", "“fires”", "at", "1,240", "Grad", "Straße", "été", "x-ray", "3.5",
         "end.", "(so)", "窯は", "A", "–", "it's"]
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip
SPACES = st.sampled_from([" ", "  ", "\n", "\t ", "\u00a0", " \r\n "])
TYPED = str.maketrans({"’": "'", "“": '"', "”": '"', "–": "-"})
TYPESET = str.maketrans({"'": "’", '"': "”", "-": "\u2011"})


@given(words=WORDS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_piece_of_a_passage_is_found_however_it_is_typed(words: list[str], data: Any) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first + 1, len(words)))
    assume(content(" ".join(words[first:last])))
    changes: list[Callable[[str], str]] = [
        str, str.upper, str.lower, str.swapcase,
        lambda w: w.translate(TYPED), lambda w: w.translate(TYPESET),
    ]  # fmt: skip
    typed = [data.draw(st.sampled_from(changes))(word) for word in words[first:last]]
    quote = "".join(word + data.draw(SPACES) for word in typed)
    assert stands_in(quote, ["Something else.", " ".join(words)])


@given(words=WORDS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_word_is_not_found(words: list[str], data: Any) -> None:
    at = data.draw(st.integers(0, len(words) - 1))
    word = data.draw(st.sampled_from(["zebra", "9", "kilns", "1,241", "24", "Stra", "窯が"]))
    changed = [*words[:at], word, *words[at + 1 :]]
    assert not stands_in(" ".join(changed), [" ".join(words)])


@given(st.text(), st.lists(st.text(), max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_looked_up(quote: str, texts: list[str]) -> None:
    assert stands_in(quote, texts) in (True, False)
    assert plain(plain(quote)) == plain(quote)
    assert all(numbers(quote))
    for statement in statements(quote, "Why?"):
        assert Shown([Passage("d", t) for t in texts]).say(statement) in (True, False, None)


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,240", [{"1240"}]),
        ("1'240 and 1’240", [{"1240"}, {"1240"}]),
        ("1\u202f240", [{"1240"}]),
        ("1 240", [{"1240"}]),
        ("2020 300", [{"2020"}, {"300"}]),
        ("1.240", [{"1240", "1.24"}]),
        ("1.240.000,50", [{"1240000.5"}]),
        ("1,240,000.50", [{"1240000.5"}]),
        ("3.50 = 3,5", [{"3.5"}, {"3.5"}]),
        ("0.125", [{"0.125"}]),
        ("007", [{"7"}]),
        ("1.5.2", [{"1.5.2"}]),
        ("1,2,3", [{"1"}, {"2"}, {"3"}]),
        ("5% of ١٢", [{"5"}, {"12"}]),
        ("none.", []),
    ],
)
def test_numbers(text: str, found: list[set[str]]) -> None:
    assert numbers(text) == found


@given(st.integers(0, 10**12), st.sampled_from(["{:,}", "{:_}", "{}", "{:,}.00"]))
def test_a_number_is_the_same_however_it_is_parted(value: int, form: str) -> None:
    written = form.format(value)
    for mark in ("'", "\u00a0", "\u2009", "\u202f", " ", "."):
        (found,) = numbers(f"at {written.replace('_', mark)} degrees")
        assert str(value) in found


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_other_numbers_are_others(a: int, b: int) -> None:
    assume(a != b)
    (first,), (second,) = numbers(f"{a:,}"), numbers(f"{b:,}.")
    assert not first & second


@given(st.decimals(0, 9999, places=2))
def test_a_comma_for_a_point(value: Any) -> None:
    assert numbers(f"{value}") == numbers(f"{value}".replace(".", ","))


# --- statements -----------------------------------------------------------------------------------


def test_statements_are_sentences_and_a_phrase_takes_the_question() -> None:
    two = statements("Dr. Ash fires it at 1,240 degrees [1]. She opens it on Monday morning.", "Q?")
    assert [s.own for s in two] == [
        "Dr. Ash fires it at 1,240 degrees.", "She opens it on Monday morning."
    ]  # fmt: skip
    assert [s.text for s in two] == [s.own for s in two]
    assert [s.text for s in statements("On Monday", "When?")] == ["When? On Monday"]
    assert [s.own for s in statements("They are:\n- red\n2. blue", "?")] == [
        "They are:", "red", "blue"
    ]  # fmt: skip
    assert statements(" ... ", "Q?") == ()


def test_values_of_json_are_statements() -> None:
    """A null says nothing; true and false say yes and no."""
    found = statements({"heat": 1240, "open": True, "who": ["Ash", ""], "x": None}, "Kiln?")
    assert [(s.own, s.text) for s in found] == [
        ("1240", "Kiln? heat: 1240"), ("yes", "Kiln? open: yes"), ("Ash", "Kiln? who: Ash")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("1,240 degrees", True),
        ("1240", True),
        ("1 240 degrees", True),
        ("900 degrees", False),
        ("Paris", False),  # the question's words would hide it
        ("On Mondays", True),  # endings matter little
        ("The kiln fires at 1,240 degrees and is opened by the potter.", True),
        ("The kiln was bought in Paris by an unknown merchant, years ago.", False),
        ("The kiln fires at 1240 degrees and is opened by the potter.", True),
        ("Every week the potter has to open a kiln of 1,240 degrees.", False),  # a known limit
        ("The harbour is opened by the potter's kiln degrees.", False),  # right words, no order
        ("The kiln is opened on Monday by the harbour.", False),
        ("The kiln fires at 1,250 degrees and is opened by the potter.", False),
        ("Yes.", True),
        ("", None),
    ],
)
def test_support_by_words(answer: str, says: bool | None) -> None:
    (statement,) = statements(answer, "How hot is the kiln on Monday?") or [None]
    if statement is None:
        assert says is None
    else:
        assert Shown(PASSAGES).say(statement) is says


def test_a_number_that_tokenizing_broke_is_one_number() -> None:
    broken = Shown([Passage("a", "The mill employs 3, 500 people, and rooms 12, 300 are let.")])
    for answer, says in (
        ("The mill employs 3,500 people.", True),
        ("The mill employs 3500 people.", True),
        ("The mill employs 3, 500 people.", True),
        ("The mill employs 4,500 people.", False),
        ("Rooms 12 and 300 are let.", True),  # in a list it is two
        ("3,500", True),
        ("350", False),
    ):
        (statement,) = statements(answer, "How many?")
        assert broken.say(statement) is says, answer


def test_long_values_of_json_are_judged_sentence_by_sentence() -> None:
    long = "The kiln fires at 1,240 degrees. It was bought in Paris by a merchant long ago."
    found = statements({"why": long}, "Kiln?")
    assert [s.text for s in found] == [
        "The kiln fires at 1,240 degrees.", "It was bought in Paris by a merchant long ago."
    ]  # fmt: skip
    assert [Shown(PASSAGES).say(s) for s in found] == [True, False]


def test_the_share_of_words_and_pairs() -> None:
    (made,) = statements("The kiln is opened on Sunday by the potter of Paris.", "?")
    shown = Shown(PASSAGES)
    # the kiln, is opened, opened on, by the, the potter; not kiln is, on sunday, sunday by,
    # potter of, of paris
    assert shown.copied(made) == pytest.approx(5 / 10)
    assert shown.overlap(made) == pytest.approx(3 / 5)  # kiln, opened, potter
    assert shown.worded(made) == pytest.approx(0.55)
    (nothing,) = statements("It is so.", "?")
    assert shown.worded(nothing) is None


def test_a_bare_yes_to_another_question_is_not_supported() -> None:
    (statement,) = statements("Yes", "Does the bakery sell almond cake?")
    assert Shown(PASSAGES).say(statement) is False
    (nothing,) = statements("Yes", "Is it?")
    assert Shown(PASSAGES).say(nothing) is None


def test_words_must_stand_in_one_passage_and_numbers_may_be_spelled() -> None:
    apart = [Passage("a", "red apples"), Passage("b", "green pears, six of them")]
    (both,) = statements("red apples green pears", "?")
    assert Shown(apart).say(both) is False
    (six,) = statements("6 pears", "?")
    assert Shown(apart).say(six) is True


# --- citations ------------------------------------------------------------------------------------

QUOTING = {"reasoning": "quote"}
GOOD = "Quote: the kiln fires at 1,240 degrees\nAnswer: 1,240 degrees"
BAD = "Quote: the kiln melts at 900 degrees\nAnswer: 900 degrees"
NONE = "Answer: 1,240 degrees"


async def test_an_answer_with_its_quote_stays() -> None:
    found, lender = await checked(Check(citations=True), GOOD, generate=QUOTING)
    assert (found.answer, found.status) == ("1,240 degrees", "done")
    assert found.trace[-1] == {"step": "check", "citations": 1.0, "supported": True}
    assert len(lender.requests) == 1


@pytest.mark.parametrize("reply", [BAD, NONE, "Quote: none\nAnswer: 900"])
async def test_a_quote_that_is_not_there_is_asked_for_again(reply: str) -> None:
    found, lender = await checked(Check(citations=True), reply, GOOD, generate=QUOTING)
    assert (found.answer, found.output, found.status) == ("1,240 degrees", "1,240 degrees", "done")
    first, second = lender.requests
    assert second.messages[: len(first.messages)] == first.messages
    assert [m.role for m in second.messages[-2:]] == ["assistant", "user"]
    assert second.messages[-2].content == reply
    assert second.messages[-1].content.endswith(f"the answer is exactly: {PHRASE}")
    assert (second.max_tokens, second.json_schema) == (first.max_tokens, first.json_schema)
    assert ("melts at 900" in second.messages[-1].content) == (reply == BAD)
    assert found.trace[-1]["citations"] == 1.0


@pytest.mark.parametrize(
    ("task", "otherwise", "asked", "answer", "status"),
    [
        (TASK, "retry", 2, PHRASE, "done"),
        (BARE, "retry", 2, "900 degrees", "invalid"),
        (TASK, "abstain", 1, PHRASE, "done"),
        (BARE, "abstain", 1, "900 degrees", "invalid"),
        (TASK, "block", 1, "900 degrees", "invalid"),
        (TASK, "note", 1, "900 degrees", "done"),
    ],
)
async def test_what_is_done_where_it_fails(
    task: Any, otherwise: Any, asked: int, answer: str, status: str
) -> None:
    step = Check(citations=True, otherwise=otherwise)
    found, lender = await checked(step, *[BAD] * asked, task=task, generate=QUOTING)
    assert len(lender.requests) == asked
    assert (found.answer, found.status) == (answer, status)
    assert found.trace[-1]["citations"] == 0.0
    if status == "invalid":
        assert found.why.startswith("blocked: this quote does not stand in the passages: 'the kiln")
        assert found.output is None


async def test_an_abstention_on_the_second_try_is_an_answer() -> None:
    again = f"Quote: none\nAnswer: {PHRASE.lower().rstrip('.')}"
    found, lender = await checked(Check(citations=True), BAD, again, generate=QUOTING)
    assert (found.answer, found.status) == ("i do not know", "done")
    assert len(lender.requests) == 2


async def test_a_second_reply_that_is_none_falls_back() -> None:
    for broken in ("Quote: x", "I cannot assist you."):
        found, _ = await checked(Check(citations=True), BAD, broken, generate=QUOTING)
        assert (found.answer, found.status) == (PHRASE, "done")
    found, _ = await checked(Check(citations=True), BAD, "Quote: x", task=BARE, generate=QUOTING)
    assert found.status == "invalid"
    assert "Answer:" in found.why


async def test_a_second_reply_is_read_as_the_first_was() -> None:
    how = {"reasoning": "quote", "contract": "json", "model": "other"}
    second = 'Quote: the kiln fires at 1,240 degrees\nAnswer: {"answer": "hot"}'
    first = 'Quote: nowhere at all\nAnswer: {"answer": "cold"}'
    models: list[str | None] = []

    class Watching(ScriptedLender):
        async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
            models.append(model)
            return await super().chat(request, model)

    lender = Watching(TASK, replies(first, second))
    asked = await Generate.model_validate(how).run(state(), lender)
    found = await Check(citations=True).run(asked, lender)
    assert (found.answer, found.status) == ("hot", "done")
    assert models == ["other", "other"]


async def test_a_longer_prompt_that_does_not_fit_is_no_error() -> None:
    class Short(ScriptedLender):
        async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
            if len(request.messages) > 2:
                raise TooLong("too long")
            return await super().chat(request, model)

    lender = Short(TASK, BAD)
    asked = await Generate(reasoning="quote").run(state(), lender)
    assert (await Check(citations=True).run(asked, lender)).answer == PHRASE


async def test_citations_without_quotes_is_bad_input() -> None:
    with pytest.raises(InputError, match="reasoning: quote"):
        await checked(Check(citations=True), "six")


async def test_two_checks_look_at_the_last_reply() -> None:
    lender = ScriptedLender(TASK, replies(BAD, GOOD))
    asked = await Generate(reasoning="quote").run(state(), lender)
    once = await Check(citations=True).run(asked, lender)
    assert (await Check(citations=True).run(once, lender)).answer == "1,240 degrees"


# --- facts ----------------------------------------------------------------------------------------


async def test_facts_by_words() -> None:
    half = "The kiln fires at 1,240 degrees. It was bought in Paris in the year 1900."
    for share, status in ((0.5, "done"), (0.6, "invalid")):
        found, _ = await checked(Check(facts=share, otherwise="block"), half)
        assert found.status == status
        assert found.trace[-1]["facts"] == 0.5
        assert (found.trace[-1]["judged"], found.trace[-1]["statements"]) == (2, 2)
    assert found.why == (
        "blocked: the passages do not say this: 'It was bought in Paris in the year 1900.'"
    )


async def test_facts_are_asked_again() -> None:
    found, lender = await checked(Check(facts=0.7), "900 degrees", "1240 degrees")
    assert found.answer == "1240 degrees"
    assert "'900 degrees'" in lender.requests[1].messages[-1].content
    assert "Quote:" not in lender.requests[1].messages[-1].content


async def test_what_cannot_be_judged_does_not_count() -> None:
    found, _ = await checked(Check(facts=1.0), "Yes.", query="Is it?")
    assert found.status == "done"
    assert found.trace[-1]["facts"] is None


async def test_facts_by_the_model() -> None:
    two = "The kiln fires at 1,240 degrees, which is hot. It was bought in Paris by a merchant."
    step = Check(facts=0.7, by="model", otherwise="abstain")
    found, lender = await checked(step, two, "1. yes\n2. no")
    assert found.answer == PHRASE
    asked = lender.requests[1].messages[-1].content
    assert KILN in asked
    assert asked.endswith(
        "Statements:\n1. The kiln fires at 1,240 degrees, which is hot.\n"
        "2. It was bought in Paris by a merchant."
    )
    found, _ = await checked(step, two, "1: yes\n2: yes")
    assert found.answer == two
    found, _ = await checked(step, two, "What a question!")  # no vote is not a no
    assert (found.answer, found.trace[-1]["facts"]) == (two, None)
    phrase = await checked(step, "1,240", "Yes")
    assert "1. How hot does the kiln get? 1,240" in phrase[1].requests[1].messages[-1].content


@pytest.mark.parametrize(
    ("text", "count", "votes"),
    [
        ("1. yes\n2. no", 2, [True, False]),
        ("1: **Yes**, 2: **No**", 2, [True, False]),
        ('{"1": "yes", "2": "no"}', 2, [True, False]),
        ("2) no", 2, [None, False]),
        ("1. no\n1. yes", 1, [False]),
        ("Statement 1: the answer is yes\nStatement 2: no", 2, [True, False]),
        ("Yes, they do.", 1, [True]),
        ("no", 1, [False]),
        ("yes no", 2, [True, False]),
        ("yes", 2, [None, None]),
        ("know nothing", 1, [None]),
        ("", 3, [None, None, None]),
        ("99. yes", 1, [True]),
        ("1. There is no lid: yes\n2. The lid: no", 2, [True, False]),
    ],
)
def test_votes(text: str, count: int, votes: list[bool | None]) -> None:
    assert votes_of(text, count) == votes


@given(st.text(alphabet="yesno 12.:\n", max_size=60), st.integers(1, 4))
def test_any_vote_is_read(text: str, count: int) -> None:
    found = votes_of(text, count)
    assert len(found) == count
    assert set(found) <= {True, False, None}


class Scoring(ScriptedLender):
    """Re-ranks with fixed scores, and keeps what it was asked."""

    def __init__(self, answer: str, score: float) -> None:
        super().__init__(TASK, answer)
        self.score = score
        self.seen: list[tuple[str, str, list[str]]] = []

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """See Lender."""
        self.seen.append((model, query, list(texts)))
        return [self.score, -9.0][: len(texts)]


async def ranked(answer: str, score: float, model: str | None) -> tuple[str | None, Scoring]:
    """What becomes of an answer whose facts are judged by re-ranking."""
    lender = Scoring(answer, score)
    asked = await Generate().run(state(), lender)
    step = Check(facts=0.7, by="rerank", model=model, otherwise="abstain")
    return (await step.run(asked, lender)).answer, lender


async def test_facts_by_a_reranker_of_ones_own() -> None:
    texts = [f"Kiln\n{KILN}", "The harbour sleeps."]
    for score, expected in ((0.1, "1,240"), (-0.1, PHRASE)):
        answer, lender = await ranked("1,240", score, "m")
        assert answer == expected
        assert lender.seen == [("m", "How hot does the kiln get? 1,240", texts)]
    assert (await ranked("900", 9.0, "m"))[0] == PHRASE  # a wrong figure, however it scores


async def test_facts_by_words_and_the_embedded_reranker() -> None:
    said = "The kiln fires at 1,240 degrees in the new house."
    near = ["Kiln The kiln fires at 1,240 degrees.", "It is opened on Monday by the potter."]
    name = TASK.spec.models.rerank
    (statement,) = statements(said, "?")
    assert Shown(PASSAGES).say(statement) is False  # a paraphrase, by words alone
    for score, expected in ((12.0, said), (5.0, PHRASE)):
        answer, lender = await ranked(said, score, None)
        assert answer == expected
        assert lender.seen == [(name, said, near)]
    for phrase, expected in (("1,240", "1,240"), ("900", PHRASE)):
        answer, lender = await ranked(phrase, -9.0, None)
        assert (answer, lender.seen) == (expected, [])  # its question would speak for it
    wrong, lender = await ranked(said.replace("1,240", "1,250"), 10.0, name)
    assert (wrong, lender.seen) == (PHRASE, [])


CALL = {"id": "c", "function": {"name": "sensors", "arguments": '{"of": "oven"}'}}
TALKED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "How hot is the oven, and who opens it?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "The oven is at 320 degrees now."},
    ]
}
ROTA = File("rota.md", "Anton Meier opens the oven on Friday morning.")
SEEN = "The oven is at 320 degrees now. Anton Meier opens the oven on Friday morning."


def where_said(request: ChatRequest) -> str:
    """A model that says yes to what stands in the passages it reads."""
    passages, _, numbered = request.messages[1].content.partition("\n\nStatements:\n")
    lines = [line.partition(". ") for line in numbered.splitlines()]
    return "\n".join(f"{n}. {'yes' if said in passages else 'no'}" for n, _, said in lines)


@pytest.mark.parametrize("shown", [PASSAGES, ()])
@pytest.mark.parametrize("by", ["words", "model", "rerank"])
async def test_facts_may_rest_on_what_a_tool_returned_and_on_a_file(
    by: Any, shown: tuple[Passage, ...]
) -> None:
    """The model saw both; held against the passages alone the right answer would be blocked."""
    step = Check(facts=1.0, by=by, otherwise="block", model="judge" if by != "words" else None)
    seen = State(
        Example(id="e", inputs=TALKED), "How hot is the oven, and who opens it?",
        files=(ROTA,), passages=shown, answer=SEEN, output=SEEN,
    )  # fmt: skip
    found = await step.run(seen, ScriptedLender(TASK, where_said))
    assert (found.status, found.trace[-1]["facts"]) == ("done", 1.0)
    wrong = replace(seen, answer=f"{SEEN} It was at 90 degrees in May.")
    found = await step.run(wrong, ScriptedLender(TASK, where_said))
    assert (found.status, found.trace[-1]["facts"]) == ("invalid", 2 / 3)


async def test_a_quote_may_come_from_what_a_tool_returned_and_from_a_file() -> None:
    step, task = Check(citations=True, otherwise="block"), ScriptedLender(TASK)
    told = {"step": "generate", "text": SEEN, "finish": "stop", "reasoning": "quote"}
    quotes = ["The oven is at 320 degrees now.", "opens the oven on Friday morning"]
    seen = State(
        Example(id="e", inputs=TALKED), "?", files=(ROTA,), passages=PASSAGES, answer=SEEN,
        trace=({**told, "quotes": quotes},),
    )  # fmt: skip
    assert (await step.run(seen, task)).trace[-1]["citations"] == 1.0
    assert (await step.run(replace(seen, files=()), task)).status == "invalid"
    bare = replace(seen, passages=(), trace=({**told, "quotes": []},))
    assert (await step.run(bare, task)).status == "done"  # there was nothing to quote from


async def test_without_a_conversation_the_model_is_asked_as_before() -> None:
    lender = ScriptedLender(TASK, "1. yes")
    await Check(facts=1.0, by="model").run(state(answer=KILN, output=KILN), lender)
    assert lender.requests[0].messages[1].content == (
        f"[1] Kiln\n{KILN}\n\n[2]\nThe harbour sleeps.\n\nStatements:\n"
        "1. The kiln fires at 1,240 degrees.\n2. It is opened on Monday by the potter."
    )


async def test_json_is_checked_by_its_values() -> None:
    task = small_task({"kind": "json", "schema": {"type": "object"}})
    for value, status in ((1240, "done"), (900, "invalid")):
        found, _ = await checked(
            Check(facts=1.0, otherwise="block"), f'{{"heat": {value}}}', task=task
        )
        assert found.status == status


async def test_many_statements_are_judged_up_to_a_limit() -> None:
    many = " ".join(f"The kiln number {n} fires at the harbour of old." for n in range(40))
    found, _ = await checked(Check(facts=0.0, otherwise="note"), many)
    assert found.trace[-1]["judged"] == 24
    assert found.trace[-1]["statements"] == 40


# --- what is left alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"answer": PHRASE},
        {"answer": "i do  not KNOW"},
        {"answer": None},
        {"answer": " "},
        {"answer": "900", "passages": ()},  # the closed book
        {"answer": "900", "passages": (), "pinned": True},
        {"answer": "900", "status": "refused", "why": "x"},
        {"answer": "900", "status": "invalid", "why": "x"},
    ],
)
async def test_left_alone(more: dict[str, Any]) -> None:
    given_state = state(**more)
    lender = ScriptedLender(TASK)
    for step in (Check(facts=1.0), Check(citations=True), Check(facts=1.0, by="model")):
        assert await step.run(given_state, lender) is given_state
    assert lender.requests == []


async def test_pinned_passages_are_checked_against() -> None:
    pinned = state(answer="900", pinned=True)
    assert (
        await Check(facts=1.0, otherwise="abstain").run(pinned, ScriptedLender(TASK))
    ).answer == (PHRASE)


async def test_an_answer_that_generate_did_not_give() -> None:
    # From an application, say: there is no request to go on from, and no quote to look up.
    given_state = state(answer="900", output="900")
    step, lender = Check(facts=1.0, citations=True), ScriptedLender(TASK)
    assert (await step.run(given_state, lender)).answer == PHRASE
    assert lender.requests == []
    assert (await Check(citations=True).run(given_state, lender)).answer == "900"


async def test_without_settings_it_checks_nothing() -> None:
    given_state = state(answer="900")
    assert await Check().run(given_state, ScriptedLender(TASK)) is given_state


def test_it_says_what_it_needs() -> None:
    assert Check(facts=0.7, by="rerank").roles == {"model": "rerank"}
    assert Check(facts=0.7, by="model").roles == Check(facts=0.7).roles == {}
    assert Check(facts=0.7).chats
    assert Check(facts=0.7, by="model", otherwise="block").chats
    assert not Check(facts=0.7, by="model", model="judge", otherwise="block").chats
    assert not Check(citations=True, otherwise="abstain").chats
    assert not Check().chats
    with pytest.raises(ValidationError, match="by: words"):
        Check(facts=0.7, model="m")
    with pytest.raises(ValidationError):
        Check(facts=1.2)


# --- abstain --------------------------------------------------------------------------------------


def scores(*values: float | None) -> tuple[Passage, ...]:
    return tuple(Passage(f"{n}.md", "text", 0, 4, score=value) for n, value in enumerate(values))


@pytest.mark.parametrize(
    ("passages", "abstains"),
    [
        (scores(0.4, 0.2), True),
        (scores(0.2, 0.5), False),  # the best, wherever it stands
        (scores(0.5), False),
        ((), True),
        (scores(None), False),
        (scores(0.1, None), False),
    ],
)
async def test_abstains_below_the_threshold(passages: tuple[Passage, ...], abstains: bool) -> None:
    lender = ScriptedLender(TASK, "six")
    found = await Abstain(below=0.5).run(state(passages=passages), lender)
    assert (found.answer, found.output, found.status) == (
        (PHRASE, PHRASE, "done") if abstains else (None, None, "done")
    )
    after = await Generate().run(found, lender)
    assert after.answer == (PHRASE if abstains else "six")
    assert len(lender.requests) == (not abstains)
    assert await Check(facts=1.0).run(found, lender) is found


async def test_abstaining_leaves_probes_and_given_answers_alone() -> None:
    for given_state in (state(passages=(), pinned=True), state(passages=(), answer="six")):
        assert await Abstain().run(given_state, ScriptedLender(TASK)) is given_state


async def test_abstaining_needs_a_phrase() -> None:
    with pytest.raises(InputError, match="abstain: I do not know"):
        await Abstain().run(state(), ScriptedLender(BARE))


# --- the contract, with an answer to check --------------------------------------------------------


class Answered(Check):
    """generate and check as one step, so that the contract meets a check with an answer."""

    async def run(self, state: State, lend: Lender) -> State:
        asked = await Generate(reasoning="quote").run(state, lend)
        return await super().run(asked, lend)


class TestCheck(StepContract):
    @pytest.fixture(
        params=[
            {"citations": True},
            {"facts": 0.7},
            {"facts": 1.0, "by": "model"},
            {"facts": 1.0, "by": "rerank", "otherwise": "block"},
            {"citations": True, "facts": 0.5, "otherwise": "abstain"},
        ],
        ids=lambda settings: "-".join(map(str, settings.values())),
    )
    def step(self, request: pytest.FixtureRequest) -> Any:
        return Answered.model_validate(request.param)


class TestAbstain(StepContract):
    @pytest.fixture(params=[{}, {"below": 3.5}])
    def step(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
        def able(output: Mapping[str, Any] | None = None) -> Any:
            return small_task({**(output or {"kind": "text"}), "abstain": PHRASE})

        monkeypatch.setattr(headway.testing.steps, "small_task", able)
        return Abstain.model_validate(request.param)
