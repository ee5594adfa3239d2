"""Plans: the right size, honest about what is not known, free where all is in the store."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.findings import Estimate, Plan
from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, silent
from headway.core.protocols import Search
from headway.core.record import Record, Usage
from headway.core.task import Example, Task
from headway.engine.budget import Budget, Limits
from headway.engine.estimate import Estimator, Range, Rehearsal, request_tokens, text_tokens
from headway.engine.journey import Lent
from headway.engine.lender import Desk
from headway.engine.parts import Parts
from headway.engine.plan import cut_dev
from headway.engine.run import AS_IS, Runner
from headway.store import Store
from headway.techniques import TECHNIQUES

HOUSE = {
    "models": {"chat": "house/m"},
    "endpoints": {"house": {"base_url": "http://localhost:1/v1", "concurrency": 10}},
}
LOCAL = {"models": {"chat": "embedded/smollm2-135m"}}


@pytest.fixture(autouse=True)
def _nothing_is_fetched_or_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def refuse(*args: Any, **more: Any) -> Any:
        raise AssertionError("a plan must not call or fetch a model")

    monkeypatch.setenv("HEADWAY_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("HEADWAY_PRICES", raising=False)
    monkeypatch.setattr("headway.models.pull.obtain", refuse)
    monkeypatch.setattr("headway.models.embedded.obtain", refuse)
    monkeypatch.setattr("headway.models.scripted.ScriptedChat.chat", refuse)
    monkeypatch.setattr("headway.models.endpoint.EndpointChat.chat", refuse)


def write(folder: Path, count: int = 200, prices: str = "", **spec: Any) -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    said = {"name": "t", "models": {"chat": "scripted/echo"}, "instructions": "Answer.", **spec}
    (folder / "task.yaml").write_text(yaml.safe_dump(said))
    lines = [
        json.dumps({
            "id": f"e{n}", "inputs": {"question": f"{n}: " + "word " * 20},
            "reference": "an answer",
            "evidence": [{"document": "d.md", "text": "Some text"}] if "knowledge" in spec else [],
        })
        for n in range(count)
    ]  # fmt: skip
    (folder / "examples.jsonl").write_text("\n".join(lines))
    (folder / "knowledge").mkdir(exist_ok=True)
    (folder / "knowledge" / "d.md").write_text("Some text. " + "word " * 1000)
    if prices:
        (folder / "prices.yaml").write_text(prices)
    return Task.load(folder)


def baseline(task: Task) -> Pipeline:
    if task.spec.application:
        return Pipeline.model_validate({"steps": ["application"]})
    steps: list[Any] = [{"generate": {"template": task.instructions, "max_tokens": 64}}]
    if task.has_knowledge:
        steps.insert(0, {"retrieve": {"k": 2}})
    return Pipeline.model_validate({"model": task.spec.models.chat, "steps": steps})


@asynccontextmanager
async def opened(task: Task) -> AsyncIterator[Estimator]:
    parts, store = Parts(task, silent, Notices()), Store(task.home / "store.db")
    try:
        yield Estimator(task, parts, store, parts.resolve(baseline(task)))
    finally:
        await parts.close()
        store.close()


async def plan(task: Task, command: str, **options: Any) -> Plan:
    async with opened(task) as estimator:
        return await estimator.plan(command, **options)


async def proposed(task: Task, technique: str) -> int:
    """How many candidates a technique has for the baseline."""
    async with opened(task) as estimator:
        desk = Desk(task, estimator.parts, estimator.store, Budget(Limits()))
        runner = Runner(desk, lambda *_: None)  # type: ignore[arg-type,return-value]
        lent = Lent(task, estimator.pipeline, task.split("train"), {}, runner)
        found = [c async for c in TECHNIQUES.load(technique)().propose(lent)]
    assert len(found) > 1  # else this says nothing
    return len(found)


def put(
    estimator: Estimator, name: str, examples: tuple[Example, ...], latency_s: float = 1.0,
    usd: float | None = 0.01,
) -> None:  # fmt: skip
    """Answers of a pipeline, as a run keeps them."""
    for e in examples:
        usage = Usage(1, 0, 300, 20, usd)
        record = Record(e.id, "an answer", "an answer", usage=usage, latency_s=latency_s)
        estimator.store.put_record(name, AS_IS.key, e.fingerprint, 0, orjson.dumps(record))


def ordered(value: Estimate) -> bool:
    if value.mean is None:
        return value.low is None and value.high is None
    assert value.low is not None
    assert value.high is not None
    return 0 <= value.low <= value.mean <= value.high


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("evaluate", {}), ("evaluate", {"split": "train", "limit": 10, "repeat": 3}),
    ("diagnose", {}), ("diagnose", {"limit": 5}), ("try", {"technique": "instructions"}),
    ("try", {"technique": "reasoning"}), ("optimize", {}), ("optimize", {"calls": 300}),
    ("optimize", {"tokens": 20_000}), ("optimize", {"usd": 0.2}), ("optimize", {"minutes": 3}),
    ("optimize", {"axis": "context", "test": "never", "resume": True}), ("final", {}),
    ("compare", {"a": "baseline", "b": "nothing", "metric": None}),
]  # fmt: skip
SPECS: list[dict[str, Any]] = [
    {}, HOUSE, LOCAL, {"knowledge": {}}, {"application": "app.py:answer"},
    {"margin": {"token_f1": 0.02}}, {"output": {"kind": "label", "labels": ["a", "b"]}},
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(s) or "plain")
@pytest.mark.parametrize("count", [0, 1, 150])
async def test_every_command_has_a_plan(tmp_path: Path, spec: dict[str, Any], count: int) -> None:
    (tmp_path / "app.py").write_text("def answer(inputs, *, context=None, settings=None): ...")
    task = write(tmp_path, count, **spec)
    async with opened(task) as estimator:
        for command, options in COMMANDS:
            found = await estimator.plan(command, **options)
            told = (found.calls, found.tokens, found.usd, found.minutes)
            assert all(ordered(value) for value in told), (command, options, found)
            assert found.calls.mean is not None
            assert found.minutes.mean is not None
            assert found.notes
            # No technique of ours changes the prompt of a user's own application.
            if count and not (command == "try" and "application" in spec):
                assert found.calls.high or count == 1


async def test_a_command_that_spends_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spends nothing"):
        await plan(write(tmp_path), "check")
    with pytest.raises(InputError, match="technique"):
        await plan(write(tmp_path), "try", technique="magic")


async def test_calls_are_counted(tmp_path: Path) -> None:
    task = write(tmp_path)
    dev = len(task.split("dev"))
    assert (await plan(task, "evaluate")).calls.mean == dev
    assert (await plan(task, "evaluate", limit=7, repeat=2)).calls.mean == 14
    assert (await plan(task, "final")).calls.mean == len(task.split("test"))
    assert (await plan(task, "compare", a="x", b="y")).calls.mean == 2 * dev
    tried = await plan(task, "try", technique="instructions", limit=10)
    # The incumbent, and as many candidates as the technique proposes: how many is its own matter.
    assert tried.calls.mean == 10 * (1 + await proposed(task, "instructions"))
    assert (await plan(task, "diagnose", limit=10)).calls.low == 10


async def test_probes_are_counted(tmp_path: Path) -> None:
    found = await plan(write(tmp_path, knowledge={}), "diagnose", limit=10)
    assert found.calls.low == 30  # as is, closed book, perfect context
    assert found.calls.high == 30 + 3 * 4  # at most 4 of 10 failures are asked again
    stronger = write(tmp_path, models={"chat": "scripted/echo", "stronger": "scripted/extract"})
    assert (await plan(stronger, "diagnose", limit=10)).calls.high == 10 + 3 * 4 + 10


async def test_the_place_of_the_evidence_is_counted_three_times(tmp_path: Path) -> None:
    task = write(tmp_path / "known", knowledge={})
    without = await plan(task, "diagnose", limit=10)
    found = await plan(task, "diagnose", limit=10, positions=True)
    assert found.calls.high == without.calls.high + 3 * 10
    assert found.calls.mean == without.calls.mean + 3 * 5
    assert found.calls.low == without.calls.low
    plain = write(tmp_path / "plain")
    assert await plan(plain, "diagnose", limit=10, positions=True) == await plan(
        plain, "diagnose", limit=10
    )


async def test_tokens_follow_the_prompt(tmp_path: Path) -> None:
    task = write(tmp_path, knowledge={})
    async with opened(task) as estimator:
        short = await estimator.plan("evaluate", limit=10)
        twice = estimator.pipeline.with_step("retrieve", k=8)
        long = await estimator.plan("evaluate", limit=10, pipeline=twice)
    assert short.tokens.mean is not None
    assert long.tokens.mean is not None
    # Two passages of 160 words of five letters, then eight.
    assert 10 * 2 * 160 < short.tokens.mean < 10 * 4 * 160
    assert 2.5 < long.tokens.mean / short.tokens.mean < 4


async def test_prices(tmp_path: Path) -> None:
    for name, spec in (("a", {}), ("b", LOCAL)):
        assert (await plan(write(tmp_path / name, **spec), "evaluate")).usd.mean == 0
    unknown = await plan(write(tmp_path / "c", **HOUSE), "evaluate")
    assert unknown.usd.mean is None
    assert any("price of house/m is not known" in note for note in unknown.notes)
    capped = await plan(write(tmp_path / "c", **HOUSE), "optimize", usd=1)
    assert any("known prices" in note for note in capped.notes)
    prices = "house/*: {prompt: 10, completion: 0, date: 2026-10-01}"
    known = await plan(write(tmp_path / "d", prices=prices, **HOUSE), "evaluate")
    assert known.usd.mean is not None
    assert known.tokens.mean is not None
    assert 0 < known.usd.mean <= known.tokens.mean * 10 / 1e6
    with pytest.raises(InputError, match="prompt"):
        await plan(write(tmp_path / "e", prices="house/m: {cost: 1}", **HOUSE), "evaluate")


async def test_speed_by_rule_where_nothing_is_measured(tmp_path: Path) -> None:
    local = await plan(write(tmp_path / "a", **LOCAL), "evaluate", limit=60)
    # 40 tokens of prompt, 8 of answer: 0.4 s each.
    assert 0.2 < (local.minutes.mean or 0) < 1
    assert (local.minutes.high or 0) > 2 * (local.minutes.mean or 0)
    assert any("200 prompt and 40 answer tokens" in note for note in local.notes)
    assert any("not on this machine" in note for note in local.notes)
    house = await plan(write(tmp_path / "b", **HOUSE), "evaluate", limit=60)
    assert house.minutes.mean == pytest.approx(60 * 2 / 10 / 60)


async def test_measured_records_go_before_the_rule(tmp_path: Path) -> None:
    task = write(tmp_path, **LOCAL)
    explore, confirm = cut_dev(task)
    async with opened(task) as estimator:
        # The model is not on this machine, so equal data must do.
        estimator.store.put_pipeline("f" * 20, estimator.pipeline.model_dump(mode="json"))
        put(estimator, "f" * 20, explore, latency_s=8.0)
        found = await estimator.plan("evaluate")
    assert found.calls.mean == len(confirm)
    assert found.calls.n == len(explore)
    assert found.tokens.mean == pytest.approx(320 * len(confirm), rel=0.01)
    assert found.usd.mean == pytest.approx(0.01 * len(confirm))
    assert found.minutes.mean == pytest.approx(8 / 4 * len(confirm) / 60, rel=0.01)
    assert any("store already" in note for note in found.notes)


async def test_wall_time_of_runs_goes_before_latency(tmp_path: Path) -> None:
    task = write(tmp_path, **HOUSE)
    async with opened(task) as estimator:
        used = {"calls": 100, "cached_calls": 0, "prompt_tokens": 1, "completion_tokens": 1}
        run = {"model": "house/m", "usage": used, "wall_s": 50.0}
        estimator.store.put_run("r1", "p", "dev", "as_is", run)
        found = await estimator.plan("evaluate", limit=60)
    assert found.minutes.mean == pytest.approx(0.5)
    assert any("measured over 100 calls" in note for note in found.notes)


async def test_what_is_in_the_store_costs_nothing(tmp_path: Path) -> None:
    task = write(tmp_path)
    async with opened(task) as estimator:
        name = await estimator.parts.fingerprint(estimator.pipeline)
        put(estimator, name, task.split("dev"))
        found = await estimator.plan("evaluate")
        more = await estimator.plan("evaluate", repeat=2)
    assert found.calls == Estimate(mean=0, low=0, high=0, n=0)
    assert found.usd.mean == 0
    assert any("nothing new" in note for note in found.notes)
    assert more.calls.mean == len(task.split("dev"))


async def test_a_changed_prompt_is_not_in_the_store(tmp_path: Path) -> None:
    task = write(tmp_path)
    async with opened(task) as estimator:
        put(estimator, await estimator.parts.fingerprint(estimator.pipeline), task.split("dev"))
        other = estimator.pipeline.with_step("generate", template="Answer briefly.")
        found = await estimator.plan("evaluate", pipeline=other)
    assert found.calls.mean == len(task.split("dev"))


@pytest.mark.parametrize(
    ("limit", "field", "scale"),
    [("calls", "calls", 1), ("tokens", "tokens", 100), ("minutes", "minutes", 0.002),
     ("usd", "usd", 0.001)],
)  # fmt: skip
async def test_a_budget_holds_at_every_end(
    tmp_path: Path, limit: str, field: str, scale: float
) -> None:
    prices = "house/*: {prompt: 10, completion: 10, date: 2026-10-01}"
    task = write(tmp_path, 400, prices=prices, **HOUSE)
    free = await plan(task, "optimize")
    means = []
    for amount in (200 * scale, 600 * scale):
        found = await plan(task, "optimize", **{limit: amount})
        value = getattr(found, field)
        assert value.high <= amount * 1.0001
        assert ordered(found.calls)
        assert found.calls.mean <= free.calls.mean
        means.append(found.calls.mean)
    assert 0 < means[0] < means[1]


async def test_a_journey_costs_more_with_more_to_try(tmp_path: Path) -> None:
    task = write(tmp_path, 400, knowledge={})
    whole = await plan(task, "optimize")
    axis = await plan(task, "optimize", axis="context")
    closed = await plan(task, "optimize", test="never")
    assert (axis.calls.mean or 0) < (whole.calls.mean or 0)
    tested = 2 * len(task.split("test"))
    assert (whole.calls.mean or 0) - (closed.calls.mean or 0) == pytest.approx(tested, abs=1)
    assert any("sealed test" in note for note in whole.notes)
    assert not any("sealed test" in note for note in closed.notes)
    assert any("too small" in n for n in (await plan(write(tmp_path, 5), "optimize")).notes)


async def test_final_takes_the_best_pipeline(tmp_path: Path) -> None:
    task = write(tmp_path, knowledge={})
    plain = await plan(task, "final")
    bigger = baseline(task).with_step("retrieve", k=8)
    bigger.save(task.folder / "pipelines" / "best.yaml")
    assert (await plan(task, "final")).tokens.mean > 2 * (plain.tokens.mean or 0)
    named = await plan(task, "evaluate", pipeline="best", limit=10)
    assert not any("not known here" in note for note in named.notes)


async def test_a_rehearsal_composes_what_would_be_sent(tmp_path: Path) -> None:
    task = write(tmp_path, knowledge={})
    async with opened(task) as estimator:
        rehearsal = Rehearsal(task, estimator.parts)
        shots = estimator.pipeline.with_step("examples", before="generate", k=3, show="evidence")
        requests, applied = await rehearsal.requests(shots, task.split("dev")[0])
        assert applied == 0
        assert len(requests) == 1
        assert [m.role for m in requests[0].messages] == [
            "system", *["user", "assistant"] * 3, "user"
        ]  # fmt: skip
        assert request_tokens(requests[0]) > 300
        drawn = rehearsal.passages("q", Search(tokens=32, overlap=0, k=5))
        assert len(set(drawn)) == 5
        assert drawn == rehearsal.passages("q", Search(tokens=32, overlap=0, k=5))


async def test_a_search_alone_asks_no_model_and_costs_nothing(tmp_path: Path) -> None:
    task = write(tmp_path / "t", knowledge={}, output={"kind": "passages"})
    async with opened(task) as estimator:
        steps = [{"retrieve": {"k": 2, "by": "dense"}}, "rerank"]
        pipeline = estimator.costs.parts.resolve(Pipeline.model_validate({"steps": steps}))
        found = await estimator.plan("evaluate", pipeline=pipeline)
    assert (found.calls.mean, found.tokens.mean, found.usd.mean) == (0, 0, 0)
    assert found.minutes.high > 0
    assert found.notes == (
        "embedding the documents, which is done once, is not counted",
        "it searches, and asks no chat model",
    )


async def test_a_search_by_a_service_is_not_free(tmp_path: Path) -> None:
    task = write(tmp_path / "t", knowledge={}, output={"kind": "passages"}, **HOUSE)
    async with opened(task) as estimator:
        steps = ["retrieve", {"rerank": {"model": "house/r"}}]
        pipeline = estimator.costs.parts.resolve(Pipeline.model_validate({"steps": steps}))
        found = await estimator.plan("evaluate", pipeline=pipeline)
    assert (found.tokens.mean, found.usd.mean) == (None, None)
    assert "what house/r is asked for the search is not counted" in found.notes


async def test_a_pipeline_that_cannot_run_has_no_plan(tmp_path: Path) -> None:
    async with opened(write(tmp_path / "t")) as estimator:
        steps = [{"database": {"database": "gone"}}, "generate"]
        pipeline = Pipeline.model_validate({"model": "scripted/echo", "steps": steps})
        with pytest.raises(InputError, match="no database 'gone'"):
            await estimator.plan("evaluate", pipeline=estimator.costs.parts.resolve(pipeline))


def test_tokens_of_texts() -> None:
    assert text_tokens("") == 0
    assert text_tokens("a word and then some") == 5
    assert text_tokens("東京の人口") == pytest.approx(3.75)
    assert text_tokens("\ud800") > 0  # half a pair, as JSON may hold


ENDS = st.tuples(st.floats(0, 1), st.floats(1e-3, 1e6), st.floats(1, 100))


@given(a=ENDS, b=ENDS)
def test_ranges_stay_in_order(a: Any, b: Any) -> None:
    one, other = (Range.about(mean, below, above) for below, mean, above in (a, b))
    for made in (one * other, one + other):
        assert made.low <= made.mean * (1 + 1e-9)
        assert made.mean <= made.high * (1 + 1e-9)
    product = one * other
    # Never wider than the worst of both, never narrower than the wider of them.
    assert product.high <= one.high * other.high * (1 + 1e-9)
    assert product.high >= product.mean * max(a[2], b[2]) * (1 - 1e-9)
    assert math.isfinite(product.low)
