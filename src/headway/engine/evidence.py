"""Evidence that nobody wrote down: found by quotation, and marked as inferred.

A reference that stands word for word in one of the first passages found for question and reference
together is taken to be answered there. That is a guess: it is used for diagnosis alone, counted in
its findings, and never written into the examples.

Evidence that is a query is what its rows say: they are shown as the step `database` shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from headway.core.protocols import Database, Knowledge, Search
from headway.core.record import Passage
from headway.core.task import Evidence, Example
from headway.steps.database import as_passage, query_in

NEAR = 10  # passages looked into: further down the same words more often mean something else
LEAST = 4  # characters of a reference; shorter ones stand everywhere, unless they hold digits


async def infer(
    example: Example, knowledge: Knowledge, how: Search, abstain: str | None, asked: str = ""
) -> Example:
    """The example with evidence by quotation; itself where it has some, or none can be found.
    asked: its question as a pipeline searches for it, where that is another."""
    if example.evidence or example.reference in (None, abstain):
        return example
    wanted = [pattern for r in example.references if (pattern := _pattern(r)) is not None]
    if not wanted:
        return example
    query = f"{asked or example.question} {example.references[0]}"
    kinds = dict.fromkeys((replace(how, by="text", k=NEAR), replace(how, k=NEAR)))
    for search in kinds:
        for passage in await knowledge.search(query, search):
            for pattern in wanted:
                found = pattern.search(passage.text)
                if found is not None:
                    start = passage.start + found.start()
                    guess = Evidence(document=passage.document, text=found[0], start=start)
                    return example.model_copy(update={"evidence": (guess,)})
    return example


async def infer_all(
    examples: Sequence[Example],
    knowledge: Knowledge,
    how: Search,
    abstain: str | None,
    asked: Mapping[str, str],
) -> tuple[dict[str, Example], int]:
    """Examples by id, with inferred evidence where they had none; how many were inferred. asked:
    by example, as in `infer`."""
    known = {e.id: await infer(e, knowledge, how, abstain, asked.get(e.id, "")) for e in examples}
    return known, sum(bool(known[e.id].evidence) and not e.evidence for e in examples)


async def rows_of(
    evidence: Sequence[Evidence], databases: Callable[[], Mapping[str, Database]]
) -> tuple[Passage, ...]:
    """The rows of each piece of evidence that is a query, as the step `database` shows them; of
    one that fails, or whose database is not there, nothing. Databases are opened only for a
    query."""
    found = []
    for name, sql in filter(None, map(query_in, evidence)):
        database = databases().get(name)
        if database is not None:
            table = await database.query(sql)
            if not table.error:
                found.append(as_passage(name, sql, table))
    return tuple(found)


def _pattern(reference: str) -> re.Pattern[str] | None:
    """Matches the reference as whole words, however its white space runs; None where it is too
    short to mean anything. Scripts without spaces have no whole words."""
    words = reference.split()
    text = "".join(words)
    digits = sum(c.isdigit() for c in text)
    if len(text) < LEAST and digits < 2 and text.isascii():
        return None
    body = r"\s+".join(re.escape(word) for word in words)
    if not body:
        return None
    before = r"(?<!\w)" if text[0].isascii() and text[0].isalnum() else ""
    after = r"(?!\w)" if text[-1].isascii() and text[-1].isalnum() else ""
    return re.compile(before + body + after, re.IGNORECASE)
