"""FolderKnowledge: the contract, dense and hybrid search, and indexes that survive anything."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from headway.core.errors import InputError
from headway.core.protocols import Search, Vectors
from headway.core.task import Evidence, Task, TaskSpec
from headway.knowledge import FolderKnowledge
from headway.knowledge import index as indexing
from headway.testing.knowledge import DOCUMENTS, KnowledgeContract


def lay(folder: Path, documents: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).write_bytes(text.encode())
    return folder


class Embedder:
    """Counts of letters as unit vectors; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []

    async def __call__(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        self.asked.append((model, len(texts), kind))
        rows = np.array(
            [[text.lower().count(chr(97 + i)) + 0.01 for i in range(26)] for text in texts],
            dtype=np.float32,
        )
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class TestFolderKnowledge(KnowledgeContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.tmp, self.made = tmp_path, 0

    def make(self, documents: Mapping[str, str]) -> FolderKnowledge:
        self.made += 1
        return FolderKnowledge(lay(self.tmp / str(self.made), documents), self.tmp / "home")


DENSE = Search(tokens=16, overlap=4, by="dense", embed="letters", k=3)
HYBRID = Search(tokens=16, overlap=4, by="hybrid", embed="letters", k=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay(tmp_path / "knowledge", DOCUMENTS)


async def test_dense_is_exact_cosine(folder: Path, tmp_path: Path) -> None:
    embed = Embedder()
    knowledge = FolderKnowledge(folder, tmp_path, embed=embed)
    found = await knowledge.search("apples and pears", DENSE)
    vector = (await embed("letters", ["apples and pears"], "query"))[0]
    rows = indexing.cut_all(knowledge._documents.by_name, 16, 4)
    texts = [rows.searched(row) for row in range(len(rows))]
    scores = (await embed("letters", texts, "passage")) @ vector
    assert [p.score for p in found] == pytest.approx(sorted(scores, reverse=True)[:3], abs=1e-5)


async def test_hybrid_fuses_both(folder: Path, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(folder, tmp_path, embed=Embedder())
    found = await knowledge.search("cider press", HYBRID)
    assert found[0].document == "orchard.txt"
    assert found[0].score is not None
    assert found[0].score <= 2 / 61
    assert len(found) == 3  # full text alone has one: the vectors bring the rest


async def test_dense_without_a_model_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(folder, tmp_path)
    with pytest.raises(InputError, match="needs an embedding model"):
        await knowledge.search("x", DENSE)
    with pytest.raises(InputError, match="needs an embedding model"):
        await FolderKnowledge(folder, tmp_path, embed=Embedder()).search("x", Search(by="dense"))


async def test_an_index_is_made_once_and_opened_again(folder: Path, tmp_path: Path) -> None:
    embed = Embedder()
    one = FolderKnowledge(folder, tmp_path, embed=embed)
    first = await asyncio.gather(*(one.search("kiln", HYBRID) for _ in range(8)))
    passages = [asked for asked in embed.asked if asked[2] == "passage"]
    assert len(passages) == 1
    again = FolderKnowledge(folder, tmp_path, embed=embed)
    assert await again.search("kiln", HYBRID) == first[0]
    assert [asked for asked in embed.asked if asked[2] == "passage"] == passages


async def test_another_document_cut_or_model_is_another_index(folder: Path, tmp_path: Path) -> None:
    embed = Embedder()

    async def built() -> int:
        identity = {"a": "1", "b": "2", "c": "1"}.__getitem__
        knowledge = FolderKnowledge(folder, tmp_path, embed=embed, identity=identity)
        for name in "abc":
            await knowledge.prepare(Search(by="dense", embed=name))
        await knowledge.prepare(Search(tokens=20, overlap=0, by="dense", embed="a"))
        return len(list((tmp_path / "index").glob("dense-*[0-9a-f]")))

    assert await built() == 3  # a and c are the same model by another name
    (folder / "kiln.txt").write_text("The kiln is cold.", encoding="utf-8")
    assert await built() == 6


async def test_a_wrong_embedder_is_told(folder: Path, tmp_path: Path) -> None:
    async def wrong(model: str, texts: Sequence[str], kind: str) -> Vectors:
        return np.full((len(texts), 3), np.nan, dtype=np.float32)

    with pytest.raises(InputError, match="gave vectors of shape"):
        await FolderKnowledge(folder, tmp_path, embed=wrong).search("x", DENSE)
    assert not list((tmp_path / "index").glob("dense-*.building-*"))


async def test_a_kill_while_embedding_costs_only_the_part_at_hand(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "PART", 2)
    monkeypatch.setattr(indexing, "BATCH", 1)
    embed, calls = Embedder(), 0

    async def dies(model: str, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return await embed(model, texts, kind)

    with pytest.raises(KeyboardInterrupt):
        await FolderKnowledge(folder, tmp_path, embed=dies).prepare(DENSE)
    made = len(embed.asked)
    assert made == 3
    rows = await FolderKnowledge(folder, tmp_path, embed=embed).prepare(DENSE)
    assert len(embed.asked) == rows + 1  # one batch of the unfinished part is made again
    assert not list((tmp_path / "index").glob("*.parts"))


async def test_a_damaged_index_is_built_again(folder: Path, tmp_path: Path) -> None:
    how = Search(tokens=16, overlap=4, k=3)
    first = await FolderKnowledge(folder, tmp_path).search("kiln", how)
    for table in (tmp_path / "index").glob("text-*/passages.lance"):
        shutil.rmtree(table)
    assert await FolderKnowledge(folder, tmp_path).search("kiln", how) == first


async def test_a_cut_is_kept_and_a_damaged_one_made_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = Search(tokens=16, overlap=4, k=3)
    first = await FolderKnowledge(folder, tmp_path).search("kiln", how)
    (kept,) = (tmp_path / "index").glob("cut-*.npz")
    monkeypatch.setattr(indexing, "cut_all", None)  # not called again
    assert await FolderKnowledge(folder, tmp_path).search("kiln", how) == first
    monkeypatch.undo()
    kept.write_bytes(kept.read_bytes()[:100])
    assert await FolderKnowledge(folder, tmp_path).search("kiln", how) == first


async def test_many_vectors_are_searched_by_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EXACT", 500)
    words = ["apple", "boat", "cider", "dune", "ember", "fjord", "grove", "heath", "inlet", "jetty"]
    words.append("knoll")
    documents = {
        f"{i:03}.txt": f"{words[i % 11]} {words[i // 11 % 11]} {words[i // 121 % 11]} number {i}"
        for i in range(600)
    }
    knowledge = FolderKnowledge(lay(tmp_path / "k", documents), tmp_path, embed=Embedder())
    found = await knowledge.search(documents["123.txt"], DENSE)
    assert sorted(found[0].text.split()[:3]) == sorted(documents["123.txt"].split()[:3])
    assert found[0].score == pytest.approx(1.0, abs=1e-3)


CUTS = range(8, 24)
BUILD = """
import asyncio, sys
from headway.core.protocols import Search
from headway.knowledge import FolderKnowledge
async def main():
    knowledge = FolderKnowledge(sys.argv[1], sys.argv[2])
    print("ready", flush=True)
    for tokens in range(8, 24):
        found = await knowledge.search("kiln cools", Search(tokens=tokens, overlap=4, k=1))
        assert found[0].document == "kiln.txt", found
    print("done", flush=True)
asyncio.run(main())
"""


def start(folder: Path, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), str(home)], stdout=subprocess.PIPE, text=True
    )


def test_killed_while_building_the_next_process_goes_on(folder: Path, tmp_path: Path) -> None:
    process = start(folder, tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    # Somewhere in the middle of building: some indexes are there, and not yet all.
    while len(list((tmp_path / "index").glob("text-*[0-9a-f]"))) < 3:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    knowledge = FolderKnowledge(folder, tmp_path)
    for tokens in CUTS:
        how = Search(tokens=tokens, overlap=4, k=1)
        assert asyncio.run(knowledge.search("kiln cools", how))[0].document == "kiln.txt"
    assert not list((tmp_path / "index").glob("*.building-*"))


def test_two_processes_at_once(folder: Path, tmp_path: Path) -> None:
    both = [start(folder, tmp_path), start(folder, tmp_path)]
    assert all(process.communicate(timeout=60)[0].endswith("done\n") for process in both)
    assert len(list((tmp_path / "index").glob("text-*[0-9a-f]"))) == len(CUTS)
    assert not list((tmp_path / "index").glob("*.building-*"))


# --- evidence ---------------------------------------------------------------------------------


def test_fewest_passages_hold_the_evidence(tmp_path: Path) -> None:
    text = " ".join(f"w{i}" for i in range(100))
    knowledge = FolderKnowledge(lay(tmp_path / "k", {"a.txt": text}), tmp_path)
    how = Search(tokens=20, overlap=10)

    def shown(*quotes: str) -> list[str]:
        evidence = [Evidence(document="a.txt", text=quote) for quote in quotes]
        return [
            f"{p.text.split()[0]}-{p.text.split()[-1]}"
            for p in knowledge.passages_of(evidence, how)
        ]

    assert shown("w12 w13", "w25 w26") == ["w10-w29"]
    assert shown("w95", "w3") == ["w80-w99", "w0-w19"]
    assert shown(" ".join(f"w{i}" for i in range(15, 36))) == ["w15-w35"]  # longer than a passage
    cut_apart = " ".join(f"w{i}" for i in range(28, 42))  # no passage holds all of it
    assert len(shown(cut_apart)) == 1
    assert shown(cut_apart, "w30 w31") == shown(cut_apart)


def test_evidence_without_text_is_the_whole_document(folder: Path, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(folder, tmp_path)
    both = [Evidence(document="kiln.txt"), Evidence(document="kiln.txt", text="kiln")]
    found = knowledge.passages_of(both, Search())
    assert found == (knowledge.whole("kiln.txt"),)


def test_of_a_task(folder: Path) -> None:
    spec = TaskSpec.model_validate({"name": "t", "knowledge": {"path": folder.name}})
    task = Task(folder=folder.parent, spec=spec, examples=())
    made = FolderKnowledge.of(task)
    assert made is not None
    assert set(made.names) == set(DOCUMENTS)
    bare = Task(folder=folder.parent, spec=TaskSpec(name="t"), examples=())
    assert FolderKnowledge.of(bare) is None
