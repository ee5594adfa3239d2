"""Active learning: what choosing the next labels brings over random choice, as a learning curve.

    python bench/training/active.py [--quick] [--fresh] [--pool even|skewed] [--seeds N]

About 20 minutes on one core (--quick: under 2 minutes, 2 seeds and 4 rounds), a minute of it for
embedding 11,543 questions once. What is measured is kept in bench/training/active.jsonl and not
measured twice (--fresh forgets it); ACTIVE.md is written anew.

banking77: 77 intents, 10,003 questions of train as the pool, 1,540 of test to measure on. A seed
draws 100 questions at random, which all choices start from; each of ten rounds chooses 50 more,
labels them, and trains anew. No weights of a chat model are trained: the learner is multinomial
logistic regression on frozen embeddings (bge-small-en), its penalty 0.03 fixed beforehand, and,
beside it, the majority of the five nearest labelled questions, which is what few-shot by nearness
lives on. Two pools: `even`, as the data are, and `skewed`, in which the n-th of the intents in a
random order keeps 1/n of its questions at least 8, as production logs are; test stays as it is.

Choices:
    random      the present state of things without a choice
    spread      by clusters of meaning, as `headway draft --from LOG` does: diversity alone
    margin      the smallest margin between the two likeliest intents, nothing else
    wavering    what `--pick wavering` does: of some drawn by lot, those near failures and far from
                each other are asked; of those the learner is sampled 4 times, and its disagreement,
                nearness to failures and distance are weighed (headway.engine.tuning.worth)

How `wavering` selects whom to ask was decided on clinc150, 3 seeds. A first way had been tried on
seeds 0 and 1 of these questions and lost to chance, so those two are not wholly untouched. Of
the ways tried there, farthest points among all inputs brought few-shot by nearness nothing (+0.000
against +0.037 of the way taken), as they are the odd ones.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import Kept
from packs import DATA, lines

from headway.engine.drafting.sampling import CLUSTERS, clusters, turns
from headway.engine.tuning.wavering import ASKED, DRAWN, SAMPLES
from headway.engine.tuning.worth import disagreement, near_failures, spread, worth
from headway.models import open_embedding
from headway.training.classifier import Classifier

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "scratch" / "training"
MODEL = "embedded/bge-small-en"
START, STEP, ROUNDS, SEEDS = 100, 50, 10, 20
PENALTY, NEAREST = 0.03, 5
POOLS = ("even", "skewed")
CHOICES = ("random", "spread", "margin", "wavering")


@dataclass(frozen=True)
class Pack:
    """Unit vectors and intents of the pool and of what is measured on."""

    pool: np.ndarray
    intents: np.ndarray
    held: np.ndarray
    wanted: np.ndarray


def load() -> Pack:
    """banking77, embedded once."""
    rows = [
        (row["text"], row["intent"], part)
        for part in ("train", "test")
        for row in lines(DATA / "banking77" / f"{part}.jsonl")
    ]
    file = WORK / "banking77.npy"
    if not file.is_file():
        WORK.mkdir(parents=True, exist_ok=True)
        np.save(file, asyncio.run(_embedded([text for text, _, _ in rows])))
    vectors = np.load(file)
    assert len(vectors) == len(rows), f"{file} is of other data: remove it"
    train = np.array([part == "train" for _, _, part in rows])
    intents = np.array([intent for _, intent, _ in rows])
    return Pack(vectors[train], intents[train], vectors[~train], intents[~train])


async def _embedded(texts: Sequence[str]) -> np.ndarray:
    model = await open_embedding(MODEL)
    try:
        made = [await model.embed(texts[i : i + 256], "passage") for i in range(0, len(texts), 256)]
    finally:
        await model.close()
    return np.vstack(made)


def pool_of(pack: Pack, kind: str, seed: int) -> Pack:
    """The pool as it is, or with intents as rare as they are in logs."""
    if kind == "even":
        return pack
    rng = np.random.default_rng(1000 + seed)
    keep: list[int] = []
    for place, intent in enumerate(rng.permutation(np.unique(pack.intents)), start=1):
        rows = np.flatnonzero(pack.intents == intent)
        keep += rng.permutation(rows)[: max(8, round(len(rows) / place))].tolist()
    rows = np.sort(np.array(keep))
    return Pack(pack.pool[rows], pack.intents[rows], pack.held, pack.wanted)


def nearest(labelled: np.ndarray, names: np.ndarray, asked: np.ndarray, own: bool) -> np.ndarray:
    """The majority of the nearest labelled questions, the nearer of equals. own: leave the
    question itself out, as `asked` is `labelled`."""
    cosines = asked @ labelled.T
    if own:
        np.fill_diagonal(cosines, -1.0)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
    # A Counter keeps the order of first seen, so that the nearer wins among equals.
    return np.array([Counter(names[row].tolist()).most_common(1)[0][0] for row in order])


class Chooser:
    """Chooses the next STEP rows of one pool."""

    def __init__(self, pack: Pack, choice: str, seed: int) -> None:
        self.pack, self.choice = pack, choice
        self.rng = np.random.default_rng(seed)
        self.tickets = self.rng.random(len(pack.pool)).tolist()
        self.labels = (
            clusters(pack.pool, CLUSTERS, seed) if choice == "spread" else np.zeros(0, np.intp)
        )

    def next(self, done: np.ndarray, model: Classifier) -> np.ndarray:
        """Rows of the pool, none of those done."""
        left = np.setdiff1d(np.arange(len(self.pack.pool)), done)
        return left[getattr(self, f"_{self.choice}")(left, done, model)]

    def _random(self, left: np.ndarray, done: np.ndarray, model: Classifier) -> Any:
        return self.rng.permutation(len(left))[:STEP]

    def _spread(self, left: np.ndarray, done: np.ndarray, model: Classifier) -> Any:
        order = turns(self.pack.pool, self.labels, self.tickets)
        place = {row: at for at, row in enumerate(left.tolist())}
        return [place[row] for row in order if row in place][:STEP]

    def _margin(self, left: np.ndarray, done: np.ndarray, model: Classifier) -> Any:
        two = np.sort(model.chances(self.pack.pool[left]), axis=1)[:, -2:]
        return np.argsort(two[:, 1] - two[:, 0], kind="stable")[:STEP]

    def _wavering(self, left: np.ndarray, done: np.ndarray, model: Classifier) -> Any:
        pool, names = self.pack.pool, self.pack.intents[done]
        missed = nearest(pool[done], names, pool[done], own=True) != names
        near = near_failures(pool[left], pool[done], missed.astype(float))
        drawn = self.rng.permutation(len(left))[: DRAWN * ASKED * STEP]
        chosen = spread(worth(None, near[drawn]), pool[left][drawn], pool[done], ASKED * STEP)
        asked = drawn[chosen]
        chances = model.chances(pool[left][asked])
        wavers = np.array([
            disagreement(self.rng.choice(model.labels, SAMPLES, p=chance).tolist(), "label")
            for chance in chances / chances.sum(axis=1, keepdims=True)
        ])  # fmt: skip
        value = worth(wavers, near[asked])
        return asked[spread(value, pool[left][asked], pool[done], STEP)]


def curve(pack: Pack, choice: str, seed: int, rounds: int) -> dict[str, list[float]]:
    """Accuracy on what is held out after each round, by both learners; the first is the start."""
    done = np.random.default_rng(seed).permutation(len(pack.pool))[:START]
    chooser = Chooser(pack, choice, seed)
    found: dict[str, list[float]] = {"classifier": [], "nearest": [], "intents": []}
    for turn in range(rounds + 1):
        names = pack.intents[done]
        model = Classifier.train(pack.pool[done], names.tolist(), PENALTY, least=1)
        assert model is not None
        found["classifier"].append(float(np.mean(np.array(model.pick(pack.held)) == pack.wanted)))
        said = nearest(pack.pool[done], names, pack.held, own=False)
        found["nearest"].append(float(np.mean(said == pack.wanted)))
        found["intents"].append(float(len(set(names.tolist()))))
        if turn < rounds:
            done = np.concatenate([done, chooser.next(done, model)])
    return found


# --- the table ------------------------------------------------------------------------------------


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and half of a 95% interval by Student's t over seeds."""
    from scipy.stats import t

    n = len(values)
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / n**0.5 if n > 1 else 0.0
    return float(np.mean(values)), half


