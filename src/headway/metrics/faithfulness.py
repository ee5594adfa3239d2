"""Whether the passages shown say what the answer says: faithfulness of Es et al., 2023, "RAGAS".

The answer is split into statements, each is held against the passages, and the score is the share
that they support. The statements are known before they are judged and are what is divided by. What
tools returned in the conversation and the example's files are passages too: the model saw them.

`faithfulness` is judged by the model in the role `judge`, if task.yaml names one, and else offline
by the best way that was found without a large model (bench/judges/FAITHFULNESS.md). Three
more names fix the way. What each costs a record:

    faithfulness_judge     two calls: the answer, then the answer's statements with the passages;
                           more where either is long
    faithfulness_offline   two short re-rankings a statement by a 34 MB model, about 80 ms
    faithfulness_words     nothing

An empty answer is 0: it has no faithful statement, and dropping it (NaN, in other tools) would
reward a pipeline for saying nothing. An abstention claims nothing either and is no failure: there
faithfulness does not apply, and `abstention` says whether it was right. Nor does it to an answer of
nothing that can be judged (JSON of nulls, marks alone). Where no passage was shown nothing
supports an answer: 0 in a task with knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from headway.core.protocols import MetricLender, Scored
from headway.core.record import Passage, Score
from headway.core.statements import RERANK, Shown, Statement
from headway.metrics.judging import (
    Judged,
    can_be_held,
    cut,
    lender,
    nothing_shown,
    question_of,
    rests_on,
)
from headway.metrics.text import answer_of, is_abstention
from headway.metrics.verdicts import Statements, Verdict, anywhere, sentences_of, split

DUTY = (
    "You are shown a question, the statements of an answer and passages. Say of each statement"
    " whether it follows from the passages alone: yes only where they say it or it must be true if"
    " they are; no where they say otherwise or nothing of it, even if it is true."
)


class Faithfulness(Judged):
    """Share of the answer's statements that the passages shown support."""

    name: ClassVar[str] = "faithfulness"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("judge", "rerank")

    def applies(self, scored: Scored) -> bool:
        """Where something was, or should have been, shown."""
        return can_be_held(scored, rests_on(scored))

    async def judge(self, scored: Scored) -> float | Score | None:
        """0 to 1, with every statement and its verdict."""
        record = scored.record
        if record.abstained or is_abstention(scored.task, answer_of(record)):
            return Score(None, {"why": "an abstention claims nothing"})
        if (nothing := nothing_shown(scored, rests_on(scored))) is not None:
            return nothing
        answer = self._said(scored)
        question = scored.example.question
        claims = sentences_of(answer, question)
        if not claims.kept and not answer_of(record).strip():
            return Score(0.0, {"why": "the answer is empty: it has no faithful statement"})
        if not claims.kept:
            return Score(None, {"why": "nothing in it can be judged"})
        claims, found, notes = await self._verdicts(scored, answer, claims)
        notes |= {"statements": [verdict.note() for verdict in found], **claims.notes()}
        return Score(sum(verdict.word == "yes" for verdict in found) / len(found), notes)

    @staticmethod
    def _said(scored: Scored) -> Any:
        """What is split: a JSON output as data, else the answer's text."""
        output = scored.record.output
        return output if isinstance(output, dict | list) and output else answer_of(scored.record)

    async def _verdicts(
        self, scored: Scored, answer: Any, claims: Statements
    ) -> tuple[Statements, list[Verdict], dict[str, Any]]:
        """The statements that were judged, a verdict on each, and by what."""
        if scored.task.spec.models.judge is None:
            return await _offline(scored, claims)
        return await _by_judge(scored, answer)


class FaithfulnessJudge(Faithfulness):
    """Faithfulness by a chat model: the role `judge`, else the task's own chat model."""

    name: ClassVar[str] = "faithfulness_judge"
    roles: ClassVar[tuple[str, ...]] = ("judge",)

    async def _verdicts(
        self, scored: Scored, answer: Any, claims: Statements
    ) -> tuple[Statements, list[Verdict], dict[str, Any]]:
        return await _by_judge(scored, answer)


class FaithfulnessOffline(Faithfulness):
    """Faithfulness by copied words and a small re-ranker, in this process."""

    name: ClassVar[str] = "faithfulness_offline"
    roles: ClassVar[tuple[str, ...]] = ("rerank",)

    async def _verdicts(
        self, scored: Scored, answer: Any, claims: Statements
    ) -> tuple[Statements, list[Verdict], dict[str, Any]]:
        return await _offline(scored, claims)


class FaithfulnessWords(Faithfulness):
    """Faithfulness by words and numbers alone, as the step `check` judges facts."""

    name: ClassVar[str] = "faithfulness_words"
    roles: ClassVar[tuple[str, ...]] = ()

    async def _verdicts(
        self, scored: Scored, answer: Any, claims: Statements
    ) -> tuple[Statements, list[Verdict], dict[str, Any]]:
        shown = Shown(rests_on(scored))
        votes = [shown.say(statement) for statement in claims.kept]
        found = [Verdict(s.text, _word(v)) for s, v in zip(claims.kept, votes, strict=True)]
        return claims, found, {"by": "words"}


async def _by_judge(
    scored: Scored, answer: Any
) -> tuple[Statements, list[Verdict], dict[str, Any]]:
    lend, told = lender(scored), question_of(scored, files=False)  # they are among the passages
    whole, left = cut(answer) if isinstance(answer, str) else (answer, 0)
    claims = await split(lend, whole, scored.example.question, told)
    found = await anywhere(lend, DUTY, claims.texts, told, rests_on(scored))
    models = scored.task.spec.models
    return claims, found, {"by": models.judge or models.chat, **({"cut": left} if left else {})}


async def _offline(
    scored: Scored, claims: Statements
) -> tuple[Statements, list[Verdict], dict[str, Any]]:
    chances = await support(lender(scored), claims.kept, rests_on(scored))
    found = [
        Verdict(s.text, _word(chance >= 0.5), f"{chance:.2f} likely to be supported")
        for s, chance in zip(claims.kept, chances, strict=True)
    ]
    return claims, found, {"by": f"copied words and {RERANK}"}


async def support(
    lend: MetricLender, claims: Sequence[Statement], passages: Sequence[Passage]
) -> list[float]:
    """How likely it is that the passages support each statement, from 0 to 1, without a large
    model. The weights are from English summaries, which copy much: a free paraphrase is often
    called unsupported."""
    shown, rerank = Shown(passages), partial(lend.rerank, model=RERANK)
    return [await shown.likely(claim, rerank) for claim in claims]


def _word(supported: bool | None) -> str:
    return "yes" if supported else "no"
