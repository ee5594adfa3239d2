"""Ask a database: the model writes one query, it is run, and its rows are the first passage.

Solved examples before the question: Gao et al., 2023, "Text-to-SQL Empowered by Large Language
Models: A Benchmark Evaluation". The error handed back: Chen et al., 2023, "Teaching Large Language
Models to Self-Debug".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from headway.core.protocols import Lender, State, Table
from headway.core.record import ChatRequest, Message, Passage
from headway.core.task import Evidence, Example, Frozen

PREFIX = "database:"  # of the document's name in a passage, and in evidence
SHOWN = 20  # rows in a passage
CELL = 120  # characters of one value there
VOTERS = 5  # nearest examples that decide, with when: matched
POOL = 1000  # nearest examples among which those with a query are looked for
NONE = re.compile(r"\W*none\b", re.IGNORECASE)
# How a query begins; at the start of a line in any case, elsewhere in capitals only.
WITH = r"with\s+(?:recursive\s+)?[\w\"`\[\]]+\s*(?:\(|as\b)"
QUERY = re.compile(
    rf"^\s*(?i:select\b|{WITH}|values\s*\()|\b(?:SELECT\b|{WITH.replace('with', 'WITH', 1)})",
    re.MULTILINE,
)
# What a semicolon may stand in without ending a query, and the semicolon.
TOKEN = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|;""", re.DOTALL)

ASK = (
    "Write one {dialect} query that gives the answer to the question from the database below."
    " Use only its tables and columns. Reply with the query alone."
)
OR_NONE = " If the database does not hold what is asked, reply NONE."


class Database(Frozen):
    """Comes after the steps that search, before `generate`.

    database: its name; the task's only one, if not given. when: who decides whether a question
    goes to it: `always`; the `model`, which may reply NONE; `matched`, the five nearest examples
    of `train`, most of which must have been answered from it. examples: so many of the nearest
    that were are shown with their queries (with `model` up to two others too, answered NONE).
    retries: how often a query that failed, or gave nothing, is handed back.
    """

    name: ClassVar[str] = "database"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("databases", "train")
    chats: ClassVar[bool] = True

    database: str | None = None
    when: Literal["always", "model", "matched"] = "model"
    examples: int = Field(default=3, ge=0, le=32)
    retries: int = Field(default=1, ge=0, le=5)
    max_tokens: int = Field(default=256, ge=1)
    embed: str | None = None
    model: str | None = None

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if self.examples or self.when == "matched" else {}

    async def run(self, state: State, lend: Lender) -> State:
        """Put the rows before the other passages; without rows all stays, and the trace says
        why."""
        database = lend.database(self.database)
        own = state.example
        near: list[Example] = []
        if self.roles:
            found = await lend.nearest(state.query, POOL, self.embed)
            near = [e for e in found if e.cluster != own.cluster and e.question != own.question]
        if self.when == "matched":
            votes = [query_of(e, database.name) is not None for e in near[:VOTERS]]
            if 2 * sum(votes) <= len(votes):
                return _noted(state, why="like questions are not answered from the database")
        messages = [
            Message("system", self._instructions(database.dialect, database.schema())),
            *self._shots(near, database.name),
            Message("user", state.query),
        ]
        sql, table, why = "", Table(), ""
        for attempt in range(self.retries + 1):
            request = ChatRequest(tuple(messages), max_tokens=self.max_tokens)
            reply = await lend.chat(request, self.model)
            if self.when == "model" and NONE.match(reply.text):
                sql, table, why = "", Table(), "the model says that the database does not hold it"
                break
            sql = read_sql(reply.text) if reply.finish != "refused" else ""
            table = await database.query(sql) if sql else Table(error="no query in the reply")
            why = table.error or ("" if _says_something(table) else "no rows")
            if not why or attempt == self.retries:
                break
            problem = "it gives no rows" if why == "no rows" else why
            messages += [
                Message("assistant", reply.text),
                Message("user", f"That does not work: {problem}. Reply with a better query."),
            ]
        if why:
            return _noted(state, sql=sql, error=table.error, why=why)
        passage = as_passage(database.name, sql, table)
        ranked = (passage.document, passage.start, passage.end)
        return replace(
            _noted(state, sql=sql, rows=len(table.rows)),
            passages=(passage, *state.passages),
            ranked=(ranked, *state.ranked),
        )

    def _instructions(self, dialect: str, schema: str) -> str:
        said = ASK.format(dialect=dialect) + (OR_NONE if self.when == "model" else "")
        return f"{said}\n\n{schema}"

    def _shots(self, near: Sequence[Example], database: str) -> list[Message]:
        """Solved examples as turns, the nearest last."""
        solved = [(e, sql) for e in near if (sql := query_of(e, database)) is not None]
        chosen = solved[: self.examples]
        if self.when == "model" and chosen:
            asked = {e.id for e, _ in solved}
            chosen += [(e, "NONE") for e in near if e.id not in asked][: min(2, self.examples)]
        place = {e.id: number for number, e in enumerate(near)}
        turns = []
        for example, sql in sorted(chosen, key=lambda one: -place[one[0].id]):
            turns += [Message("user", example.question), Message("assistant", sql)]
        return turns


def query_in(evidence: Evidence) -> tuple[str, str] | None:
    """(database, SQL) of evidence that is a query; None of any other."""
    name = (evidence.document or "").removeprefix(PREFIX)
    if not evidence.tables or not evidence.text or not name or name == evidence.document:
        return None
    return name, evidence.text


def query_of(example: Example, database: str) -> str | None:
    """The query that answers an example of `train` from this database; None where none does."""
    found = (query_in(e) for e in example.evidence)
    return next((sql for one in found if one for name, sql in [one] if name == database), None)


def as_passage(database: str, sql: str, table: Table) -> Passage:
    """A query and its rows as the model sees them: at most SHOWN rows, a line each."""
    lines = [" | ".join(_cell(name) for name in table.columns)]
    lines += [" | ".join(_cell(value) for value in row) for row in table.rows[:SHOWN]]
    left = len(table.rows) - SHOWN
    if left > 0 or table.more:
        lines.append(f"({'' if table.more else f'{left} '}more rows are left out)")
    text = "\n".join([" ".join(sql.split()), "", *lines])
    return Passage(f"{PREFIX}{database}", text, title=f"Database {database}")


def read_sql(text: str) -> str:
    """The first query in a reply: in a fence, at the start of a line, or anywhere; empty where
    there is none. What follows its semicolon is left out."""
    text = text.rpartition("</think>")[2]
    fence = re.search(r"```[a-zA-Z]*\s*(.*?)(?:```|$)", text, re.DOTALL)
    body = fence[1] if fence else text
    start = QUERY.search(body) or re.search(r"\bselect\b", body, re.IGNORECASE)
    if start is None:
        return ""
    body = body[start.start() :]
    for token in TOKEN.finditer(body):
        if token[0] == ";":
            body = body[: token.start()]
            break
    return body.strip()


def _says_something(table: Table) -> bool:
    """A sum over nothing is one row of NULL."""
    return any(value is not None for row in table.rows for value in row)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    text = f"{value:.12g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= CELL else text[:CELL] + "..."


def _noted(state: State, *, sql: str = "", rows: int = 0, error: str = "", why: str = "") -> State:
    noted = {"step": "database", "sql": sql, "rows": rows, "error": error}
    return replace(state, trace=(*state.trace, {**noted, **({"why": why} if why else {})}))
