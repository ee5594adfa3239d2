"""The contracts between the house's parts. Siblings never import each other: what one needs from
another, the engine lends it through these. Every protocol has a contract suite in
`headway.testing` that each implementation, ours or yours, must pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from headway.core.inputs import File
from headway.core.pipeline import Pipeline
from headway.core.record import (
    ApplicationReply,
    ChatReply,
    ChatRequest,
    Message,
    Passage,
    Record,
    Score,
)
from headway.core.task import Evidence, Example, Task

Vectors = NDArray[np.float32]
Axis = Literal["context", "behaviour", "both"]


# --- models -----------------------------------------------------------------------------------


@runtime_checkable
class ChatModel(Protocol):
    """A backend that answers chat requests.

    identity: all of the backend that may change an answer (a weight file's hash, a URL and model
    name), and nothing that may not (threads, keys). concurrency: how many calls are worth having
    in flight now; it may change while running. chat() may be called concurrently; it raises
    Outage when no usable answer came after its own retries, Rejected when asking again is no
    use, and never returns an empty reply in place of either. It does not cache.
    """

    name: str

    @property
    def identity(self) -> str: ...

    @property
    def concurrency(self) -> int: ...

    async def chat(self, request: ChatRequest) -> ChatReply: ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, in order; an estimate where the tokenizer is not known."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class EmbeddingModel(Protocol):
    """Texts to unit vectors. embed() returns float32 of shape (len(texts), dimension), in the
    order of the texts, each row of L2 norm 1; `kind` picks the model's own prefix."""

    name: str

    @property
    def identity(self) -> str: ...

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors: ...

    async def close(self) -> None: ...


@runtime_checkable
class RerankModel(Protocol):
    """Scores of texts for a query: one float a text, in order, higher is more relevant. The
    scale is the model's own."""

    name: str

    @property
    def identity(self) -> str: ...

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]: ...

    async def close(self) -> None: ...


# --- knowledge --------------------------------------------------------------------------------


Unit = Literal["tokens", "sentences", "headings", "document"]
Line = Literal["none", "title", "headings", "summary"]


@dataclass(frozen=True)
class Search:
    """How to search: how passages are cut, what of them is indexed, by what they are found.

    tokens and overlap count the words-and-marks of the cutter, not a model's tokens. unit: cut by
    `tokens`; by whole `sentences` up to so many tokens; at `headings`, sections that are longer
    cut by tokens; or the whole `document`. line: what is indexed above a passage: nothing, the
    document's `title`, the title and the `headings` it stands under, or title and `summary`.
    around: so many tokens on both sides of what was found are handed over with it (search small,
    read large); what then overlaps becomes one passage.
    by: `text` (BM25), `dense` (cosine), `hybrid` (both, reciprocal rank fusion, k = 60).
    diversity: maximal marginal relevance, 0 (off) to 1; needs `embed`. where: metadata that a
    passage's document must have, (field, value) pairs that all must hold. as_passage: the query
    is written like a passage (HyDE), and is embedded as one.
    """

    tokens: int = 160
    overlap: int = 32
    by: Literal["text", "dense", "hybrid"] = "text"
    embed: str | None = None
    k: int = 4
    unit: Unit = "tokens"
    line: Line = "title"
    around: int = 0
    diversity: float = 0.0
    where: tuple[tuple[str, str], ...] = ()
    as_passage: bool = False


