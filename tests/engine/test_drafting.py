"""Drafts: written in small steps by a scripted model, filtered, spread, found again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.record import ChatReply, ChatRequest, Passage
from headway.core.task import Evidence, Example, Task
from headway.engine.budget import Limits
from headway.engine.drafting import DraftFinding, Order, filters
from headway.engine.drafting.facts import Groups, widened
from headway.engine.drafting.sampling import clusters, reference_of, turns
from headway.engine.drafting.writer import Writer
from headway.workspace import Workspace

MakeTask = Callable[..., Path]

# A writer that knows the towns of `make_task`. WRONG makes it err in one way.
WRITER = """
import json, re
WRONG = {wrong!r}

def ask(sentence):
    town = re.search(r"[A-Z][a-z]+(ford|bury|wick|stead|combe|holt)", sentence)[0]
    if "river" in sentence:
        return f"On which water does {{town}} lie?", re.search(r"river (\\w+)", sentence)[1]
    if "painted" in sentence:
        colour = re.search(r"painted (\\w+)", sentence)[1]
        return f"What colour does the hall in {{town}} have?", colour
    return f"In which year did the bridge at {{town}} open?", re.search(r"\\d+", sentence)[0]

def known(question, text):
    for sentence in re.split(r"(?<=\\.)\\s+", text):
        sentence = sentence.split(": ")[-1].strip("- ")
        try:
            asked, answer = ask(sentence)
        except TypeError:
            continue
        if question.startswith(asked[:-1]):
            return sentence, answer
    return "", ""

def write(request):
    text = request.messages[-1].content
    if request.messages[0].role == "system":
        sentence = text.split("Sentence: ")[1].split("\\n")[0]
        question, answer = ask(sentence)
        said = request.messages[0].content
        if "both passages" in said:
            towns = re.findall(r"from: (\\w+)", text)
            question = f"Which river do {{towns[0]}} and {{towns[1]}} touch, or which two?"
        if "does not tell" in said:
            question = f"How deep is the water at {{question.split()[-2]}}?"
            if WRONG == "answerable":
                question = ask(sentence)[0]
        if WRONG == "copies":
            question = sentence.rstrip(".") + ", is that so?"
        if WRONG == "points":
            question = "What does the passage say about it?"
        if WRONG == "gives":
            question = f"{{question[:-1]}}, {{answer}} and what else?"
        if WRONG == "same":
            question = "Where does the town hall stand in this country?"
        return "no JSON" if WRONG == "malformed" else json.dumps({{"question": question}})
    last = re.search(r"\\n\\n(.*\\?)\\n\\nAnswer", text)
    question = (re.search(r"Question: (.*)", text) or last)[1]
    if "which two?" in question:
        towns = re.findall(r"(\\w+) and (\\w+) touch", question)[0]
        rivers = [re.search(rf"{{town}} lies on the river (\\w+)", text) for town in towns]
        if "quote_1" in text:
            return json.dumps({{"quote_1": rivers[0][0] + ".", "quote_2": rivers[1][0] + ".",
                               "answer": f"{{rivers[0][1]}} as well as {{rivers[1][1]}}"}})
        if WRONG == "one" and any(rivers):
            return json.dumps({{"answer": re.search("x", "x") and "Arn as well as Bel"}})
        if WRONG == "unread_half" and not all(rivers):
            return json.dumps({{"known": "no"}})
        if all(rivers):
            return json.dumps({{"answer": f"{{rivers[0][1]}} as well as {{rivers[1][1]}}"}})
        return json.dumps({{"answer": "not stated"}})
    sentence, answer = known(question, text)
    if "Copy from the passage" in text:
        if WRONG == "shifts":
            answer = answer[:-1] + "." + answer[-1]
        if WRONG == "misquotes":
            sentence = "It is well known that " + sentence
        if WRONG == "unsure":
            sentence, answer = "", ""
        return json.dumps({{"quote": sentence, "answer": answer}})
    if WRONG == "unchecked":
        return "it is known"
    if WRONG in ("unsupported", "guesses"):
        answer = "something else"
    return json.dumps({{"answer": answer or "not stated"}})
