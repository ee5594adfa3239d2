"""The queue of what a person should rule on, and one verdict written down.

Suspects come first, the most doubtful one first: each is a reference that scores are measured by
now. Then drafts that nobody has looked at, those of dev and test before those of train.
"""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from headway.core.errors import InputError
from headway.core.findings import Finding, Suspect
from headway.core.protocols import Knowledge
from headway.core.reading import Frozen, invalid
from headway.core.review import Review, Ruling, add_review, now
from headway.core.task import Evidence, Example, Task
from headway.steps.reading import schema_problem

What = Literal["drafts", "labels", "all"]
AROUND = 240  # characters of a document shown on both sides of a piece of evidence


class Shown(Frozen):
    """A piece of evidence in its surroundings."""

    document: str
    before: str = ""
    text: str = ""
    after: str = ""


class Item(Frozen):
    """One example to rule on. why: `suspect` or `draft`."""

    example: str
    why: Literal["suspect", "draft"]
    question: str
    reference: Any = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    evidence: tuple[Shown, ...] = ()
    proposed: Any = None
    doubt: float | None = None
    votes: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    said: str = ""


class QueueFinding(Finding):
    """What waits for a person."""

    schema_name: ClassVar[str] = "headway/review/1"

    task: str
    what: str
    suspects: int
    drafts: int
    ruled: int
    """Verdicts that stand."""
    ambiguous: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    """Examples whose verdicts are void, as they changed since or are gone."""
    items: tuple[Item, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row an item."""
        return [i.model_dump(include={"example", "why", "question", "reference"})
                for i in self.items]  # fmt: skip


@dataclass
class Reviewer:
    """The queue of one task. knowledge: to show evidence where it stands; None without."""

    task: Task
    suspects: Sequence[Suspect] = ()
    knowledge: Knowledge | None = None
    _by_id: dict[str, Example] = field(init=False)

    def __post_init__(self) -> None:
        self._by_id = {e.id: e for e in self.task.examples}

    def queue(self, what: What = "all") -> QueueFinding:
        """All that waits, in the order it should be looked at."""
        suspects = [s for s in self.suspects if self._stands(s)]
        seen = {s.example for s in suspects}
        drafts = [e for e in self.task.examples if e.reviewed is False and e.id not in seen]
        drafts.sort(key=lambda e: self.task.side(e) == "train")
        items = [self._item(self._by_id[s.example], s) for s in suspects if what != "drafts"]
        items += [self._item(e, None) for e in drafts if what != "labels"]
        found = self.task.reviews
        return QueueFinding(
            task=self.task.spec.name, what=what, suspects=len(suspects), drafts=len(drafts),
            ruled=len(found.of), ambiguous=tuple(e.id for e in found.ambiguous),
            void=tuple(r.example for r in found.void), items=tuple(items),
        )  # fmt: skip

    def _stands(self, suspect: Suspect) -> bool:
        """A doubt about an example as it is now, on which nobody has ruled."""
        example = self._by_id.get(suspect.example)
        return (
            example is not None
            and example.id not in self.task.reviews.of
            and example.fingerprint == suspect.fingerprint
        )

    def _item(self, example: Example, suspect: Suspect | None) -> Item:
        asked = example.question
        if example.history:
            turns = [f"{m.role}: {m.content}" for m in example.history]
            asked = "\n".join([*turns, f"user: {asked}"])
        more: dict[str, Any] = {}
        if suspect is not None:
            more = {"proposed": suspect.proposed, "doubt": suspect.doubt, "votes": suspect.votes,
                    "said": suspect.why}  # fmt: skip
        return Item(
            example=example.id, why="suspect" if suspect else "draft", question=asked,
            reference=example.reference, tags=example.tags, source=example.source,
            evidence=tuple(self._shown(e) for e in example.evidence if e.document), **more,
        )  # fmt: skip

    def _shown(self, evidence: Evidence) -> Shown:
        name = evidence.document or ""
        span = self.knowledge.locate(evidence) if self.knowledge and evidence.text else None
        text = self.knowledge.document(name) if self.knowledge else None
        if span is None or text is None:
            return Shown(document=name, text=evidence.text or "")
        _, start, end = span
        return Shown(
            document=name, before=text[max(0, start - AROUND) : start], text=text[start:end],
            after=text[end : end + AROUND],
        )  # fmt: skip

    def rule(
        self,
        example: str,
        verdict: Ruling,
        *,
        reference: Any = None,
        question: str | None = None,
        by: str | None = None,
        note: str = "",
    ) -> Review:
        """Write one verdict; on the disk when this returns. Raises InputError."""
        found = self._by_id.get(example) or next(
            (e for e in self.task.reviews.ambiguous if e.id == example), None
        )
        if found is None:
            raise InputError(
                f"there is no example {example!r}",
                where=str(self.task.folder / "examples.jsonl"),
                do=f"headway review {self.task.typed} --list",
            )
        output = self.task.spec.output
        if verdict == "accept" and found.reference is None and output.kind != "passages":
            raise InputError(
                f"{example} has no reference that could be accepted",
                do=f"headway review {self.task.typed} --example {example} --verdict fix"
                " --reference ANSWER",
            )
        if reference is not None and output.kind == "label" and reference not in output.labels:
            raise InputError(
                f"{reference!r} is no label of this task", valid=", ".join(output.labels)
            )
        schema = output.json_schema if output.kind == "json" else None
        if reference is not None and schema and (problem := schema_problem(reference, schema)):
            raise InputError(
                f"the reference {problem}",
                valid=f"an object as `output: schema` of {self.task.folder / 'task.yaml'} says",
            )
        data = {
            "example": example, "fingerprint": self.task.reviews.reviewed(found),
            "verdict": verdict, "reference": reference, "question": question,
            "by": by or author(self.task.folder), "at": now(), "note": note,
        }  # fmt: skip
        try:
            review = Review.model_validate(data)
        except ValidationError as error:
            raise invalid(error, Review, "the verdict") from None
        add_review(self.task.folder, review)
        return review


def author(folder: Path) -> str:
    """Who rules here: git's user, else the system's."""

    def of(key: str) -> str:
        try:
            found = subprocess.run(
                ["git", "config", key], cwd=folder, capture_output=True, text=True, timeout=5
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return found.stdout.strip()

    name, mail = of("user.name"), of("user.email")
    if name or mail:
        return f"{name} <{mail}>" if name and mail else name or mail
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InputError("nobody is named as the author", do="--by NAME") from None
