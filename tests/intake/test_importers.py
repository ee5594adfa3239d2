"""Importing: known formats, what goes wrong in them, and that nothing is written over."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.task import Task
from headway.intake import IMPORTERS, Options, bring_in, detect
from headway.knowledge import FolderKnowledge

DATA = Path(os.environ.get("HEADWAY_DATA", Path(__file__).parents[3] / "shared" / "data"))


def lines(file: Path, rows: list[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")
    return file


def squad_json(file: Path) -> Path:
    def qa(name: str, question: str, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
        found = [{"text": text, "answer_start": start} for text, start in answers]
        return {"id": name, "question": question, "answers": found, **more}

    kiln = "The kiln fires at 1240 degrees and cools for two days."
    press = "The cider press stands in the barn."
    data = [
        {
            "title": "Old_Kiln",
            "paragraphs": [
                {
                    "context": kiln,
                    "qas": [
                        qa("1", "How hot?", ("1240 degrees", 18), ("1240", 18)),
                        qa("2", "How long?", ("two days", 45), ("two days", 45)),
                        qa("3", "Who owns it?", is_impossible=True),
                    ],
                }
            ],
        },
        {"title": "Barn", "paragraphs": [{"context": press, "qas": [qa("4", "Where?")]}]},
    ]
    file.write_text(json.dumps({"version": "1", "data": data}), encoding="utf-8")
    return file


def squad_folder(folder: Path) -> Path:
    lines(
        folder / "corpus.jsonl",
        [
            {"_id": "Kiln#0", "title": "Kiln", "text": "It fires at 1240 degrees."},
            {"_id": "Kiln#1", "title": "Kiln", "text": "It cools for two days."},
        ],
    )
    lines(
        folder / "questions.jsonl",
        [
            {
                "id": "a",
                "question": "How hot?",
                "gold_passage_ids": ["Kiln#0"],
                "answers": [{"text": "1240 degrees", "start": 12}],
            },
            {"id": "b", "question": "?", "gold_passage_ids": ["Kiln#0"], "answers": []},
            {
                "id": "c",
                "question": "?",
                "gold_passage_ids": ["Gone#0"],
                "answers": [{"text": "x", "start": 0}],
            },
        ],
    )
    return folder


def beir(folder: Path) -> Path:
    corpus = [{"_id": name, "title": "", "text": f"text {name}"} for name in "xyz"]
    lines(folder / "corpus.jsonl", corpus)
    lines(folder / "queries.jsonl", [{"_id": str(i), "text": f"query {i}"} for i in range(4)])
    head = "query-id\tcorpus-id\tscore"
    lines(folder / "qrels/test.tsv", [head, "0\tx\t1", "0\ty\t2", "1\tz\t0", "2\tgone\t1"])
    lines(folder / "qrels/train.tsv", [head, "3\tz\t1"])
    return folder


# --- squad ------------------------------------------------------------------------------------


def test_squad_json(tmp_path: Path) -> None:
    made = bring_in(squad_json(tmp_path / "dev.json"), tmp_path / "task")
    assert (made.format, made.examples, made.documents, made.with_evidence) == ("squad", 3, 2, 2)
    assert made.skipped == ("1 passed over: no answer (id 4)",)
    task = Task.load(tmp_path / "task")
    one, two, three = task.examples
    assert one.references == ("1240 degrees", "1240")
    assert two.reference == "two days"
    assert one.cluster == two.cluster == "Old_Kiln#0"
    assert task.spec.output.abstain == three.reference
    assert three.evidence == ()
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    assert knowledge.locate(one.evidence[0]) == ("Old_Kiln#0", 18, 30)
    assert "Answer the question with the passages." in task.instructions
    assert task.spec.metrics == ("token_f1", "exact_match", "retrieval_recall")
    pipeline = Pipeline.load(tmp_path / "task/pipelines/baseline.yaml")
    assert [step.name for step in pipeline.steps] == ["retrieve", "generate"]
    assert pipeline.steps[0].settings == {
        "passages": {"tokens": 160, "overlap": 32},
        "by": "text",
        "k": 1,
    }
    assert pipeline.steps[1].settings["template"] == task.instructions
    assert ".headway/" in (tmp_path / "task/.gitignore").read_text(encoding="utf-8")


def test_squad_folder(tmp_path: Path) -> None:
    made = bring_in(squad_folder(tmp_path / "pack"), tmp_path / "task")
    assert (made.examples, made.documents) == (1, 2)
    assert made.skipped == (
        "1 passed over: no answer (line 2)",
        "1 passed over: its passages are not in the corpus (line 3)",
    )
    example = Task.load(tmp_path / "task").examples[0]
    assert example.cluster == "Kiln#0"
    assert example.evidence[0].model_dump(exclude_none=True) == {
        "document": "Kiln#0",
        "text": "1240 degrees",
        "start": 12,
    }
    for group, cluster in (("title", "Kiln"), ("none", "a")):
        options = Options(group=group)  # type: ignore[arg-type]
        bring_in(tmp_path / "pack", tmp_path / group, options=options)
        assert Task.load(tmp_path / group).examples[0].cluster == cluster


@pytest.mark.skipif(not (DATA / "squad_xquad").is_dir(), reason="no pack (HEADWAY_DATA)")
def test_squad_pack(tmp_path: Path) -> None:
    made = bring_in(DATA / "squad_xquad/en", tmp_path / "task")
    assert (made.examples, made.with_evidence, made.documents) == (603, 603, 130)
    task = Task.load(tmp_path / "task")
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    for example in task.examples:
        span = knowledge.locate(example.evidence[0])
        assert span is not None
        assert span[1] == example.evidence[0].start


# --- beir -------------------------------------------------------------------------------------


def test_beir(tmp_path: Path) -> None:
    made = bring_in(beir(tmp_path / "pack"), tmp_path / "task")
    assert (made.format, made.examples, made.documents) == ("beir", 2, 3)
    assert sorted(made.skipped) == [
        "1 passed over: a judged document is not in the corpus (gone)",
        "2 passed over: a query without a relevant document (queries.jsonl:2, queries.jsonl:3)",
    ]
    task = Task.load(tmp_path / "task")
    assert task.spec.output.kind == "passages"
    assert [e.document for e in task.examples[0].evidence] == ["x", "y"]
    pipeline = Pipeline.load(tmp_path / "task/pipelines/baseline.yaml")
    assert [step.name for step in pipeline.steps] == ["retrieve"]


def test_beir_split(tmp_path: Path) -> None:
    beir(tmp_path / "pack")
    made = bring_in(tmp_path / "pack", tmp_path / "task", options=Options(split="train"))
    assert made.examples == 1
    with pytest.raises(InputError, match="no judgements 'dev'") as error:
        bring_in(tmp_path / "pack", tmp_path / "x", options=Options(split="dev"))
    assert error.value.valid == "test, train"


# --- tables -----------------------------------------------------------------------------------


def test_csv_with_its_own_column_names(tmp_path: Path) -> None:
    file = tmp_path / "faq.csv"
    file.write_text(
        "\ufeffFrage;Antwort;Kennung;tags\n"
        '"Zwei\nZeilen; ein Feld?";ja;k1;a, b\n'
        ";leer;k2;\n"
        "Ohne Antwort?;;k3;\n",
        encoding="utf-8",
    )
    options = Options(columns={"question": "Frage", "reference": "Antwort", "id": "Kennung"})
    made = bring_in(file, tmp_path / "task", options=options)
    assert made.skipped == (
        "1 passed over: no question (line 4)",
        "1 passed over: no reference (line 5)",
    )
    example = Task.load(tmp_path / "task").examples[0]
    assert (example.id, example.question) == ("k1", "Zwei\nZeilen; ein Feld?")
    assert example.tags == ("a", "b")
    assert not (tmp_path / "task/knowledge").exists()


def test_labels_are_found_from_the_data(tmp_path: Path) -> None:
    rows = [{"text": f"m{i}", "intent": ["refund", "card"][i % 2]} for i in range(6)]
    made = bring_in(lines(tmp_path / "a.jsonl", rows), tmp_path / "task")
    assert made.labels == ("card", "refund")
    task = Task.load(tmp_path / "task")
    assert task.spec.output.labels == ("card", "refund")
    assert task.spec.metrics == ("label_accuracy",)
    assert task.examples[0].id == "1"
    assert "{{labels}}" in task.instructions
    same = lines(tmp_path / "b.jsonl", rows[:1])
    with pytest.raises(InputError, match="needs two labels, found refund"):
        bring_in(same, tmp_path / "other")


def test_parquet_and_json_references(tmp_path: Path) -> None:

    file = tmp_path / "a.parquet"
    rows = [
        {"input": "two for friday", "output": {"people": 2, "day": "friday"}, "id": 10},
        {"input": "a table", "output": {"people": None, "day": None}, "id": 11},
    ]
    pq.write_table(pa.Table.from_pylist(rows), file)
    bring_in(file, tmp_path / "task")
    task = Task.load(tmp_path / "task")
    assert task.spec.output.kind == "json"
    assert task.spec.output.json_schema == {
        "type": "object",
        "properties": {
            "people": {"type": ["integer", "null"]},
            "day": {"type": ["string", "null"]},
        },
        "required": ["people", "day"],
    }
    assert [example.id for example in task.examples] == ["10", "11"]


def test_contexts_become_documents_and_evidence(tmp_path: Path) -> None:
    rows = [
        {"question": "Hot?", "answer": "1240", "context": "It fires at 1240.", "title": "Kiln"},
        {"question": "Fires?", "answer": "yes", "context": "It fires at 1240.", "title": "Kiln"},
        {"question": "None?", "answer": "no", "context": ""},
    ]
    made = bring_in(lines(tmp_path / "a.jsonl", rows), tmp_path / "task")
    assert (made.documents, made.with_evidence) == (1, 2)
    one, two, three = Task.load(tmp_path / "task").examples
    assert (one.evidence[0].text, one.evidence[0].start) == ("1240", 12)
    assert two.evidence[0].document == one.evidence[0].document
    assert two.evidence[0].text is None
    assert three.evidence == ()


def test_rows_that_cannot_be_answered(tmp_path: Path) -> None:
    """The tag says it; the first row's words are the phrase of the task."""
    file = tmp_path / "a.csv"
    file.write_text(
        'question,answer,tags\nWho?,Ada,person\nWhen?,No idea,"time, unanswerable"\n'
        "Why?,,unanswerable\nHow?,,\n"
    )
    made = bring_in(file, tmp_path / "task")
    assert made.skipped == ("1 passed over: no reference (line 5)",)
    task = Task.load(tmp_path / "task")
    assert [e.reference for e in task.examples] == ["Ada", "No idea", "No idea"]
    assert task.examples[1].tags == ("time", "unanswerable")
    assert task.spec.output.abstain == "No idea"
    assert "say: No idea" in task.instructions


