"""Reason and act by turns: the model says what it thinks and calls a tool, reads what that gives,
and goes on until it has finished.

Yao et al., 2022, "ReAct: Synergizing Reasoning and Acting in Language Models". For labels and JSON,
what was found and worked out is handed to `generate`, so that the answer keeps its contract.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from headway.core.conversation import instructions
from headway.core.conversation import turns as conversation
from headway.core.errors import TooLong
from headway.core.inputs import laid_out
from headway.core.protocols import Lender, Search, State
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.task import Frozen
from headway.steps.arithmetic import calculate
from headway.steps.database import as_passage, read_sql
from headway.steps.expand import cleaned, folded
from headway.steps.generate import layout, shown
from headway.steps.reading import apart
from headway.steps.retrieve import By, Cut
from headway.steps.support import put

Tool = Literal["calculate", "search", "database"]
SHOWN = 600  # characters of an observation, and of a passage in it
FILES = 24_000  # characters of an example's files, all together
CONTEXT = ("search", "database")  # tools that a probe which has pinned the passages takes away

INSTRUCTIONS = (
    "Work towards the answer in turns. In each turn write one line 'Thought:' and one line"
    " 'Action: tool[input]', then stop; you are told what the tool says. The tools:\n{tools}\n"
    "finish[answer]: when you have the answer."
)
ABOUT: dict[str, str] = {
    "calculate": "calculate[expression]: the value of an arithmetic expression.",
    "search": "search[words]: passages about something, with all names and years.",
    "database": "database[SELECT ...]: what one SQL query gives, from these tables:\n{schema}",
}
# Small models follow what they are shown: question, turn, what the tool said, turn.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "calculate": (
        "A crate holds 24 jars. How many jars are in 3 crates and 5 single jars?",
        "Thought: The crates hold 3 * 24 jars, and 5 are added.\nAction: calculate[3 * 24 + 5]",
        "Observation: 77",
        "Thought: That is all of them.\nAction: finish[77]",
    ),
    "search": (
        "In which months can I visit the lighthouse?",
        "Thought: I look for its opening times.\nAction: search[lighthouse opening months]",
        "Observation: [1] Opening\nThe lighthouse is open from May to September.",
        "Thought: That says it.\nAction: finish[May to September]",
    ),
    "database": (
        "How many ships are in the harbour?",
        "Thought: The ships are counted in the database."
        "\nAction: database[SELECT COUNT(*) FROM ships]",
        "Observation: COUNT(*)\n12",
        "Thought: It is 12.\nAction: finish[12]",
    ),
}
AGAIN = (
    "Observation: That is no action. Write one line 'Action: tool[input]', with one of: {tools}."
)
_ACTION = re.compile(
    r"^[ \t>*_-]*action\b[ \t\d*_]*:[ \t*`]*(\w+)[ \t]*[\[(](.*)", re.I | re.M | re.S
)
_OBSERVED = re.compile(r"^[ \t>*_]*observation\b[ \t\d*_]*:", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: what the model wrote, the action in it, what it was told."""

    said: str
    tool: str = ""
    given: str = ""
    told: str = ""


@dataclass
class _Work:
    """What the turns have brought so far."""

    passages: tuple[Passage, ...]
    ranked: tuple[tuple[str, int, int], ...]
    turns: list[Turn] = field(default_factory=list)
    answer: str = ""
    ended: str = "no turns are left"


