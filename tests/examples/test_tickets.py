"""The tickets task: its files are what its generator writes, and each ticket is what its message
says."""

import datetime
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from headway import Task
from headway.core.task import Example
from headway.engine.plan import cut_dev

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "tickets"
SPLITS = ("train", "dev", "test")
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
# Everything in a message that names a day on which something happened.
NAMED_DAY = re.compile(
    r"\b(today|yesterday|(two|three|four) days ago|on (the )?\d|on \w+ \d)", re.IGNORECASE
)


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.load(FOLDER)


@pytest.fixture(scope="module")
def pools() -> dict[str, dict[str, Any]]:
    """What each split's messages are made of, by name, as the generator holds it."""
    code = (
        "import json; from generator import train, dev, test;"
        "print(json.dumps([{k: v for k, v in vars(m).items() if k.isupper()}"
        " for m in (train, dev, test)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, check=True, capture_output=True)
    return dict(zip(SPLITS, json.loads(done.stdout), strict=True))


def texts(value: Any) -> list[str]:
    """All strings of nested lists and mappings."""
    if isinstance(value, str):
        return [value]
    return [text for item in (value.values() if isinstance(value, dict) else value)
            for text in texts(item)]  # fmt: skip


def ways_to_say(day: datetime.date, received: datetime.date) -> list[str]:
    """How a message may name a day, in lower case."""
    back, month, n = (received - day).days, MONTHS[day.month - 1].lower(), day.day
    nth = f"{n}th" if 10 <= n <= 20 else f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"
    said = {0: "today", 1: "yesterday", 2: "two days ago", 3: "three days ago", 4: "four days ago"}
    return [
        *([said[back]] if back in said else []),
        f"on {n} {month}", f"on {month} {n}", f"on {nth} {month}", f"on the {nth} of {month}",
        f"on {n:02}/{day.month:02}",
        *([f"on the {nth}"] if day.month == received.month else []),
    ]  # fmt: skip


def test_regenerating_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, FOLDER / "generate.py", tmp_path], check=True)
    assert [p.name for p in tmp_path.iterdir()] == ["examples.jsonl"]
    written = (tmp_path / "examples.jsonl").read_bytes()
    assert written == (FOLDER / "examples.jsonl").read_bytes()
    assert len(written) < 1_000_000


def test_sizes_of_splits(task: Task) -> None:
    assert [len(task.split(name)) for name in SPLITS] == [600, 300, 180]
    assert len(task.examples) == 1080
    # A group is the tickets of one wording of the main issue: they are no independent witnesses.
    assert [len({e.group for e in task.split(name)}) for name in SPLITS] == [192, 48, 40]
    explore, confirm = cut_dev(task)
    assert min(len(explore), len(confirm)) >= 100


def test_each_example_is_in_the_split_that_its_words_are_from(
    task: Task, pools: dict[str, dict[str, Any]]
) -> None:
    for name in SPLITS:
        lines = tuple(line.lower() for line in pools[name]["LINES"])
        kinds = tuple(kind.lower() for kind in pools[name]["KINDS"])
        for example in task.split(name):
            product = example.reference["product"].lower()
            assert product.startswith(lines), example.id
            assert product.endswith(kinds), example.id


def test_words_are_disjoint_between_splits(pools: dict[str, dict[str, Any]]) -> None:
    everything = {name: Counter(texts(pool)) for name, pool in pools.items()}
    for a, b in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert set(everything[a]) & set(everything[b]) == set()
    for a, b in (("dev", "train"), ("test", "train"), ("test", "dev")):
        for kind in pools[a]["ISSUES"]:
            for wording in pools[a]["ISSUES"][kind]:
                words = set(re.findall(r"[a-z]+", wording.lower()))
                for other in pools[b]["ISSUES"][kind]:
                    others = set(re.findall(r"[a-z]+", other.lower()))
                    assert len(words & others) / len(words | others) < 0.75, (wording, other)


def test_names_and_products_are_disjoint_between_splits(task: Task) -> None:
    for field in ("customer", "product"):
        found = [
            {e.reference[field].lower() for e in task.split(name) if e.reference[field]}
            for name in SPLITS
        ]
        assert min(len(values) for values in found) > 50
        assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]


def test_every_reference_follows_the_schema(task: Task) -> None:
    schema = task.spec.output.json_schema
    assert schema is not None
    assert len(schema["properties"]) >= 6
    validator = Draft202012Validator(schema)
    for example in task.examples:
        assert list(validator.iter_errors(example.reference)) == [], example.id
        assert list(example.reference) == schema["required"], example.id


