"""What people rule on examples: `reviews.jsonl` beside them, one verdict a line, meant for git.

Nothing in `examples.jsonl` is ever rewritten: verdicts are laid over it when the task is loaded,
so that what was written, who ruled and when can all be read later. A line is only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from headway.core.reading import Frozen, add_lines, parse, read_lines

if TYPE_CHECKING:
    from headway.core.task import Example

REVIEWS = "reviews.jsonl"
Ruling = Literal["accept", "fix", "ambiguous"]


class Review(Frozen):
    """One person's verdict on one example.

    fingerprint: of the example as `examples.jsonl` held it; an example that changed since is not
    the one that was reviewed. reference and question: what they are fixed to. at: ISO 8601, UTC.
    """

    example: str = Field(min_length=1)
    fingerprint: str = Field(min_length=1)
    verdict: Ruling
    reference: Any = None
    question: str | None = None
    by: str = Field(min_length=1)
    at: str
    note: str = ""

    @model_validator(mode="after")
    def _fixes_something(self) -> Review:
        fixed = self.reference is not None or self.question is not None
        if (self.verdict == "fix") != fixed:
            raise ValueError("a fix, and nothing else, has a reference or a question")
        if any(isinstance(t, str) and not t.strip() for t in (self.reference, self.question)):
            raise ValueError("an example cannot be fixed to an empty text")
        return self


@dataclass(frozen=True)
class Reviews:
    """The verdicts of a task, laid over its examples.

    of: the verdict that stands, by example. void: those of examples that changed since, or are
    gone. ambiguous: examples that are set aside, as they were written.
    """

    of: Mapping[str, Review] = field(default_factory=dict)
    void: tuple[Review, ...] = ()
    ambiguous: tuple[Example, ...] = ()

    def reviewed(self, example: Example) -> str:
        """The fingerprint that a new verdict on a loaded example must name: the file's, also
        where an earlier fix changed what was loaded."""
        known = self.of.get(example.id)
        return known.fingerprint if known is not None else example.fingerprint

    def told(self) -> tuple[str, ...]:
        """What a person must know of verdicts that do not count any more."""
        if not self.void:
            return ()
        names = [r.example for r in self.void]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return (
            f"Reviews that are void, as their examples changed since or are gone: {len(names)}"
            f" ({', '.join(names[:5])}{more})",
        )


def laid_over(
    examples: Sequence[Example], reviews: Iterable[Review]
) -> tuple[tuple[Example, ...], Reviews]:
    """Examples with the verdicts applied, without the ambiguous ones; and the verdicts.

    Of several that fit an example the latest stands.
    """
    by_example: dict[str, list[Review]] = {}
    # Sorting is stable: of two verdicts of one second the later line stands.
    for review in sorted(reviews, key=lambda r: r.at):
        by_example.setdefault(review.example, []).append(review)
    if not by_example:
        return tuple(examples), Reviews()
    of: dict[str, Review] = {}
    void: list[Review] = []
    kept: list[Example] = []
    ambiguous: list[Example] = []
    for example in examples:
        found = by_example.pop(example.id, [])
        fitting = [r for r in found if r.fingerprint == example.fingerprint]
        if not fitting:
            void += found[-1:]
            kept.append(example)
            continue
        of[example.id] = fitting[-1]
        (ambiguous if fitting[-1].verdict == "ambiguous" else kept).append(
            _ruled(example, fitting[-1])
        )
    void += [found[-1] for found in by_example.values()]
    return tuple(kept), Reviews(of, tuple(void), tuple(ambiguous))


def _ruled(example: Example, review: Review) -> Example:
    """The example as its verdict leaves it."""
    if review.verdict == "ambiguous":
        return example
    changed: dict[str, Any] = {"reviewed": True}
    if review.reference is not None:
        changed["reference"] = review.reference
    if review.question is not None:
        changed["inputs"] = asked(example.inputs, review.question)
    # Made anew, not copied: a copy would keep the fingerprint of what was written.
    return type(example)(**{**{n: getattr(example, n) for n in type(example).model_fields},
                            **changed})  # fmt: skip


def asked(inputs: Mapping[str, Any], question: str) -> dict[str, Any]:
    """The inputs with another question: `question`, else the last user message."""
    messages = inputs.get("messages")
    if isinstance(inputs.get("question"), str) or not isinstance(messages, list):
        return {**inputs, "question": question}
    last = max(
        (i for i, m in enumerate(messages) if isinstance(m, dict) and m.get("role") == "user"),
        default=None,
    )
    if last is None:
        return {**inputs, "question": question}
    turn = {**messages[last], "content": question}
    return {**inputs, "messages": [*messages[:last], turn, *messages[last + 1 :]]}


def read_reviews(file: Path) -> tuple[Review, ...]:
    """The verdicts in a file, in its order; none where it is not there. Raises InputError."""
    if not file.is_file():
        return ()
    return tuple(parse(Review, data, f"{file}:{n}") for n, data in read_lines(file))


def add_review(folder: Path, review: Review) -> None:
    """Write one verdict, on the disk when this returns. Raises InputError where it cannot be."""
    data = {k: v for k, v in review.model_dump(mode="json").items() if v not in (None, "")}
    add_lines(folder / REVIEWS, [data])


def now() -> str:
    """This second, as verdicts are dated."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
