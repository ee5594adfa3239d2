"""How far judges agree with people: Headway's metrics beside the Ragas package's, on the same
answers with the same judge model in one run, and beside what costs nothing.

    python -m venv bench/scratch/ragas
    bench/scratch/ragas/bin/pip install -r bench/judges/requirements.txt
    python bench/judges/run.py [--quick] [--only qags,financebench,alce,halueval] [--n 60]

Packs are looked for in HEADWAY_DATA, or in shared/data beside the checkout. Every answer judged is
one row in results.jsonl (ids and scores only, no text), so the same command goes on where it was
stopped; RESULTS.md is written anew at the end from all rows. --quick takes 2 answers of each pack.

Both sides ask one model, loaded once with a context of 8,192 tokens: ours inside this process,
Ragas over HTTP. Each side has its own prompts and its own number of calls, as its users get them.
An answer without a score (a reply that cannot be read, a prompt that is too long, Ragas' NaN) is a
miss: see `agreement` in src/headway/engine/statistics.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web

from headway.core.rating import Labelled, Labels
from headway.core.record import Passage
from headway.core.task import Example, Task, TaskSpec, fraction
from headway.engine import statistics as stats
from headway.engine.budget import Budget
from headway.engine.judging import Bench, baselines
from headway.engine.lender import Desk
from headway.engine.statistics.agreement import measures
from headway.metrics import load
from headway.models.embedded import EmbeddedChat, Settings
from headway.models.pull import obtain
from headway.workspace import Workspace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

JUDGE = "embedded/qwen2.5-coder-0.5b"
EMBED = "embedded/bge-small-en"
CONTEXT, SLOTS = 8192, 2
SCRATCH = HERE.parent / "scratch"
RAGAS = SCRATCH / "ragas" / "bin" / "python"
# Seconds an answer on two free cores, both sides together: a guess, from the CPU time of the two
# answers a pack that --quick once took on a busy machine. It only serves to say the hours first.
SECONDS = {"qags": 40, "financebench": 45, "alce": 16, "halueval": 16}
USEFUL = {
    1: "no use to the asker",
    2: "little use",
    3: "some use, with much missing or wrong",
    4: "useful, with little missing or wrong",
    5: "fully useful: complete, right and to the point",
}
TRUE = {
    1: "mostly made up",
    2: "much of it is made up or cannot be known",
    3: "partly made up",
    4: "nearly all of it is true",
    5: "nothing in it is made up",
}


@dataclass(frozen=True)
class Pack:
    """One set of answers that people judged, and what is asked of both sides."""

    name: str
    title: str
    people: str
    labels: Labels
    ours: str
    theirs: str
    read: Callable[[Path], list[Labelled]]
    rubric: dict[int, str] | None = None
    criterion: str = ""
    offline: bool = False
    """Whether our metric also works without a judge."""
    cut: float = 0.5
    """The score from which a verdict is yes, on both sides."""

    def task(self, judge: str | None) -> Task:
        """The task that our metric sees."""
        spec: dict[str, Any] = {"name": self.name, "models": {"judge": judge}}
        if self.rubric is not None:
            spec["rubric"] = {
                "criteria": {self.criterion: f"how {self.criterion} the answer is"},
                "levels": self.rubric,
                "scale": [1, 5],
            }
        return Task(folder=SCRATCH / "judges", spec=TaskSpec.model_validate(spec), examples=())

    def for_ragas(self, answer: Labelled) -> dict[str, Any]:
        """One line for ragas_side.py."""
        example = answer.example
        inputs: dict[str, Any] = {"user_input": example.question, "response": answer.answer}
        if self.theirs == "faithfulness":
            inputs["retrieved_contexts"] = [p.text for p in answer.passages]
        if self.theirs == "answer_correctness":
            inputs["reference"] = example.references[0]
        levels = self.rubric or {}
        rubrics = {f"score{n}_description": text for n, text in levels.items()}
        return {"id": example.id, "metric": self.theirs, "inputs": inputs, "rubrics": rubrics}


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _drawn(rows: Sequence[Labelled]) -> list[Labelled]:
    """In one random order, the same each time; of several answers to a question one at most."""
    found, seen = [], set[str]()
    for row in sorted(rows, key=lambda r: fraction(f"judges:{r.example.id}")):
        if row.group not in seen:
            seen.add(str(row.group))
            found.append(row)
    return found


def _qags(data: Path) -> list[Labelled]:
    """A summary, and whether most people said of every sentence that the article says it."""
    sides = []
    for source in ("cnndm", "xsum"):
        rows = []
        for row in _lines(data / "qags_human" / f"{source}.jsonl"):
            said = row["summary_sentences"]
            text = row["article"]
            votes = tuple(
                float(all(one == "yes" for one in by))
                for by in zip(*([_vote(v) for v in s["votes"]] for s in said), strict=False)
            )
            rows.append(
                Labelled(
                    Example(id=row["id"], inputs={"question": "Summarise the article."}),
                    " ".join(s["sentence"] for s in said),
                    float(all(s["majority"] == "yes" for s in said)),
                    votes=votes,
                    passages=(Passage("article", text, end=len(text)),),
                    group=row["id"],
                )
            )
        sides.append(_drawn(rows))
    return [row for both in zip(*sides, strict=False) for row in both]


def _vote(vote: Any) -> str:
    return str(vote.get("response", vote) if isinstance(vote, dict) else vote).strip().lower()


def _answer(
    id: str, question: str, answer: str, label: float, group: str, reference: str | None = None
) -> Labelled:
    """One answer with people's label."""
    example = Example(id=id, inputs={"question": question}, reference=reference)
    return Labelled(example, answer, label, group=group)


