"""The user's own table: JSONL, CSV, TSV or Parquet with a question and an answer in each row.

A conversation is a column `messages` in OpenAI's form, in CSV as JSON; a column `files` names files
beside the table, which are copied into the task.
"""

from __future__ import annotations

import ast
import csv
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from headway.core import conversation
from headway.core import inputs as entering
from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError
from headway.core.reading import numbered, read_lines
from headway.intake.columns import matched, names_of
from headway.intake.contents import ABSTAIN, UNANSWERABLE, Contents, Options
from headway.intake.lines import Ids

Row = tuple[int, dict[str, Any]]

# Names that people use, best first. A column named like a label makes the task a label task.
_LABELS = ("label", "intent", "class", "category")
_NAMES: dict[str, tuple[str, ...]] = {
    "question": ("question", "input", "query", "prompt", "text", "message", "user_input"),
    "reference": (
        *("answer", "reference", "answers", "output", "target", "expected", "response"),
        *("ground_truth", "gold", *_LABELS),
    ),
    "messages": ("messages",),
    "files": ("files",),
    "id": ("id", "_id", "key"),
    "context": ("context", "passage"),
    "document": ("document", "doc", "source_document", "file"),
    "evidence": ("evidence", "quote"),
    "title": ("title",),
    "group": ("group",),
    "tags": ("tags", "tag", "kind"),
}
FILES = "files"  # the folder of a task that examples' files are copied into


class Table:
    """One example a row."""

    @staticmethod
    def recognises(source: Path) -> bool:
        """By the file's ending."""
        return source.is_file() and source.suffix.lower() in _READERS

    @staticmethod
    def open(source: Path, options: Options) -> Contents:
        """See Importer. The rows are read twice where they hold contexts: each context becomes a
        document, and documents are written first."""
        if not Table.recognises(source):
            raise InputError("this is not a table", where=str(source), valid=", ".join(_READERS))
        first = next(rows(source), None)
        if first is None:
            raise InputError("there are no rows in this file", where=str(source))
        # Fields of JSONL may be left out of some rows, the first too.
        columns = list(first[1])
        if source.suffix.lower() == ".jsonl":
            columns = names_of(rows(source))
        mapping = _columns(columns, options.columns, source)
        contents = Contents(
            description="",
            examples=(),
            kind=options.output or _kind(first[1].get(mapping["reference"]), mapping["reference"]),
        )
        if "context" in mapping:
            contents.documents = _documents(source, mapping)
        contents.examples = _examples(source, mapping, contents)
        return contents


def _columns(found: list[str], asked: Mapping[str, str], source: Path) -> dict[str, str]:
    """Our name -> the column's. Raises InputError for columns that are not there."""
    unknown = set(asked) - set(_NAMES)
    if unknown:
        name = sorted(unknown)[0]
        raise InputError(f"we know no column {name!r}", valid=did_you_mean(name, list(_NAMES)))
    mapping = matched(found, asked, _NAMES, source)
    for needed in ("question", "reference"):
        if needed not in mapping and not (needed == "question" and "messages" in mapping):
            raise InputError(
                f"no column holds the {needed} (found: {', '.join(found)})",
                where=str(source),
                valid=f"a column named {', '.join(_NAMES[needed])}",
                do=f"headway import {source} TASK --{needed} COLUMN",
            )
    return mapping


def _kind(value: Any, column: str) -> Any:
    if column.strip().lower() in _LABELS:
        return "label"
    return "json" if isinstance(value, dict) else "text"


def document_name(text: str) -> str:
    """The name of a context's document: the same text is one document."""
    return "context-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _context(row: dict[str, Any], mapping: Mapping[str, str]) -> str:
    value = row.get(mapping.get("context", ""), "")
    return value if isinstance(value, str) and value.strip() else ""


def _documents(source: Path, mapping: Mapping[str, str]) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for _, row in rows(source):
        text = _context(row, mapping)
        name = document_name(text)
        if text and name not in seen:
            seen.add(name)
            yield {"_id": name, "title": str(row.get(mapping.get("title", "")) or ""), "text": text}


