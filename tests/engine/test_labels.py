"""Label noise: voters that have not seen what they vote on, the rule, the queue, the ceiling."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.core.findings import Diagnosis, Suspect
from headway.core.record import ChatRequest, Record
from headway.core.review import Review, add_review
from headway.core.task import Example, Task
from headway.engine.labels import Doubter, contradiction, keep_doubts, nearby, reader
from headway.engine.labels.ceiling import noise_of
from headway.engine.labels.spans import kind_of, pieces
from headway.engine.labels.votes import Ballot, Vote, count, rule
from headway.engine.labels.weights import Weights, weights_of
from headway.engine.plan import cut_dev
from headway.engine.probes import Prober
from headway.engine.run import search_of
from headway.models.scripted import ScriptedChat
from headway.report import words
from headway.workspace import Workspace

# --- the rule -----------------------------------------------------------------------------------


def against(model: str, says: str, borne: bool = True, voter: str = "") -> Vote:
    return Vote(voter or model, model, 0.9, says, borne)


def test_two_different_models_must_agree_with_each_other() -> None:
    assert rule([against("a", "blue"), against("b", "Blue")], "label") == "blue"
    assert rule([against("a", "blue"), against("b", "red")], "label") is None
    # Two voters of one model are one model, and what is no model is none.
    assert rule([against("a", "blue", voter="x"), against("a", "blue", voter="y")], "label") is None
    assert rule([against("a", "blue"), against("", "blue")], "label") is None


def test_they_must_agree_with_the_evidence() -> None:
    assert rule([against("a", "1870"), against("b", "in 1870")], "text") == "1870"
    assert rule([against("a", "1870", False), against("b", "1870", False)], "text") is None
    assert rule([against("a", "1870"), against("b", "1870", False)], "text") is None


@pytest.mark.parametrize(
    ("one", "other", "kind", "agree"),
    [
        ("1.5 days", "15 days", "text", False), ("-5%", "5%", "text", False),
        ("26", "26 days of 30", "text", True), ("3,5", "3.50", "text", False),
        ("3,5 km", "3.5 km", "text", True), ("1,234", "1234", "text", True),
        ("C", "C#", "label", False), ("1.5", "15", "json", False),
    ],
)  # fmt: skip
def test_figures_agree_as_figures(one: str, other: str, kind: str, agree: bool) -> None:
    assert (rule([against("a", one), against("b", other)], kind) is not None) == agree


async def test_evidence_bears_a_figure_as_a_figure(make_task: Callable[..., Path]) -> None:
    async with Workspace.open(make_task(towns=12)) as workspace:
        doubter = Doubter(workspace._runner().desk)
        example = next(e for e in workspace.task.examples if e.tags == ("bridge",))
        year = str(example.reference)
        assert doubter._borne(example, year)
        assert not doubter._borne(example, f"{year[:-1]}.{year[-1]}")
        assert not doubter._borne(example, f"-{year}")


def test_a_vote_for_the_reference_is_no_doubter() -> None:
    example = Example(id="e", inputs={"question": "q"}, reference="red")
    votes = [against("a", "blue"), Vote("b", "b", 0.2, "blue")]
    (doubt,) = count([Ballot(example, "red", votes=votes)], "label")
    assert not doubt.agreed
    assert doubt.says == "blue"


def test_doubt_weighs_voters_by_how_often_they_agree() -> None:
    def ballot(n: int, good: float, bad: float) -> Ballot:
        example = Example(id=f"e{n}", inputs={"question": "q"}, reference="r")
        return Ballot(example, "r", votes=[Vote("good", "g", good, "x"), Vote("bad", "b", bad)])

    # `good` agrees with nearly all references, `bad` with hardly any.
    rows = [ballot(n, 0.0, 1.0) for n in range(50)]
    rows += [ballot(90, 1.0, 0.0), ballot(91, 0.0, 1.0), ballot(92, 1.0, 1.0)]
    chances = [d.chance for d in count(rows, "text")]
    assert chances[-1] > chances[-3] > chances[-2]
    assert all(0 < c < 1 for c in chances)
    assert chances[0] < 0.05 < chances[-1]  # below and above the share before any vote


# --- one model in several forms -------------------------------------------------------------------

BASE = "embedded/smollm2-135m"


def describe(folder: Path, name: str, base: str, served_as: str = "") -> None:
    home = folder / "models" / name
    home.mkdir(parents=True)
    (home / "model.json").write_text(json.dumps({"base": base, "served_as": served_as}))


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (BASE, (BASE, False)),
        ("tuned/x", (BASE, True)),
        ("embedded/models/x/merged-q8_0.gguf", None),
        ("tuned/full-1a2b.epoch-2", None),  # no description: what it was made of is not known
        ("tuned/second", (BASE, True)),  # from the merged file of the first
        ("tuned/circle", None),
        ("tuned/damaged", None),
        ("tuned/../x", None),
        ("tuned/served", ("Qwen/Qwen3-0.6B", True)),
        ("house/mine", ("Qwen/Qwen3-0.6B", True)),  # the same, by the name of its endpoint
        ("house/Qwen/Qwen3-0.6B", ("Qwen/Qwen3-0.6B", False)),
        ("embedded/own.gguf", ("embedded/own.gguf", False)),
        ("scripted/echo", ("scripted/echo", False)),
        ("echo", ("echo", False)),
    ],
)
def test_whose_weights_answer(tmp_path: Path, model: str, found: tuple[str, bool] | None) -> None:
    describe(tmp_path, "x", BASE)
    describe(tmp_path, "second", "embedded/models/x/merged-q8_0.gguf")
    describe(tmp_path, "circle", "embedded/models/circle/merged-f16.gguf")
    describe(tmp_path, "served", "Qwen/Qwen3-0.6B", served_as="house/mine")
    describe(tmp_path, "damaged", BASE)
    (tmp_path / "models" / "damaged" / "model.json").write_text("{")
    assert weights_of(model, tmp_path) == (Weights(*found) if found else None)


async def doubted(folder: Path, models: Sequence[str]) -> dict[str, list[Suspect]]:
    """Suspects by the rule, by split, where all these models answer "never" to everything."""
    async with Workspace.open(folder) as workspace:
        runner, task = workspace._runner(), workspace.task
        for model in models:
            workspace.parts._chat[model] = ScriptedChat(lambda request: "never", name=model)
            asked = workspace.parts.resolve(
                workspace.pipeline().model_copy(update={"model": model})
            )
            await runner.run(asked, task.split("train"), split="train")
            await runner.run(asked, cut_dev(task)[0])
        found = await Doubter(runner.desk).doubt()
        train = {e.id for e in task.split("train")}
    agreed = [s for s in found.suspects if s.agreed]
    return {
        "train": [s for s in agreed if s.example in train],
        "explore": [s for s in agreed if s.example not in train],
    }


async def test_one_model_in_several_forms_is_no_two_witnesses(make_task: Any) -> None:
    folder = make_task(knowledge=None)  # a text without documents: nobody votes but who answers
    describe(folder, "x", BASE)
    forms = [BASE, "tuned/x", "embedded/models/x/merged-q8_0.gguf", "tuned/full-1a2b.epoch-1",
             "tuned/full-1a2b.epoch-2"]  # fmt: skip
    assert await doubted(folder, forms) == {"train": [], "explore": []}
    found = await doubted(folder, [*forms, "scripted/other"])
    assert found["train"]
    assert found["explore"]
    assert set(found["explore"][0].votes) == {BASE, "tuned/x", "scripted/other"}
    # It may have learnt train by heart, wrong references too.
    assert set(found["train"][0].votes) == {BASE, "scripted/other"}


async def test_who_asks_everybody_clears_what_no_longer_holds(make_task: Any) -> None:
    folder = make_task(knowledge=None)
    async with Workspace.open(folder) as workspace:
        desk, example = workspace._runner().desk, workspace.task.split("train")[0]
        before = Suspect(
            example=example.id, fingerprint=example.fingerprint, reference=example.reference,
            doubt=0.9, votes={"tuned/a": {}, "tuned/b": {}}, why="two agree", agreed=True,
        )  # fmt: skip
        desk.store.put_suspects([before.model_dump(mode="json")])
        workspace.parts._chat[BASE] = ScriptedChat(lambda request: "never", name="base")
        asked = workspace.parts.resolve(workspace.pipeline().model_copy(update={"model": BASE}))
        await workspace._runner().run(asked, workspace.task.split("train"), split="train")
        quick = keep_doubts(desk, await Doubter(desk, quick=True).doubt())
        assert [s.agreed for s in quick if s.example == example.id] == [True]
        whole = keep_doubts(desk, await Doubter(desk).doubt())
        assert [s.agreed for s in whole if s.example == example.id] == [False]


# --- voters on what is near -----------------------------------------------------------------------


def clouds(rng: np.random.Generator, n: int, classes: int = 4) -> tuple[Any, list[str]]:
    """Unit vectors around one centre a class."""
    centres = rng.normal(size=(classes, 16))
    at = np.arange(n) % classes
    x = centres[at] + 0.5 * rng.normal(size=(n, 16))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float32), [f"c{i}" for i in at]


@pytest.mark.parametrize("voter", [nearby.classified, nearby.neighboured])
def test_planted_labels_come_first(voter: Any) -> None:
    rng = np.random.default_rng(3)
    x, labels = clouds(rng, 200)
    wrong = rng.choice(200, 10, replace=False)
    for i in wrong:
        labels[i] = f"c{(int(labels[i][1]) + 1) % 4}"
    chances = voter(x, labels, [str(i) for i in range(200)])
    names = nearby.names_of(labels)
    own = np.array([chances[i, names.index(label)] for i, label in enumerate(labels)])
    assert np.allclose(chances.sum(axis=1), 1)
    assert set(np.argsort(own)[:10].tolist()) == set(wrong.tolist())


@pytest.mark.parametrize("voter", [nearby.classified, nearby.neighboured])
def test_nobody_votes_on_what_it_was_trained_on(voter: Any) -> None:
    """Twins of one group with a label of their own: whoever sees one of them knows the other's."""
    rng = np.random.default_rng(5)
    x, labels = clouds(rng, 80)
    x[1] = x[0]
    labels[0] = labels[1] = "c3"
    groups = ["twins", "twins", *map(str, range(2, 80))]
    apart = ["a", "b", *map(str, range(2, 80))]
    column = nearby.names_of(labels).index("c3")
    assert (
        voter(x, labels, groups)[0, column]
        < 0.1
        < 0.2
        < max(nearby.neighboured(x, labels, apart)[0, column], 0.21)
    )
    # The label of an example never moves its own votes.
    changed = [*labels]
    changed[0] = "c2"
    before, after = voter(x, labels, groups), voter(x, changed, groups)
    assert np.array_equal(before[0], after[0])


