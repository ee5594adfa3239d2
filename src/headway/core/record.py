"""What comes out: messages, passages, replies, and one record an example.

Plain frozen dataclasses, not pydantic: a record is made for every evaluation, and the aim is at
most 0.6 ms of CPU for all of it (bench/overhead).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one document. `start` and `end` are character offsets in the document's text;
    `section` the headings it stands under, `page` its first page, from 1, where there are any."""

    document: str
    text: str
    start: int = 0
    end: int = 0
    title: str = ""
    score: float | None = None
    section: str = ""
    page: int | None = None

    def covers(self, document: str, start: int, end: int) -> bool:
        """Whether this passage holds the whole span."""
        return self.document == document and self.start <= start and end <= self.end


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """All that may change a reply, so that its hash is the cache key (with the repeat number)."""

    messages: tuple[Message, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int | None = None
    json_schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. `usd` None means that the price is unknown, which is not the same as free."""

    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Usage(
            self.calls + other.calls,
            self.cached_calls + other.cached_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            usd,
        )


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A model's answer to one request.

    finish: `stop` it ended by itself, `length` it was cut at max_tokens, `refused` the service
    or the model declined. usd: None where the price is not known. latency_s is that of the
    original call, also when it comes from the cache.
    """

    text: str
    finish: Literal["stop", "length", "refused"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    usd: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationReply:
    """What the user's own application answered."""

    answer: Any
    passages: tuple[Passage, ...] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = None
    refused: bool = False
    latency_s: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """What a metric says of one record: value in [0, 1], or None where it does not apply.

    notes: how it came to it, as plain data (statements, verdicts, the judge's own words).
    unscored: why it has no value although it applies (the judge was down, or wrote what cannot be
    read): never a zero, and never dropped from the count.
    """

    value: float | None
    notes: Mapping[str, Any] = field(default_factory=dict)
    unscored: str = ""


Status = Literal["done", "invalid", "refused", "outage"]


@dataclass(frozen=True, slots=True)
class Record:
    """One example through one pipeline.

    status: `done`, `invalid` (the output contract was broken: score 0), `refused` (score 0) or
    `outage` (never scored, never counted as an answer). scores: None where a metric does not
    apply, or could not score: then `unscored` says why, by metric. judged: what a metric found on
    its way to the score (statements and verdicts), by metric, so that a person can follow it.
    passages: those that reached the prompt, in order. ranked: all that search returned, best
    first, as (document, start, end).
    """

    example: str
    answer: str | None = None
    output: Any = None
    status: Status = "done"
    why: str = ""
    abstained: bool = False
    scores: Mapping[str, float | None] = field(default_factory=dict)
    usage: Usage = Usage()
    latency_s: float = 0.0
    passages: tuple[Passage, ...] = ()
    ranked: tuple[tuple[str, int, int], ...] = ()
    trace: tuple[Mapping[str, Any], ...] = ()
    repeat: int = 0
    judged: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unscored: Mapping[str, str] = field(default_factory=dict)

    def with_scores(self, scores: Mapping[str, Score]) -> Record:
        """The same record, scored."""
        return replace(
            self,
            scores={name: score.value for name, score in scores.items()},
            judged={name: score.notes for name, score in scores.items() if score.notes},
            unscored={name: score.unscored for name, score in scores.items() if score.unscored},
        )
