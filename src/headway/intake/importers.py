"""The formats that can be imported, and finding out which one a source is in."""

from __future__ import annotations

from pathlib import Path

from headway.core.catalogue import Family
from headway.core.errors import InputError
from headway.intake.contents import Contents, Importer, Options
from headway.intake.writing import Summary, write

IMPORTERS = Family(
    "importer",
    {
        "squad": "headway.intake.squad:Squad",
        "beir": "headway.intake.beir:Beir",
        "ragas": "headway.intake.ragas:Ragas",
        "table": "headway.intake.table:Table",
    },
)

_FORMS = (
    "squad (SQuAD's JSON, or a folder with corpus.jsonl and questions.jsonl); "
    "beir (a folder with corpus.jsonl, queries.jsonl and qrels/); "
    "ragas (a table of user_input, retrieved_contexts, response, reference, or its older names); "
    "table (.jsonl, .csv, .tsv or .parquet with a question and an answer in each row)"
)


def detect(source: str | Path) -> str:
    """The format's name. Raises InputError, with the formats, where it is none of ours."""
    source = Path(source)
    if not source.exists():
        raise InputError("there is no such file or folder", where=str(source), valid=_FORMS)
    for name, importer in IMPORTERS:
        if importer.recognises(source):
            return name
    raise InputError("the format is not known", where=str(source), valid=_FORMS)


def bring_in(
    source: str | Path,
    folder: str | Path,
    *,
    format: str | None = None,
    options: Options | None = None,
    force: bool = False,
) -> Summary:
    """Make a task folder from a source; `format` is found where it is not given.

    Raises InputError with file and line for what is wrong in the source, and where the folder
    holds a task already (unless `force`). The folder is not touched before all was read well.
    """
    source, folder = Path(source), Path(folder)
    name = format or detect(source)
    importer: Importer = IMPORTERS.load(name)
    if not source.exists():
        raise InputError("there is no such file or folder", where=str(source), valid=_FORMS)
    contents: Contents = importer.open(source, options or Options())
    return write(contents, folder, format=name, options=options or Options(), force=force)