def _financebench(data: Path) -> list[Labelled]:
    rows = [
        _answer(
            f"{row['financebench_id']}/{row['config']}",
            row["question"],
            row["model_answer"].strip(),
            float(row["label"] == "Correct Answer"),
            group=row["financebench_id"],
            reference=str(row["gold_answer"]),
        )
        for row in _lines(data / "financebench" / "human_labelled_answers.jsonl")
    ]
    return _drawn(rows)


def _alce(data: Path) -> list[Labelled]:
    rows = [
        _answer(
            f"{row['dataset']}/{row['system']}/{row['id']}",
            row["question"],
            row["output"],
            (row["utility_score"] - 1) / 4,
            group=f"{row['dataset']}/{row['id']}",
        )
        for row in _lines(data / "alce_utility_human" / "data.jsonl")
        if row["utility_score"] is not None
    ]
    return _drawn(rows)


def _halueval(data: Path) -> list[Labelled]:
    rows = [
        _answer(
            row["ID"],
            row["user_query"],
            row["chatgpt_response"],
            float(row["hallucination"].strip().lower() == "no"),
            group=row["user_query"],
        )
        for row in _lines(data / "halueval_general" / "data.jsonl")
    ]
    # As many of both labels: of ten answers people call eight free of it, and then little shows.
    drawn = _drawn(rows)
    sides = [[r for r in drawn if r.label == label] for label in (1.0, 0.0)]
    return [row for both in zip(*sides, strict=False) for row in both]


PACKS = (
    Pack("qags", "Faithfulness of summaries (QAGS)", "every sentence is in the article, by most of"
         " three votes each; half CNN/DM, half XSum. Yes is a score of 1, all statements supported",
         "yes_no", "faithfulness", "faithfulness", _qags, offline=True, cut=1.0),
    Pack("financebench", "Correctness of answers from filings (FinanceBench)", "label `Correct"
         " Answer`; refusals count as not correct", "yes_no", "correctness", "answer_correctness",
         _financebench, offline=True),
    Pack("alce", "Utility of long answers (ALCE)", "utility from 1 to 5", "scale", "rubric",
         "domain_specific_rubrics", _alce, USEFUL, "useful"),
    Pack("halueval", "Hallucination without a context (HaluEval general), a limit", "nothing in it"
         " is made up; equally many of both", "yes_no", "rubric", "domain_specific_rubrics",
         _halueval, TRUE, "truthful"),
)  # fmt: skip


# --- the model, for both sides ------------------------------------------------------------------


