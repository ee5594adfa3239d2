"""hyde, expand, classify and research, each alone with a scripted lender."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.protocols import Query, Search, State
from headway.core.record import ChatReply, ChatRequest, Passage
from headway.core.task import Example
from headway.steps import STEPS
from headway.steps.classify import Classify, note, picked
from headway.steps.expand import MOST_WORDS, Expand, cleaned, folded, listed
from headway.steps.hyde import Hyde, made_up
from headway.steps.research import SHOWN, Research, called
from headway.steps.retrieve import Cut, Retrieve
from headway.testing.steps import GARBAGE, ScriptedLender, StepContract

QUESTION = "When is the cider press used?"


def state(query: str = QUESTION, **more: Any) -> State:
    return State(Example(id="e", inputs={"question": query}), query, **more)


class Watching(ScriptedLender):
    """Keeps what was searched for; replies are given one after the other."""

    def __init__(self, *replies: str) -> None:
        rest: Iterator[str] = iter(replies)
        super().__init__(reply=lambda request: next(rest))
        self.asked: list[tuple[str, Search]] = []

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        self.asked.append((query, how))
        return await super().search(query, how)


class TestSettings(StepContract):
    """The contract holds for more settings than the defaults."""

    @pytest.fixture(
        params=[
            ("hyde", {"n": 3, "keep_question": False}),
            ("expand", {"into": "parts", "queries": 2}),
            ("classify", {"by": "trained", "use": "both"}),
            ("classify", {"use": "note", "domains": ["works", "fields"]}),
            ("research", {"by": "hybrid", "embed": "m", "rounds": 3, "keep": 3}),
        ],
        ids=str,
    )
    def step(self, request: pytest.FixtureRequest) -> Any:
        name, settings = request.param
        return STEPS.load(name).model_validate(settings)


# --- hyde -----------------------------------------------------------------------------------------


async def test_hyde_searches_for_the_question_and_for_what_is_made_up() -> None:
    lender = ScriptedLender(reply="The press is used\nin October.")
    found = await Hyde().run(state(), lender)
    assert found.queries == (
        Query(QUESTION),
        Query("The press is used in October.", as_passage=True),
    )
    assert found.query == QUESTION
    (request,) = lender.requests
    assert (request.temperature, request.seed, request.max_tokens) == (0.0, None, 80)
    assert request.messages[-1].content == QUESTION


async def test_hyde_can_leave_the_question_out_and_keeps_the_queries_of_others() -> None:
    step = Hyde(keep_question=False)
    alone = await step.run(state(), ScriptedLender(reply="In October."))
    assert alone.queries == (Query("In October.", as_passage=True),)
    given = state(queries=(Query(QUESTION), Query("press, times")))
    both = await step.run(given, ScriptedLender(reply="In October."))
    assert both.queries == (Query("press, times"), Query("In October.", as_passage=True))


async def test_several_made_up_passages_have_a_seed_each_and_count_once() -> None:
    lender = ScriptedLender(reply=lambda request: f"In month {(request.seed or 0) // 2}.")
    found = await Hyde(n=3).run(state(), lender)
    assert [(r.seed, r.temperature) for r in lender.requests] == [(0, 0.7), (1, 0.7), (2, 0.7)]
    assert [q.text for q in found.queries] == [QUESTION, "In month 0.", "In month 1."]


@pytest.mark.parametrize(
    "reply",
    ["", " \n", "...", "I'm sorry, but I can't help with that.", "I do not know.", QUESTION.lower(),
     "Unfortunately, nothing is known.", "None", "Please provide the document.", "```\n```"],
)  # fmt: skip
@pytest.mark.parametrize("keep", [True, False])
async def test_where_nothing_is_made_up_the_search_stays_as_it_is(reply: str, keep: bool) -> None:
    found = await Hyde(keep_question=keep).run(state(), ScriptedLender(reply=reply))
    assert found.queries == ()
    assert "why" in found.trace[-1]
    refused = ScriptedLender(reply=ChatReply("A fine passage.", finish="refused"))
    assert (await Hyde(keep_question=keep).run(state(), refused)).queries == ()


@pytest.mark.parametrize(
    "reply",
    ["Here is a short passage that answers it:\n\nIt is used in October.",
     '"It is used in October."', "Sure! Here's the passage: It is used in October.",
     "Passage: It is used\x00 in October.",
     "```\nIt is used in October.\n```", "It is used in October."],
)  # fmt: skip
def test_what_is_said_around_a_made_up_passage_is_dropped(reply: str) -> None:
    assert made_up(ChatReply(reply), QUESTION) == "It is used in October."


def test_a_passage_that_starts_like_a_denial_of_something_else_is_kept() -> None:
    for text in ("There is no charge for visitors.", "Iron melts.", "No visitors after six."):
        assert made_up(ChatReply(text), QUESTION) == text


# --- expand ---------------------------------------------------------------------------------------


async def test_wordings_follow_the_question() -> None:
    lender = ScriptedLender(reply="1. Times of the press\n2. when is the cider press used\n3. Use")
    found = await Expand(queries=3).run(state(), lender)
    assert [q.text for q in found.queries] == [QUESTION, "Times of the press", "Use"]
    assert not any(q.as_passage for q in found.queries)
    assert found.query == QUESTION
    assert found.trace[-1]["queries"] == ["Times of the press", "Use"]
    (request,) = lender.requests
    assert "3" in request.messages[0].content
    assert QUESTION in request.messages[-1].content
    assert request.temperature == 0


async def test_queries_of_other_steps_stay_and_the_question_comes_first() -> None:
    made = Query("In October.", as_passage=True)
    lender = ScriptedLender(reply="Times of the press")
    found = await Expand().run(state(queries=(made, Query(QUESTION))), lender)
    assert found.queries == (Query(QUESTION), made, Query("Times of the press"))


async def test_a_question_without_parts_stays_alone() -> None:
    step = Expand(into="parts")
    for reply in (QUESTION, f"1. {QUESTION}", "1. When is a press used?", "", "ONE"):
        assert (await step.run(state(), ScriptedLender(reply=reply))).queries == (Query(QUESTION),)
    two = await step.run(state(), ScriptedLender(reply="1. Where is it?\n2. When is it used?"))
    assert [q.text for q in two.queries] == [QUESTION, "Where is it?", "When is it used?"]


@pytest.mark.parametrize("into", ["wordings", "parts"])
async def test_what_the_prompt_shows_is_no_query(into: Any) -> None:
    def parrot(request: ChatRequest) -> str:
        return "\n".join(m.content for m in request.messages if m.role == "assistant")

    found = await Expand(into=into, queries=16).run(state(), ScriptedLender(reply=parrot))
    assert found.queries == (Query(QUESTION),)


async def test_a_refusal_is_no_query() -> None:
    for reply in (ChatReply("one\ntwo", finish="refused"), "I'm sorry, but I can't help with that"):
        found = await Expand().run(state(), ScriptedLender(reply=reply))
        assert found.queries == (Query(QUESTION),)


async def test_own_instructions_and_the_number_reach_the_model() -> None:
    lender = ScriptedLender(reply="x")
    await Expand(template="Give {queries} of {{them}}.", queries=5).run(state(), lender)
    assert lender.requests[0].messages[0].content == "Give 5 of {{them}}."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b\nc d", ["a b", "c d"]),
        ("1. a b\n2) c d\n(3) e f", ["a b", "c d", "e f"]),
        ("- a b\n* c d\n• e f", ["a b", "c d", "e f"]),
        ("1.a b\n10. c d", ["a b", "c d"]),
        ("Here are three queries:\n\n1. \"a b\"\n2. 'c d'\n\nI hope this helps!", ["a b", "c d"]),
        ("Sure! Here you go\na b", ["a b"]),
        ('["a b", "c d"]', ["a b", "c d"]),
        ('```json\n["a b", "c d"]\n```', ["a b", "c d"]),
        ('{"queries": ["a b", {"query": "c d"}, 3, null]}', ["a b", "c d"]),
        ("1. a b 2. c d 3. e f", ["a b", "c d", "e f"]),
        ("**Query 1:** a b\n**Query 2:** c d", ["a b", "c d"]),
        ("Q1: a b\nSub-question 2: c d", ["a b", "c d"]),
        ("a b\nA  B?\n\na b", ["a b"]),
        ("a b,\n`c d`;", ["a b", "c d"]),
        ("5.5 mm screws\n2024 figures\n3 offices", ["5.5 mm screws", "2024 figures", "3 offices"]),
        ("Sure of what?\nHere is where?", ["Sure of what?", "Here is where?"]),
        ("\x00\n\x1b[31m\n---\n...", ["[31m"]),
        ("[broken, a b", ["[broken, a b"]),
        ("第一个问题\n第二个问题", ["第一个问题", "第二个问题"]),
        ("\ud800a b", ["a b"]),
        ("", []),
    ],
)
def test_a_list_is_read_whatever_its_form(text: str, found: list[str]) -> None:
    assert listed(text, 9) == found


def test_a_list_is_bounded() -> None:
    assert listed("a\nb\nc\nd", 2) == ["a", "b"]
    assert listed("a\nb\nc", 9, without=("B?",)) == ["a", "c"]
    assert listed("a b\nc", 9, cut=True) == ["a b"]
    assert listed("a b", 9, cut=True) == ["a b"]
    (long,) = listed("word " * 3000, 9)
    assert len(long.split()) == MOST_WORDS


LINES = st.lists(
    st.one_of(st.text(max_size=40), st.sampled_from([*GARBAGE, "1.", "- a", '["a"', "Here is:"])),
    max_size=8,
).map("\n".join)


@given(text=st.one_of(st.text(), LINES), most=st.integers(1, 16), question=st.text(max_size=20))
def test_any_text_gives_at_most_so_many_queries(text: str, most: int, question: str) -> None:
    found = listed(text, most, without=(question,))
    assert len(found) <= most
    assert len({folded(item) for item in found}) == len(found)
    assert folded(question) not in {folded(item) for item in found}
    for item in found:
        assert item == item.strip()
        assert "\n" not in item
        assert 0 < len(item.split()) <= MOST_WORDS
        assert cleaned(item) == item  # what is clean stays as it is
    orjson.dumps(found)


@given(texts=st.lists(st.text("abcdef ", min_size=1), max_size=6))
def test_a_json_list_comes_back_whole(texts: list[str]) -> None:
    wanted = list(dict.fromkeys(" ".join(t.split()) for t in texts if t.strip()))
    assert listed(orjson.dumps(texts).decode(), 6) == wanted


@pytest.mark.parametrize("before", [[Expand()], [Expand(), Hyde()], [Hyde(), Expand()]], ids=str)
async def test_retrieve_searches_for_each(before: list[Any]) -> None:
    lender = Watching("Times of the harbour", "Apples in autumn")
    given = state()
    for step in before:
        given = await step.run(given, lender)
    await Retrieve(k=2).run(given, lender)
    assert [q for q, _ in lender.asked] == [q.text for q in given.queries]
    assert [how.as_passage for _, how in lender.asked] == [q.as_passage for q in given.queries]
    assert len(lender.asked) == 1 + len(before)


# --- classify -------------------------------------------------------------------------------------


async def test_the_model_chooses_a_domain() -> None:
    lender = ScriptedLender(reply='{"subject": "fields"}')
    found = await Classify(use="both").run(state(), lender)
    assert found.where == (("domain", "fields"),)
    assert found.notes == ("The question is about fields: Fruit and what is made of it.",)
    assert found.trace[-1] == {"step": "classify", "domain": "fields"}
    (request,) = lender.requests
    assert "- works: Machines and the harbour." in request.messages[0].content
    assert request.json_schema is not None
    assert request.json_schema["properties"]["subject"]["enum"] == ["works", "fields"]


@pytest.mark.parametrize(
    ("use", "where", "notes"), [("filter", 1, 0), ("note", 0, 1), ("both", 1, 1)]
)
async def test_what_is_chosen_is_used_as_asked(use: Any, where: int, notes: int) -> None:
    for by, reply in (("model", "Works!"), ("trained", "")):
        found = await Classify(by=by, use=use).run(state(), ScriptedLender(reply=reply))  # type: ignore[arg-type]
        assert (len(found.where), len(found.notes)) == (where, notes)


async def test_a_domain_is_added_to_other_conditions_and_takes_an_earlier_ones_place() -> None:
    given = state(where=(("kind", "note"), ("domain", "fields")), notes=("Be brief.",))
    found = await Classify(use="both").run(given, ScriptedLender(reply="works"))
    assert found.where == (("kind", "note"), ("domain", "works"))
    assert found.notes[0] == "Be brief."


async def test_the_trained_classifier_asks_no_model() -> None:
    lender = ScriptedLender()
    step = Classify(by="trained", embed="m")
    found = await step.run(state("one two"), lender)
    assert found.where == (("domain", "works"),)
    assert lender.requests == []
    assert not step.chats
    assert step.roles == {"embed": "embed"}
    assert "train" in step.reads
    assert Classify().chats
    assert Classify().roles == {}
    assert "train" not in Classify().reads


@pytest.mark.parametrize("reply", [*GARBAGE, "works or fields", "neither", '{"subject": "sea"}'])
async def test_no_domain_changes_nothing(reply: str) -> None:
    given = state()
    found = await Classify(use="both").run(given, ScriptedLender(reply=reply))
    assert replace(found, trace=()) == given
    assert found.trace[-1]["domain"] is None
    assert found.trace[-1]["why"]


async def test_too_few_domains_or_none_trained_change_nothing() -> None:
    class Untrained(ScriptedLender):
        async def domain(self, question: str, embed: str) -> str | None:
            return None

    class Bare(ScriptedLender):
        @property
        def domains(self) -> dict[str, str]:
            return {}

    for step, lender in (
        (Classify(by="trained"), Untrained()),
        (Classify(by="trained", domains=("works", "fields")), Untrained()),
        (Classify(domains=("works",)), ScriptedLender(reply="works")),
        (Classify(), Bare(reply="works")),
    ):
        found = await step.run(state(), lender)
        assert (found.where, lender.requests) == ((), [])
        assert found.trace[-1]["why"]


async def test_only_the_domains_named_are_chosen_from() -> None:
    class Three(ScriptedLender):
        @property
        def domains(self) -> dict[str, str]:
            return {"works": "", "fields": "", "sea": ""}

    named = Classify(domains=("fields", "sea"))
    lender = Three(reply="works")
    assert (await named.run(state(), lender)).where == ()
    assert "works" not in lender.requests[0].messages[0].content
    trained = named.model_copy(update={"by": "trained"})
    assert (await trained.run(state("one two"), Three())).where == ()  # works, by the classifier
    with pytest.raises(InputError, match="no domain 'wroks'"):
        await Classify(domains=("wroks", "fields")).run(state(), Three())


def test_the_note_is_one_sentence() -> None:
    assert note("works", "") == "The question is about works."
    assert note("works", "Machines") == "The question is about works: Machines."
    assert note("works", "Machines?") == "The question is about works: Machines?"


def test_names_that_hold_each_other() -> None:
    choices = {"sales": "", "after sales": "", "it": ""}
    assert picked(ChatReply("After Sales"), choices) == "after sales"
    assert picked(ChatReply('So: {"subject": "sales"} it is'), choices) == "sales"
    assert picked(ChatReply("sales", finish="refused"), choices) is None


# --- research -------------------------------------------------------------------------------------

FIRST = (Passage("kiln.md", "The kiln fires at 1,240 degrees.", 0, 32, "kiln", 1.0),)


def looked(**more: Any) -> State:
    return state(passages=FIRST, ranked=(("kiln.md", 0, 32), ("press.md", 0, 35)), **more)


async def test_what_is_searched_again_follows_what_was_there() -> None:
    lender = Watching("SEARCH: harbour opens", "SEARCH: apples picked", "ENOUGH")
    step = Research(rounds=3, k=1, by="hybrid", embed="m", passages=Cut(tokens=64, overlap=8))
    found = await step.run(looked(where=(("domain", "works"),)), lender)
    assert [p.document for p in found.passages] == ["kiln.md", "harbour.md", "orchard.md"]
    assert [d for d, _, _ in found.ranked] == ["kiln.md", "press.md", "harbour.md", "orchard.md"]
    how = Search(64, 8, "hybrid", "m", 1, where=(("domain", "works"),))
    assert lender.asked == [("harbour opens", how), ("apples picked", how)]
    assert found.trace[-1] == {
        "step": "research",
        "queries": ["harbour opens", "apples picked"],
        "added": 2,
        "ended": "enough",
    }
    seen = [request.messages[-1].content for request in lender.requests]
    assert "kiln fires" in seen[0]
    assert QUESTION in seen[0]
    assert "harbour opens" not in seen[0]
    assert "The harbour opens at six." in seen[1]
    assert "harbour opens; apples picked" in seen[2]


async def test_passages_count_once_and_up_to_keep() -> None:
    lender = Watching("SEARCH: the kiln fires", "SEARCH: the barn")
    found = await Research(rounds=2, k=4, keep=3).run(looked(), lender)
    names = [p.document for p in found.passages]
    assert names[0] == "kiln.md"
    assert len(names) == len(set(names)) == 3
    assert len(set(found.ranked)) == len(found.ranked) == 4
    assert found.trace[-1]["ended"] == "no room for more passages"
    assert len(lender.requests) == 1


async def test_a_passage_inside_one_that_is_shown_is_not_shown_again() -> None:
    class Inner(ScriptedLender):
        async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
            return (Passage("kiln.md", "fires", 9, 14), Passage("kiln.md", "fires now", 28, 40))

    found = await Research(rounds=1).run(looked(), Inner(reply="SEARCH: fires"))
    assert [(p.start, p.end) for p in found.passages] == [(0, 32), (28, 40)]


async def test_what_was_there_is_never_taken_away() -> None:
    lender = Watching()
    many = tuple(Passage("x.md", "x", n, n + 1) for n in range(8))
    found = await Research(keep=6).run(state(passages=many), lender)
    assert found.passages == many
    assert lender.requests == []


@pytest.mark.parametrize(
    "reply", [*GARBAGE, "SEARCH:", f"SEARCH: {QUESTION}", "Search: melting point of brass", "maybe"]
)
async def test_junk_ends_it(reply: str) -> None:
    lender = ScriptedLender(reply=reply)
    found = await Research(rounds=5).run(looked(), lender)
    assert found.passages == FIRST
    assert found.trace[-1]["queries"] == []
    assert len(lender.requests) == 1


async def test_the_same_query_again_ends_it() -> None:
    lender = ScriptedLender(reply="SEARCH: harbour")
    found = await Research(rounds=8, k=1).run(looked(), lender)
    assert found.trace[-1]["queries"] == ["harbour"]
    assert found.trace[-1]["ended"] == "it was searched for already"
    assert len(lender.requests) == 2


async def test_long_passages_are_shown_in_part_and_handed_on_whole() -> None:
    long = Passage("long.md", "x" * 9000, 0, 9000)
    lender = ScriptedLender(reply="ENOUGH")
    found = await Research().run(state(passages=(long,)), lender)
    assert found.passages == (long,)
    assert lender.requests[0].messages[-1].content.count("x") <= SHOWN + 10


@pytest.mark.parametrize(
    ("reply", "query"),
    [
        ("SEARCH: cider press", "cider press"),
        ("search for: 'cider press'", "cider press"),
        ("**SEARCH:** cider press\nSEARCH: other", "cider press"),
        ('{"search": "cider press"}', "cider press"),
        ("The passages do not say.\n> SEARCH:\ncider press", "cider press"),
        ("ENOUGH", ""),
        ("Enough.\nSEARCH: x", ""),
        ("Let us search: x", None),
        ("enoughness", None),
        ("", None),
    ],
)
def test_the_call_is_read(reply: str, query: str | None) -> None:
    assert called(ChatReply(reply)) == query


@given(st.text())
def test_any_text_is_a_query_or_none(text: str) -> None:
    for reply in (text, f"SEARCH: {text}", f"{text}\nSEARCH: {text}"):
        query = called(ChatReply(reply))
        assert query is None or len(query.split()) <= MOST_WORDS


# --- all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Hyde(), Expand(), Classify(), Research()], ids=lambda s: s.name)
async def test_no_question_is_not_asked_of_a_model(step: Any) -> None:
    lender = ScriptedLender()
    found = await step.run(state("  "), lender)
    assert lender.requests == []
    assert (found.queries, found.where, found.passages) == ((), (), ())