"""


def task_with(make_task: MakeTask, wrong: str = "", towns: int = 12, **more: Any) -> Path:
    spec: dict[str, Any] = {
        "output": {"kind": "text", "abstain": "not known here"},
        "models": {"chat": "scripted/writer.py:write", "embed": "scripted/words"},
        **more,
    }
    folder = make_task(towns=towns, **spec)
    (folder / "examples.jsonl").write_text("")
    (folder / "writer.py").write_text(WRITER.format(wrong=wrong))
    return folder


async def draft(folder: Path, n: int = 8, limits: Limits = Limits(), **order: Any) -> DraftFinding:
    async with Workspace.open(folder) as workspace:
        return await workspace.draft(Order(n, **order), limits)


async def test_every_kind_with_evidence_group_and_tags(make_task: MakeTask) -> None:
    folder = task_with(make_task)
    found = await draft(folder, 8)
    assert found.complete, found
    assert found.kinds == {
        "two_passages": 2, "one_passage": 2, "figures": 2, "unanswerable": 2,
    }  # fmt: skip
    task = Task.load(folder)
    assert [e.id for e in task.examples] == [e.id for e in found.examples]
    for example in task.examples:
        assert (example.source, example.reviewed) == ("draft:scripted/writer.py:write", False)
        kind = example.tags[0]
        assert len(example.evidence) == {"two_passages": 2, "unanswerable": 0}.get(kind, 1)
        for evidence in example.evidence:
            text = (folder / "knowledge" / str(evidence.document)).read_text()
            assert evidence.text
            assert text[evidence.start or 0 :].startswith(evidence.text)
        if kind == "unanswerable":
            assert example.reference == "not known here"
        if kind == "figures":
            assert str(example.reference).isdigit()
    assert not any(e.id in {x.id for x in task.split("test")} for e in task.examples)


async def test_documents_of_a_draft_are_never_on_two_sides(make_task: MakeTask) -> None:
    folder = task_with(make_task)
    await draft(folder, 12, kinds=("two_passages", "one_passage"))
    groups: dict[str, set[str]] = {}
    for example in Task.load(folder).examples:
        for evidence in example.evidence:
            groups.setdefault(str(evidence.document), set()).add(example.cluster)
    assert all(len(found) == 1 for found in groups.values())
    assert max(Counter(next(iter(g)) for g in groups.values()).values()) == 2


async def test_no_document_twice_before_each_once(make_task: MakeTask) -> None:
    folder = task_with(make_task, towns=12)
    await draft(folder, 12, kinds=("one_passage",))
    about = [e.evidence[0].document for e in Task.load(folder).examples]
    assert len(set(about)) == 12


async def test_the_same_order_finds_its_drafts_and_a_larger_one_goes_on(
    make_task: MakeTask,
) -> None:
    folder = task_with(make_task)
    first = await draft(folder, 4, kinds=("one_passage",))
    file = folder / "examples.jsonl"
    before = file.read_text()
    again = await draft(folder, 4, kinds=("one_passage",))
    assert (again.drafted, again.known, again.complete) == (0, 4, True)
    assert file.read_text() == before
    more = await draft(folder, 6, kinds=("one_passage",))
    assert (more.drafted, more.known) == (2, 4)
    assert file.read_text().startswith(before)
    assert first.spent.calls == 12
    # The first four cost nothing again: two new drafts take three calls each.
    assert more.spent.calls == 18
    other = await draft(folder, 3, kinds=("one_passage",), seed=8)
    assert other.drafted == 3


async def test_a_larger_order_of_several_kinds_begins_with_all_of_a_smaller_one(
    make_task: MakeTask,
) -> None:
    folder = task_with(make_task, towns=24)
    kinds = ("one_passage", "figures")
    await draft(folder, 6, kinds=kinds)
    before = {e.id for e in Task.load(folder).examples}
    more = await draft(folder, 12, kinds=kinds)
    assert more.known == len(before) == 6
    assert before < {e.id for e in Task.load(folder).examples}
    assert len(Task.load(folder).examples) == 12


async def test_an_ended_budget_keeps_what_is_through_and_the_command_goes_on(
    make_task: MakeTask,
) -> None:
    folder = task_with(make_task)
    found = await draft(folder, 6, Limits(calls=7), kinds=("one_passage",))
    assert "7 calls" in found.stopped
    assert not found.complete
    assert found.spent.calls == 7
    whole = await draft(folder, 6, kinds=("one_passage",))
    assert whole.complete
    assert whole.drafted + whole.known == 6
    assert len(Task.load(folder).examples) == 6


@pytest.mark.parametrize(
    ("wrong", "kind", "why"),
    [
        ("malformed", "one_passage", "malformed"),
        ("copies", "one_passage", "copies_quote"),
        ("points", "one_passage", "points_at_passage"),
        ("gives", "one_passage", "holds_answer"),
        ("unsure", "one_passage", "no_answer"),
        ("misquotes", "one_passage", "quote_not_found"),
        ("unsupported", "one_passage", "not_supported"),
        ("shifts", "figures", "no_figure"),
        ("answerable", "unanswerable", "answerable"),
        ("guesses", "unanswerable", "answerable"),
        ("unchecked", "unanswerable", "malformed"),
        ("unread_half", "two_passages", "malformed"),
    ],
)
async def test_each_filter_bites_and_is_counted(
    make_task: MakeTask, wrong: str, kind: str, why: str
) -> None:
    folder = task_with(make_task, wrong)
    found = await draft(folder, 2, kinds=(kind,))
    assert set(found.removed) == {why}, found.removed
    assert found.drafted == 0
    assert not found.complete
    assert found.tries[kind] == sum(found.removed.values()) == 12
    assert (folder / "examples.jsonl").read_text() == ""


async def test_a_question_that_is_asked_already_is_no_draft(make_task: MakeTask) -> None:
    folder = task_with(make_task)
    await draft(folder, 12, kinds=("one_passage",))
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row |= {"id": f"own-{number}", "source": "ours", "reviewed": True}
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    found = await draft(folder, 2, kinds=("one_passage",))
    assert found.removed["duplicate"] >= 2


async def test_what_cannot_be_drafted_is_said(make_task: MakeTask, tmp_path: Path) -> None:
    folder = task_with(make_task)
    for order, said in (({"kinds": ("nothing",)}, "no kind of draft"),):
        with pytest.raises(InputError, match=said):
            await draft(folder, 2, **order)
    label = make_task("labels", output={"kind": "label", "labels": ["a", "b"]})
    with pytest.raises(InputError, match="text for an answer") as error:
        await draft(label, 2)
    assert "--from" in str(error.value)
    bare = make_task("bare", knowledge=False)
    with pytest.raises(InputError, match="the task has none"):
        await draft(bare, 2)
    silent = task_with(lambda **spec: make_task("silent", **spec), output={"kind": "text"})
    with pytest.raises(InputError, match="phrase that says so"):
        await draft(silent, 2, kinds=("unanswerable",))
    found = await draft(silent, 3)
    assert "unanswerable" not in found.tries
    assert any("No unanswerable" in said for said in found.notices)


async def test_a_plan_before_it_spends(make_task: MakeTask) -> None:
    async with Workspace.open(task_with(make_task)) as workspace:
        plan = await workspace.plan_draft(Order(8))
    assert plan.calls.low is not None
    assert plan.calls.high is not None
    found = await draft(workspace.task.folder, 8)
    assert plan.calls.low <= found.spent.calls <= plan.calls.high


# --- filters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("How many days of leave do staff in Leeds get?", None),
        ("Wie viele Tage Urlaub gibt es in Leeds?", None),
        ("里兹的员工有多少天年假？", None),
        ("Leave in Leeds", "malformed"),
        ("Leeds?", "malformed"),
        ("What is the number of days mentioned in the passage?", "points_at_passage"),
        ("According to the document, who pays for it in Leeds?", "points_at_passage"),
        ("What does this section say about Leeds?", "points_at_passage"),
        ("What is it and what does it do?", "points_at_passage"),
        ("Wie viele Tage nennt der Satz in diesem Abschnitt?", "points_at_passage"),
        ("Is it so that staff employed in Leeds have 26 days of annual leave?", "copies_quote"),
    ],
)
def test_questions(question: str, why: str | None) -> None:
    about = "Staff employed in Leeds have 26 days of annual leave a year."
    assert filters.question_problem(question, about) == why


def test_a_question_names_only_what_was_shown() -> None:
    about, shown = (
        "It has 26 days.",
        "Leave in Leeds: it has 26 days, and one more after eight years of work.",
    )
    assert filters.question_problem("How long is leave in Leeds?", about, shown) is None
    for question in ("How long is leave in Ghent?", "How long is leave in 2019, in Leeds?"):
        assert filters.question_problem(question, about, shown) == "other_subject"
    german = "Urlaubstage in Leeds: Jede Person erhält im Jahr 26 Tage."
    assert filters.question_problem("Wie lang ist der Urlaub?", "26 Tage", german) is None
    assert filters.question_problem("Wie lang war er 2019?", "26", german) == "other_subject"


def test_answers_agree_by_words_and_figures() -> None:
    assert filters.agree("26 days", "26 days of annual leave")
    assert filters.agree("1,234 euros", "1234 euros")
    assert not filters.agree("26 days", "25 days")
    assert not filters.agree("the warehouse", "the office manager")
    assert not filters.agree("", "")
    # To words without marks these are one figure.
    assert not filters.agree("1.5 days", "15 days")
    assert not filters.agree("-5%", "5%")
    assert filters.agree("3,5 km", "3.5 km")
    assert filters.agree("-5 °C", "−5 °C")
    assert filters.agree("three days", "3 days")


def test_a_question_may_name_what_to_choose_from() -> None:
    assert not filters.gives_away("Who gets more leave, Leeds or Ghent?", "Leeds")
    assert filters.gives_away("Who in Leeds gets 26 days?", "26 days")
    # A word like "of", or an "or" elsewhere, names nothing to choose from.
    assert filters.gives_away("How many days of leave, 26 days, does Leeds give?", "26 days")
    assert filters.gives_away("Do staff or guests get the 26 days?", "26 days")
    assert not filters.gives_away("Is it 26 days or 28 days?", "28 days")


def test_questions_of_one_form_about_other_things_are_no_duplicates() -> None:
    same = np.ones((1, 4), dtype=np.float32) / 2
    known = filters.Known(["How many days of leave are there in Leeds?"], same)
    assert known.near("How many days of leave are there in Leeds?", same[0])
    assert known.near("In Leeds, how many leave days are there?".replace("In", "in"), same[0])
    assert not known.near("How many days of leave are there in Ghent?", same[0])
    apart = np.array([1, -1, 1, -1], dtype=np.float32) / 2
    assert not known.near("Who pays the deposit for a key in Leeds?", apart)


def test_a_quote_becomes_whole_sentences_and_a_row_brings_its_head() -> None:
    text = "First one here. Second one there.\n\n| Town | Days |\n|---|---|\n| Leeds | 26 |\n"
    at = text.index("one there")
    assert [text[a:b] for a, b in widened(text, at, at + 9)] == ["Second one there."]
    at = text.index("26")
    found = [text[a:b] for a, b in widened(text, at, at + 2)]
    assert found == ["| Town | Days |", "| Leeds | 26 |"]


def test_documents_are_paired_once() -> None:
    groups = Groups()
    assert groups.may_pair("a", "b")
    groups.pair("a", "b")
    assert groups.of("b") == groups.of("a") == "a"
    assert not groups.may_pair("a", "c")
    assert not groups.may_pair("c", "b")
    assert groups.may_pair("b", "a")
    assert groups.may_pair("c", "c")
    before = Example(id="x", inputs={}, group="a", source="draft:m",
                     evidence=(Evidence(document="d"),))  # fmt: skip
    assert Groups([before]).of("d") == "a"


def test_a_draft_about_the_second_of_a_pair_tells_of_the_first() -> None:
    """The pair's own draft was discarded: nothing but the group's name speaks of a."""
    kept = Example(id="x", inputs={}, group="a", source="draft:m",
                   evidence=(Evidence(document="b"),))  # fmt: skip
    groups = Groups([kept])
    assert groups.may_pair("a", "b")
    assert groups.pair("a", "b") == "a"
    # A third is in no group of two.
    assert not Groups([kept]).may_pair("c", "b")
    assert not Groups([kept]).may_pair("b", "c")


def test_who_comes_first_does_not_decide_who_may_be_paired() -> None:
    groups = Groups()
    assert groups.of("a") == "a"
    assert groups.may_pair("e", "a") == groups.may_pair("a", "e") is True
    assert groups.pair("e", "a") == groups.of("e") == "a"
    groups.of("f")
    assert not groups.may_pair("a", "f")


NAMES = "abcdef"
SEEDS = st.lists(st.tuples(st.sampled_from(NAMES), st.permutations(NAMES)), max_size=8)


def paired(groups: Groups, seeds: list[tuple[str, list[str]]]) -> list[str | None]:
    """The partner of each fact's document, as the drafter chooses it: the first that may be one."""
    found = []
    for one, ranked in seeds:
        other = next((o for o in ranked if o != one and groups.may_pair(one, o)), None)
        if other is not None:
            groups.pair(one, other)
        found.append(other)
    return found