# --- what goes wrong --------------------------------------------------------------------------


def write_bytes(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def broken_questions(folder: Path) -> Path:
    squad_folder(folder / "pack")
    with (folder / "pack/questions.jsonl").open("a") as stream:
        stream.write('{"id": "d", "question": "?"}\n')
    return folder / "pack"


def broken_qrels(folder: Path) -> Path:
    beir(folder / "pack")
    with (folder / "pack/qrels/test.tsv").open("a") as stream:
        stream.write("0 x 1\n")
    return folder / "pack"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda folder: folder / "nowhere.csv", "there is no such file or folder"),
        (write_bytes("notes.txt", b"hello"), "the format is not known"),
        (write_bytes("a.json", b'{"data": []}'), "the format is not known"),
        (write_bytes("a.json", b'{"data": [{"paragraphs": [{}]}]}'), "data[0].paragraphs[0]"),
        (write_bytes("a.json", b'{"paragraphs"'), "not valid JSON"),
        (write_bytes("a.csv", b""), "there are no rows in this file"),
        (write_bytes("a.csv", b"question,answer\n"), "there are no rows in this file"),
        (write_bytes("a.jsonl", b"\n\n"), "there are no rows in this file"),
        (write_bytes("a.csv", b"question,answer\nq,a\nq,a,b\n"), "a.csv:3: 3 fields"),
        (write_bytes("a.csv", b'question,answer\n"q\nq",a\nq\n'), "a.csv:4: 1 fields"),
        (write_bytes("a.csv", b'question,answer\nq,a\nq,"a\n'), "a.csv:3: not valid CSV"),
        (write_bytes("a.csv", b"question,answer\nq,a\nq,\xe9\n"), "a.csv:3: this line is not UTF"),
        (write_bytes("a.csv", b"question,answer,answer\n1,2,3\n"), "two columns are named"),
        (write_bytes("a.csv", b"frage,antwort\nq,a\n"), "no column holds the question"),
        (write_bytes("a.csv", b"question,notes\nq,a\n"), "no column holds the reference"),
        (write_bytes("a.csv", b"question,answer\n,a\n"), "no example could be made: 1 passed"),
        (
            write_bytes("a.jsonl", b'{"question": "q", "answer": "a"}\n{"question": \n'),
            "a.jsonl:2: not valid JSON",
        ),
        (
            write_bytes("a.jsonl", b'{"id": 1, "question": "q", "answer": "a"}\n' * 2),
            "a.jsonl:2: the id '1' stands in line 1 already",
        ),
        (write_bytes("a.jsonl", b"[1]\n"), "a.jsonl:1: expected an object, found list"),
        (write_bytes("a.parquet", b"PAR0"), "not valid Parquet"),
        (broken_questions, "questions.jsonl:4: a question needs"),
        (broken_qrels, "test.tsv:6: 1 columns, not 3"),
    ],
)
def test_bad_input_is_one_message_and_writes_nothing(
    tmp_path: Path, make: Callable[[Path], Path], what: str
) -> None:
    source = make(tmp_path)
    with pytest.raises(InputError) as error:
        bring_in(source, tmp_path / "task")
    assert what in str(error.value)
    assert not (tmp_path / "task").exists()
    assert not list(tmp_path.glob(".task*"))


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    file = write_bytes("a.csv", b"question,answer\nq,a\n")(tmp_path)
    with pytest.raises(InputError, match="did you mean question"):
        bring_in(file, tmp_path / "t", options=Options(columns={"question": "qestion"}))
    with pytest.raises(InputError, match="we know no column 'frage'"):
        bring_in(file, tmp_path / "t", options=Options(columns={"frage": "question"}))


