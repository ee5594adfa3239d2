"""What every context technique brings: retrieval on all questions, answers for the best three.

    python bench/context/run.py [--quick] [--packs hotpotqa,...] [--part NAME]

Hours on two cores: about 0.1 for the techniques that call no model, 0.75 for those that do (HyDE,
expansion, decomposition, searching again; on all questions), 1.0 for the answers (60 questions a
pack, four pipelines, the default chat model). `--part dense`, which is not in `all`, embeds the
filings: an hour more.
--quick takes 8 questions a pack and needs some minutes. Rows are kept in results.jsonl beside this
file, single answers in the tasks' own stores below bench/scratch/context, so the same command goes
on where it was stopped; RESULTS.md is written anew after each pack.

Each row is a pipeline that differs from the one that it builds on in one thing. Judged is what
reaches the prompt: the share of the gold documents shown (`retrieval_recall`) or, where the pack
does not say which texts are right, whether the answer stands in what is shown (`answer_shown`).
The difference is paired question by question, with a 95% interval; no correction for the number of
rows: this is a survey, and a journey proves what it keeps on other examples.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from tasks import PACKS, make

from headway import Pipeline, Workspace
from headway.core.errors import HeadwayError

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

CUT = {"tokens": 80, "overlap": 12}
K = 3
ANSWERED = 60


@dataclass(frozen=True)
class Row:
    """One pipeline: its name, the row it builds on, its steps before generate."""

    name: str
    on: str | None
    steps: tuple[dict[str, Any], ...]
    part: str = "retrieval"


def retrieve(by: str = "text", k: int = K, cut: dict[str, Any] | None = None, **more: Any) -> Any:
    """A retrieve step."""
    return {"retrieve": {"passages": {**CUT, **(cut or {})}, "by": by, "k": k, **more}}


BASELINE = "text (BM25)"
# Rows build on full text, and dense and hybrid are a part of their own (--part dense): embedding
# 35,000 passages of filings takes most of an hour here, and each cut anew; the embedder reads
# English, so on Chinese texts nothing is to be learnt by building on it.
BY_TEXT = {"financebench", "rgb_zh"}
# Reading what was found costs seconds a question; it is meant for several hops.
SEVERAL_HOPS = {"hotpotqa", "musique"}


def rows_of(pack: str) -> list[Row]:
    """The rows of a pack, each after the one it builds on."""
    text = pack in BY_TEXT
    by, base = ("text", BASELINE) if text else ("hybrid", "hybrid")
    rows = [
        Row(BASELINE, None, (retrieve(),)),
        Row("dense", BASELINE, (retrieve("dense"),), part="dense" if text else "retrieval"),
        Row("hybrid", BASELINE, (retrieve("hybrid"),), part="dense" if text else "retrieval"),
        Row("passages of 48", base, (retrieve(by, cut={"tokens": 48, "overlap": 8}),)),
        Row("passages of 160", base, (retrieve(by, cut={"tokens": 160, "overlap": 26}),)),
        Row("whole sentences", base, (retrieve(by, cut={"unit": "sentences"}),)),
        Row(
            "48 found, 24 around",
            base,
            (retrieve(by, cut={"tokens": 48, "overlap": 8, "around": 24}),),
        ),
        Row("no title indexed", base, (retrieve(by, cut={"line": "none"}),)),
        Row("summary indexed", base, (retrieve(by, cut={"line": "summary"}),)),
        Row("re-rank 20 of text", BASELINE, (retrieve("text", 20), {"rerank": {"k": K}})),
        Row("HyDE", base, ({"hyde": {}}, retrieve(by)), part="asking"),
        Row("expansion", base, ({"expand": {"queries": 3}}, retrieve(by)), part="asking"),
        Row(
            "decomposition",
            base,
            ({"expand": {"queries": 3, "into": "parts"}}, retrieve(by, merge="turns")),
            part="asking",
        ),
    ]
    best = "re-rank 20 of text"
    if not text:
        best = "re-rank 20"
        rows += [
            Row("diversity 0.3", base, (retrieve(by, diversity=0.3),)),
            Row(best, base, (retrieve(by, 20), {"rerank": {"k": K}})),
            Row("HyDE, dense", "dense", ({"hyde": {}}, retrieve("dense")), part="asking"),
        ]
    rows += [
        Row(
            "re-rank, score gap 0.5",
            best,
            (retrieve(by, 20), {"rerank": {"k": K}}, {"trim": {"gap": 0.5}}),
        ),
        Row(
            "re-rank to 8, compress to 2 sentences",
            best,
            (retrieve(by, 20), {"rerank": {"k": 8}}, {"compress": {"sentences": 2}}),
        ),
    ]
    if pack in SEVERAL_HOPS:
        again = {"passages": CUT, "by": by, "k": 2, "rounds": 1, "keep": 6}
        rows.append(Row("search again", base, (retrieve(by), {"research": again}), part="asking"))
    return rows


def shown_words(workspace: Workspace, fingerprint: str) -> float:
    """Mean number of words in the passages shown."""
    counts = []
    probe = workspace.store.run(fingerprint)[0]
    from headway.engine.run import AS_IS

    for value in workspace.store.records(probe["pipeline"], AS_IS.key).values():
        passages = orjson.loads(value)["passages"]
        counts.append(sum(len(p["text"].split()) or len(p["text"]) for p in passages))
    return sum(counts) / max(1, len(counts))


async def measure(
    workspace: Workspace, row: Row, base: Row | None, metric: str, limit: int | None
) -> dict[str, Any]:
    """Run one row; its score and its paired difference to what it builds on, which is run first
    where this machine's store does not hold it."""
    before = None
    if base is not None:
        under = Pipeline.model_validate({"steps": list(base.steps)})
        before = (await workspace.evaluate(under, limit=limit)).run
    start = time.perf_counter()
    pipeline = Pipeline.model_validate({"steps": list(row.steps)})
    found = await workspace.evaluate(pipeline, limit=limit)
    score = found.metrics[metric]
    value: dict[str, Any] = {
        "run": found.run, "n": found.n, "score": [score.mean, score.low, score.high],
        "words": shown_words(workspace, found.run), "on": row.on,
        "seconds": time.perf_counter() - start,
        "prompt_tokens": found.usage.prompt_tokens / max(1, found.n),
        "completion_tokens": found.usage.completion_tokens / max(1, found.n),
    }  # fmt: skip
    if before:
        against = await workspace.compare(before, found.run, metric)
        value["difference"] = [against.difference, against.low, against.high]
        value["verdict"] = against.verdict
    return value


