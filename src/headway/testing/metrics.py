"""What every Metric must do. Subclass, give the metric and what it should say, and pytest runs
the checks:

    class TestMine(MetricContract):
        metric = MyMetric()
        right = scored("blue", reference="blue")
        wrong = scored("red", reference="blue")

A metric that asks models is given a script instead of them: `scored(..., lend=lent(script))`, with
`judge(...)` as a script that answers what our metrics ask.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import orjson

from headway.core.errors import Outage
from headway.core.inputs import File
from headway.core.protocols import Metric, MetricLender, Scored, Vectors
from headway.core.record import ChatReply, ChatRequest, Passage, Record, Score, Status
from headway.core.task import Evidence, Example, Task, TaskSpec
from headway.metrics.scoring import measure, score
from headway.models.scripted import GARBAGE, ScriptedChat, ScriptedEmbedding, ScriptedRerank

ODD = ("", " ", "\x00", "🙂", "nan", "null", "[]", '{"a":', "答案", "\ud800", "word " * 2000)


class ScriptedMetricLender:
    """A MetricLender whose chat model is a script: a function of the request, or a list of replies
    in the order of calls. Embeddings and re-rankings are scripted as well; files are those of
    `texts`, by name. `requests` holds what was asked of the chat model, in order."""

    def __init__(self, script: Any, texts: Mapping[str, str] | None = None) -> None:
        self._chat, self._texts = ScriptedChat(script), texts or {}
        self._embedding, self._reranking = ScriptedEmbedding(), ScriptedRerank()

    @property
    def requests(self) -> list[ChatRequest]:
        """What the chat model was asked."""
        return self._chat.requests

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """See MetricLender."""
        return await self._chat.chat(request)

    async def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"], model: str | None = None
    ) -> Vectors:
        """See MetricLender."""
        return await self._embedding.embed(texts, kind)

    async def rerank(
        self, query: str, texts: Sequence[str], model: str | None = None
    ) -> list[float]:
        """See MetricLender."""
        return await self._reranking.rerank(query, texts)

    def files(self, example: Example) -> tuple[File, ...]:
        """See MetricLender."""
        return tuple(File(name, self._texts[name]) for name in example.files)


def lent(
    script: Callable[[ChatRequest], Any] | Sequence[Any] = ("{}",),
    texts: Mapping[str, str] | None = None,
) -> ScriptedMetricLender:
    """What a metric is lent: the chat model by this script, and files by their names."""
    return ScriptedMetricLender(script, texts)


def numbered(request: ChatRequest, name: str = "statements") -> dict[str, str]:
    """The numbered lines of a fenced part of what a judge was first asked, by their numbers."""
    text = request.messages[1].content
    part = re.search(rf"<{name} \w+>\n(.*?)\n</{name} ", text, re.DOTALL)
    lines = part[1].split("\n") if part else []
    return dict(line.split(". ", 1) for line in lines)


def judge(
    verdict: Callable[[str], str] | str = "yes",
    parts: Mapping[str, list[str]] | None = None,
    **fields: Any,
) -> Callable[[ChatRequest], str]:
    """A scripted judge. It gives each statement a verdict (a word, or a function of the statement),
    splits the sentences named in `parts` and no others, and fills other replies with `fields`."""

    def answer(request: ChatRequest) -> str:
        statements, sentences = numbered(request), numbered(request, "sentences")
        if statements:
            said = {n: verdict(t) if callable(verdict) else verdict for n, t in statements.items()}
            return written({n: {"reason": "so", "verdict": word} for n, word in said.items()})
        if sentences:
            return written({n: (parts or {}).get(t, [t]) for n, t in sentences.items()})
        return written(fields)

    return answer


def written(data: Any) -> str:
    """Data as a model would write it."""
    return orjson.dumps(data).decode()


def scored(
    answer: str | None,
    *,
    reference: Any = None,
    output: Any = None,
    kind: dict[str, Any] | None = None,
    passages: Sequence[Passage] = (),
    ranked: Sequence[tuple[str, int, int]] = (),
    evidence: Sequence[tuple[str, int, int]] = (),
    whole: Sequence[str] = (),
    question: str = "?",
    inputs: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    lend: MetricLender | None = None,
) -> Scored:
    """A Scored in one line. kind: the task's `output`. whole: documents that are evidence as a
    whole. inputs: the example's, in place of a question. spec: more of task.yaml. lend: models."""
    given = {"name": "contract", "output": kind or {"kind": "text"}, **(spec or {})}
    task = Task(folder=Path(), spec=TaskSpec.model_validate(given), examples=())
    example = Example(
        id="1",
        inputs=inputs or {"question": question},
        reference=reference,
        evidence=tuple(Evidence(document=name) for name in whole),
    )
    record = Record(
        "1", answer=answer, output=output, passages=tuple(passages), ranked=tuple(ranked)
    )
    return Scored(task, example, record, tuple(evidence), lend)


class MetricContract:
    """Checks of `headway.core.protocols.Metric`."""

    metric: Metric
    right: Scored
    wrong: Scored

    def _score(self, case: Scored) -> float | None:
        found = asyncio.run(self.metric.score(case))
        return found.value if isinstance(found, Score) else found

    def _broken(self, case: Scored, status: Status) -> float | None:
        record = replace(case.record, status=status)
        found = score(case.task, case.example, record, case.evidence, [self.metric], case.lend)
        return asyncio.run(found)[self.metric.name].value

    def test_says_what_it_is(self) -> None:
        assert isinstance(self.metric.name, str)
        assert self.metric.name
        assert isinstance(self.metric.yes_no, bool)
        assert set(self.metric.needs) <= {"reference", "evidence"}

    def test_right_is_one_and_wrong_is_less(self) -> None:
        assert self._score(self.right) == 1.0
        wrong = self._score(self.wrong)
        assert wrong is not None
        assert 0.0 <= wrong < 1.0

    def test_the_same_record_scores_the_same(self) -> None:
        assert len({self._score(self.wrong) for _ in range(3)}) == 1

    def test_none_where_it_does_not_apply(self) -> None:
        bare = self.right
        if "reference" in self.metric.needs:
            bare = replace(bare, example=bare.example.model_copy(update={"reference": None}))
        if "evidence" in self.metric.needs:
            bare = replace(bare, evidence=())
        if self.metric.needs:
            assert self._score(bare) is None
            assert self._broken(bare, "refused") is None

    def test_an_invalid_answer_and_a_refusal_are_zero(self) -> None:
        if not getattr(self.metric, "any_status", False):
            assert self._broken(self.right, "invalid") == 0.0
            assert self._broken(self.right, "refused") == 0.0

    def test_whatever_a_model_writes_scores_from_0_to_1(self) -> None:
        for text in ODD:
            for output in (None, text, [text], {"answer": text}):
                record = replace(self.right.record, answer=text, output=output)
                found = self._score(replace(self.right, record=record))
                assert found is None or 0.0 <= found <= 1.0
                if self.metric.yes_no:
                    assert found in (None, 0.0, 1.0)

    def test_a_judge_that_fails_leaves_it_unscored(self) -> None:
        if "judge" not in getattr(self.metric, "roles", ()):
            return
        for script in ([GARBAGE], ["{}"], [Outage("down")]):
            case = replace(self.right, lend=lent(script))
            found = asyncio.run(measure(self.metric, case))
            assert found.value is None
            assert found.unscored