# --- conversations and files ----------------------------------------------------------------------

TURNS = [
    {"role": "user", "content": "Is the ferry running?"},
    {"role": "assistant", "content": "Yes, from six."},
    {"role": "user", "content": "And on Sundays?"},
]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_messages_become_a_conversation(ending: str, tmp_path: Path) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "And on Sundays?"}]}]
    # Parquet gives a message the fields of all others, as null.
    named = [{**TURNS[0], "name": "Ana"}, *TURNS[1:]]
    table = [{"messages": TURNS, "answer": "From eight."}, {"messages": named, "answer": "Eight."}]
    file = tmp_path / f"talks.{ending}"
    if ending == "jsonl":
        lines(file, [*table, {"messages": parts, "answer": "Nine."}])
    elif ending == "csv":
        with file.open("w", newline="", encoding="utf-8") as stream:
            written = csv.writer(stream)
            written.writerow(["messages", "answer"])
            written.writerow([json.dumps(TURNS), "From eight."])
            written.writerow([str(named), "Eight."])  # as pandas writes it
    else:
        pq.write_table(pa.Table.from_pylist(table), file)
    bring_in(file, tmp_path / "task")
    found = Task.load(tmp_path / "task").examples
    assert [e.question for e in found] == ["And on Sundays?"] * len(found)
    assert found[0].inputs == {"messages": TURNS}
    assert [[m.content for m in e.history] for e in found[:2]] == [
        ["Is the ferry running?", "Yes, from six."]
    ] * 2


