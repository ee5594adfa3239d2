"""What every Step must do, and a lender that needs no engine. Subclass, give steps, and pytest
runs the checks:

    class TestMine(StepContract):
        @pytest.fixture(params=[{}, {"k": 2}])
        def step(self, request):
            return MyStep.model_validate(request.param)
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pytest
from pydantic import BaseModel, ValidationError

from headway.core.errors import HeadwayError
from headway.core.protocols import Database, Search, State, Step, Table, Vectors
from headway.core.record import ApplicationReply, ChatReply, ChatRequest, Passage
from headway.core.task import Evidence, Example, Task, TaskSpec

DOCUMENTS = {
    "harbour.md": "The harbour opens at six.",
    "kiln.md": "The kiln fires at 1,240 degrees.",
    "orchard.md": "Apples are picked in September.",
    "press.md": "The cider press stands in the barn.",
}
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"kind": "text"},
    {"kind": "label", "labels": ["open", "shut"]},
    {"kind": "json", "schema": {"type": "object", "required": ["answer"]}},
    {"kind": "sql", "dialect": "sqlite"},
)
# What a model may write: nothing, half of something, far too much, something hostile.
GARBAGE = (
    "",
    " \n\t",
    "\x00\x1b[31m",
    "🙂 答案 ﬁ",
    "null",
    "NaN",
    "[]",
    '"text"',
    '{"answer"',
    '{"answer": {"answer": 1}}',
    'so: {"answer": "\\ud800"}',
    'so: {"answer": 123456789012345678901234567890}',
    'so: {"answer": 1e999, "x": NaN}',
    '{"a":' * 300 + "1" + "}" * 300,
    "x" + '{"a":' * 2000,
    "{{question}} {{nobody}} {0} %s ${x}",
    "Answer:",
    "Answer: Answer: {",
    "I'm sorry, but I can't help with that.",
    "</system><script>alert(1)</script>'; DROP TABLE examples; --",
    "word " * 3000,
)


class SealedExample(Example):
    """An example whose reference and evidence must not be looked at."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("reference", "references", "evidence", "fingerprint"):
            raise AssertionError(f"a step looked at `{name}` of the example that it answers")
        return super().__getattribute__(name)


def small_task(output: Mapping[str, Any] | None = None) -> Task:
    """A task in memory: 24 solved examples in groups of two, over four documents."""
    names = list(DOCUMENTS)
    examples = tuple(
        Example(
            id=f"e{number}",
            inputs={"question": f"Question {number}: what of {names[number % 4]}?"},
            reference=f"reference {number}",
            evidence=(Evidence(document=names[number % 4]),),
            group=f"g{number // 2}",
            tags=("odd" if number % 2 else "even",),
        )
        for number in range(24)
    )
    spec = {"name": "small", "output": dict(output or {"kind": "text"}), "knowledge": {}}
    return Task(folder=Path(), spec=TaskSpec.model_validate(spec), examples=examples)


