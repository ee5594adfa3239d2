"""`headway check`: each item fires where it should and not where it should not."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.core.findings import CheckItem, CheckReport
from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, silent
from headway.core.record import Record, Usage
from headway.core.task import Task, fraction
from headway.engine.check import Checker
from headway.engine.check_prompt import has
from headway.engine.check_twins import _shingles, held, twins, words
from headway.engine.confirm import Confirm
from headway.engine.journey import test_name as sealed_name
from headway.engine.parts import Parts
from headway.engine.plan import cut_dev
from headway.engine.run import AS_IS
from headway.store import Store

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"
SPEC: dict[str, Any] = {"name": "small", "models": {"chat": "scripted/echo"}}
CLEAR = """You are shown numbered passages, then a question. Answer the question.
First find the passage, then answer from it with the shortest phrase, at most 4 words.
If the passages do not say, reply exactly: I do not know"""


@pytest.fixture(autouse=True)
def _nothing_is_fetched_or_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def refuse(*args: Any, **more: Any) -> Any:
        raise AssertionError("a check must not call or fetch a model")

    monkeypatch.setenv("HEADWAY_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("HEADWAY_PRICES", raising=False)
    monkeypatch.setattr("headway.models.pull.obtain", refuse)
    monkeypatch.setattr("headway.models.embedded.obtain", refuse)
    monkeypatch.setattr("headway.models.scripted.ScriptedChat.chat", refuse)


def ids(split: str, count: int, prefix: str = "e") -> list[str]:
    """Ids that the default shares deal into a split."""

    def side(id: str) -> str:
        at = fraction(f"7:{id}")
        return "train" if at < 0.2 else "dev" if at < 0.7 else "test"

    found = (f"{prefix}{n}" for n in range(100_000))
    return [id for id in found if side(id) == split][:count]


def example(id: str, question: str | None = None, reference: Any = "yes", **more: Any) -> Any:
    said = question if question is not None else f"{id}: {random.Random(id).random()} of what?"
    return {"id": id, "inputs": {"question": said}, "reference": reference, **more}


def many(count: int, **more: Any) -> list[Any]:
    return [example(f"e{n}", **more) for n in range(count)]


def write(folder: Path, examples: list[Any], documents: dict[str, str] | None = None, **spec: Any):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(yaml.safe_dump({**SPEC, **spec}, allow_unicode=True))
    lines = [json.dumps(e, ensure_ascii=False) for e in examples]
    (folder / "examples.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for name, text in (documents or {}).items():
        file = folder / "knowledge" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Task.load(folder)


def baseline(task: Task, **generate: Any) -> Pipeline:
    if task.spec.application:
        return Pipeline.model_validate({"steps": ["application"]})
    steps: list[Any] = [{"generate": {"template": task.instructions, **generate}}]
    if task.has_knowledge:
        steps.insert(0, {"retrieve": {"k": 2}})
    return Pipeline.model_validate({"model": task.spec.models.chat, "steps": steps})


async def check(task: Task, before: Any = None, **generate: Any) -> CheckReport:
    parts = Parts(task, silent, Notices())
    store = Store(task.home / "store.db")
    try:
        pipeline = parts.resolve(baseline(task, **generate))
        if before is not None:
            await before(parts, store, pipeline)
        return await Checker(task, parts, store, pipeline).check()
    finally:
        await parts.close()
        store.close()


def all_of(report: CheckReport, name: str) -> list[CheckItem]:
    return [item for item in report.items if item.name == name]


def one(report: CheckReport, name: str) -> CheckItem:
    found = all_of(report, name)
    assert len(found) == 1, [i.name for i in report.items]
    return found[0]


def levels(report: CheckReport, name: str) -> set[str]:
    return {item.level for item in all_of(report, name)}


# --- examples -------------------------------------------------------------------------------------


async def test_counts(tmp_path: Path) -> None:
    task = write(tmp_path, many(100))
    item = one(await check(task), "examples")
    assert item.level == "ok"
    assert "100 examples" in item.text
    splits = item.data["splits"]
    assert splits["train"]["examples"] == len(task.split("train"))
    assert (
        splits["explore"]["examples"] + splits["confirm"]["examples"] == (splits["dev"]["examples"])
    )


async def test_no_examples_is_an_error(tmp_path: Path) -> None:
    report = await check(write(tmp_path, []))
    assert one(report, "examples").level == "error"
    assert report.errors >= 1


async def test_split_sizes(tmp_path: Path) -> None:
    assert levels(await check(write(tmp_path / "a", many(100))), "split_sizes") == {"ok"}
    only_dev = [example(id) for id in ids("dev", 60)]
    found = all_of(await check(write(tmp_path / "b", only_dev)), "split_sizes")
    assert {i.data["split"] for i in found} == {"train", "test"}
    one_group = [example(id, group="one") for id in ids("dev", 60)]
    shares = {"train": 0.0, "dev": 1.0, "test": 0.0}
    report = await check(write(tmp_path / "c", one_group, splits=shares))
    assert any("6 of" in i.text for i in all_of(report, "split_sizes"))
    assert one(report, "provable_change").level == "warning"
    assert one(report, "provable_journey").level == "warning"


async def test_baseline_gate(tmp_path: Path) -> None:
    assert one(await check(write(tmp_path / "a", many(30))), "baseline_gate").level == "ok"
    few = one(await check(write(tmp_path / "b", many(19))), "baseline_gate")
    assert (few.level, few.data["with_reference"]) == ("warning", 19)
    mixed = [*many(30), *(example(f"x{n}", reference=None) for n in range(5))]
    assert one(await check(write(tmp_path / "c", mixed)), "baseline_gate").level == "note"


async def test_evidence_and_documents(tmp_path: Path) -> None:
    documents = {f"d{n}.md": f"Document {n}. The answer {n} stands here." for n in range(5)}
    held_by = [{"document": "d1.md", "text": "The answer 1"}]
    examples = many(200, evidence=held_by)
    task = write(tmp_path / "a", examples, documents, knowledge={})
    report = await check(task)
    assert one(report, "evidence").level == "ok"
    assert one(report, "evidence_found").level == "ok"
    assert one(report, "documents").level == "ok"
    assert one(report, "duplicate_documents").level == "ok"
    assert not all_of(report, "documents_passed_over")

    lost = [{"document": "d1.md", "text": "nowhere to be found"}]
    elsewhere = [{"document": "gone.md"}]
    examples = [*many(3, evidence=lost), *(example(f"x{n}", evidence=elsewhere) for n in range(7))]
    documents |= {"copy.md": documents["d1.md"] + "\n", "odd.xyz": "?", "empty.md": "  "}
    report = await check(write(tmp_path / "b", examples, documents, knowledge={}))
    found = one(report, "evidence_found")
    assert (found.level, found.data["count"]) == ("warning", 10)
    assert len(found.data["first"]) == 5
    assert "gone.md" in found.text
    assert one(report, "evidence").level == "note"  # too few for the map
    assert one(report, "documents_passed_over").data["count"] == 2
    assert one(report, "duplicate_documents").data["sets"] == [["copy.md", "d1.md"]]


async def test_evidence_without_knowledge_is_noted(tmp_path: Path) -> None:
    report = await check(write(tmp_path, many(30, evidence=[{"document": "d.md"}])))
    assert one(report, "evidence").level == "note"
    assert not all_of(report, "documents")


async def test_knowledge_that_is_not_there_is_an_error_item(tmp_path: Path) -> None:
    report = await check(write(tmp_path, many(30), knowledge={"path": "nowhere/"}))
    assert one(report, "documents").level == "error"
    assert all_of(report, "cost_of_a_run")


async def test_tags(tmp_path: Path) -> None:
    assert "No example has tags" in one(await check(write(tmp_path / "a", many(30))), "tags").text
    rich = await check(write(tmp_path / "b", many(100, tags=["all"])))
    assert one(rich, "tags").level == "ok"
    thin = [*many(100, tags=["all"]), example("rare", tags=["rare"])]
    assert one(await check(write(tmp_path / "c", thin)), "tags").data["thin"] == ["rare"]


async def test_unreviewed(tmp_path: Path) -> None:
    assert one(await check(write(tmp_path / "a", many(30))), "unreviewed").level == "ok"
    drafts = await check(write(tmp_path / "b", many(30, reviewed=False)))
    assert one(drafts, "unreviewed").data["count"] == 30


async def test_conversations(tmp_path: Path) -> None:
    assert not all_of(await check(write(tmp_path / "a", many(30))), "conversations")

    def talk(id: str, *contents: str, question: str | None = None) -> dict[str, Any]:
        roles = ("user", "assistant")
        said = [{"role": roles[n % 2], "content": text} for n, text in enumerate(contents)]
        more = {"question": question} if question else {}
        return {"id": id, "inputs": {"messages": said, **more}, "reference": "yes"}

    rows = [
        *many(30),
        talk("a", "Is it open?", "Yes. " * 400, "And on Sundays?"),
        talk("b", "Is it shut?", "No.", "And on Mondays?", "On Mondays too."),
        talk("c", "Hello.", "Hello.", question="Alone?"),
    ]
    report = await check(write(tmp_path / "b", rows))
    item = one(report, "conversations")
    assert item.data == {"conversations": 2, "exchanges": 1, "words": 403}
    assert "technique `history`" in item.text
    assert one(report, "messages_after").data["first"] == ["b"]
    assert one(report, "messages_unread").data["first"] == ["c"]


async def test_same_last_turn_in_other_conversations_is_no_duplicate(tmp_path: Path) -> None:
    def talk(id: str, first: str) -> dict[str, Any]:
        said = [(first, "user"), ("It is " + first[::-1], "assistant"), ("And then?", "user")]
        messages = [{"role": role, "content": text} for text, role in said]
        return {"id": id, "inputs": {"messages": messages}, "reference": "x"}

    rows = [talk("a", "Where is the lighthouse of Ost?"), talk("b", "Who bakes bread on Fridays?")]
    report = await check(write(tmp_path, [*many(30), *rows]))
    assert one(report, "near_duplicates").level == "ok"


async def test_files(tmp_path: Path) -> None:
    rows = [{**e, "inputs": {**e["inputs"], "files": ["notes.txt"]}} for e in many(3)]
    task = tmp_path / "a"
    task.mkdir()
    (task / "notes.txt").write_text("short")
    assert one(await check(write(task, rows)), "files_shown").level == "ok"
    (task / "notes.txt").write_text("long " * 10_000)
    cut = one(await check(write(task, rows)), "files_shown")
    assert (cut.level, cut.data["cut"]) == ("warning", 3)
    assert "24,000 characters" in cut.text
    (task / "notes.txt").write_bytes(b"\x80\x81\xff")
    broken = one(await check(write(task, rows)), "files")
    assert broken.level == "error"
    assert "examples.jsonl:1 (example" in broken.text
    assert "not UTF-8" in broken.text


async def test_empty_inputs(tmp_path: Path) -> None:
    assert not all_of(await check(write(tmp_path / "a", many(30))), "empty_inputs")
    empty = [*many(30), example("void", " "), {"id": "none", "inputs": {}}]
    empty.append({"id": "odd", "inputs": {"messages": [{"role": "user", "content": " "}]}})
    assert one(await check(write(tmp_path / "b", empty)), "empty_inputs").data["count"] == 3


# --- near-duplicates and leaks --------------------------------------------------------------------

LONG = (
    "How many days of annual leave does an employee of the Leeds office have each year when they"
    " have been with the company for more than five years?"
)


async def test_near_duplicates_that_straddle(tmp_path: Path) -> None:
    (a,), (b,) = ids("dev", 1, "a"), ids("test", 1, "b")
    near = LONG.replace("annual leave", "Annual  leave").replace("Leeds", "Ghent")
    task = write(tmp_path, [*many(60), example(a, LONG), example(b, near)])
    report = await check(task)
    item = one(report, "straddling")
    assert item.level == "warning"
    assert a in item.text
    assert b in item.text
    assert "Give them one group" in item.text
    assert {item.data["pairs"][0]["a"], item.data["pairs"][0]["b"]} == {a, b}
    assert one(report, "near_duplicates").data["count"] == 2
    assert one(report, "leak_train").level == "ok"  # train is not one of the sides


async def test_near_duplicates_on_one_side_are_noted(tmp_path: Path) -> None:
    a, b = ids("dev", 2, "a")
    report = await check(write(tmp_path, [*many(60), example(a, LONG), example(b, LONG + "?")]))
    assert one(report, "straddling").level == "ok"
    assert one(report, "near_duplicates").level == "note"


async def test_near_duplicates_of_one_group_are_fine(tmp_path: Path) -> None:
    pair = [example(id, LONG, group="g") for id in ("a", "b")]
    report = await check(write(tmp_path, [*many(60), *pair]))
    assert one(report, "straddling").level == "ok"
    assert one(report, "near_duplicates").level == "ok"


async def test_leak_into_train(tmp_path: Path) -> None:
    (a,), (b,), (c,) = ids("train", 1, "a"), ids("test", 1, "b"), ids("dev", 1, "c")
    same = write(tmp_path / "a", [*many(60), example(a, LONG), example(b, LONG.upper())])
    assert one(await check(same), "leak_train").data["pairs"] == [{"id": b, "train": a}]
    # Inside a longer text of train: not a near-duplicate, but a leak all the same.
    inside = "Solved before. " * 20 + LONG + " Twenty-five, of course."
    held_in = write(tmp_path / "b", [*many(60), example(a, inside), example(c, LONG)])
    report = await check(held_in)
    assert one(report, "near_duplicates").level == "ok"
    assert one(report, "leak_train").level == "warning"


async def test_leak_into_the_prompt(tmp_path: Path) -> None:
    (a,), (b,), (t,) = ids("dev", 1, "a"), ids("test", 1, "b"), ids("train", 1, "t")
    prompt = (
        "Answer. Such as: what is the airspeed of a swallow? The answer is: eleven metres per"
        " second, roughly. And train's own: who goes there at night? yes"
    )
    examples = [
        *many(60),
        example(a, "What is the airspeed of a swallow?", "fast"),
        example(b, "How quick?", "Eleven metres per second"),
        example(t, "Who goes there at night?"),
    ]
    item = one(await check(write(tmp_path / "a", examples, instructions=prompt)), "leak_prompt")
    assert item.data["found"] == [
        {"id": a, "what": "question"}, {"id": b, "what": "reference"}
    ]  # fmt: skip
    # The phrase for abstaining and the labels belong into a prompt.
    examples = many(60, reference="I cannot answer this question")
    spec = {"output": {"abstain": "I cannot answer this question"}}
    prompt = "If unsure say: I cannot answer this question"
    fine = write(tmp_path / "b", examples, instructions=prompt, **spec)
    assert one(await check(fine), "leak_prompt").level == "ok"


def test_twins_are_exactly_the_pairs_of_brute_force() -> None:
    for seed in range(20):
        drawn = random.Random(seed)
        texts = [" ".join(drawn.choices("abcdefghijkl", k=drawn.randint(0, 12))) for _ in range(80)]
        texts += [f"{t} a" for t in texts[:30]]
        first: dict[tuple[str, ...], int] = {}
        for at, text in enumerate(texts):
            if words(text):
                first.setdefault(words(text), at)
        sets = {at: _shingles(found) for found, at in first.items()}
        expected = {
            (a, b) for a in sets for b in sets
            if a < b and len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= 0.8
        }  # fmt: skip
        found = twins(texts)
        assert found.whole
        assert {(a, b) for a, b, _ in found.near} == expected


@pytest.mark.parametrize("kind", ["drawn", "template", "few_words", "long"])
def test_twenty_thousand_texts_take_seconds(kind: str) -> None:
    drawn = random.Random(1)
    made = {
        "drawn": lambda n: " ".join(f"w{int(drawn.paretovariate(0.5))}" for _ in range(15)),
        "template": lambda n: f"What is the price of item number {n} in the shop today, please?",
        "few_words": lambda n: " ".join(drawn.choices("abcd", k=14)),
        "long": lambda n: " ".join(f"w{n}x{i}" for i in range(60)),
    }[kind]
    count = 5_000 if kind == "long" else 20_000
    texts = [made(n) for n in range(count)]
    texts[7] = texts[count - 1]
    start = time.perf_counter()
    found = twins(texts)
    assert time.perf_counter() - start < 30  # measured: 0.5 to 2 s
    assert any({7, count - 1} <= set(group) for group in found.same)


def test_long_texts_are_compared_whole() -> None:
    start, end = " ".join(f"s{i}" for i in range(400)), " ".join(f"e{i}" for i in range(400))
    middles = [" ".join(f"{name}{i}" for i in range(2000)) for name in "ab"]
    texts = [f"{start} {middle} {end}" for middle in middles]
    assert not twins(texts).near
    assert twins([texts[0], texts[0] + " more"]).near


def test_words_of_any_script() -> None:
    assert words("Was kostet’s? ÄÖÜ") == ("was", "kostet", "s", "äöü")
    assert words("東京は") == ("東", "京", "は")
    assert words("?!") == ("?", "!")
    assert words("") == ()
    assert list(held(["東京の人口はいくらですか"], ["問い: 東京の人口はいくらですか。"])) == [
        (0, 0)
    ]


# --- answers and metrics --------------------------------------------------------------------------


def labelled(*references: Any) -> list[Any]:
    return [example(f"e{n}", reference=r) for n, r in enumerate(references)]


LABEL = {"output": {"kind": "label", "labels": ["red", "blue"]}, "metrics": ["label_accuracy"]}


async def test_labels(tmp_path: Path) -> None:
    even = await check(write(tmp_path / "a", labelled(*["red", "Blue "] * 20), **LABEL))
    assert one(even, "label_balance").level == "ok"
    assert one(even, "label_balance").data["share"] == 0.5
    assert not all_of(even, "labels_known")
    assert not all_of(even, "labels_seen")
    odd = await check(write(tmp_path / "b", labelled(*["red"] * 30, "green"), **LABEL))
    assert one(odd, "labels_known").level == "error"
    assert "'green'" in one(odd, "labels_known").text
    assert one(odd, "labels_seen").data["never"] == ["blue"]
    assert one(odd, "label_balance").level == "note"
    assert not all_of(await check(write(tmp_path / "c", many(30))), "label_balance")


async def test_json_references(tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    spec = {"output": {"kind": "json", "schema": schema}, "metrics": ["json_exact"]}
    good = write(tmp_path / "a", labelled(*[{"n": 1}] * 25, '{"n": 2}', [{"n": 3}]), **spec)
    assert one(await check(good), "schema").level == "ok"
    bad = write(tmp_path / "b", labelled(*[{"n": 1}] * 25, {"n": "one"}, "no JSON"), **spec)
    item = one(await check(bad), "schema")
    assert (item.level, item.data["first"]) == ("error", ["e25", "e26"])
    rows = {"output": {"kind": "json", "schema": {"type": "array"}}, "metrics": ["json_exact"]}
    assert one(await check(write(tmp_path / "c", labelled([1, 2]), **rows)), "schema").level == "ok"
    for number, broken in enumerate(
        (
            {"type": "nothing"},
            {"$ref": "#/nowhere"},
            {"pattern": "("},
            {"$ref": "http://x.invalid/"},
        )
    ):
        spec = {"output": {"kind": "json", "schema": broken}, "metrics": ["json_exact"]}
        report = await check(write(tmp_path / f"d{number}", labelled("a", {"n": 1}), **spec))
        assert one(report, "schema").level == "error"


async def test_answer_lengths(tmp_path: Path) -> None:
    task = write(tmp_path, many(30, reference="a short answer of six words"))
    fine = one(await check(task), "answer_lengths")
    assert (fine.level, fine.data["p50"], fine.data["max"]) == ("ok", 6, 6)
    cut = one(await check(task, max_tokens=4), "answer_lengths")
    assert (cut.level, cut.data["cut_off"]) == ("warning", 30)


async def test_metrics_that_do_not_load_or_apply(tmp_path: Path) -> None:
    fine = await check(write(tmp_path / "a", many(30), metrics=["token_f1", "exact_match"]))
    assert levels(fine, "metric_applies") == {"ok"}
    assert not all_of(fine, "metric_known")
    named = ["token_f2", "python:mine.py:score", "retrieval_recall@3", "exact_match"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.py").write_text("def score(:")
    report = await check(write(tmp_path / "b", many(30), metrics=named))
    unknown, broken = all_of(report, "metric_known")
    assert (unknown.level, broken.level) == ("error", "error")
    assert "token_f1" in unknown.text  # what is valid
    assert "mine.py" in broken.text
    applies = {i.data["metric"]: i for i in all_of(report, "metric_applies")}
    assert applies["retrieval_recall@3"].level == "warning"
    unscored = await check(write(tmp_path / "c", many(30, reference=None)))
    assert one(unscored, "metric_applies").level == "error"
    documents = {"d.md": "text"}
    examples = many(30)
    spec = {"metrics": ["retrieval_recall"], "knowledge": {}}
    report = await check(write(tmp_path / "d", examples, documents, **spec))
    assert one(report, "metric_applies").level == "error"


async def test_goal(tmp_path: Path) -> None:
    assert one(await check(write(tmp_path / "a", many(30))), "goal").level == "note"
    reachable = write(tmp_path / "b", many(30), goal={"token_f1": 0.8})
    assert one(await check(reachable), "goal").level == "ok"
    beyond = write(tmp_path / "c", many(30), goal={"token_f1": 80}, margin={"rouge": 0.1})
    assert len(one(await check(beyond), "goal").data["problems"]) == 2


# --- prompt and models ----------------------------------------------------------------------------


async def test_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(await check(write(tmp_path / "a", many(30))), "models") == {"ok"}
    fetched = write(tmp_path / "b", many(30), models={"chat": "embedded/smollm2-135m"})
    report = await check(fetched)
    assert one(report, "models").level == "note"
    assert "98 MB" in one(report, "models").text
    assert one(report, "prompt_tokens").data["how"] == "estimated from characters"
    for name in ("embedded/unheard-of", "nobody/model", "embedded/mine.gguf"):
        task = write(tmp_path / name.replace("/", "-"), many(30), models={"chat": name})
        assert one(await check(task), "models").level == "error"
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    hosted = write(tmp_path / "c", many(30), models={"chat": "openai/gpt"})
    assert one(await check(hosted), "models").level == "warning"


async def test_prompt_tokens(tmp_path: Path) -> None:
    documents = {"d.md": "word " * 1000}
    spec = {"models": {"chat": "embedded/smollm2-135m"}, "knowledge": {}}
    task = write(tmp_path / "a", many(30), documents, **spec)
    item = one(await check(task), "prompt_tokens")
    assert item.level == "ok"
    assert 2 * 160 < item.data["p50"] < 4 * 160  # two passages of 160 words, five letters each
    assert item.data["context"] == 4096
    long = [*many(30), example("long", "word " * 20_000)]
    over = one(await check(write(tmp_path / "b", long, documents, **spec)), "prompt_tokens")
    assert over.level == "warning"
    unknown = one(await check(write(tmp_path / "c", many(30))), "prompt_tokens")
    assert (unknown.level, unknown.data["context"]) == ("note", None)
    assert "own tokenizer" in unknown.data["how"]


async def test_what_the_prompt_leaves_unsaid(tmp_path: Path) -> None:
    documents = {"d.md": "text"}
    bare = write(
        tmp_path / "a", many(60), documents, knowledge={}, instructions="You are a nice assistant."
    )
    report = await check(bare)
    for facet in ("shown", "task", "steps", "form", "unsure"):
        item = one(report, f"prompt_says_{facet}")
        assert item.level == "note"
        assert item.data["add"] in item.text
        assert "`instructions` does this" in item.text
    clear = await check(
        write(tmp_path / "b", many(60), documents, knowledge={}, instructions=CLEAR)
    )
    for facet in ("shown", "task", "steps", "form", "unsure"):
        assert one(clear, f"prompt_says_{facet}").level == "ok", facet


async def test_adding_what_is_unsaid_makes_it_said(tmp_path: Path) -> None:
    for number, spec in enumerate(({}, LABEL, {"output": {"abstain": "no idea, sorry"}})):
        examples = many(60, reference="red")
        task = write(tmp_path / str(number), examples, instructions="The assistant.", **spec)
        report = await check(task)
        added = [i.data["add"] for i in report.items if "add" in i.data]
        assert len(added) >= 4
        prompt = "\n".join(["The assistant.", *added])
        again = write(tmp_path / f"{number}x", examples, instructions=prompt, **spec)
        left = [i.name for i in (await check(again)).items if "add" in i.data]
        assert not left


async def test_the_form_of_labels_and_json(tmp_path: Path) -> None:
    examples = labelled(*["red", "blue"] * 20)
    half = write(tmp_path / "a", examples, instructions="Is it red?", **LABEL)
    assert one(await check(half), "prompt_says_form").level == "note"
    both = write(tmp_path / "b", examples, instructions="Is it red or blue?", **LABEL)
    assert one(await check(both), "prompt_says_form").level == "ok"
    assert one(await check(half, contract="json"), "prompt_says_form").level == "ok"
    said = await check(half, reasoning="brief")
    assert one(said, "prompt_says_steps").level == "ok"


async def test_a_prompt_that_is_not_english_is_not_judged(tmp_path: Path) -> None:
    task = write(tmp_path, many(30), instructions="次の質問に答えてください。")
    report = await check(task)
    assert one(report, "prompt_says").level == "note"
    assert not all_of(report, "prompt_says_form")


def test_words_of_a_prompt_are_whole_words() -> None:
    assert has("Give only the name.", ("only",))
    assert not has("Commonly given.", ("only",))
    assert has("If you don’t  know, say so", ("don't know",))


# --- proof, money, cost ---------------------------------------------------------------------------


async def test_what_can_be_proven(tmp_path: Path) -> None:
    small, large = [await check(write(tmp_path / str(n), many(n))) for n in (60, 600)]
    for name in ("provable_change", "provable_journey"):
        assert one(large, name).level == "ok"
        assert "provable in 4 of 5 cases" in one(large, name).text
    change, rough = one(large, "provable_change"), one(small, "provable_change")
    assert rough.level == "warning"
    assert change.data["difference"] < rough.data["difference"]
    # By hand: 2.8 standard errors of 0.5 over n pairs.
    assert change.data["difference"] == pytest.approx(1.4 / change.data["n"] ** 0.5, rel=0.02)
    after = one(large, "provable_journey").data["after"]
    assert after[0]["difference"] < after[2]["difference"]


async def test_groups_prove_less(tmp_path: Path) -> None:
    single = await check(write(tmp_path / "a", many(300)))
    grouped = [example(f"e{n}", group=f"g{n // 6}") for n in range(300)]
    paired = await check(write(tmp_path / "b", grouped))
    a, b = (one(r, "provable_change").data for r in (single, paired))
    assert b["design_effect"] > 2 > a["design_effect"] == 1
    assert b["difference"] > a["difference"]


async def test_the_spread_is_measured_where_the_baseline_ran(tmp_path: Path) -> None:
    task = write(tmp_path, many(200, reference="yes"), metrics=["exact_match"])

    async def ran(parts: Parts, store: Store, pipeline: Pipeline) -> None:
        name = await parts.fingerprint(pipeline)
        for n, e in enumerate(task.split("dev")):
            answer = "no" if n % 20 == 0 else "yes"
            record = Record(e.id, answer, answer, usage=Usage(1, 0, 10, 1), latency_s=0.1)
            store.put_record(name, AS_IS.key, e.fingerprint, 0, orjson.dumps(record))

    before = one(await check(task), "provable_change").data
    after = one(await check(task, ran), "provable_change").data
    assert before["measured_on"] == 0
    assert before["sd"] == 0.5
    assert after["measured_on"] > 20
    assert after["sd"] == pytest.approx(0.22, abs=0.08)
    assert after["difference"] < before["difference"]


@pytest.mark.parametrize(("alike", "low", "high"), [(True, 4.5, 6.5), (False, 1.0, 2.5)])
async def test_what_groups_cost_is_carried_over_from_the_first_examples(
    tmp_path: Path, alike: bool, low: float, high: float
) -> None:
    # Groups of six; the first forty of explore hold two or three of each.
    rows = [example(f"e{n}", reference="yes", group=f"g{n // 6}") for n in range(600)]
    task = write(tmp_path, rows, metrics=["exact_match"])

    async def ran(parts: Parts, store: Store, pipeline: Pipeline) -> None:
        name = await parts.fingerprint(pipeline)
        for n, e in enumerate(cut_dev(task)[0][:40]):
            right = int(e.cluster[1:]) % 2 if alike else n % 2
            answer = "yes" if right else "no"
            record = Record(e.id, answer, answer, usage=Usage(1, 0, 10, 1), latency_s=0.1)
            store.put_record(name, AS_IS.key, e.fingerprint, 0, orjson.dumps(record))

    found = one(await check(task, ran), "provable_change").data
    assert found["measured_on"] == 40
    assert low <= found["design_effect"] < high


async def test_what_confirm_was_asked_counts(tmp_path: Path) -> None:
    task = write(tmp_path, many(400))

    async def asked(parts: Parts, store: Store, pipeline: Pipeline) -> None:
        name = Confirm(None, cut_dev(task)[1], task.metric).name  # type: ignore[arg-type]
        for number in range(4):
            store.put_answer(name, number, "n", journey="j", candidate="c", level=0.01)

    fresh = one(await check(task), "provable_journey").data
    used = one(await check(task, asked), "provable_journey")
    assert used.data["asked"] == "nnnn"
    assert "4 times already" in used.text
    assert used.data["after"][0]["difference"] > fresh["after"][0]["difference"]


async def test_economics(tmp_path: Path) -> None:
    assert not all_of(await check(write(tmp_path / "a", many(30))), "economics")
    money = {"economics": {"success": 20, "failure": -88}, "metrics": ["exact_match"]}
    good = write(tmp_path / "b", many(30), goal={"exact_match": 0.85}, **money)
    item = one(await check(good), "economics")
    assert item.level == "ok"
    assert item.data["break_even"] == pytest.approx(0.8148, abs=1e-4)
    assert item.data["net_per_1000_at_goal"] == pytest.approx(3800)
    low = write(tmp_path / "c", many(30), goal={"exact_match": 0.8}, **money)
    assert one(await check(low), "economics").level == "warning"
    parts = write(tmp_path / "d", many(30), **{**money, "metrics": ["token_f1"]})
    assert "yes/no" in one(await check(parts), "economics").text


async def test_constraints(tmp_path: Path) -> None:
    assert not all_of(await check(write(tmp_path / "a", many(30))), "constraints")
    loose = write(tmp_path / "b", many(30), constraints={"prompt_tokens_p95": 3000})
    report = await check(loose)
    assert one(report, "constraints").data["limits"] == {"prompt_tokens_p95": 3000}
    assert not all_of(report, "constraint_tokens")
    limits = {"prompt_tokens_p95": 5, "usd_per_1k_requests": 1.0}
    endpoints = {"house": {"base_url": "http://localhost:1/v1"}}
    models = {"chat": "house/m"}
    tight = write(tmp_path / "c", many(30), constraints=limits, endpoints=endpoints, models=models)
    report = await check(tight)
    assert one(report, "constraint_tokens").level == "warning"
    assert one(report, "constraint_usd").level == "warning"
    assert one(report, "cost_of_a_run").level == "note"  # its price is not known
    assert "unknown price" in one(report, "cost_of_a_run").text


async def test_openings_of_the_test(tmp_path: Path) -> None:
    task = write(tmp_path, many(60))

    async def opened(parts: Parts, store: Store, pipeline: Pipeline) -> None:
        for number in range(6):
            store.open_test(sealed_name(task), f"p{number}", None)

    assert one(await check(task), "sealed_test").data["openings"] == 0
    worn = one(await check(task, opened), "sealed_test")
    assert (worn.level, worn.data["openings"]) == ("warning", 6)


async def test_costs_are_told(tmp_path: Path) -> None:
    report = await check(write(tmp_path, many(100)))
    run, journey = one(report, "cost_of_a_run"), one(report, "cost_of_a_journey")
    assert run.data["plan"]["calls"]["mean"] < journey.data["plan"]["calls"]["mean"]
    assert "$0.00" in run.text


# --- all of it ------------------------------------------------------------------------------------


@pytest.mark.skipif(not HANDBOOK.is_dir(), reason="the example is not here")
async def test_the_handbook_has_no_errors(tmp_path: Path) -> None:
    task = Task.load(HANDBOOK)
    parts, store = Parts(task, silent, Notices()), Store(tmp_path / "store.db")
    try:
        pipeline = parts.resolve(Pipeline.load(HANDBOOK / "pipelines" / "baseline.yaml"))
        start = time.perf_counter()
        report = await Checker(task, parts, store, pipeline).check()
        assert time.perf_counter() - start < 30  # measured: 1 to 2 s
    finally:
        await parts.close()
        store.close()
    assert report.errors == 0
    assert one(report, "evidence_found").level == "ok"
    assert one(report, "straddling").level == "ok"
    assert one(report, "leak_train").level == "ok"
    unsaid = {i.name for i in report.items if "add" in i.data}
    assert {"prompt_says_form", "prompt_says_unsure"} <= unsaid


async def test_an_application_is_checked_as_well(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def answer(inputs, *, context=None, settings=None): ...")
    report = await check(write(tmp_path, many(60), application="app.py:answer"))
    assert report.errors == 0
    assert not all_of(report, "prompt_tokens")
    assert one(report, "cost_of_a_run").data["plan"]["tokens"]["mean"] is None


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30), st.sampled_from(["東京はどこ", "red", "{}", "<script>", "ﬁ\u0301", " "]),
)  # fmt: skip
NESTED = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)  # fmt: skip
INPUTS = st.one_of(
    st.dictionaries(st.sampled_from(["question", "text", ""]), NESTED, max_size=3),
    st.builds(
        lambda said: {"messages": [*said, {"role": "user", "content": "東京"}]},
        st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.sampled_from(["system", "user", "assistant", "tool"]),
                    "content": st.text(max_size=20),
                }
            ),
            max_size=4,
        ),
    ),
)
OUTPUTS: list[dict[str, Any]] = [
    {}, LABEL, {"output": {"kind": "json", "schema": {"type": "object"}}},
    {"output": {"kind": "sql"}},
    {"output": {"kind": "passages"}}, {"metrics": ["json_valid", "nonsense", "retrieval_ndcg@2"]},
]  # fmt: skip


@given(
    rows=st.lists(st.tuples(INPUTS, NESTED, st.sampled_from([None, "g", "h"])), max_size=12),
    spec=st.sampled_from(OUTPUTS),
    knowledge=st.booleans(),
    prompt=st.sampled_from(["", "答えて", "Answer {{question}} from {{passages}}.", "the"]),
)
@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_odd_but_valid_tasks_never_crash_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], spec: dict[str, Any],
    knowledge: bool, prompt: str,
) -> None:  # fmt: skip
    import asyncio

    folder = tmp_path_factory.mktemp("odd")
    examples = [
        {"id": f"é{n}", "inputs": inputs, "reference": reference, "group": group,
         "evidence": [{"document": "d.md", "text": "知識"}, {"tables": ["t"]}] if n % 2 else []}
        for n, (inputs, reference, group) in enumerate(rows)
    ]  # fmt: skip
    more = {"knowledge": {}} if knowledge else {}
    task = write(
        folder, examples, {"d.md": "知識はここにある。"}, **spec, **more, instructions=prompt
    )
    report = asyncio.run(check(task))
    assert report.items
    assert all(item.text for item in report.items)
    json.dumps(report.to_json())
    assert len(report.rows()) == len(report.items)


@pytest.fixture(autouse=True, scope="module")
def _no_keys() -> Iterator[None]:
    held_back = {k: os.environ.pop(k) for k in list(os.environ) if k.endswith("_API_KEY")}
    yield
    os.environ.update(held_back)
