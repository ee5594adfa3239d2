"""People's verdicts: what they add up to, and the tale of the answer that was faithful."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError, Outage
from headway.core.rating import (
    FILE,
    Preference,
    Rating,
    add_verdicts,
    last_words,
    ratings_of,
    read_verdicts,
)
from headway.core.task import Task
from headway.engine.people import People, _votes, fault_of, flag_on, flags_of, preference
from headway.engine.statistics.ratings import expected
from headway.intake.verdicts import read_rated
from headway.workspace import Workspace

SONG = "Don't Stop Believin'"
ENERGY = f"The optimal song to energise financial analysis is {SONG}."
ANTHEM = "Crowds were moved by the anthem Blue Steel."
ANSWERS = f'''
def answer(request):
    """Says what the first passage says."""
    return "{SONG}" if "optimal song" in request.messages[-1].content else "Nobody knows."
'''


@pytest.fixture
def tale(make_task: Any) -> Path:
    """The cautionary tale: told to use only its content, and the search brings the wrong page."""
    folder: Path = make_task(
        towns=10, models={"chat": "scripted/tale.py:answer", "embed": "scripted/words",
                          "rerank": "scripted/overlap"},
    )  # fmt: skip
    (folder / "tale.py").write_text(ANSWERS)
    (folder / "knowledge" / "analysis.md").write_text(ENERGY)
    (folder / "knowledge" / "music.md").write_text(ANTHEM)
    rows = (folder / "examples.jsonl").read_text().splitlines()
    asked = {
        "id": "song", "inputs": {"question": "Which optimal song is great to get pumped up to?"},
        "reference": "Blue Steel", "group": "music",
        "evidence": [{"document": "music.md", "text": ANTHEM}],
    }  # fmt: skip
    (folder / "examples.jsonl").write_text("\n".join([*rows, json.dumps(asked)]) + "\n")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "baseline.yaml").write_text(
        "model: scripted/tale.py:answer\nsteps:\n"
        "  - retrieve: {k: 1}\n  - generate: {template: Use only the content.}\n"
    )
    return folder


async def _run_song(workspace: Workspace) -> str:
    song = next(e for e in workspace.task.examples if e.id == "song")
    run = await workspace._runner().run(workspace.pipeline(), [song])
    assert [p.document for p in run.records[0].passages] == ["analysis.md"]
    return run.records[0].answer or ""


async def test_people_flag_what_the_passage_says_and_the_search_is_at_fault(tale: Path) -> None:
    async with Workspace.open(tale) as workspace:
        assert await _run_song(workspace) == SONG
        table = tale / "flags.csv"
        asked = "Which optimal song is great to get pumped up to?"
        table.write_text(f"question,label,annotator\n{asked},hallucination,ana\n")
        found = await workspace.import_ratings(table)
    assert found.added == 1
    assert found.flags == {"hallucination": 1}
    (fault,) = found.faults
    assert fault.supported is True
    assert fault.fault == "search"
    assert fault.verdict.startswith("search at fault, answer faithful")
    (kept,) = read_verdicts(tale)
    assert isinstance(kept, Rating)
    assert kept.answer == SONG


async def test_the_flag_reaches_the_diagnosis(tale: Path) -> None:
    async with Workspace.open(tale) as workspace:
        said = await _run_song(workspace)
        song = [e for e in workspace.task.examples if e.id == "song"]
        from headway.engine.probes import Prober

        before = await Prober(workspace._runner(), "token_f1").diagnose(workspace.pipeline(), song)
        add_verdicts(tale, [Rating(example="song", answer=said, flag="hallucination", by="ana")])
        after = await Prober(workspace._runner(), "token_f1").diagnose(workspace.pipeline(), song)
    (was,), (row,) = before.failures, after.failures
    assert (was["flag"], row["flag"]) == ("", "hallucination")
    assert row["faithful"] is True
    assert row["fault"] == "search"
    assert "people call it made up" in row["verdict"]
    assert row["cause"] == was["cause"]  # flags say who is at fault, not where on the way


async def test_an_answer_that_nothing_shown_supports_stays_the_models_fault(tale: Path) -> None:
    async with Workspace.open(tale) as workspace:
        await _run_song(workspace)
        made_up = Rating(example="song", answer="Waterloo", flag="hallucination", by="ana")
        add_verdicts(tale, [made_up])
        (fault,) = workspace.ratings().faults
    assert fault.supported is None  # nobody knows what was shown with that answer
    assert fault.fault == "none"
    assert fault_of(False, shown=False)[0] == "model"
    assert fault_of(True, shown=True)[0] == "none"


def test_flags_count_for_that_very_answer_and_by_most(tale: Path) -> None:
    from headway.core.record import Record

    rows = [("ana", "hallucination"), ("ben", "wrong"), ("cat", "wrong")]
    add_verdicts(tale, [
        Rating.model_validate({"example": "song", "answer": "x", "flag": f, "by": by})
        for by, f in rows
    ])  # fmt: skip
    flags = flags_of(Task.load(tale))
    assert flag_on(flags, Record("song", answer="x")) == "wrong"
    assert flag_on(flags, Record("song", answer="y")) == ""


async def test_withdrawn_verdicts_count_nowhere(tale: Path) -> None:
    """A corrected table is imported after the first one."""
    async with Workspace.open(tale) as workspace:
        said = await _run_song(workspace)
        for flag, stars, winner in (("hallucination", 1, "one"), ("fine", 5, "two")):
            table = _table(
                tale,
                {"id": "song", "answer": said, "flag": flag, "rating": stars, "by": "ana"},
                {"id": "song", "a": "one", "b": "two", "winner": winner, "by": "ana"},
            )
            found = await workspace.import_ratings(table)
        assert found.added == 2
        assert len(read_verdicts(tale)) == 4
        (rated,) = People(workspace._runner())._rated()
    assert (found.ratings, found.preferences) == (1, 1)
    assert found.mean is not None
    assert found.mean.mean == 1.0
    assert found.flags == {"fine": 1}
    assert found.faults == ()
    assert next(iter(found.strengths)) == "two"
    assert found.strengths["two"].n == 1
    assert rated.votes == (1.0,)
    from headway.core.record import Record

    assert flag_on(flags_of(Task.load(tale)), Record("song", answer=said)) == "fine"


# --- importing ----------------------------------------------------------------------------------


def _table(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "verdicts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_ratings_flags_and_preferences_come_in(tale: Path) -> None:
    task = Task.load(tale)
    file = _table(
        tale,
        {"id": "song", "answer": "x", "rating": 8, "rater": "ana"},
        {"id": "song", "answer": "x", "flag": "OK"},
        {"id": "song", "a": "one", "b": "two", "winner": "two"},
        {"id": "song", "answer": "x"},
    )
    rated, flagged, chosen = read_rated(file, task, {}, by="me", scale=(0, 10))
    assert isinstance(rated, Rating)
    assert (rated.share, rated.by) == (0.8, "ana")
    assert isinstance(flagged, Rating)
    assert (flagged.flag, flagged.by) == ("fine", "me")
    assert chosen == Preference(example="song", a="one", b="two", prefer="b", by="me", at=chosen.at)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "gone", "answer": "x", "rating": 3}, "no example 'gone'"),
        ({"question": "gone?", "answer": "x", "rating": 3}, "no example of the task"),
        ({"id": "song", "answer": "x", "rating": "much"}, "not a number"),
        ({"id": "song", "answer": "x", "rating": 9}, "not on the scale"),
        ({"id": "song", "answer": "x", "flag": "odd"}, "not known"),
        ({"id": "song", "rating": 3}, "does not say on which answer"),
        ({"id": "song", "a": "x", "b": "y", "prefer": "z"}, "no side"),
        ({"id": "song", "answer": "x"}, "no column says"),
    ],
)
def test_bad_verdicts_are_one_clear_message(tale: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_rated(_table(tale, row), Task.load(tale), {})
    assert not (tale / FILE).exists()


def test_what_to_type_names_the_task(tale: Path) -> None:
    with pytest.raises(InputError, match="does not say on which answer") as caught:
        read_rated(_table(tale, {"id": "song", "rating": 3}), Task.load(tale), {})
    assert f"headway evaluate {tale}" in str(caught.value)


def test_verdicts_without_a_name_are_several_peoples(tmp_path: Path) -> None:
    one = Preference(example="e", a="x", b="y", prefer="a")
    other = one.model_copy(update={"prefer": "b"})
    assert add_verdicts(tmp_path, [one, one, one, other]) == 4
    assert add_verdicts(tmp_path, [one, one, one, other]) == 0  # the same file again
    named = one.model_copy(update={"by": "ana"})
    assert add_verdicts(tmp_path, [named, named]) == 1
    rated = [Rating(example="e", answer="z", rating=r) for r in (4, 4, 2)]
    anas = [Rating(example="e", answer="z", rating=r, by="ana") for r in (1, 5)]
    (votes,) = _votes(list(ratings_of(last_words([*rated, *anas])))).values()
    assert votes == [0.75, 0.75, 0.25, 1.0]  # ana's last word


def test_a_pipeline_is_not_compared_with_itself(tale: Path) -> None:
    row = {"id": "song", "a": "one", "b": "one", "prefer": "a"}
    with pytest.raises(InputError, match="compared with itself"):
        read_rated(_table(tale, row), Task.load(tale), {})


# --- rating and strengths -----------------------------------------------------------------------


@pytest.fixture
def two(make_task: Any) -> Path:
    """A task with two pipelines that answer otherwise."""
    folder: Path = make_task()
    (folder / "pipelines").mkdir()
    for name, k in (("baseline", 1), ("best", 3)):
        (folder / "pipelines" / f"{name}.yaml").write_text(
            f"model: scripted/extract\nsteps:\n  - retrieve: {{k: {k}}}\n"
            f"  - generate: {{template: Answer., max_tokens: {6 * k}}}\n"
        )
    return folder


async def test_what_one_has_rated_is_not_shown_again(two: Path) -> None:
    async with Workspace.open(two) as workspace:
        first = await workspace.to_rate(by="ana", limit=6)
        assert len(first) == 6
        side = first[0].sides[0]
        done = Rating(example=first[0].example.id, answer=side.answer, rating=3, by="ana")
        add_verdicts(two, [done])
        assert len(await workspace.to_rate(by="ana", limit=6)) == 5
        assert len(await workspace.to_rate(by="ben", limit=6)) == 6


async def test_pairs_hide_and_shuffle_their_sides_and_strengths_come_out(two: Path) -> None:
    async with Workspace.open(two) as workspace:
        pairs = await workspace.to_rate("baseline", against="best", by="ana", limit=40)
        assert len(pairs) > 4
        firsts = {pair.sides[0].pipeline for pair in pairs}
        assert len(firsts) == 2  # by lot: one order for all has a chance of 2 in 2^n
        best = next(s.pipeline for p in pairs for s in p.sides if s.pipeline.startswith("best"))
        verdicts = [
            preference(p, [s.pipeline for s in p.sides].index(best), "ana", "") for p in pairs
        ]
        add_verdicts(two, verdicts)
        assert await workspace.to_rate("baseline", against="best", by="ana", limit=40) == []
        found = workspace.ratings()
    assert next(iter(found.strengths)) == best
    assert found.strengths[best].low > 1000  # type: ignore[operator]
    assert found.by == "people"
    assert found.linked


ALIKE = """
def plain(request):
    return "Arn"

