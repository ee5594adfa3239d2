"""Tasks of the behaviour axis: packs with few-shot pools from their train parts, and our own.

Written below bench/scratch. A pack's train part is the task's train, its test part the dev;
nothing is in test, since nothing is tuned here. Which rows of a large pack are taken is drawn once,
by seed.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headway.core.task import Shares, Split

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from packs import DATA, lines, placed, write  # noqa: E402

WORK = HERE.parent / "scratch" / "behaviour"
SMALL, HALF = "embedded/smollm2-135m", "embedded/qwen2.5-coder-0.5b"
SHARES = Shares(train=0.5, dev=0.5, test=0.0)
SEED = 7
DEV = 150  # examples of a pack's test part that become dev; the bench takes the first 60 or so


@dataclass(frozen=True)
class Bench:
    """A task of this bench.

    judged: the metric of the table. rate: its value that planning assumes before anything is
    measured. seconds: of computing, for one baseline example on one thread, for the estimate.
    """

    name: str
    model: str
    judged: str
    note: str
    rate: float
    seconds: float


NUMBER, SLOTS = "python:metrics.py:number", "python:metrics.py:slot_f1"
# In the order in which they are measured: the cheapest and most telling first.
TASKS = {
    b.name: b
    for b in (
        Bench(
            "tickets", SMALL, "field_accuracy",
            "messages to JSON of nine fields (examples/tickets)", 0.3, 4.5,
        ),
        Bench(
            "restaurant8k_ie", SMALL, SLOTS,
            "slots of a booking message as JSON, spans copied", 0.3, 1.3,
        ),
        Bench(
            "restaurant8k_formed", SMALL, SLOTS,
            "the same messages, behind two near examples with the form enforced: what else helps"
            " where answers have a form", 0.5, 1.0,
        ),
        Bench("banking77", SMALL, "label_accuracy", "77 intents of a bank's customers", 0.2, 4.0),
        Bench(
            "gsm8k", HALF, NUMBER,
            "school mathematics in words; the prompt asks for the number alone, which examples"
            " repeat and asking for a working contradicts", 0.1, 3.0,
        ),
        Bench(
            "clinc150", SMALL, "label_accuracy",
            "150 intents and `oos`, which is none of them", 0.1, 5.0,
        ),
    )
}  # fmt: skip

METRICS = {
    NUMBER: '''"""The last number of an answer."""

import re


def number(example, record):
    found = re.findall(r"-?\\d[\\d,]*(?:\\.\\d+)?", str(record["output"] or ""))
    return float(bool(found) and float(found[-1].replace(",", "")) == float(example["reference"]))


number.needs, number.yes_no = ("reference",), True
''',
    SLOTS: '''"""F1 over slots with their values; 1 where there are none and none are named."""


def slot_f1(example, record):
    found = record["output"] if isinstance(record["output"], dict) else {}
    found = {(k, " ".join(str(v).lower().split())) for k, v in found.items() if v is not None}
    wanted = {(k, " ".join(str(v).lower().split())) for k, v in example["reference"].items()}
    if not found and not wanted:
        return 1.0
    return 2 * len(found & wanted) / (len(found) + len(wanted))


slot_f1.needs = ("reference",)
''',
}


def make(name: str) -> Path:
    """The task folder, written anew; its `.headway` stays, so that nothing is measured twice."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "tickets":
        return _copied(HERE.parents[1] / "examples" / "tickets", folder)
    spec, train, dev = _MAKERS[name]()
    bench = TASKS[name]
    pipeline = spec.pop("baseline")
    spec.setdefault("before", [])
    write(folder / "examples.jsonl", [*_split(train, "train"), *_split(dev, "dev")])
    (folder / "prompt.md").write_text(spec.pop("prompt") + "\n", encoding="utf-8")
    if bench.judged in METRICS:
        (folder / "metrics.py").write_text(METRICS[bench.judged], encoding="utf-8")
    before = spec.pop("before")
    spec = {
        "name": name, **spec, "instructions": "prompt.md", "models": {"chat": bench.model},
        "splits": SHARES.model_dump(),
    }  # fmt: skip
    (folder / "task.yaml").write_text(
        yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=100), encoding="utf-8"
    )
    steps = {"steps": [*before, {"generate": {"template": "../prompt.md", **pipeline}}]}
    (folder / "pipelines").mkdir(exist_ok=True)
    (folder / "pipelines" / "baseline.yaml").write_text(
        yaml.safe_dump(steps, sort_keys=False), encoding="utf-8"
    )
    return folder


def _copied(source: Path, folder: Path) -> Path:
    for file in source.rglob("*"):
        part = file.relative_to(source)
        if file.is_file() and part.parts[0] in (
            "task.yaml",
            "examples.jsonl",
            "prompts",
            "pipelines",
        ):
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / part)
    return folder