def test_too_little_to_train_on_is_no_vote() -> None:
    x, labels = clouds(np.random.default_rng(0), 8)
    assert np.isnan(nearby.classified(x, labels, [str(i) for i in range(8)])).all()


# --- the reader -----------------------------------------------------------------------------------


def test_pieces_of_a_text_by_kind() -> None:
    text = "On 3 May 1870 the Summer Theatre sold 1,240 tickets of the new kind."
    found = {p.text: p.kind for p in pieces(text)}
    assert found["3 May 1870"] == "date"
    assert found["Summer Theatre"] == "name"
    assert found["1,240"] == "number"
    assert "new kind" in found
    assert all(text[p.start : p.end] == p.text for p in pieces(text))
    assert (kind_of("in 1939"), kind_of("12%"), kind_of("a red hat")) == (
        "date",
        "number",
        "phrase",
    )
    assert pieces("") == []


def towns(count: int) -> list[tuple[str, str, str, str]]:
    """(question, text, right, another of its kind), one a town."""
    rows = []
    for n in range(count):
        text = (
            f"The bridge of Town{n} was opened in {1500 + n}. The mill of Town{n} burnt down in"
            f" {1800 + n}. Its mayor was Ada Quill{n}."
        )
        if n % 2:
            rows.append(
                (f"When was the bridge of Town{n} opened?", text, str(1500 + n), str(1800 + n))
            )
        else:
            rows.append(
                (f"When did the mill of Town{n} burn down?", text, str(1800 + n), str(1500 + n))
            )
    return rows  # fmt: skip