def test_a_question_beside_messages_is_the_next_turn(tmp_path: Path) -> None:
    rows = [
        {"messages": TURNS[:2], "question": "And on Mondays?", "answer": "six"},
        {"messages": TURNS, "question": "And on Sundays?", "answer": "eight"},
        {"messages": [], "question": "When?", "answer": "six"},
        {"messages": None, "question": " ", "answer": "six"},
        {"question": json.dumps(TURNS), "answer": "eight"},
        {"question": "[sic]", "answer": "so"},
    ]
    made = bring_in(lines(tmp_path / "a.jsonl", rows), tmp_path / "task")
    assert made.skipped == ("1 passed over: no question (line 4)",)
    found = Task.load(tmp_path / "task").examples
    assert [(e.question, len(e.history)) for e in found] == [
        ("And on Mondays?", 2), ("And on Sundays?", 2), ("When?", 0), ("And on Sundays?", 2),
        ("[sic]", 0),
    ]  # fmt: skip


def test_files_are_copied_into_the_task(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "one.txt").write_text("Dear all", encoding="utf-8")
    (tmp_path / "task.yaml").write_text("a note of that name", encoding="utf-8")
    rows = [
        {"question": "Who writes?", "files": ["mail/one.txt", "task.yaml"], "answer": "Ana"},
        {"question": "To whom?", "files": "mail/one.txt", "answer": "all"},
        {"question": "Why?", "answer": "to greet"},
    ]
    bring_in(lines(tmp_path / "a.jsonl", rows), tmp_path / "task")
    task = Task.load(tmp_path / "task")
    assert [e.files for e in task.examples] == [
        ("files/mail/one.txt", "files/task.yaml"), ("files/mail/one.txt",), ()
    ]  # fmt: skip
    assert (tmp_path / "task" / "files" / "mail" / "one.txt").read_text() == "Dear all"
    assert (tmp_path / "mail" / "one.txt").is_file()
    assert task.spec.name == "task"  # a file of that name is no task.yaml


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"messages": "hello"}, "messages is a text, not a list"),
        ({"messages": [{"role": "human", "content": "x"}]}, "the role is 'human'"),
        ({"messages": [TURNS[0], {"role": "assistant"}, {"role": "user"}]}, "content is missing"),
        ({"messages": TURNS[1:2]}, "no message of the user"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "only text is read"),
        ({"messages": TURNS, "question": "Other?"}, "another than the last message"),
        ({"question": [{"role": "nobody", "content": "x"}]}, "the role is 'nobody'"),
        ({"question": "q", "files": ["../secret.txt"]}, "may leave the folder of the table"),
        ({"question": "q", "files": ["none.txt"]}, "there is no file 'none.txt'"),
        ({"question": "q", "files": [".env"]}, "hidden"),
        ({"question": "q", "files": 7}, "files is 7, not a list of names"),
    ],
)
def test_bad_messages_and_files_are_named_with_their_line(
    row: dict[str, Any], what: str, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("KEY=1", encoding="utf-8")
    good = {"question": "q", "messages": None, "files": None, "answer": "a"}
    file = lines(tmp_path / "a.jsonl", [good, {"answer": "a", **row}])
    with pytest.raises(InputError) as error:
        bring_in(file, tmp_path / "task")
    assert what in str(error.value)
    assert "a.jsonl:2" in str(error.value)
    assert not (tmp_path / "task").exists()


def test_an_existing_task_is_not_written_over(tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", [{"question": "1?", "answer": "1"}])
    second = lines(tmp_path / "b.jsonl", [{"question": "2?", "answer": "2"}])
    folder = tmp_path / "task"
    bring_in(first, folder)
    (folder / "notes.md").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="there is a task here already"):
        bring_in(second, folder)
    assert Task.load(folder).examples[0].question == "1?"
    bring_in(second, folder, force=True)
    assert Task.load(folder).examples[0].question == "2?"
    assert (folder / "notes.md").read_text(encoding="utf-8") == "mine"
    with pytest.raises(InputError, match="this is a file"):
        bring_in(first, first)


def test_formats_are_found(tmp_path: Path) -> None:
    assert detect(squad_json(tmp_path / "a.json")) == "squad"
    assert detect(squad_folder(tmp_path / "s")) == "squad"
    assert detect(beir(tmp_path / "b")) == "beir"
    assert detect(lines(tmp_path / "t.tsv", ["a\tb"])) == "table"
    assert [name for name, _ in IMPORTERS] == ["squad", "beir", "ragas", "table"]
    with pytest.raises(InputError, match="unknown importer 'sqad'"):
        bring_in(tmp_path / "a.json", tmp_path / "t", format="sqad")
    with pytest.raises(InputError, match="not BEIR's form"):
        bring_in(tmp_path / "s", tmp_path / "t", format="beir")


def test_limit_and_summary(tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "answer": str(i)} for i in range(50)]
    source = lines(tmp_path / "a.jsonl", rows)
    made = bring_in(source, tmp_path / "task", options=Options(limit=7, name="my: task"))
    assert made.as_data()["examples"] == 7
    assert Task.load(tmp_path / "task").spec.name == "my: task"
    assert all((tmp_path / "task" / name).is_file() for name in made.files)