@given(st.lists(SEEDS, min_size=2, max_size=2), st.data())
def test_whatever_was_kept_the_same_again_pairs_the_same(
    orders: list[list[tuple[str, list[str]]]], data: st.DataObject
) -> None:
    kept: list[Example] = []
    for seeds in orders:  # the second meets what the first kept
        groups = Groups(kept)
        chosen = paired(groups, seeds)
        about = [(one, o) for (one, _), o in zip(seeds, chosen, strict=True) if o is not None]
        drafts = [
            Example(id="x", inputs={}, group=groups.of(names[0]), source="draft:m",
                    evidence=tuple(Evidence(document=name) for name in names))
            for names in (*about, *((name,) for name in NAMES))
        ]  # fmt: skip
        kept += [draft for draft in drafts if data.draw(st.booleans())]
        assert paired(Groups(kept), seeds) == chosen


@pytest.mark.parametrize("wrong", ["one", ""])
async def test_the_same_again_where_a_pair_was_discarded(make_task: MakeTask, wrong: str) -> None:
    folder = task_with(make_task, wrong)
    first = await draft(folder, 10, kinds=("two_passages", "one_passage"))
    assert first.complete
    assert bool(wrong) == ("one_is_enough" in first.removed)
    file = folder / "examples.jsonl"
    before = file.read_text()
    for _ in range(2):
        again = await draft(folder, 10, kinds=("two_passages", "one_passage"))
        assert (again.drafted, again.known, again.spent.calls) == (0, 10, first.spent.calls)
        assert file.read_text() == before
    groups: dict[str, set[str]] = {}
    for example in Task.load(folder).examples:
        about = {str(e.document) for e in example.evidence}
        groups.setdefault(str(example.group), {str(example.group)}).update(about)
    assert max(map(len, groups.values())) <= 2