class React(Frozen):
    """Comes before `generate`; at most `turns` calls of the model, each with at most one action.

    tools: `calculate` works out arithmetic; `search` puts what it finds after the passages that
    are there, up to `keep`; `database` runs one SELECT, read-only, of the task's only database or
    the one named, and its rows become a passage. passages, by, embed and k are as in `retrieve`.
    A turn without an action that can be read is answered with what the form is; the second one
    ends the work, and so does an action that was made already. answer: where the output is a text,
    what it finishes with is the answer, and `generate` is not asked; else, and where it did not
    finish, thoughts, results and conclusion are shown to `generate` with the question.
    """

    name: ClassVar[str] = "react"
    supplies_context: ClassVar[bool] = False
    chats: ClassVar[bool] = True

    tools: tuple[Tool, ...] = Field(default=("calculate",), min_length=1)
    turns: int = Field(default=5, ge=1, le=20)
    keep: int = Field(default=6, ge=1, le=100)
    passages: Cut = Cut()
    by: By = "text"
    embed: str | None = None
    k: int = Field(default=2, ge=1, le=100)
    database: str | None = None
    answer: bool = True
    instructions: str = INSTRUCTIONS
    max_tokens: int = Field(default=120, ge=1)
    model: str | None = None

    @field_validator("instructions")
    @classmethod
    def _names_the_tools(cls, value: str) -> str:
        if "{tools}" not in value:
            raise ValueError("the instructions must say where the tools stand: {tools}")
        return value

    @property
    def reads(self) -> tuple[str, ...]:
        """What of the task it looks at."""
        looks = {"search": "knowledge", "database": "databases"}
        return tuple(looks[tool] for tool in self.tools if tool in looks)

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if "search" in self.tools and self.by != "text" else {}

    @property
    def search(self) -> Search | None:
        """How it searches; None where it does not."""
        if "search" not in self.tools:
            return None
        return self.passages.search(self.by, self.embed, self.k)

    def request(
        self, state: State, turns: Sequence[Turn], tools: Sequence[str], schema: str = "",
        abstain: str | None = None,
    ) -> ChatRequest:  # fmt: skip
        """The work so far, as it is sent for the next turn: the input's own conversation and files
        stand before its question, as in `generate`. abstain: what to finish with where the answer
        cannot be found."""
        about = "\n".join(ABOUT[tool].replace("{schema}", schema) for tool in tools)
        told = [self.instructions.replace("{tools}", about), *instructions(state.history)]
        if abstain is not None:
            told.append(f"If it cannot be found out: finish[{abstain}].")
        messages = [Message("system", "\n\n".join([*told, *state.notes]))]
        for tool in tools:
            for place, text in enumerate(EXAMPLES[tool]):
                messages.append(Message("assistant" if place % 2 else "user", text))
        messages += conversation(state.history)
        files = laid_out(state.files, FILES)
        messages.append(Message("user", shown(state.query, state.passages, (), files)))
        for turn in turns:
            messages += [Message("assistant", turn.said or "-"), Message("user", turn.told)]
        return ChatRequest(
            tuple(messages), max_tokens=self.max_tokens, stop=("\nObservation:", "\nobservation:")
        )

    async def run(self, state: State, lend: Lender) -> State:
        """Append to `passages`, `ranked` and `worked`; the trace keeps every turn."""
        tools = [t for t in self.tools if not (state.pinned and t in CONTEXT)]
        if state.answer is not None or not state.query.strip() or not tools:
            return state
        schema = lend.database(self.database).schema() if "database" in tools else ""
        work = _Work(state.passages, state.ranked)
        output = lend.task.spec.output
        abstain = output.abstain if self.answer and output.kind == "text" else None
        for _ in range(self.turns):
            try:
                reply = await lend.chat(
                    self.request(state, work.turns, tools, schema, abstain),
                    self.model,
                )
            except TooLong as error:
                work.ended = error.what
                break
            if not await self._turn(reply, work, tools, state, lend):
                break
        seen: dict[str, Any] = {
            "step": "react", "ended": work.ended, "concludes": work.answer,
            "turns": [{"said": t.said, "tool": t.tool, "given": t.given, "told": t.told}
                      for t in work.turns],
        }  # fmt: skip
        state = replace(state, trace=(*state.trace, seen))
        worked = working(work.turns, work.answer)
        if self.answer and work.answer and lend.task.spec.output.kind == "text":
            # Small models, shown their own conclusion, begin anew instead of repeating it.
            state = replace(state, answer=work.answer, output=work.answer)
        return replace(
            state,
            passages=work.passages,
            ranked=work.ranked,
            worked=(*state.worked, worked) if worked else state.worked,
        )

    async def _turn(
        self, reply: ChatReply, work: _Work, tools: Sequence[str], state: State, lend: Lender
    ) -> bool:
        """Take one turn; whether there is to be another."""
        said, tool, given = acted(reply, tools)
        if tool == "finish":
            work.turns.append(Turn(said, tool, given))
            work.answer, work.ended = given, "finished"
            return False
        if not tool:
            told = AGAIN.format(tools=", ".join((*tools, "finish")))
            lost = any(not turn.tool for turn in work.turns)
            work.turns.append(Turn(said, told=told))
            if lost or reply.finish == "refused":
                work.ended = "the replies hold no action"
                return False
            return True
        if any(turn.tool == tool and folded(turn.given) == folded(given) for turn in work.turns):
            work.turns.append(Turn(said, tool, given))
            work.ended = "it was done already"
            return False
        told = await self._act(tool, given, work, state, lend)
        work.turns.append(Turn(said, tool, given, f"Observation: {told}"))
        return True

    async def _act(self, tool: str, given: str, work: _Work, state: State, lend: Lender) -> str:
        """What the tool says; passages and rows are kept on the way."""
        if tool == "calculate":
            try:
                return calculate(given)
            except ValueError as error:
                return f"That cannot be calculated: {error}."
        if tool == "search":
            assert self.search is not None
            how = replace(self.search, where=state.where)
            found = await lend.search(cleaned(given), how)
            work.passages, work.ranked = put(work.passages, work.ranked, found, self.keep)
            short = [replace(p, text=p.text[:SHOWN]) for p in found]
            return layout(short) or "Nothing was found."
        database = lend.database(self.database)
        sql = read_sql(given)
        table = await database.query(sql) if sql else None
        if table is None or table.error:
            return f"That does not work: {table.error if table else 'it is no query'}."
        if not table.rows:
            return "No rows."
        passage = as_passage(database.name, sql, table)
        if passage not in work.passages:
            work.passages = (passage, *work.passages)
            work.ranked = ((passage.document, 0, 0), *work.ranked)
        return passage.text.partition("\n\n")[2][:SHOWN]


