"""Checks of samples before a training: each fires where it should and not where it should not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headway.core.findings import CheckItem
from headway.core.protocols import State
from headway.core.record import Passage
from headway.core.task import Example, Task, fraction
from headway.core.training import Sample
from headway.engine.tuning.checks import ADVISED, Cleaned, examined, stopping
from headway.engine.tuning.seen import look_at
from headway.steps.generate import Generate

ROOT = Path(__file__).resolve().parents[3]
TICKETS, TONE = ROOT / "examples" / "tickets", ROOT / "examples" / "tone"
FERRY, HANDBOOK = ROOT / "tests" / "tasks" / "ferry", ROOT / "examples" / "handbook"

Shows = Callable[[Example], Sequence[Passage]]


def made(
    task: Task, generate: Generate, examples: Sequence[Example], shows: Shows = lambda _: ()
) -> list[Sample]:
    """Samples in the very form that the step asks in."""
    found = []
    for example in examples:
        passages = tuple(shows(example))
        state = State(example, example.question, history=example.history, passages=passages)
        request = generate.request(state, task.spec.output)
        reply = generate.wanted(example, task.spec.output, passages)
        messages = [asdict(message) for message in request.messages]
        messages.append({"role": "assistant", "content": reply})
        found.append(Sample(example.id, example.cluster, tuple(messages)))
    return found


def said(sample: Sample, reply: str, **more: Any) -> Sample:
    """The same sample with another reply."""
    messages = (*sample.prompt, {"role": "assistant", "content": reply})
    return replace(sample, messages=messages, **more)


def evidence(task: Task) -> Shows:
    """The lines of the documents in which an example's evidence stands."""

    def shows(example: Example) -> list[Passage]:
        found = []
        for one in example.evidence:
            assert one.document is not None
            text = (task.folder / "knowledge" / one.document).read_text(encoding="utf-8")
            found.append(Passage(one.document, text, title=one.document))
        return found

    return shows


async def check_samples(
    samples: Sequence[Sample], task: Task, **more: Any
) -> tuple[CheckItem, ...]:
    return (await examined(samples, task, **more))[0]


async def cleaned(samples: Sequence[Sample], task: Task, **more: Any) -> Cleaned:
    return (await examined(samples, task, **more))[1]


async def look(samples: Sequence[Sample], task: Task, **more: Any) -> dict[str, CheckItem]:
    """The worst item of each name."""
    order = ("ok", "note", "warning", "error")
    found: dict[str, CheckItem] = {}
    for item in await check_samples(samples, task, **more):
        if item.name not in found or order.index(item.level) > order.index(found[item.name].level):
            found[item.name] = item
    return found


def ids(split: str, count: int) -> list[str]:
    """Ids that the default shares deal into a split."""

    def side(id: str) -> str:
        at = fraction(f"7:{id}")
        return "train" if at < 0.2 else "dev" if at < 0.7 else "test"

    return [i for i in (f"e{n}" for n in range(10_000)) if side(i) == split][:count]


TOWNS = [f"{a}{b}" for a in ("Alder", "Birch", "Cedar", "Dale", "Elm", "Fern", "Gorse", "Hazel")
         for b in ("ford", "bury", "wick", "stead", "combe", "holt", "mere", "ley")]  # fmt: skip


def task_of(folder: Path, examples: Sequence[dict[str, Any]], **spec: Any) -> Task:
    """A task of these examples, dealt out by their ids."""
    (folder / "knowledge").mkdir(parents=True, exist_ok=True)
    data = {"name": "small", "models": {"chat": "scripted/echo"}, **spec}
    (folder / "task.yaml").write_text(yaml.safe_dump(data))
    (folder / "examples.jsonl").write_text("\n".join(json.dumps(e) for e in examples))
    return Task.load(folder)


def asked(ids: Sequence[str], question: str, reference: Callable[[int], Any]) -> list[Any]:
    return [
        {
            "id": id,
            "inputs": {"question": question.format(town=TOWNS[n])},
            "reference": reference(n),
        }
        for n, id in enumerate(ids)
    ]


