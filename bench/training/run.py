"""What fine-tuning brings beside few-shot and retrieval, in the same minutes on one machine.

    python bench/training/run.py [--quick] [--tasks tickets,...] [--n 100] [--minutes 15] [--table]

Hours on two free cores, with 100 examples and 15 minutes of training each: about 4 in all, said at
the start for the tasks chosen; --quick takes 6 examples and trains for half a minute, and needs
about ten minutes.

Rows are kept in results.jsonl beside this file, single answers and trainings in the tasks' folders
below bench/scratch/training, so the same command goes on where it was stopped, in the middle of a
training too; RESULTS.md is written anew after each row. Packs are looked for in HEADWAY_DATA, or in
shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent / "behaviour")]
import tasks  # noqa: E402
from kept import Kept  # noqa: E402
from packs import DATA, lines, placed, write  # noqa: E402

from headway import Pipeline, Workspace  # noqa: E402
from headway.core.errors import InputError  # noqa: E402
from headway.core.task import Example, Shares, Split, fraction  # noqa: E402
from headway.core.tuning import TuneFinding  # noqa: E402
from headway.engine import statistics as stats  # noqa: E402
from headway.engine.compare import estimate  # noqa: E402
from headway.engine.journey import test_name  # noqa: E402
from headway.engine.parts import ENGINE_VERSION  # noqa: E402
from headway.engine.race import against  # noqa: E402
from headway.engine.run import Run  # noqa: E402
from headway.engine.tuning import Source, Tuner, TuneWish, with_source  # noqa: E402

WORK = HERE.parent / "scratch" / "training"
ROOT = HERE.parents[1]
EXAMPLES, MINUTES = 100, 15.0
QUICK_EXAMPLES, QUICK_MINUTES = 6, 0.5
TAUGHT = 400  # inputs that the teacher answers, five times each


class Desk:
    """One task under measurement: its workspace, its rows, and the run that others are held
    against."""

    def __init__(
        self, name: str, workspace: Workspace, kept: Kept, n: int, minutes: float, spread: bool
    ) -> None:
        """spread: take as many groups of dev as there are, instead of its first examples, which
        are those of few groups."""
        self.name, self.workspace, self.kept, self.n, self.minutes = (
            name, workspace, kept, n, minutes,
        )  # fmt: skip
        self.runner = workspace._runner()
        self.spread = spread
        self.dev = self.of("dev", n)
        self.train = workspace.task.split("train")
        self.runs: dict[str, Run] = {}

    def known(self, setting: str) -> bool:
        """Whether the row is kept."""
        return self.key(setting) in self.kept.rows

    def of(self, split: Split, n: int) -> list[Example]:
        """So many examples of a split."""
        examples, seen = self.workspace.task.split(split), Counter[str]()
        if not self.spread:
            return list(examples[:n])
        turns = []
        for example in examples:
            turns.append(seen[example.cluster])
            seen[example.cluster] += 1
        order = sorted(range(len(examples)), key=lambda at: turns[at])
        return [examples[at] for at in order[:n]]

    def key(self, setting: str) -> str:
        return f"{self.name}|{setting}|{self.n}|{self.minutes:g}"

    async def row(
        self, setting: str, title: str, pipeline: Pipeline, beside: str | None = None,
        tuned: TuneFinding | None = None, examples: Sequence[Example] | None = None,
    ) -> None:  # fmt: skip
        """Measure a pipeline and keep its row. beside: the setting that it is held against.
        examples: instead of the first n of dev."""
        self.add(setting, title, await self.run(pipeline, examples), beside, tuned)

    async def run(self, pipeline: Pipeline, examples: Sequence[Example] | None = None) -> Run:
        """A pipeline over the first n of dev, or over the examples given."""
        chosen = self.dev if examples is None else examples
        return await self.runner.run(self.workspace.pipeline(pipeline), chosen)

    def add(
        self, setting: str, title: str, run: Run, beside: str | None = None,
        tuned: TuneFinding | None = None,
    ) -> None:  # fmt: skip
        """Keep a run's row, unless it is kept already."""
        self.runs[setting] = run
        if self.known(setting):
            return
        metrics = self.workspace.task.spec.metrics
        usage = [r.usage for r in run.records]
        value: dict[str, Any] = {
            "task": self.name, "setting": setting, "title": title, "n": len(run.examples),
            "groups": len(set(run.groups)), "engine": ENGINE_VERSION, "pipeline": run.fingerprint,
            "scores": {m: plain(estimate(run.scores(m), run.groups)) for m in metrics},
            "prompt_tokens": mean([u.prompt_tokens for u in usage]),
            "written": mean([u.completion_tokens for u in usage]),
            "seconds": mean([r.latency_s for r in run.records]),
            "invalid": sum(r.status == "invalid" for r in run.records),
        }  # fmt: skip
        if beside is not None:
            pairs = {m: against(run, self.runs[beside], m) for m in metrics}
            value |= {"beside": beside, "sd": pairs[metrics[0]].sd}
            value["differences"] = {m: [p.difference, p.low, p.high] for m, p in pairs.items()}
            value["difference"] = value["differences"][metrics[0]]
        if tuned is not None:
            stage = tuned.stages[-1]
            value["training"] = {
                "samples": stage.samples, "held": tuned.plan.held, "epochs": len(stage.epochs),
                "chosen": stage.chosen, "seconds": stage.seconds, "tokens": stage.tokens,
                "sample_tokens": tuned.plan.prompt_tokens + tuned.plan.reply_tokens,
            }  # fmt: skip
        self.kept.put(self.key(setting), value)
        first = value["scores"][metrics[0]]
        print(f"  {self.name}: {title}: {first[0]:.3f} ({first[1]:.3f} to {first[2]:.3f})")

    async def tuned(
        self, pipeline: Pipeline, examples: Sequence[Example] | None = None, **more: Any
    ) -> tuple[Pipeline, TuneFinding]:
        """Train within the minutes; from its folder where that was done before."""
        wish = TuneWish(
            minutes=self.minutes, stages=("full",), prove=False,
            examples=tuple(examples) if examples is not None else None, **more,
        )  # fmt: skip
        start = time.perf_counter()
        found = await Tuner(self.runner, self.workspace.pipeline(pipeline), wish).go()
        print(f"  {self.name}: {found.name}: {time.perf_counter() - start:.0f} s with measuring")
        return Pipeline.load(found.pipeline_file), found

    def share(self, part: float) -> tuple[Example, ...]:
        """A part of train, whole groups of it; a larger part holds all of a smaller one."""
        groups = sorted({e.cluster for e in self.train}, key=lambda g: fraction(f"share:{g}"))
        taken, have = set[str](), 0
        for group in groups:
            if have < round(part * len(self.train)):
                taken.add(group)
                have += sum(e.cluster == group for e in self.train)
        return tuple(e for e in self.train if e.cluster in taken)


