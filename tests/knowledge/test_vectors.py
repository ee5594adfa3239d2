"""Vectors kept by content: read back as they were made, once, by whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from headway.core.protocols import Vectors
from headway.knowledge import vectors as keeping
from headway.knowledge.vectors import VectorStore, filled, key_of

TEXTS = [f"text {i}" for i in range(50)]


class Counting:
    """A vector from the number in a text; counts texts."""

    def __init__(self, rest: float = 0.0) -> None:
        self.asked = 0
        self.rest = rest

    async def __call__(self, model: str, texts: Sequence[str], kind: str) -> Vectors:
        self.asked += len(texts)
        await asyncio.sleep(self.rest)
        return np.array([[float(t.split()[1]), 1.0, 2.0] for t in texts], dtype=np.float32)


async def fill(place: Path, texts: Sequence[str], embed: Counting) -> VectorStore:
    return await filled(place, [key_of(t) for t in texts], texts.__getitem__, "m", embed)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PART", 8)
    monkeypatch.setattr(keeping, "BATCH", 3)
    monkeypatch.setattr(keeping, "CHUNK", 7)


async def test_read_in_any_order_with_equal_keys(tmp_path: Path) -> None:
    embed = Counting()
    await fill(tmp_path / "vectors-a", TEXTS[:20], embed)
    store = await fill(tmp_path / "vectors-a", TEXTS, embed)
    assert embed.asked == 50
    asked = [41, 3, 3, 49, 0, 41, *range(50), 7]
    found = await store.read([key_of(TEXTS[i]) for i in asked])
    assert found[:, 0].tolist() == asked
    assert found.dtype == np.float32


async def test_few_files_whatever_the_number_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_FRAGMENTS", 3)
    place = tmp_path / "vectors-a"
    store = await fill(place, TEXTS, Counting())
    stats = await store._table.stats()
    assert stats["fragment_stats"]["num_fragments"] == 1
    assert (await store.read([key_of(t) for t in TEXTS]))[:, 0].tolist() == list(range(50))


async def test_the_oldest_go_and_what_is_wanted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST", 40 * 3 * 4)
    place, embed = tmp_path / "vectors-a", Counting()
    await fill(place, TEXTS[:25], embed)
    store = await fill(place, TEXTS[20:], embed)  # fifty are too many
    wanted = [key_of(t) for t in TEXTS[20:]]
    assert not store.missing(wanted)
    assert (await store.read(wanted))[:, 0].tolist() == list(range(20, 50))
    assert store.missing([key_of(t) for t in TEXTS])
    before = embed.asked
    await fill(place, TEXTS[20:], embed)
    assert embed.asked == before == 50


async def test_two_at_once_embed_once(tmp_path: Path) -> None:
    one, two = Counting(0.01), Counting(0.01)
    place = tmp_path / "vectors-a"
    await asyncio.gather(fill(place, TEXTS, one), fill(place, TEXTS[::-1], two))
    assert one.asked + two.asked == 50


async def test_an_empty_folder_is_an_empty_store(tmp_path: Path) -> None:
    (tmp_path / "vectors-a").mkdir()
    store = await fill(tmp_path / "vectors-a", TEXTS[:3], Counting())
    assert store.dimension == 3
    assert (await fill(tmp_path / "vectors-b", [], Counting())).dimension == 0