def _examples(
    source: Path, mapping: Mapping[str, str], contents: Contents
) -> Iterator[dict[str, Any]]:
    seen = Ids(source)
    for line, row in rows(source):
        inputs = _inputs(row, mapping, source, line)
        if not inputs:
            contents.skipped.add("no question", f"line {line}")
            continue
        tags = _tags(row.get(mapping.get("tags", "")))
        reference = _reference(row.get(mapping["reference"]))
        if UNANSWERABLE in tags and contents.kind == "text":
            # Its reference is the phrase that says so; the first row that writes one gives it.
            if contents.abstain is None:
                contents.abstain = reference if isinstance(reference, str) else ABSTAIN
            reference = contents.abstain
        if reference is None:
            contents.skipped.add("no reference", f"line {line}")
            continue
        if contents.kind == "label":
            reference = str(reference)
            contents.labels.add(reference)
        elif contents.kind == "json":
            reference = _object(reference, f"{source}:{line}")
            _learn(contents.schema, reference)
        given = row.get(mapping.get("id", ""))
        name = str(line if given in (None, "") else given)
        seen.add(name, line)
        if names := _files(row, mapping, source, line, contents):
            inputs["files"] = names
        example: dict[str, Any] = {"id": name, "inputs": inputs, "reference": reference}
        evidence = _evidence(row, mapping, reference)
        if evidence:
            example["evidence"] = [evidence]
        if row.get(mapping.get("group", "")) not in (None, ""):
            example["group"] = str(row[mapping["group"]])
        if tags:
            example["tags"] = tags
        yield example


def _inputs(
    row: dict[str, Any], mapping: Mapping[str, str], source: Path, line: int
) -> dict[str, Any]:
    """{question} or {messages} of a row; empty where it asks nothing. A question beside messages
    that end with the assistant is the next turn of the user."""
    question = turns(row.get(mapping.get("question", "")))
    question = None if isinstance(question, str) and not question.strip() else question
    given = listed(row.get(mapping.get("messages", "")))
    if isinstance(question, list):
        question, given = None, question
    if given in (None, "", []):
        return {} if question is None else {"question": question}
    where = f"{source}:{line}"
    messages = checked(given, where)
    if question is not None and messages[-1]["role"] != "user":
        messages.append({"role": "user", "content": str(question)})
    elif question is not None and str(question).strip() != conversation.question_of(messages):
        raise InputError(
            "the question is another than the last message of the user", where=where,
            valid="messages that end with the question, or before it; or one of both columns",
        )  # fmt: skip
    return {"messages": messages}


def checked(messages: Any, where: str) -> list[dict[str, Any]]:
    """Messages in OpenAI's form. Raises InputError for what is none. Parquet writes a field that
    one message has into all of them, as null."""
    if isinstance(messages, list):
        messages = [
            {k: v for k, v in m.items() if v is not None or k == "content"}
            if isinstance(m, dict) else m
            for m in messages
        ]  # fmt: skip
    if said := conversation.problem(messages):
        raise InputError(said, where=where, valid=conversation.VALID)
    found: list[dict[str, Any]] = messages
    return found


def _files(
    row: dict[str, Any], mapping: Mapping[str, str], source: Path, line: int, contents: Contents
) -> list[str]:
    """Names in the task folder of a row's files; where they lie now is kept in `contents`."""
    given = listed(row.get(mapping.get("files", "")))
    if given in (None, "", []):
        return []
    where, found = f"{source}:{line}", []
    if said := entering.problem({"files": given}, source.parent):
        said = said.replace("the task folder", "the folder of the table")
        raise InputError(said, where=where, valid="names of files beside the table")
    for name in entering.names_of({"files": given}):
        path, kept = entering.located(name, source.parent), name
        if Path(name).parts[0] != FILES:
            kept = f"{FILES}/{name}"
        if contents.files.setdefault(kept, path) != path:
            raise InputError(f"two files would be {kept!r} in the task", where=where)
        found.append(kept)
    return found


def listed(value: Any) -> Any:
    """A text that is written like a list, as JSON or as Python writes it, as that list: cells of
    CSV hold nothing else."""
    if not isinstance(value, str) or not (value.strip()[:1] == "[" and value.strip()[-1:] == "]"):
        return value
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(value)
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(value.strip())
    return value


