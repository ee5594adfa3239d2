"""Checks of the knowledge and the databases: what was read, what was not, what they hold."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from headway.core.findings import CheckItem
from headway.databases import FOLDER
from headway.engine.check_look import SHOWN, Look, count, item, some
from headway.engine.check_planted import planted
from headway.knowledge.read import INSTALL, PASSED
from headway.knowledge.readers.html import hidden, source
from headway.knowledge.readers.parsed import Unreadable
from headway.steps.prefer import rule_key

_MANY = re.compile(r"(\d+) \.\w+ files?")  # how a notice of all files of an ending begins
_DATABASE = re.compile(r"^\.|\.sqlite(?:-wal|-shm|-journal)?$")  # its helpers, and what is hidden
_MOST_HITS = 1000  # of one check; who has more has seen enough


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
    yield from _notices(passed)


def _notices(notices: Sequence[str]) -> Iterator[CheckItem]:
    """Files passed over, by reason; and those of which a part could not be read."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    partly: list[str] = []
    passed = 0
    for notice in notices:
        name, mark, reason = notice.partition(PASSED)
        many = _MANY.fullmatch(name) if INSTALL in reason else None
        if mark:
            by_reason[reason].append(name)
            passed += int(many[1]) if many else 1
        else:
            partly.append(notice)
    if passed:
        said = "; ".join(f"{some(names, 3)}: {why}" for why, names in by_reason.items())
        text = f"Passed over: {count(passed, 'document')} ({said})."
        reasons = {why: names[:20] for why, names in by_reason.items()}
        data = {"count": passed, "first": list(notices)[:20], "reasons": reasons}
        yield item("documents_passed_over", "warning", text, **data)
    if partly:
        text = f"Read in part: {count(len(partly), 'document')} ({'; '.join(partly[:SHOWN])})."
        yield item("documents_in_part", "warning", text, count=len(partly), first=partly[:20])


def named_in_vain(look: Look) -> Iterator[CheckItem]:
    """Domains without a document, and rules by which no document comes before another."""
    spec = look.task.spec.knowledge
    if look.knowledge is None or spec is None:
        return
    known = [look.knowledge.metadata(name) for name in look.knowledge.names]
    folders = {of["folder"] for of in known}
    for domain in spec.domains:
        if (folder := look.parts.folder_of(domain)) not in folders:
            text = f"The domain {domain} has no document: no folder of the knowledge is {folder!r}."
            yield item("domain_without_documents", "warning", text, domain=domain, folder=folder)
    fields = sorted(set().union(*known))
    for rule in spec.prefer:
        if len({rule_key(rule, of) for of in known}) == 1:
            said = rule.model_dump(exclude_none=True)
            text = (
                f"The rule {said} puts no document before another. What is known of documents:"
                f" {some(fields, 20)}."
            )
            yield item("rule_without_effect", "warning", text, rule=said, fields=fields)


def planted_instructions(look: Look) -> Iterator[CheckItem]:
    """Documents that speak to a model: a small one may do what they say."""
    if look.knowledge is None:
        return
    found = [
        {"document": name, "line": line, "offset": offset, "quote": quote, "hidden": line is None}
        for name, line, offset, quote in _planted(look)
    ][:_MOST_HITS]
    if not found:
        yield item("planted_instructions", "ok", "No document speaks to a model.", count=0)
        return
    named = [
        f"{hit['document']}, " + ("hidden" if hit["hidden"] else f"line {hit['line']}")
        + f": \u201c{hit['quote']}\u201d"
        for hit in found
    ]  # fmt: skip
    text = (
        f"Words that speak to a model rather than to a reader: {count(len(found), 'place')} in"
        f" {count(len({hit['document'] for hit in found}), 'document')} ({some(named, 3)})."
        " Documents are shown to the model as data, and hidden text is not shown at all; but a"
        " model may obey what it reads, so look at these."
    )
    yield item("planted_instructions", "warning", text, count=len(found), first=found[:20])


def _planted(look: Look) -> Iterator[tuple[str, int | None, int | None, str]]:
    """(document, line, offset, quote); line and offset are None for text that HTML hides."""
    assert look.knowledge is not None
    for name in look.knowledge.names:
        text = look.knowledge.document(name) or ""
        lines: list[int] = []
        for offset, quote in planted(text):
            lines = lines or [place.start() for place in re.finditer("\n", text)]
            yield name, bisect_right(lines, offset - 1) + 1, offset, quote
        if look.knowledge.metadata(name).get("format") == "html":
            for quote in _hidden(look, name):
                yield name, None, None, quote


def _hidden(look: Look, name: str) -> Iterator[str]:
    """Words to a model in what a page does not show."""
    folder = look.task.folder / (look.task.spec.knowledge.path if look.task.spec.knowledge else "")
    file = folder if folder.is_file() else folder / Path(name)
    try:
        markup = source(file)
        # Without its tags first, which is quick: few pages need to be parsed a second time.
        bare = html.unescape(re.sub(r"<(?!!--)[^<>]*>", "", markup))
        if next(planted(bare), None) is not None:
            yield from (quote for _, quote in planted(hidden(markup)))
    except Unreadable:
        return  # it went away since it was read


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


def databases(look: Look) -> Iterator[CheckItem]:
    """The databases, and files beside them that are none by their names."""
    folder = look.task.folder / FOLDER
    found = sorted(look.parts.databases())
    other = sorted(f.name for f in folder.glob("*") if not _DATABASE.search(f.name))
    if found:
        text = f"{count(len(found), 'database')}: {some(found)}."
        yield item("databases", "ok", text, names=found)
    if other:
        text = f"In {FOLDER}/ but not used: {some(other)}. A database is named NAME.sqlite."
        yield item("databases_not_used", "warning", text, first=other[:20])


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