def acted(reply: ChatReply, tools: Sequence[str]) -> tuple[str, str, str]:
    """(what the model wrote up to its first action, the tool, what is given to it); no tool where
    there is no action, or one with a tool that there is not."""
    _, text = apart(reply.text.strip())
    text = _OBSERVED.split(text)[0].strip()  # what it makes up itself is not read
    found = _ACTION.search(text)
    if found is None or found[1].lower() not in (*tools, "finish") or reply.finish == "refused":
        return text, "", ""
    given = _closed(found[2])
    said = f"{text[: found.start(2)]}{given}]".strip()
    return said, found[1].lower(), given.strip(" \t`'\"")


def _closed(text: str) -> str:
    """Up to the bracket that closes the action's; to the line's end where none does."""
    depth = 1
    for place, char in enumerate(text):
        depth += (char in "[(") - (char in "])")
        if depth == 0:
            return text[:place]
    return text.partition("\n")[0].rstrip(" *])")


def working(turns: Sequence[Turn], answer: str) -> str:
    """The turns as `generate` shows them: what was thought, calculated and concluded. What was
    searched and looked up stands in the passages."""
    lines = []
    for turn in turns:
        thought = turn.said.partition("Action:")[0].strip().removeprefix("Thought:").strip()
        lines += [thought] if thought and turn.tool else []
        if turn.tool == "calculate" and turn.told:
            lines.append(f"{turn.given} = {turn.told.removeprefix('Observation: ')}")
    if answer:
        lines.append(f"Conclusion: {answer}")
    return "\n".join(["Worked out:", *lines]) if lines else ""