async def _model() -> EmbeddedChat:
    entry, path = await obtain(JUDGE, "chat", lambda event: None, print)
    return EmbeddedChat(JUDGE, path, entry.sha256 if hasattr(entry, "sha256") else None,
                        Settings(slots=SLOTS, context=CONTEXT))  # fmt: skip


@contextlib.asynccontextmanager
async def _served(model: EmbeddedChat, workspace: Workspace) -> AsyncIterator[str]:
    """The model as an OpenAI-compatible endpoint: llama.cpp's own server, which the process runs
    anyway, with embeddings beside it."""
    runtime = model._lent()
    await asyncio.to_thread(runtime.load)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:

        async def chat(request: web.Request) -> web.Response:
            address = f"{runtime.load().listening_address.rstrip('/')}/v1/chat/completions"
            headers = {"Authorization": f"Bearer {runtime.key}"}
            async with session.post(address, json=await request.json(), headers=headers) as reply:
                body = await reply.read()
                return web.Response(body=body, status=reply.status, content_type="application/json")

        async def embed(request: web.Request) -> web.Response:
            asked = (await request.json())["input"]
            texts = [asked] if isinstance(asked, str) else asked
            vectors = await (await workspace.parts.embedding(EMBED)).embed(texts, "passage")
            rows = [
                {"object": "embedding", "index": i, "embedding": [float(x) for x in vector]}
                for i, vector in enumerate(vectors)
            ]
            usage = {"prompt_tokens": 0, "total_tokens": 0}
            return web.json_response(
                {"object": "list", "data": rows, "model": "embed", "usage": usage}
            )

        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/v1/chat/completions", chat)
        application.router.add_post("/v1/embeddings", embed)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()


# --- measuring ----------------------------------------------------------------------------------


async def _ours(
    pack: Pack, judge: str | None, answers: Sequence[Labelled], kept: Kept, model: EmbeddedChat,
    workspace: Workspace,
) -> None:  # fmt: skip
    """Score with our metric what has no row yet."""
    side = f"headway, {judge or 'no judge'}"
    task = pack.task(judge)
    desk = Desk(task, workspace.parts, workspace.store, Budget())
    workspace.parts.task = task
    workspace.parts._chat[JUDGE] = model
    bench = Bench(desk, load(pack.ours, task.folder), pack.ours)
    todo = [a for a in answers if _key(pack, side, a) not in kept.rows]
    gate = asyncio.Semaphore(SLOTS)

    async def one(answer: Labelled) -> None:
        async with gate:
            start = time.perf_counter()
            asked = (await bench.ask_all([answer]))[0]
            value = {
                "score": asked.score.value, "why": asked.score.unscored[:160],
                "seconds": round(time.perf_counter() - start, 1),
            }  # fmt: skip
            kept.put(_key(pack, side, answer), value)
            _tell(pack, side, value)

    await asyncio.gather(*(one(answer) for answer in todo))


