"""What the judges of a task cost: those of answers to come, and those of answers that are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import orjson

from headway.core.errors import HeadwayError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Metric, MetricLender, Search
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, digest, fraction
from headway.engine.estimate.bill import Each, Range
from headway.engine.estimate.costs import Costs
from headway.engine.estimate.models import at_hand
from headway.engine.estimate.rehearsal import request_tokens, text_tokens
from headway.engine.estimate.scoring import Call, DryScoring, Known, made_up, score_dry
from headway.engine.lender import _chat_key
from headway.engine.run import reread
from headway.metrics import load_all

RECORDS = 8  # made-up answers that are scored to learn what that takes
KEPT = 40  # kept answers that are looked at for replies of the judge
TEXT_S = 0.02  # seconds to embed or re-rank a text on two cores, about

Text = tuple[str, str]


@dataclass(frozen=True)
class Scoring:
    """What scoring costs: `record` once an answer; `example` once an example, whatever is
    answered to it (its reference taken apart)."""

    record: Each
    example: Each


@dataclass(frozen=True)
class Requests:
    """What a metric asked about one answer, and how many times as much where no reply can be
    read."""

    calls: tuple[Call, ...]
    texts: tuple[Text, ...]
    at_most: float


class Judges:
    """The metrics of a task that ask models."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        costs.judged = {m.name for m in self.metrics if "judge" in getattr(m, "roles", ())}
        self._of: dict[str, Scoring] = {}

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that ask models, in the task's order."""
        try:
            found = load_all(self.costs.task)
        except HeadwayError:
            return ()  # `check` says so
        return tuple(m for m in found if getattr(m, "roles", ()))

    async def of(self, pipeline: Pipeline) -> Scoring | None:
        """What scoring the answers of a pipeline costs; None where nothing is asked."""
        if not self.metrics:
            return None
        if pipeline.digest not in self._of:
            self._of[pipeline.digest] = await self._rehearsed(pipeline)
        found = self._of[pipeline.digest]
        self._note(found)
        return found

    async def kept(self, answers: Sequence[tuple[Example, bytes]]) -> Each | None:
        """What scoring an answer that is kept costs yet: nothing where all replies about it are
        kept too."""
        if not self.metrics or not answers:
            return None
        chosen = sorted(answers, key=lambda pair: fraction(f"kept:{pair[0].id}"))[:KEPT]
        looked = [await self._ask(e, reread(value, e), known=True) for e, value in chosen]
        asked = [one for one in looked if one is not None]
        models = sorted({c.model for one in asked for c in one.calls})
        unknown = [name for name in models if not await self._identity(name)]
        found = self._each(asked, len(chosen), 0.0 if unknown else 0.5)
        if unknown:
            self.costs.bill.note(
                f"{unknown[0]} cannot be opened here to see which of its verdicts on the answers in"
                " the store are kept: those cost nothing again"
            )
        elif found.calls.high:
            self.costs.bill.note("answers in the store that were not judged yet are judged")
        return found

    async def about(self, score: Sequence[Callable[[MetricLender], Awaitable[object]]]) -> Each:
        """What an answer costs of these, each scored by what it lends."""
        asked = []
        for one in score:
            lend, mute = self._dry(), self._dry(mute=True)
            for lent in (lend, mute):
                with suppress(HeadwayError):  # one that needs a true reply ends here
                    await one(lent)
            asked.append(_requests(lend, mute))
        return self._each(asked, max(1, len(score)))

    # --- one record -----------------------------------------------------------------------------

    async def _rehearsed(self, pipeline: Pipeline) -> Scoring:
        """Two answers to each of a few examples are made up: what is asked about both is asked
        once an example, whatever the answer."""
        task = self.costs.task
        pool = [e for e in task.split("dev") or task.examples if e.references]
        sample = sorted(pool, key=lambda e: fraction(f"judge:{e.id}"))[: RECORDS + 2]
        per_record, per_example = [], []
        for at, example in enumerate(sample[:RECORDS]):
            both = []
            for word, off in (("perhaps", 1), ("maybe", 2)):
                other = sample[(at + off) % len(sample)]
                passages = await self._passages(pipeline, other)
                both.append(await self._ask(example, made_up(task, example, other, passages, word)))
            one, two = both
            if one is None or two is None:
                continue
            shared = {_key(c) for c in one.calls} & {_key(c) for c in two.calls}
            own = tuple(c for c in one.calls if _key(c) not in shared)
            per_record.append(Requests(own, one.texts, one.at_most))
            rest = tuple(c for c in one.calls if _key(c) in shared)
            per_example.append(Requests(rest, (), one.at_most))
        count = max(1, len(sample[:RECORDS]))
        return Scoring(self._each(per_record, count), self._each(per_example, count))

    async def _passages(self, pipeline: Pipeline, example: Example) -> tuple[Passage, ...]:
        """As many passages as the pipeline shows; those of an application are its own, so drawn."""
        rehearsal = self.costs.rehearsal
        shown = await rehearsal.shown(pipeline, example)
        if shown or pipeline.step("application") is None:
            return shown
        return rehearsal.passages(example.question, Search())

    async def _ask(self, example: Example, record: Record, known: bool = False) -> Requests | None:
        """What is asked about one answer; None where no metric looks at it."""
        if record.status != "done":
            return None
        lend, mute = self._dry(known=self._known if known else None), self._dry(mute=True)
        for lent in (lend, mute):
            await score_dry(self.costs.task, self.metrics, example, record, lent)
        return _requests(lend, mute)

    def _dry(self, mute: bool = False, known: Known | None = None) -> DryScoring:
        return DryScoring(self.costs.task.spec.models, mute, known, self.costs.parts.files)

    async def _known(self, request: ChatRequest, model: str) -> ChatReply | None:
        """The judge's reply that is kept, if there is one."""
        identity = await self._identity(model)
        value = self.costs.store.reply(_chat_key(identity, request, 0)) if identity else None
        return None if value is None else ChatReply(**orjson.loads(value))

    async def _identity(self, model: str) -> str:
        """Of a model that is here; empty for one that is not, or cannot be opened."""
        if not at_hand(model):
            return ""
        try:
            return (await self.costs.parts.chat(model)).identity
        except HeadwayError:
            return ""

    # --- adding up ------------------------------------------------------------------------------

    def _each(self, asked: Sequence[Requests], count: int, low: float = 0.5) -> Each:
        """The mean over so many answers. Some need no call (an abstention, the reference itself):
        `low` is the share that is asked about at least."""
        total = Each(Range(), Range(), Range(), Range())
        for model in sorted({c.model for one in asked for c in one.calls}):
            calls = prompt = most = calls_high = prompt_high = most_high = 0.0
            for one in asked:
                for request in (c.request for c in one.calls if c.model == model):
                    tokens = request_tokens(request)
                    calls, prompt, most = calls + 1, prompt + tokens, most + request.max_tokens
                    calls_high += one.at_most
                    prompt_high += one.at_most * tokens
                    most_high += one.at_most * request.max_tokens
            total += self.costs.asking(
                model,
                Range(prompt, low * 0.75 * prompt, 1.35 * prompt_high) * (1 / count),
                Range(most / 2, low * min(calls, most), most_high) * (1 / count),
                Range(calls, low * calls, calls_high) * (1 / count),
            )
        return total + self._texts([text for one in asked for text in one.texts], count)

    def _texts(self, texts: Sequence[Text], count: int) -> Each:
        """Embedding and re-ranking: seconds in this process, one call a text by a service."""
        total = Each(Range(), Range(), Range(), Range())
        for model in sorted({name for name, _ in texts}):
            own = [text for name, text in texts if name == model]
            if model.startswith(("embedded/", "scripted/", "tuned/")):
                seconds = Range.about(TEXT_S * len(own) / count, 0.3, 3.0)
                total += Each(Range(), Range(), Range(), seconds)
            else:
                calls = Range.about(len(own) / count, 0.1, 1.0)
                tokens = Range.about(sum(map(text_tokens, own)) / count, 0.75, 1.35)
                total += self.costs.asking(model, tokens, Range(), calls)
        return total

    def _note(self, found: Scoring) -> None:
        names = ", ".join(m.name for m in self.metrics)
        roles = self.costs.task.spec.models
        judge = roles.judge or roles.chat
        each, once = found.record.calls, found.example.calls
        if each.high or once.high:
            more = f", and {once.mean:.3g} once for each example" if once.mean else ""
            again = ", up to twice as many where replies cannot be read"
            twice = each.high > each.mean * 1.5
            self.costs.bill.note(
                f"{judge} judges for {names}: {each.mean:.3g} calls an answer{more}"
                f"{again if twice else ''}"
            )
        elif found.record.seconds.mean >= 0.001:
            self.costs.bill.note(f"{names} takes about {found.record.seconds.mean:.2g} s an answer")


def _requests(lend: DryScoring, mute: DryScoring) -> Requests:
    """What was asked once; twice at most where a mute judge was asked again."""
    again = 2.0 if any(call.again for call in mute.calls) else 1.0
    return Requests(tuple(c for c in lend.calls if not c.again), tuple(lend.texts), again)


def _key(call: Call) -> str:
    request = call.request
    return digest([call.model, [(m.role, m.content) for m in request.messages], request.seed])
