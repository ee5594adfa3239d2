"""What is seen in a sample: its question, what is shown with it, and what its reply says.

Samples of this task know their example. Others (a teacher's, a log's, somebody's file) are read by
the pipeline's own form, so that both can be asked the same things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headway.core import conversation
from headway.core.record import ChatReply, Passage
from headway.core.task import Example, Output, Task
from headway.core.template import PLACEHOLDER
from headway.core.training import Sample
from headway.engine.check_twins import words
from headway.metrics.text import is_abstention
from headway.steps.generate import Generate
from headway.steps.reading import refuses

_QUESTION = "\n\nQuestion: "  # what `generate` sets between what it shows and what is asked
_BLOCK = re.compile(r"(?:^|\n\n)\[\d+\] ?")  # a passage's number, as `generate` lays them out


@dataclass(frozen=True)
class Seen:
    """One sample.

    question: as it is asked. asked: all that tells it from another, with the conversation and the
    files' names. context: what stands before the question: passages, files, workings. said: the
    texts of the prompt that a reply may rest on; solved examples are none of them. read: answer,
    output, status and why, as the pipeline reads the reply; empty for tool calls.
    unlike: why the prompt is not the pipeline's; empty where it is.
    """

    sample: Sample
    example: Example | None
    question: str
    asked: str
    context: str
    said: tuple[str, ...]
    read: Mapping[str, Any]
    abstains: bool
    refuses: bool
    unlike: str = ""

    @property
    def answer(self) -> str:
        """The answer that the reply gives; the reply where it cannot be read."""
        return str(self.read.get("answer", self.sample.reply))

    @property
    def passages(self) -> tuple[Passage, ...]:
        """What a reply may rest on, a passage each."""
        parts = [*(p for p in _BLOCK.split(self.context) if p.strip()), *self.said, self.question]
        return tuple(Passage("", part) for part in parts)

    @cached_property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Equal where the same is asked and the same is shown with it."""
        return words(self.asked), words(self.context)


def look_at(samples: Sequence[Sample], task: Task, generate: Generate | None) -> tuple[Seen, ...]:
    """Every sample, in order. Raises InputError where the task's schema is none."""
    by_id = {e.id: e for e in task.split("train")}
    # In a task of lone questions earlier turns can only be solved examples.
    talks = generate is None or any(e.history for e in task.examples)
    return tuple(_see(s, by_id.get(s.id), task, generate, talks) for s in samples)


def _see(
    sample: Sample, example: Example | None, task: Task, generate: Generate | None, talks: bool
) -> Seen:
    output = task.spec.output
    shown = str(sample.prompt[-1].get("content") or "")
    if example is not None and not made_from(sample, example):
        example = None
    context, question = _apart(shown, generate, output)
    system = tuple(_texts(sample, "system"))
    turns = [str(m.get("content") or "") for m in sample.prompt[:-1] if m["role"] != "system"]
    if example is not None:
        if question != example.question and example.question in shown:
            context = shown.rpartition(example.question)[0].removesuffix(_QUESTION)
            question = example.question
        asked = asked_of(example)
        turns = [m.content for m in example.history]
    else:
        turns = turns if talks else []
        asked = "\n".join([*turns, question])
    called = bool(sample.messages[-1].get("tool_calls"))
    reader = generate or Generate()
    read = {} if called else reader.read(ChatReply(sample.reply), output)
    return Seen(
        sample, example, question, asked, _shown_only(context, generate), (*system, *turns), read,
        abstains=not called and is_abstention(task, str(read.get("answer", ""))),
        refuses=not called and refuses(sample.reply.strip(), output.abstain),
        unlike=_unlike(sample, shown, generate, output) if generate is not None else "",
    )  # fmt: skip


def asked_of(example: Example) -> str:
    """What tells an example from another: what the steps see of it."""
    said = conversation.as_text(example.history)
    return "\n".join(part for part in (said, *example.files, example.question) if part)


def made_from(sample: Sample, example: Example) -> bool:
    """Whether it is that example's, and not one of another file with the same number. A step may
    have written the last question of a conversation anew."""
    shown = str(sample.prompt[-1].get("content") or "")
    return sample.group == example.cluster and (example.question in shown or bool(example.history))


def _texts(sample: Sample, role: str) -> list[str]:
    return [str(m.get("content") or "") for m in sample.prompt if m["role"] == role]


def _apart(shown: str, generate: Generate | None, output: Output) -> tuple[str, str]:
    """(what stands before the question, the question) of a last message, by the template."""
    for ask in generate.asks(output) if generate is not None else ():
        shown = shown.replace(f"\n\n{ask}", "")
    template = generate.template if generate is not None else ""
    pieces, names = PLACEHOLDER.split(template)[::2], PLACEHOLDER.findall(template)
    if "question" not in names:
        before, mark, question = shown.rpartition(_QUESTION)
        return (before, question) if mark else ("", shown)
    at = names.index("question")
    before, after = pieces[at], pieces[at + 1]
    # The text before the question may also stand in a passage: the last one counts.
    start = shown.rfind(before) if before.strip() else (0 if at == 0 else -1)
    if start < 0:
        return "", shown
    begin = start + len(before)
    end = shown.find(after, begin) if after.strip() else len(shown)
    return shown[:start], shown[begin : end if end >= 0 else len(shown)].strip()


def _shown_only(context: str, generate: Generate | None) -> str:
    """What stands before the question without the template's own words: these are in every
    sample, and nothing is shown by them."""
    if generate is not None:
        for piece in PLACEHOLDER.split(generate.template)[::2]:
            if piece.strip():
                context = context.replace(piece.strip(), "", 1)
    return context.strip()


def _unlike(sample: Sample, shown: str, generate: Generate, output: Output) -> str:
    """How the prompt differs from what the pipeline sends; empty where it does not."""
    if sample.prompt[-1]["role"] != "user":
        return f"the last message before the reply is of the {sample.prompt[-1]['role']}"
    pieces = [p.strip() for p in PLACEHOLDER.split(generate.template)[::2]]
    placed = len(pieces) > 1
    holder = shown if placed else "\n\n".join(_texts(sample, "system"))
    at = 0
    for piece in pieces:
        found = holder.find(piece, at)
        if found < 0:
            return "the instructions are not the pipeline's"
        at = found + len(piece)
    if any(ask not in holder for ask in generate.asks(output)):
        return "what the step adds to the instructions is not there"
    return ""