def test_what_is_copied_stands_in_the_message(task: Task) -> None:
    for example in task.examples:
        message, ticket = example.inputs["message"], example.reference
        for field in ("customer", "product", "order", "contact"):
            assert ticket[field] is None or ticket[field] in message, (example.id, field)
        assert "{" not in message, example.id
        if ticket["order"] is None:
            assert not re.search(r"RV-\d", message, re.IGNORECASE), example.id
        if ticket["contact"] is None:
            assert not re.search(r"0555|@", message), example.id


def test_dates_are_what_the_message_says_on_its_day(task: Task) -> None:
    relative = 0
    for example in task.examples:
        received = datetime.date.fromisoformat(example.inputs["received"])
        # A day of this month that is still to come is one by which it must be settled.
        message = re.sub(
            r"on the (\d+)th(?! of)",
            lambda found, today=received.day: "" if int(found[1]) > today else found[0],
            example.inputs["message"].lower(),
        )
        if example.reference["date"] is None:
            assert not NAMED_DAY.search(message), example.id
            continue
        day = datetime.date.fromisoformat(example.reference["date"])
        assert 0 <= (received - day).days <= 12, example.id
        assert any(said in message for said in ways_to_say(day, received)), example.id
        relative += bool(re.search(r"\b(today|yesterday|days ago)", message))
    assert relative > 150


def names(example: Example, pool: dict[str, Any]) -> list[tuple[int, str]]:
    """(place, category) of each issue in a message without misspelt words, in its order."""
    message = example.inputs["message"].lower()
    found = []
    for category, wordings in pool["ISSUES"].items():
        for wording in wordings:
            pattern = re.escape(wording.lower())
            pattern = pattern.replace(r"\{p\}", r"[\w ]{6,40}").replace(r"\{when\}", r"[\w /]*")
            found += [(m.start(), category) for m in re.finditer(pattern, message)]
    return sorted(found)


def test_issues_are_those_of_the_message_and_the_main_one_follows_the_rule(
    task: Task, pools: dict[str, dict[str, Any]]
) -> None:
    """Read back from the wordings: the main issue is the first, or the last behind a cue."""
    read = several = 0
    for name in SPLITS:
        for example in task.split(name):
            found = [category for _, category in names(example, pools[name])]
            ticket = example.reference
            if len(found) != 1 + len(ticket["other_issues"]):
                continue  # misspelt
            read += 1
            several += len(found) > 1
            message = example.inputs["message"].lower()
            cued = any(cue.lower() in message for cue in pools[name]["MAIN"])
            if "main_last" in example.tags and not cued:
                continue  # the cue is misspelt
            main = found[-1] if cued else found[0]
            rest = found[:-1] if cued else found[1:]
            assert ticket["category"] == main, example.id
            assert ticket["other_issues"] == rest, example.id
            assert ("main_last" in example.tags) == cued, example.id
    assert read > 0.7 * len(task.examples)
    assert several > 150


def test_urgency_and_action_are_what_the_message_says(
    task: Task, pools: dict[str, dict[str, Any]]
) -> None:
    read = 0
    for name in SPLITS:
        pool = pools[name]
        for example in task.split(name):
            message, ticket = example.inputs["message"].lower(), example.reference
            pressing = [re.escape(s.lower()).replace(r"\{n\}", r"\d+") for s in pool["HIGH"]]
            high = any(re.search(pattern, message) for pattern in pressing)
            low = any(sentence.lower() in message for sentence in pool["LOW"])
            assert not (high and low), example.id
            if high or low:
                assert ticket["urgency"] == ("high" if high else "low"), example.id
            asked = {a for a, said in pool["ACTIONS"].items()
                     if any(f" {s.lower()}" in f" {message}" for s in said)}  # fmt: skip
            if len(asked) == 1:
                read += 1
                assert ticket["action"] == asked.pop(), example.id
    assert read > 0.5 * len(task.examples)


def test_every_value_occurs_in_every_split(task: Task) -> None:
    schema = task.spec.output.json_schema
    assert schema is not None
    for name in SPLITS:
        examples = task.split(name)
        for field in ("category", "urgency", "action"):
            seen = Counter(e.reference[field] for e in examples)
            assert set(seen) == set(schema["properties"][field]["enum"]), (name, field)
        for field in ("customer", "order", "date", "contact"):
            missing = sum(e.reference[field] is None for e in examples) / len(examples)
            assert 0.1 < missing < 0.6, (name, field)
        assert 0.2 < sum(bool(e.reference["other_issues"]) for e in examples) / len(examples) < 0.45