def _split(rows: Iterable[dict[str, Any]], split: Split) -> Iterator[dict[str, Any]]:
    """Rows in groups that the seed puts into the split, the first of a group under its name. A
    row's `group` says which rows are alike."""
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows):
        group = placed(str(row.get("group", f"{split}-{number:05}")), split, SHARES)
        seen[group] += 1
        yield {"id": f"{group} {seen[group]}" if seen[group] > 1 else group, **row, "group": group}


def _drawn(rows: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return random.Random(SEED).sample(list(rows), min(count, len(rows)))


def _each(rows: Iterable[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """So many rows of each label."""
    by_label = defaultdict(list)
    for row in rows:
        by_label[row["intent"]].append(row)
    return [row for label in sorted(by_label) for row in _drawn(by_label[label], count)]


Made = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]


def _intents(pack: str, each: int, prompt: str, description: str) -> Made:
    train = list(lines(DATA / pack / "train.jsonl"))
    labels = sorted({row["intent"] for row in train})

    def examples(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"inputs": {"question": row["text"]}, "reference": row["intent"]} for row in rows]

    spec = {
        "description": description,
        "output": {"kind": "label", "labels": labels},
        "metrics": ["label_accuracy"],
        "prompt": prompt + ", ".join(labels),
        # The longest label has 13 tokens.
        "baseline": {"max_tokens": 24},
    }
    dev = _drawn(list(lines(DATA / pack / "test.jsonl")), DEV)
    return spec, examples(_each(train, each)), examples(dev)


def _restaurant() -> Made:
    pack, slots = DATA / "restaurant8k_ie", ["people", "time", "date", "first_name", "last_name"]

    def examples(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "inputs": {
                    "asked for": ", ".join(row["requested_slots"]) or "nothing",
                    "message": row["text"],
                },
                "reference": row["expected"],
                # Messages that differ in figures alone are one group, as in the pack's own split.
                "group": re.sub(r"\d", "0", row["text"].lower()),
            }
            for row in rows
        ]

    spec = {
        "description": "Take the details of a table booking out of a guest's message.",
        "output": {
            "kind": "json",
            "schema": {
                "type": "object",
                "properties": {slot: {"type": "string"} for slot in slots},
                "additionalProperties": False,
            },
        },
        "metrics": [SLOTS, "json_exact", "json_valid"],
        "prompt": "Extract the booking's details from the message as JSON with the fields people,"
        " time, date, first_name, last_name, copied as written. Leave out what is not said.",
        "baseline": {"max_tokens": 96},
    }
    dev = examples(_drawn(list(lines(pack / "test.jsonl")), DEV))
    asked = {row["group"] for row in dev}
    train = examples(_drawn(list(lines(pack / "train.jsonl")), 1500))
    # Short answers such as "13" recur; what dev asks is not shown as an example.
    return spec, [row for row in train if row["group"] not in asked], dev


def _formed() -> Made:
    """The floor of the plain task lifted: examples and form, which help by themselves."""
    spec, train, dev = _restaurant()
    spec["before"] = [{"examples": {"select": "nearest", "k": 2}}]
    spec["baseline"] |= {"contract": "json", "stated": False}
    return spec, train, dev


def _gsm8k() -> Made:
    def examples(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"inputs": {"question": row["question"]}, "reference": row["final_answer"]}
            for row in rows
        ]

    spec = {
        "description": "Solve a school problem in arithmetic.",
        "output": {"kind": "text"},
        "metrics": [NUMBER],
        "prompt": "Solve the problem. Reply with the final number alone.",
        # As many as a working has (techniques add room for theirs): cut at 200, nearly every answer
        # was scored by whatever number stood last.
        "baseline": {"max_tokens": 600},
    }
    pack = DATA / "gsm8k"
    train = _drawn(list(lines(pack / "train.jsonl")), 1000)
    return spec, examples(train), examples(_drawn(list(lines(pack / "test.jsonl")), DEV))


_MAKERS = {
    "restaurant8k_ie": _restaurant,
    "restaurant8k_formed": _formed,
    "banking77": lambda: _intents(
        "banking77", 20,
        "Which of these intents does the customer's message have? Reply with the intent alone.\n",
        "Find the intent of a bank customer's message.",
    ),
    "gsm8k": _gsm8k,
    "clinc150": lambda: _intents(
        "clinc150", 10,
        "Which of these intents does the message have? Reply with the intent alone, and with oos"
        " if it has none of them.\n",
        "Find the intent of a message to an assistant; oos if it is none of the known ones.",
    ),
}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps({name: str(make(name)) for name in TASKS}, indent=1))