def test_the_reader_doubts_another_date_of_the_passage() -> None:
    rows = towns(80)
    wrong = {7, 20, 33, 54}
    asked = [
        reader.ask(q, text, [other if n in wrong else right])
        for n, (q, text, right, other) in enumerate(rows)
    ]
    found = reader.doubts(asked, [str(n) for n in range(80)])
    against = np.array([r.against if r else 0.0 for r in found])
    assert set(np.argsort(-against)[:4].tolist()) == wrong
    assert all((r := found[n]) is not None and r.best == rows[n][2] for n in wrong)


def test_the_reader_says_nothing_without_enough_or_without_the_reference() -> None:
    rows = towns(12)
    few = [reader.ask(q, text, [right]) for q, text, right, _ in rows]
    assert reader.doubts(few, [str(n) for n in range(12)]) == [None] * 12
    many = [reader.ask(q, text, [right]) for q, text, right, _ in towns(60)]
    many[3] = reader.ask("Who?", "Nobody knows.", ["Ada"])
    assert reader.doubts(many, [str(n) for n in range(60)])[3] is None


# --- the ceiling ----------------------------------------------------------------------------------


def test_without_verdicts_the_suspects_bound_it() -> None:
    ids = [str(n) for n in range(100)]
    found = noise_of(ids, set(ids[:12]), set(ids[:5]), {})
    assert found is not None
    assert (found.basis, found.suspects, found.in_doubt) == ("suspects", 5, 12)
    assert found.ceiling.mean == pytest.approx(0.95)
    assert found.ceiling.low is not None
    assert found.ceiling.low < 0.95 < (found.ceiling.high or 0)
    assert noise_of([], set(), set(), {}) is None


