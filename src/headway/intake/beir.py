"""BEIR: corpus.jsonl, queries.jsonl and qrels/*.tsv. The answer is the passages themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.core.reading import numbered, read_lines
from headway.intake.contents import Contents, Options
from headway.intake.lines import Ids, corpus, identity

_FORM = "query-id<TAB>corpus-id<TAB>score, with a header line"


class Beir:
    """Queries with judged documents. Evidence is whole documents: any passage of one counts."""

    @staticmethod
    def recognises(source: Path) -> bool:
        """A folder with the two files and the judgements' folder."""
        files = (source / "corpus.jsonl", source / "queries.jsonl")
        return all(file.is_file() for file in files) and (source / "qrels").is_dir()

    @staticmethod
    def open(source: Path, options: Options) -> Contents:
        """See Importer."""
        if not Beir.recognises(source):
            raise InputError(
                "this is not BEIR's form",
                where=str(source),
                valid="a folder with corpus.jsonl, queries.jsonl and qrels/*.tsv",
            )
        files = sorted((source / "qrels").glob("*.tsv"))
        if options.split is not None:
            names = [file.stem for file in files]
            files = [file for file in files if file.stem == options.split]
            if not files:
                raise InputError(
                    f"there are no judgements {options.split!r}",
                    where=str(source / "qrels"),
                    valid=", ".join(names),
                )
        contents = Contents(
            description="Find the documents that answer a query.",
            examples=(),
            kind="passages",
        )
        names_seen: set[str] = set()
        contents.documents = _noted(corpus(source / "corpus.jsonl"), names_seen)
        contents.examples = _examples(source, files, names_seen, contents)
        return contents


def _noted(documents: Iterator[dict[str, str]], names: set[str]) -> Iterator[dict[str, str]]:
    for document in documents:
        names.add(document["_id"])
        yield document


def _examples(
    source: Path, files: list[Path], documents: set[str], contents: Contents
) -> Iterator[dict[str, Any]]:
    judged: dict[str, list[str]] = {}
    for file in files:
        for query, document in _judgements(file):
            if document in documents:
                judged.setdefault(query, []).append(document)
            else:
                contents.skipped.add("a judged document is not in the corpus", f"{document}")
    # Some packs keep the queries of other splits in files of their own.
    for file in sorted(source.glob("*queries.jsonl")):
        seen = Ids(file)
        for line, data in read_lines(file):
            where = f"{file}:{line}"
            name = identity(data, "_id", where)
            seen.add(name, line)
            if not isinstance(data.get("text"), str):
                raise InputError("the field 'text' is missing", where=where)
            found = judged.pop(name, None)
            if found is None:
                contents.skipped.add("a query without a relevant document", f"{file.name}:{line}")
                continue
            yield {
                "id": name,
                "inputs": {"question": data["text"]},
                "evidence": [{"document": document} for document in dict.fromkeys(found)],
            }
    for query in judged:
        contents.skipped.add("judgements of a query that is not there", query)


def _judgements(file: Path) -> Iterator[tuple[str, str]]:
    """(query, document) of each judgement above 0. Raises InputError with the line."""
    for number, raw in numbered(file):
        where = f"{file}:{number}"
        try:
            fields = raw.decode("utf-8").rstrip("\r\n").split("\t")
        except UnicodeDecodeError:
            raise InputError("this line is not UTF-8", where=where) from None
        if fields == [""] or (number == 1 and fields[-1] == "score"):
            continue
        if len(fields) != 3:
            raise InputError(f"{len(fields)} columns, not 3", where=where, valid=_FORM)
        try:
            relevant = float(fields[2]) > 0
        except ValueError:
            raise InputError(
                f"the score {fields[2]!r} is no number", where=where, valid=_FORM
            ) from None
        if relevant:
            yield fields[0], fields[1]
