"""Whether what is served is what was trained: the tuned model's text by its runtime beside the
trainer's own greedy text, and what merging and quantising it costs.

    python bench/training/served.py [--task FOLDER] [--name tuned/NAME] [--n 100] [--quick]

About 25 minutes on two cores with 100 inputs, said at the start; --quick takes 4. Without options
the tickets task of bench/training/run.py and its last tuned model are taken: run that first. Rows
are kept in served.jsonl beside this file, so the same command goes on where it was stopped;
SERVED.md is written anew at the end.

The trainer's text: transformers and peft on the same GGUF weights, greedy, one prompt at a time, in
the dtype it was trained in (bfloat16) and in float32. No side has
its form enforced. The served ones: the adapter over its base, and merged into all weights, by
llama.cpp, greedy. Equal means letter for letter.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

from headway import Pipeline, Workspace  # noqa: E402
from headway.core.control import only_text  # noqa: E402
from headway.core.record import ChatRequest  # noqa: E402
from headway.core.training import Base, Job  # noqa: E402
from headway.engine.compare import estimate  # noqa: E402
from headway.engine.lender import ExampleLender  # noqa: E402
from headway.engine.tuning.start import start_of  # noqa: E402
from headway.models.embedded import EmbeddedChat, Settings  # noqa: E402
from headway.steps.generate import Generate  # noqa: E402
from headway.training.gguf import merge  # noqa: E402
from headway.training.lora_process import load_model, load_tokenizer  # noqa: E402

TASK = HERE.parent / "scratch" / "training" / "tickets"
# Kind, and whether every matrix is written in it or only those that the adapter touches.
MERGED = (("f32", True), ("f16", True), ("q8_0", False), ("q8_0", True), ("q5_1", False),
          ("q4_1", False))  # fmt: skip


async def requests(workspace: Workspace, pipeline: Pipeline, n: int) -> dict[str, ChatRequest]:
    """What the pipeline sends for the first n of dev."""
    runner = workspace._runner()
    resolved = workspace.pipeline(pipeline)
    found = {}
    for example in workspace.task.split("dev")[:n]:
        state, lend = workspace.parts.start(example), ExampleLender(runner.desk, resolved.model)
        for step in workspace.parts.steps(resolved):
            if isinstance(step, Generate):
                # Free text on all sides: a grammar would have them equal where they are not.
                request = step.request(state, workspace.task.spec.output)
                found[example.id] = replace(request, json_schema=None)
                break
            state = await step.run(state, lend)
    return found


def by_trainer(
    base: Base, adapter: Path, asked: Sequence[ChatRequest], dtype_name: str
) -> list[str]:
    """Greedy text by transformers and peft."""
    import torch

    job = Job(folder=HERE, base=base, train=HERE, start=adapter)
    tokenizer, model = load_tokenizer(base), load_model(job, getattr(torch, dtype_name)).eval()
    texts = []
    for one in asked:
        prompt = tokenizer.apply_chat_template(
            [{"role": m.role, "content": only_text(m.content)} for m in one.messages],
            tokenize=False, add_generation_prompt=True,
        )  # fmt: skip
        given = tokenizer([prompt], return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            made = model.generate(
                **given, max_new_tokens=one.max_tokens, do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        row = made[0, given["input_ids"].shape[1] :]
        texts.append(tokenizer.decode(row, skip_special_tokens=True))
        if len(texts) % 10 == 0:
            print(f"  trainer, {dtype_name}: {len(texts)} of {len(asked)}", flush=True)
    return texts


async def by_runtime(
    weights: Path, asked: Sequence[ChatRequest], adapter: Path | None = None
) -> tuple[list[str], float]:
    """Greedy text by llama.cpp, one call at a time, and seconds a call."""
    model = EmbeddedChat("served", weights, settings=Settings(slots=1), adapter=adapter)
    try:
        started = time.perf_counter()
        texts = [(await model.chat(one)).text for one in asked]
        return texts, (time.perf_counter() - started) / len(asked)
    finally:
        await model.close()


async def measure(
    given: argparse.Namespace, kept: Kept, n: int
) -> tuple[str, list[dict[str, Any]]]:
    """All sides; those that are kept are not measured again."""
    async with Workspace.open(given.task) as workspace:
        folder = workspace.task.folder
        name = given.name or last_tuned(folder)
        start = await start_of(workspace.parts, name, None)
        assert start.adapter is not None
        pipeline = Pipeline.load(folder / "pipelines" / f"{name.partition('/')[2]}.yaml")
        asked = await requests(workspace, pipeline, n)
        base, home = Path(start.base.path), start.adapter
        sides = ["trainer bfloat16", "trainer float32", "adapter over its base"]
        sides += [f"merged {kind}{', all' if whole else ''}" for kind, whole in MERGED]
        for side in sides:
            key = f"{name}|{side}|{n}"
            if key in kept.rows:
                continue
            print(side, flush=True)
            size, seconds = 0, None
            if side.startswith("trainer"):
                texts = await asyncio.to_thread(
                    by_trainer, start.base, home, list(asked.values()), side.split()[1]
                )
            elif side.startswith("adapter"):
                file = home / "adapter.gguf"
                texts, seconds = await by_runtime(base, list(asked.values()), file)
                size = size_of(file, base)
            else:
                kind = side.split()[1].strip(",")
                file = folder / ".headway" / f"{side.replace(' ', '-').replace(',', '')}.gguf"
                merge(home, base, file, kind, whole=side.endswith("all"))
                texts, seconds = await by_runtime(file, list(asked.values()))
                size = size_of(file)
                file.unlink()
            score = await scored(workspace, pipeline, asked, texts)
            kept.put(key, {"side": side, "texts": texts, "seconds": seconds, "size": size,
                           "score": score, "n": n})  # fmt: skip
        return name, [kept.rows[f"{name}|{side}|{n}"] for side in sides]


async def scored(
    workspace: Workspace, pipeline: Pipeline, asked: dict[str, ChatRequest], texts: Sequence[str]
) -> list[float | None]:
    """The task's metric over the texts, read as the pipeline reads a reply."""
    from headway.core.record import ChatReply, Record
    from headway.engine.lender import ScoringLender

    reader = next(
        s for s in workspace.parts.steps(workspace.pipeline(pipeline)) if isinstance(s, Generate)
    )
    by_id = {e.id: e for e in workspace.task.split("dev")}
    values, groups = [], []
    lend = ScoringLender(workspace._runner().desk)
    for id, text in zip(asked, texts, strict=True):
        read = reader.read(ChatReply(text), workspace.task.spec.output)
        record = Record(id, **{k: v for k, v in read.items()})
        scores = await workspace._score(by_id[id], record, (), lend)
        value = scores[workspace.task.metric]
        values.append(getattr(value, "value", value))
        groups.append(by_id[id].cluster)
    found = estimate(values, groups)
    return [found.mean, found.low, found.high]