def plain(found: Any) -> list[float | None]:
    return [found.mean, found.low, found.high]


def mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


# --- the tasks ------------------------------------------------------------------------------------


async def tickets(desk: Desk) -> None:
    """Zero-shot, five examples with the schema, tuned on a tenth, a half and all."""
    base = desk.workspace.pipeline()
    await desk.row("zero_shot", "instructions", base)
    shots = base.with_step("examples", before="generate", select="fixed", k=5)
    five = shots.with_step("generate", contract="json")
    await desk.row("five_shot", "instructions, 5 examples, the schema enforced", five, "zero_shot")
    for setting, part in (("tenth", 0.1), ("half", 0.5), ("all", 1.0)):
        pipeline, found = await desk.tuned(base, desk.share(part), prompt="short")
        await desk.row(setting, f"tuned on {setting}", pipeline, "five_shot", found)
    # More wordings in train and the enforced form were chosen after a look at rows on dev, so the
    # result is read once more where nobody has looked.
    test, workspace = desk.of("test", desk.n), desk.workspace
    fingerprint = await workspace.parts.fingerprint(workspace.pipeline(pipeline))
    # As the product counts it; once, however often this bench is gone on with.
    workspace.store.open_test(test_name(workspace.task), fingerprint, "bench/training")
    await desk.row("test", f"tuned on all, {len(test)} of test", pipeline, examples=test)