def test_what_was_fixed_is_noise_no_more() -> None:
    ids = [str(n) for n in range(100)]
    all_ruled = noise_of(ids, set(ids[:20]), set(), {str(n): n < 10 for n in range(20)})
    assert all_ruled is not None
    assert all_ruled.basis == "verdicts"
    assert all_ruled.ceiling.mean == 1.0
    assert not all_ruled.outside
    # Half of the 10 reviewed were wrong; 10 of the queue are left: 5 of 100.
    half = noise_of(ids, set(ids[:20]), set(), {str(n): n < 5 for n in range(10)})
    assert half is not None
    assert half.ceiling.mean == pytest.approx(0.95)


@pytest.mark.parametrize(("precision", "outside"), [(0.5, 0.0), (0.3, 0.03), (0.9, 0.01)])
def test_the_interval_covers_what_is_really_wrong(precision: float, outside: float) -> None:
    """600 examples, 60 in the queue, a random third of the queue and 80 others reviewed."""
    rng = np.random.default_rng(11)
    ids, covered, runs = [str(n) for n in range(600)], 0, 400
    for _ in range(runs):
        wrong = np.concatenate([rng.random(60) < precision, rng.random(540) < outside])
        seen = {*rng.choice(60, 20, replace=False), *(60 + rng.choice(540, 80, replace=False))}
        left = sum(bool(wrong[n]) for n in range(600) if n not in seen)
        found = noise_of(ids, set(ids[:60]), set(), {str(n): bool(wrong[n]) for n in seen})
        assert found is not None
        assert found.outside
        low, high = found.ceiling.low, found.ceiling.high
        assert low is not None
        assert high is not None
        covered += low <= 1 - left / 600 <= high
    assert covered / runs >= 0.93


# --- a whole task ---------------------------------------------------------------------------------


def labelled(folder: Path, wrong: Sequence[int]) -> Path:
    """90 messages of three kinds, of which some have another kind's label."""
    kinds = {"billing": "invoice payment refund", "delivery": "parcel courier address",
             "account": "password login email"}  # fmt: skip
    names = list(kinds)
    rows = []
    for n in range(90):
        kind = names[n % 3]
        said = f"About my {kinds[kind]} number{n % 7} please help now{n % 11}"
        label = names[(n + 1) % 3] if n in wrong else kind
        rows.append({"id": f"m{n}", "inputs": {"question": f"{said} {n}"}, "reference": label})
    folder.mkdir()
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    spec: dict[str, Any] = {
        "name": "messages", "instructions": "Which kind?", "metrics": ["label_accuracy"],
        "output": {"kind": "label", "labels": names},
        "models": {"chat": "scripted/echo", "embed": "scripted/words"},
        "splits": {"train": 0.3, "dev": 0.7, "test": 0.0, "seed": 7},
    }  # fmt: skip
    (folder / "task.yaml").write_text(json.dumps(spec))
    return folder


def knows(request: ChatRequest) -> str:
    text = request.messages[-1].content
    return "billing" if "invoice" in text else "delivery" if "parcel" in text else "account"


async def diagnosed(folder: Path) -> tuple[Diagnosis, list[dict[str, Any]]]:
    async with Workspace.open(folder) as workspace:
        workspace.parts._chat["scripted/echo"] = ScriptedChat(knows, name="knows")
        prober = Prober(workspace._runner(), "label_accuracy")
        found = await prober.diagnose(workspace.pipeline(), cut_dev(workspace.task)[0])
        return found, workspace.store.suspects()


