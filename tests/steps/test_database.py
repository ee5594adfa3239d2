"""The step `database`: who decides, what is shown, what a reply is read as, and what failed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.protocols import State, Table
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.task import Evidence, Example, Task
from headway.steps.database import Database, as_passage, query_in, read_sql
from headway.testing.steps import GARBAGE, ScriptedLender, small_task, state_of

ROWS = Table(("town", "boats"), (("Arnford", 12), ("Belwick", 7)))
OLD = Passage("harbour.md", "The harbour opens at six.", 0, 25)


@dataclass
class Boats:
    """A database that gives prepared tables, in order; `asked` holds the queries."""

    tables: list[Table] = field(default_factory=lambda: [ROWS])
    name: str = "boats"
    dialect: str = "sqlite"
    fingerprint: str = "boats"
    asked: list[str] = field(default_factory=list)

    def schema(self) -> str:
        return "CREATE TABLE boats (town TEXT, boats INTEGER);"

    async def query(self, sql: str) -> Table:
        self.asked.append(sql)
        return self.tables[min(len(self.asked), len(self.tables)) - 1]

    async def close(self) -> None:
        """Nothing to close."""


class Lender(ScriptedLender):
    """Lends `boats`, and a `train` whose even examples were answered from it."""

    def __init__(self, *replies: str, boats: Boats | None = None, solved: int = 24) -> None:
        given = iter(replies)
        super().__init__(solved_task(solved), lambda request: next(given))
        self.boats = boats or Boats()
        self.names: list[str | None] = []

    def database(self, name: str | None = None) -> Any:
        self.names.append(name)
        return self.boats

    async def nearest(self, question: str, k: int, embed: str | None) -> tuple[Example, ...]:
        return self.task.examples[:k]  # in their own order, whatever the split


def solved_task(solved: int) -> Task:
    """24 examples, of which the first so many have a query as evidence."""
    task = small_task()
    examples = tuple(
        e.model_copy(update={"evidence": (
            Evidence(document="database:boats", tables=("boats",), text=f"SELECT {n} FROM boats"),
        )}) if n < solved else e
        for n, e in enumerate(task.examples)
    )  # fmt: skip
    return Task(folder=task.folder, spec=task.spec, examples=examples)


def state(query: str = "How many boats has Arnford?") -> State:
    example = Example(id="own", inputs={"question": query})
    return State(example, query, passages=(OLD,), ranked=(("harbour.md", 0, 25),))


async def test_rows_come_first_and_the_rest_stays() -> None:
    lender = Lender("```sql\nSELECT town, boats FROM boats;\n```")
    found = await Database(when="always").run(state(), lender)
    assert lender.boats.asked == ["SELECT town, boats FROM boats"]
    assert found.passages[1:] == (OLD,)
    assert found.ranked == (("database:boats", 0, 0), ("harbour.md", 0, 25))
    assert found.passages[0].document == "database:boats"
    assert found.passages[0].title == "Database boats"
    assert found.passages[0].text == (
        "SELECT town, boats FROM boats\n\ntown | boats\nArnford | 12\nBelwick | 7"
    )
    assert found.passages[0].covers("database:boats", 0, 0)
    assert found.trace[-1] == {
        "step": "database", "sql": "SELECT town, boats FROM boats", "rows": 2, "error": "",
    }  # fmt: skip


async def test_the_model_sees_schema_examples_and_question() -> None:
    lender = Lender("SELECT 1")
    await Database(when="always", examples=2, max_tokens=77, model="m").run(state(), lender)
    (request,) = lender.requests
    system, *turns = request.messages
    assert system.role == "system"
    assert lender.boats.schema() in system.content
    assert "sqlite" in system.content
    assert "NONE" not in system.content
    first, second = lender.task.examples[:2]
    assert turns == [  # the nearest last
        Message("user", second.question),
        Message("assistant", "SELECT 1 FROM boats"),
        Message("user", first.question),
        Message("assistant", "SELECT 0 FROM boats"),
        Message("user", "How many boats has Arnford?"),
    ]
    assert request.max_tokens == 77


async def test_it_is_told_of_none_with_examples_of_it() -> None:
    lender = Lender("NONE.", solved=2)
    before = state()
    found = await Database(when="model", examples=3).run(before, lender)
    request = lender.requests[0]
    assert "reply NONE" in request.messages[0].content
    said = [m.content for m in request.messages if m.role == "assistant"]
    assert said == ["NONE", "NONE", "SELECT 1 FROM boats", "SELECT 0 FROM boats"]
    assert found.passages == before.passages
    assert found.ranked == before.ranked
    assert lender.boats.asked == []
    assert "does not hold it" in found.trace[-1]["why"]


@pytest.mark.parametrize(("solved", "asks"), [(24, True), (3, True), (2, False), (0, False)])
async def test_the_nearest_examples_decide(solved: int, asks: bool) -> None:
    lender = Lender("SELECT 1", solved=solved)
    found = await Database(when="matched").run(state(), lender)
    assert bool(lender.requests) == asks
    assert (found.passages[0].document == "database:boats") == asks
    assert ("why" in found.trace[-1]) != asks


async def test_its_own_group_neither_votes_nor_is_shown() -> None:
    lender = Lender("SELECT 1", "SELECT 1", solved=4)
    own = lender.task.examples[0]
    mine = replace(state(), example=own, query=own.question)
    found = await Database(when="matched").run(mine, lender)  # 2 of the 4 are of its group
    assert "why" in found.trace[-1]
    await Database(when="always", examples=9).run(mine, lender)
    said = [m.content for m in lender.requests[-1].messages if m.role == "assistant"]
    assert said == ["SELECT 3 FROM boats", "SELECT 2 FROM boats"]


async def test_queries_of_another_database_are_not_shown() -> None:
    lender = Lender("SELECT 1", boats=Boats(name="cars"))
    await Database(when="always", database="cars").run(state(), lender)
    assert lender.names == ["cars"]
    assert len(lender.requests[0].messages) == 2


async def test_an_error_is_handed_back() -> None:
    boats = Boats([Table(error="no such column: ship"), ROWS])
    lender = Lender("SELECT ship FROM boats", "SELECT boats FROM boats", boats=boats)
    found = await Database(when="always").run(state(), lender)
    assert boats.asked == ["SELECT ship FROM boats", "SELECT boats FROM boats"]
    again = lender.requests[1].messages
    assert again[-2] == Message("assistant", "SELECT ship FROM boats")
    assert "no such column: ship" in again[-1].content
    assert again[:-2] == lender.requests[0].messages
    assert found.trace[-1]["sql"] == "SELECT boats FROM boats"
    assert found.passages[0].document == "database:boats"


@pytest.mark.parametrize(
    "table", [Table(error="no such table"), Table(("a",)), Table(("sum",), ((None,),))]
)
@pytest.mark.parametrize("retries", [0, 1, 2])
async def test_what_gives_nothing_changes_nothing(table: Table, retries: int) -> None:
    lender = Lender(*["SELECT 1"] * 5, boats=Boats([table]))
    before = state()
    found = await Database(when="always", retries=retries).run(before, lender)
    assert len(lender.boats.asked) == retries + 1
    assert found == replace(before, trace=found.trace)
    assert found.trace[-1]["why"] == (table.error or "no rows")
    assert found.trace[-1]["error"] == table.error


async def test_prose_and_refusals_are_no_queries() -> None:
    for reply in (ChatReply("I cannot."), ChatReply("SELECT 1", finish="refused")):
        lender = Lender()
        lender._reply = reply
        found = await Database(when="always", retries=0).run(state(), lender)
        assert lender.boats.asked == []
        assert found.trace[-1]["why"] == "no query in the reply"


async def test_without_examples_nothing_is_searched_for() -> None:
    class Never(Lender):
        async def nearest(self, question: str, k: int, embed: str | None) -> Any:
            raise AssertionError

    step = Database(when="model", examples=0)
    assert step.roles == {}
    await step.run(state(), Never("SELECT 1"))
    assert Database(when="matched", examples=0).roles == {"embed": "embed"}
    assert Database().roles == {"embed": "embed"}


# --- reading and showing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "sql"),
    [
        ("SELECT 1", "SELECT 1"),
        ("select a from b;", "select a from b"),
        ("```sql\nSELECT 1;\n```\nThis gives one.", "SELECT 1"),
        ("```\nWITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("SQL: SELECT 'a;b', \"c;d\" FROM t; SELECT 2", "SELECT 'a;b', \"c;d\" FROM t"),
        ("With this query you select it:\nSELECT 1", "SELECT 1"),
        ("<think>SELECT nothing?</think>SELECT 2", "SELECT 2"),
        ("You can select the sum so: SELECT 3", "SELECT 3"),
        ("SELECT 1 -- a; b\nFROM t; done", "SELECT 1 -- a; b\nFROM t"),
        ("VALUES (1)", "VALUES (1)"),
        ("I do not know.", ""),
        ("", ""),
    ],
)
def test_a_query_is_read_out_of_a_reply(reply: str, sql: str) -> None:
    assert read_sql(reply) == sql


@given(st.text())
def test_any_reply_can_be_read(reply: str) -> None:
    found = read_sql(reply)
    assert found in reply
    assert found == found.strip()


def test_garbage_can_be_read() -> None:
    for reply in GARBAGE:
        assert isinstance(read_sql(reply), str)


def test_many_rows_are_cut() -> None:
    rows = tuple((n, "x" * 500, None, 0.1 + 0.2, 3.0) for n in range(25))
    lines = as_passage("b", "SELECT\n  *", Table(("n", "t", "e", "f", "g"), rows)).text.split("\n")
    assert lines[0] == "SELECT *"
    assert lines[3] == "0 | " + "x" * 120 + "... | NULL | 0.3 | 3"
    assert len(lines) == 2 + 1 + 20 + 1
    assert lines[-1] == "(5 more rows are left out)"
    more = as_passage("b", "SELECT 1", Table(("n",), ((1,),), more=True))
    assert more.text.endswith("1\n(more rows are left out)")


def test_which_evidence_is_a_query() -> None:
    tables = ("boats",)
    assert query_in(Evidence(document="database:b", tables=tables, text="SELECT 1")) == (
        "b", "SELECT 1",
    )  # fmt: skip
    for other in (
        Evidence(document="database:b", text="SELECT 1"),
        Evidence(document="database:b", tables=tables),
        Evidence(document="database:", tables=tables, text="SELECT 1"),
        Evidence(document="b", tables=tables, text="SELECT 1"),
        Evidence(tables=tables, text="SELECT 1"),
        Evidence(document="harbour.md", text="at six"),
    ):
        assert query_in(other) is None


async def test_a_row_is_shown_whatever_is_in_it() -> None:
    boats = Boats([Table(("a\nb",), (("one\n\ntwo | three",),))])
    found = await Database(when="always").run(state(), Lender("SELECT 1", boats=boats))
    assert found.passages[0].text == "SELECT 1\n\na b\none two | three"


def test_a_request_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    seen: list[ChatRequest] = []
    lender = ScriptedLender(reply=lambda request: (seen.append(request), "SELECT 1")[1])
    asyncio.run(Database().run(state_of(small_task()), lender))
    assert seen[0].json_schema is None
    assert seen[0].temperature == 0.0