async def retrieval(pack: str, kept: Kept, quick: bool, part: str) -> None:
    """The rows of a pack that belong to a part; `asking`: those that call the chat model."""
    judged = PACKS[pack].judged
    metric = judged if judged != "answer_shown" else "python:metrics.py:answer_shown"
    async with Workspace.open(make(pack)) as workspace:
        for row in rows_of(pack):
            key = f"{pack}|{row.name}|{'quick' if quick else 'all'}"
            if key in kept.rows or row.part != part:
                continue
            print(f"  {pack}: {row.name} ...", end=" ", flush=True)
            base = next((r for r in rows_of(pack) if r.name == row.on), None)
            try:
                value = await measure(workspace, row, base, metric, 8 if quick else None)
            except HeadwayError as error:
                print(f"FAILED: {error}")
                continue
            kept.put(key, value)
            print(f"{value['score'][0]:.3f}  ({value['seconds']:.0f} s)")


def best_three(pack: str, kept: Kept, quick: bool) -> list[Row]:
    """The three rows with the highest retrieval score, the baseline aside."""
    tail = "quick" if quick else "all"
    scored = [
        (kept.rows[key]["score"][0], row)
        for row in rows_of(pack)
        if row.on is not None and (key := f"{pack}|{row.name}|{tail}") in kept.rows
    ]
    return [row for _, row in sorted(scored, key=lambda item: -item[0])[:3]]


async def answers(pack: str, kept: Kept, quick: bool) -> None:
    """Answers of the baseline and of the three best, on the first questions of the pack."""
    count = 4 if quick else ANSWERED
    tail = "quick" if quick else "all"
    template = "Answer the question from the passages. Reply with the answer alone."
    async with Workspace.open(make(pack)) as workspace:
        baseline = rows_of(pack)[0]
        for row in [baseline, *best_three(pack, kept, quick)]:
            key = f"{pack}|answers|{row.name}|{tail}"
            if key in kept.rows:
                continue
            print(f"  {pack}: answers with {row.name} ...", end=" ", flush=True)
            generate = {"generate": {"template": template, "max_tokens": 48}}

            async def ran(row: Row, generate: Any = generate) -> Any:
                pipeline = Pipeline.model_validate({"steps": [*row.steps, generate]})
                return await workspace.evaluate(pipeline, limit=count)

            base = (await ran(baseline)).run if row is not baseline else None
            start = time.perf_counter()
            found = await ran(row)
            value: dict[str, Any] = {"run": found.run, "n": found.n}
            for metric in ("token_f1", "contains"):
                score = found.metrics[metric]
                value[metric] = [score.mean, score.low, score.high]
                if base:
                    against = await workspace.compare(base, found.run, metric)
                    value[f"{metric}_difference"] = [
                        against.difference, against.low, against.high,
                    ]  # fmt: skip
            value["seconds"] = time.perf_counter() - start
            value["prompt_tokens"] = found.usage.prompt_tokens / max(1, found.n)
            kept.put(key, value)
            print(f"F1 {value['token_f1'][0]:.3f}  ({value['seconds']:.0f} s)")