async def test_a_wrong_label_is_the_cause_and_first_in_the_queue(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=range(0, 90, 18))
    planted = {f"m{n}" for n in range(0, 90, 18)}
    explore = {e.id for e in cut_dev(Task.load(folder))[0]}
    found, queue = await diagnosed(folder)
    assert found.causes == {"label_suspect": len(planted & explore)}
    assert {f["fault"] for f in found.failures} == {"label"}
    # Answers on confirm stay there: what is suspect by the rule is in train or explore.
    agreed = [s for s in queue if s["agreed"]]
    assert {f["example"] for f in found.failures} <= {s["example"] for s in agreed} <= planted
    by_id = {e.id: e for e in Task.load(folder).examples}
    for suspect in agreed:
        assert suspect["proposed"] == knows_of(by_id[suspect["example"]])
        assert suspect["votes"]["scripted/echo"]["against"] == 1.0
    assert found.label_noise is not None
    assert found.label_noise.suspects == len(found.failures)
    assert "Were each suspect wrong" in words.label_noise(found.label_noise)
    assert any("headway review" in said for said in found.advice)


def knows_of(example: Example) -> str:
    from headway.core.record import Message

    return knows(ChatRequest((Message("user", example.question),)))


async def test_right_labels_are_no_suspects(tmp_path: Path) -> None:
    found, queue = await diagnosed(labelled(tmp_path / "messages", wrong=()))
    assert found.causes == {}
    assert not any(s["agreed"] for s in queue)
    assert not any("suspect" in said for said in found.advice)


async def test_a_verdict_takes_it_from_the_failures(
    tmp_path: Path,
) -> None:
    folder = labelled(tmp_path / "messages", wrong=(0, 18, 36, 54, 72))
    found, _ = await diagnosed(folder)
    example = next(e for e in Task.load(folder).examples if e.id == found.failures[0]["example"])
    add_review(folder, Review(example=example.id, fingerprint=example.fingerprint, verdict="fix",
                              reference=knows_of(example), by="me",
                              at="2026-01-01T00:00:00Z"))  # fmt: skip
    again, queue = await diagnosed(folder)
    assert again.causes["label_suspect"] == found.causes["label_suspect"] - 1
    assert again.label_noise is not None
    assert again.label_noise.reviewed == 1
    # It stays in the store, by which the ceiling knows that it was in the queue.
    assert example.id in {s["example"] for s in queue}


async def test_check_fills_the_queue_and_says_so(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=(0, 18, 36, 54, 72))
    async with Workspace.open(folder) as workspace:
        before = next(i for i in (await workspace.check()).items if i.name == "labels_in_doubt")
        assert "--labels" in before.text
        after = next(i for i in (await workspace.check(True)).items if i.name == "labels_in_doubt")
        queue = workspace.store.suspects()
    assert "headway review" in after.text
    assert {s["example"] for s in queue[:5]} == {"m0", "m18", "m36", "m54", "m72"}
    assert after.data["in_doubt"] == len(queue) <= 18


async def test_check_does_not_send_back_to_itself_where_nobody_doubts(make_task: Any) -> None:
    """Free texts without documents: no voter fits, and `--labels` was typed already."""
    async with Workspace.open(make_task(knowledge=None)) as workspace:
        found = next(i for i in (await workspace.check(True)).items if i.name == "labels_in_doubt")
    assert "Nobody could say" in found.text
    assert "--labels" not in found.text


async def test_the_sealed_test_is_not_looked_at(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=range(0, 90, 5))
    spec = json.loads((folder / "task.yaml").read_text())
    spec["splits"] = {"train": 0.3, "dev": 0.3, "test": 0.4, "seed": 7}
    (folder / "task.yaml").write_text(json.dumps(spec))
    async with Workspace.open(folder) as workspace:
        desk = workspace._runner().desk
        found = await Doubter(desk).doubt()
        keep_doubts(desk, found)
        sealed = {e.id for e in workspace.task.split("test")}
    assert found.suspects
    assert not sealed & {e.id for e in found.asked}


async def test_the_same_question_with_two_answers(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=())
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    rows.append({**rows[0], "id": "again", "reference": "account"})
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    async with Workspace.open(folder) as workspace:
        found = await Doubter(workspace._runner().desk).doubt()
    by_id = {s.example: s for s in found.suspects}
    assert by_id["again"].votes["duplicates"] == {"says": "billing", "against": 1.0}


