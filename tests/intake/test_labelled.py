"""Labelled files: whose columns, which labels, and what is said of bad ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway.core.errors import InputError
from headway.intake.labelled import read_labelled

RAGAS = {"user_input": "q", "response": "a", "retrieved_contexts": ["c1", "c2"], "reference": "r"}


def _file(folder: Path, *rows: dict[str, Any], name: str = "l.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_ragas_names_are_known(tmp_path: Path) -> None:
    read = read_labelled(_file(tmp_path, {**RAGAS, "label": True}, {**RAGAS, "label": "no"}))
    one = read.answers[0]
    assert read.labels == "yes_no"
    assert [a.label for a in read.answers] == [1.0, 0.0]
    assert (one.example.question, one.answer, one.example.reference) == ("q", "a", "r")
    assert [p.text for p in one.passages] == ["c1", "c2"]
    assert one.group == read.answers[1].group == "q"  # answers to one question share it
    assert one.example.id != read.answers[1].example.id


TALK = [
    {"content": "Is slipway two free?", "type": "human"},
    {"content": "It is.", "type": "ai"},
    {"content": "And three?", "type": "human"},
]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_conversation_keeps_its_turns_and_its_group(tmp_path: Path, ending: str) -> None:
    rows = [
        {"user_input": talk, "response": answer, "label": label}
        for talk, answer, label in (
            (TALK, "No.", "yes"), (TALK, "Yes.", "no"), (TALK[:1], "Yes.", "yes")
        )
    ]  # fmt: skip
    file = _file(tmp_path, *rows)
    if ending == "csv":
        file = tmp_path / "l.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    one, same, other = read_labelled(file).answers
    assert one.example.question == "And three?"
    assert [(m.role, m.content) for m in one.example.history] == [
        ("user", "Is slipway two free?"), ("assistant", "It is."),
    ]  # fmt: skip
    assert one.group is not None
    assert one.group == same.group != other.group


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    text = 'question,answer,contexts,rating\nq1,a1,"[""c1"", ""c2""]",1\nq2,a2,plain,5\n'
    (tmp_path / "l.csv").write_text(text)
    rows = [
        {"question": "q1", "answer": "a1", "contexts": ["c1", "c2"], "rating": 1},
        {"question": "q2", "answer": "a2", "contexts": ["plain"], "rating": 5},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "l.parquet")
    found = [read_labelled(tmp_path / name) for name in ("l.csv", "l.parquet")]
    for read in found:
        assert read.labels == "scale"
        assert read.scale == (1.0, 5.0)
        assert [a.label for a in read.answers] == [0.0, 1.0]
        assert [[p.text for p in a.passages] for a in read.answers] == [["c1", "c2"], ["plain"]]


def test_labels_votes_and_scales(tmp_path: Path) -> None:
    voted = _file(tmp_path, {"answer": "a", "votes": ["yes", "no", "yes"]},
                  {"answer": "b", "votes": ["no", "no", "yes"]})  # fmt: skip
    read = read_labelled(voted)
    assert [a.label for a in read.answers] == [1.0, 0.0]
    assert read.answers[0].votes == (1.0, 0.0, 1.0)
    rated = _file(tmp_path, {"answer": "a", "rating": 2}, {"answer": "b", "rating": 4})
    assert [a.label for a in read_labelled(rated).answers] == [0.0, 1.0]
    assert [a.label for a in read_labelled(rated, scale=(1, 5)).answers] == [0.25, 0.75]
    own = _file(tmp_path, {"out": "a", "label": "Correct Answer"}, {"out": "b", "label": "Refusal"})
    found = read_labelled(own, {"answer": "out"}, yes="correct answer")
    assert [a.label for a in found.answers] == [1.0, 0.0]
    shares = _file(tmp_path, {"answer": "a", "label": 0.5}, {"answer": "b", "label": 0.75})
    assert [a.label for a in read_labelled(shares).answers] == [0.5, 0.75]


def test_pairs_and_unlabelled_rows(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        {"question": "q", "answer_a": "x", "answer_b": "y", "prefer": "a"},
        {"question": "q", "answer_a": "x", "answer_b": "y", "prefer": "tie"},
        {"question": "q", "answer_a": "x", "answer_b": "y", "prefer": None},
    )
    read = read_labelled(file)
    assert read.labels == "pairs"
    assert [(a.answer, a.other, a.label) for a in read.answers] == [
        ("x", "y", 1.0),
        ("x", "y", 0.5),
    ]
    assert "1 rows without a label" in read.notices[0]


def test_a_column_without_a_name_holds_nothing_of_ours(tmp_path: Path) -> None:
    """As pandas writes its index, and lists as Python writes them."""
    text = ",question,answer,contexts,label\n0,q1,a1,\"['c1', 'c2']\",1\n7,q2,a2,,0\n"
    (tmp_path / "l.csv").write_text(text)
    read = read_labelled(tmp_path / "l.csv")
    assert (read.labels, [a.votes for a in read.answers]) == ("yes_no", [(), ()])
    assert [a.example.reference for a in read.answers] == [None, None]
    assert [a.group for a in read.answers] == ["q1", "q2"]
    assert [[p.text for p in a.passages] for a in read.answers] == [["c1", "c2"], []]


def test_of_votes_on_a_pair_the_side_that_most_prefer(tmp_path: Path) -> None:
    pair = {"question": "q", "answer_a": "x", "answer_b": "y"}
    file = _file(tmp_path, *({**pair, "votes": v} for v in (["a", "a", "b"], ["a", "b"], ["b"])))
    assert [a.label for a in read_labelled(file).answers] == [1.0, 0.5, 0.0]
    with pytest.raises(InputError, match="for one side or a tie"):
        read_labelled(_file(tmp_path, {**pair, "prefer": 0.7}))


@pytest.mark.parametrize(
    ("rows", "said", "at"),
    [
        ([{"answer": "a", "label": "maybe"}], "neither yes or no nor a number", ":1"),
        ([{"answer": "a", "label": "nan"}], "neither yes or no nor a number", ":1"),
        ([{"answer": "a"}], "no column holds the people", ""),
        ([{"question": "a", "label": 1}], "no column holds the answer", ""),
        ([{"answer": "a", "label": ""}], "no row has a label", ""),
        ([{"answer": "a", "label": 7}, {"answer": "b", "label": 7}], "all labels are 7", ""),
        ([{"answer": "a", "label": 1}, {"answer": "b", "label": 1}], "all labels are yes", ""),
        ([{"answer": "a", "votes": [0, 1]}], "all labels are no", ""),
        ([{"question": ["x"], "answer": "a", "label": 1}], "not a message with role", ":1"),
    ],
)
def test_bad_files_are_one_clear_message(
    tmp_path: Path, rows: list[dict[str, Any]], said: str, at: str
) -> None:
    file = _file(tmp_path, *rows)
    with pytest.raises(InputError, match=said) as caught:
        read_labelled(file)
    assert str(caught.value.where).endswith(f"{file.name}{at}")


def test_labels_that_a_limit_leaves_alike_are_refused(tmp_path: Path) -> None:
    """A file that is sorted by its labels."""
    file = _file(tmp_path, *({"answer": str(i), "label": i >= 40} for i in range(60)))
    with pytest.raises(InputError, match="all labels are no") as caught:
        read_labelled(file, limit=30)
    assert "take more than 30 of 60" in str(caught.value)
    assert len(read_labelled(file).answers) == 60
    pair = {"question": "q", "answer_a": "x", "answer_b": "y", "prefer": "a"}
    assert len(read_labelled(_file(tmp_path, pair, pair)).answers) == 2  # chosen and rejected


def test_files_and_columns_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_labelled(tmp_path / "none.jsonl")
    (tmp_path / "x.docx").write_text("x")
    with pytest.raises(InputError, match="no table"):
        read_labelled(tmp_path / "x.docx")
    file = _file(tmp_path, {"answer": "a", "label": 1})
    with pytest.raises(InputError, match="no column 'humna'"):
        read_labelled(file, {"label": "humna"})
    with pytest.raises(InputError, match="scale goes from 5 to 1"):
        read_labelled(file, scale=(5, 1))
    with pytest.raises(InputError, match="not from 2 to 5"):
        read_labelled(_file(tmp_path, {"answer": "a", "label": 1}), scale=(2, 5))
