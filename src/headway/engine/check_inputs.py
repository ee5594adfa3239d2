"""Checks of inputs that are more than a question: conversations and files."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Literal

from headway.core import conversation
from headway.core.errors import InputError
from headway.core.findings import CheckItem
from headway.core.task import Example
from headway.engine.check_answers import at
from headway.engine.check_look import SHOWN, Look, count, item, some
from headway.steps.generate import Generate

LONG = 300  # words of a conversation from which what is shown of it is worth a try


def conversations(look: Look) -> Iterator[CheckItem]:
    """How many examples are conversations, how long they are, and what of them is not shown."""
    examples = look.task.examples
    talks = [e for e in examples if conversation.exchanges(e.history)]
    if talks:
        sizes = sorted(len(conversation.exchanges(e.history)) for e in talks)
        words = sorted(float(conversation.words_in(e.history)) for e in talks)
        text = (
            f"Conversations: {len(talks)} of {count(len(examples), 'example')}. Exchanges before"
            f" the question: {median(sizes):g} at the median, {sizes[-1]} at most; words:"
            f" {at(words, 0.5):,.0f} and {words[-1]:,.0f}."
        )
        if words[-1] > LONG and look.pipeline.step("history") is None:
            text += " All of it is shown; the technique `history` tries less."
        data = {"conversations": len(talks), "exchanges": sizes[-1], "words": round(words[-1])}
        yield item("conversations", "ok", text, **data)
    yield from _not_shown(examples)


def _not_shown(examples: tuple[Example, ...]) -> Iterator[CheckItem]:
    beside = [e.id for e in examples if e.inputs.get("messages") and not _asks_by_messages(e)]
    if beside:
        text = (
            f"With `messages` beside a `question`: {count(len(beside), 'example')}"
            f" ({some(beside)}). The question is asked alone; to ask it in its conversation, make"
            " it the last message."
        )
        yield item("messages_unread", "warning", text, count=len(beside), first=beside[:SHOWN])
    after = [e.id for e in examples if _asks_by_messages(e) and _after(e)]
    if after:
        text = (
            f"With messages after the last one of the user: {count(len(after), 'example')}"
            f" ({some(after)}). They are not shown: the question is the user's last message. An"
            " answer that was given then belongs into `reference`, if it was right."
        )
        yield item("messages_after", "note", text, count=len(after), first=after[:SHOWN])


def _asks_by_messages(example: Example) -> bool:
    return not isinstance(example.inputs.get("question"), str)


def _after(example: Example) -> int:
    messages = example.inputs.get("messages")
    return conversation.unread(messages) if isinstance(messages, list) else 0


async def files(look: Look) -> list[CheckItem]:
    """Files that cannot be read, and those that are shown in part."""
    having = [e for e in look.task.examples if e.files]
    broken: list[str] = []
    sizes: dict[str, int] = {}
    for example in having:
        try:
            sizes[example.id] = sum(len(f.text.strip()) for f in look.parts.files(example))
        except InputError as error:
            broken.append(str(error))
    found = []
    if broken:
        more = f"\n(and {len(broken) - 1} more)" if len(broken) > 1 else ""
        text = f"{broken[0]}{more}"
        found.append(item("files", "error", text, count=len(broken), problems=broken[:SHOWN]))
    if not sizes:
        return found
    most, longest = _shown(look), max(sizes.values())
    cut = [id for id, size in sizes.items() if size > most]
    text = (
        f"With files that can be read: {count(len(sizes), 'example')}, of {longest:,} characters"
        " at most."
    )
    if cut:
        text += (
            f" Of {count(len(cut), 'example')} ({some(cut)}) only {most:,} characters are shown,"
            " and the prompt says so. To show more: file_chars in the step `generate`."
        )
    level: Literal["ok", "warning"] = "warning" if cut else "ok"
    return [*found, item("files_shown", level, text, cut=len(cut), characters=longest)]


def _shown(look: Look) -> int:
    step = look.pipeline.step("generate")
    default = Generate().file_chars
    return int(step.settings.get("file_chars", default)) if step else default
