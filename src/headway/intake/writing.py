"""Writing a task folder from what an importer gives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import yaml

from headway.core.errors import InputError
from headway.core.task import ModelRoles, Task
from headway.core.words import tokens
from headway.intake.contents import Contents, Options

TASK, EXAMPLES, CORPUS = "task.yaml", "examples.jsonl", "knowledge/corpus.jsonl"
PROMPT, BASELINE = "prompts/answer.md", "pipelines/baseline.yaml"

_IGNORED = "# Store, cache and indexes; all else here is meant to be committed.\n.headway/\n.env\n"

LONG = 30  # tokens of a reference, in the median: from there words in common say little of it
_METRICS = {
    "text": ["token_f1", "exact_match"],
    "label": ["label_accuracy"],
    "json": ["field_accuracy", "json_exact"],
    "passages": ["retrieval_ndcg@10", "retrieval_recall@10"],
}

_GRADED = (
    "# correctness: which facts of the reference the answer says, by words and numbers; by a judge",
    "# where one is named below (models: {judge: NAME}).",
)


@dataclass(frozen=True)
class Summary:
    """What an import made. skipped: one line a reason. files: relative to the folder."""

    folder: Path
    format: str
    examples: int
    documents: int
    with_evidence: int
    labels: tuple[str, ...]
    skipped: tuple[str, ...]
    files: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """As plain data, for `--json`."""
        return {
            "folder": str(self.folder),
            "format": self.format,
            "examples": self.examples,
            "documents": self.documents,
            "with_evidence": self.with_evidence,
            "labels": list(self.labels),
            "skipped": list(self.skipped),
            "files": list(self.files),
        }


def refuse_existing(folder: Path, files: Iterable[str], force: bool) -> None:
    """Raises InputError where one of the files is there already, unless `force`."""
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file, not a folder", where=str(folder))
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise InputError(
            f"there is a task here already ({', '.join(there)})",
            where=str(folder),
            do="another folder, or --force to write over it",
        )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to write into; moved over `folder`, file by file, once all went well.

    `task.yaml` goes last: until it is there, the folder is no task.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"no task can be made here: {error.strerror}",
            where=str(folder),
            do="another folder, one that you may write to",
        ) from None
    try:
        yield stage
        made = [path for path in sorted(stage.rglob("*")) if path.is_file()]
        for path in sorted(made, key=lambda path: path == stage / TASK):
            target = folder / path.relative_to(stage)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def write(
    contents: Contents,
    folder: Path,
    *,
    format: str,
    options: Options,
    force: bool = False,
    knowledge: str | None = None,
    empty: bool = False,
) -> Summary:
    """Write the whole task folder, then load it once, so that what was made is known to be good.

    knowledge: path of documents that are there already, for `task.yaml`. Raises InputError where
    a task is there (unless `force`), and where there is no example at all (unless `empty`).
    """
    planned = [TASK, EXAMPLES, PROMPT, BASELINE]
    if contents.documents is not None:
        planned.append(CORPUS)
    refuse_existing(folder, planned, force)
    with staged(folder) as stage:
        documents = 0
        if contents.documents is not None:
            documents = _json_lines(stage / CORPUS, contents.documents)
            knowledge = "knowledge/"
        seen = _Seen()
        examples = _json_lines(
            stage / EXAMPLES, seen.counted(islice(contents.examples, options.limit))
        )
        for file, given in contents.files.items():
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given, stage / file)
        if not empty:
            _enough(contents, examples, folder)
        _write(stage / PROMPT, prompt(contents, bool(knowledge)) + "\n")
        _write(stage / BASELINE, baseline(contents, bool(knowledge), seen.long))
        if not (folder / ".gitignore").exists():
            _write(stage / ".gitignore", _IGNORED)
        name = options.name or folder.resolve().name
        _write(stage / TASK, task_yaml(name, contents, knowledge, seen))
        Task.load(stage)
    return Summary(
        folder=folder,
        format=format,
        examples=examples,
        documents=documents,
        with_evidence=seen.evidence,
        labels=tuple(sorted(contents.labels)),
        skipped=contents.skipped.lines(),
        files=tuple(name for name in planned if (folder / name).is_file()),
    )


def _enough(contents: Contents, examples: int, folder: Path) -> None:
    if examples == 0:
        skipped = contents.skipped.lines()
        raise InputError(
            "no example could be made" + (f": {'; '.join(skipped)}" if skipped else ""),
            where=str(folder),
        )
    if contents.kind == "label" and len(contents.labels) < 2:
        raise InputError(
            f"a label task needs two labels, found {', '.join(sorted(contents.labels))}",
            where=str(folder),
            valid="two or more different labels; for other answers, name the column: answer",
        )


class _Seen:
    """What is learnt of the examples while they are written."""

    def __init__(self) -> None:
        self.evidence = 0
        self._lengths: list[int] = []

    def counted(self, examples: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same examples."""
        for example in examples:
            self.evidence += bool(example.get("evidence"))
            reference = example.get("reference")
            if isinstance(reference, list):
                reference = reference[0] if reference else None
            if isinstance(reference, str):
                self._lengths.append(len(tokens(reference)))
            yield example

    @property
    def long(self) -> bool:
        """Whether half of the references are longer than LONG."""
        return bool(self._lengths) and median(self._lengths) > LONG