# --- sampling a log ----------------------------------------------------------------------------


def test_every_cluster_has_its_turn_and_the_typical_one_comes_first() -> None:
    rng = np.random.default_rng(5)
    centres = np.eye(3, 16)
    sizes = (30, 8, 2)
    rows = np.vstack([c + 0.02 * rng.normal(size=(n, 16)) for c, n in zip(centres, sizes,
                                                                         strict=True)])  # fmt: skip
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    labels = clusters(vectors, 3, 7)
    truth = np.repeat(np.arange(3), sizes)
    assert len({(int(a), int(b)) for a, b in zip(labels, truth, strict=True)}) == 3
    order = turns(vectors, labels, [float(i) for i in range(len(rows))])
    assert sorted(order) == list(range(len(rows)))
    assert [int(truth[i]) for i in order[:7]] == [0, 1, 2, 0, 1, 2, 0]
    assert (labels == clusters(vectors, 3, 7)).all()
    assert clusters(vectors[:1], 5, 7).tolist() == [0]


async def test_a_log_becomes_unreviewed_examples(make_task: MakeTask, tmp_path: Path) -> None:
    folder = task_with(make_task)
    log = tmp_path / "prod.jsonl"
    asked = [f"What about the thing number {n} in the yard?" for n in range(20)]
    rows = [{"question": q, "answer": "yes" if n % 2 else "", "session_id": n // 2}
            for n, q in enumerate(asked)]  # fmt: skip
    rows += [{"question": asked[0].upper()}, {"question": "  "}]
    log.write_text("".join(json.dumps(r) + "\n" for r in rows))
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft_from(log, 6, unmasked=True)
    assert (found.read, found.sampled, found.unmasked) == (21, 6, True)
    assert found.removed["duplicate"] == 1
    assert any("Nothing was masked" in said for said in found.notices)
    for example in Task.load(folder).examples:
        assert (example.source, example.reviewed) == ("log:prod.jsonl", False)
        assert example.reference in (None, "yes")
        assert (example.group or "").startswith("log-")
    async with Workspace.open(folder) as workspace:
        again = await workspace.draft_from(log, 6, unmasked=True)
    assert (again.sampled, again.known) == (0, 6)


async def test_conversations_are_told_apart_by_all_their_turns(
    make_task: MakeTask, tmp_path: Path
) -> None:
    folder = task_with(make_task)
    log = tmp_path / "log.jsonl"

    def row(*said: str, answer: str = "") -> str:
        roles = ("user", "assistant") * len(said)
        turns = [{"role": r, "content": t} for r, t in zip(roles, said, strict=False)]
        return json.dumps({"messages": turns, "answer": answer})

    ferry = "Is the ferry to the island running in the week?"
    baker = "Does the baker beside the harbour open early?"
    rows = [
        row(ferry, "From six.", "And on Sundays?"),
        row(baker, "At seven.", "And on Sundays?"),
        row("Shall I book a table for two?", "Is that by the window?", "yes"),
        row("May I bring a dog along?", "Do you mean on a lead?", "yes"),
        row(ferry.upper(), "From six.", "and on  Sundays?", answer="At nine."),
        row("And on Sundays?"),
    ]
    log.write_text("".join(f"{line}\n" for line in rows))
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft_from(log, 10, unmasked=True)
    assert (found.sampled, found.removed) == (5, {"duplicate": 1})
    asked = [(e.history[0].content if e.history else "", e.reference) for e in found.examples]
    assert (ferry.upper(), "At nine.") in asked
    assert len(set(asked)) == 5
    # What the task holds is met by all of its turns too.
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for number, example in enumerate(rows):
        example |= {"id": f"own-{number}", "source": "ours", "reviewed": True}
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    fresh = row("Is the museum open to a school?", "It is.", "And on Sundays?")
    log.write_text(f"{log.read_text()}{fresh}\n")
    async with Workspace.open(folder) as workspace:
        more = await workspace.draft_from(log, 10, unmasked=True)
    assert [e.history[0].content for e in more.examples] == ["Is the museum open to a school?"]


async def test_what_clusters_see_of_a_conversation(make_task: MakeTask) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A ferry?"},
        {"role": "assistant", "content": "x" * 3000},
        {"role": "user", "content": "When?"},
    ]
    example = Example(id="e", inputs={"messages": turns})
    # The newest first, as a model that embeds cuts the end; the application's own words aside.
    assert filters.asks(example) == f"When?\n{'x' * 1994}"
    short = example.model_copy(update={"inputs": {"messages": [*turns[:2], turns[3]]}})
    assert filters.asks(short) == "When?\nA ferry?"
    assert filters.asks(Example(id="q", inputs={"question": "When?"})) == "When?"