class ScriptedLender:
    """Lends a step what the engine would, from memory. reply: the text of every chat reply, a
    ChatReply, or a function of the request. `requests` holds what was asked, in order."""

    def __init__(
        self,
        task: Task | None = None,
        reply: str | ChatReply | Callable[[ChatRequest], str] = "At six.",
    ) -> None:
        self.task = task or small_task()
        self.requests: list[ChatRequest] = []
        self.applied: list[tuple[Any, Any, Any]] = []
        self._reply = reply

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """The scripted reply."""
        self.requests.append(request)
        await asyncio.sleep(0)
        if isinstance(self._reply, ChatReply):
            return self._reply
        return ChatReply(self._reply(request) if callable(self._reply) else self._reply)

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Documents by the words they share with the query."""
        scores = [float(_shared(query, text)) for text in DOCUMENTS.values()]
        found = [
            Passage(name, text, 0, len(text), name.removesuffix(".md"), score)
            for (name, text), score in zip(DOCUMENTS.items(), scores, strict=True)
        ]
        return tuple(sorted(found, key=lambda p: -(p.score or 0.0))[: how.k])

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Words that each text shares with the query."""
        return [float(_shared(query, text)) for text in texts]

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """Counts of letters, as unit vectors."""
        counts = [[text.lower().count(chr(97 + i)) for i in range(26)] + [1] for text in texts]
        made = np.array(counts, dtype=np.float32).reshape(len(texts), 27)
        found: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
        return found

    def metadata(self, document: str) -> Mapping[str, str]:
        """A folder, a kind and a date for each document, later by its place in the alphabet."""
        if document not in DOCUMENTS:
            return {}
        place = sorted(DOCUMENTS).index(document)
        kinds = ("report", "note")
        return {
            "folder": ("works", "fields")[place % 2],
            "kind": kinds[place // 2],
            "date": f"2024-01-0{place + 1}",
            "format": "md",
        }

    @property
    def domains(self) -> Mapping[str, str]:
        """Two folders."""
        return {"works": "Machines and the harbour.", "fields": "Fruit and what is made of it."}

    async def domain(self, question: str, embed: str) -> str | None:
        """By the number of words."""
        return ("works", "fields")[len(question.split()) % 2]

    def database(self, name: str | None = None) -> Database:
        """One small table, whatever the query."""
        return ScriptedDatabase()

    async def nearest(
        self,
        question: str,
        k: int,
        embed: str | None,
        *,
        own: Example | None = None,
        diversity: float = 0.0,
        matched: bool = False,
    ) -> tuple[Example, ...]:
        """Solved train by shared words. diversity: of those that share as many, the ones with
        another first tag than the best come first. matched: those whose reference has as many
        digits as the question has."""
        pool = [e for e in self.task.split("train") if e.reference is not None]
        if own is not None:
            pool = [e for e in pool if e.cluster != own.cluster and e.question != own.question]
        if matched:
            pool = [e for e in pool if _digits(str(e.reference)) == _digits(question)]
        pool.sort(key=lambda e: (-_shared(question, e.question), e.id))
        if diversity > 0 and pool:
            best = pool[0].tags[:1]
            pool[1:] = sorted(pool[1:], key=lambda e: e.tags[:1] == best)
        return tuple(pool[:k])

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """Whole documents."""
        names = [e.document for e in example.evidence if e.document in DOCUMENTS]
        return tuple(Passage(n, DOCUMENTS[n], 0, len(DOCUMENTS[n])) for n in names if n)

    async def apply(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """The scripted reply as an application's."""
        self.applied.append((inputs, context, settings))
        await asyncio.sleep(0)
        text = self._reply.text if isinstance(self._reply, ChatReply) else str(self._reply)
        passages = None if context is not None else await self.search(str(inputs), Search(k=2))
        return ApplicationReply(text, passages)


@dataclass
class ScriptedDatabase:
    """A database that answers every SELECT with the same rows, and anything else with an error."""

    name: str = "boxes"
    dialect: str = "sqlite"
    fingerprint: str = "boxes"

    def schema(self) -> str:
        """One table."""
        return "CREATE TABLE boxes (name TEXT, weight REAL);"

    async def query(self, sql: str) -> Table:
        """Two rows."""
        if not sql.lstrip().lower().startswith("select"):
            return Table(error="only SELECT is run")
        return Table(("name", "weight"), (("red", 2.5), ("blue", None)))

    async def close(self) -> None:
        """Nothing to close."""


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _shared(a: str, b: str) -> int:
    return len(set(a.lower().split()) & set(b.lower().split()))


def state_of(task: Task, *, sealed: bool = True, other: bool = False) -> State:
    """An example of dev on its way, with two passages. sealed: its reference must not be looked
    at. other: the same question with another reference and other evidence."""
    example = task.split("dev")[0]
    data = example.model_dump()
    if other:
        data |= {"reference": ["something", "else"], "evidence": [{"document": "press.md"}]}
    made = (SealedExample if sealed else Example).model_validate(data)
    shown = tuple(
        Passage(name, text, 0, len(text), name) for name, text in list(DOCUMENTS.items())[:2]
    )
    ranked = tuple((p.document, p.start, p.end) for p in shown)
    return State(example=made, query=example.question, passages=shown, ranked=ranked)


class StepContract:
    """Checks of `headway.core.protocols.Step`. Provide a fixture `step`: a built step."""

    def _run(self, step: Step, state: State, lender: ScriptedLender | None = None) -> State:
        return asyncio.run(step.run(state, lender or ScriptedLender()))

    def test_says_what_it_is(self, step: Step) -> None:
        assert isinstance(step.name, str)
        assert step.name
        assert isinstance(step.supplies_context, bool)
        assert set(getattr(step, "reads", ())) <= {"train", "knowledge", "application", "databases"}

    def test_is_frozen_data_and_refuses_unknown_settings(self, step: Step) -> None:
        assert isinstance(step, BaseModel)
        settings = step.model_dump()
        assert type(step).model_validate(orjson.loads(orjson.dumps(settings))) == step
        with pytest.raises(ValidationError):
            type(step).model_validate({**settings, "no_such_setting": 1})
        for name in settings:
            with pytest.raises(ValidationError):
                setattr(step, name, settings[name])

    def test_does_not_change_what_it_got(self, step: Step) -> None:
        state = state_of(small_task())
        before, settings = copy.deepcopy(state), copy.deepcopy(step)
        self._run(step, state)
        assert state == before
        assert state.example.inputs == before.example.inputs
        assert step == settings

    def test_hands_on_the_same_example(self, step: Step) -> None:
        state = state_of(small_task())
        after = self._run(step, state)
        assert isinstance(after, State)
        assert after.example is state.example
        assert after.pinned == state.pinned
        assert after.trace[: len(state.trace)] == state.trace

    def test_does_not_look_at_the_reference_or_the_evidence(self, step: Step) -> None:
        # Sealed: looking raises. Different: looking by another way changes what comes out.
        task = small_task()
        lenders = ScriptedLender(task), ScriptedLender(task)
        first = self._run(step, state_of(task), lenders[0])
        second = self._run(step, state_of(task, other=True), lenders[1])
        assert lenders[0].requests == lenders[1].requests
        assert lenders[0].applied == lenders[1].applied
        assert replace(first, example=second.example) == second

    def test_never_shows_the_example_itself(self, step: Step) -> None:
        task = small_task()
        for example in task.split("train"):
            state = replace(state_of(task), example=example, query=example.question)
            shown = [s.example.cluster for s in self._run(step, state).shots]
            assert example.cluster not in shown

    def test_the_same_again(self, step: Step) -> None:
        task = small_task()
        runs = [self._run(step, state_of(task), ScriptedLender(task)) for _ in range(3)]
        assert runs[0] == runs[1] == runs[2]

    def test_many_at_once(self, step: Step) -> None:
        task = small_task()
        lender = ScriptedLender(task, reply=lambda request: request.messages[-1].content[:40])

        async def many() -> list[State]:
            alone = await step.run(state_of(task), lender)
            found = await asyncio.gather(*(step.run(state_of(task), lender) for _ in range(16)))
            return [alone, *found]

        states = asyncio.run(many())
        assert all(state == states[0] for state in states)

    def test_nothing_to_work_on(self, step: Step) -> None:
        task = small_task()
        bare = Example(id="bare", inputs={})
        empty = Task(folder=task.folder, spec=task.spec, examples=(bare,))
        self._kept(self._run(step, State(bare, ""), ScriptedLender(empty)))

    @pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: str(output["kind"]))
    def test_whatever_a_model_writes_is_data(self, step: Step, output: dict[str, Any]) -> None:
        task = small_task(output)
        for text in GARBAGE:
            for finish in ("stop", "length", "refused"):
                reply = ChatReply(text, finish=finish)
                state = state_of(task)
                try:
                    found = self._run(step, state, ScriptedLender(task, reply))
                except HeadwayError:
                    continue
                self._kept(found)

    def _kept(self, state: State) -> None:
        """What came out can be kept: plain data, with a status and, where it failed, a reason."""
        assert state.status in ("done", "invalid", "refused")
        assert state.answer is None or isinstance(state.answer, str)
        assert state.status == "done" or state.why
        orjson.dumps([state.answer, state.output, state.why, list(state.trace)])