class Knowledge(Protocol):
    """Documents, cut and indexed.

    search() returns at most k passages, best first, each with its score. locate() gives the
    (document, start, end) of a piece of evidence, or None where the knowledge does not hold it;
    evidence without text is the whole document. passages_of() are whole passages, or pieces cut
    around the spans, that hold the evidence: what the perfect-context probe shows. metadata() is
    what is known of a document, by field: `folder` (the first part of its name), `format`, and
    where known `date` (ISO) and whatever its front matter, head or properties say; empty for a
    document that is not there.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]: ...

    def metadata(self, name: str) -> Mapping[str, str]: ...

    def locate(self, evidence: Evidence) -> tuple[str, int, int] | None: ...

    def document(self, name: str) -> str | None: ...

    def holds(self, span: tuple[str, int, int], how: Search) -> bool:
        """Whether one passage of the cut holds the whole span."""
        ...

    def passages_of(self, evidence: Sequence[Evidence], how: Search) -> tuple[Passage, ...]: ...


# --- databases --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gave. error: why it gave nothing, in the database's or our own words; more:
    rows were left out, as there were more than are handed over."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""
    more: bool = False


class Database(Protocol):
    """A task's database, to be read only.

    schema(): its tables as CREATE statements with a few values of each column as comments: what a
    model is shown. query() runs one SELECT, in a process that is killed when it takes too long,
    and never raises for what the SQL says or does: the error is in the table.
    """

    name: str
    dialect: str

    @property
    def fingerprint(self) -> str: ...

    def schema(self) -> str: ...

    async def query(self, sql: str) -> Table: ...

    async def close(self) -> None: ...


# --- steps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shot:
    """A solved example as it is shown in a prompt, with the passages shown before it. reply: the
    words that are shown as its answer, where they are not made from its reference (a model's own,
    found to be right)."""

    example: Example
    passages: tuple[Passage, ...] = ()
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One text to search for. as_passage: it is written like a passage, not like a question."""

    text: str
    as_passage: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """An example on its way to the answer. Steps return a changed copy (dataclasses.replace).

    query: the question, as it is searched for and asked of the model. asked: as it is shown to the
    model, where a step has written `query` anew for the search alone. history: the turns of a
    conversation before it, as far as they are shown, and the input's own system messages. files:
    those of the input, read whole. queries: what is searched for instead, where a step has put
    something there. where: metadata that passages must have (a domain was chosen).
    notes: sentences that steps add to the instructions. worked: what was written down for this
    question before the answer, by a model; shown with the question, never with the instructions.
    request: the last one sent by `generate`.
    pinned: a probe has fixed the passages (perfect context, closed book); steps that supply
    context are passed over. status and why: as in Record. trace: one small mapping a step.
    """

    example: Example
    query: str
    asked: str | None = None
    history: tuple[Message, ...] = ()
    files: tuple[File, ...] = ()
    queries: tuple[Query, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    worked: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    ranked: tuple[tuple[str, int, int], ...] = ()
    shots: tuple[Shot, ...] = ()
    messages: tuple[Message, ...] = ()
    request: ChatRequest | None = None
    answer: str | None = None
    output: Any = None
    status: Literal["done", "invalid", "refused"] = "done"
    why: str = ""
    pinned: bool = False
    trace: tuple[Mapping[str, Any], ...] = ()


class Lender(Protocol):
    """What the engine lends to a step, for one example. Every call is cached, charged to the
    budget before it is made, and counted in the example's usage."""

    task: Task

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply: ...

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]: ...

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]: ...

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors: ...

    def metadata(self, document: str) -> Mapping[str, str]:
        """What is known of a document; empty where nothing is."""
        ...

    @property
    def domains(self) -> Mapping[str, str]:
        """The knowledge's domains by name, each with what it is about; empty where it has none."""
        ...

    async def domain(self, question: str, embed: str) -> str | None:
        """The domain that a light classifier, trained on `train`, gives a question; None where
        there is too little to train on."""
        ...

    def database(self, name: str | None = None) -> Database:
        """The task's database of that name, or its only one. Raises InputError."""
        ...

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
        """At most k solved examples of `train`, nearest to the question first. own: the example
        that is answered; none of its group, and none that asks the same, is among them.
        diversity: maximal marginal relevance, 0 (off) to 1. matched: only those as hard as a light
        classifier, trained on `train`, takes the question to be; all, where it has too little to
        learn from."""
        ...

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """Short passages that hold the example's evidence; where it has none, what a search for
        it finds; empty where the task has no knowledge."""
        ...

    async def apply(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """The user's own application, called once."""
        ...


class Step(Protocol):
    """One step. Implementations are frozen pydantic models: their fields are its settings.

    supplies_context: true of steps whose work a probe replaces. A step may also declare `reads`:
    what of the task it looks at (`knowledge`, `train`, `databases`, `application`); `roles`:
    settings that are a model's name, each with the role of task.yaml that it defaults to; `chats`:
    that it calls the pipeline's chat model. run() must not change the state
    it was given, must not look at the example's reference or evidence, and raises only
    HeadwayErrors; anything a model wrote is data to it.
    """

    name: ClassVar[str]
    supplies_context: ClassVar[bool]

    async def run(self, state: State, lend: Lender) -> State: ...


# --- metrics ----------------------------------------------------------------------------------


class MetricLender(Protocol):
    """What the engine lends to a metric. Every call is cached and charged to the budget, and counts
    in no record's usage: measuring is no part of what is measured. Raises as ChatModel does."""

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """One call to the judge: the model in the role `judge`, else the task's chat model."""
        ...

    async def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"], model: str | None = None
    ) -> Vectors: ...

    async def rerank(
        self, query: str, texts: Sequence[str], model: str | None = None
    ) -> list[float]: ...

    def files(self, example: Example) -> tuple[File, ...]:
        """The files of an example, read whole; none where it has none. Raises InputError."""
        return ()


