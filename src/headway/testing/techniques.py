"""What every Technique must do. Subclass, give the technique, and pytest runs the checks:

class TestMine(TechniqueContract):
    @pytest.fixture
    def technique(self):
        return MyTechnique
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import orjson

from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, silent
from headway.core.protocols import Candidate, Search, Technique
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, Task
from headway.core.template import placeholders
from headway.engine.causes import CAUSES
from headway.engine.parts import Parts
from headway.testing.steps import GARBAGE

NEED = re.compile(
    r"knowledge|evidence|conversations|database|application|train>=\d+|role:\w+|extra:\w+"
)
ROLES = {"teacher", "stronger", "judge", "proposer", "candidates", "chat", "embed", "rerank"}


def large_task(**spec: Any) -> Task:
    """A task in memory with all that a technique may need: 160 examples of single groups, each
    with a code word in its question and in its reference, and evidence."""
    examples = tuple(
        Example(
            id=f"case-{number:03}",
            inputs={"question": f"What is kept in box qq{number:03}?"},
            reference=f"item rr{number:03}",
            evidence=({"document": "boxes.md", "text": f"item rr{number:03}"},),
            tags=(("small", "large", "odd")[number % 3],),
        )
        for number in range(160)
    )
    data = {
        "name": "boxes",
        "description": "Say what is kept in a box.",
        "models": {role: "scripted/echo" for role in sorted(ROLES - {"candidates"})},
        "output": {"abstain": "I do not know"},
        "knowledge": {},
        "application": "app.py:answer",
        "settings": {"style": ["long", "short"], "depth": [1, 2, 3]},
        **spec,
    }
    return Task.model_validate({"folder": Path(), "spec": data, "examples": examples})


def _pipelines() -> dict[str, Pipeline]:
    retrieve, generate = {"retrieve": {"k": 2}}, {"generate": {"template": "Answer."}}
    shots = {"examples": {"k": 2}}
    own = {"generate": {"template": "Read:\n{{passages}}\n\nNow answer: {{question}}"}}
    every = "{{examples}}\n{{passages}}\n{{question}}\nOne of: {{labels}} {{schema}}"
    made: dict[str, list[Any]] = {
        "search": [retrieve, generate],
        "no search": [generate],
        "own placeholders": [retrieve, own],
        "all placeholders": [retrieve, shots, {"generate": {"template": every}}],
        "examples": [retrieve, shots, generate],
        "re-ranked": [{"retrieve": {"k": 20, "by": "dense"}}, {"rerank": {"k": 3}}, generate],
        "one passage": [{"retrieve": {"k": 1, "passages": {"tokens": 48}}}, generate],
        "application": ["application"],
        "application, set": [{"application": {"settings": {"style": "short"}}}],
        "search only": [retrieve],
    }
    return {
        name: Pipeline.model_validate({"model": "scripted/echo", "steps": steps})
        for name, steps in made.items()
    }


INCUMBENTS: Mapping[str, Pipeline] = _pipelines()


@dataclass
class ScriptedContext:
    """What a technique is lent (`TechniqueContext`), from memory."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)
    reply: str = "Answer briefly."
    room: int | None = None
    calls_left: int | None = None
    notices: list[str] = field(default_factory=list)

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """The scripted reply."""
        return ChatReply(self.reply)

    @property
    def domains(self) -> Mapping[str, str]:
        """Two folders."""
        return {"small": "Boxes that one can carry.", "large": ""}

    @property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """Some dated documents of two kinds in two folders."""
        return {
            f"{folder}/boxes-{year}.md": {
                "folder": folder, "date": f"{year}-05-01", "kind": kind, "format": "md",
            }
            for folder in ("small", "large")
            for year, kind in ((2023, "list"), (2024, "list"), (2025, "report"))
        }  # fmt: skip

    @property
    def databases(self) -> tuple[str, ...]:
        """One."""
        return ("boxes",)

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """One passage for the code word of the query, best of three."""
        found = [
            Passage("boxes.md", f"Box {query[-6:-1]} and more.", 0, 18, "Boxes", 4.0),
            Passage("boxes.md", "Another box.", 20, 32, "Boxes", 1.5),
            Passage("large/boxes-2024.md", "A third.", 0, 8, "Large boxes", 1.0),
        ]
        return tuple(found[: how.k])

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """Every other example is answered right, with its reference; the rest is wrong. Scores are
        by the task's first metric."""
        made = []
        for at, example in enumerate(examples):
            assert example in self.train, "a technique may evaluate on train only"
            right = at % 2 == 0
            answer = example.references[0] if right and example.references else "wrong"
            step = pipeline.step("generate")
            thinks = step is not None and step.settings.get("reasoning", "none") != "none"
            text = f"It is so.\nAnswer: {answer}" if thinks else answer
            told = {"step": "generate", "finish": "stop", "text": text}
            made.append(
                Record(
                    example.id, answer=answer, output=answer, trace=(told,),
                    scores={self.task.metric: float(right)},
                )
            )  # fmt: skip
        return tuple(made)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Falling scores."""
        return [1.0 / (1 + place) for place in range(len(texts))]

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """A made-up name, where there is anything to train on."""
        return "scripted/embed-tuned" if self.train else None

    async def tune(self, pipeline: Pipeline) -> Pipeline | None:
        """The pipeline with a made-up model, where there is anything to train on."""
        return pipeline.model_copy(update={"model": "scripted/tuned"}) if self.train else None

    async def context(self) -> int | None:
        """As given in `room`."""
        return self.room

    def notice(self, text: str) -> None:
        """Kept in `notices`."""
        self.notices.append(text)


def proposals(technique: type[Technique], context: ScriptedContext) -> list[Candidate]:
    """All that a technique proposes, in its order."""

    async def collect() -> list[Candidate]:
        return [candidate async for candidate in technique().propose(context)]

    return asyncio.run(collect())


class TechniqueContract:
    """Checks of `headway.core.protocols.Technique`. Provide a fixture `technique`: the class.

    spec: more of task.yaml that the technique needs. incumbents: pipelines to propose for.
    """

    spec: ClassVar[Mapping[str, Any]] = {}
    incumbents: ClassVar[Mapping[str, Pipeline]] = INCUMBENTS

    def _task(self) -> Task:
        return large_task(**self.spec)

    def _each(
        self, technique: type[Technique], reply: str = "Answer briefly."
    ) -> Iterator[tuple[str, ScriptedContext, list[Candidate]]]:
        """(incumbent's name, context, proposals), resolved as the engine does."""
        task = self._task()
        parts = Parts(task, silent, Notices())
        causes = dict.fromkeys(technique.addresses, 5)
        for name, pipeline in self.incumbents.items():
            incumbent = parts.resolve(pipeline)
            context = ScriptedContext(task, incumbent, task.split("train"), causes, reply)
            found = [
                Candidate(parts.resolve(c.pipeline), c.title) for c in proposals(technique, context)
            ]
            yield name, context, found

    def test_the_card_is_complete(self, technique: type[Technique]) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", technique.name)
        assert technique.axis in ("context", "behaviour", "both")
        assert technique.good_for.strip()
        assert technique.not_good_for.strip()
        assert technique.costs.strip()
        assert (technique.__doc__ or "").strip()

    def test_it_addresses_known_causes(self, technique: type[Technique]) -> None:
        assert technique.addresses
        assert set(technique.addresses) <= set(CAUSES)
        assert len(set(technique.addresses)) == len(technique.addresses)

    def test_needs_can_be_read(self, technique: type[Technique]) -> None:
        for need in technique.needs:
            assert NEED.fullmatch(need), need
            if need.startswith("role:"):
                assert need[5:] in ROLES

    def test_proposes_somewhere(self, technique: type[Technique]) -> None:
        assert any(found for _, _, found in self._each(technique))

    def test_proposals_are_valid_and_new(self, technique: type[Technique]) -> None:
        for name, context, found in self._each(technique):
            digests = [context.incumbent.digest, *(c.pipeline.digest for c in found)]
            assert len(set(digests)) == len(digests), name
            titles = [c.title for c in found]
            assert all(title.strip() for title in titles), name
            assert len(set(titles)) == len(titles), name

    def test_the_incumbent_stays_as_it_is(self, technique: type[Technique]) -> None:
        for _, context, _ in self._each(technique):
            before = context.incumbent.model_dump_json()
            proposals(technique, context)
            assert context.incumbent.model_dump_json() == before

    def test_the_same_again(self, technique: type[Technique]) -> None:
        first, second = (
            [c.pipeline.digest for _, _, found in self._each(technique) for c in found]
            for _ in range(2)
        )
        assert first == second

    def test_no_placeholder_is_lost(self, technique: type[Technique]) -> None:
        def held(pipeline: Pipeline) -> set[str]:
            step = pipeline.step("generate")
            return placeholders(str(step.settings.get("template", "")) if step else "")

        for name, context, found in self._each(technique):
            for candidate in found:
                assert held(context.incumbent) <= held(candidate.pipeline), name

    def test_nothing_where_it_does_not_apply(self, technique: type[Technique]) -> None:
        own = "application" in technique.needs
        for _, context, found in self._each(technique):
            if (context.incumbent.step("application") is not None) != own:
                assert found == []
        empty = ScriptedContext(self._task(), Pipeline(steps=()), self._task().split("train"))
        if technique.axis == "behaviour" or own:
            assert proposals(technique, empty) == []

    def test_only_train_is_named(self, technique: type[Technique]) -> None:
        task = self._task()
        hidden = [*task.split("dev"), *task.split("test")]
        assert hidden
        words = {
            word for e in hidden for word in (e.id, e.question[-6:-1], e.references[0][-5:])
        }  # the id and the two code words of each
        for name, _, found in self._each(technique):
            for candidate in found:
                said = orjson.dumps(candidate.pipeline.model_dump(mode="json")).decode()
                said += candidate.title
                assert not [word for word in words if word in said], name

    def test_an_empty_train_is_no_error(self, technique: type[Technique]) -> None:
        for pipeline in self.incumbents.values():
            proposals(technique, ScriptedContext(self._task(), pipeline))

    def test_whatever_a_model_writes_is_data(self, technique: type[Technique]) -> None:
        for text in GARBAGE:
            for _ in self._each(technique, text):  # resolving refuses a broken proposal
                pass
