"""The contract of knowledge finds what is wrong: each broken one fails the check named here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway.core.protocols import Search
from headway.core.record import Passage
from headway.knowledge import FolderKnowledge
from headway.testing.knowledge import KnowledgeContract


class Broken(FolderKnowledge):
    """Passes everything on; those below break one thing each."""


class IgnoresWhere(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        return await super().search(query, replace(how, where=()))


class FiltersAfterwards(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        found = await super().search(query, replace(how, where=()))
        return tuple(
            p
            for p in found
            if all(self.metadata(p.document).get(name) == value for name, value in how.where)
        )


class IgnoresAround(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        return await super().search(query, replace(how, around=0))


class HoldsByTheCutAlone(Broken):
    def holds(self, span: tuple[str, int, int], how: Search) -> bool:
        return super().holds(span, replace(how, around=0))


class IgnoresUnits(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        return await super().search(query, replace(how, unit="tokens"))


class HandsOverTheLine(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        found = await super().search(query, how)
        return tuple(replace(p, text=f"{p.title}\n{p.text}") for p in found)


class KnowsNoMetadata(Broken):
    def metadata(self, name: str) -> Mapping[str, str]:
        return {}


class ForgetsANumber(Broken):
    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        return (await super().search(query, how))[: how.k - 1]


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (IgnoresWhere, "test_where_is_exact_and_gives_all_there_are"),
        (FiltersAfterwards, "test_where_is_exact_and_gives_all_there_are"),
        (ForgetsANumber, "test_where_is_exact_and_gives_all_there_are"),
        (IgnoresAround, "test_around_hands_over_more_and_each_piece_once"),
        (HoldsByTheCutAlone, "test_around_hands_over_more_and_each_piece_once"),
        (HoldsByTheCutAlone, "test_around_is_in_what_holds_the_evidence"),
        (IgnoresUnits, "test_whole_documents"),
        (IgnoresUnits, "test_whole_sentences"),
        (HandsOverTheLine, "test_every_unit_gives_pieces_that_it_holds"),
        (KnowsNoMetadata, "test_names_and_metadata"),
    ],
)
def test_a_broken_one_is_found(kind: type[Broken], check: str, tmp_path: Path) -> None:
    made: list[Path] = []

    class Contract(KnowledgeContract):
        def make(self, documents: Mapping[str, str]) -> Any:
            folder = tmp_path / str(len(made))
            made.append(folder)
            for name, text in documents.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(text.encode())
            return kind(folder, tmp_path / "home")

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), check)()
    kind = Broken  # unbroken, the same check passes
    getattr(Contract(), check)()
    assert asyncio.run(Contract().make({"a.txt": "one"}).search("one", Search()))