@dataclass(frozen=True)
class Scored:
    """All that a metric may look at: its only argument."""

    task: Task
    example: Example
    record: Record
    evidence: tuple[tuple[str, int, int], ...] = ()
    """Spans in the documents that answer the example, where known."""
    lend: MetricLender | None = None
    """Models, for metrics that say in `roles` which they use; those may rely on it."""


class Metric(Protocol):
    """Scores one record; higher is better; None where it does not apply.

    needs: what an example must have for it to apply (`reference`, `evidence`), said by `check`.
    yes_no: whether scores are only 0 and 1. A metric that asks models also declares `roles`: which
    (`judge`, `embed`, `rerank`). score() gives a number from 0 to 1, or a Score, which adds how it
    came about or why there is none. A ModelError that it raises leaves the record unscored by it,
    with the error's words.

    Outages are never passed in; records whose status is `invalid` or `refused` are scored 0
    without asking, where the metric applies. One that hangs on more than `needs` also has
    `applies(scored) -> bool`, which asks no model; one that has its own say on such records too
    declares `any_status = True`.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    yes_no: ClassVar[bool]

    async def score(self, scored: Scored) -> float | Score | None: ...


# --- techniques -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A changed pipeline, with what was changed in a few words."""

    pipeline: Pipeline
    title: str


class TechniqueContext(Protocol):
    """What a technique is lent: never `dev` texts beyond counts, never `test`."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...]
    causes: Mapping[str, int]

    @property
    def domains(self) -> Mapping[str, str]:
        """As in Lender."""
        ...

    @property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """Metadata of every document of the knowledge, by name; empty without knowledge."""
        ...

    @property
    def databases(self) -> tuple[str, ...]:
        """Names of the task's databases."""
        ...

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply: ...

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]: ...

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]: ...

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """Scored records of a pipeline over examples of `train`, in their order. Raises ValueError
        for an example of another split."""
        ...

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """The name of an embedding model made from `base` and the question-passage pairs of
        `train`; None where there are too few."""
        ...

    async def tune(self, pipeline: Pipeline) -> Pipeline | None:
        """A pipeline whose model was fine-tuned on `train` for it, kept under a name of its own;
        None where that cannot be done, does not fit the budget, or the samples speak against it,
        which a notice says."""
        ...

    async def context(self) -> int | None:
        """Tokens that the incumbent's model takes at once, prompt and answer; None where that is
        not known."""
        ...

    @property
    def calls_left(self) -> int | None:
        """About how many more calls the budget allows, by what calls cost so far; None where
        nothing limits them."""
        ...

    def notice(self, text: str) -> None:
        """Say a sentence that must reach the person; said once however often it comes."""
        ...


@dataclass(frozen=True)
class Spends:
    """What a search of a technique's own spends at most before it proposes: so many answers of
    `pipeline` on train, and so many calls of the proposer, each of `reads` letters in and at most
    `writes` out. candidates: pipelines that cost what its candidates would."""

    answers: int = 0
    pipeline: Pipeline | None = None
    calls: int = 0
    reads: int = 0
    writes: int = 0
    candidates: tuple[Pipeline, ...] = ()


class Technique(Protocol):
    """A named way to change a pipeline. costs: what it adds to each request, in a few words. A
    technique may also declare `times`: about how many times the calls of an example it takes, one
    where it does not; dear ones are tried later.
    propose() yields candidates, best guess first; it may
    yield none (then the ledger says that it had nothing to propose). A technique whose calls hang
    on what a proposer writes also has a static `spends(ctx) -> Spends | None`, which a plan asks
    instead of propose(); it calls nothing."""

    name: ClassVar[str]
    axis: ClassVar[Axis]
    good_for: ClassVar[str]
    not_good_for: ClassVar[str]
    addresses: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]]
    costs: ClassVar[str]

    def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]: ...