def as_json(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The task of `labelled`, its references objects."""
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    spec = json.loads((folder / "task.yaml").read_text())
    spec |= {"output": {"kind": "json", "schema": {"type": "object"}}, "metrics": ["json_exact"]}
    (folder / "task.yaml").write_text(json.dumps(spec))


async def test_fields_of_json_are_doubted_one_by_one(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=())
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for n, row in enumerate(rows):
        row["reference"] = {"kind": row["reference"], "note": f"n{n}"}
    rows[4]["reference"]["kind"] = "account"
    as_json(folder, rows)
    async with Workspace.open(folder) as workspace:
        found = await Doubter(workspace._runner().desk).doubt()
    first = found.suspects[0]
    assert first.example == "m4"
    assert first.why.startswith("kind: ")
    assert first.proposed == {"kind": "delivery", "note": "n4"}


async def test_values_keep_their_type_and_lists_are_reached(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "messages", wrong=())
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    kinds = sorted({row["reference"] for row in rows})
    for row in rows:
        row["reference"] = {"all": [kinds.index(row["reference"])]}
    right = rows[4]["reference"]["all"][0]
    rows[4]["reference"]["all"] = [(right + 1) % len(kinds)]
    as_json(folder, rows)
    async with Workspace.open(folder) as workspace:
        found = await Doubter(workspace._runner().desk).doubt()
    assert found.suspects[0].example == "m4"
    assert found.suspects[0].proposed == {"all": [right]}


async def test_a_quick_look_clears_nobody(tmp_path: Path) -> None:
    """It may ask fewer voters than found the doubt."""
    async with Workspace.open(labelled(tmp_path / "messages", wrong=(4,))) as workspace:
        desk = workspace._runner().desk
        whole = await Doubter(desk).doubt()
        assert keep_doubts(desk, whole)[0].example == "m4"
        nothing = replace(whole, suspects=())
        assert [s.example for s in keep_doubts(desk, replace(nothing, quick=True))] == ["m4"]
        assert keep_doubts(desk, nothing) == ()


# --- knowledge that contradicts itself ----------------------------------------------------------


PLANTED = "The bridge of Alderford was opened in 1950."


async def told(folder: Path, answer: str) -> str:
    async with Workspace.open(folder) as workspace:
        example = next(e for e in workspace.task.examples if e.id == "Alderford-2")
        steps = workspace.parts.steps(workspace.pipeline())
        how = search_of(steps)
        assert how is not None
        knowledge = workspace.parts.knowledge()
        span = knowledge.locate(example.evidence[0])
        assert span is not None
        return await contradiction(
            example, Record(example.id, answer=answer), [span], knowledge, how
        )


async def test_a_planted_contradiction_is_found(make_task: Any) -> None:
    folder = make_task(towns=8)
    (folder / "knowledge" / "old.md").write_text(f"# Alderford, old\n\n{PLANTED}\n")
    assert await told(folder, "1950") == "Alderford.md says '1800', old.md says '1950'"


@pytest.mark.parametrize(
    ("planted", "answer"),
    [
        (PLANTED, "1800"),  # the answer is right
        (PLANTED, "in spring"),  # the answer is not what the other says
        ("The bridge of Birchford was opened in 1950.", "1950"),  # another town
        ("The mill of Alderford burnt down in 1950.", "1950"),  # another matter
        ("The bridge of Alderford, opened in 1800, was rebuilt in 1950.", "1950"),  # both hold
        ("", "1803"),  # true of the next town
    ],
)
async def test_what_is_no_contradiction(make_task: Any, planted: str, answer: str) -> None:
    folder = make_task(towns=8)
    (folder / "knowledge" / "old.md").write_text(f"# Notes\n\n{planted}\n")
    assert await told(folder, answer) == ""


async def test_it_is_the_cause_of_the_failure(make_task: Any) -> None:
    folder = make_task(towns=8)
    (folder / "knowledge" / "old.md").write_text(f"# Alderford, old\n\n{PLANTED}\n")
    async with Workspace.open(folder) as workspace:
        workspace.parts._chat["scripted/extract"] = ScriptedChat(lambda request: "1950", name="old")
        example = next(e for e in workspace.task.examples if e.id == "Alderford-2")
        prober = Prober(workspace._runner(), "exact_match")
        found = await prober.diagnose(workspace.pipeline(), [example])
    assert found.causes == {"contradictory_knowledge": 1}
    assert found.failures[0]["why"] == "Alderford.md says '1800', old.md says '1950'"
