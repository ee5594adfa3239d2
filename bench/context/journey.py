"""A journey on the context axis alone, on examples/handbook: what was kept, dropped, and why.

    python bench/context/journey.py [--minutes 25] [--quick]                answers, JOURNEY.md
    python bench/context/journey.py --passages [--minutes 15] [--quick]     passages alone

The baseline of the first is what `make demo` found on the behaviour axis: the plain prompt, with
the sentences that answer quoted before the answer. The second judges by nDCG@10 what is found,
without answers: JOURNEY-PASSAGES.md. Stopped at any moment, the same command goes on. --quick takes
5 minutes and proves little.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
from pathlib import Path

import yaml

from headway import Journey, Pipeline, Workspace

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "scratch" / "context"
HANDBOOK = HERE.parents[1] / "examples" / "handbook"


def told(journey: Journey) -> str:
    """The ledger as Markdown."""
    found = journey.diagnosis
    said = [
        "# The context axis on examples/handbook\n",
        "Written by `python bench/context/journey.py`. Baseline:"
        f" `{journey.baseline_describes}`, metric `{journey.metric}`.\n",
    ]
    if found is not None and found.perfect_context and found.headroom.context:
        room = found.headroom.context
        said.append(
            f"Diagnosis over {found.n} examples: {found.as_is.mean:.3f} as is,"
            f" {found.perfect_context.mean:.3f} with the right passages; context headroom"
            f" {room.mean:+.3f} ({room.low:+.3f} to {room.high:+.3f}). Funnel:"
            f" {', '.join(f'{stage} {n}' for stage, n in found.funnel.items())}.\n"
        )
    said += [
        "| | technique | candidate | difference | on | n | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in journey.steps:
        measured = step.difference is not None
        figure = f"{step.difference:+.3f} ({step.low:+.3f} to {step.high:+.3f})" if measured else ""
        said.append(
            f"| {step.decision} | {step.technique} | {step.candidate or ''} | {figure} |"
            f" {step.measured_on or ''} | {step.n or ''} | {step.detail} |"
        )
    said.append(f"\nStopped: {journey.stopped}. Best: `{journey.best_describes}`.")
    test = journey.test
    if test is not None and test.difference is not None:
        said.append(
            f"\nSealed test, {test.n} examples, opening {test.openings}:"
            f" {test.baseline.mean:.3f} -> {test.best.mean:.3f}, {test.difference:+.3f}"
            f" ({test.low:+.3f} to {test.high:+.3f})."
        )
    spent = journey.spent
    said.append(f"\nSpent: {spent.calls} calls, {spent.tokens:,} tokens, {spent.minutes:.0f} min.")
    return "\n".join(said) + "\n"


def answering() -> tuple[Path, Pipeline]:
    """The task as it is; the baseline quotes first."""
    folder = WORK / "handbook"
    if not folder.is_dir():
        shutil.copytree(HANDBOOK, folder)
    plain = Pipeline.load(folder / "pipelines" / "baseline.yaml")
    return folder, plain.with_step("generate", reasoning="quote")


def finding() -> tuple[Path, Pipeline]:
    """Only the passages are judged: no answers, no noise of a small model."""
    folder = WORK / "handbook-passages"
    if not folder.is_dir():
        shutil.copytree(HANDBOOK, folder)
        file = folder / "task.yaml"
        data = yaml.safe_load(file.read_text())
        data |= {
            "output": {"kind": "passages"},
            "metrics": ["retrieval_ndcg@10", "retrieval_recall@10"],
            "goal": {},
            "margin": {},
        }
        file.write_text(yaml.safe_dump(data, sort_keys=False))
    cut = {"tokens": 64, "overlap": 12}
    return folder, Pipeline.model_validate({"steps": [{"retrieve": {"passages": cut, "k": 10}}]})


async def run(folder: Path, baseline: Pipeline, minutes: float) -> Journey:
    """The journey, or the rest of it."""
    async with Workspace.open(folder) as workspace:
        return await workspace.optimize(minutes=minutes, axis="context", pipeline=baseline)


def main() -> None:
    """Travel, and write the ledger."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--passages", action="store_true", help="judge the passages only")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    minutes = 5.0 if given.quick else given.minutes
    print(f"{minutes / 60:.1f} hours; the same command goes on where it was stopped")
    folder, baseline = finding() if given.passages else answering()
    journey = asyncio.run(run(folder, baseline, minutes))
    name = "JOURNEY-PASSAGES.md" if given.passages else "JOURNEY.md"
    output = HERE / (f"quick-{name}" if given.quick else name)
    output.write_text(told(journey), encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    main()