async def test_an_answer_that_the_log_calls_bad_is_no_reference(
    make_task: MakeTask, tmp_path: Path
) -> None:
    folder = make_task("plain", knowledge=False)
    (folder / "examples.jsonl").write_text("")
    log = tmp_path / "log.jsonl"
    rows = [
        {"question": "Which way?", "answer": "no", "feedback": "thumbs_down"},
        {"question": "which way?", "answer": "left"},
        {"question": "How far is it?", "answer": "it is about", "finish_reason": "length"},
    ]
    log.write_text("".join(json.dumps(r) + "\n" for r in rows))
    async with Workspace.open(folder) as workspace:
        await workspace.draft_from(log, 6, unmasked=True)
    found = {e.question.lower(): e.reference for e in Task.load(folder).examples}
    assert found == {"which way?": "left", "how far is it?": None}


async def test_a_label_task_takes_only_its_labels_as_references(
    make_task: MakeTask, tmp_path: Path
) -> None:
    folder = make_task("labels", knowledge=False, output={"kind": "label", "labels": ["a", "b"]},
                       metrics=["label_accuracy"])  # fmt: skip
    (folder / "examples.jsonl").write_text("")
    log = tmp_path / "log.jsonl"
    rows = [{"text": "first one asks", "answer": "a"}, {"text": "second thing", "answer": "sure"}]
    log.write_text("".join(json.dumps(r) + "\n" for r in rows))
    async with Workspace.open(folder) as workspace:
        await workspace.draft_from(log, 6, unmasked=True)
    found = {e.question: e.reference for e in Task.load(folder).examples}
    assert found == {"first one asks": "a", "second thing": None}