def needed(curves: np.ndarray, goal: float) -> str:
    """Labels after which the mean curve reaches a goal, between two rounds in a line."""
    mean = curves.mean(axis=0)
    over = np.flatnonzero(mean >= goal - 1e-12)
    if not len(over):
        return "not reached"
    at = int(over[0])
    part = 0.0 if at == 0 else (goal - mean[at - 1]) / (mean[at] - mean[at - 1])
    return f"{START + STEP * (max(0, at - 1) + part):.0f}"


def report(rows: dict[str, Any], seeds: int, rounds: int) -> str:
    said = [HEAD.format(seeds=seeds, rounds=rounds, last=START + rounds * STEP)]
    for kind in POOLS:
        for learner in ("classifier", "nearest"):
            found = {
                choice: np.array([rows[f"{kind}|{choice}|{seed}|{rounds}"][learner]
                                  for seed in range(seeds)])
                for choice in CHOICES
            }  # fmt: skip
            said += _table(kind, learner, found, rounds)
        covered = {
            choice: np.mean([rows[f"{kind}|{choice}|{seed}|{rounds}"]["intents"][-1]
                             for seed in range(seeds)])
            for choice in CHOICES
        }  # fmt: skip
        listed = ", ".join(f"{choice} {mean:.1f}" for choice, mean in covered.items())
        said.append(f"Intents with a label at the end, of 77: {listed}.\n")
    return "\n".join(said)


