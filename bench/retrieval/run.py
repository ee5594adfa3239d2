"""Retrieval: quality, speed and memory beside bm25s, Haystack and bare LanceDB.

    python bench/retrieval/run.py [--quick] [--part scifact|languages|scale]

About 0.4 hours on two cores, most of it embedding 5,183 abstracts and 150 x 20 re-rankings once;
--quick takes 40 queries and 10,000 texts and needs some minutes. What is measured is kept in
bench/scratch/retrieval and not measured twice (--fresh forgets it); RESULTS.md is written anew.

SciFact (BEIR form): 150 test queries over 5,183 abstracts, each abstract one passage, indexed as
title and text by every system. Each system is a process of its own, so that peak memory is its
own. All dense rows search the same vectors (bge-small-en-v1.5, int8), computed once beforehand;
what is timed is building the index over given vectors, and searching with a given query vector.
Haystack's rows are its in-memory document store with the retrievers' defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "scratch" / "retrieval"
DATA = Path(os.environ.get("HEADWAY_DATA") or HERE.parents[2] / "shared" / "data")
OTHERS = ("bm25s==0.3.16", "PyStemmer==3.1.0", "haystack-ai==3.4.0", "numpy")
DEEP = 100
MODEL = "embedded/bge-small-en"
RERANKER = "embedded/minilm-l12"

Texts = dict[str, str]


# --- data -------------------------------------------------------------------------------------


def lines(file: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL file, gzipped or not."""
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]


