"""FolderKnowledge: the contract, dense and hybrid search, and indexes that survive anything."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.protocols import Line, Search, Unit, Vectors
from headway.core.task import Evidence, Task, TaskSpec
from headway.knowledge import FolderKnowledge
from headway.knowledge import index as indexing
from headway.knowledge import vectors as keeping
from headway.knowledge.cut import Shape
from headway.knowledge.place import KEEP
from headway.testing.knowledge import DOCUMENTS, KnowledgeContract


def lay(folder: Path, documents: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
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
    rows = indexing.cut_all(knowledge._documents.by_name, Shape(16, 4, "tokens"))
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


def test_folded_documents_are_held_up_to_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {f"{n}.txt": f"Number {n}\nis here. " + "x" * 100 for n in range(6)}
    knowledge = FolderKnowledge(lay(tmp_path / "docs", texts), tmp_path / "home")
    monkeypatch.setattr("headway.knowledge.FOLDED", 300)
    for name in texts:
        wanted = Evidence(document=name, text=f"Number {name[0]} is here.")
        assert knowledge.locate(wanted) == (name, 0, 17)
    assert list(knowledge._folded) == ["4.txt", "5.txt"]


async def test_only_what_is_new_is_embedded(folder: Path, tmp_path: Path) -> None:
    embed = Embedder()

    async def asked(how: Search = DENSE, model: str = "a") -> int:
        before = sum(count for _, count, kind in embed.asked if kind == "passage")
        identity = {"a": "1", "b": "2", "c": "1"}.__getitem__
        knowledge = FolderKnowledge(folder, tmp_path, embed=embed, identity=identity)
        rows = await knowledge.prepare(replace(how, embed=model))
        assert rows
        return sum(count for _, count, kind in embed.asked if kind == "passage") - before

    assert await asked() == 7
    assert await asked(model="b") == 7
    assert await asked(model="c") == 0  # a and c are the same model by another name
    (folder / "kiln.txt").write_text("The kiln is cold.", encoding="utf-8")
    (folder / "more.txt").write_text("One more.", encoding="utf-8")
    assert await asked() == 2
    assert await asked(replace(DENSE, unit="document")) == 2  # two are more than one passage
    assert await asked(replace(DENSE, line="none")) == 4  # those that had a title above them
    assert await asked() == 0
    (folder / "kiln.txt").write_bytes(DOCUMENTS["kiln.txt"].encode())
    assert await asked() == 0  # what it was before is kept


async def test_equal_texts_are_embedded_once(tmp_path: Path) -> None:
    twins = {f"{i}.txt": "One and the same." for i in range(5)}
    embed = Embedder()
    knowledge = FolderKnowledge(lay(tmp_path / "k", twins), tmp_path, embed=embed)
    found = await knowledge.search("same", replace(DENSE, line="none", k=5))
    assert [p.document for p in found] == sorted(twins)
    assert [count for _, count, kind in embed.asked if kind == "passage"] == [1]


async def test_damaged_vectors_are_made_again(folder: Path, tmp_path: Path) -> None:
    embed = Embedder()
    first = await FolderKnowledge(folder, tmp_path, embed=embed).search("kiln", DENSE)
    for data in (tmp_path / "index").glob("vectors-*/vectors.lance/data/*"):
        data.unlink()
    assert await FolderKnowledge(folder, tmp_path, embed=embed).search("kiln", DENSE) == first
    for store in (tmp_path / "index").glob("vectors-*/vectors.lance"):
        shutil.rmtree(store)
    assert await FolderKnowledge(folder, tmp_path, embed=embed).search("kiln", DENSE) == first


async def test_a_model_that_changed_under_its_name_is_told(folder: Path, tmp_path: Path) -> None:
    await FolderKnowledge(folder, tmp_path, embed=Embedder()).prepare(DENSE)
    (folder / "more.txt").write_text("One more.", encoding="utf-8")

    async def shorter(model: str, texts: Sequence[str], kind: str) -> Vectors:
        return np.ones((len(texts), 1), dtype=np.float32)

    with pytest.raises(InputError, match="of length 1, and of 26 before"):
        await FolderKnowledge(folder, tmp_path, embed=shorter).prepare(DENSE)


async def test_a_removed_index_is_made_anew_under_a_search(folder: Path, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(folder, tmp_path)
    how = Search(tokens=16, overlap=4, k=3)
    first = await knowledge.search("kiln", how)
    for index in (tmp_path / "index").glob("text-*[0-9a-f]"):
        shutil.rmtree(index)
    assert await knowledge.search("kiln cools", how) == await FolderKnowledge(
        folder, tmp_path / "else"
    ).search("kiln cools", how)
    assert await knowledge.search("kiln", how) == first


async def test_old_indexes_go(folder: Path, tmp_path: Path) -> None:
    knowledge = FolderKnowledge(folder, tmp_path)
    for tokens in range(10, 50):
        await knowledge.prepare(Search(tokens=tokens, overlap=0))
    assert len(list((tmp_path / "index").glob("text-*[0-9a-f]"))) == KEEP
    assert len(list((tmp_path / "index").glob("cut-*.npz"))) == KEEP
    for tokens in (10, 49):
        assert await knowledge.search("kiln", Search(tokens=tokens, overlap=0))


async def test_a_wrong_embedder_is_told(folder: Path, tmp_path: Path) -> None:
    async def wrong(model: str, texts: Sequence[str], kind: str) -> Vectors:
        return np.full((len(texts), 3), np.nan, dtype=np.float32)

    with pytest.raises(InputError, match="gave vectors of shape"):
        await FolderKnowledge(folder, tmp_path, embed=wrong).search("x", DENSE)
    assert not list((tmp_path / "index").glob("dense-*.building-*"))


async def test_a_kill_while_embedding_costs_only_the_part_at_hand(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PART", 2)
    monkeypatch.setattr(keeping, "BATCH", 1)
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


# --- where, diversity, around -----------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    documents = {
        f"{'even' if i % 2 == 0 else 'odd'}/{i:03}.txt": f"Boat number {i} {'tide ' * (i % 7)}"
        for i in range(120)
    }
    documents["rare/one.txt"] = "A boat."
    return lay(tmp_path / "knowledge", documents)


@pytest.mark.parametrize("how", [replace(DENSE, by="text"), DENSE, HYBRID])
@pytest.mark.parametrize("exact", [1000, 20])
async def test_where_gives_what_the_folder_alone_would(
    many: Path, tmp_path: Path, how: Search, exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EXACT", exact)
    knowledge = FolderKnowledge(many, tmp_path, embed=Embedder())
    for folder, there in (("even", 60), ("rare", 1), ("nowhere", 0)):
        asked = replace(how, where=(("folder", folder),))
        every = await knowledge.search("boat number", replace(asked, k=500))
        assert len({p.document for p in every}) == len(every) == there
        assert {p.document.split("/")[0] for p in every} <= {folder}
        some = await knowledge.search("boat number", replace(asked, k=7))
        assert len(some) == min(7, there)
    everywhere = await knowledge.search("boat number", replace(how, k=500))
    if how.by == "text":
        kept = [p for p in everywhere if p.document.startswith("odd/")]
        asked = replace(how, k=20, where=(("folder", "odd"), ("format", "txt")))
        assert list(await knowledge.search("boat number", asked)) == kept[:20]


async def test_where_is_compared_as_text(tmp_path: Path) -> None:
    lines = (f'{{"_id": "{i}", "text": "boat", "year": {2000 + i % 3}}}' for i in range(9))
    folder = lay(tmp_path / "k", {"corpus.jsonl": "\n".join(lines)})
    how = Search(k=9, where=(("year", "2001"),))
    found = await FolderKnowledge(folder, tmp_path).search("boat", how)
    assert [p.document for p in found] == ["1", "4", "7"]


@pytest.mark.parametrize("exact", [1000, 1])
async def test_diversity_puts_twins_apart(
    tmp_path: Path, exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EXACT", exact)
    words = "grove heath inlet jetty knoll ledge marsh notch"
    documents = {f"{i}.txt": f"boat tide {'!' * i}" for i in range(4)}
    documents |= {f"z{word}.txt": f"boat {word}" for word in words.split()}
    documents |= {f"y{i:03}.txt": words[i % 40 :] for i in range(300)}
    knowledge = FolderKnowledge(lay(tmp_path / "k", documents), tmp_path, embed=Embedder())
    plain = replace(DENSE, by="text", line="none", k=4)
    first = await knowledge.search("boat tide", plain)
    assert {p.document for p in first} == {"0.txt", "1.txt", "2.txt", "3.txt"}
    spread = await knowledge.search("boat tide", replace(plain, diversity=0.8))
    assert spread[0] == first[0]
    assert len([p for p in spread if p.document[0].isdigit()]) < 4
    scores = {
        p.document: p.score for p in await knowledge.search("boat tide", replace(plain, k=99))
    }
    assert all(p.score == scores[p.document] for p in spread)
    with pytest.raises(InputError, match="diversity needs an embedding model"):
        await knowledge.search("boat", replace(plain, embed=None, diversity=0.5))


async def test_a_query_written_like_a_passage_is_embedded_as_one(
    folder: Path, tmp_path: Path
) -> None:
    embed = Embedder()
    knowledge = FolderKnowledge(folder, tmp_path, embed=embed)
    await knowledge.prepare(DENSE)
    embed.asked.clear()
    await knowledge.search("It cools for two days.", replace(DENSE, as_passage=True))
    await knowledge.search("How long does it cool?", DENSE)
    assert [kind for _, _, kind in embed.asked] == ["passage", "query"]


GUIDE = """# Guide