async def few_shot_and_tuned(desk: Desk) -> None:
    """Zero-shot, the nearest eight examples, the same with the form enforced where a tuned model
    has it enforced, tuned on all that the minutes allow."""
    base = desk.workspace.pipeline()
    await desk.row("zero_shot", "instructions", base)
    near = base.with_step("examples", before="generate", select="nearest", k=8)
    await desk.row("nearest", "instructions, the 8 nearest examples", near, "zero_shot")
    pipeline, found = await desk.tuned(base, prompt="short")
    beside, step = "nearest", pipeline.step("generate")
    if step is not None and step.settings.get("contract") == "json":
        enforced = near.with_step("generate", contract="json", stated=False)
        beside, title = "enforced", "instructions, the 8 nearest examples, the form enforced"
        await desk.row(beside, title, enforced, "zero_shot")
    await desk.row("all", "tuned", pipeline, beside, found)


async def handbook(desk: Desk) -> None:
    """Retrieval alone, tuning alone, both, and both with the context inside the training."""
    base = desk.workspace.pipeline("pipelines/baseline.yaml")
    searching = base.with_step("retrieve", by="hybrid", k=3)
    await desk.row("retrieval", "retrieval alone", searching)
    blind = searching.without_step("retrieve")
    await desk.row("neither", "neither", blind, "retrieval")
    alone, found = await desk.tuned(blind, prompt="same", force=True)
    await desk.row("tuning", "tuning alone", alone, "retrieval", found)
    both = searching.model_copy(update={"model": alone.model})
    await desk.row("both", "both, trained without context", both, "retrieval", found)
    inside, found = await desk.tuned(searching, prompt="same")
    await desk.row("inside", "both, the context inside the training", inside, "retrieval", found)


async def refused(desk: Desk) -> None:
    """Knowledge questions without any context: a tuning refuses; forced, what it brings. Each half
    of the articles is asked of the model that was tuned on the other half: so all questions count,
    and none is about an article that was learnt from, whose names it would guess."""
    before, after = [], []
    async with Workspace.open(closed_book_folder(swapped=True)) as swapped:
        for half in (desk, Desk(desk.name, swapped, desk.kept, desk.n, desk.minutes, desk.spread)):
            quick, base = desk.n == QUICK_EXAMPLES, half.workspace.pipeline()
            dev = half.dev if quick else half.workspace.task.split("dev")
            before.append(await half.run(base, dev))
            if not half.known("said"):
                half.kept.put(half.key("said"), await asked_to_tune(half, base))
            pipeline, found = await half.tuned(base, prompt="same", force=True)
            after.append(await half.run(pipeline, dev))
    desk.add("zero_shot", "closed book", joined(before))
    desk.add("forced", "tuned by force, on the other half", joined(after), "zero_shot", found)


async def asked_to_tune(desk: Desk, pipeline: Pipeline) -> dict[str, str]:
    """What a tuning without force says."""
    task = desk.workspace.task
    try:
        await desk.tuned(pipeline, prompt="same")
        said = "it was not refused"
    except InputError as error:
        said = error.what.replace(task.typed, task.folder.name)  # no path of this machine
    print(f"  {desk.name}: {said}")
    return {"task": desk.name, "setting": "said", "title": "asked to tune", "said": said}


def joined(runs: Sequence[Run]) -> Run:
    """Runs over different examples as one."""
    return replace(
        runs[0], fingerprint="+".join(r.fingerprint for r in runs),
        examples=tuple(e for r in runs for e in r.examples),
        records=tuple(e for r in runs for e in r.records),
    )  # fmt: skip


async def distilled(desk: Desk) -> None:
    """A teacher with eight near examples, and a student that learnt from its answers alone."""
    base = desk.workspace.pipeline()
    teacher = base.with_step("examples", before="generate", select="nearest", k=8)
    await desk.row("teacher", "teacher: the 8 nearest examples", teacher)
    unlabelled = tuple(e.model_copy(update={"reference": None}) for e in desk.train[:TAUGHT])
    if desk.n == QUICK_EXAMPLES:
        unlabelled = unlabelled[:40]
    wish = await with_source(
        desk.runner, TuneWish(), Source(desk.workspace.pipeline(teacher), inputs=unlabelled)
    )
    pipeline, found = await desk.tuned(base, wish.examples, prompt="short")
    await desk.row("student", f"student: {len(wish.examples or ())} of the teacher's answers",
                   pipeline, "teacher", found)  # fmt: skip


