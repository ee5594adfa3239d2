"""Recall of full-text search on a public pack in three languages; skipped where it is not."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import orjson
import pytest

from headway.core.protocols import Search
from headway.core.task import Evidence
from headway.knowledge import FolderKnowledge

DATA = Path(os.environ.get("HEADWAY_DATA", Path(__file__).parents[3] / "shared" / "data"))
PACK = DATA / "squad_xquad"


@pytest.mark.skipif(not PACK.is_dir(), reason="the pack squad_xquad is not here (HEADWAY_DATA)")
@pytest.mark.parametrize("language", ["en", "de", "zh"])
async def test_the_passage_is_among_the_first_five(language: str, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(PACK / language / "corpus.jsonl", tmp_path)
    lines = (PACK / language / "questions.jsonl").read_bytes().splitlines()
    found = 0
    asked = list(islice(lines, 0, None, len(lines) // 100))[:100]
    assert len(asked) == 100
    for line in asked:
        question = orjson.loads(line)
        answer = question["answers"][0]
        document = question["gold_passage_ids"][0]
        span = knowledge.locate(
            Evidence(document=document, text=answer["text"], start=answer["start"])
        )
        assert span == (document, answer["start"], answer["start"] + len(answer["text"]))
        passages = await knowledge.search(question["question"], Search(k=5))
        found += any(passage.covers(*span) for passage in passages)
    print(f"recall@5 {language}: {found / len(asked):.2f}")  # noqa: T201 (shown by pytest -s)
    assert found >= 0.9 * len(asked)
