"""The whole idea of Headway in one file: try something, evaluate it, compare, keep what is proven.

    python examples/tiny.py

A toy, to be read: the model is a few lines that err in known ways, the data are made up, and only
the statistics are Headway's own. Nothing here calls a network. The real loop is `headway optimize`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cache

from headway.engine import statistics as stats

# --- a task: documents, and questions with their right answers ------------------------------------

WINGS = ("north", "south", "east", "west")
NAMES = ("Ada", "Bela", "Cleo", "Dov", "Edda", "Finn", "Gwen", "Hugo", "Iris", "Jon")


def chance(*parts: object) -> float:
    """A number from 0 to 1 that looks random and is the same every time: hash of the parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True)
class Example:
    """One case. `split`: who may look at it, and for what."""

    question: str
    reference: str
    split: str


def make_task() -> tuple[list[str], list[Example]]:
    """400 facts; each is asked for once. Chance deals the questions out, once and for all."""
    facts, examples = [], []
    for number in range(400):
        wing, name = WINGS[number % 4], NAMES[int(10 * chance("name", number))]
        facts.append(f"Room {number} of the {wing} wing belongs to {name}.")
        at = chance("split", number)
        # explore: to look around freely. confirm: asked seldom, and each question has its price.
        # test: opened once, at the very end.
        split = "explore" if at < 0.3 else "confirm" if at < 0.7 else "test"
        examples.append(Example(f"Who has room {number} of the {wing} wing?", name, split))
    return facts, examples


FACTS, EXAMPLES = make_task()

# --- a pipeline: what the model is shown (context), and how it is told to act (behaviour) ---------


@dataclass(frozen=True)
class Pipeline:
    """All that can be changed. Two pipelines are equal if their fields are."""

    passages: int = 1
    prompt: str = "Answer the question."


def search(question: str, k: int) -> list[str]:
    """The k facts that share most words with the question; now and then a wrong one looks close."""
    wanted = set(re.findall(r"\w+", question))

    def closeness(fact: str) -> float:
        noise = 1.2 * chance("search", question, fact) ** 30
        return len(wanted & set(re.findall(r"\w+", fact))) + noise

    return sorted(FACTS, key=closeness, reverse=True)[:k]


def fake_model(prompt: str, passages: list[str], question: str) -> str:
    """Reads well; many passages distract it, any wording slips somewhere; chatty unless told."""
    number = re.findall(r"\d+", question)[0]
    right = [text for text in passages if f"Room {number} " in text]
    distracted = chance("model", question) < 0.01 * len(passages)
    slip = chance("wording", prompt, question) < 0.05
    text = passages[-1] if distracted or slip or not right else right[0]
    return text.rstrip(".").split()[-1] if "one word" in prompt else text


@cache  # an answer that was paid for once is never paid for again
def score(pipeline: Pipeline, example: Example) -> float:
    """One example through the pipeline: 1 right, 0.5 right but wordy, 0 wrong."""
    shown = search(example.question, pipeline.passages)
    answer = fake_model(pipeline.prompt, shown, example.question)
    if answer == example.reference:
        return 1.0
    return 0.5 if example.reference in answer else 0.0


def scores(pipeline: Pipeline, split: str) -> list[float]:
    return [score(pipeline, example) for example in EXAMPLES if example.split == split]


# --- the loop -------------------------------------------------------------------------------------

TECHNIQUES: dict[str, dict[str, object]] = {
    "more passages": {"passages": 4},
    "a friendly prompt": {"prompt": "Please answer the question."},
    "a clear prompt": {"prompt": "Answer with one word and nothing else."},
    "far more passages": {"passages": 20},
}


def optimise(baseline: Pipeline, techniques: dict[str, dict[str, object]]) -> tuple[Pipeline, str]:
    """Try each technique on top of the best so far; keep it only if fresh examples prove it."""
    best = baseline
    history = ""  # what confirm has answered: k kept, n not
    for name, change in techniques.items():
        candidate = replace(best, **change)  # type: ignore[arg-type]
        # 1. Evaluate on explore, and compare example by example: the same questions, so what is
        #    hard about them cancels out. No gain here: do not spend anything on proving one.
        hint = stats.paired(scores(best, "explore"), scores(candidate, "explore"))
        if not hint.difference or hint.difference <= 0:
            print(f"- {name:18} dropped: no gain on explore ({hint.difference or 0:+.3f})")
            continue
        # 2. Prove it on confirm. Who asks often enough is told "better" by luck some day, so each
        #    question gets its own share of the 5% that we may be wrong in all.
        level = stats.level(history, 0.05)
        proof = stats.paired(
            scores(best, "confirm"), scores(candidate, "confirm"), alternative="greater"
        )
        kept = proof.p is not None and proof.p <= level
        history += "k" if kept else "n"
        verdict = "KEPT" if kept else "dropped: not proven"
        print(f"- {name:18} {verdict}: {proof.difference:+.3f}, p {proof.p:.4f} of {level:.4f}")
        # 3. Keep it, and go on from there; or forget it.
        best = candidate if kept else best
    return best, history


def main() -> tuple[Pipeline, str]:
    baseline = Pipeline()
    best, history = optimise(baseline, TECHNIQUES)
    # The sealed test: questions that no decision above has seen. Opened once, whatever it says.
    before, after = (stats.estimate(scores(p, "test")) for p in (baseline, best))
    for name, figure in (("baseline", before), ("best", after)):
        print(f"{name:9} {figure.mean:.3f} ({figure.low:.3f} to {figure.high:.3f}) on the test")
    return best, history


if __name__ == "__main__":
    main()
