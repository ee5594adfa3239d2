"""Which solved examples are shown, near, spread, of all labels, as hard; and what as answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.core.hardness import hardness, sql_hardness
from headway.core.protocols import Shot, State
from headway.core.task import Example, Output, Task, TaskSpec
from headway.engine.neighbours import Pool
from headway.steps.examples import Examples, balance
from headway.steps.generate import Generate
from headway.testing.steps import ScriptedLender, small_task

TASK = small_task()


def example(id: str, question: str = "", reference: Any = "r", **more: Any) -> Example:
    return Example(id=id, inputs={"question": question or f"q {id}"}, reference=reference, **more)


async def shown(step: Examples, task: Task = TASK) -> list[Shot]:
    new = example("new", "What of the press?")
    state = State(new, new.question)
    return list((await step.run(state, ScriptedLender(task))).shots)


# --- the step -------------------------------------------------------------------------------------


@pytest.mark.parametrize("select", ["nearest", "diverse", "balanced", "matched"])
async def test_never_its_own_group_however_large(select: Any) -> None:
    # Eight examples of one group ask nearly the same; only the ninth is of another group.
    same = tuple(example(f"a{n}", f"box {n}", f"r {n}", group="a") for n in range(8))
    task = Task(
        folder=Path(),
        spec=TaskSpec.model_validate({"name": "t", "splits": {"train": 1, "dev": 0, "test": 0}}),
        examples=(*same, example("b", "bag 3", "r 1")),
    )
    own = same[3]
    found = await Examples(k=2, select=select).run(State(own, own.question), ScriptedLender(task))
    assert [s.example.id for s in found.shots] == ["b"]


async def test_the_other_selections_ask_for_what_they_are() -> None:
    asked: list[dict[str, Any]] = []

    class Watching(ScriptedLender):
        async def nearest(self, question: str, k: int, embed: str | None, **how: Any) -> Any:
            asked.append({"k": k, **how})
            return await super().nearest(question, k, embed, **how)

    new = example("new", "What of the press?")
    for step in (
        Examples(k=2, select="nearest"),
        Examples(k=2, select="diverse", diversity=0.3),
        Examples(k=2, select="matched"),
        Examples(k=2, select="balanced"),
    ):
        await step.run(State(new, new.question), Watching(TASK))
    assert [a["diversity"] for a in asked] == [0.0, 0.3, 0.0, 0.0]
    assert [a["matched"] for a in asked] == [False, False, True, False]
    assert [a["k"] for a in asked] == [2, 2, 2, len(TASK.split("train"))]
    assert all(a["own"] is new for a in asked)


async def test_balanced_shows_each_tag_as_often() -> None:
    tags = {s.example.tags for s in await shown(Examples(k=2, select="balanced"))}
    assert tags == {("odd",), ("even",)}


def test_balance_keeps_the_order_and_spreads_labels() -> None:
    labels = Output(kind="label", labels=("a", "b", "c"))
    found = [example(f"{ref}{n}", reference=ref) for n in range(3) for ref in "aab"]
    found += [example("c0", reference="c")]
    assert [e.reference for e in balance(found, 4, labels)] == ["a", "b", "c", "a"]
    # A label that runs out leaves its place to the others.
    assert [e.reference for e in balance(found, 7, labels)].count("c") == 1
    assert balance(found, 64, labels) != found
    assert len(balance(found, 64, labels)) == len(found)
    # Without labels and tags there is nothing to balance: the nearest.
    assert balance(found, 3, Output()) == found[:3]


async def test_only_equal_hardness_is_matched() -> None:
    found = await shown(Examples(k=9, select="matched"))
    assert found == []  # the scripted lender matches digits, and the question has none


async def test_replies_are_shown_as_the_answer() -> None:
    ids = tuple(e.id for e in TASK.split("train"))[:2]
    step = Examples(k=2, ids=ids, replies={ids[0]: "It says so.\nAnswer: yes"})
    first, second = await shown(step)
    assert (first.reply, second.reply) == ("It says so.\nAnswer: yes", None)
    state = State(example("new"), "q", shots=(first, second))
    request = Generate(template="Answer.", reasoning="brief").request(state, Output())
    answers = [m.content for m in request.messages if m.role == "assistant"]
    assert answers == ["It says so.\nAnswer: yes", f"Answer: {second.example.reference}"]
    template = "{{examples}}\n\n{{question}}"
    whole = Generate(template=template).request(state, Output()).messages[-1].content
    assert "It says so.\nAnswer: yes" in whole
    assert str(second.example.reference) in whole


def test_all_of_it_is_settings() -> None:
    one, other = Examples(replies={"a": "x"}), Examples(replies={"a": "y"})
    assert one != other
    assert Examples.model_validate(one.model_dump()) == one
    assert one.roles == {}
    assert Examples(select="matched").roles == {"embed": "embed"}


# --- the pool -------------------------------------------------------------------------------------


def pool(*rows: tuple[str, float], output: Output = Output(), **more: Any) -> Pool:
    """Examples on the circle: (reference, degrees)."""
    angles = np.deg2rad([degrees for _, degrees in rows])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    made = tuple(example(str(n), reference=ref, **more) for n, (ref, _) in enumerate(rows))
    return Pool(made, vectors, output)


ASKED = np.array([1.0, 0.0], np.float32)


def test_diverse_passes_over_a_near_repeat() -> None:
    made = pool(("a", 10), ("a", 11), ("b", -30), ("c", 100))
    assert [e.id for e in made.nearest(ASKED, 2)] == ["0", "1"]
    assert [e.id for e in made.nearest(ASKED, 2, diversity=0.5)] == ["0", "2"]
    assert made.nearest(ASKED, 0) == ()


def test_matched_learns_hardness_from_the_question() -> None:
    # Easy queries are asked around 0 degrees, hard ones around 90; one hard one stands at 0.
    easy, hard = (
        "SELECT a FROM t",
        ("SELECT a FROM t JOIN u ON t.i = u.i WHERE b LIKE 'x' OR c = 1 ORDER BY d LIMIT 1"),
    )
    rows = [(easy, n) for n in range(8)] + [(hard, 90 - n) for n in range(8)] + [(hard, 1)]
    made = pool(*rows, output=Output(kind="sql"))
    assert "16" in {e.id for e in made.nearest(ASKED, 3)}
    assert {e.reference for e in made.nearest(ASKED, 8, matched=True)} == {easy}
    up = np.array([0.0, 1.0], np.float32)
    assert {e.reference for e in made.nearest(up, 8, matched=True)} == {hard}
    # Where hardness cannot be told, all of them.
    flat = pool(("one", 0), ("two", 1), ("three", 2))
    assert len(flat.nearest(ASKED, 3, matched=True)) == 3


# --- hardness -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "is_"),
    [
        ("SELECT name FROM dogs", "easy"),
        ("SELECT count(*) FROM dogs WHERE age = 'order by limit'", "easy"),
        ("SELECT name, age FROM dogs ORDER BY age", "medium"),
        ("SELECT count(*), max(age) FROM dogs WHERE a = 1 GROUP BY b", "hard"),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u)", "hard"),
        ("SELECT a FROM t WHERE b = 1 EXCEPT SELECT a FROM u WHERE c = 1 ORDER BY a", "extra"),
        ("SELECT a FROM t JOIN u JOIN v WHERE b = 1 OR c = 2 ORDER BY d LIMIT 1", "extra"),
    ],
)
def test_the_hardness_of_a_query(sql: str, is_: str) -> None:
    assert sql_hardness(sql) == is_


def test_other_answers_by_steps_or_length() -> None:
    steps = [example(str(n), reference="One. " * n) for n in (1, 1, 2, 2, 5, 6)]
    assert hardness(steps, Output()) == ["easy", "easy", "medium", "medium", "hard", "hard"]
    words = [example(str(n), reference="word " * n) for n in (1, 9, 30)]
    assert hardness(words, Output()) == ["easy", "medium", "hard"]
    hops = [example("1", evidence=({"document": "a"},)),
            example("2", evidence=({"document": "a"}, {"document": "b"}))]  # fmt: skip
    assert hardness(hops, Output()) == ["easy", "hard"]
    fields = [example("1", reference={"a": 1, "b": None}), example("2", reference={"a": [1, 2]})]
    schema = Output(kind="json", schema={"type": "object"})
    assert hardness(fields, schema) == ["easy", "hard"]


def test_what_cannot_be_told_apart_has_no_class() -> None:
    same = [example(str(n), reference="x") for n in range(9)]
    assert hardness(same, Output()) == []
    assert hardness([], Output()) == []
    assert hardness(same, Output(kind="label", labels=("x", "y"))) == []
    assert hardness([example("q", reference="SELECT 1")] * 3, Output(kind="sql")) == []


def test_equal_numbers_share_a_class() -> None:
    many = [example(str(n), reference="a. b. " if n < 8 else "a. b. c.") for n in range(10)]
    assert hardness(many, Output())[:8] == ["easy"] * 8