# --- their folders --------------------------------------------------------------------------------


def made(name: str) -> Path:
    """A task of bench/behaviour, in a folder of its own."""
    tasks.WORK = WORK
    return tasks.make(name)


def handbook_folder() -> Path:
    """A copy of the example."""
    folder = WORK / "handbook"
    if not (folder / "task.yaml").is_file():
        shutil.copytree(ROOT / "examples" / "handbook", folder, dirs_exist_ok=True)
    return folder


def closed_book_folder(swapped: bool = False) -> Path:
    """Questions of squad_xquad with their answers and nothing to read, whole articles in train or
    dev, about half of them each; swapped: the other way round."""
    folder = WORK / ("closed_book_swapped" if swapped else "closed_book")
    folder.mkdir(parents=True, exist_ok=True)
    shares = Shares(train=0.5, dev=0.5, test=0.0)
    rows = []
    for row in squad_rows():
        split: Split = "train" if (fraction(row["group"]) < 0.5) != swapped else "dev"
        rows.append({**row, "group": placed(row["group"], split, shares)})
    write(folder / "examples.jsonl", rows)
    spec = {
        "name": "closed_book", "description": "Answer the question in a few words.",
        "instructions": "Answer the question in a few words.", "output": {"kind": "text"},
        # Whether the answer stands in the reply, first: token F1 pays a reply for being short.
        "metrics": ["contains", "exact_match", "token_f1"], "models": {"chat": tasks.SMALL},
        "splits": shares.model_dump(),
    }  # fmt: skip
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return folder


