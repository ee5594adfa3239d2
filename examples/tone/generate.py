"""Writes examples.jsonl and judged.jsonl of the tone task.

Run `python generate.py` in this folder, or `python generate.py OTHER_FOLDER` to write elsewhere.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import metrics  # noqa: E402
from generator.compose import examples  # noqa: E402


def check(made: list, judged: list) -> None:
    """What must hold before anything is written: references are perfect by the rules."""
    for example in made:
        note, reference = example["inputs"]["question"], example["reference"]
        broken = [name for name, met in metrics.rules(note, reference).items() if not met]
        if broken:
            raise ValueError(f"{example['id']} breaks {', '.join(broken)}:\n{note}\n{reference}")
    notes = {example["id"]: example for example in made}
    for row in judged:
        met = sum(metrics.rules(row["question"], row["answer"]).values())
        kept = metrics.facts(notes[row["group"]], {"output": row["answer"]})
        low, high = {5: (10, 10), 3: (6, 8), 1: (0, 4)}[row["label"]]
        if not low <= met <= high or (kept == 1) == (row["label"] == 1):
            raise ValueError(
                f"{row['id']}: {met} rules, {kept:.2f} of facts"
                f" {metrics.rules(row['question'], row['answer'])}\n{row['question']}\n{row['answer']}"
            )


def write(folder: Path) -> str:
    made, judged = examples()
    check(made, judged)
    for name, rows in (("examples.jsonl", made), ("judged.jsonl", judged)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / name).write_bytes(("\n".join(lines) + "\n").encode())
    return f"{len(made)} notes, {len(judged)} judged rewrites in {folder}"


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
