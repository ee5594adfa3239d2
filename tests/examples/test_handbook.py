"""The handbook task: its files are what its generator writes, and hold what its README says."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

TASK = Path(__file__).resolve().parents[2] / "examples" / "handbook"
ABSTAIN = "not in the handbook"
KINDS = {
    "lookup": 0.07,
    "paraphrase": 0.2,
    "version": 0.08,
    "office": 0.04,
    "model": 0.1,
    "two_passages": 0.08,
    "unanswerable": 0.08,
    "figure": 0.08,
    "database": 0.06,
}


@pytest.fixture(scope="module")
def examples() -> list[dict]:
    lines = (TASK / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    root = TASK / "knowledge"
    return {p.relative_to(root).as_posix(): p.read_bytes().decode() for p in root.rglob("*.md")}


def references(example: dict) -> list[str]:
    reference = example["reference"]
    return reference if isinstance(reference, list) else [reference]


def place(evidence: dict) -> tuple[str, int | str]:
    """Where evidence stands: an offset in a document, or a query of the database."""
    return evidence["document"], evidence["text"] if "tables" in evidence else evidence["start"]


def split(group: str) -> str:
    digest = hashlib.sha256(f"7:{group}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    return "train" if fraction < 0.2 else "dev" if fraction < 0.7 else "test"


def test_regenerating_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TASK / "generate.py", tmp_path], check=True)
    written = {p.relative_to(tmp_path): p for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(TASK) for p in (TASK / "knowledge").rglob("*") if p.is_file()}
    assert set(written) == kept | {Path("examples.jsonl"), Path("databases/handbook.sqlite")}
    for name, path in written.items():
        assert path.read_bytes() == (TASK / name).read_bytes(), name


def test_evidence_sits_at_its_offset(examples: list[dict], documents: dict[str, str]) -> None:
    for example in examples:
        for passage in example["evidence"]:
            if passage["document"] == "database:handbook":
                continue
            text, start = passage["text"], passage["start"]
            assert text.strip(), example["id"]
            assert documents[passage["document"]][start : start + len(text)] == text, example["id"]


def test_the_queries_give_the_answers(examples: list[dict]) -> None:
    asked = [e for e in examples if "database" in e["tags"]]
    assert len(asked) >= 60
    database = sqlite3.connect(
        (TASK / "databases" / "handbook.sqlite").as_uri() + "?mode=ro", uri=True
    )
    names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    for example in asked:
        (evidence,) = example["evidence"]
        assert evidence["document"] == "database:handbook"
        assert set(evidence["tables"]) <= names, example["id"]
        ((value,),) = database.execute(evidence["text"]).fetchall()
        said = f"{value:g}" if isinstance(value, float) else str(value)
        assert said in references(example), example["id"]
    database.close()


def test_what_the_database_tells_stands_in_no_document(
    examples: list[dict], documents: dict[str, str]
) -> None:
    everything = "\n".join(documents.values()).replace(",", "")
    for example in examples:
        if "database" in example["tags"]:
            figures = [f for f in references(example) if f.isdigit() and len(f) > 3]
            assert not [figure for figure in figures if figure in everything], example["id"]
    queries = [e for e in examples if any("tables" in v for v in e["evidence"])]
    assert queries == [e for e in examples if "database" in e["tags"]]


def test_the_documents_examples_come_first_and_unchanged(examples: list[dict]) -> None:
    told = [e for e in examples if "database" not in e["tags"]]
    assert examples[: len(told)] == told
    assert len(told) == 946


def test_ids_and_questions_are_unique(examples: list[dict]) -> None:
    ids = Counter(example["id"] for example in examples)
    questions = Counter(example["inputs"]["question"].casefold() for example in examples)
    assert [name for name, n in (ids | questions).items() if n > 1] == []


def test_sizes_of_splits(examples: list[dict]) -> None:
    sizes = Counter(split(example["group"]) for example in examples)
    assert len(examples) >= 660
    assert len({example["group"] for example in examples}) >= 330
    solved = Counter(split(e["group"]) for e in examples if "database" in e["tags"])
    assert solved["train"] >= 10
    assert solved["dev"] >= 30
    assert sizes["train"] >= 120
    assert sizes["dev"] >= 300
    assert sizes["test"] >= 180


def test_shares_of_tags(examples: list[dict]) -> None:
    kinds = Counter(kind for example in examples for kind in example["tags"] if kind in KINDS)
    domains = Counter(example["tags"][1] for example in examples)
    assert all(len(example["tags"]) == 2 for example in examples)
    assert sum(kinds.values()) == len(examples)
    assert {kind: n for kind, n in kinds.items() if n / len(examples) < KINDS[kind]} == {}
    assert kinds["unanswerable"] / len(examples) <= 0.1
    assert set(domains) == {"people", "service"}
    assert min(domains.values()) / len(examples) > 0.4


def test_answers_are_short_and_evidence_fits_the_kind(examples: list[dict]) -> None:
    for example in examples:
        assert all(1 <= len(form.split()) <= 8 for form in references(example)), example["id"]
        places = {place(p) for p in example["evidence"]}
        needed = {"unanswerable": 0, "two_passages": 2}.get(example["tags"][0], 1)
        assert len(places) == len(example["evidence"]) == needed, example["id"]


def test_unanswerable_is_kept_apart(examples: list[dict], documents: dict[str, str]) -> None:
    for example in examples:
        unanswerable = "unanswerable" in example["tags"]
        assert (references(example) == [ABSTAIN]) == unanswerable, example["id"]
        assert unanswerable or ABSTAIN not in references(example), example["id"]
    code = "import json, generate; print(json.dumps(generate.ABSENT_TERMS))"
    command = [sys.executable, "-c", code]
    terms = json.loads(subprocess.run(command, cwd=TASK, check=True, capture_output=True).stdout)
    everything = "\n".join(documents.values()).casefold()
    answered = " ".join(form for e in examples for form in references(e)).casefold()
    assert len(terms) > 30
    assert [t for t in terms if t.casefold() in everything or t.casefold() in answered] == []


def test_a_fact_is_in_one_group(examples: list[dict]) -> None:
    """The same answer from the same sentence is the same fact, and so never straddles a split."""
    groups = defaultdict(set)
    for example in examples:
        if example["evidence"]:
            places = tuple(place(p) for p in example["evidence"])
            groups[places, tuple(references(example))].add(example["group"])
    assert {fact: found for fact, found in groups.items() if len(found) > 1} == {}


def test_documents_are_dated_and_short(documents: dict[str, str]) -> None:
    assert len(documents) >= 70
    for name, text in documents.items():
        assert text.startswith("# "), name
        assert "\nEffective: 20" in text, name
        assert 120 <= len(text.split()) <= 350, name
    assert len({text.split("\n", 1)[0] for text in documents.values()}) == len(documents)