Welcome. This guide is about boats.

## Mooring

### At night

Hang a lamp from the mast before you moor. A second lamp goes to the stern of the boat.

### By day

Fly the green flag.

## Sailing

Sail with the tide. Reef the sails when the wind is strong, and keep away from the rocks.
"""


async def test_lines_are_indexed_and_not_handed_over(tmp_path: Path) -> None:
    folder = lay(tmp_path / "k", {"guide.md": GUIDE, "b.txt": "Lamps.", "c.txt": "Flags."})
    knowledge = FolderKnowledge(folder, tmp_path, embed=Embedder())
    how = Search(tokens=12, overlap=0, k=9)
    asked: dict[Line, str] = {"title": "guide", "headings": "mooring night", "summary": "welcome"}
    counts = {}
    for line in ("none", "title", "headings", "summary"):
        for wanted, query in asked.items():
            found = await knowledge.search(query, replace(how, line=line))
            assert all(p.text == GUIDE[p.start : p.end] for p in found)
            counts[line, wanted] = len(found)
    assert counts["none", "title"] < counts["title", "title"] == counts["summary", "title"]
    assert counts["title", "headings"] < counts["headings", "headings"]


async def test_sections_and_pages_are_told(tmp_path: Path) -> None:
    knowledge = FolderKnowledge(lay(tmp_path / "k", {"guide.md": GUIDE}), tmp_path)
    how = Search(unit="headings", tokens=40, overlap=0, k=1)
    for query, section in (
        ("lamp stern", "Mooring › At night"),
        ("green flag", "Mooring › By day"),
        ("reef wind", "Sailing"),
        ("welcome", ""),
    ):
        (found,) = await knowledge.search(query, how)
        assert (found.section, found.page) == (section, None)
    document = knowledge._documents.by_name["guide.md"]
    pages = replace(document, pages=(0, GUIDE.index("### By"), GUIDE.index("## Sail")))
    knowledge._documents.by_name["guide.md"] = pages
    again = FolderKnowledge(tmp_path / "k", tmp_path)
    again._documents.by_name["guide.md"] = pages
    (found,) = await again.search("green flag", how)
    assert found.page == 2


async def test_around_stays_in_the_section_of_a_heading(tmp_path: Path) -> None:
    knowledge = FolderKnowledge(lay(tmp_path / "k", {"guide.md": GUIDE}), tmp_path)
    how = Search(unit="headings", tokens=8, overlap=0, k=3, around=500)
    found = await knowledge.search("lamp flag", how)
    begin, end = GUIDE.index("## Mooring"), GUIDE.index("### By day")
    assert {p.text for p in found} == {
        GUIDE[begin:end].strip(),
        GUIDE[end : GUIDE.index("## Sailing")].strip(),
    }
    assert not knowledge.holds(("guide.md", end - 5, end + 5), how)


WORDS = [f"w{i}" for i in range(60)]


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.integers(1, 5),
    st.integers(0, 12),
    st.sampled_from(["tokens", "sentences", "headings", "document"]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_handed_over_is_held_and_apart(
    asked: list[str], k: int, around: int, unit: Unit
) -> None:
    how = Search(tokens=4, overlap=1, k=k, around=around, unit=unit)
    knowledge = GIVEN.knowledge()
    found = asyncio.run(knowledge.search(" ".join(asked), how))
    assert len(found) <= k
    for passage in found:
        text = knowledge.document(passage.document)
        assert text is not None
        assert passage.text == text[passage.start : passage.end]
        assert knowledge.holds((passage.document, passage.start, passage.end), how)
    if around:
        assert all(
            a.document != b.document or a.end < b.start or b.end < a.start
            for i, a in enumerate(found)
            for b in found[:i]
        )
    if len(found) < k:  # nothing is left: every word that was asked for is in what was found
        shown = " ".join(p.text for p in found).replace(".", " ").split()
        assert set(asked) <= set(shown)


class GIVEN:
    """One knowledge for all examples of a property."""

    kept: ClassVar[tempfile.TemporaryDirectory[str] | None] = None
    made: ClassVar[FolderKnowledge | None] = None

    @classmethod
    def knowledge(cls) -> FolderKnowledge:
        if cls.made is None:
            cls.kept = tempfile.TemporaryDirectory()
            parts = [
                f"## H{i}\n\n{WORDS[i]} {WORDS[i + 1]}. A {WORDS[i + 2]}.\n" for i in range(20)
            ]
            texts = {"a.md": "\n".join(parts), "b.txt": ". ".join(WORDS), "c.txt": "w1 w2 w3"}
            home = Path(cls.kept.name)
            cls.made = FolderKnowledge(lay(home / "k", texts), home)
        return cls.made


# --- killed, and two at once ------------------------------------------------------------------

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
