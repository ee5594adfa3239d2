"""Drafts from the handbook's documents: how many a check finds answerable from their evidence.

    python bench/judges/drafts.py [--quick] [--n 60]

Hours on two cores that do nothing else: about 1.5 with the default chat model (60 drafts, some 500
calls), and 0.5 more for the second model. --quick drafts 4 and needs some minutes. Everything goes
through the store of the task below bench/scratch/drafts and rows of the check through drafts.jsonl
beside this file, so the same command goes on where it was stopped; DRAFTS.md is written at the end.

The handbook is copied without its questions; `headway draft` writes new ones with the default chat
model, which also checks them (round-trip consistency). What is kept is then checked again, by

- quotation: the evidence stands word for word in the document at its offset, and every figure and
  word of the answer that says something stands in it; of the figures and the offset the drafter
  has made sure itself, so what this adds is the words;
- a second model: the 1.5B of the catalogue answers from the evidence alone; it agrees where both
  answers have the same figures and half of their words. Where it cannot be had, the same 0.5B with
  another prompt: then the check is not independent of the writer, and the table says so.

Of a question that is to have no answer there is no evidence: the second model is shown what a
search finds, and agrees where it says that the answer is not there. A check by models is no check
by people: both may be wrong in the same way, and only a person's review says what a draft is worth.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from headway import Task, Workspace
from headway.core.errors import HeadwayError
from headway.core.protocols import Search
from headway.core.record import ChatRequest, Message
from headway.core.statements import content, holds_figures
from headway.core.task import Example
from headway.engine import statistics as stats
from headway.engine.drafting import DraftFinding, Order, filters
from headway.engine.estimate import at_hand
from headway.steps.reading import first_json

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from kept import Kept  # noqa: E402

HANDBOOK = HERE.parents[1] / "examples" / "handbook"
SCRATCH = HERE.parent / "scratch" / "drafts"
SECOND, SAME = "embedded/qwen2.5-coder-1.5b", "embedded/qwen2.5-coder-0.5b"
SCHEMA = {
    "type": "object",
    "properties": {"known": {"type": "boolean"}, "answer": {"type": "string", "maxLength": 200}},
    "required": ["known", "answer"],
    "additionalProperties": False,
}


def make(folder: Path) -> None:
    """The handbook, without its questions and pipelines' results."""
    if (folder / "task.yaml").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(HANDBOOK / "knowledge", folder / "knowledge", dirs_exist_ok=True)
    shutil.copytree(HANDBOOK / "prompts", folder / "prompts", dirs_exist_ok=True)
    spec = yaml.safe_load((HANDBOOK / "task.yaml").read_text(encoding="utf-8"))
    (folder / "examples.jsonl").write_text("")
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


async def second_model(workspace: Workspace, fetch: bool) -> str:
    """The 1.5B where it can be had, else the writer itself. fetch: whether a gigabyte may be."""
    if fetch or at_hand(SECOND):
        try:
            if (await workspace.parts.chat(SECOND)).name == SECOND:  # not what stands in for it
                return SECOND
        except HeadwayError as error:
            print(error.what)
    print(f"{SECOND} is not here: {SAME} checks with another prompt")
    return SAME


def quoted(task: Task, workspace: Workspace, example: Example) -> bool:
    """Whether the evidence stands at its offset, and holds the answer's figures."""
    knowledge = workspace.parts.knowledge()
    for evidence in example.evidence:
        text, at = knowledge.document(str(evidence.document)) or "", evidence.start or 0
        if not evidence.text or text[at : at + len(evidence.text)] != evidence.text:
            return False
    said = " ".join(e.text or "" for e in example.evidence)
    if example.reference == task.spec.output.abstain:
        return not example.evidence
    answer = str(example.reference)
    return (
        bool(example.evidence) and holds_figures(said, answer) and content(answer) <= content(said)
    )


async def answered(workspace: Workspace, model: str, example: Example) -> str | None:
    """The second model's answer from the evidence, or from what a search finds; empty where it
    says that it is not known, None where its reply cannot be read."""
    desk = workspace._runner().desk  # the bench's own call, at the same cache
    if example.evidence:
        knowledge = workspace.parts.knowledge()
        titles = {p.document: p.title for e in example.evidence
                  for p in knowledge.passages_of((e,), Search())}  # fmt: skip
        shown = "\n".join(f"{titles.get(str(e.document), '')}: {e.text}" for e in example.evidence)
    else:
        found = await desk.search(example.question, Search(tokens=120, overlap=0, k=5))
        shown = "\n\n".join(f"{p.title}: {p.text}" for p in found)
    text = (
        # No filled-in form: a small model copies what stands in it.
        f"<notes>\n{shown}\n</notes>\n\n{example.question}\n\nDo the notes say it? Reply with a"
        " JSON object: in `known` true or false, and in `answer` what they say, in a few words, or"
        " nothing where they do not say it."
    )
    request = ChatRequest((Message("user", text),), max_tokens=80, json_schema=SCHEMA)
    said = first_json((await desk.chat(request, model)).text)
    if not isinstance(said, dict) or not isinstance(said.get("known"), bool):
        return None
    answer = str(said.get("answer") or "").strip()
    if said["known"]:
        return answer or None
    return ""


