"""Answer several times, and keep one: what most samples say, or what a model finds best.

Majority: Wang et al., 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language
Models". For free text, where no two samples need be equal, the one nearest to all others, as in
minimum Bayes risk decoding (Kumar and Byrne, 2004). Best of n: Cobbe et al., 2021, "Training
Verifiers to Solve Math Word Problems".
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field, model_validator

from headway.core.before import before
from headway.core.errors import ModelError, Outage, TooLong
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.statements import figured
from headway.core.task import Frozen
from headway.steps.generate import entry_of, reader_of, shown
from headway.steps.reading import apart, unmarked
from headway.steps.support import together

JUDGE = (
    "You grade an answer. Reply with one whole number from 0 to 10 and nothing else: 10 where the"
    " answer is right, complete and says nothing that it should not; 0 where it is wrong or does"
    " not answer what is asked. Where passages are shown, they are what is true."
)
_GRADE = re.compile(r"(?<![\d.])((?:10|\d)(?:\.\d+)?)(?!\d)")
# Words and figures. A minus is part of one at whose edge it stands, as in -5 and A-, not of two
# that it joins, as in well-known; + and # may be all that tells C++ from C#.
_SAID = re.compile(r"(?<!\w)-?\w+(?:\.\d+)*(?:[-+#]+(?!\w))?|[+#%]")
_ARTICLES = frozenset({"a", "an", "the"})
_HYPHENS = dict.fromkeys(map(ord, "‐‑−"), "-")


@dataclass(frozen=True, slots=True)
class Sample:
    """One reply, read: `read` is what Generate.read gives. kind: of the task's output."""

    reply: ChatReply
    read: dict[str, Any]
    kind: str

    @property
    def key(self) -> str:
        """What makes two answers the same."""
        return same(self.read["output"], self.kind)


class Vote(Frozen):
    """Comes after `generate`, and sends the same request n - 1 times more.

    temperature: of those; `generate`'s own answer is the first sample. by: `majority`, what most
    samples say; where all say something else, the one that shares most words (of JSON, values)
    with the others. `model`: a chat model grades each different answer alone, from 0 to 10; the
    role `judge`, if it is not named, else the pipeline's own. `rerank`: the score of a re-ranking
    model, for the passages that best support the answer, or for the answer to the question where
    there are none. Among equals what more samples say wins, then what was said first.

    Samples that break the contract or are refused have no vote. A sample whose call failed is
    left out and counted; where fewer than half of n came, the vote is an outage.
    """

    name: ClassVar[str] = "vote"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    n: int = Field(default=5, ge=2, le=50)
    temperature: float = Field(default=0.7, gt=0, le=2)
    by: Literal["majority", "model", "rerank"] = "majority"
    model: str | None = None

    @model_validator(mode="after")
    def _model_is_used(self) -> Vote:
        if self.by == "majority" and self.model is not None:
            raise ValueError("model is for by: model or by: rerank, not for by: majority")
        return self

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"majority": {}, "model": {"model": "judge"}, "rerank": {"model": "rerank"}}[self.by]

    async def run(self, state: State, lend: Lender) -> State:
        """Answer, output, status and trace of the sample that is kept; an answer that nobody was
        asked for (an abstention before the model) stays."""
        entry, request = entry_of(state), state.request
        if entry is None or request is None:
            return state
        reader, output = reader_of(entry), lend.task.spec.output
        first = ChatReply(str(entry["text"]), entry["finish"])
        replies = [first, *await self._more(request, lend, entry.get("model"))]
        samples = [Sample(reply, reader.read(reply, output), output.kind) for reply in replies]
        valid = [s for s in samples if s.read["status"] == "done"]
        told: dict[str, Any] = {
            "n": self.n, "lost": self.n - len(replies), "valid": len(valid),
            "said": [s.read["answer"] for s in samples],
        }  # fmt: skip
        if not valid:
            return replace(state, trace=(*state.trace, {"step": "vote", **told}))
        chosen, grades = await self._choose(valid, state, lend)
        told["votes"] = sum(s.key == chosen.key for s in valid)
        told |= {"grades": grades} if grades else {}
        state = replace(state, trace=(*state.trace, reader.told(chosen.reply, "vote") | told))
        return replace(state, **{"why": "", "output": None, **chosen.read})

    async def _more(self, request: ChatRequest, lend: Lender, model: str | None) -> list[ChatReply]:
        """The other samples, those whose call failed left out. Each has its own seed, so that the
        cache keeps them apart. Raises Outage where fewer than half of n are left."""
        asked = [
            replace(request, temperature=self.temperature, seed=seed) for seed in range(1, self.n)
        ]
        found = await together([lend.chat(one, model) for one in asked])
        replies = [one for one in found if isinstance(one, ChatReply)]
        failed = [one for one in found if isinstance(one, ModelError)]
        if 2 * (1 + len(replies)) < self.n:
            raise Outage(f"{len(failed)} of {self.n} samples failed: {failed[-1].what}")
        return replies

    async def _choose(
        self, valid: Sequence[Sample], state: State, lend: Lender
    ) -> tuple[Sample, list[float | None]]:
        """The sample that is kept, and the grades of the different answers, in their order."""
        votes = Counter(s.key for s in valid)
        by_key: dict[str, Sample] = {}
        for sample in valid:
            by_key.setdefault(sample.key, sample)
        different = list(by_key.values())
        if self.by == "majority" or len(different) == 1:
            most = max(votes.values())
            tied = [s for s in different if votes[s.key] == most]
            near = nearness([s.read["output"] for s in valid], [s.read["output"] for s in tied])
            return max(zip(near, range(0, -len(tied), -1), tied, strict=True))[2], []
        grades = await self._grades([s.read["answer"] for s in different], state, lend)
        places = range(len(different))

        def rank(place: int) -> tuple[bool, float, int, int]:
            grade = grades[place]
            return grade is not None, grade or 0.0, votes[different[place].key], -place

        return different[max(places, key=rank)], grades

    async def _grades(
        self, answers: Sequence[str], state: State, lend: Lender
    ) -> list[float | None]:
        """How good each answer is; None where the model did not say."""
        if self.by == "rerank":
            model = self.model or lend.task.spec.models.rerank
            if not state.passages:
                return list(await lend.rerank(model, state.query, answers))
            texts = [f"{p.title}\n{p.text}" if p.title else p.text for p in state.passages]
            return [
                max(await lend.rerank(model, f"{state.query} {answer}", texts))
                for answer in answers
            ]
        found = await together([lend.chat(graded(a, state), self.model) for a in answers])
        failed = [one for one in found if isinstance(one, ModelError)]
        if len(failed) == len(found) and not isinstance(failed[-1], TooLong):
            raise failed[-1]  # nobody judged: the choice would be another than the pipeline's
        return [grade_of(one) for one in found]