def size_of(*files: Path) -> int:
    """Bytes, together."""
    return sum(file.stat().st_size for file in files)


def last_tuned(folder: Path) -> str:
    """The tuned model that was written last."""
    found = sorted(folder.glob("models/*/model.json"), key=lambda f: f.stat().st_mtime)
    if not found:
        raise SystemExit(
            f"no tuned model in {folder}: python bench/training/run.py --tasks tickets"
        )
    return f"tuned/{found[-1].parent.name}"


def report(name: str, rows: Sequence[dict[str, Any]], n: int) -> str:
    """The table as Markdown."""
    own = {row["side"]: row["texts"] for row in rows}
    lines = [
        "# What is served beside what was trained", "",
        f"`python bench/training/served.py --n {n}`: {name}, {n} examples of dev, greedy."
        " `equal`: texts that are letter for letter the trainer's own, in the dtype named.", "",
        "| side | equal to trainer, bfloat16 | equal to trainer, float32 | score | MB | seconds |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        equal = [
            sum(a.strip() == b.strip() for a, b in zip(row["texts"], own[side], strict=True))
            for side in ("trainer bfloat16", "trainer float32")
        ]
        mean, low, high = row["score"]
        size = f"{row['size'] / 1e6:.0f}" if row["size"] else ""
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.2f}"
        lines.append(
            f"| {row['side']} | {equal[0]} of {n} | {equal[1]} of {n} |"
            f" {mean:.3f} ({low:.3f} to {high:.3f}) | {size} | {seconds} |"
        )
    return "\n".join(lines) + "\n"


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", type=Path, default=TASK)
    parser.add_argument("--name", help="tuned/NAME")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    n = 4 if given.quick else given.n
    print(f"about {n / 4:.0f} minutes on two cores", flush=True)
    folder = HERE.parent / "scratch" / "training" if given.quick else HERE
    kept = Kept(folder / ("served-quick.jsonl" if given.quick else "served.jsonl"))
    name, rows = await measure(given, kept, n)
    (folder / ("served-quick.md" if given.quick else "SERVED.md")).write_text(
        report(name, rows, n), encoding="utf-8"
    )


if __name__ == "__main__":
    asyncio.run(main())