def squad_rows() -> list[dict[str, Any]]:
    """The pack's English questions with their first answers, grouped by article."""
    folder = DATA / "squad_xquad"
    file = next(f for f in sorted(folder.rglob("questions.jsonl")) if f.parent.name == "en")
    return [
        {
            "id": row["id"], "inputs": {"question": row["question"]},
            "reference": row["answers"][0]["text"],
            "group": row["gold_passage_ids"][0].partition("#")[0],
        }
        for row in lines(file)
    ]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One task of the bench: its folder, what is measured, minutes of measuring beside training,
    trainings."""

    folder: Callable[[], Path]
    measure: Callable[[Desk], Awaitable[None]]
    title: str
    minutes: float
    trainings: float
    spread: bool = False


PARTS = {
    "tickets": Part(
        lambda: made("tickets"), tickets,
        "tickets: a message to nine fields (examples/tickets), SmolLM2-135M", 25, 1.6, True,
    ),
    "refused": Part(
        closed_book_folder, refused,
        "closed_book: knowledge questions with nothing to read (squad_xquad), SmolLM2-135M",
        15, 0.4,
    ),
    "restaurant8k_ie": Part(
        lambda: made("restaurant8k_ie"), few_shot_and_tuned,
        "restaurant8k_ie: slots of a booking, SmolLM2-135M", 10, 1.0,
    ),
    "distilled": Part(
        lambda: made("restaurant8k_ie"), distilled,
        "distillation, restaurant8k_ie: SmolLM2-135M taught by itself with examples", 20, 1.0,
    ),
    "banking77": Part(
        lambda: made("banking77"), few_shot_and_tuned,
        "banking77: 77 intents, SmolLM2-135M", 12, 1.0,
    ),
    "handbook": Part(
        handbook_folder, handbook,
        "handbook: questions about documents (examples/handbook), Qwen2.5-Coder-0.5B", 30, 2.0,
    ),
}  # fmt: skip


# --- the tables -----------------------------------------------------------------------------------


def report(kept: Kept, n: int, minutes: float) -> str:
    """All tables as Markdown."""
    lines = [
        "# What fine-tuning brings",
        "",
        f"`python bench/training/run.py --n {n} --minutes {minutes:g}`. Rows are over the same"
        f" {n} examples of each task's dev part where they do not say otherwise, with 95%"
        " intervals clustered by group; differences are paired. Training, by LoRA on all linear"
        " layers, is on a part of train alone, once, with one seed, and the epoch is chosen on"
        " samples held out of it: intervals are about the examples, not about another training."
        " Tokens are means of a request; so are seconds, as the answers were first made: rows of a"
        " task were made at different times and on machines of different speed, so only large"
        " ratios mean something, and tokens/s nothing (SPEED.md has them beside the machine's own)."
        " Rows of three epochs were made while three were the most that `tune` plans; it is five"
        " now, where the minutes allow.",
    ]
    for name, part in PARTS.items():
        ours = (f"{name}|", f"|{n}|{minutes:g}")
        rows = [v for k, v in kept.rows.items() if k.startswith(ours[0]) and k.endswith(ours[1])]
        lines += ["", f"## {part.title}", ""]
        lines += table(rows) if rows else ["Not measured yet."]
    return "\n".join(lines) + "\n"


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One task's rows."""
    scored = [r for r in rows if "scores" in r]
    if not scored:
        return [f"{r['title']}: {r['said']}" for r in rows]
    metrics = list(scored[0]["scores"])
    head = [
        "setting", *metrics, "difference", "prompt tokens", "written", "seconds", "invalid",
        "samples", "training",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in scored:
        trained = row.get("training")
        cells = [
            row["title"],
            *(figure(row["scores"][m]) for m in metrics),
            f"{figure(row['difference'], True)} over {row['beside']}" if "beside" in row else "",
            f"{row['prompt_tokens']:.0f}", f"{row['written']:.0f}", f"{row['seconds']:.2f}",
            str(row["invalid"]),
            "" if trained is None else f"{trained['samples']} + {trained['held']} held out",
            "" if trained is None else
            f"{trained['seconds'] / 60:.1f} min, {trained['epochs']} epochs,"
            f" {trained['tokens'] / max(1e-9, trained['seconds']):.0f} tokens/s",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    lines += can_show(scored)
    lines += [
        f"\n{r['title']} minus {r['beside']}: "
        + "; ".join(f"{m} {figure(d, True)}" for m, d in r["differences"].items()) + "."
        for r in scored if len(r.get("differences", ())) > 1
    ]  # fmt: skip
    lines += [f"\n{r['title']}: {r['said']}" for r in rows if "said" in r]
    return lines


def can_show(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What differences so many examples can and cannot show."""
    spread = [
        r.get("sd") or (r["difference"][2] - r["difference"][1]) / 2 / 1.96 * r["n"] ** 0.5
        for r in rows if "difference" in r
    ]  # fmt: skip
    if not spread:
        return []
    sd, n = median(spread), rows[0]["n"]
    least = stats.minimal_difference(n, sd)
    if least is None:
        return []
    return [
        f"\nWhat {n} paired examples can show, with the median spread of these rows ({sd:.2f}): a"
        f" true difference of {least:.2f} in four of five cases; smaller ones they cannot tell from"
        " none."
    ]


def figure(values: Sequence[float | None], signed: bool = False) -> str:
    if values[0] is None:
        return ""
    sign = "+" if signed else ""
    ends = "" if values[1] is None else f" ({values[1]:{sign}.3f} to {values[2]:{sign}.3f})"
    return f"{values[0]:{sign}.3f}{ends}"


async def main() -> None:
    """Every task in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tasks", default=",".join(PARTS))
    parser.add_argument("--n", type=int, default=EXAMPLES)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--table", action="store_true", help="only write the tables")
    given = parser.parse_args()
    chosen = given.tasks.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"unknown task {sorted(unknown)[0]!r}; known: {', '.join(PARTS)}")
    n, minutes = (QUICK_EXAMPLES, QUICK_MINUTES) if given.quick else (given.n, given.minutes)
    folder = WORK if given.quick else HERE
    kept = Kept(folder / ("quick.jsonl" if given.quick else "results.jsonl"), fresh=given.quick)
    output = folder / ("quick.md" if given.quick else "RESULTS.md")
    if not given.table:
        share = n / EXAMPLES
        hours = sum(PARTS[p].minutes * share + PARTS[p].trainings * minutes for p in chosen) / 60
        print(f"about {hours:.1f} hours on two free cores, less what is kept", flush=True)
        for name in chosen:
            part = PARTS[name]
            async with Workspace.open(part.folder()) as workspace:
                await part.measure(Desk(name, workspace, kept, n, minutes, part.spread))
            output.write_text(report(kept, n, minutes), encoding="utf-8")
    output.write_text(report(kept, n, minutes), encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    asyncio.run(main())