def _json_lines(file: Path, rows: Iterable[Any]) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with file.open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE, default=str))
            count += 1
    return count


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def prompt(contents: Contents, knowledge: bool) -> str:
    """A plain first prompt, as a person would write it before any measuring."""
    passages = "{{passages}}\n\n" if knowledge else ""
    if contents.kind == "label":
        return (
            "Which label fits the text? Answer with the label alone.\n\n"
            f"Labels: {{{{labels}}}}\n\n{passages}Text: {{{{question}}}}"
        )
    if contents.kind == "json":
        return (
            "Answer with one JSON object that follows this schema:\n{{schema}}\n\n"
            f"{passages}Text: {{{{question}}}}"
        )
    plain = "Answer the question with the passages." if knowledge else "Answer the question."
    if contents.abstain:
        plain += f" If they do not hold the answer, say: {contents.abstain}"
    return plain


def baseline(contents: Contents, knowledge: bool, long: bool = False) -> str:
    """The first pipeline, as YAML."""
    lines = ["# What a first version would do; `headway evaluate` measures it.", "steps:"]
    # Judgements of retrieval collections are of whole documents: two passages of one would count
    # as one right and one wrong.
    whole = contents.kind == "passages"
    cut, k = ("{unit: document}", 10) if whole else ("{tokens: 160, overlap: 32}", 1)
    if knowledge:
        lines.append(f"  - retrieve: {{passages: {cut}, by: text, k: {k}}}")
    if contents.kind != "passages":
        most = 256 if contents.kind == "json" or long else 48
        lines.append(f"  - generate: {{template: ../{PROMPT}, max_tokens: {most}}}")
    return "\n".join(lines) + "\n"


def _flow(data: Any) -> str:
    """Data on one line of YAML."""
    text = yaml.safe_dump(
        data, default_flow_style=True, allow_unicode=True, width=1 << 30, sort_keys=False
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def task_yaml(name: str, contents: Contents, knowledge: str | None, seen: _Seen) -> str:
    """`task.yaml`, with what each part means beside it."""
    output: dict[str, Any] = {"kind": contents.kind}
    if contents.kind == "label":
        output["labels"] = sorted(contents.labels)
    if contents.kind == "json":
        output["schema"] = contents.schema
    if contents.abstain:
        output["abstain"] = contents.abstain
    metrics = list(_METRICS[contents.kind])
    graded = contents.kind == "text" and seen.long
    if graded:
        metrics = ["correctness", "token_f1"]
    if knowledge and seen.evidence and contents.kind != "passages":
        metrics.append("retrieval_recall")
    lines = [
        f"name: {_flow(name)}",
        f"description: {_flow(contents.description)}",
        f"instructions: {PROMPT}    # the baseline prompt",
        "",
        "# The form of an answer.",
        f"output: {_flow(output)}",
        "",
        "# The first is optimised; your own is python:FILE.py:NAME.",
        *(_GRADED if graded else ()),
        f"metrics: {_flow(metrics)}",
    ]
    if knowledge:
        lines += [
            "",
            "# The documents, and their language (auto, or a code such as de).",
            f"knowledge: {_flow({'path': knowledge, 'language': 'auto'})}",
        ]
    lines += [
        "",
        "# The model that answers; one of a service of yours is named under `endpoints`.",
        f"# models: {_flow({'chat': ModelRoles().chat})}",
        "",
        "# Shares of examples: train may be read, dev only scores, test stays sealed to the end.",
        "splits: {train: 0.2, dev: 0.5, test: 0.3, seed: 7}",
    ]
    return "\n".join(lines) + "\n"