def _table(kind: str, learner: str, found: dict[str, np.ndarray], rounds: int) -> list[str]:
    shown = sorted({0, 1, 2, rounds // 2, rounds})
    title = "logistic regression" if learner == "classifier" else "five nearest, by majority"
    head = [f"{START + STEP * turn}" for turn in shown]
    goal = float(found["random"].mean(axis=0)[-1])
    rows = [
        f"## {kind} pool, {title}\n",
        "| choice | " + " | ".join(head) + " | over all rounds | minus random (95%) |"
        " labels for random's last |",
        "| --- |" + " --- |" * (len(head) + 3),
    ]
    area = {choice: curves[:, 1:].mean(axis=1) for choice, curves in found.items()}
    for choice, curves in found.items():
        points = " | ".join("{:.3f} ± {:.3f}".format(*interval(curves[:, turn])) for turn in shown)
        mean, half = interval(area[choice] - area["random"])
        gain = (
            "" if choice == "random" else f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"
        )
        rows.append(f"| {choice} | {points} | {area[choice].mean():.3f} | {gain} |"
                    f" {needed(curves, goal)} |")  # fmt: skip
    for other in ("spread", "margin"):
        mean, half = interval(area["wavering"] - area[other])
        said = f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"
        rows.append(f"\nwavering minus {other}: {said}.")
    return [*rows, ""]


HEAD = """# What choosing the next labels brings over random choice

Written by `python bench/training/active.py`: banking77, {seeds} seeds, {rounds} rounds of 50 labels
after 100 at random, accuracy on 1,540 held-out questions. Columns are labels. ± and intervals are
95% by Student's t over seeds, of the pool's draws and not of the test questions; differences are
paired by seed, over the mean of all rounds after the start, and not corrected for the number of
rows. The last column: after how many labels the mean curve is where random's ends. Choices and
pools are described in active.py.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="2 seeds, 4 rounds")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    parser.add_argument("--pool", choices=POOLS, help="only this one; two may run side by side")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="fewer, where time is short")
    options = parser.parse_args()
    seeds, rounds = (2, 4) if options.quick else (options.seeds, ROUNDS)
    print(f"about {2 if options.quick else 20} minutes, less what is there already", flush=True)
    kept = Kept(HERE / "active.jsonl", options.fresh)
    pack = load()
    for seed in range(seeds):
        for kind in [options.pool] if options.pool else POOLS:
            some = pool_of(pack, kind, seed)
            for choice in CHOICES:
                key = f"{kind}|{choice}|{seed}|{rounds}"
                if key in kept.rows:
                    continue
                start = time.perf_counter()
                kept.put(key, curve(some, choice, seed, rounds))
                last = kept.rows[key]["classifier"][-1]
                print(f"{key}  {last:.3f}  {time.perf_counter() - start:.0f} s", flush=True)
    if any(f"{kind}|{choice}|{seed}|{rounds}" not in kept.rows
           for kind in POOLS for choice in CHOICES for seed in range(seeds)):  # fmt: skip
        return print("no table yet: the other pool is not measured")
    text = report(kept.rows, seeds, rounds)
    if options.quick:
        print(text)
    else:
        (HERE / "ACTIVE.md").write_text(text, encoding="utf-8")
        print(HERE / "ACTIVE.md")


if __name__ == "__main__":
    main()
