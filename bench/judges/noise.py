"""Planted label noise: how many of the wrong references stand in the first tenth of the queue?

    python bench/judges/noise.py [--quick] [--packs banking77,tickets,squad_xquad]

Hours on one core: about 0.1 for embeddings and re-ranking, once; then for 20 seeds 0.5 (banking77),
0.1 (tickets) and 0.2 (squad_xquad). --quick takes 2 seeds, and of banking77 2,000 messages. Rows
are kept in noise.jsonl beside this file; NOISE.md is written anew after each pack.

In each seed 5% of the references are swapped for plausible others: on banking77 for the wrong label
whose centre is nearest to the message, by the same embeddings that the voters see, which is hard on
them; on tickets one field of few values for another value, drawn as often as it occurs; on
squad_xquad for another span of the passage of the same kind (date, number, name, phrase), one that
answers another question of the passage where there is such a one.

The voters are those of `headway check --labels` that need no chat model: classifier and neighbours
on embeddings; the reader, with and without the re-ranker. Chat models would be asked thousands of
times. Beside them confident learning (Northcutt, Jiang and Chuang, 2021) by the package cleanlab,
on the same out-of-fold probabilities; it has no ranking for spans. It is measured where cleanlab is
installed: bench/judges/requirements-noise.txt.

What was chosen by planted noise: that the reader orders by the chance of its reference, of five
orders, and that a re-ranker helps it, on seeds 0 to 5 of squad_xquad. The margin
instead of the label's own chance is an alternative for labels, to be chosen on seeds 0 to 9; seeds
10 to 19 are the figures to quote.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

from headway.core.sentences import sentence_spans  # noqa: E402
from headway.core.task import Example, Task, digest  # noqa: E402
from headway.engine import statistics as stats  # noqa: E402
from headway.engine.labels import nearby, reader  # noqa: E402
from headway.engine.labels.doubter import ranked  # noqa: E402
from headway.engine.labels.spans import kind_of, pieces  # noqa: E402
from headway.engine.labels.votes import Ballot, Vote, count  # noqa: E402
from headway.models import open_embedding, open_rerank  # noqa: E402

DATA = Path(os.environ.get("HEADWAY_DATA") or HERE.parents[2] / "shared" / "data")
WORK = HERE.parent / "scratch" / "judges"
SEEDS, NOISE = 20, 0.05
EMBED, RERANK = "embedded/bge-small-en", "embedded/minilm-l12"

Row = dict[str, float]


def lines(file: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


async def embedded(name: str, texts: list[str]) -> Any:
    """Vectors of texts, computed once."""
    file = WORK / f"{name}-{digest(texts)[:12]}.npy"
    if not file.is_file():
        model = await open_embedding(EMBED)
        parts = [
            await model.embed(texts[i : i + 256], "passage") for i in range(0, len(texts), 256)
        ]
        WORK.mkdir(parents=True, exist_ok=True)
        np.save(file, np.vstack(parts))
        await model.close()
    return np.load(file)


def found(doubt: Any, planted: Any) -> float:
    """Share of the planted ones that stand in the first tenth of the queue."""
    order = np.argsort(-np.asarray(doubt), kind="stable")
    first = set(order[: len(order) // 10].tolist())
    return len(first & set(planted)) / len(planted)


def by_votes(votes: list[list[Vote]], kind: str, paths: list[str] | None = None) -> list[float]:
    """Headway's doubt."""
    none = Example(id="e", inputs={"question": "q"}, reference="r")
    names = paths or [""] * len(votes)
    return [
        d.chance
        for d in count([Ballot(none, "r", p, v) for v, p in zip(votes, names, strict=True)], kind)
    ]


def cleanlab_quality(labels: list[str], chances: Any, on: str) -> dict[str, Any]:
    """Confident learning's scores of doubt, where the package is installed."""
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return {}
    names = nearby.names_of(labels)
    given = np.array([names.index(label) for label in labels])
    sure = np.clip(np.nan_to_num(chances, nan=1 / len(names)), 1e-9, 1)
    sure /= sure.sum(axis=1, keepdims=True)
    doubt = 1 - get_label_quality_scores(given, sure, method="normalized_margin")
    # What confident learning calls an issue comes first, as in its `find_label_issues`.
    issues = find_label_issues(given, sure, filter_by="prune_by_noise_rate", n_jobs=1)
    return {f"confident learning (cleanlab) on {on}": doubt + issues}