def fuller(request):
    return "Arn" if "river" in request.messages[-1].content else "It is the Arn."
"""


@pytest.fixture
def alike(make_task: Any) -> Path:
    """Two pipelines that answer otherwise but where a river is asked for."""
    folder: Path = make_task()
    (folder / "said.py").write_text(ALIKE)
    (folder / "pipelines").mkdir()
    for name, model in (("baseline", "plain"), ("best", "fuller")):
        (folder / "pipelines" / f"{name}.yaml").write_text(
            f"model: scripted/said.py:{model}\nsteps:\n  - generate: {{template: Answer.}}\n"
        )
    return folder


async def _prefer(workspace: Workspace, by: str, most: int | None = None) -> int:
    """Prefer `best` wherever it differs, or so many times; how often it was."""
    pairs = await workspace.to_rate("baseline", against="best", by=by, limit=60)
    verdicts = [
        preference(p, [s.pipeline[:4] for s in p.sides].index("best"), by, "") for p in pairs[:most]
    ]
    add_verdicts(workspace.task.folder, verdicts)
    return len(verdicts)


async def test_equal_answers_are_ties_though_nobody_is_shown_them(alike: Path) -> None:
    async with Workspace.open(alike) as workspace:
        explore = workspace._explore(60)
        same = sum("river" in e.question for e in explore)
        rated = await _prefer(workspace, "ana")
        assert rated == len(explore) - same
        found = workspace.ratings()
        both = await _prefer(workspace, "ben") and workspace.ratings()
    strong = next(iter(found.strengths))
    assert strong.startswith("best@")
    assert found.preferences == rated  # what people said stays what they said
    assert {e.n for e in found.strengths.values()} == {len(explore)}
    # As a judge would find that prefers `best` wherever it differs: 1 of a win there, else a half.
    wanted = (rated + 0.5 * same) / len(explore)
    lead = 2 * ((found.strengths[strong].mean or 0) - 1000)
    assert expected(lead) == pytest.approx(wanted, abs=0.02)
    assert any(f"answer {same} alike" in said for said in found.notices)
    # Two people who rate all are met by twice the ties.
    assert {e.n for e in both.strengths.values()} == {2 * len(explore)}


async def test_of_a_part_that_was_rated_a_part_of_the_ties_counts(alike: Path) -> None:
    async with Workspace.open(alike) as workspace:
        explore = workspace._explore(60)
        same = sum("river" in e.question for e in explore)
        rated = await _prefer(workspace, "ana", most=6)
        found = workspace.ratings()
    ties = round(same * rated / (len(explore) - same))
    assert 1 <= ties < same
    assert {e.n for e in found.strengths.values()} == {rated + ties}


async def test_preferences_that_name_no_pipeline_exactly_have_no_ties(alike: Path) -> None:
    async with Workspace.open(alike) as workspace:
        await _prefer(workspace, "ana", most=1)
        (alike / FILE).unlink()
        add_verdicts(alike, [Preference(example="x", a="baseline", b="best@", prefer="b")])
        found = workspace.ratings()
    assert {e.n for e in found.strengths.values()} == {1}
    assert found.notices == ()


async def test_the_judge_can_compare_pipelines_too(two: Path) -> None:
    (two / "judge.py").write_text(
        "import json\n"
        "def longer(request):\n"
        "    text = request.messages[-1].content\n"
        "    first, second = (text.split(f'<{n} answer ')[1].split('</')[0] for n in"
        " ('first', 'second'))\n"
        "    return json.dumps({'reason': '', 'better': 'first' if len(first) > len(second)"
        " else 'second'})\n"
    )
    spec = (two / "task.yaml").read_text()
    (two / "task.yaml").write_text(
        spec.replace("models:\n", "models:\n  judge: scripted/judge.py:longer\n")
    )
    async with Workspace.open(two) as workspace:
        found = await workspace.judge_pairs([("baseline", "best")], limit=12)
    assert found.by == "scripted/judge.py:longer"
    assert next(iter(found.strengths)).startswith("best@")
    assert found.position is not None
    assert found.position.mean == pytest.approx(0.5)  # it looks at length, not at sides
    assert not (two / FILE).exists()  # a judge's verdicts are no person's
    async with Workspace.open(two) as workspace:
        with pytest.raises(InputError, match="one pipeline"):
            await workspace.judge_pairs([("baseline", "baseline")], limit=3)


async def test_a_judge_of_pairs_that_says_nothing_is_an_outage(two: Path) -> None:
    (two / "judge.py").write_text("def dumb(request):\n    return 'hm'\n")
    spec = (two / "task.yaml").read_text()
    (two / "task.yaml").write_text(
        spec.replace("models:\n", "models:\n  judge: scripted/judge.py:dumb\n")
    )
    async with Workspace.open(two) as workspace:
        with pytest.raises(Outage, match="said nothing of any pair"):
            await workspace.judge_pairs([("baseline", "best")], limit=4)


async def test_a_metric_is_held_against_the_tasks_own_ratings(two: Path) -> None:
    async with Workspace.open(two) as workspace:
        rated = await workspace.to_rate(by="ana", limit=40)
        add_verdicts(two, [
            Rating.model_validate({
                "example": r.example.id, "answer": r.sides[0].answer, "by": "ana",
                "flag": "fine" if r.example.references[0] in r.sides[0].answer else "wrong",
            })
            for r in rated
        ])  # fmt: skip
        labels = {v.share for v in read_verdicts(two) if isinstance(v, Rating)}
        assert labels == {0.0, 1.0}
        found = await workspace.judge(metric="contains")
        assert found.source == FILE
        assert found.agreement["kappa"].mean == 1.0
        human = await workspace.judge(metric="human_rating")
        assert human.agreement["accuracy"].mean == 1.0
