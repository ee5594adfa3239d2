"""`init`: a task that runs at once, and one from documents and questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Search
from headway.core.task import Task
from headway.intake import init
from headway.intake.scaffold import infer
from headway.knowledge import FolderKnowledge
from headway.knowledge.locate import fold
from headway.knowledge.read import INSTALL, PASSED, Documents, read


async def test_the_sample_task_holds_together(tmp_path: Path) -> None:
    made = init(tmp_path / "task")
    assert made.documents == 16
    assert made.examples >= 170
    assert made.skipped == ()
    task = Task.load(tmp_path / "task")
    knowledge = FolderKnowledge.of(task)
    assert knowledge is not None
    assert knowledge.notices == ()
    found = 0
    answered = [example for example in task.examples if "unanswerable" not in example.tags]
    assert len(answered) == made.with_evidence
    for example in answered:
        (evidence,) = example.evidence
        assert example.source is None
        span = knowledge.locate(evidence)
        assert span is not None
        shown = await knowledge.search(example.question, Search(k=1))
        found += any(passage.covers(*span) for passage in shown)
    assert found >= 0.7 * len(answered)  # something is found at once, by the baseline's own search
    Pipeline.load(tmp_path / "task/pipelines/baseline.yaml")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "kiln.md").write_text("# Kiln\nIt fires at 1240\ndegrees, day by day.\n")
    (folder / "sub/barn.md").write_text("# Barn\nThe press stands there. Day by day.\n")
    (folder / "scan.pdf").write_bytes(b"%PDF")
    (folder / ".secret").write_text("hidden")
    return folder


def questions(folder: Path, text: str) -> Path:
    file = folder / "questions.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_documents_and_questions(tmp_path: Path, docs: Path) -> None:
    file = questions(
        tmp_path,
        "question,answer,document,evidence\n"
        "How hot?,1240 degrees,,\n"
        "When?,day by day,,\n"
        "What?,the cider press,sub/barn.md,The press\n"
        "Who?,nobody,gone.md,\n",
    )
    made = init(tmp_path / "task", docs, file)
    assert (made.documents, made.examples, made.with_evidence) == (2, 4, 3)
    assert [line.split(": ", 1)[1] for line in made.skipped] == [
        "it is damaged (scan.pdf)",
        "evidence names an unknown document (gone.md)",
    ]
    one, two, three, four = Task.load(tmp_path / "task").examples
    assert (one.source, one.evidence[0].start) == ("inferred", 19)
    assert two.source == "inferred"  # "Day by day" at a sentence's head is another text
    assert (three.source, three.evidence[0].text) == (None, "The press")
    assert (four.source, four.evidence) == (None, ())
    assert (tmp_path / "task/knowledge/sub/barn.md").is_file()
    assert not (tmp_path / "task/knowledge/.secret").exists()
    knowledge = FolderKnowledge.of(Task.load(tmp_path / "task"))
    assert knowledge is not None
    assert knowledge.locate(one.evidence[0]) == ("kiln.md", 19, 31)


def test_what_was_passed_over_is_told_in_its_own_words(
    tmp_path: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "corpus.jsonl").write_text('{"_id": "e", "text": " "}\n{"_id": "f", "text": "x"}\n')
    notices = (
        *read(docs).notices,
        "a.pdf: 2 of its 9 pages are pictures without text (page 1, 2)",
        f"12 .docx files{PASSED}reading them needs a package that is not installed: {INSTALL}",
    )
    monkeypatch.setattr(
        "headway.intake.scaffold.read", lambda docs: Documents(read(docs).by_name, notices)
    )
    made = init(tmp_path / "t", docs, questions(tmp_path, "question,answer\nWhen?,day by day\n"))
    assert made.skipped == (
        "1 passed over: it is empty (corpus.jsonl: document e)",
        "1 passed over: it is damaged (scan.pdf)",
        *notices[2:],
    )


def test_documents_by_reference(tmp_path: Path, docs: Path) -> None:
    file = questions(tmp_path, "q,a\nHow hot?,1240 degrees\n")
    init(tmp_path / "t", docs, file, columns={"question": "q", "reference": "a"}, copy=False)
    assert not (tmp_path / "t/knowledge").exists()
    knowledge = FolderKnowledge.of(Task.load(tmp_path / "t"))
    assert knowledge is not None
    assert knowledge.names == ("kiln.md", "sub/barn.md")


def test_questions_alone(tmp_path: Path) -> None:
    made = init(tmp_path / "t", questions=questions(tmp_path, "question,answer\n1+1?,2\n"))
    assert made.documents == 0
    assert not Task.load(tmp_path / "t").has_knowledge


def test_documents_alone_wait_for_drafts(tmp_path: Path, docs: Path) -> None:
    made = init(tmp_path / "t", docs)
    assert (made.examples, made.documents) == (0, 2)
    task = Task.load(tmp_path / "t")
    assert (task.examples, task.has_knowledge) == ((), True)
    # A phrase for what the documents do not say, so that unanswerable questions can be drafted.
    assert task.spec.output.abstain
    assert task.spec.output.abstain in task.instructions


def test_what_is_refused(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        init(tmp_path / "t", docs, tmp_path / "nowhere.csv")
    both = questions(tmp_path, "question,answer,context\nq,a,c\n")
    with pytest.raises(InputError, match="context column"):
        init(tmp_path / "t", docs, both)
    assert not (tmp_path / "t").exists()
    init(tmp_path / "t")
    with pytest.raises(InputError, match="there is a task here already"):
        init(tmp_path / "t")
    init(tmp_path / "t", force=True)


def test_what_is_inferred() -> None:
    folded = {
        "a": fold("The kiln fires at 1240 degrees. It is red. 这座花园很大。"),
        "b": fold("The barn is red, redder, and a red."),
    }
    assert infer("1240\ndegrees", folded) == {
        "document": "a",
        "text": "1240\ndegrees",
        "start": 18,
    }
    assert infer("red", folded) is None  # in both
    assert infer("redder", folded) == {"document": "b", "text": "redder", "start": 17}
    assert infer("barn is", folded) == {"document": "b", "text": "barn is", "start": 4}
    assert infer("124", folded) is None  # only part of a number
    assert infer("座花园", folded) == {"document": "a", "text": "座花园", "start": 44}
    assert infer("is", folded) is None  # too short to prove anything
    assert infer({"a": 1}, folded) is None
    twice = {"a": fold("the north gate and the north gate")}
    assert infer("north gate", twice) == {"document": "a"}
