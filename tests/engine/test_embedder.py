"""Tuning an embedding model to a task, and what embedding and re-ranking cost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from headway.core.catalogue import Family
from headway.core.errors import BudgetEnded, InputError
from headway.core.findings import Journey, JourneyStep
from headway.core.pipeline import Pipeline
from headway.core.protocols import Search
from headway.core.record import ChatRequest
from headway.engine import embedder, journey
from headway.engine.budget import Budget, Limits
from headway.engine.check import Checker
from headway.engine.embedder import question_of, tune_embedder
from headway.engine.lender import Desk, ExampleLender
from headway.models.adapted import Adapter
from headway.models.scripted import ScriptedChat, ScriptedEmbedding, ScriptedRerank
from headway.testing.stub import StubServer
from headway.training.adapter import How, Pairs, _Run
from headway.workspace import Workspace

# What the documents call a thing, and what people who ask call it.
THINGS = {
    "river": "waterway", "mayor": "headman", "bridge": "crossing", "market": "bazaar",
    "school": "academy", "church": "minster", "forest": "woodland", "mill": "grinder",
    "station": "depot", "castle": "fortress", "library": "bookroom", "tavern": "alehouse",
}  # fmt: skip
TOWNS = [
    "Alderford", "Birchbury", "Cedarwick", "Daleham", "Elmstead", "Fernholt", "Gorsey", "Hazelby",
    "Irisham", "Juniton", "Kelpmouth", "Larchdon", "Maplewell", "Nettleham", "Oakhurst",
    "Pinebeck", "Quincey", "Rowanby", "Sorrelton", "Thornley",
]  # fmt: skip
WHOLE = Search(tokens=32, overlap=0, by="dense", embed="scripted/words", k=5)
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A task whose questions never use the documents' words: 240 one-line documents, of which
    twelve name the town that is asked for."""

    def build(towns: int = 20, **spec: Any) -> Path:
        folder = tmp_path / "things"
        (folder / "knowledge").mkdir(parents=True)
        lines = []
        for town in TOWNS[:towns]:
            for number, (thing, asked) in enumerate(THINGS.items()):
                name = f"{town}-{number}.txt"
                text = f"The {thing} of {town} is {town[:2]}{number}, and has been for years."
                (folder / "knowledge" / name).write_text(text)
                lines.append(
                    {
                        "id": f"{town}-{number}",
                        "group": town,
                        "reference": f"{town[:2]}{number}",
                        "inputs": {"question": f"What is the {asked} of {town}?"},
                        "evidence": [{"document": name, "text": text}],
                    }
                )
        (folder / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in lines))
        data = {
            "name": "Things of towns", "metrics": ["contains"],
            "instructions": "Answer in a few words.",
            "knowledge": {"path": "knowledge/", "language": "en"},
            "splits": {"train": 0.5, "dev": 0.4, "test": 0.1, "seed": 3},
            "models": {"chat": "scripted/extract", "embed": "scripted/words",
                       "rerank": "scripted/overlap"},
            **spec,
        }  # fmt: skip
        (folder / "task.yaml").write_text(yaml.safe_dump(data))
        return folder

    return build


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained for less long, where how well does not matter."""
    monkeypatch.setattr(embedder, "How", lambda: How(epochs=10, rate=1e-2))


def desk_of(workspace: Workspace, limits: Limits = Limits()) -> Desk:
    return Desk(workspace.task, workspace.parts, workspace.store, Budget(limits), None)


# --- tuning ---------------------------------------------------------------------------------------


async def test_a_tuned_model_finds_more_on_the_same_index(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder, "How", lambda: How(epochs=30, rate=4e-3))
    folder = make()
    async with Workspace.open(folder) as workspace:
        desk = desk_of(workspace)
        name = await tune_embedder(desk, "scripted/words", WHOLE)
        assert name is not None
        assert name.startswith("tuned/things-of-towns-")
        file = folder / "models" / f"{name.removeprefix('tuned/')}.npz"
        lineage = Adapter.load(file).lineage
        assert lineage["written"] == 0
        assert lineage["pairs"] == len(workspace.task.split("train"))
        assert lineage["held_out"]["recall_after"] > lineage["held_out"]["recall_before"]
        told = [t for t in workspace.notices.texts if "tuned embedder: held-out recall@5" in t]
        assert told
        assert f"on {lineage['pairs']} pairs" in told[0]
        indexes = sorted(p.name for p in (folder / ".headway" / "index").iterdir())

        async def recall(embed: str) -> float:
            how = Search(tokens=32, overlap=0, by="dense", embed=embed, k=5)
            dev = workspace.task.split("dev")
            found = [await desk.search(e.question, how) for e in dev]
            held = [
                any(p.document == e.evidence[0].document for p in ranked)
                for e, ranked in zip(dev, found, strict=True)
            ]
            return sum(held) / len(held)

        before, after = await recall("scripted/words"), await recall(name)
        assert after > before + 0.15
        # Passages were not embedded again: not one more index.
        assert sorted(p.name for p in (folder / ".headway" / "index").iterdir()) == indexes
        # Free: all of it happened in this process.
        assert desk.budget.calls == 0


async def test_what_is_there_is_not_trained_again(
    make: Make, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Workspace.open(make()) as workspace:
        desk = desk_of(workspace)
        first = await tune_embedder(desk, "scripted/words", WHOLE)
        assert first is not None

        def never(*_: Any) -> None:
            raise AssertionError("trained again")

        monkeypatch.setattr(embedder, "train", never)
        assert await tune_embedder(desk, "scripted/words", WHOLE) == first
        with pytest.raises(AssertionError, match="trained again"):
            await tune_embedder(desk, "scripted/words", Search(tokens=16, overlap=0))


async def test_a_pipeline_with_it_is_another_pipeline(make: Make, quick: None) -> None:
    async with Workspace.open(make()) as workspace:
        desk = desk_of(workspace)
        name = await tune_embedder(desk, "scripted/words", WHOLE)
        prints = []
        for embed in ("scripted/words", name):
            steps = [{"retrieve": {"by": "dense", "embed": embed}}, "generate"]
            pipeline = workspace.parts.resolve(Pipeline.model_validate({"steps": steps}))
            prints.append(await workspace.parts.fingerprint(pipeline))
        assert prints[0] != prints[1]


async def test_only_questions_of_train_are_read(
    make: Make, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    embed = ScriptedEmbedding.embed

    async def spy(self: Any, texts: Sequence[str], kind: Any) -> Any:
        seen.extend(texts)
        return await embed(self, texts, kind)

    monkeypatch.setattr(ScriptedEmbedding, "embed", spy)
    async with Workspace.open(make()) as workspace:
        await tune_embedder(desk_of(workspace), "scripted/words", WHOLE)
        task = workspace.task
    assert {e.question for e in task.split("train")} <= set(seen)
    hidden = {e.question for e in (*task.split("dev"), *task.split("test"))}
    assert not hidden & set(seen)


def _author(request: ChatRequest) -> str:
    """Asks for what the passage of the prompt names, in other words."""
    words = request.messages[-1].content.split("Passage:")[1].split()
    thing, town = words[words.index("The") + 1], words[words.index("of") + 1]
    return f"Question: What is the {THINGS[thing]} of {town}?"


async def test_where_there_are_few_pairs_a_model_writes_more(make: Make, quick: None) -> None:
    folder = make(splits={"train": 0.0, "dev": 0.9, "test": 0.1, "seed": 3})
    async with Workspace.open(folder) as workspace:
        writer = ScriptedChat(_author)
        workspace.parts._chat["scripted/extract"] = writer
        desk = desk_of(workspace)
        await tune_embedder(desk, "scripted/words", WHOLE)
        assert 30 <= desk.budget.calls <= embedder.ASKED
        assert any("written by a model" in text for text in workspace.notices.texts)
        # Asked once only: the cache holds what was written.
        calls = desk.budget.calls
        await tune_embedder(desk, "scripted/words", WHOLE)
        assert desk.budget.calls == calls


async def test_too_few_pairs_say_so(make: Make) -> None:
    folder = make(splits={"train": 0.0, "dev": 0.9, "test": 0.1, "seed": 3})
    async with Workspace.open(folder) as workspace:
        desk = desk_of(workspace)
        # scripted/extract writes no questions.
        assert await tune_embedder(desk, "scripted/words", WHOLE) is None
        assert desk.budget.calls <= embedder.ASKED
        assert any("0 pairs" in text and "30" in text for text in workspace.notices.texts)
        assert not (folder / "models").exists()
        for _ in range(2):  # said before, it is the reason all the same
            (why,) = (await workspace.try_technique("embedder_adapter")).notices
            assert why.startswith("tuned embedder: 0 pairs")


async def test_the_budget_is_kept(make: Make) -> None:
    folder = make(splits={"train": 0.0, "dev": 0.9, "test": 0.1, "seed": 3})
    async with Workspace.open(folder) as workspace:
        with pytest.raises(BudgetEnded):
            await tune_embedder(desk_of(workspace, Limits(calls=3)), "scripted/words", WHOLE)


async def test_no_gain_is_no_model(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Questions in the documents' own words: search by words finds all of them already.
    for thing in list(THINGS):
        monkeypatch.setitem(THINGS, thing, thing)
    folder = make()
    async with Workspace.open(folder) as workspace:
        assert await tune_embedder(desk_of(workspace), "scripted/words", WHOLE) is None
        assert any("not used" in text for text in workspace.notices.texts)
    assert not (folder / "models").exists()


async def test_a_damaged_file_is_told(make: Make, quick: None) -> None:
    async with Workspace.open(make()) as workspace:
        desk = desk_of(workspace)
        name = await tune_embedder(desk, "scripted/words", WHOLE)
        assert name is not None
        file = workspace.task.folder / "models" / f"{name.removeprefix('tuned/')}.npz"
        file.write_bytes(file.read_bytes()[:-40])
        with pytest.raises(InputError, match="not a whole adapter"):
            await tune_embedder(desk, "scripted/words", WHOLE)


async def test_check_knows_tuned_models(make: Make, quick: None) -> None:
    async with Workspace.open(make()) as workspace:
        name = await tune_embedder(desk_of(workspace), "scripted/words", WHOLE)
        assert name is not None
        for embed, level in ((name, "ok"), ("tuned/nowhere", "error")):
            steps = [{"retrieve": {"by": "dense", "embed": embed}}, "generate"]
            pipeline = workspace.parts.resolve(Pipeline.model_validate({"steps": steps}))
            checker = Checker(workspace.task, workspace.parts, workspace.store, pipeline)
            report = await checker.check()
            found = [item for item in report.items if item.data.get("model") == embed]
            assert [item.level for item in found] == [level]


def test_what_was_trained_is_what_is_applied() -> None:
    random = np.random.default_rng(0)
    unit = random.normal(size=(12, 8))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    pairs = Pairs(unit, unit[::-1], [[i] for i in range(12)], [[]] * 12, list("abcdefghijkl"))
    run = _Run(pairs, range(12), How(rank=3))
    for _ in range(5):
        run.epoch()
    adapter = Adapter("b", run.down.astype("f4"), run.up.astype("f4"), {})
    applied = adapter.apply(unit.astype("f4"))
    assert not np.allclose(applied, unit, atol=1e-3)
    np.testing.assert_allclose(applied, run.moved(range(12)), atol=1e-5)


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("What is the tax?", "What is the tax?"),
        ('Question: "Who pays the tax?"', "Who pays the tax?"),
        ("Sure! Here it is:\n1. Who pays the tax?\n2. Why?", "Who pays the tax?"),
        ("**Question:** Who pays the tax?", "Who pays the tax?"),
        ("誰がいつ税金を払うのですか？", "誰がいつ税金を払うのですか？"),
        ("The tax is paid by all.", None),
        ("Why?", None),
        ("", None),
        ("x" * 400 + "?", None),
        ("Is this in the passage?", None),
    ],
)
def test_a_reply_is_data(reply: str, question: str | None) -> None:
    assert question_of(reply, "Well. Is this in the  passage? Yes.") == question


# --- what embedding and re-ranking cost -------------------------------------------------------


def knowing(texts: Sequence[str]) -> list[list[float]]:
    """Bags of words by a model that knows that both names of a thing mean the same."""
    same = {asked: thing for thing, asked in THINGS.items()}
    made = []
    for text in texts:
        row = [1e-3] * 512
        for word in text.lower().replace("?", " ").replace(".", " ").split():
            if word not in ("the", "what", "is", "of"):
                row[zlib.crc32(same.get(word, word).encode()) % 512] += 1.0
        made.append(row)
    return made


def served(make: Make, stub: StubServer, prompt: float = 0.0, **spec: Any) -> Path:
    """The task with embedding and re-ranking by a service, at USD for a million tokens."""
    folder = make(
        endpoints={"stub": {"base_url": stub.url, "concurrency": 16}},
        models={"chat": "scripted/extract", "embed": "stub/e", "rerank": "stub/r"},
        splits={"train": 0.1, "dev": 0.8, "test": 0.1, "seed": 3},
        **spec,
    )
    (folder / "prices.yaml").write_text(
        f"stub/*: {{prompt: {prompt}, completion: 0, date: 2026-10-01}}\n"
    )
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "baseline.yaml").write_text(
        "model: scripted/extract\nsteps:\n"
        "  - retrieve: {passages: {tokens: 32, overlap: 0}, by: text, k: 1}\n"
        "  - generate: {template: Answer in a few words., max_tokens: 60}\n"
    )
    return folder


def search(by: str = "dense", k: int = 2, rerank: bool = False) -> Pipeline:
    steps: list[Any] = [{"retrieve": {"by": by, "k": k, "passages": {"tokens": 32, "overlap": 0}}}]
    steps += [{"rerank": {"k": 1}}] if rerank else []
    return Pipeline.model_validate({"steps": [*steps, {"generate": {"template": "Answer."}}]})


async def test_a_query_is_charged_to_its_example_and_the_index_is_not(make: Make) -> None:
    async with StubServer(embed=knowing) as stub:
        folder = served(make, stub, prompt=1000.0)
        async with Workspace.open(folder) as workspace:
            desk, how = desk_of(workspace), Search(32, 0, "dense", "stub/e", k=2)
            lenders = [ExampleLender(desk, "scripted/extract") for _ in range(3)]
            question = workspace.task.split("dev")[0].question
            for lender in lenders[:2]:
                await lender.search(question, how)
            words = len(question.split())
            for lender, made in zip(lenders[:2], ((1, 0), (0, 1)), strict=True):
                usage = lender.usage
                assert (usage.calls, usage.cached_calls) == made
                assert usage.usd == pytest.approx(words * 1000 / 1e6)
                assert usage.prompt_tokens == 0  # that is what the chat model reads
            # The index: 240 texts, in one batch or several, on the budget alone.
            asked = sum(len(body["input"]) for body in stub.bodies)
            assert asked == 241
            assert desk.budget.calls == 2
            text = sum(len(t.split()) for body in stub.bodies for t in body["input"])
            assert desk.budget.tokens == text
            assert desk.budget.usd == pytest.approx(text * 1000 / 1e6)
            scores = await lenders[2].rerank("stub/r", "red car", ["a red car", "bus"])
            assert scores == [2.0, 0.0]
            assert lenders[2].usage.calls == 1
            assert lenders[2].usage.usd == pytest.approx(8 * 1000 / 1e6)
        made = stub.requests
        # Another process: nothing is asked, and nothing is charged, again.
        async with Workspace.open(folder) as workspace:
            desk = desk_of(workspace)
            lender = ExampleLender(desk, "scripted/extract")
            await lender.search(question, how)
            await lender.rerank("stub/r", "red car", ["a red car", "bus"])
            assert desk.budget.calls == 0
            assert lender.usage.cached_calls == 2
            assert lender.usage.usd == pytest.approx((words + 8) * 1000 / 1e6)
        assert stub.requests == made


async def test_the_bill_of_a_journey_holds_the_index(make: Make) -> None:
    async with StubServer(embed=knowing) as stub:
        folder = served(make, stub, prompt=1.0)
        async with Workspace.open(folder) as workspace:
            desk = Desk(workspace.task, workspace.parts, workspace.store, Budget(), "j1")
            await desk.search("What is the depot of Elmstead?", Search(32, 0, "dense", "stub/e"))
            spent = workspace.store.spent("j1")
            assert spent == (desk.budget.calls, desk.budget.tokens, pytest.approx(desk.budget.usd))
        with sqlite3.connect(folder / ".headway" / "store.db") as db:
            kept = db.execute("SELECT length(value) FROM replies WHERE key LIKE 'index:%'")
            assert [size for (size,) in kept] == [0]  # the index keeps the vectors


async def test_a_budget_stops_embedding(make: Make) -> None:
    async with StubServer(embed=knowing) as stub:
        folder = served(make, stub, prompt=1.0)
        async with Workspace.open(folder) as workspace:
            desk = desk_of(workspace, Limits(calls=2))
            await desk.search("one", Search(32, 0, "dense", "stub/e"))
            with pytest.raises(BudgetEnded, match="2 calls"):
                await desk.search("two", Search(32, 0, "dense", "stub/e"))
            with pytest.raises(BudgetEnded):
                await desk.rerank("stub/r", "a", ["b"])
        (folder / "prices.yaml").unlink()
        async with Workspace.open(folder) as workspace:
            desk = desk_of(workspace, Limits(usd=5.0))
            await desk.embed("stub/e", ["a new one"], "query")
            with pytest.raises(BudgetEnded, match="price is not known"):
                await desk.embed("stub/e", ["and another"], "query")
            assert any("price of stub/e is not known" in t for t in workspace.notices.texts)


async def test_from_the_cache_nothing_looks_quicker(make: Make) -> None:
    async with StubServer(embed=knowing, latency_s=0.15) as stub:
        folder = served(make, stub)
        async with Workspace.open(folder) as workspace:
            first = await workspace.evaluate(search(k=2, rerank=True), limit=6)
            made = stub.requests
            # Other passages are shown, the same queries are embedded: all from the cache.
            second = await workspace.evaluate(search(k=3), limit=6)
            assert stub.requests == made
    assert first.latency_s.p50 is not None
    assert second.latency_s.p50 is not None
    assert first.latency_s.p50 >= 0.3  # query and re-ranking
    assert 0.15 <= second.latency_s.p50 < first.latency_s.p50


async def test_in_this_process_too(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    embed, rerank = ScriptedEmbedding.embed, ScriptedRerank.rerank
    asked: list[str] = []

    async def slow_embed(self: Any, texts: Sequence[str], kind: Any) -> Any:
        asked.extend(texts)
        await asyncio.sleep(1.0 if len(texts) > 1 else 0.1)  # an index takes longer
        return await embed(self, texts, kind)

    async def slow_rerank(self: Any, query: str, texts: Sequence[str]) -> list[float]:
        await asyncio.sleep(0.1)
        return await rerank(self, query, texts)

    monkeypatch.setattr(ScriptedEmbedding, "embed", slow_embed)
    monkeypatch.setattr(ScriptedRerank, "rerank", slow_rerank)
    async with Workspace.open(make()) as workspace:
        desk = desk_of(workspace)
        how = Search(32, 0, "dense", "scripted/words", k=2)
        for turn in range(2):
            lender = ExampleLender(desk, "scripted/extract")
            await lender.search("where is the depot", how)
            assert 0.1 <= lender.original_s < 0.5, turn
            await lender.rerank("scripted/overlap", "a", ["b", "c"])
            assert 0.2 <= lender.original_s < 0.9, turn
            assert lender.usage.calls == lender.usage.cached_calls == 0
            assert lender.waited_s >= 1.2 if turn == 0 else lender.waited_s < 0.2
        assert asked.count("where is the depot") == 1
        assert desk.budget.calls == 0


async def test_of_calls_at_once_the_longest_counts(make: Make) -> None:
    async with Workspace.open(make(towns=2)) as workspace:
        lender = ExampleLender(desk_of(workspace), None)

        async def call(seconds: float, wait: float) -> None:
            with lender.waiting() as took:
                await asyncio.sleep(wait)
                took.seconds = seconds

        await asyncio.gather(call(2.0, 0.2), call(3.0, 0.1), call(1.0, 0.2))
        assert lender.original_s == 3.0
        assert 0.19 < lender.waited_s < 0.45  # their sum is 0.5
        await call(1.5, 0.0)
        assert lender.original_s == 4.5


# --- accurate, but dropped ------------------------------------------------------------------------


async def one_technique(folder: Path, monkeypatch: pytest.MonkeyPatch) -> JourneyStep:
    """A journey that knows only search by meaning."""
    table = {"search_kind": "headway.techniques.context.search_kind:SearchKind"}
    monkeypatch.setattr(journey, "TECHNIQUES", Family("technique", table))
    async with Workspace.open(folder) as workspace:
        found: Journey = await workspace.optimize(test="never")
    return next(s for s in found.steps if s.technique == "search_kind")


@pytest.mark.parametrize(
    ("limit", "reasons"), [(1.0, {"too_costly"}), (20.0, {"better", "not_proven"})]
)
async def test_what_costs_too_much_is_dropped(
    make: Make, monkeypatch: pytest.MonkeyPatch, limit: float, reasons: set[str]
) -> None:
    async with StubServer(embed=knowing) as stub:
        # Six words a question at $1,000 a million: $6 a thousand requests. The index costs $2.6,
        # which over the examples looked at would break the higher limit too.
        folder = served(make, stub, prompt=1000.0, constraints={"usd_per_1k_requests": limit})
        step = await one_technique(folder, monkeypatch)
    assert step.reason in reasons, step.detail
    assert step.difference is not None
    assert step.difference > 0.2
    if "too_costly" in reasons:
        assert step.decision == "dropped"
        assert step.detail == "$6.00 a thousand requests is over the limit of $1"


async def test_what_is_too_slow_is_dropped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with StubServer(embed=knowing, latency_s=0.2) as stub:
        folder = served(make, stub, constraints={"latency_p95_s": 0.15})
        step = await one_technique(folder, monkeypatch)
    assert (step.decision, step.reason) == ("dropped", "too_slow"), step.detail
    assert step.difference is not None
    assert step.difference > 0.2
    assert "is over the limit of 0.15 s" in step.detail
