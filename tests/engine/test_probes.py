"""Diagnosis on tasks whose truth is known: the probes find it, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.core.errors import Outage
from headway.core.findings import Diagnosis, Estimate, Headroom
from headway.core.pipeline import Pipeline
from headway.core.record import ChatReply, ChatRequest
from headway.core.task import Example, Task, fraction
from headway.engine.advice import advise, helpful
from headway.engine.causes import CAUSES
from headway.engine.compare import estimate
from headway.engine.lender import SEEDS, ExampleLender
from headway.engine.needs import unmet
from headway.engine.positions import PLACES, placed
from headway.engine.probes import Prober, _holds_back, _product, _ratio, more_context
from headway.engine.run import PERFECT, Probe, search_of
from headway.engine.statistics.pairs import Verdict
from headway.models.scripted import ScriptedChat
from headway.techniques import TECHNIQUES
from headway.workspace import Workspace

Says = Callable[[Example, bool, ChatRequest], str | ChatReply]
SHOWN = 40


def riddled(folder: Path, share: float) -> Path:
    """Rewrites this share of the questions so that no search finds their evidence."""
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        if (number * 61 % len(rows)) / len(rows) < share:
            row["inputs"]["question"] = f"Riddle {number}: zyx?"
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


async def diagnose(
    folder: Path, says: Says, *, limit: int = SHOWN, stronger: Says | None = None
) -> Diagnosis:
    """Diagnose with a model that is told the example, and whether its evidence is shown."""
    async with Workspace.open(folder) as workspace:
        by_question = {e.question: e for e in workspace.task.examples}

        def scripted(says: Says, name: str) -> ScriptedChat:
            def answer(request: ChatRequest) -> str | ChatReply:
                text = request.messages[-1].content
                example = by_question[text.rpartition("Question: ")[2]]
                held = bool(example.evidence) and str(example.evidence[0].text) in text
                return says(example, held, request)

            return ScriptedChat(answer, name=name)

        workspace.parts._chat["scripted/extract"] = scripted(says, "usual")
        if stronger is not None:
            workspace.parts._chat["scripted/stronger"] = scripted(stronger, "stronger")
        prober = Prober(workspace._runner(), "exact_match")
        chosen = workspace.task.split("dev")[:limit]
        return await prober.diagnose(workspace.pipeline(), chosen)


def reads(example: Example, held: bool, request: ChatRequest) -> str:
    """Right exactly where the evidence is shown."""
    return str(example.reference) if held else "nobody knows"


def half(example: Example) -> bool:
    return sum(example.id.encode()) % 2 == 0


def dull(example: Example, held: bool, request: ChatRequest) -> str:
    """Right for half of the examples, whatever is shown."""
    return str(example.reference) if half(example) else "nobody knows"


def mean(found: Estimate | None) -> float:
    assert found is not None
    assert found.mean is not None
    return found.mean


async def test_context_holds_back(make_task: Any) -> None:
    found = await diagnose(riddled(make_task(), 0.7), reads)
    assert found.holds_back == "context"
    assert mean(found.map.behaviour) == mean(found.perfect_context) == 1.0
    assert mean(found.map.context) == pytest.approx(mean(found.as_is), abs=1e-9)
    assert 0.1 < mean(found.map.context) < 0.5
    assert mean(found.headroom.context) == pytest.approx(1 - mean(found.as_is))
    assert mean(found.headroom.behaviour) == 0.0
    assert mean(found.closed_book) == 0.0
    assert set(found.causes) == {"not_found"}
    assert sum(found.causes.values()) == round(SHOWN * (1 - mean(found.as_is)))
    assert found.funnel["with evidence"] == found.funnel["whole in one passage"] == SHOWN
    assert found.funnel["in the prompt"] == SHOWN - found.causes["not_found"]
    assert any(text.startswith("Context holds it back") for text in found.advice)
    assert any("search_kind" in text for text in found.advice)
    # Nothing fails with perfect context, so nothing is repeated and no ceiling is claimed.
    assert found.headroom.reachable_at_3 is None


async def test_behaviour_holds_back(make_task: Any) -> None:
    found = await diagnose(make_task(), dull)
    assert found.holds_back == "behaviour"
    assert mean(found.map.context) == 1.0
    assert mean(found.map.behaviour) == mean(found.as_is) == mean(found.perfect_context)
    assert 0.2 < mean(found.map.behaviour) < 0.8
    assert mean(found.headroom.context) == 0.0
    assert mean(found.headroom.behaviour) == pytest.approx(1 - mean(found.as_is))
    assert mean(found.headroom.reachable_at_3) == 0.0
    assert set(found.causes) == {"unfaithful"}
    assert any(text.startswith("Behaviour holds it back, not context") for text in found.advice)
    # It answers as well without any passage, and that is said.
    assert mean(found.closed_book) == mean(found.as_is)
    same = f"{mean(found.as_is):.2f} ("
    (said,) = (text for text in found.advice if text.startswith("Without any passages"))
    assert said.count(same) == 2  # with its interval, and no more is claimed


async def test_what_repeats_reach_and_what_a_stronger_model_reaches(make_task: Any) -> None:
    def lucky(example: Example, held: bool, request: ChatRequest) -> str:
        if request.temperature == 0.7 and request.seed == 2 * SEEDS and example.tags == ("river",):
            return str(example.reference)
        return dull(example, held, request)

    spec = {"models": {"chat": "scripted/extract", "stronger": "scripted/stronger"}}
    found = await diagnose(make_task(**spec), lucky, stronger=reads)
    left = mean(found.headroom.behaviour)
    assert 0 < mean(found.headroom.reachable_at_3) < left
    assert mean(found.headroom.stronger_model) == pytest.approx(left)
    # A river's failure is unstable; the rest of the failures says what no passage supports.
    assert set(found.causes) == {"unstable", "unfaithful"}
    unstable = [f for f in found.failures if f["cause"] == "unstable"]
    assert all(f["tags"] == ["river"] for f in unstable)


async def test_neither_holds_back_what_is_right_already(make_task: Any) -> None:
    found = await diagnose(make_task(), lambda e, held, r: str(e.reference))
    assert found.holds_back == "neither"
    assert (found.causes, found.failures) == ({}, ())
    assert mean(found.as_is) == 1.0


async def test_a_few_right_ones_with_evidence_do_not_speak_for_all(make_task: Any) -> None:
    folder = make_task()
    file = folder / "examples.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for number, row in enumerate(rows):
        if number % 10:
            row |= {"evidence": [], "reference": "in no document at all"}
    file.write_text("\n".join(map(json.dumps, rows)))
    found = await diagnose(folder, lambda e, held, r: str(e.reference) if e.evidence else "no")
    assert mean(found.as_is) == 1.0  # over those with evidence
    assert found.causes
    assert found.holds_back == "not_clear"


async def test_a_task_without_knowledge_has_no_context_axis(make_task: Any) -> None:
    found = await diagnose(make_task(knowledge=False), dull)
    assert (found.map.context, found.headroom.context) == (None, None)
    assert (found.closed_book, found.perfect_context) == (None, None)
    assert found.coverage == Estimate()
    assert mean(found.map.behaviour) == mean(found.as_is)
    assert found.holds_back == "behaviour"
    assert found.funnel == {}
    assert any("does not apply" in text for text in found.advice)
    assert set(found.causes) == {"wrong_despite_evidence"}


async def test_a_map_of_few_is_not_drawn(make_task: Any) -> None:
    found = await diagnose(make_task(), dull, limit=29)
    assert found.map.context is None
    assert found.map.behaviour is None
    assert any("29 of the 29 diagnosed examples have evidence" in text for text in found.advice)
    assert (await diagnose(make_task(name="more"), dull, limit=30)).map.behaviour is not None


async def test_coverage_says_how_many_have_evidence(make_task: Any) -> None:
    folder = make_task()
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for row in rows:
        if row["tags"] == ["river"]:
            row["evidence"] = [{"document": "gone.md", "text": "lost"}]
        elif row["tags"] == ["hall"]:
            row["evidence"], row["reference"] = [], "stands nowhere"
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    found = await diagnose(folder, reads, limit=60)
    assert mean(found.coverage) == pytest.approx(1 / 3, abs=0.02)
    assert found.as_is.n == found.perfect_context.n < 30  # type: ignore[union-attr]
    assert found.map.behaviour is None
    assert found.causes["not_in_knowledge"] > 0


async def test_where_nothing_is_right_the_context_is_undefined(make_task: Any) -> None:
    found = await diagnose(make_task(), lambda e, held, r: "nobody knows")
    assert found.map.context is None
    assert mean(found.map.behaviour) == 0.0
    assert found.holds_back == "behaviour"


async def test_outages_are_in_no_estimate(make_task: Any) -> None:
    def flaky(example: Example, held: bool, request: ChatRequest) -> str:
        if example.tags == ("hall",):
            raise Outage("down")
        return str(example.reference)

    found = await diagnose(make_task(), flaky)
    assert mean(found.as_is) == 1.0
    assert found.as_is.n < SHOWN
    assert set(found.causes) == {"outage"}
    assert all(f["score"] is None for f in found.failures)


def room(context: tuple[float, float] | None, behaviour: tuple[float, float] | None) -> Headroom:
    def made(given: tuple[float, float] | None) -> Estimate | None:
        return given and Estimate(mean=given[0], low=given[1], high=1.0, n=40)

    return Headroom(context=made(context), behaviour=made(behaviour))


@pytest.mark.parametrize(
    ("headroom", "has_context", "more", "holds"),
    [
        (room((0.5, 0.3), (0.2, 0.1)), True, "better", "context"),
        (room((0.5, 0.1), (0.2, 0.1)), True, "not_proven", "not_clear"),
        (room((0.1, 0.0), (0.4, 0.3)), True, "worse", "behaviour"),
        (room((0.01, 0.0), (0.01, 0.0)), True, "not_proven", "neither"),
        (room(None, (0.2, 0.1)), True, "not_proven", "not_clear"),
        (room(None, (0.2, 0.1)), False, "not_proven", "behaviour"),
        (room(None, (0.0, 0.0)), False, "not_proven", "neither"),
        (room(None, None), False, "not_proven", "not_clear"),
    ],
)
def test_what_holds_back(headroom: Headroom, has_context: bool, more: Verdict, holds: str) -> None:
    assert _holds_back(headroom, has_context, more) == holds


def test_no_axis_is_said_to_hold_back_where_both_have_as_much_left() -> None:
    # As is 0.4, perfect context 0.7: 0.3 left on either axis, of the same 60 examples.
    rng, runs = np.random.default_rng(3), 300
    said = []
    for _ in range(runs):
        u = rng.random(60)
        low, top = (u < 0.4).astype(float).tolist(), (u < 0.7).astype(float).tolist()
        said.append(more_context(low, top, [str(n) for n in range(60)]))
    assert said.count("not_proven") / runs > 0.92
    clear = more_context([0.0] * 30 + [1.0] * 30, [1.0] * 60, [str(n) for n in range(60)])
    assert clear == "better"


def test_a_part_of_the_headroom_is_as_uncertain_as_both_its_factors() -> None:
    # 0.3 of the examples fail, of which a stronger model gets 0.9.
    rng, runs, covered = np.random.default_rng(4), 400, 0
    for _ in range(runs):
        failed = (rng.random(40) < 0.3).astype(float)
        reached = (rng.random(int(failed.sum())) < 0.9).astype(float)
        part = _product(
            estimate(failed.tolist(), [str(n) for n in range(40)]),
            estimate(reached.tolist(), [str(n) for n in range(len(reached))]),
        )
        assert part.low is not None
        assert part.high is not None
        covered += part.low <= 0.27 <= part.high
    assert covered / runs > 0.92
    none = Estimate(mean=0.0, low=0.0, high=0.1, n=40)
    assert _product(none, Estimate()) == Estimate()


async def test_what_guesses_reach_is_no_ceiling(make_task: Any) -> None:
    # Two labels, all of them guessed: three guesses are right once in seven of eight.
    folder = make_task(knowledge=False, output={"kind": "label", "labels": ["yes", "no"]})
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["reference"] = "yes" if number % 2 else "no"
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))

    def guess(example: Example, held: bool, request: ChatRequest) -> str:
        said = f"{example.id} {request.temperature} {request.seed}"
        return "yes" if fraction(said) < 0.5 else "no"

    found = await diagnose(folder, guess, limit=80)
    assert mean(found.headroom.behaviour) > 0.3
    assert found.headroom.reachable_at_3 is not None
    assert found.headroom.reachable_at_3.low == 0.0
    assert mean(found.headroom.reachable_at_3) < 0.2


def test_context_is_a_share_of_what_perfect_context_reaches() -> None:
    groups = [str(n) for n in range(40)]
    half = _ratio([0.4] * 40, [0.8] * 40, groups)
    assert half is not None
    assert (half.mean, half.n) == (pytest.approx(0.5), 40)
    # Forty of the same are no certainty: others may yet come.
    assert half.low is not None
    assert half.high is not None
    assert 0.3 < half.low < 0.5 < half.high < 0.7
    # As is may beat perfect context by luck; a share is never more than 1.
    above = _ratio([1.0, 0.6] * 20, [0.8, 0.4] * 20, groups)
    assert above is not None
    assert (above.mean, above.high) == (1.0, 1.0)
    same = _ratio([1.0, 0.0] * 20, [1.0, 0.0] * 20, groups)
    assert same is not None
    assert same.low is not None
    assert (same.mean, same.high) == (1.0, 1.0)
    assert 0.7 < same.low < 0.95
    never = _ratio([0.0] * 40, [1.0] * 40, groups)
    assert never is not None
    assert never.high is not None
    assert (never.mean, never.low) == (0.0, 0.0)
    assert 0.05 < never.high < 0.2
    one = _ratio([0.5] * 40, [1.0] * 40, ["one"] * 40)
    assert one is None or (one.low, one.high) == (0.0, 1.0)
    assert _ratio([1.0] * 40, [0.0] * 40, groups) is None
    lost = _ratio([0.4, None] * 20, [0.8, 0.1] * 20, groups)
    assert lost is not None
    assert (lost.mean, lost.n) == (pytest.approx(0.5), 20)


async def test_probes_are_not_run_twice(make_task: Any) -> None:
    folder = make_task()
    first = await diagnose(folder, dull)
    assert first.usage.calls > 0
    again = await diagnose(folder, dull)
    assert again.usage.calls == 0
    assert again.model_dump(exclude={"usage"}) == first.model_dump(exclude={"usage"})


async def test_a_pipeline_that_does_not_search(make_task: Any) -> None:
    async with Workspace.open(make_task()) as workspace:
        plain = Pipeline.model_validate({"model": "scripted/echo", "steps": ["generate"]})
        prober = Prober(workspace._runner(), "exact_match")
        found = await prober.diagnose(
            workspace.pipeline(plain), workspace.task.split("dev")[:SHOWN]
        )
    # What it is never shown is a matter of context.
    assert set(found.causes) == {"not_found"}


# --- the place of the evidence, and what the passages shown are worth ------------------------


async def diagnose_places(folder: Path, says: Says) -> tuple[Diagnosis, ScriptedChat]:
    async with Workspace.open(folder) as workspace:
        by_question = {e.question: e for e in workspace.task.examples}

        def answer(request: ChatRequest) -> str | ChatReply:
            text = request.messages[-1].content
            example = by_question[text.rpartition("Question: ")[2]]
            held = bool(example.evidence) and str(example.evidence[0].text) in text
            return says(example, held, request)

        model = ScriptedChat(answer, name="usual")
        workspace.parts._chat["scripted/extract"] = model
        chosen = workspace.task.split("dev")[:SHOWN]
        prober = Prober(workspace._runner(), "exact_match")
        return await prober.diagnose(workspace.pipeline(), chosen, positions=True), model


def place_of(example: Example, request: ChatRequest) -> tuple[int, int]:
    """(place of the evidence, number of passages) in a prompt; whole passages are towns here."""
    text = request.messages[-1].content
    towns = [line for line in text.splitlines() if "lies on the river" in line]
    (own,) = [n for n, line in enumerate(towns) if example.cluster in line]
    return own, len(towns)


async def test_lost_in_the_middle_is_found(make_task: Any) -> None:
    def forgetful(example: Example, held: bool, request: ChatRequest) -> str:
        if not held:
            return "nobody knows"
        place, of = place_of(example, request)
        return "nobody knows" if 0 < place < of - 1 else str(example.reference)

    found, _ = await diagnose_places(make_task(), forgetful)
    assert list(found.positions) == ["first", "middle", "last"]
    assert [mean(found.positions[p]) for p in found.positions] == [1.0, 0.0, 1.0]
    assert all(e.n == SHOWN for e in found.positions.values())
    (said,) = [text for text in found.advice if text.startswith("Lost in the middle")]
    assert "1.00 less when it stands in the middle" in said


async def test_a_place_that_does_not_matter_gives_no_advice(make_task: Any) -> None:
    found, model = await diagnose_places(make_task(), dull)
    # Only what is right with the evidence alone is asked.
    right = round(SHOWN * mean(found.perfect_context))
    assert all(e.n == right and mean(e) == 1.0 for e in found.positions.values())
    assert not any("the same evidence scores" in text for text in found.advice)
    prompts = [r for r in model.requests if r.messages[-1].content.count("lies on the river") == 4]
    assert len(prompts) >= 3 * right - 5  # four passages though the pipeline shows two


async def test_places_are_asked_only_where_wanted(make_task: Any) -> None:
    folder = make_task()
    assert (await diagnose(folder, reads)).positions == {}
    without = make_task(name="plain", knowledge=False)
    found, _ = await diagnose_places(without, dull)
    assert (found.positions, found.context_recall, found.funnel) == ({}, None, {})


async def test_the_evidence_stands_where_it_should_among_others(make_task: Any) -> None:
    async with Workspace.open(make_task(towns=12)) as workspace:
        runner = workspace._runner()
        lend = ExampleLender(runner.desk, None)
        example = workspace.task.examples[0]
        knowledge = workspace.parts.knowledge()
        for steps, count in (
            ([{"retrieve": {"k": 1}}], 4),
            ([{"retrieve": {"k": 6}}], 6),
            ([{"retrieve": {"k": 20}}, {"rerank": {"k": 5}}], 5),
        ):
            pipeline = workspace.pipeline(Pipeline.model_validate({"steps": steps}))
            built = workspace.parts.steps(pipeline)
            how = search_of(built)
            assert how is not None
            own = knowledge.passages_of(example.evidence, how)
            for place, at in (("first", 0), ("middle", (count - 1) // 2), ("last", count - 1)):
                shown = await placed(own, example.question, built, how, lend, place)  # type: ignore[arg-type]
                assert len(shown) == count
                assert shown[at] == own[0]
                assert sum(p.document == own[0].document for p in shown) == 1
            assert await placed((), example.question, built, how, lend, "first") == ()


def test_a_place_is_part_of_the_key_that_records_are_kept_under() -> None:
    places = {Probe("perfect_context", perfect=True, position=place).key for place in PLACES}
    assert len({*places, PERFECT.key}) == 4


async def test_much_noise_is_told_and_so_is_little_recall(make_task: Any) -> None:
    found = await diagnose(riddled(make_task(), 0.7), reads)
    assert found.context_recall is not None
    assert mean(found.context_recall) == pytest.approx(mean(found.as_is))
    assert found.context_recall.n == SHOWN
    assert any(text.startswith("Context recall is 0.") for text in found.advice)
    noisy = found.model_copy(
        update={
            "context_signal": Estimate(mean=0.05, low=0.0, high=0.1, n=40),
            "context_recall": Estimate(mean=0.9, low=0.8, high=1.0, n=40),
        }
    )
    task = Task.load(make_task(name="again"))
    said = " ".join(advise(noisy, task, True, True, 40))
    assert "mostly noise: 5% of them hold evidence, at a recall of 0.90: show fewer" in said
    assert "the best first (rerank" in said
    assert "passage_count" in said
    clean = noisy.model_copy(update={"context_signal": Estimate(mean=0.8, n=40)})
    assert "noise" not in " ".join(advise(clean, task, True, True, 40))


def test_only_techniques_whose_needs_are_met_are_advised(make_task: Any) -> None:
    task = Task.load(make_task())
    helps = helpful("not_found", task)
    assert "search_kind" in helps
    plain = Task.load(make_task(name="plain", knowledge=False))
    assert helpful("not_found", plain) == []
    for cause in CAUSES:
        for name in helpful(cause, task):
            kind = TECHNIQUES.load(name)
            assert not unmet(kind, task)
            assert kind.axis in (CAUSES[cause][0], "both")
    application = Task.load(make_task(name="own", application="app.py:answer", settings={"k": [1]}))
    assert all("application" in TECHNIQUES.load(n).needs for n in helpful("not_found", application))


def test_what_is_made_for_a_cause_is_advised_first(make_task: Any) -> None:
    task = Task.load(make_task())
    assert helpful("unfaithful", task)[:2] == ["quotes", "fact_check"]
    assert helpful("invalid_output", task)[0] == "output_contract"
    assert helpful("unstable", task)[:2] == ["voting", "best_of_n"]
    assert helpful("ranked_too_low", task)[0] == "rerank"


async def test_answers_that_stand_in_a_database_have_a_context_axis(make_task: Any) -> None:
    folder = make_task(knowledge=False)
    (folder / "databases").mkdir()
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    with closing(sqlite3.connect(folder / "databases" / "towns.sqlite")) as database:
        database.execute("CREATE TABLE facts (id TEXT, answer TEXT)")
        database.executemany(
            "INSERT INTO facts VALUES (?, ?)", [(r["id"], f"it is {r['reference']}") for r in rows]
        )
        database.commit()
    for row in rows:
        sql = f"SELECT answer FROM facts WHERE id = '{row['id']}'"
        row["evidence"] = [{"document": "database:towns", "text": sql, "tables": ["facts"]}]
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))

    def told(example: Example, held: bool, request: ChatRequest) -> str:
        text = request.messages[-1].content
        return str(example.reference) if f"it is {example.reference}" in text else "nobody knows"

    found = await diagnose(folder, told)
    assert found.holds_back == "context"
    assert mean(found.perfect_context) == 1.0
    assert mean(found.map.context) == 0.0
    assert set(found.causes) == {"in_database"}
    assert {f["fault"] for f in found.failures} == {"database"}
    assert found.funnel["in the knowledge"] == SHOWN
    assert found.funnel["in the prompt"] == 0
    assert any("Try: database" in text for text in found.advice)