COLOURS = {"kind": "label", "labels": ["red", "green", "blue"]}


@pytest.fixture
def colours(tmp_path: Path) -> Task:
    """60 examples of train in three labels, and some of dev."""
    examples = asked(
        ids("train", 60), "Which colour has {town}?", lambda n: ["red", "green", "blue"][n % 3]
    )
    more = [
        {"id": id, "reference": "red",
         "inputs": {"question": f"Why would anybody paint bridge number {n} of the old road?"}}
        for n, id in enumerate(ids("dev", 5))
    ]  # fmt: skip
    return task_of(tmp_path / "colours", [*examples, *more], output=COLOURS)


# --- real tasks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [TICKETS, TONE])
async def test_good_examples_stop_nothing(folder: Path) -> None:
    task = Task.load(folder)
    generate = Generate(template=task.instructions)
    samples = made(task, generate, task.split("train")[:150])
    found = await check_samples(
        samples, task, generate=generate, tokens=[100] * len(samples), max_tokens=500
    )
    assert [item for item in found if item.level != "ok"] == []
    assert (await cleaned(samples, task, generate=generate)).samples == tuple(samples)


@pytest.mark.parametrize("folder", [FERRY, HANDBOOK])
async def test_questions_of_knowledge_with_nothing_shown_stop(folder: Path) -> None:
    task = Task.load(folder)
    generate = Generate(template=task.instructions)
    samples = made(task, generate, task.split("train"))
    support = (await look(samples, task, generate=generate))["sample_support"]
    assert support.level == "error"
    assert "make things up" in support.text
    assert "headway diagnose" in support.text
    assert "No sample shows a passage" in support.text


async def test_the_same_questions_with_their_passages_do_not() -> None:
    task = Task.load(FERRY)
    generate = Generate(template=task.instructions)
    shown = [e for e in task.split("train") if e.evidence and not e.files]
    samples = made(task, generate, shown, evidence(task))
    assert len(samples) >= 8
    found = await look(samples, task, generate=generate)
    # "nothing", where the passage says "free of charge": by words alone no more can be said.
    assert found["sample_support"].data == {"count": 1, "first": ["c16"]}
    assert found["sample_support"].level == "warning"
    assert found["sample_form"].level == "ok"
    # With the passages of other examples, they do.
    docs = {"timetable.md": "fares.md", "fares.md": "harbour.md", "harbour.md": "luggage.md",
            "luggage.md": "timetable.md"}  # fmt: skip
    folder = task.folder / "knowledge"

    def others(example: Example) -> list[Passage]:
        wrong = docs[str(example.evidence[0].document)]
        return [Passage(wrong, (folder / wrong).read_text(encoding="utf-8"))]

    wrong = await look(made(task, generate, shown, others), task, generate=generate)
    assert wrong["sample_support"].level in ("warning", "error")
    assert wrong["sample_support"].data["count"] >= 5


async def test_evidence_is_told_from_other_evidence() -> None:
    """The handbook's documents: its own sentences support an answer, another question's do not."""
    task = Task.load(HANDBOOK)
    generate = Generate(template=task.instructions)
    known = [e for e in task.examples if e.evidence and not any(v.tables for v in e.evidence)]
    known = [e for e in known if all(v.text and "SELECT" not in v.text for v in e.evidence)][:300]

    def shown(example: Example) -> list[Passage]:
        return [Passage(v.document or "", v.text or "") for v in example.evidence]

    other = {e.id: known[(n + 97) % len(known)] for n, e in enumerate(known)}
    own = made(task, generate, known, shown)
    wrong = made(task, generate, known, lambda e: shown(other[e.id]))
    found = (await look(own, task, generate=generate))["sample_support"]
    assert found.level == "ok" or found.data["count"] <= 6
    found = (await look(wrong, task, generate=generate))["sample_support"]
    assert found.level == "error"
    assert found.data["count"] >= 250


