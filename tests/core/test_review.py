"""People's verdicts, laid over the examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.core.review import Review, add_review, asked, read_reviews
from headway.core.task import Example, Task


def write(folder: Path, examples: list[dict[str, Any]], shares: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "task.yaml").write_text(f"name: t\n{shares}")
    (folder / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in examples))
    return folder


def drafts(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"e{n}", "inputs": {"question": f"q{n}?"}, "reference": f"r{n}",
         "reviewed": False, **more}
        for n in range(count)
    ]  # fmt: skip


def rule(task: Task, id: str, verdict: str, **more: Any) -> None:
    example = next(e for e in (*task.examples, *task.reviews.ambiguous) if e.id == id)
    data = {"example": id, "fingerprint": task.reviews.reviewed(example), "verdict": verdict,
            "by": "Ann", "at": "2026-01-01T00:00:00Z", **more}  # fmt: skip
    add_review(task.folder, Review.model_validate(data))


def by_id(task: Task) -> dict[str, Example]:
    return {e.id: e for e in task.examples}


def test_each_verdict_does_what_it_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", drafts(4))
    task = Task.load(folder)
    rule(task, "e0", "accept")
    rule(task, "e1", "fix", reference="better")
    rule(task, "e2", "ambiguous")
    found = Task.load(folder)
    assert [(e.id, e.reviewed, e.reference) for e in found.examples] == [
        ("e0", True, "r0"), ("e1", True, "better"), ("e3", False, "r3"),
    ]  # fmt: skip
    assert [e.id for e in found.reviews.ambiguous] == ["e2"]
    assert (found.reviews.of["e1"].by, found.reviews.void) == ("Ann", ())
    # What was written stays as it was.
    assert len((folder / "examples.jsonl").read_text().splitlines()) == 4
    # A fix changes what is scored, so records of before do not count for it; an accept does not.
    before = by_id(task)
    assert by_id(found)["e0"].fingerprint == before["e0"].fingerprint
    assert by_id(found)["e1"].fingerprint != before["e1"].fingerprint


def test_the_latest_verdict_stands_and_may_follow_a_fix(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", drafts(1))
    rule(Task.load(folder), "e0", "fix", reference="first")
    rule(Task.load(folder), "e0", "fix", question="asked anew?", at="2026-01-02T00:00:00Z")
    found = Task.load(folder).examples[0]
    assert (found.reference, found.question) == ("r0", "asked anew?")
    # Merged in another order by git, the later one still stands.
    file = folder / "reviews.jsonl"
    file.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))
    assert Task.load(folder).examples[0].question == "asked anew?"
    rule(Task.load(folder), "e0", "accept", at="2026-01-03T00:00:00Z")
    assert Task.load(folder).examples[0].reference == "r0"


def test_a_verdict_on_an_example_that_changed_is_void(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", drafts(2))
    rule(Task.load(folder), "e0", "ambiguous")
    rule(Task.load(folder), "e1", "accept")
    write(folder, [{**drafts(1)[0], "reference": "other"}])
    found = Task.load(folder)
    assert [e.id for e in found.examples] == ["e0"]
    assert found.examples[0].reviewed is False
    assert sorted(r.example for r in found.reviews.void) == ["e0", "e1"]
    # Changed back, it counts again.
    write(folder, drafts(2))
    assert Task.load(folder).reviews.void == ()


def test_the_test_split_takes_no_unreviewed_draft_and_moves_no_other(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", [{**e, "reviewed": None} for e in drafts(40)])
    whole = Task.load(folder)
    sealed = whole.split("test")
    assert len(sealed) >= 6
    draft = sealed[2].id
    write(folder, [{**e, "reviewed": None if e["id"] != draft else False} for e in drafts(40)])
    task = Task.load(folder)
    assert [e.id for e in task.split("test")] == [e.id for e in sealed if e.id != draft]
    for name in ("train", "dev"):
        assert task.split(name) == whole.split(name)
    assert task.set_aside("test") == {"unreviewed": (draft,)}
    assert (task.set_aside("dev"), len(task.examples)) == ({}, 40)
    rule(task, draft, "accept")
    after = Task.load(folder)
    assert [e.id for e in after.split("test")] == [e.id for e in sealed]
    rule(after, draft, "ambiguous", at="2026-01-02T00:00:00Z")
    assert Task.load(folder).set_aside("test") == {"ambiguous": (draft,)}


def test_a_question_in_a_conversation(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
             {"role": "user", "content": "c"}]  # fmt: skip
    found = asked({"messages": turns, "lang": "en"}, "d")
    assert [m["content"] for m in found["messages"]] == ["a", "b", "d"]
    assert found["lang"] == "en"
    assert asked({"question": "a"}, "d") == {"question": "d"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected an object"),
        ('{"example": "a"}', "is missing"),
        ('{"example":"a","fingerprint":"f","verdict":"fix","by":"b","at":"x"}', "has a reference"),
        ('{"example":"a","fingerprint":"f","verdict":"accept","reference":1,"by":"b","at":"x"}',
         "has a reference"),
        ('{"example":"a","fingerprint":"f","verdict":"good","by":"b","at":"x"}', "verdict"),
        ('{"example":"a","fingerprint":"f","verdict":"fix","reference":" ","by":"b","at":"x"}',
         "empty text"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "reviews.jsonl"
    file.write_text("\n" + line + "\n")
    with pytest.raises(InputError, match=said) as error:
        read_reviews(file)
    assert f"{file}:2" in str(error.value)


def test_a_line_is_added_whole_where_the_last_had_no_end(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", drafts(2))
    rule(Task.load(folder), "e0", "accept")
    file = folder / "reviews.jsonl"
    file.write_text(file.read_text().rstrip("\n"))
    rule(Task.load(folder), "e1", "accept")
    assert [r.example for r in read_reviews(file)] == ["e0", "e1"]
