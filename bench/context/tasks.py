"""Public packs as Headway tasks: documents, questions, and the evidence that answers them.

The tasks are written below bench/scratch. All questions go to dev: nothing here is tuned, so there
is nothing to hold back.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from packs import DATA, lines, write  # noqa: E402

WORK = HERE.parent / "scratch" / "context"

METRICS = '''"""Whether the answer stands in what was shown."""

import re


def _fold(text):
    return re.sub(r"[\\s,]+", "", str(text)).lower()


def answer_shown(example, record):
    shown = _fold(" ".join(p["text"] for p in record["passages"]))
    reference = example["reference"]
    wanted = [_fold(r) for r in (reference if isinstance(reference, list) else [reference])]
    return float(any(w and w in shown for w in wanted))
'''


@dataclass(frozen=True)
class Pack:
    """A task made of a pack. judged: the retrieval metric that its evidence allows."""

    name: str
    judged: str
    note: str
    language: str = "auto"


PACKS = {
    p.name: p
    for p in (
        Pack("hotpotqa", "retrieval_recall", "50 questions of two hops, 500 paragraphs"),
        Pack("musique", "retrieval_recall", "50 questions of two to four hops, 966 paragraphs"),
        Pack("clapnq", "retrieval_recall", "answerable questions, long answers, 299 paragraphs"),
        Pack("rgb_en", "answer_shown", "47 questions, their web snippets and those of others"),
        Pack("rgb_zh", "answer_shown", "Chinese questions, their web texts and those of others"),
        Pack("financebench", "retrieval_recall", "questions on 45 filings, 5,414 pages"),
    )
}


def make(name: str) -> Path:
    """The task folder of a pack, written once."""
    folder = WORK / name
    if (folder / "task.yaml").is_file():
        return folder
    documents, questions = _MAKERS[name]()
    (folder / "knowledge").mkdir(parents=True, exist_ok=True)
    (folder / "metrics.py").write_text(METRICS, encoding="utf-8")
    write(folder / "knowledge" / "corpus.jsonl", documents)
    write(folder / "examples.jsonl", questions)
    judged = PACKS[name].judged
    first = judged if judged != "answer_shown" else "python:metrics.py:answer_shown"
    names = dict.fromkeys(
        [first, "retrieval_recall", "retrieval_ndcg@10", "python:metrics.py:answer_shown",
         "token_f1", "contains"]
    )  # fmt: skip
    (folder / "task.yaml").write_text(
        f"name: {name}\n"
        "description: Answer the question from the passages.\n"
        "instructions: Answer the question from the passages, as briefly as they allow.\n"
        f"metrics: [{', '.join(names)}]\n"
        "output: {kind: text, abstain: not in the passages}\n"
        f"knowledge: {{path: knowledge/, language: {PACKS[name].language}}}\n"
        "splits: {train: 0.0, dev: 1.0, test: 0.0, seed: 7}\n",
        encoding="utf-8",
    )
    return folder


def _question(
    id: str, text: str, answers: list[str], documents: list[str], **more: Any
) -> dict[str, Any]:
    return {
        "id": id, "inputs": {"question": text},
        "reference": answers if len(answers) != 1 else answers[0],
        "evidence": [{"document": d} for d in dict.fromkeys(documents)], **more,
    }  # fmt: skip


Made = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def _multihop(file: str) -> Made:
    source = DATA / "multihop_small"
    documents = [
        {"_id": d["_id"], "title": d["title"], "text": d["text"]}
        for d in lines(source / f"{file}_corpus.jsonl")
    ]
    questions = []
    for row in lines(source / f"{file}.jsonl"):
        gold = [p["_id"] for p in row["passages"] if p["title"] in row["gold_titles"]]
        answers = [row["answer"], *row.get("answer_aliases", [])]
        questions.append(_question(row["id"], row["question"], answers, gold))
    return documents, questions


def _clapnq() -> Made:
    source = DATA / "clapnq_dev"
    documents = [
        {"_id": d["_id"], "title": d["title"], "text": d["text"]}
        for d in lines(source / "corpus.jsonl")
    ]
    questions = [
        _question(
            row["id"], row["question"], [o["answer"] for o in row["output"]],
            row["gold_passage_ids"],
        )
        for row in lines(source / "questions.jsonl")
        if row["answerable"]
    ]  # fmt: skip
    return documents, questions


def _rgb(files: tuple[str, ...]) -> Made:
    """All snippets of all questions as one collection, each text once. Which of them hold the
    answer is not marked one by one, so what is judged is whether the answer is shown."""
    texts: dict[str, str] = {}
    questions = []
    for file in files:
        for row in lines(DATA / "rgb" / f"{file}.jsonl"):
            pieces: list[str] = []
            for text in [*row["positive"], *row["negative"]]:
                pieces += text if isinstance(text, list) else [text]
            for text in pieces:
                if text.strip():
                    texts[hashlib.sha256(text.encode()).hexdigest()[:16]] = " ".join(text.split())
            answer = row["answer"]
            answers = [str(a) for a in answer] if isinstance(answer, list) else [str(answer)]
            questions.append(_question(f"{file}-{row['id']}", row["query"], answers, []))
    return [{"_id": k, "title": "", "text": v} for k, v in texts.items()], questions


def _financebench() -> Made:
    source = DATA / "financebench"
    documents = [
        {
            "_id": d["_id"],
            "title": f"{d['doc_name'].replace('_', ' ')}, page {d['page']}",
            "text": d["text"],
        }
        for d in lines(source / "corpus_full_pages.jsonl.gz")
        if d["text"].strip()
    ]
    there = {d["_id"] for d in documents}
    questions = [
        _question(
            row["financebench_id"], row["question"], [row["answer"]], row["gold_passage_ids"],
            group=row["doc_name"], tags=[row["question_type"]],
        )
        for row in lines(source / "questions.jsonl")
        if set(row["gold_passage_ids"]) <= there
    ]  # fmt: skip
    return documents, questions


_MAKERS = {
    "hotpotqa": lambda: _multihop("hotpotqa_distractor"),
    "musique": lambda: _multihop("musique"),
    "clapnq": _clapnq,
    "rgb_en": lambda: _rgb(("en_fact",)),
    "rgb_zh": lambda: _rgb(("zh_fact", "zh_int", "zh_refine")),
    "financebench": _financebench,
}