@pytest.mark.parametrize(
    ("answer", "shown", "rests_on_it"),
    [
        ("4 days", "Leeds has 26 days of leave. Ghent has 22 days.", True),
        ("5 days", "Leeds has 26 days of leave. Ghent has 22 days.", False),
        ("48 days", "Leeds has 26 days of leave. Ghent has 22 days.", True),
        ("184.50 euros", "It costs 205 euros. Plus gives 10 percent off.", True),
        ("26 days and 9 hours", "Leeds has 26 days of leave.", False),
        ("Leeds has very many days of leave.", "Leeds has 26 days of leave.", True),
        ("Cork closes for the winter on Fridays.", "Leeds has 26 days of leave.", False),
    ],
)
async def test_numbers_may_be_worked_out(
    unsure: Task, answer: str, shown: str, rests_on_it: bool
) -> None:
    messages = (
        {"role": "user", "content": f"[1] {shown}\n\nQuestion: How many more days of leave is it?"},
        {"role": "assistant", "content": answer},
    )
    found = await look([Sample("1", "1", messages)], unsure)
    assert (found["sample_support"].level == "ok") is rests_on_it


# --- how many -------------------------------------------------------------------------------------


async def test_too_few(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    for count, level in ((3, "warning"), (ADVISED - 1, "warning"), (ADVISED, "ok")):
        found = await look(samples[:count], colours, generate=generate)
        assert found["samples"].level == level
    # Ten of which five are the same are five.
    found = await look([*samples[:5], *samples[:5]], colours, generate=generate)
    assert found["samples"].data["usable"] == 5


async def test_duplicates_are_found_and_left_out(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    again = [replace(s, id=f"again-{s.id}", group=f"again-{s.id}") for s in samples[:4]]
    found = await look([*samples, *again], colours, generate=generate)
    assert found["sample_duplicates"].level == "warning"
    assert found["sample_duplicates"].data["first"] == [s.id for s in again]
    clean = await cleaned([*samples, *again], colours, generate=generate)
    assert clean.samples == tuple(samples)
    assert clean.counts == {"duplicate": 4}


async def test_near_duplicates_of_one_group_are_none(colours: Task) -> None:
    generate = Generate()
    long = "please tell me in which colour the old bridge across the wide river of this town is"
    pair = [
        Sample(
            id, group, ({"role": "user", "content": text}, {"role": "assistant", "content": "red"})
        )
        for id, group, text in (("a", "g", f"{long} painted"), ("b", "g", f"{long} painted now"))
    ]
    assert "sample_near_duplicates" not in await look(pair, colours, generate=generate)
    apart = [pair[0], replace(pair[1], group="h")]
    found = await look(apart, colours, generate=generate)
    assert found["sample_near_duplicates"].data == {"count": 2, "first": ["a", "b"]}


# --- leaks ----------------------------------------------------------------------------------------


async def test_leaks_are_left_out_and_their_texts_not_told(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    dev = colours.split("dev")
    same, near, inside = (e.question for e in dev[:3])
    texts = {
        "equal": same.upper(), "near": near.replace("Why would", "So why would"),
        "inside": f"Somebody wrote to us today and wanted to know this of us: {inside} And he asked"
        " for a reply by the end of the week, or else by the end of the month.",
    }  # fmt: skip
    leaks = [
        Sample(f"x-{way}", f"x-{way}", (
            {"role": "system", "content": generate.template},
            {"role": "user", "content": text}, {"role": "assistant", "content": "blue"},
        ))
        for way, text in texts.items()
    ]  # fmt: skip
    found = await look([*samples, *leaks], colours, generate=generate)
    item = found["sample_leaks"]
    assert (item.level, item.data["count"]) == ("warning", 3)
    assert item.data["first"] == [s.id for s in leaks]
    every = json.dumps([i.model_dump() for i in found.values()])
    assert not any(e.question in every or e.id in every for e in dev)
    clean = await cleaned([*samples, *leaks], colours, generate=generate)
    assert clean.samples == tuple(samples)
    assert clean.counts == {"leak": 3}


async def test_a_draft_of_test_that_nobody_has_reviewed_yet_is_tests_already(
    tmp_path: Path,
) -> None:
    """Reviewed it enters the sealed test, and by then it would have been trained on."""
    rows = [
        {"id": id, "inputs": {"question": f"What is thing {n} for?"}, "reference": "x",
         "group": id, "reviewed": False}
        for n, id in enumerate([*ids("train", 20), *ids("test", 2)])
    ]  # fmt: skip
    task = task_of(tmp_path / "drafts", rows)
    first, second = (e for e in task.examples if task.side(e) == "test")
    assert task.split("test") == ()
    reply = {"role": "assistant", "content": "y"}
    equal = Sample("s1", "s1", ({"role": "user", "content": first.question}, reply))
    of_group = Sample("s2", second.cluster, ({"role": "user", "content": "Wholly other?"}, reply))
    found = await cleaned([equal, of_group], task)
    assert (found.samples, found.counts) == ((), {"leak": 2})


async def test_a_group_of_dev_leaks_and_a_foreign_number_does_not(tmp_path: Path) -> None:
    rows = [
        {"id": id, "inputs": {"question": f"What is thing {n} for?"}, "reference": "x", "group": id}
        for n, id in enumerate([*ids("train", 20), *ids("dev", 3)])
    ]
    task = task_of(tmp_path / "groups", rows)
    dev = task.split("dev")[0]
    one = ({"role": "user", "content": "Wholly other?"}, {"role": "assistant", "content": "y"})
    leak, number = Sample("s1", dev.cluster, one), Sample(dev.cluster, dev.cluster, one)
    assert (await cleaned([leak], task)).counts == {"leak": 1}
    assert (await cleaned([number], task)).counts == {}


async def test_a_retrieved_passage_that_quotes_dev_is_no_leak(tmp_path: Path) -> None:
    question = "How long may a passenger leave a bicycle at the quay?"
    rows = [
        {"id": ids("dev", 1)[0], "inputs": {"question": question}, "reference": "two days"},
        {"id": ids("train", 1)[0], "inputs": {"question": "What does it cost?"}, "reference": "9"},
    ]
    task = task_of(tmp_path / "faq", rows, knowledge={"path": "knowledge/"})
    faq = Passage("faq.md", f"{question} Two days. What does it cost? 9 crowns.")
    samples = made(task, Generate(), task.split("train"), lambda _: [faq])
    assert (await cleaned(samples, task, generate=Generate())).counts == {}


# --- replies --------------------------------------------------------------------------------------


async def test_contradictions(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    other = {"red": "green", "green": "blue", "blue": "red"}
    against = [said(s, other[s.reply], id=f"y-{s.id}", group=f"y-{s.id}") for s in samples]
    assert (await look(samples, colours))["sample_contradictions"].level == "ok"
    few = await look([*samples, *against[:3]], colours, generate=generate)
    assert few["sample_contradictions"].level == "warning"
    assert few["sample_contradictions"].data["count"] == 3
    many = await look([*samples, *against[:20]], colours, generate=generate)
    assert many["sample_contradictions"].level == "error"
    assert "more than 75%" in many["sample_contradictions"].text


async def test_what_is_shown_may_change_the_answer(tmp_path: Path) -> None:
    rows = asked(ids("train", 12), "Who is the mayor of {town}?", lambda n: f"Ann Example{n}")
    task = task_of(tmp_path / "mayors", rows, knowledge={"path": "knowledge/"})
    generate = Generate()
    yes = made(task, generate, task.split("train"),
               lambda e: [Passage("a", f"The mayor is {e.reference}.")])  # fmt: skip
    no = made(task, generate, task.split("train"), lambda _: [Passage("b", "Nothing of the sort.")])
    no = [said(s, "It does not say.", id=f"n-{s.id}", group=f"n-{s.id}") for s in no]
    found = await look([*yes, *no], task, generate=generate)
    assert found["sample_contradictions"].level == "ok"
    assert "sample_passages" not in found
    same = [said(s, "Bob Other", id=f"n-{s.id}", group=f"n-{s.id}") for s in yes]
    found = await look([*yes, *same], task, generate=generate)
    assert found["sample_contradictions"].level == "error"


async def test_free_texts_may_differ_in_wording(tmp_path: Path) -> None:
    task = Task.load(TONE)
    samples = made(task, Generate(template=task.instructions), task.split("train"))
    longer = said(samples[0], samples[0].reply.replace("We", "Our team has"), id="w", group="w")
    found = await look([*samples, longer], task)
    assert found["sample_contradictions"].level == "ok"
    other = said(samples[0], samples[1].reply + samples[2].reply * 3, id="w", group="w")
    found = await look([*samples, other], task)
    assert found["sample_contradictions"].level == "warning"


async def test_balance_of_labels(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    found = await look(samples, colours)
    assert found["sample_balance"].level == "ok"
    assert "sample_support" not in found  # what was not looked at is not called fine
    reds = [said(s, "red") for s in samples[:55]] + [said(s, "green") for s in samples[55:58]]
    found = (await look(reds, colours))["sample_balance"]
    assert found.level == "warning"
    assert "'red' in 95%" in found.text
    assert "never taught: blue" in found.text
    assert "fewer than 5 samples: green" in found.text


async def test_balance_of_fields() -> None:
    task = Task.load(TICKETS)
    samples = made(task, Generate(template=task.instructions), task.split("train")[:60])
    same = [said(s, json.dumps({**json.loads(s.reply), "urgency": "high"})) for s in samples]
    found = (await look(same, task))["sample_balance"]
    assert (found.level, found.data["fields"]) == ("note", ['urgency: "high" in 100%'])


@pytest.fixture
def unsure(tmp_path: Path) -> Task:
    """100 examples with evidence, 1 in 20 without an answer."""
    rows = asked(ids("train", 60), "Who is the mayor of {town}?",
                 lambda n: "I do not know" if n % 20 == 0 else f"Ann Example{n}")  # fmt: skip
    for n, row in enumerate(rows):
        if n % 20:
            row["evidence"] = [{"text": f"The mayor is Ann Example{n}."}]
    return task_of(
        tmp_path / "unsure", rows, knowledge={"path": "knowledge/"},
        output={"kind": "text", "abstain": "I do not know"},
    )  # fmt: skip


def _mayors(example: Example) -> list[Passage]:
    return [Passage("a", " ".join(e.text or "" for e in example.evidence) or "Of nobody.")]


async def test_refusals_beyond_the_wanted_share_stop(unsure: Task) -> None:
    generate = Generate()
    samples = made(unsure, generate, unsure.split("train"), _mayors)
    found = await look(samples, unsure, generate=generate)
    assert found["sample_refusals"].level == "ok"
    assert found["sample_support"].level == "ok"
    most = [said(s, "I do not know.") if n % 5 < 3 else s for n, s in enumerate(samples)]
    items = await check_samples(most, unsure, generate=generate)
    levels = [(i.level, i.text) for i in items if i.name == "sample_refusals"]
    assert [level for level, _ in levels] == ["error", "warning"]
    assert "5% have no answer" in levels[0][1]
    assert "although evidence is named" in levels[1][1]
    assert [i.name for i in stopping(items)] == ["sample_refusals"]
    # A model's own words for it count as well, where the task has a phrase for something else.
    machine = [said(s, "I'm sorry, but I can't help with that.") for s in samples]
    assert (await look(machine, unsure, generate=generate))["sample_refusals"].level == "error"


async def test_never_abstaining_is_told(unsure: Task) -> None:
    samples = made(unsure, Generate(), unsure.split("train"), _mayors)
    never = [s for s in samples if s.reply != "I do not know"]
    found = (await look(never, unsure))["sample_refusals"]
    assert found.level == "warning"
    assert "answers always" in found.text


async def test_facts_that_nobody_shows_stop_without_knowledge_too(tmp_path: Path) -> None:
    names = asked(ids("train", 60), "Who is the mayor of {town}?", lambda n: f"Ann Example{n}")
    task = task_of(tmp_path / "mayors", names)
    found = (await look(made(task, Generate(), task.split("train")), task))["sample_support"]
    assert found.level == "error"
    assert "What is missing is context" in found.text


@pytest.mark.parametrize(
    ("question", "reference"),
    [
        ("How does a letter from {town} sound?", lambda n: ["friendly", "angry", "sad"][n % 3]),
        ("What is 12 and 30 and %d?", lambda n: str(42 + n)),
        ("Write {town} in capital letters", lambda n: TOWNS[n].upper()),
        ("Which town is meant: {town} or its station?", lambda n: TOWNS[n]),
    ],
)
async def test_what_can_be_learnt_or_worked_out_is_not_made_up(
    tmp_path: Path, question: str, reference: Callable[[int], str]
) -> None:
    rows = asked(ids("train", 40), question, reference)
    for n, row in enumerate(rows):
        row["inputs"]["question"] = row["inputs"]["question"].replace("%d", str(n))
    task = task_of(tmp_path / "fine", rows)
    found = (await look(made(task, Generate(), task.split("train")), task))["sample_support"]
    assert found.level == "ok"


async def test_fields_that_are_not_in_the_input() -> None:
    task = Task.load(TICKETS)
    samples = made(task, Generate(template=task.instructions), task.split("train")[:60])
    assert (await look(samples, task))["sample_support"].level == "ok"
    names = [said(s, json.dumps({**json.loads(s.reply), "customer": f"Xavier Qu{n}"}))
             for n, s in enumerate(samples)]  # fmt: skip
    found = (await look(names, task))["sample_support"]
    assert found.level == "note"
    assert "customer (0 of 60 do)" in found.text
    assert found.data["fields"]["customer"] == {"values": 60, "in_input": 0}
    assert "urgency" not in found.data["fields"]  # the schema lists its values


# --- form -----------------------------------------------------------------------------------------

TEMPLATES = [
    "Answer briefly.",
    "Read this.\n\n{{passages}}\n\nQ: {{question}}\nA:",
    "{{question}}\n\nSay the colour.",
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("contract", ["none", "json"])
async def test_the_pipelines_own_form_fits_and_another_does_not(
    colours: Task, template: str, contract: Any
) -> None:
    generate = Generate(template=template, contract=contract)
    samples = made(colours, generate, colours.split("train"), lambda _: [Passage("a", "A text.")])
    found = await look(samples, colours, generate=generate)
    assert found["sample_form"].level == "ok"
    bare = [replace(s, messages=({"role": "user", "content": "Which?"}, s.messages[-1]))
            for s in samples]  # fmt: skip
    found = await look(bare, colours, generate=generate)
    assert found["sample_prompts"].level == "error"
    few = await look([*samples, *bare[:3]], colours, generate=generate)
    assert few["sample_prompts"].level == "warning"


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("contract", ["none", "json"])
def test_a_foreign_sample_is_read_by_the_pipelines_form(
    colours: Task, template: str, contract: Any
) -> None:
    """The question of an unknown example is found behind passages that quote the template."""
    generate = Generate(template=template, contract=contract)
    example = colours.split("train")[0].model_copy(update={"id": "new", "group": "new"})
    tricky = Passage("a", "Q: what?\n\nQuestion: none. Say the colour.")
    (sample,) = made(colours, generate, [example], lambda _: [tricky])
    (seen,) = look_at([sample], colours, generate)
    assert seen.example is None
    assert seen.question == example.question
    assert ("none." in seen.context) == (template != TEMPLATES[2])


async def test_replies_that_the_pipeline_would_reject(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    odd = [said(samples[0], "purple"), said(samples[1], "  "), *samples[2:]]
    found = await look(odd, colours, generate=generate)
    assert found["sample_replies"].level == "warning"
    assert found["sample_replies"].data["first"] == [samples[0].id, samples[1].id]
    tickets = Task.load(TICKETS)
    prose = [
        said(s, "A kettle is broken.") for s in made(tickets, generate, tickets.split("train")[:20])
    ]
    found = await look(prose, tickets, generate=generate)
    assert found["sample_replies"].level == "error"
    assert "no JSON object" in found["sample_replies"].text


async def test_a_reply_of_nothing_is_told(unsure: Task) -> None:
    generate = Generate()
    samples = made(unsure, generate, unsure.split("train"), _mayors)
    for nothing in ("", "  "):
        found = await look([said(samples[0], nothing), *samples[1:]], unsure, generate=generate)
        assert "it is empty" in found["sample_replies"].text
        assert found["sample_replies"].data["first"] == [samples[0].id]


async def test_calls_of_functions(colours: Task) -> None:
    tool = {"type": "function", "function": {"name": "paint", "parameters": {"type": "object"}}}

    def calling(id: str, name: str, arguments: str) -> Sample:
        call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
        messages = (
            {"role": "user", "content": f"Paint it for {id}."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        )
        return Sample(id, id, messages, (tool,))

    good = [calling(f"c{n}", "paint", '{"colour": "red"}') for n in range(12)]
    assert (await look(good, colours))["sample_form"].level == "ok"
    bad = [*good, calling("c98", "paint", "{colour"), calling("c99", "erase", "{}")]
    found = await look(bad, colours)
    assert found["sample_replies"].data == {"count": 2, "first": ["c98", "c99"]}


async def test_some_with_and_some_without_passages(unsure: Task) -> None:
    generate = Generate()
    samples = made(unsure, generate, unsure.split("train"), _mayors)
    bare = made(unsure, generate, unsure.split("train")[:5])
    found = await look([*samples[5:], *bare], unsure, generate=generate)
    assert found["sample_passages"].data["count"] == 5


async def test_chat_messages_for_posts_stop(tmp_path: Path) -> None:
    chat = ["okay", "on it!", "will do in the morning", "lol", "ping me", "Let's sync", "nice"]
    rows = asked(ids("train", 60), "Prompts in {town}", lambda n: f"{chat[n % 7]} {TOWNS[n]}")
    task = task_of(tmp_path / "posts", rows, instructions="Write a 500-word blog post on it.")
    generate = Generate(template=task.instructions)
    items = await check_samples(made(task, generate, task.split("train")), task, generate=generate)
    assert [item.name for item in stopping(items)] == ["data_lesson"]
    assert "500-word" in stopping(items)[0].text


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(TEMPLATES), st.booleans())
def test_any_sample_can_be_looked_at(shown: str, reply: str, template: str, broken: bool) -> None:
    task = Task.load(FERRY)
    text = shown if broken else template.replace("{{question}}", shown)
    messages = ({"role": "user", "content": text}, {"role": "assistant", "content": reply})
    (seen,) = look_at([Sample("1", "1", messages)], task, Generate(template=template))
    assert seen.question in text
    assert asyncio.run(cleaned([seen.sample], task)).samples == (seen.sample,)


async def test_too_long(colours: Task) -> None:
    generate = Generate()
    samples = made(colours, generate, colours.split("train"))
    tokens = [600 if n < 4 else 100 for n in range(len(samples))]
    found = await look(samples, colours, generate=generate, tokens=tokens, max_tokens=512)
    assert found["sample_lengths"].level == "warning"
    assert found["sample_lengths"].data["count"] == 4
    clean = await cleaned(samples, colours, generate=generate, tokens=tokens, max_tokens=512)
    assert clean.samples == tuple(samples[4:])
    assert clean.counts == {"too_long": 4}
    found = await look(samples, colours, tokens=[600] * len(samples), max_tokens=512)
    assert found["sample_lengths"].level == "error"
    with pytest.raises(ValueError, match="token counts"):
        await cleaned(samples, colours, tokens=[1])
