"""Metrics: each scores one record; higher is better; None where it does not apply.

Tokens, money and latency are not metrics: lower is better there, they need no reference, and
constraints judge their percentiles over a whole run. A run adds them up from `Record.usage` and
`Record.latency_s`.
"""

from __future__ import annotations

from pathlib import Path

from headway.core.catalogue import Family
from headway.core.errors import InputError
from headway.core.protocols import Metric
from headway.core.task import Task
from headway.metrics.scoring import measure, score

METRICS = Family(
    "metric",
    {
        "exact_match": "headway.metrics.text:ExactMatch",
        "token_f1": "headway.metrics.text:TokenF1",
        "contains": "headway.metrics.text:Contains",
        "rouge_1": "headway.metrics.overlap:Rouge1",
        "rouge_2": "headway.metrics.overlap:Rouge2",
        "rouge_l": "headway.metrics.overlap:RougeL",
        "chrf": "headway.metrics.overlap:ChrF",
        "bleu": "headway.metrics.overlap:Bleu",
        "similarity": "headway.metrics.similarity:Similarity",
        "correctness": "headway.metrics.graded:Correctness",
        "rubric": "headway.metrics.rubric:RubricScore",
        "faithfulness": "headway.metrics.faithfulness:Faithfulness",
        "faithfulness_judge": "headway.metrics.faithfulness:FaithfulnessJudge",
        "faithfulness_offline": "headway.metrics.faithfulness:FaithfulnessOffline",
        "faithfulness_words": "headway.metrics.faithfulness:FaithfulnessWords",
        "answer_relevancy": "headway.metrics.relevancy:AnswerRelevancy",
        "judged_context_precision": "headway.metrics.judged_context:JudgedContextPrecision",
        "judged_context_recall": "headway.metrics.judged_context:JudgedContextRecall",
        "label_accuracy": "headway.metrics.label:LabelAccuracy",
        "json_valid": "headway.metrics.fields:JsonValid",
        "field_accuracy": "headway.metrics.fields:FieldAccuracy",
        "json_exact": "headway.metrics.fields:JsonExact",
        "retrieval_recall": "headway.metrics.retrieval:RetrievalRecall",
        "retrieval_mrr": "headway.metrics.retrieval:RetrievalMrr",
        "retrieval_ndcg": "headway.metrics.retrieval:RetrievalNdcg",
        "context_signal": "headway.metrics.retrieval:ContextSignal",
        "context_precision": "headway.metrics.retrieval:ContextPrecision",
        "context_recall": "headway.metrics.retrieval:ContextRecall",
        "abstention": "headway.metrics.abstention:Abstention",
        "human_rating": "headway.metrics.human:HumanRating",
    },
)

__all__ = ["METRICS", "load", "load_all", "measure", "score"]


def load(name: str, folder: Path, where: str | None = None) -> Metric:
    """One metric, ready to score: a name of the table, a retrieval metric with `@k`, or
    `python:FILE.py:NAME` with FILE relative to `folder`.

    Raises InputError for a name that is not known, or a file that cannot be loaded.
    """
    if name.startswith("python:"):
        from headway.metrics.own import load_own

        return load_own(name, folder, where)
    base, at, depth = name.partition("@")
    if not at:
        metric: Metric = METRICS.load(name, where)()
        return metric
    kind = METRICS.load(base, where)
    if not hasattr(kind, "at") or not depth.isdigit() or int(depth) < 1:
        raise InputError(
            f"unknown metric {name!r}",
            where=where,
            valid="@ and a whole number after a retrieval metric, such as retrieval_recall@5",
        )
    deeper: Metric = kind.at(int(depth))
    return deeper


def load_all(task: Task) -> tuple[Metric, ...]:
    """The metrics that `task.yaml` names, in its order."""
    where = str(task.folder / "task.yaml")
    return tuple(load(name, task.folder, where) for name in task.spec.metrics)