def classes(
    x: Any, labels: list[str], groups: list[str]
) -> tuple[dict[str, Any], list[list[Vote]]]:
    """Doubts over one list of labels, by row of the table; and Headway's votes."""
    names = nearby.names_of(labels)
    column = [names.index(label) for label in labels]
    voters = {"classifier": nearby.classified(x, labels, groups),
              "neighbours": nearby.neighboured(x, labels, groups)}  # fmt: skip
    at = np.arange(len(labels))
    doubts = {name: 1 - np.nan_to_num(c[at, column], nan=1.0) for name, c in voters.items()}
    votes = [
        [Vote(n, EMBED, 1 - float(c[i, k]), "") for n, c in voters.items() if not np.isnan(c[i, k])]
        for i, k in enumerate(column)
    ]
    # A stated alternative: the margin to the best other label instead of the label's own chance.
    margins = []
    for i, k in enumerate(column):
        rows = [c[i] for c in voters.values() if not np.isnan(c[i, k])]
        gaps = [(1 + float(np.delete(row, k).max()) - float(row[k])) / 2 for row in rows]
        margins.append([Vote(str(n), EMBED, gap, "") for n, gap in enumerate(gaps)])
    doubts["both, by margin"] = np.array(by_votes(margins, "label"))
    # To be fair to it, confident learning gets the better voters' probabilities as well.
    both = np.nanmean(np.stack(list(voters.values())), axis=0)
    doubts |= cleanlab_quality(labels, voters["classifier"], "the classifier")
    doubts |= cleanlab_quality(labels, voters["neighbours"], "the neighbours")
    doubts |= cleanlab_quality(labels, both, "the mean of both")
    return doubts, votes


def banking(quick: bool) -> Callable[[int], Row]:
    """Messages and their intents."""
    rows = lines(DATA / "banking77" / "train.jsonl") + lines(DATA / "banking77" / "test.jsonl")
    x = asyncio.run(embedded("banking77", [r["text"] for r in rows]))
    if quick:
        chosen = random.Random(0).sample(range(len(rows)), 2000)
        rows, x = [rows[i] for i in chosen], x[chosen]
    clean = [r["intent"] for r in rows]
    names = nearby.names_of(clean)
    given = np.array([names.index(c) for c in clean])
    centres = np.stack([x[given == k].mean(axis=0) for k in range(len(names))])
    near = x @ centres.T
    near[np.arange(len(rows)), given] = -np.inf
    groups = [str(i) for i in range(len(rows))]

    def one(seed: int) -> Row:
        planted = random.Random(seed).sample(range(len(rows)), round(NOISE * len(rows)))
        labels = [*clean]
        for i in planted:
            labels[i] = names[int(np.argmax(near[i]))]
        doubts, votes = classes(x, labels, groups)
        doubts["headway: both"] = by_votes(votes, "label")
        return {name: found(d, planted) for name, d in doubts.items()}

    return one


def tickets(quick: bool) -> Callable[[int], Row] | None:
    """Messages and the fields of their tickets that have few values."""
    folder = HERE.parents[1] / "examples" / "tickets"
    if not (folder / "task.yaml").is_file():
        return None
    examples = [e for e in Task.load(folder).examples if isinstance(e.reference, dict)]
    x = asyncio.run(embedded("tickets", [e.question for e in examples]))
    values: dict[str, list[str]] = {
        name: [str(e.reference.get(name)) for e in examples] for name in examples[0].reference
    }
    most = min(60, 0.2 * len(examples))
    values = {name: v for name, v in values.items() if 2 <= len(set(v)) <= most}
    groups = [e.cluster for e in examples]

    def one(seed: int) -> Row:
        rng = random.Random(seed)
        planted = rng.sample(range(len(examples)), round(NOISE * len(examples)))
        changed = {name: [*v] for name, v in values.items()}
        for i in planted:
            name = rng.choice(list(values))
            changed[name][i] = rng.choice([v for v in values[name] if v != values[name][i]])
        worst: dict[str, Any] = defaultdict(lambda: np.zeros(len(examples)))
        votes: list[list[Vote]] = []
        paths: list[str] = []
        for name, labels in changed.items():
            doubts, own = classes(x, labels, groups)
            for row, d in doubts.items():
                worst[row] = np.maximum(worst[row], d)
            votes, paths = votes + own, paths + [name] * len(own)
        together = np.array(by_votes(votes, "json", paths)).reshape(len(changed), -1)
        worst["headway: both"] = together.max(axis=0)
        return {name: found(d, planted) for name, d in worst.items()}

    return one


