"""`headway init`: a task folder to begin with, from nothing or from documents and questions."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.intake.contents import ABSTAIN, Contents, Options, Skipped
from headway.intake.table import Table
from headway.intake.writing import (
    BASELINE,
    EXAMPLES,
    PROMPT,
    TASK,
    Summary,
    refuse_existing,
    write,
)
from headway.knowledge.locate import Folded, fold
from headway.knowledge.read import INSTALL, PASSED, Documents, read

SAMPLE = Path(__file__).parent / "sample"


def init(
    folder: str | Path,
    docs: str | Path | None = None,
    questions: str | Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    copy: bool = True,
    force: bool = False,
    name: str | None = None,
) -> Summary:
    """Make a task folder; without arguments a small one that runs at once.

    docs: a folder of documents, or a `corpus.jsonl`; copied into `knowledge/`, or with copy=False
    named by path in `task.yaml`. questions: a table (`Options.columns` says how its columns are
    named); where a row gives no evidence, a document that alone holds the answer word for word
    becomes its evidence, and the example says `source: inferred`. Documents without questions
    make a task without examples, for `headway draft`.

    Raises InputError where a task is there already (unless `force`), and for what is wrong in
    either, with file and line.
    """
    folder = Path(folder)
    sample = docs is None and questions is None
    if sample:
        docs, questions = SAMPLE / "knowledge", SAMPLE / "questions.csv"
        name = name or "boatyard"
    if questions is None:
        return _without_questions(folder, Path(str(docs)), copy, force, name)
    questions = Path(questions)
    if not questions.is_file():
        raise InputError("there is no such file", where=str(questions))
    refuse_existing(folder, (TASK, EXAMPLES, PROMPT, BASELINE), force)
    options = Options(columns=columns or {}, name=name)
    contents = Table.open(questions, options)
    if sample:
        contents.description = "Answer what the members of a boatyard ask."
    if docs is None:
        return write(contents, folder, format="table", options=options, force=force)
    if contents.documents is not None:
        raise InputError(
            "the questions bring a context column, and documents are given as well",
            where=str(questions),
            do="leave --docs out, or take the column out",
        )
    docs = Path(docs)
    found = _read(docs, contents)
    contents.examples = _with_evidence(contents.examples, found, contents.skipped)
    # Written first: the documents alone make no task, so a failure here leaves no broken one.
    path = _place(docs, copy)
    made = write(contents, folder, format="table", options=options, force=force, knowledge=path)
    if copy:
        _copy(docs, folder / "knowledge")
    return Summary(
        **{**vars(made), "documents": len(found.by_name), "format": "documents and questions"}
    )


def _without_questions(
    folder: Path, docs: Path, copy: bool, force: bool, name: str | None
) -> Summary:
    """A task of documents alone, for `headway draft` to write questions about."""
    refuse_existing(folder, (TASK, EXAMPLES, PROMPT, BASELINE), force)
    contents = Contents(description="", examples=(), abstain=ABSTAIN)
    found = _read(docs, contents)
    made = write(
        contents, folder, format="documents", options=Options(name=name), force=force,
        knowledge=_place(docs, copy), empty=True,
    )  # fmt: skip
    if copy:
        _copy(docs, folder / "knowledge")
    return Summary(**{**vars(made), "documents": len(found.by_name)})


def _read(docs: Path, contents: Contents) -> Documents:
    """The documents; what was passed over is told with the contents."""
    found = read(docs)
    for notice in found.notices:
        document, _, reason = notice.partition(PASSED)
        if reason and INSTALL not in reason:
            contents.skipped.add(reason, document)
        else:  # read in part, or many files at once
            contents.skipped.tell(notice)
    return found


def _place(docs: Path, copy: bool) -> str:
    """The documents' path for `task.yaml`."""
    if not copy:
        return str(docs.resolve())
    return "knowledge/" if docs.is_dir() else f"knowledge/{docs.name}"


def _copy(docs: Path, target: Path) -> None:
    """Copy documents; hidden files are none."""
    if docs.resolve() == target.resolve():
        return
    if docs.is_file():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(docs, target / docs.name)
    else:
        shutil.copytree(docs, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))


def _with_evidence(
    examples: Iterable[dict[str, Any]], documents: Documents, skipped: Skipped
) -> Iterator[dict[str, Any]]:
    folded: dict[str, Folded] = {}
    for example in examples:
        given = example.get("evidence", [])
        missing = [e["document"] for e in given if e["document"] not in documents.by_name]
        if missing:
            skipped.add("evidence names an unknown document", missing[0])
            example["evidence"] = given = []
        if not given:
            if not folded:
                folded = {name: fold(d.text) for name, d in documents.by_name.items()}
            found = infer(example["reference"], folded)
            if found:
                example |= {"evidence": [found], "source": "inferred"}
        if not example.get("evidence"):
            example.pop("evidence", None)
        yield example


def infer(reference: Any, folded: Mapping[str, Folded]) -> dict[str, Any] | None:
    """Evidence for an answer that stands word for word in exactly one document; None otherwise.

    The offset is given only where it stands there once. Answers of one or two characters stand
    somewhere by chance and prove nothing.
    """
    if not isinstance(reference, str):
        return None
    needle = fold(reference).text
    if len(needle) < 3:
        return None
    holding: list[tuple[str, list[int]]] = []
    for name, document in folded.items():
        places = _whole_words(document.text, needle)
        if places:
            holding.append((name, places))
        if len(holding) > 1:
            return None
    if not holding:
        return None
    name, places = holding[0]
    if len(places) > 1:
        return {"document": name}
    return {"document": name, "text": reference, "start": folded[name].starts[places[0]]}


def _whole_words(text: str, needle: str) -> list[int]:
    """The first two places where the needle stands and is not part of a longer word.

    East Asian words have no edges to be seen, so there any place counts.
    """
    found: list[int] = []
    at = text.find(needle)
    while at >= 0 and len(found) < 2:
        end = at + len(needle)
        before = text[at - 1 : at] if needle[0] < "\u2e80" else ""
        after = text[end : end + 1] if needle[-1] < "\u2e80" else ""
        if not before.isalnum() and not after.isalnum():
            found.append(at)
        at = text.find(needle, at + 1)
    return found