def interval(value: list[float | None] | None, sign: bool = False) -> str:
    """`0.61 (0.55 to 0.67)`."""
    if not value or value[0] is None:
        return ""
    form = "{:+.3f} ({:+.3f} to {:+.3f})" if sign else "{:.3f} ({:.3f} to {:.3f})"
    return form.format(*value)


def report(kept: Kept, quick: bool) -> str:
    """The tables as Markdown."""
    tail = "quick" if quick else "all"
    said = [
        "# What each context technique brings\n",
        "Written by `python bench/context/run.py`. Every row differs from the row that it builds on"
        " in one thing. Intervals are 95%, paired by question, clustered by group, and not"
        " corrected for the number of rows: with 50 questions a difference below about 0.1"
        " cannot be told from none. "
        f"{K} passages of 80 words are shown unless the row says otherwise.\n",
    ]
    for pack, about in PACKS.items():
        rows = [(r, kept.rows.get(f"{pack}|{r.name}|{tail}")) for r in rows_of(pack)]
        if not any(value for _, value in rows):
            continue
        n = next(value["n"] for _, value in rows if value)
        said.append(f"\n## {pack}: {about.note}\n\nJudged: `{about.judged}`, {n} questions.\n")
        said.append("| pipeline | score | builds on | difference | words shown | model tokens |")
        said.append("|---|---|---|---|---|---|")
        for row, value in rows:
            if value:
                tokens = value["prompt_tokens"] + value["completion_tokens"]
                said.append(
                    f"| {row.name} | {interval(value['score'])} | {row.on or ''} |"
                    f" {interval(value.get('difference'), True)} | {value['words']:.0f} |"
                    f" {tokens:.0f} |"
                )
        said += answer_table(pack, kept, tail)
        said += verdicts(rows)
    return "\n".join(said) + "\n"


def answer_table(pack: str, kept: Kept, tail: str) -> list[str]:
    """Answers of the baseline and the three best."""
    found = [
        (row.name, kept.rows[key])
        for row in rows_of(pack)
        if (key := f"{pack}|answers|{row.name}|{tail}") in kept.rows
    ]
    if not found:
        return []
    said = [
        f"\nAnswers of `embedded/qwen2.5-coder-0.5b`, {found[0][1]['n']} questions:\n",
        "| pipeline | token F1 | difference | contains the answer | difference | prompt tokens |",
        "|---|---|---|---|---|---|",
    ]
    for name, value in found:
        said.append(
            f"| {name} | {interval(value['token_f1'])} |"
            f" {interval(value.get('token_f1_difference'), True)} |"
            f" {interval(value['contains'])} |"
            f" {interval(value.get('contains_difference'), True)} | {value['prompt_tokens']:.0f} |"
        )
    return said


def verdicts(rows: list[tuple[Row, Any]]) -> list[str]:
    """Which rows helped, hurt, or showed nothing, by their intervals."""
    kinds: dict[str, list[str]] = {"helped": [], "hurt": [], "showed no difference": []}
    for row, value in rows:
        if value and value.get("difference") and value["difference"][1] is not None:
            _, low, high = value["difference"]
            kind = "helped" if low > 0 else "hurt" if high < 0 else "showed no difference"
            kinds[kind].append(row.name)
    return ["", *(f"- {kind}: {', '.join(names) or 'none'}" for kind, names in kinds.items())]


async def main() -> None:
    """Techniques without a model first: they tell most for the least time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--packs", default=",".join(PACKS))
    parser.add_argument(
        "--part", choices=["retrieval", "asking", "answers", "dense", "all"], default="all"
    )
    parser.add_argument("--output", default=None, help="RESULTS.md beside this file by default")
    given = parser.parse_args()
    packs = given.packs.split(",")
    hours = 0.1 if given.quick else 2.1 * len(packs) / len(PACKS)
    print(f"up to {hours:.1f} hours on two cores; the same command goes on where it was stopped")
    kept = Kept(HERE / ("quick.jsonl" if given.quick else "results.jsonl"), given.fresh)
    name = "quick.md" if given.quick else "RESULTS.md"
    output = Path(given.output) if given.output else HERE / name
    for part in ("retrieval", "asking", "answers", "dense"):
        for pack in packs:
            if given.part != part and (given.part != "all" or part == "dense"):
                continue
            if part == "answers":
                await answers(pack, kept, given.quick)
            else:
                await retrieval(pack, kept, given.quick, part)
            output.write_text(report(kept, given.quick), encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    asyncio.run(main())