async def _theirs(pack: Pack, answers: Sequence[Labelled], kept: Kept, url: str) -> None:
    """Score with Ragas what has no row yet."""
    todo = [a for a in answers if _key(pack, "ragas", a) not in kept.rows]
    if not todo:
        return
    lines = "".join(json.dumps(pack.for_ragas(a)) + "\n" for a in todo)
    process = await asyncio.create_subprocess_exec(
        str(RAGAS), str(HERE / "ragas_side.py"), "--url", url, "--at-once", str(SLOTS),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(lines.encode())
        await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            row = json.loads(line)
            answer = next(a for a in todo if a.example.id == row["id"])
            score = row["score"]
            if score is not None and pack.rubric is not None:
                score = (score - 1) / 4  # its rubric is scored from 1 to 5
            value = {"score": score, "why": row["why"], "seconds": row["seconds"]}
            kept.put(_key(pack, "ragas", answer), value)
            _tell(pack, "ragas", value)
        if await process.wait():
            raise SystemExit(f"ragas_side.py ended with {process.returncode}")
    finally:
        if process.returncode is None:
            process.kill()


def _key(pack: Pack, side: str, answer: Labelled) -> str:
    return f"{pack.name} | {side} | {answer.example.id}"


def _tell(pack: Pack, side: str, value: dict[str, Any]) -> None:
    score = value["why"] if value["score"] is None else f"{value['score']:.2f}"
    print(f"{pack.name:14}{side:36}{value['seconds']:7.1f} s  {score}", flush=True)


# --- the tables ---------------------------------------------------------------------------------


def _sides(pack: Pack) -> list[str]:
    ours = [f"headway, {JUDGE}", *(["headway, no judge"] if pack.offline else [])]
    return [*ours, "ragas"]


def _table(pack: Pack, answers: Sequence[Labelled], kept: Kept) -> list[str]:
    done = [
        a for a in answers if all(_key(pack, side, a) in kept.rows for side in _sides(pack))
    ]  # fmt: skip
    lines = [f"## {pack.title}", "", f"People: {pack.people}. {len(done)} answers."]
    if len(done) < 3:
        return [*lines, "", "Not measured yet.", ""]
    people = [a.label for a in done]
    groups = [str(a.group) for a in done]
    columns = (
        ("kappa", "balanced_accuracy", "auc")
        if pack.labels == "yes_no"
        else ("spearman", "kendall", "alpha_ordinal")
    )
    lines += ["", f"| judge | {' | '.join(columns)} | unscored | seconds an answer |"]
    lines += ["| --- |" + " ---: |" * (len(columns) + 2)]
    apart, missed = "", []
    for side in _sides(pack):
        rows = [kept.rows[_key(pack, side, a)] for a in done]
        scores = [r["score"] for r in rows]
        found = stats.agreement(scores, people, groups, labels=pack.labels, cut=pack.cut)
        none = [(a.example.id, r["why"]) for a, r in zip(done, rows, strict=True)
                if r["score"] is None]  # fmt: skip
        missed += [f"- {side}, `{id}`: {_cell(why)}" for id, why in none]
        seconds = sorted(r["seconds"] for r in rows)[len(rows) // 2]
        name = f"{side}: {pack.theirs if side == 'ragas' else pack.ours}"
        lines.append(_row(name, found, columns, str(len(none)), f"{seconds:.1f}"))
        if side == _sides(pack)[0] and (least := stats.told_apart(found[columns[0]])):
            apart = (
                f"On other answers each, so many tell two judges apart from a difference of about"
                f" {least:.2f} in {columns[0]} on, 80% of the time. {_paired(pack, done, kept)}"
            )
        if side == "headway, no judge" and pack.name == "qags":
            lines += _not_fitted(pack, done, kept, columns)
    for name, base in baselines(done, pack.labels, groups).items():
        lines.append(_row(name, base, columns, "0", "0"))
    if any(len(a.votes) > 1 for a in done):
        each = stats.people_agreement([a.votes for a in done], groups,
                                      yes_no=pack.labels == "yes_no")  # fmt: skip
        lines.append(_row("one person with the others", each, columns, "", ""))
    lines += ["", apart, ""]
    if missed:
        lines += [
            "<details><summary>Unscored, each a miss</summary>",
            "",
            *missed,
            "",
            "</details>",
            "",
        ]
    return lines


def _not_fitted(
    pack: Pack, done: Sequence[Labelled], kept: Kept, columns: Sequence[str]
) -> list[str]:
    """Our rule without a judge, on those articles that its weights were not fitted on
    (faithfulness.py)."""
    others = [a for a in done if fraction(f"half:{a.example.id}") >= 0.5]
    rows = [kept.rows[_key(pack, "headway, no judge", a)] for a in others]
    if len(others) < 3:
        return []
    found = stats.agreement(
        [r["score"] for r in rows], [a.label for a in others], [str(a.group) for a in others],
        labels=pack.labels, cut=pack.cut,
    )  # fmt: skip
    return [_row(f"the same, on the {len(others)} it was not fitted on", found, columns, "0", "")]


def _paired(pack: Pack, done: Sequence[Labelled], kept: Kept) -> str:
    """Our metric's agreement minus Ragas', of the same answers: percentiles of a bootstrap of
    groups."""
    first = "kappa" if pack.labels == "yes_no" else "spearman"
    statistic = measures(pack.labels, pack.cut)[first]
    people = np.array([a.label for a in done])
    groups = np.array([str(a.group) for a in done])
    ours, theirs = (
        np.array([
            np.nan if (s := kept.rows[_key(pack, side, a)]["score"]) is None else s for a in done
        ])
        for side in (_sides(pack)[0], "ragas")
    )  # fmt: skip
    rows = [np.flatnonzero(groups == g) for g in dict.fromkeys(groups)]
    rng = np.random.default_rng(7)
    drawn = []
    for _ in range(2_000):
        at = np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        drawn.append(statistic(ours[at], people[at]) - statistic(theirs[at], people[at]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    found = statistic(ours, people) - statistic(theirs, people)
    return f"Ours with the judge minus Ragas, paired: {found:+.2f} ({low:+.2f} to {high:+.2f})."


def _row(name: str, found: Any, columns: Sequence[str], *rest: str) -> str:
    cells = [_figure(found.get(m)) for m in columns]
    return f"| {name} | {' | '.join([*cells, *rest])} |"


def _figure(found: Any) -> str:
    if found is None or found.mean is None:
        return "–"
    ends = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.mean:.2f}{ends}"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("`", "'").replace("\n", " ")[:120]


def _write(tables: Sequence[str], n: int) -> None:
    head = [
        "# Judges beside people",
        "",
        f"`python bench/judges/run.py --n {n}`. Judge of both sides: {JUDGE}, {CONTEXT} tokens of"
        " context. Ragas as pinned in requirements.txt, with its own prompts and defaults.",
        "Figures are agreement with people over all answers, with 95% intervals; an answer without"
        " a score is a miss. `always the same` says of all answers what people say most; `word"
        " overlap` is what costs nothing, cut for yes/no where people's share of yes is.",
        "",
    ]
    (HERE / "RESULTS.md").write_text("\n".join([*head, *tables]).rstrip() + "\n", encoding="utf-8")


def _data() -> Path:
    given = os.environ.get("HEADWAY_DATA")
    found = Path(given) if given else ROOT.parent / "shared" / "data"
    if not found.is_dir():
        raise SystemExit(f"no packs in {found}: set HEADWAY_DATA")
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 answers of each pack")
    parser.add_argument("--only", default=",".join(p.name for p in PACKS))
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--ours", action="store_true", help="leave Ragas out")
    parser.add_argument("--table", action="store_true", help="write RESULTS.md and measure nothing")
    given = parser.parse_args()
    n = 2 if given.quick else given.n
    chosen = [p for p in PACKS if p.name in given.only.split(",")]
    data = _data()
    answers = {p.name: p.read(data)[:n] for p in PACKS}
    kept = Kept(HERE / "results.jsonl")
    if not given.table:
        left = {
            p.name: sum(
                any(_key(p, s, a) not in kept.rows for s in _sides(p)) for a in answers[p.name]
            )
            for p in chosen
        }
        hours = sum(SECONDS[name] * count for name, count in left.items()) / 3600
        print(f"{left} answers to judge, about {hours:.1f} hours on two free cores", flush=True)
        if not given.ours and not RAGAS.is_file():
            raise SystemExit("Ragas is not installed: see the head of this file")
        await _measure(chosen, answers, kept, ours_only=given.ours)
    tables = [line for p in PACKS for line in _table(p, answers[p.name], kept)]
    if given.quick:
        print("\n".join(tables))
    else:
        _write(tables, n)


async def _measure(
    chosen: Sequence[Pack], answers: dict[str, list[Labelled]], kept: Kept, ours_only: bool
) -> None:
    model = await _model()
    (SCRATCH / "judges").mkdir(parents=True, exist_ok=True)
    first = PACKS[0].task(None)
    async with (
        Workspace(first, store=SCRATCH / "judges" / "store.db") as workspace,
        _served(model, workspace) as url,
    ):
        for pack in chosen:
            rows = answers[pack.name]
            if pack.offline:
                await _ours(pack, None, rows, kept, model, workspace)
            await _ours(pack, JUDGE, rows, kept, model, workspace)
            if not ours_only:
                await _theirs(pack, rows, kept, url)


if __name__ == "__main__":
    asyncio.run(main())
