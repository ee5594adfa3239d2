"""Checks of the knowledge: what was read, what was not, and whether it holds the evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from headway.core.findings import CheckItem
from headway.engine.check_look import SHOWN, Look, count, item, some


def documents(look: Look) -> Iterator[CheckItem]:
    """How many documents, and those passed over."""
    if look.unread is not None:
        yield item("documents", "error", str(look.unread))
        return
    if look.knowledge is None:
        return
    names, passed = look.knowledge.names, look.knowledge.notices
    size = sum(len(look.knowledge.document(name) or "") for name in names)
    text = f"{count(len(names), 'document')} with {count(size, 'character')}."
    yield item("documents", "ok", text, count=len(names), characters=size)
    if passed:
        said = f"Passed over: {count(len(passed), 'document')} ({'; '.join(passed[:SHOWN])})."
        yield item("documents_passed_over", "warning", said, count=len(passed), first=passed[:20])


def duplicate_documents(look: Look) -> Iterator[CheckItem]:
    """Documents with the same text: search spends its places on both."""
    if look.knowledge is None:
        return
    by_text: dict[str, list[str]] = defaultdict(list)
    for name in look.knowledge.names:
        by_text[" ".join((look.knowledge.document(name) or "").split()).casefold()].append(name)
    same = [names for names in by_text.values() if len(names) > 1]
    if same:
        text = (
            f"In more than one document: {count(len(same), 'text')}"
            f" ({some([' = '.join(names[:3]) for names in same], 3)}). Search finds each of them,"
            " and evidence counts in one only."
        )
        yield item("duplicate_documents", "warning", text, count=len(same), sets=same[:20])
        return
    yield item("duplicate_documents", "ok", "No two documents have the same text.", count=0)


def evidence_found(look: Look) -> Iterator[CheckItem]:
    """Evidence that the documents do not hold."""
    if look.knowledge is None:
        return
    # By document, so that each is folded once however the examples are ordered.
    wanted = sorted(
        (
            (v.document or "", e.id, v)
            for e in look.task.examples
            for v in e.evidence
            if not v.tables
        ),
        key=lambda row: row[:2],
    )
    if not wanted:
        return
    lost = dict.fromkeys(id for _, id, v in wanted if look.knowledge.locate(v) is None)
    if lost:
        missing = {d for d, _, _ in wanted if look.knowledge.document(d) is None}
        why = f"; no document is named {some(sorted(missing), 3)}" if missing else ""
        text = (
            f"The evidence of {count(len(lost), 'example')} is not in the knowledge:"
            f" {some(list(lost))}{why}. It is left out of probes and of retrieval metrics."
        )
        first = list(lost)[:SHOWN]
        yield item("evidence_found", "warning", text, count=len(lost), first=first)
        return
    text = f"All evidence stands in the documents ({count(len(wanted), 'piece')})."
    yield item("evidence_found", "ok", text, count=0, pieces=len(wanted))