async def check(
    folder: Path, kept: Kept, n: int, fetch: bool
) -> tuple[DraftFinding, str, list[dict[str, Any]]]:
    """Draft, then check what was drafted."""
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft(Order(n=n))
    rows = []
    async with Workspace.open(folder) as workspace:
        task, model = workspace.task, await second_model(workspace, fetch)
        for example in task.examples[:n]:
            key = f"{model}:{example.fingerprint}"
            if key not in kept.rows:
                said = await answered(workspace, model, example)
                abstains = example.reference == task.spec.output.abstain
                agrees = said == "" if abstains else (
                    bool(said) and filters.agree(str(said), str(example.reference))
                )  # fmt: skip
                row = {
                    "kind": example.tags[0], "question": example.question,
                    "reference": example.reference, "said": said, "agrees": agrees,
                    "quoted": quoted(task, workspace, example), "group": example.cluster,
                }  # fmt: skip
                kept.put(key, row)
            rows.append(kept.rows[key])
        await workspace.parts.close()
    return found, model, rows


def share(values: list[bool], groups: list[str]) -> str:
    """A share with its 95% interval; groups are documents."""
    if not values:
        return "-"
    found = stats.estimate([float(v) for v in values], groups)
    ends = f" ({found.low:.2f} to {found.high:.2f})" if found.low is not None else ""
    return f"{sum(values)} of {len(values)}, {found.mean:.2f}{ends}"


def can_show(rows: list[dict[str, Any]]) -> str:
    """What so many drafts can and cannot show."""
    kinds = Counter(r["kind"] for r in rows)
    if len(kinds) < 2:
        return ""
    each = min(kinds.values())
    # Two shares about 0.7 of independent drafts: the standard deviation of a difference.
    least = stats.minimal_difference(each, (2 * 0.7 * 0.3) ** 0.5)
    if least is None:
        return "So few drafts tell no kinds apart."
    return (
        f"Kinds of {each} drafts are told apart, four times in five, from a difference of"
        f" {least:.2f} in their shares on."
    )


def told(said: str | None) -> str:
    """What the check said, in words."""
    return "a reply that cannot be read" if said is None else said or "not known"


def page(found: DraftFinding, model: str, rows: list[dict[str, Any]]) -> str:
    """DRAFTS.md."""
    by = "the second model" if model != found.model else "the same model with another prompt"
    lines = [
        "# Drafts from the handbook's documents",
        "",
        f"`python bench/judges/drafts.py`: {len(rows)} drafts of {found.wanted} wanted, written by"
        f" {found.model}, checked again by {by} ({model}). Shares with 95% intervals,"
        " cluster-robust over documents. By quotation: all words and figures of the answer stand in"
        " its evidence. A reply that cannot be read confirms nothing:"
        f" {sum(r['said'] is None for r in rows)} of {len(rows)}. {can_show(rows)}",
        "",
        f"| kind | tries | kept | by quotation | by {by} | by both |",
        "| --- | ---: | ---: | --- | --- | --- |",
    ]
    for kind in (*found.tries, "all"):
        inside = [r for r in rows if kind in ("all", r["kind"])]
        groups = [r["group"] for r in inside]
        tries = sum(found.tries.values()) if kind == "all" else found.tries[kind]
        cells = [
            share([r["quoted"] for r in inside], groups),
            share([r["agrees"] for r in inside], groups),
            share([r["quoted"] and r["agrees"] for r in inside], groups),
        ]
        lines.append(f"| {kind} | {tries} | {len(inside)} | {' | '.join(cells)} |")
    lines += ["", "What the filters removed, and why:", "", "| n | why | |", "| ---: | --- | --- |"]
    lines += [f"| {many} | {why} | {filters.REASONS[why]} |" for why, many in found.removed.items()]
    lines += [
        "",
        f"About {found.documents} of {found.of_documents} documents. Spent in all:"
        f" {found.spent.calls:,} calls, {found.spent.tokens:,} tokens.",
    ]
    if found.stopped:
        lines.append(f"Stopped: {found.stopped}.")
    lines += ["", "Kept, and not confirmed by the second check:", ""]
    lines += [
        f"- {r['question']} ({r['reference']}; the check said: {told(r['said'])})"
        for r in rows if not (r["agrees"] and r["quoted"])
    ][:12] or ["- none"]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="4 drafts, into a scratch file")
    parser.add_argument("--n", type=int, default=60)
    given = parser.parse_args()
    n = 4 if given.quick else given.n
    print(
        "hours on two free cores: about 0.15" if given.quick else "hours: about 2 on two free cores"
    )
    folder = SCRATCH / ("quick" if given.quick else "full")
    make(folder)
    kept = Kept(SCRATCH / "quick.jsonl" if given.quick else HERE / "drafts.jsonl")
    found, model, rows = asyncio.run(check(folder, kept, n, not given.quick))
    target = SCRATCH / "QUICK.md" if given.quick else HERE / "DRAFTS.md"
    target.write_text(page(found, model, rows), encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
