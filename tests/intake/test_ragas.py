"""Ragas' format: read as a task, written from a run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway.core.errors import InputError
from headway.core.record import Passage, Record
from headway.core.task import Evidence, Example, Task
from headway.intake import Options, bring_in, detect
from headway.intake.ragas import Sample, samples, write_ragas

NEW = {
    "user_input": "When was it founded?",
    "retrieved_contexts": ["Founded in 1902.", "Two slipways."],
    "response": "In 1902.",
    "reference": "1902",
}
OLD = {
    "question": "When was it founded?",
    "contexts": ["Founded in 1902.", "Two slipways."],
    "answer": "In 1902.",
    "ground_truth": "1902",
}
READ = Sample(
    1, "When was it founded?", ("Founded in 1902.", "Two slipways."), "In 1902.", ("1902",)
)


def write(file: Path, *rows: dict[str, Any]) -> Path:
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), file)
    elif file.suffix == ".csv":
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)  # lists as Python writes them, as pandas does
    else:
        file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return file


TALK = [
    {"content": "Is slipway two free?", "type": "human"},
    {"content": "", "type": "ai", "tool_calls": [{"name": "book", "args": {"slip": 2}}]},
    {"content": "free", "type": "tool"},
    {"content": "It is.", "type": "ai", "tool_calls": None},
    {"content": "And three?", "type": "human"},
]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_conversations_of_many_turns(ending: str, tmp_path: Path) -> None:
    file = write(tmp_path / f"rows.{ending}", {"user_input": TALK, "reference": "no"})
    assert bring_in(file, tmp_path / "task").format == "ragas"
    (example,) = Task.load(tmp_path / "task").examples
    assert example.question == "And three?"
    assert [(m.role, m.content) for m in example.history] == [
        ("user", "Is slipway two free?"),
        ("assistant", '[calls book({"slip":2})]'),
        ("user", "[the tool returned]\nfree"),
        ("assistant", "It is."),
    ]


@pytest.mark.parametrize(
    ("talk", "what"),
    [
        ([{"content": "x", "type": "robot"}], "the role is 'robot'"),
        ([{"content": "x", "type": "ai"}], "no message of the user"),
        (["x"], "not a message with role and content"),
        ([{"content": 7, "type": "human"}], "messages[0].content is a int"),
    ],
)
def test_bad_conversations_are_named_with_their_line(
    talk: list[Any], what: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "rows.jsonl", NEW, {"user_input": talk, "reference": "no"})
    with pytest.raises(InputError) as error:
        bring_in(file, tmp_path / "task")
    assert what in str(error.value)
    assert "rows.jsonl:2" in str(error.value)


@pytest.mark.parametrize("row", [NEW, OLD, {**OLD, "ground_truth": ["1902"]}])
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_both_names_and_all_endings(row: dict[str, Any], ending: str, tmp_path: Path) -> None:
    file = write(tmp_path / f"rows.{ending}", row)
    assert detect(file) == "ragas"
    found = list(samples(file))
    assert [(s.question, s.contexts, s.response) for s in found] == [
        (READ.question, READ.contexts, READ.response)
    ]
    # A CSV cell that looks like a list is one, as there is no telling.
    assert found[0].references == ("1902",)


def test_a_task_is_made_of_questions_references_and_contexts(tmp_path: Path) -> None:
    turns = [
        {"content": "Hello", "type": "human"},
        {"content": "Hi", "type": "ai"},
        {"content": "How many slipways?", "type": "human"},
    ]
    file = write(
        tmp_path / "rows.jsonl",
        {**NEW, "reference_contexts": ["Founded in 1902."]},
        {"user_input": turns, "retrieved_contexts": ["Two slipways."], "reference": "two"},
        {"user_input": "And this?", "response": "x"},
    )
    made = bring_in(file, tmp_path / "task")
    assert (made.format, made.examples, made.documents, made.with_evidence) == ("ragas", 2, 2, 1)
    assert made.skipped == ("1 passed over: no reference (line 3)",)
    first, second = Task.load(tmp_path / "task").examples
    assert first.reference == "1902"  # not the response
    assert first.evidence[0].document is not None
    assert second.question == "How many slipways?"
    assert [turn.role for turn in second.history] == ["user", "assistant"]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "a"},  # anybody's table: the answer is the reference
        {"question": "q", "context": "c", "answer": "a"},
        {"frage": "q", "antwort": "a"},
    ],
)
def test_other_tables_stay_tables(row: dict[str, Any], tmp_path: Path) -> None:
    assert detect(write(tmp_path / "rows.jsonl", row)) == "table"


def test_bad_input(tmp_path: Path) -> None:
    other = write(tmp_path / "a.jsonl", {"a": 1})
    with pytest.raises(InputError, match="not Ragas' columns") as error:
        bring_in(other, tmp_path / "t", format="ragas")
    assert "a.jsonl:1" in str(error.value)
    broken = tmp_path / "b.jsonl"
    broken.write_text('{"user_input": "q", "reference": "a"}\n{"user_input"\n')
    with pytest.raises(InputError, match=r"b\.jsonl:2"):
        bring_in(broken, tmp_path / "t")
    with pytest.raises(InputError, match="names of their own"):
        bring_in(write(tmp_path / "c.jsonl", NEW), tmp_path / "t", options=Options({"id": "x"}))
    assert not (tmp_path / "t").exists()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    example = Example(
        id="7",
        inputs={"question": "When was it founded?"},
        reference=["1902", "in 1902"],
        evidence=(Evidence(document="a.md", text="Founded in 1902."),),
    )
    shown = (Passage("a.md", "Founded in 1902."), Passage("b.md", "Two slipways."))
    records = [
        Record("7", answer="In 1902. \ud800", passages=shown),
        Record("7", status="outage", repeat=1),
    ]
    file = tmp_path / "out.jsonl"
    assert write_ragas(file, [example], records) == 1
    row = json.loads(file.read_text(encoding="utf-8"))
    assert row["reference_contexts"] == ["Founded in 1902."]
    assert set(row) == {*NEW, "reference_contexts"}
    (found,) = samples(file)
    assert (found.question, found.contexts, found.references) == (
        "When was it founded?",
        ("Founded in 1902.", "Two slipways."),
        ("1902",),
    )
    with pytest.raises(InputError, match="cannot be written"):
        write_ragas(file / "x.jsonl", [example], records)


def test_conversations_are_written_with_their_turns(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is slipway two free?"},
        {"role": "assistant", "content": "It is."},
        {"role": "user", "content": "And three?"},
    ]
    talk = Example(id="1", inputs={"messages": turns}, reference="no")
    lone = Example(id="2", inputs={"question": "When was it founded?"}, reference="1902")
    records = [Record("1", answer="No."), Record("2", answer="In 1902.")]
    file = tmp_path / "out.jsonl"
    assert write_ragas(file, [talk, lone], records) == 2
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first["user_input"] == [
        {"content": "Is slipway two free?", "type": "human"},
        {"content": "It is.", "type": "ai"},
        {"content": "And three?", "type": "human"},
    ]
    # Ragas reads a file of questions or one of conversations, never of both.
    assert second["user_input"] == [{"content": "When was it founded?", "type": "human"}]
    bring_in(file, tmp_path / "task")
    again, _ = Task.load(tmp_path / "task").examples
    assert (again.question, again.history) == (talk.question, talk.history[1:])
    assert write_ragas(file, [lone], records[1:]) == 1
    assert json.loads(file.read_text())["user_input"] == "When was it founded?"


def test_a_file_is_written_in_full_or_stays_what_it_was(tmp_path: Path) -> None:
    example = Example(id="1", inputs={"question": "q"}, reference="a")
    file = tmp_path / "out.jsonl"
    write_ragas(file, [example], [Record("1", answer="before")])
    kept = file.read_bytes()
    bad = Record("1", answer="x", passages=(Passage("d", "half a character: \ud800"),))
    with pytest.raises(TypeError):
        write_ragas(file, [example], [Record("1", answer="after"), bad])
    assert file.read_bytes() == kept
    assert [f.name for f in tmp_path.iterdir()] == ["out.jsonl"]


# --- the default metric ---------------------------------------------------------------------------


def metrics_for(tmp_path: Path, *references: str) -> tuple[str, ...]:
    rows = [{"question": f"q{n}", "answer": text} for n, text in enumerate(references)]
    bring_in(write(tmp_path / "rows.jsonl", *rows), tmp_path / "task", force=True)
    return Task.load(tmp_path / "task").spec.metrics


def test_long_references_are_graded(tmp_path: Path) -> None:
    long, short = " ".join(f"w{n}" for n in range(31)), "a short one"
    assert metrics_for(tmp_path, long, long, short) == ("correctness", "token_f1")
    baseline = (tmp_path / "task" / "pipelines" / "baseline.yaml").read_text()
    assert "max_tokens: 256" in baseline  # a long answer must not be cut
    assert "judge" in (tmp_path / "task" / "task.yaml").read_text()
    assert metrics_for(tmp_path, long, short, short)[0] == "token_f1"
    assert metrics_for(tmp_path, " ".join(long.split()[:30]))[0] == "token_f1"
