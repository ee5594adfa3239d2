"""Documents as text: a paragraph per line, and sentences that can be pointed at."""

import re

DOCUMENTS: dict[str, str] = {}


def document(path: str, text: str) -> None:
    """Keep a document; paragraphs wrapped in the source become one line each."""
    if path in DOCUMENTS:
        raise ValueError(f"{path} is written twice")
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = [line.strip() for line in block.splitlines()]
        if lines[0].startswith(("#", "|", "Effective:")):
            blocks.append("\n".join(lines))
        elif lines[0].startswith("- "):
            items: list[str] = []
            for line in lines:
                if line.startswith("- "):
                    items.append(line)
                else:
                    items[-1] += " " + line
            blocks.append("\n".join(items))
        else:
            blocks.append(" ".join(lines))
    DOCUMENTS[path] = "\n\n".join(blocks) + "\n"


def sentence(path: str, anchor: str) -> dict:
    """The one sentence, table row or list item of a document that holds the anchor."""
    text = DOCUMENTS[path]
    found = text.count(anchor)
    if found != 1:
        raise ValueError(f"{path}: {anchor!r} occurs {found} times, not once")
    at = text.index(anchor)
    start = text.rfind("\n", 0, at) + 1
    end = text.index("\n", at)
    if text.startswith("- ", start):
        start += 2
    elif not text.startswith("|", start):
        line = text[start:end]
        cuts = [0, *(m.end() for m in re.finditer(r"[.!?] (?=[A-Z0-9])", line)), len(line) + 1]
        first = max(cut for cut in cuts if start + cut <= at)
        last = min(cut for cut in cuts if cut > first)
        start, end = start + first, start + last - 1
    return {"document": path, "text": text[start:end], "start": start}
