"""The handbook task: its files are what its generator writes, and hold what its README says."""

import hashlib
import json
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
}


@pytest.fixture(scope="module")
def examples() -> list[dict]:
    return [json.loads(line) for line in (TASK / "examples.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    root = TASK / "knowledge"
    return {p.relative_to(root).as_posix(): p.read_bytes().decode() for p in root.rglob("*.md")}


def references(example: dict) -> list[str]:
    reference = example["reference"]
    return reference if isinstance(reference, list) else [reference]


def split(group: str) -> str:
    digest = hashlib.sha256(f"7:{group}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    return "train" if fraction < 0.2 else "dev" if fraction < 0.7 else "test"


def test_regenerating_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TASK / "generate.py", tmp_path], check=True)
    written = {p.relative_to(tmp_path): p for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(TASK) for p in (TASK / "knowledge").rglob("*") if p.is_file()}
    assert set(written) == kept | {Path("examples.jsonl")}
    for name, path in written.items():
        assert path.read_bytes() == (TASK / name).read_bytes(), name


def test_evidence_sits_at_its_offset(examples: list[dict], documents: dict[str, str]) -> None:
    for example in examples:
        for passage in example["evidence"]:
            text, start = passage["text"], passage["start"]
            assert text.strip(), example["id"]
            assert documents[passage["document"]][start : start + len(text)] == text, example["id"]


def test_ids_and_questions_are_unique(examples: list[dict]) -> None:
    ids = Counter(example["id"] for example in examples)
    questions = Counter(example["inputs"]["question"].casefold() for example in examples)
    assert [name for name, n in (ids | questions).items() if n > 1] == []


def test_sizes_of_splits(examples: list[dict]) -> None:
    sizes = Counter(split(example["group"]) for example in examples)
    assert len(examples) >= 660
    assert len({example["group"] for example in examples}) >= 330
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
        places = {(p["document"], p["start"]) for p in example["evidence"]}
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
            places = tuple((p["document"], p["start"]) for p in example["evidence"])
            groups[places, tuple(references(example))].add(example["group"])
    assert {fact: found for fact, found in groups.items() if len(found) > 1} == {}


def test_documents_are_dated_and_short(documents: dict[str, str]) -> None:
    assert len(documents) >= 70
    for name, text in documents.items():
        assert text.startswith("# "), name
        assert "\nEffective: 20" in text, name
        assert 120 <= len(text.split()) <= 350, name
    assert len({text.split("\n", 1)[0] for text in documents.values()}) == len(documents)