async def test_json_that_a_log_holds_as_text_is_a_reference(
    make_task: MakeTask, tmp_path: Path
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    folder = make_task("json", knowledge=False, output={"kind": "json", "schema": schema},
                       metrics=["json_exact"])  # fmt: skip
    (folder / "examples.jsonl").write_text("")
    log = tmp_path / "log.jsonl"
    said = ['{"a": 1}', 'Here it is: ```json\n{"a": 2}\n```', '{"a": "x"}', "none"]
    rows = [
        {"messages": [{"role": "user", "content": f"{word} thing?"}],
         "response": {"choices": [{"message": {"role": "assistant", "content": text}}]}}
        for word, text in zip(("first", "second", "third", "last"), said, strict=True)
    ]  # fmt: skip
    log.write_text("".join(json.dumps(r) + "\n" for r in rows))
    async with Workspace.open(folder) as workspace:
        await workspace.draft_from(log, 6, unmasked=True)
    found = {e.question.split()[0]: e.reference for e in Task.load(folder).examples}
    assert found == {"first": {"a": 1}, "second": {"a": 2}, "third": None, "last": None}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Refund", "Refund"), ("refund", "Refund"), ("**refund.**", "Refund"),
        ("\u201crefund\u201d", "Refund"), ("C", "C"), ("c#", "C#"), ('"C#".', "C#"), ("C++", None),
        ("a refund", None), ("it", "it"), ("It", None), ("", None), (None, None), (7, None),
        ("I cannot say.", "I cannot say."),
    ],
)  # fmt: skip
def test_a_label_is_matched_without_case_and_marks(
    make_task: MakeTask, said: Any, meant: str | None
) -> None:
    labels = ["Refund", "C", "C#", "it", "IT"]
    output = {"kind": "label", "labels": labels, "abstain": "I cannot say"}
    task = Task.load(make_task("labels", knowledge=False, output=output,
                               metrics=["label_accuracy"]))  # fmt: skip
    assert reference_of(task, said) == meant


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ('<think>{"question": "Oh?"} is vague</think>{"question": "Which?"}', "Which?"),
        ('<think>{"question": "Oh?"} is vague', None),  # cut: nothing was said
    ],
)
async def test_what_a_writer_thinks_is_no_draft(reply: str, question: str | None) -> None:
    async def ask(request: ChatRequest) -> ChatReply:
        return ChatReply(reply)

    passage = Passage("a.md", "Ulm is a town.")
    assert await Writer(ask, ask).question(passage, passage.text, figure=False) == question