def grade_of(found: ChatReply | ModelError) -> float | None:
    """The grade in a reply; None where there is none."""
    if not isinstance(found, ChatReply) or found.finish == "refused":
        return None
    grade = _GRADE.search(apart(found.text)[1])
    return float(grade[1]) if grade else None


def graded(answer: str, state: State) -> ChatRequest:
    """The request that has one answer graded, by all that it was given for."""
    given = shown(state.query, state.passages, (), before(state.history, state.files))
    text = f"{given}\n\nAnswer to grade: {answer}\n\nGrade:"
    return ChatRequest((Message("system", JUDGE), Message("user", text)), max_tokens=8)


def same(output: Any, kind: str = "text") -> str:
    """Equal for outputs that say the same: JSON whatever the order of its fields, a label as it is
    read (a mark inside tells C from C#), texts after case, white space and marks, but those of
    `_SAID`; figures in them however they are written (1,200 and 1200.0). kind: of the task's
    output."""
    if not isinstance(output, str):
        return orjson.dumps(output, option=orjson.OPT_SORT_KEYS).decode()
    text = unicodedata.normalize("NFKC", output).casefold()
    if kind == "label":
        return " ".join(unmarked(text).split())
    return " ".join(_SAID.findall(figured(text).translate(_HYPHENS))) or text.strip()


def nearness(all_: Sequence[Any], some: Sequence[Any]) -> list[float]:
    """For each of some outputs the sum of its overlaps (F1 of words, of JSON of values by their
    place) with all."""
    bags = [bag(output) for output in all_]
    return [sum(overlap(bag(output), other) for other in bags) for output in some]


def overlap(a: Counter[str], b: Counter[str]) -> float:
    """F1 of two bags."""
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0


def bag(output: Any) -> Counter[str]:
    """What an output says, to be compared piece by piece: words and figures as `same` reads them,
    English articles aside, of East Asian text its characters; of JSON its values by their place."""
    if not isinstance(output, str):
        return Counter(_leaves(output, ""))
    words = same(_EAST.sub(r" \g<0> ", output)).split()
    return Counter([word for word in words if word not in _ARTICLES] or words)


_EAST = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")  # written without spaces


def _leaves(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for inner in value:  # a list's order is not its place: an item more moves no other
            yield from _leaves(inner, f"{place}[]")
    else:
        yield f"{place}={same(value)}"
