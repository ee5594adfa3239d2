"""The Ragas package's side of bench/judges/run.py, in a virtual environment of its own.

Reads one JSON object a line from stdin (id, metric, and what the metric takes), writes one a line
to stdout as soon as it is judged: id, score (None where Ragas gave NaN or failed), why, seconds.
Metrics, prompts and weights are Ragas' own defaults; model and embeddings come from `--url`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import time

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from openai import AsyncOpenAI
from ragas.embeddings.base import embedding_factory
from ragas.llms import llm_factory
from ragas.metrics.collections import (
    AnswerCorrectness,
    DomainSpecificRubrics,
    Faithfulness,
)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    client = AsyncOpenAI(base_url=given.url, api_key="none", timeout=900, max_retries=0)
    llm = llm_factory("judge", client=client)
    embeddings = embedding_factory("openai", model="embed", client=client, interface="modern")

    def metric(row: dict) -> object:
        if row["metric"] == "faithfulness":
            return Faithfulness(llm=llm)
        if row["metric"] == "answer_correctness":
            return AnswerCorrectness(llm=llm, embeddings=embeddings)
        return DomainSpecificRubrics(llm=llm, rubrics=row["rubrics"])

    gate = asyncio.Semaphore(given.at_once)

    async def one(row: dict) -> None:
        async with gate:
            start = time.perf_counter()
            score, why = None, ""
            try:
                value = float((await metric(row).ascore(**row["inputs"])).value)
                if math.isnan(value):
                    why = "NaN"
                else:
                    score = value
            except Exception as error:  # whatever it is, this answer has no score
                why = f"{type(error).__name__}: {error}".replace("\n", " ")[:160]
            found = {"id": row["id"], "score": score, "why": why}
            found["seconds"] = round(time.perf_counter() - start, 1)
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()

    await asyncio.gather(*(one(json.loads(line)) for line in sys.stdin if line.strip()))


asyncio.run(main())
