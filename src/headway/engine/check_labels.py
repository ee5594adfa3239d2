"""The check of references in doubt: what the queue holds, and the ceiling that it implies."""

from __future__ import annotations

from typing import Any

from headway.core.findings import CheckItem, Suspect
from headway.engine.check_look import SHOWN, Look, count, item, some
from headway.engine.labels import noise_among


async def in_doubt(look: Look) -> list[CheckItem]:
    """References in doubt, that an earlier `check --labels` or `diagnose` found."""
    task = look.task
    held = [Suspect.model_validate(s) for s in look.store.suspects()]
    found = noise_among(task, held, (*task.split("train"), *task.split("dev")))
    if found is None:
        return []
    data = found.model_dump(mode="json")
    if not held and not found.reviewed:
        return [_none(look, data)]
    if not found.in_doubt:
        text = f"No reference is in doubt; people ruled on {found.reviewed:,}."
        return [item("labels_in_doubt", "ok", text, **data)]
    waiting = [s.example for s in held if s.example not in task.reviews.of]
    text = f"References in doubt: {count(found.in_doubt, 'example')} ({some(waiting, 3)})"
    if found.suspects:
        text += f", {found.suspects:,} of them suspect, as two models agree against them"
    else:
        text += ", the most doubtful first; against none do two models agree, and all may be right"
    text += f". Rule on them: headway review {task.typed} --what labels."
    return [
        item(
            "labels_in_doubt", "warning" if found.suspects else "note", text, **data,
            first=waiting[:SHOWN],
        )
    ]  # fmt: skip


def _none(look: Look, data: dict[str, Any]) -> CheckItem:
    """Nothing is in doubt: nobody looked yet, nobody could, or nothing was found."""
    name, doubts = "labels_in_doubt", look.doubts
    if doubts is None:
        text = (
            f"No reference is in doubt so far. To look: headway check {look.task.typed} --labels."
        )
        return item(name, "note", text, **data)
    if not doubts.voters:
        text = (
            f"Nobody could say of {count(len(doubts.asked), 'reference')} whether it is right: free"
            " texts without documents are doubted by answers of models alone, and none is stored."
        )
        return item(name, "note", text, **data)
    text = f"No reference is in doubt, of {len(doubts.asked):,}, by {', '.join(doubts.voters)}."
    return item(name, "ok", text, **data)
