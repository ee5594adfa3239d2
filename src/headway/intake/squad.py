"""SQuAD: its original JSON (1.1 and 2.0), or passages and questions as two JSONL files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import InputError
from headway.core.reading import read_lines
from headway.intake.contents import ABSTAIN, UNANSWERABLE, Contents, Options
from headway.intake.lines import Ids, corpus, identity

_FORM = '{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [...]}]}]}'
_ANSWERS = '"answers": [{"text": "...", "start": 0}]'


class Squad:
    """Questions whose answer is quoted from one passage. Evidence is the first answer's place:
    further ones are other annotators' views of the same, not further things to find."""

    @staticmethod
    def recognises(source: Path) -> bool:
        """A folder of the two files, or JSON that speaks of paragraphs early on."""
        if source.is_dir():
            return all((source / name).is_file() for name in ("corpus.jsonl", "questions.jsonl"))
        if source.suffix.lower() != ".json":
            return False
        with source.open("rb") as stream:
            return b'"paragraphs"' in stream.read(1 << 20)

    @staticmethod
    def open(source: Path, options: Options) -> Contents:
        """See Importer."""
        contents = Contents(
            description="Answer questions from short passages.",
            examples=(),
        )
        if source.is_dir():
            titles: dict[str, str] = {}
            contents.documents = _noted(corpus(source / "corpus.jsonl"), titles)
            contents.examples = _questions(source / "questions.jsonl", titles, contents, options)
        else:
            articles = _articles(source)
            contents.documents = _contexts(articles)
            contents.examples = _original(source, articles, contents, options)
        return contents


def _noted(documents: Iterator[dict[str, str]], titles: dict[str, str]) -> Iterator[dict[str, str]]:
    for document in documents:
        titles[document["_id"]] = document["title"]
        yield document


def _group(options: Options, title: str, passage: str) -> dict[str, str]:
    if options.group == "none":
        return {}
    return {"group": title if options.group == "title" and title else passage}


def _reference(texts: list[str]) -> Any:
    """One text, or a list of all that are acceptable."""
    different = list(dict.fromkeys(texts))
    return different[0] if len(different) == 1 else different


def _questions(
    file: Path, titles: dict[str, str], contents: Contents, options: Options
) -> Iterator[dict[str, Any]]:
    seen = Ids(file)
    for line, data in read_lines(file):
        where = f"{file}:{line}"
        name = identity(data, "id", where)
        seen.add(name, line)
        question, gold, answers = (data.get(k) for k in ("question", "gold_passage_ids", "answers"))
        if not isinstance(question, str) or not isinstance(gold, list):
            raise InputError(
                "a question needs question and gold_passage_ids",
                where=where,
                valid='{"id": ..., "question": ..., "gold_passage_ids": [...], ' + _ANSWERS + "}",
            )
        if not _are_answers(answers, "start"):
            raise InputError("answers are not in the known form", where=where, valid=_ANSWERS)
        known = [str(passage) for passage in gold if str(passage) in titles]
        if not answers or not known:
            reason = "no answer" if not answers else "its passages are not in the corpus"
            contents.skipped.add(reason, f"line {line}")
            continue
        first = answers[0]
        evidence: list[dict[str, Any]] = [{"document": passage} for passage in known]
        evidence[0] |= {"text": first["text"], "start": first["start"]}
        yield {
            "id": name,
            "inputs": {"question": question},
            "reference": _reference([answer["text"] for answer in answers]),
            "evidence": evidence,
            **_group(options, titles[known[0]], known[0]),
        }


def _are_answers(found: Any, start: str) -> bool:
    return isinstance(found, list) and all(
        isinstance(a, dict) and isinstance(a.get("text"), str) and isinstance(a.get(start), int)
        for a in found
    )


Article = tuple[str, list[dict[str, Any]]]


def _articles(file: Path) -> list[Article]:
    """(title, paragraphs) of each article, checked. SQuAD is one JSON value of some 30 MB."""
    try:
        data = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {error}", where=str(file), valid=_FORM) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None
    articles = data.get("data") if isinstance(data, dict) else None
    if not isinstance(articles, list):
        raise InputError("this is not SQuAD's JSON: no list 'data'", where=str(file), valid=_FORM)
    found: list[Article] = []
    for number, article in enumerate(articles):
        where = f"{file}, data[{number}]"
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            raise InputError("no list 'paragraphs'", where=where, valid=_FORM)
        for place, paragraph in enumerate(paragraphs):
            good = isinstance(paragraph, dict) and isinstance(paragraph.get("context"), str)
            if not good or not isinstance(paragraph.get("qas"), list):
                raise InputError(
                    "no 'context' and 'qas'", where=f"{where}.paragraphs[{place}]", valid=_FORM
                )
        found.append((str(article.get("title") or f"article {number + 1}"), paragraphs))
    return found


def _passages(articles: list[Article]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(passage's name, title, paragraph); titles may repeat, names may not."""
    counts: dict[str, int] = {}
    for title, paragraphs in articles:
        for paragraph in paragraphs:
            number = counts[title] = counts.get(title, -1) + 1
            yield f"{title}#{number}", title, paragraph


def _contexts(articles: list[Article]) -> Iterator[dict[str, str]]:
    for name, title, paragraph in _passages(articles):
        yield {"_id": name, "title": title.replace("_", " "), "text": paragraph["context"]}


def _original(
    file: Path, articles: list[Article], contents: Contents, options: Options
) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for passage, title, paragraph in _passages(articles):
        for number, qa in enumerate(paragraph["qas"]):
            where = f"{file}, {passage}, question {number + 1}"
            if not isinstance(qa, dict) or not isinstance(qa.get("question"), str):
                raise InputError("no 'question'", where=where, valid=_FORM)
            name = identity(qa, "id", where)
            if name in seen:
                raise InputError(f"the id {name!r} is there twice", where=where)
            seen.add(name)
            answers = qa.get("answers", [])
            if not _are_answers(answers, "answer_start"):
                raise InputError(
                    "answers are not in the known form",
                    where=where,
                    valid='"answers": [{"text": "...", "answer_start": 0}]',
                )
            example: dict[str, Any] = {"id": name, "inputs": {"question": qa["question"]}}
            if qa.get("is_impossible"):
                contents.abstain = ABSTAIN
                example |= {"reference": ABSTAIN, "tags": [UNANSWERABLE]}
            elif not answers:
                contents.skipped.add("no answer", f"id {name}")
                continue
            else:
                first = answers[0]
                place = {"text": first["text"], "start": first["answer_start"]}
                example["reference"] = _reference([answer["text"] for answer in answers])
                example["evidence"] = [{"document": passage, **place}]
            yield example | _group(options, title, passage)
