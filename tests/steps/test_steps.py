"""retrieve, rerank, examples and application, each alone with a scripted lender."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headway.core.protocols import Search, State
from headway.core.record import ApplicationReply, Passage
from headway.core.task import Example, Task
from headway.steps.application import Application
from headway.steps.examples import Examples
from headway.steps.rerank import Rerank
from headway.steps.retrieve import Cut, Retrieve
from headway.testing.steps import ScriptedLender, small_task

TASK = small_task()


def state(query: str = "When is the cider press used?", **more: Any) -> State:
    return State(Example(id="e", inputs={"question": query}), query, **more)


# --- retrieve and rerank --------------------------------------------------------------------------


async def test_retrieve_hands_its_settings_to_the_search() -> None:
    asked: list[tuple[str, Search]] = []

    class Watching(ScriptedLender):
        async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
            asked.append((query, how))
            return await super().search(query, how)

    step = Retrieve(passages=Cut(tokens=64, overlap=8), by="hybrid", embed="m", k=2)
    found = await step.run(state(), Watching())
    assert asked == [("When is the cider press used?", Search(64, 8, "hybrid", "m", 2))]
    assert len(found.passages) == 2
    assert found.passages[0].document == "press.md"
    assert found.ranked == tuple((p.document, p.start, p.end) for p in found.passages)


PASSAGES = tuple(Passage(f"{n}.md", text, 0, len(text), title=f"T{n}") for n, text in enumerate(
    ["nothing here", "the press", "the cider press", "nothing at all"]
))  # fmt: skip


async def test_rerank_orders_anew_and_keeps_the_first() -> None:
    found = await Rerank(model="m", k=3).run(
        state("cider press", passages=PASSAGES), ScriptedLender()
    )
    assert [p.document for p in found.passages] == ["2.md", "1.md", "0.md"]  # ties: as searched
    assert [p.score for p in found.passages] == [2.0, 1.0, 0.0]
    assert [d for d, _, _ in found.ranked] == ["2.md", "1.md", "0.md", "3.md"]


async def test_rerank_reads_titles() -> None:
    class Watching(ScriptedLender):
        async def rerank(self, model: str, query: str, texts: Any) -> list[float]:
            assert (model, texts) == ("m", ["T1\nthe press", "bare"])
            return [0.0, 1.0]

    given = state(passages=(PASSAGES[1], Passage("x", "bare")))
    assert (await Rerank(model="m").run(given, Watching())).passages[0].document == "x"


async def test_rerank_without_passages_changes_nothing() -> None:
    bare = state()
    assert await Rerank().run(bare, ScriptedLender()) is bare


# --- examples -------------------------------------------------------------------------------------


async def shots(step: Examples, own: Example | None = None, task: Any = TASK) -> list[str]:
    given = state()
    if own is not None:
        given = replace(given, example=own, query=own.question)
    return [s.example.id for s in (await step.run(given, ScriptedLender(task))).shots]


async def test_fixed_takes_the_first_of_train_or_those_named() -> None:
    train = [e.id for e in TASK.split("train")]
    assert len(train) >= 4
    assert await shots(Examples(k=2)) == train[:2]
    assert await shots(Examples(k=9, ids=(train[2], train[0]))) == [train[2], train[0]]
    assert await shots(Examples(k=1, ids=(train[2], train[0]))) == [train[2]]


async def test_only_train_is_shown_whatever_is_named() -> None:
    hidden = [e.id for e in (*TASK.split("dev"), *TASK.split("test"))]
    assert hidden
    assert await shots(Examples(k=64, ids=(*hidden, "nobody"))) == []


async def test_examples_without_an_answer_are_not_shown() -> None:
    bare = tuple(e.model_copy(update={"reference": None}) for e in TASK.examples)
    unsolved = Task(folder=TASK.folder, spec=TASK.spec, examples=bare)
    assert unsolved.split("train")
    assert await shots(Examples(k=4), task=unsolved) == []


@pytest.mark.parametrize("select", ["fixed", "nearest"])
async def test_never_itself_nor_its_group_nor_the_same_question(select: Any) -> None:
    step = Examples(k=64, select=select)
    train = TASK.split("train")
    for own in train:
        seen = await shots(step, own)
        assert own.id not in seen
        assert {e.id for e in train if e.group == own.group}.isdisjoint(seen)
        assert len(seen) == sum(e.group != own.group for e in train)
    twin = Example(id="new", inputs={"question": train[0].question})
    assert train[0].id not in await shots(step, twin)


async def test_nearest_comes_last_next_to_the_question() -> None:
    own = Example(id="new", inputs={"question": TASK.split("train")[3].question + " please"})
    seen = await shots(Examples(k=2, select="nearest"), own)
    assert len(seen) == 2
    assert seen[-1] == TASK.split("train")[3].id


async def test_evidence_is_shown_where_asked() -> None:
    lender = ScriptedLender(TASK)
    for show, many in (("evidence", 1), ("question", 0)):
        found = await Examples(k=1, show=show).run(state(), lender)  # type: ignore[arg-type]
        assert len(found.shots[0].passages) == many


# --- the user's own application -------------------------------------------------------------------


class Lends(ScriptedLender):
    def __init__(self, reply: ApplicationReply) -> None:
        super().__init__()
        self.made = reply

    async def apply(self, *given: Any) -> ApplicationReply:
        self.applied.append(given)
        return self.made


@pytest.mark.parametrize(
    ("answer", "text"),
    [("six", "six"), ({"n": 6}, '{"n":6}'), (6, "6"), (None, ""), (["a"], '["a"]')],
)
async def test_any_answer_has_a_text(answer: Any, text: str) -> None:
    found = await Application().run(state(), Lends(ApplicationReply(answer)))
    assert (found.answer, found.output, found.status) == (text, answer, "done")


async def test_pinned_passages_are_handed_over_and_stay() -> None:
    lends = Lends(ApplicationReply("a", passages=(Passage("own", "own text"),)))
    for pinned in (PASSAGES[:1], ()):
        found = await Application().run(state(passages=pinned, pinned=True), lends)
        assert found.passages == pinned
    assert [context for _, context, _ in lends.applied] == [["nothing here"], []]


async def test_otherwise_it_searches_by_itself() -> None:
    own = Passage("own", "own text", 0, 8)
    lends = Lends(ApplicationReply("a", passages=(own,)))
    found = await Application(settings={"style": "x"}).run(state(), lends)
    assert found.passages == (own,)
    assert found.ranked == (("own", 0, 8),)
    assert lends.applied == [({"question": state().query}, None, {"style": "x"})]
    await Application().run(state(), lends)
    assert lends.applied[-1][2] is None


async def test_a_refusal_is_kept_as_one() -> None:
    found = await Application().run(state(), Lends(ApplicationReply(None, refused=True)))
    assert found.status == "refused"
    assert found.why
