"""A small application of one's own: it looks an answer up in the pages of a town library.

Headway knows nothing of what is inside. It calls `answer`, looks at what comes back, and turns
what task.yaml declares under `settings`. A real application would call its model here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parent / "knowledge"
SMALL = set(
    re.findall(r"\w+", "a an and at by can do does for how i in is it of on the to what when")
)


def answer(
    inputs: dict[str, Any],
    *,
    context: Sequence[str] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One answer. `context`: use these passages instead of searching; that is how Headway finds
    out whether the search or the rest holds the application back."""
    chosen = {"words": "exact", "pages": 1, "answer": "line", **(settings or {})}
    wanted = words(inputs["question"], chosen["words"])
    if context is None:
        files = sorted(PAGES.glob("*.md"))
        pages = [(file.name, file.read_text(encoding="utf-8")) for file in files]
        pages.sort(key=lambda page: -len(wanted & words(page[1], chosen["words"])))
        passages = [{"document": name, "text": text} for name, text in pages[: chosen["pages"]]]
    else:
        passages = [{"text": text} for text in context]
    lines = [line for p in passages for line in p["text"].splitlines() if ": " in line]
    if not lines:
        return {"answer": "I do not know.", "passages": passages}
    best = max(lines, key=lambda line: len(wanted & words(line, chosen["words"])))
    return {
        "answer": best.split(": ", 1)[1] if chosen["answer"] == "value" else best,
        "passages": passages,
    }


def words(text: str, kind: str) -> set[str]:
    """The telling words of a text, as they stand there or without their endings."""
    found = {word for word in re.findall(r"\w+", text.lower()) if word not in SMALL}
    if kind == "exact":
        return found
    return {re.sub(r"(ings?|ed|als?|ations?|s|e)$", "", word) or word for word in found}