def squad(quick: bool) -> Callable[[int], Row]:
    """Questions and spans of a passage."""
    folder = DATA / "squad_xquad" / "en"
    texts = {r["_id"]: r["text"] for r in lines(folder / "corpus.jsonl")}
    rows = lines(folder / "questions.jsonl")
    passage = [r["gold_passage_ids"][0] for r in rows]
    clean = [r["answers"][0]["text"] for r in rows]
    base = [
        reader.ask(r["question"], texts[p], [c])
        for r, p, c in zip(rows, passage, clean, strict=True)
    ]
    groups = [p.split("#")[0] for p in passage]
    scores = asyncio.run(reranked(rows, [texts[p] for p in passage]))

    def swap(rng: random.Random, i: int) -> str | None:
        def plausible(text: str) -> bool:
            a, b = text.casefold(), clean[i].casefold()
            return kind_of(text) == kind_of(clean[i]) and a not in b and b not in a

        pool = [c for c, p in zip(clean, passage, strict=True) if p == passage[i] and plausible(c)]
        pool = pool or [p.text for p in pieces(texts[passage[i]]) if plausible(p.text)]
        return rng.choice(sorted(set(pool))) if pool else None

    def one(seed: int) -> Row:
        rng = random.Random(seed)
        planted: dict[int, str] = {}
        for i in rng.sample(range(len(rows)), len(rows)):
            if len(planted) < round(NOISE * len(rows)) and (other := swap(rng, i)):
                planted[i] = other
        asked = [
            reader.ask(r["question"], texts[passage[i]], [planted[i]]) if i in planted else base[i]
            for i, r in enumerate(rows)
        ]
        kept: Row = {}
        for name in ("reader, words only", "headway: reader with re-ranker"):
            for a, r in zip(asked, rows, strict=True):
                spans = sentence_spans(a.text)
                more = name.startswith("headway")
                a.more = ranked(a, spans, np.array(scores[r["id"]])) if more else None
            read = reader.doubts(asked, groups)
            votes = [[] if v is None else [Vote("reader", "r", v.against, v.best)] for v in read]
            kept[name] = found(by_votes(votes, "text"), planted)
        return kept

    return one


async def reranked(rows: list[dict[str, Any]], texts: list[str]) -> dict[str, list[float]]:
    """Scores of each sentence of a question's passage, computed once."""
    file = WORK / "squad-reranked.json"
    if not file.is_file():
        model = await open_rerank(RERANK)
        made = {}
        for row, text in zip(rows, texts, strict=True):
            made[row["id"]] = await model.rerank(
                row["question"], [text[a:b] for a, b in sentence_spans(text)]
            )
        WORK.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made))
        await model.close()
    scores: dict[str, list[float]] = json.loads(file.read_text())
    return scores


PACKS: dict[str, Callable[[bool], Callable[[int], Row] | None]] = {
    "banking77": banking, "tickets": tickets, "squad_xquad": squad,
}  # fmt: skip
NOTES = {
    "banking77": "11,543 messages, 77 intents; 577 references swapped for the nearest wrong label",
    "tickets": "one field of few values of 5% of the tickets",
    "squad_xquad": "603 English questions; 30 references swapped for another span of the passage",
}


def table(kept: Kept, mode: str) -> str:
    """NOISE.md."""
    text = (__doc__ or "").split("\n\n", 3)[3]
    out = [f"# Planted label noise\n\n`python bench/judges/noise.py`\n\n{text}"]
    out.append(
        "\nShare of the planted ones in the first tenth of the queue: mean over seeds with the\n"
        "95% interval of that mean. Chance is 0.10. The seeds draw the swapped references anew\n"
        "from one set of examples: the interval is about these, not about other tasks.\n"
    )
    for pack in PACKS:
        runs = {
            int(k.split("/")[2]): v for k, v in kept.rows.items() if k.startswith(f"{mode}/{pack}/")
        }
        if not runs:
            continue
        out.append(f"\n## {pack}\n\n{NOTES[pack]}; {len(runs)} seeds.\n")
        out.append(
            "| ordered by | seeds 0 to 9 | seeds 10 to 19 | all |\n| --- | --- | --- | --- |"
        )
        for name in dict.fromkeys(n for run in runs.values() for n in run):
            cells = [_mean([run[name] for s, run in runs.items() if s in part and name in run])
                     for part in (range(10), range(10, 20), range(20))]  # fmt: skip
            out.append(f"| {name} | {' | '.join(cells)} |")
        out.append("")
    return "\n".join(out)


def _mean(values: list[float]) -> str:
    if not values:
        return "not run"
    e = stats.estimate(values)
    return f"{e.mean:.2f} ({e.low:.2f} to {e.high:.2f})" if e.low is not None else f"{e.mean:.2f}"


def main() -> None:
    """All packs, or those named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--packs", default=",".join(PACKS))
    args = parser.parse_args()
    print("about 0.05 hours" if args.quick else "about 0.9 hours on one core for all packs")
    kept = Kept(HERE / "noise.jsonl")
    mode, seeds = ("quick", 2) if args.quick else ("full", SEEDS)
    for pack in args.packs.split(","):
        if all(f"{mode}/{pack}/{s}" in kept.rows for s in range(seeds)):
            continue
        if pack != "tickets" and not (DATA / pack).is_dir():
            print(f"{pack}: not there, skipped")
            continue
        one = PACKS[pack](args.quick)
        if one is None:
            print(f"{pack}: not there, skipped")
            continue
        for seed in range(seeds):
            if f"{mode}/{pack}/{seed}" not in kept.rows:
                kept.put(f"{mode}/{pack}/{seed}", one(seed))
                print(
                    pack,
                    seed,
                    {k: round(v, 3) for k, v in kept.rows[f"{mode}/{pack}/{seed}"].items()},
                    flush=True,
                )
        if mode == "full":
            (HERE / "NOISE.md").write_text(table(kept, mode), encoding="utf-8")
    if mode == "quick":
        print(table(kept, mode))


if __name__ == "__main__":
    main()