def turns(value: Any) -> Any:
    """The same value; a text that holds messages, as those."""
    found = listed(value)
    known = isinstance(found, list) and bool(found) and all(isinstance(m, dict) for m in found)
    return found if known else value


def _tags(value: Any) -> list[str]:
    """A list, or one text with commas."""
    listed = value if isinstance(value, list) else str(value or "").split(",")
    return [str(tag).strip() for tag in listed if str(tag).strip()]


def _reference(value: Any) -> Any:
    """An empty cell, or an empty list, is no reference."""
    if value is None or (isinstance(value, (str, list)) and not value):
        return None
    return None if isinstance(value, str) and not value.strip() else value


def _object(value: Any, where: str) -> Any:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise InputError(f"the reference is not JSON: {error}", where=where) from None
    if not isinstance(value, dict):
        raise InputError("the reference is not a JSON object", where=where, valid='{"field": 1}')
    return value


def _learn(schema: dict[str, Any], value: dict[str, Any]) -> None:
    """Widen a JSON Schema so that it admits this object as well."""
    if not schema:
        schema |= {"type": "object", "properties": {}, "required": list(value)}
    schema["required"] = [name for name in schema["required"] if name in value]
    for name, item in value.items():
        kinds = schema["properties"].setdefault(name, {"type": []})["type"]
        kind = _json_type(item)
        if kind not in kinds:
            kinds.append(kind)


def _json_type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "array" if isinstance(value, list) else "object"


def _evidence(row: dict[str, Any], mapping: Mapping[str, str], reference: Any) -> dict[str, Any]:
    """Evidence of a row: its context, or the document it names, with the quotation if there is
    one. In a context the answer's place is evidence only where it stands there once."""
    quote = row.get(mapping.get("evidence", ""))
    context = _context(row, mapping)
    if context:
        name = document_name(context)
        text = quote or (reference if isinstance(reference, str) else None)
        if text and context.count(str(text)) == 1:
            return {"document": name, "text": str(text), "start": context.index(str(text))}
        return {"document": name}
    document = row.get(mapping.get("document", ""))
    if not document:
        return {}
    return {"document": str(document), **({"text": str(quote)} if quote else {})}


# --- reading rows -----------------------------------------------------------------------------


def rows(file: Path) -> Iterator[Row]:
    """(line, fields) of each row, one at a time. Raises InputError with the line."""
    return _READERS[file.suffix.lower()](file)


def _csv(file: Path) -> Iterator[Row]:
    """CSV or TSV. The separator is the one that is most frequent in the header."""
    lines = _decoded(file)
    header_line = next(lines, None)
    if header_line is None:
        return
    separator = max(",;\t", key=header_line.count)
    csv.field_size_limit(1 << 30)  # contexts are longer than the module's 128 KiB

    def again() -> Iterator[str]:
        yield header_line
        yield from lines

    reader = csv.reader(again(), delimiter=separator, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for fields in reader:
            if header is None:
                header = [name.strip() for name in fields]
                _check_header(header, file)
            elif fields:
                if len(fields) != len(header):
                    raise InputError(
                        f"{len(fields)} fields, and the header has {len(header)}",
                        where=f"{file}:{line}",
                        valid="as many fields as the header; text with commas in double quotes",
                    )
                yield line, dict(zip(header, fields, strict=True))
            line = reader.line_num + 1  # a row may go over several lines: say where it begins
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}", where=f"{file}:{line}") from None


def _check_header(header: list[str], file: Path) -> None:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InputError(f"two columns are named {twice[0]!r}", where=f"{file}:1")


def _decoded(file: Path) -> Iterator[str]:
    for number, raw in numbered(file):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(
                "this line is not UTF-8", where=f"{file}:{number}", do="save the file as UTF-8"
            ) from None


def _parquet(file: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        number = 0
        with pq.ParquetFile(file) as stored:
            for batch in stored.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"not valid Parquet: {error}", where=str(file)) from None


_READERS = {".jsonl": read_lines, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet}
READABLE = tuple(_READERS)