def scifact() -> tuple[list[dict[str, str]], Texts, dict[str, dict[str, int]]]:
    """Documents {_id, title, text}, queries by id, and judgements by query."""
    source = DATA / "scifact_beir"
    documents = lines(source / "corpus.jsonl")
    judged: dict[str, dict[str, int]] = {}
    for line in (source / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        judged.setdefault(query, {})[document] = int(grade)
    queries = {q["_id"]: q["text"] for q in lines(source / "queries.jsonl") if q["_id"] in judged}
    return documents, queries, judged


def content(document: dict[str, str]) -> str:
    """What every system indexes of a document."""
    return f"{document['title']}\n{document['text']}"


# --- one system, in a process of its own --------------------------------------------------------


def peak_mb() -> float:
    """Peak resident memory since this program began; getrusage's would be the parent's too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(queries: Texts, search: Callable[[str], list[str]]) -> dict[str, Any]:
    """Rankings by query and the median time of a search, after a warm-up of five."""
    for name in list(queries)[:5]:
        search(name)
    rankings, times = {}, []
    for name in queries:
        start = time.perf_counter()
        rankings[name] = search(name)
        times.append(time.perf_counter() - start)
    return {"rankings": rankings, "query_ms": 1000 * statistics.median(times)}


def vectors() -> tuple[Any, dict[str, Any]]:
    import numpy as np

    kept = np.load(WORK / "vectors.npz")
    return kept["documents"], dict(zip(kept["ids"].tolist(), kept["queries"], strict=True))


def work_bm25s(queries: Texts) -> dict[str, Any]:
    import bm25s
    import Stemmer

    documents, _, _ = scifact()
    names = [d["_id"] for d in documents]
    stemmer = Stemmer.Stemmer("english")
    start = time.perf_counter()
    index = bm25s.BM25()
    tokens = bm25s.tokenize(
        [content(d) for d in documents], stopwords="en", stemmer=stemmer, show_progress=False
    )
    index.index(tokens, show_progress=False)
    built = time.perf_counter() - start

    def search(name: str) -> list[str]:
        asked = bm25s.tokenize(queries[name], stopwords="en", stemmer=stemmer, show_progress=False)
        found, _ = index.retrieve(asked, k=DEEP, show_progress=False)
        return [names[i] for i in found[0]]

    return {"index_s": built, **timed(queries, search)}


def work_haystack(queries: Texts, by: str) -> dict[str, Any]:
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Document
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    documents, _, _ = scifact()
    given, asked = vectors() if by == "dense" else (None, {})
    start = time.perf_counter()
    store = InMemoryDocumentStore()
    store.write_documents(
        [
            Document(
                id=d["_id"],
                content=content(d),
                embedding=None if given is None else given[i].tolist(),
            )
            for i, d in enumerate(documents)
        ]
    )
    built = time.perf_counter() - start
    if by == "dense":
        dense = InMemoryEmbeddingRetriever(store, top_k=DEEP)
        lists = {name: vector.tolist() for name, vector in asked.items()}
        search = lambda name: [  # noqa: E731
            d.id for d in dense.run(query_embedding=lists[name])["documents"]
        ]
    else:
        text = InMemoryBM25Retriever(store, top_k=DEEP)
        search = lambda name: [  # noqa: E731
            d.id for d in text.run(query=queries[name])["documents"]
        ]
    return {"index_s": built, **timed(queries, search)}


def work_headway(queries: Texts, by: str, rerank: bool) -> dict[str, Any]:
    return asyncio.run(_headway(queries, by, rerank))


async def _headway(queries: Texts, by: str, rerank: bool) -> dict[str, Any]:
    from headway.core.protocols import Search
    from headway.knowledge import FolderKnowledge

    documents, _, _ = scifact()
    embed = await given_vectors(documents, queries) if by != "text" else None
    reranker = await open_reranker() if rerank else None
    with tempfile.TemporaryDirectory(dir=WORK) as home:
        knowledge = FolderKnowledge(
            DATA / "scifact_beir" / "corpus.jsonl", home, embed=embed, language="en"
        )
        k = 20 if rerank else DEEP
        how = Search(unit="document", by=by, embed="given", k=k)  # type: ignore[arg-type]
        start = time.perf_counter()
        await knowledge.prepare(how)
        built = time.perf_counter() - start

        async def search(name: str) -> list[str]:
            found = list(await knowledge.search(queries[name], how))
            if reranker is not None:
                texts = [f"{p.title}\n{p.text}" for p in found]
                scores = await reranker.rerank(queries[name], texts)
                order = sorted(range(len(found)), key=lambda i: -scores[i])
                found = [found[i] for i in order]
            return [p.document for p in found]

        for name in list(queries)[:5]:
            await search(name)
        rankings, times = {}, []
        for name in queries:
            start = time.perf_counter()
            rankings[name] = await search(name)
            times.append(time.perf_counter() - start)
    return {"index_s": built, "rankings": rankings, "query_ms": 1000 * statistics.median(times)}


async def given_vectors(documents: list[dict[str, str]], queries: Texts) -> Any:
    """An embedding function that only looks up what was computed before."""
    import numpy as np

    held, asked = vectors()
    known = {content(d): held[i] for i, d in enumerate(documents)}
    known |= {queries[name]: asked[name] for name in queries}
    bare = {d["text"]: held[i] for i, d in enumerate(documents)}

    async def embed(model: str, texts: list[str], kind: str) -> Any:
        return np.stack([known[t] if t in known else bare[t] for t in texts])

    return embed


async def open_reranker() -> Any:
    from headway.core.task import Task
    from headway.models import open_rerank

    return await open_rerank(RERANKER, _no_task(Task))


async def open_embedder() -> Any:
    from headway.core.task import Task
    from headway.models import open_embedding

    return await open_embedding(MODEL, _no_task(Task))


def _no_task(kind: Any) -> Any:
    return kind.model_validate({"folder": Path(), "spec": {"name": "bench"}, "examples": ()})


SYSTEMS: dict[str, tuple[str, Callable[[Texts], dict[str, Any]]]] = {
    "bm25s": ("others", work_bm25s),
    "Haystack BM25": ("others", lambda q: work_haystack(q, "text")),
    "Haystack dense": ("others", lambda q: work_haystack(q, "dense")),
    "Headway text": ("ours", lambda q: work_headway(q, "text", False)),
    "Headway dense": ("ours", lambda q: work_headway(q, "dense", False)),
    "Headway hybrid": ("ours", lambda q: work_headway(q, "hybrid", False)),
    "Headway text + re-rank 20": ("ours", lambda q: work_headway(q, "text", True)),
    "Headway hybrid + re-rank 20": ("ours", lambda q: work_headway(q, "hybrid", True)),
}
PAIRS = (
    ("Headway text", "bm25s"),
    ("Headway text", "Haystack BM25"),
    ("Headway dense", "Haystack dense"),
    ("Headway dense", "Headway text"),
    ("Headway hybrid", "Headway text"),
    ("Headway hybrid", "Headway dense"),
    ("Headway text + re-rank 20", "Headway text"),
    ("Headway hybrid + re-rank 20", "Headway hybrid"),
    ("Headway hybrid + re-rank 20", "Headway text + re-rank 20"),
    ("Headway hybrid + re-rank 20", "bm25s"),
    ("Headway hybrid + re-rank 20", "Haystack dense"),
)


# --- SciFact ----------------------------------------------------------------------------------


def others_python() -> str:
    """A virtual environment of its own for the systems beside ours."""
    folder = WORK / "venv"
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *OTHERS], check=True)
        (folder / ".ready").touch()
    return str(python)


async def compute_vectors(documents: list[dict[str, str]], queries: Texts) -> dict[str, Any]:
    """Vectors of all documents and queries, once; the rate of embedding."""
    import numpy as np

    embedder = await open_embedder()
    start = time.perf_counter()
    made = []
    for at in range(0, len(documents), 256):
        made.append(await embedder.embed([content(d) for d in documents[at : at + 256]], "passage"))
        print(f"\r  embedding {at + len(made[-1])} of {len(documents)}", end="", flush=True)
    took = time.perf_counter() - start
    print()
    asked = await embedder.embed(list(queries.values()), "query")
    np.savez(WORK / "vectors.npz", documents=np.concatenate(made), queries=asked, ids=list(queries))
    words = sum(len(content(d).split()) for d in documents)
    return {"passages": len(documents), "seconds": took, "words": words}


def part_scifact(kept: Kept, quick: bool) -> None:
    documents, queries, _ = scifact()
    if "embedding" not in kept.rows or not (WORK / "vectors.npz").is_file():
        kept.put("embedding", asyncio.run(compute_vectors(documents, queries)))
    for name, (side, _) in SYSTEMS.items():
        key = f"scifact|{name}|{'quick' if quick else 'all'}"
        if key in kept.rows:
            continue
        python = others_python() if side == "others" else sys.executable
        print(f"  {name} ...", end=" ", flush=True)
        answer = subprocess.run(
            [python, __file__, "--system", name, *(["--quick"] if quick else [])],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if answer.returncode:
            print("FAILED:", answer.stderr[-400:])
            continue
        kept.put(key, json.loads(answer.stdout.splitlines()[-1]))
        print(f"{kept.rows[key]['query_ms']:.2f} ms a query")


def scores_of(row: dict[str, Any], judged: dict[str, dict[str, int]]) -> dict[str, float]:
    """nDCG@10 by query."""
    import ir_measures

    run = {
        q: {d: float(len(ranking) - i) for i, d in enumerate(ranking)}
        for q, ranking in row["rankings"].items()
    }
    held = {q: judged[q] for q in run}
    found = ir_measures.pytrec_eval.iter_calc([ir_measures.nDCG @ 10], held, run)
    scores = {m.query_id: float(m.value) for m in found}
    return {q: scores.get(q, 0.0) for q in run}


def tell_scifact(kept: Kept, quick: bool) -> list[str]:
    from headway.engine import statistics as stats

    tail = "quick" if quick else "all"
    _, _, judged = scifact()
    rows = {n: r for n in SYSTEMS if (r := kept.rows.get(f"scifact|{n}|{tail}"))}
    if not rows:
        return []
    scores = {name: scores_of(row, judged) for name, row in rows.items()}
    n = len(next(iter(scores.values())))
    said = [
        f"\n## SciFact: {n} queries, 5,183 abstracts\n",
        "| system | nDCG@10 | 95% interval | index, s | query, ms (median) | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        values = list(scores[name].values())
        found = stats.estimate(values, list(scores[name]))
        said.append(
            f"| {name} | {found.mean:.3f} | {found.low:.3f} to {found.high:.3f} |"
            f" {row['index_s']:.2f} | {row['query_ms']:.2f} | {row['peak_mb']:.0f} |"
        )
    said += [
        "\nPaired by query, difference of the first minus the second, 95% intervals, not corrected"
        f" for the {len(PAIRS)} pairs:\n",
        "| pair | difference | 95% interval |", "|---|---|---|",
    ]  # fmt: skip
    for a, b in PAIRS:
        if a in scores and b in scores:
            names = list(scores[a])
            found = stats.paired(
                [scores[b][q] for q in names], [scores[a][q] for q in names], names
            )
            said.append(
                f"| {a} − {b} | {found.difference:+.3f} | {found.low:+.3f} to {found.high:+.3f} |"
            )
    spent = kept.rows.get("embedding")
    if spent:
        said.append(
            f"\nEmbedding {spent['passages']:,} real passages ({spent['words']:,} words):"
            f" {spent['seconds']:.0f} s, {spent['passages'] / spent['seconds']:.1f} passages/s,"
            f" {spent['words'] / spent['seconds']:,.0f} words/s."
        )
    return said


# --- other languages ----------------------------------------------------------------------------


async def recall_of(language: str, quick: bool) -> dict[str, Any]:
    """recall@5 of full text: whether one of five passages holds the answer's span."""
    from headway import Pipeline, Workspace, import_task

    folder = WORK / f"squad_{language}"
    if not (folder / "task.yaml").is_file():
        import_task(DATA / "squad_xquad" / language, folder)
    spec = (folder / "task.yaml").read_text()
    if "retrieval_recall@5" not in spec:
        lines_ = [
            line for line in spec.splitlines() if not line.startswith(("metrics:", "splits:"))
        ]
        lines_ += [
            "metrics: [retrieval_recall@5, retrieval_recall]",
            "splits: {train: 0.0, dev: 1.0, test: 0.0, seed: 7}",
        ]
        (folder / "task.yaml").write_text("\n".join(lines_) + "\n")
    async with Workspace.open(folder) as workspace:
        pipeline = Pipeline.model_validate({"steps": [{"retrieve": {"k": 5}}]})
        found = await workspace.evaluate(pipeline, limit=60 if quick else None)
        value = found.metrics["retrieval_recall@5"]
        return {"n": found.n, "score": [value.mean, value.low, value.high]}


def part_languages(kept: Kept, quick: bool) -> None:
    for language in ("en", "de", "zh"):
        key = f"languages|{language}|{'quick' if quick else 'all'}"
        if key not in kept.rows:
            kept.put(key, asyncio.run(recall_of(language, quick)))
            print(f"  squad_xquad {language}: recall@5 {kept.rows[key]['score'][0]:.3f}")


def tell_languages(kept: Kept, quick: bool) -> list[str]:
    tail = "quick" if quick else "all"
    rows = {x: r for x in ("en", "de", "zh") if (r := kept.rows.get(f"languages|{x}|{tail}"))}
    if not rows:
        return []
    said = [
        "\n## Full text in three languages (squad_xquad, passages of 160 words, language: auto)\n",
        "| language | questions | recall@5 | 95% interval |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, row in rows.items():
        mean, low, high = row["score"]
        said.append(f"| {name} | {row['n']} | {mean:.3f} | {low:.3f} to {high:.3f} |")
    return said


# --- scale ------------------------------------------------------------------------------------


def many_texts(count: int) -> list[dict[str, str]]:
    """Real texts: pieces of 40 words of abstracts and of filings' pages."""
    found: list[dict[str, str]] = []
    sources = [d["text"] for d in scifact()[0]]
    pages = DATA / "financebench" / "corpus_full_pages.jsonl.gz"
    sources += [d["text"] for d in lines(pages)]
    for number, text in enumerate(sources):
        words = text.split()
        for at in range(0, len(words), 40):
            if len(found) == count:
                return found
            piece = " ".join(words[at : at + 40])
            found.append({"_id": f"{number}-{at}", "title": "", "text": piece})
    return found


def resampled(count: int) -> Any:
    """Vectors drawn from SciFact's with a little noise: their distribution is real, which text
    they stand for is not."""
    import numpy as np

    held, _ = vectors()
    random = np.random.default_rng(0)
    drawn = held[random.integers(0, len(held), count)]
    drawn = drawn + random.normal(0, 0.01, drawn.shape)
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def disk_mb(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


async def scale_ours(count: int) -> dict[str, Any]:
    from headway.core.protocols import Search
    from headway.knowledge import FolderKnowledge

    texts = many_texts(count)
    corpus = WORK / f"many-{count}.jsonl"
    with corpus.open("w", encoding="utf-8") as stream:
        for text in texts:
            stream.write(json.dumps(text) + "\n")
    made = resampled(len(texts))
    place = {text["text"]: i for i, text in enumerate(texts)}
    _, asked = vectors()
    queries = dict(list(scifact()[1].items())[:100])
    of_query = {queries[name]: asked[name] for name in queries}
    before = peak_mb()

    async def embed(model: str, batch: list[str], kind: str) -> Any:
        import numpy as np

        if kind == "query":
            return np.stack([of_query[t] for t in batch])
        return made[[place[t] for t in batch]]

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=WORK) as home:
        start = time.perf_counter()
        knowledge = FolderKnowledge(corpus, home, embed=embed, language="en")
        found["read_s"] = time.perf_counter() - start
        for by in ("text", "dense", "hybrid"):
            how = Search(unit="document", by=by, embed="given", k=10)  # type: ignore[arg-type]
            start = time.perf_counter()
            await knowledge.prepare(how)
            found[f"{by}_index_s"] = time.perf_counter() - start
            found[f"{by}_ms"] = await median_ms(
                [lambda q=q, how=how: knowledge.search(q, how) for q in queries.values()]
            )
        found["disk_mb"] = disk_mb(Path(home))
        start = time.perf_counter()
        again = FolderKnowledge(corpus, home, embed=embed, language="en")
        await again.search(
            next(iter(queries.values())),
            Search(unit="document", by="hybrid", embed="given", k=10),
        )
        found["open_s"] = time.perf_counter() - start
    return {**found, "before_mb": before, "count": len(texts)}


async def scale_lancedb(count: int) -> dict[str, Any]:
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS
    from lancedb.query import MatchQuery

    texts = many_texts(count)
    made = resampled(len(texts))
    _, asked = vectors()
    queries = dict(list(scifact()[1].items())[:100])
    before = peak_mb()
    found: dict[str, Any] = {}
    home = tempfile.mkdtemp(dir=WORK)
    connection = await lancedb.connect_async(home)
    start = time.perf_counter()
    column = pa.FixedSizeListArray.from_arrays(pa.array(made.ravel()), made.shape[1])
    table = await connection.create_table(
        "t", pa.table({"text": [t["text"] for t in texts], "vector": column})
    )
    written = time.perf_counter() - start
    start = time.perf_counter()
    await table.create_index("text", config=FTS(num_workers=1, base_tokenizer="simple", stem=True))
    found["text_index_s"] = time.perf_counter() - start + written
    found["dense_index_s"] = written
    match: Any = MatchQuery

    def text(q: str) -> Callable[[], Awaitable[Any]]:
        asked_ = match(q, "text")
        return lambda: table.query().nearest_to_text(asked_).limit(10).to_arrow()

    def dense(v: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: table.query().nearest_to(v).distance_type("cosine").limit(10).to_arrow()

    found["text_ms"] = await median_ms([text(q) for q in queries.values()])
    found["dense_ms"] = await median_ms([dense(asked[name]) for name in queries])
    shutil.rmtree(home)
    return {**found, "before_mb": before, "count": len(texts)}


async def median_ms(calls: list[Callable[[], Awaitable[Any]]]) -> float:
    for call in calls[:5]:
        await call()
    times = []
    for call in calls:
        start = time.perf_counter()
        await call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


SCALES: dict[str, Callable[[int], Awaitable[dict[str, Any]]]] = {
    "Headway": scale_ours,
    "bare LanceDB": scale_lancedb,
}


def part_scale(kept: Kept, quick: bool) -> None:
    count = 10_000 if quick else 100_000
    for name in SCALES:
        key = f"scale|{name}|{count}"
        if key not in kept.rows:
            print(f"  {count:,} texts in {name} ...", flush=True)
            answer = subprocess.run(
                [sys.executable, __file__, "--scale", name, str(count)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if answer.returncode:
                print("FAILED:", answer.stderr[-600:])
                continue
            kept.put(key, json.loads(answer.stdout.splitlines()[-1]))


def tell_scale(kept: Kept, quick: bool) -> list[str]:
    count = 10_000 if quick else 100_000
    rows = {n: r for n in SCALES if (r := kept.rows.get(f"scale|{n}|{count}"))}
    if not rows:
        return []
    said = [
        f"\n## Scale: {count:,} real texts of 40 words, vectors resampled from SciFact's\n",
        "| | " + " | ".join(rows) + " |",
        "|---|" + "---|" * len(rows),
    ]
    for label, key in (
        ("read the corpus, s", "read_s"),
        ("full-text index, s", "text_index_s"),
        ("vector index over given vectors, s", "dense_index_s"),
        ("text search, ms (median)", "text_ms"),
        ("dense search, ms", "dense_ms"),
        ("hybrid search, ms", "hybrid_ms"),
        ("open again and search, s", "open_s"),
        ("on disk, MB", "disk_mb"),
        ("memory before, MB (texts and vectors given)", "before_mb"),
        ("peak memory, MB", "peak_mb"),
    ):
        values = [f"{r[key]:.2f}" if key in r else "" for r in rows.values()]
        said.append(f"| {label} | " + " | ".join(values) + " |")
    return said


# --- all of it --------------------------------------------------------------------------------


class Kept:
    """What was measured, in one JSON file; written whole after each row."""

    def __init__(self, fresh: bool) -> None:
        WORK.mkdir(parents=True, exist_ok=True)
        self.file = WORK / "rows.json"
        self.rows: dict[str, Any] = {}
        if self.file.is_file() and not fresh:
            self.rows = json.loads(self.file.read_text())

    def put(self, key: str, value: Any) -> None:
        """Keep one row."""
        self.rows[key] = value
        self.file.with_suffix(".tmp").write_text(json.dumps(self.rows))
        self.file.with_suffix(".tmp").replace(self.file)


def one_system(name: str, quick: bool) -> None:
    _, queries, _ = scifact()
    if quick:
        queries = dict(list(queries.items())[:40])
    row = SYSTEMS[name][1](queries)
    print(json.dumps({**row, "peak_mb": peak_mb()}))


def main() -> None:
    """Parse, measure what is missing, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--part", choices=["scifact", "languages", "scale", "all"], default="all")
    parser.add_argument("--system", help=argparse.SUPPRESS)
    parser.add_argument("--scale", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.system:
        one_system(given.system, given.quick)
        return
    if given.scale:
        name, count = given.scale
        row = asyncio.run(SCALES[name](int(count)))
        print(json.dumps({**row, "peak_mb": peak_mb()}))
        return
    print(f"about {0.15 if given.quick else 0.4} hours; the same command goes on where it stopped")
    kept = Kept(given.fresh)
    for name, part in (
        ("scifact", part_scifact), ("languages", part_languages), ("scale", part_scale),
    ):  # fmt: skip
        if given.part in (name, "all"):
            part(kept, given.quick)
    said = [
        "# Retrieval\n",
        f"Written by `python bench/retrieval/run.py` on {os.cpu_count()} cores, Python"
        f" {platform.python_version()}. Timings are of one run on a shared machine: compare within"
        " a table.",
        *tell_scifact(kept, given.quick),
        *tell_languages(kept, given.quick),
        *tell_scale(kept, given.quick),
    ]
    output = HERE / ("quick.md" if given.quick else "RESULTS.md")
    output.write_text("\n".join(said) + "\n", encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    main()
