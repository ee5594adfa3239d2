"""One constructed failure a cause, and the order in which causes are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.record import Passage, Record
from headway.core.task import Evidence, Example
from headway.engine.causes import CAUSES, FAULTS, Causes
from headway.engine.funnel import STAGES
from headway.engine.run import AS_IS, PERFECT, REPEATS, Run
from headway.techniques import TECHNIQUES
from headway.workspace import Workspace

LONG = "long.md"
TEXT = (
    "word " * 60 + "The tower was built by Ada Quill in the year of the great flood. " + "x " * 60
)
PIPELINE = Pipeline.model_validate(
    {
        "model": "scripted/echo",
        "steps": [
            {"retrieve": {"passages": {"tokens": 10, "overlap": 0}, "k": 2}},
            {"generate": {"template": "Answer."}},
        ],
    }
)
WHOLE = PIPELINE.with_step("retrieve", passages={"tokens": 400, "overlap": 0})


@pytest.fixture
async def workspace(make_task: Any) -> AsyncIterator[Workspace]:
    folder = make_task(towns=4)
    (folder / "knowledge" / LONG).write_text(TEXT)
    async with Workspace.open(folder) as opened:
        yield opened


def example(**more: Any) -> Example:
    evidence = Evidence(document="Alderford.md", text="Alderford lies on the river Arn.")
    given = {"id": "x", "inputs": {"question": "On which river does Alderford lie?"}}
    return Example.model_validate({**given, "reference": "Arn", "evidence": (evidence,), **more})


class Told:
    """What the probes are told to have found about one example."""

    def __init__(self, workspace: Workspace, pipeline: Pipeline, of: Example) -> None:
        self.workspace, self.of = workspace, of
        self.pipeline = workspace.pipeline(pipeline)
        self.knowledge = workspace.parts.knowledge()

    def shown(self, text: str = "Alderford lies on the river Arn.") -> tuple[Passage, ...]:
        span = self.knowledge.locate(Evidence(document="Alderford.md", text=text))
        assert span is not None
        return (Passage("Alderford.md", text, span[1], span[2]),)

    def run(self, probe: Any, *records: Record) -> Run | None:
        kept = tuple(replace(r, example=self.of.id, repeat=n) for n, r in enumerate(records))
        return Run("r", self.pipeline, "p", "dev", probe, (self.of,), kept, 1.0) if kept else None

    async def cause(
        self,
        record: Record,
        perfect: Record | None = None,
        repeats: tuple[Record, ...] = (),
        stronger: Record | None = None,
    ) -> str:
        as_is = self.run(AS_IS, record)
        assert as_is is not None
        self.causes = Causes(
            self.workspace._runner(), "m", as_is, None,
            self.run(PERFECT, perfect) if perfect else None, self.run(REPEATS, *repeats),
            self.run(PERFECT, stronger) if stronger else None,
        )  # fmt: skip
        (self.row,) = await self.causes.assign()
        assert self.row["axis"] == CAUSES[self.row["cause"]][0]
        return str(self.row["cause"])


def funnel(passed: int) -> dict[str, int]:
    """The funnel of one example that came so far."""
    return {"with evidence": 1, **{s: int(n < passed) for n, s in enumerate(STAGES)}}


WRONG = Record("x", answer="Arn river lies", scores={"m": 0.0})
RIGHT = Record("x", answer="Arn", scores={"m": 1.0})


async def test_outage_and_refusal_come_before_all(workspace: Workspace) -> None:
    lost = example(evidence=(Evidence(document="gone.md"),))
    told = Told(workspace, PIPELINE, lost)
    assert await told.cause(Record("x", status="outage", why="down")) == "outage"
    refused = Record("x", answer="no", status="refused", why="declined", scores={"m": 0.0})
    assert await told.cause(refused) == "refused"
    assert told.causes.funnel == funnel(0)


@pytest.mark.parametrize(
    "evidence", [Evidence(document="gone.md"), Evidence(document=LONG, text="never written")]
)
async def test_not_in_the_knowledge(workspace: Workspace, evidence: Evidence) -> None:
    told = Told(workspace, WHOLE, example(evidence=(evidence,)))
    assert await told.cause(WRONG) == "not_in_knowledge"
    # Of two pieces, one missing is enough.
    both = example(evidence=(*example().evidence, evidence))
    assert await Told(workspace, WHOLE, both).cause(WRONG) == "not_in_knowledge"


async def test_cut_apart(workspace: Workspace) -> None:
    apart = Evidence(
        document=LONG, text="The tower was built by Ada Quill in the year of the great flood."
    )
    of = example(evidence=(apart,), inputs={"question": "Who built the tower?"})
    told = Told(workspace, PIPELINE, of)
    assert await told.cause(WRONG, perfect=RIGHT) == "cut_apart"
    assert told.causes.funnel == funnel(1)
    # In larger passages the same evidence is whole, and search finds it.
    assert await Told(workspace, WHOLE, of).cause(WRONG, perfect=RIGHT) == "ranked_too_low"


async def test_not_found(workspace: Workspace) -> None:
    of = example(inputs={"question": "zyx qqq?"})
    told = Told(workspace, WHOLE, of)
    assert await told.cause(WRONG, perfect=RIGHT) == "not_found"
    assert told.causes.funnel == funnel(2)
    assert told.row["why"] == ""


async def test_what_a_pipeline_condenses_is_looked_for_as_it_wrote_it(
    workspace: Workspace,
) -> None:
    turns = [("user", "Where is Alderford?"), ("assistant", "In a valley."), ("user", "zyx qqq?")]
    of = example(inputs={"messages": [{"role": who, "content": said} for who, said in turns]})
    told = Told(workspace, WHOLE, of)
    assert await told.cause(WRONG) == "not_found"
    for question, cause in (
        ("On which river does Alderford lie?", "ranked_too_low"),
        ("", "not_found"),  # the rewrite could not be used: the last turn was searched for
    ):
        marks = ({"step": "condense", "question": question}, {"step": "retrieve"})
        assert await told.cause(replace(WRONG, trace=marks)) == cause
        assert told.row["why"].startswith("the condensed question finds it") is bool(question)


async def test_ranked_too_low(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    other = Passage("Alderbury.md", "another town", 0, 12)
    assert await told.cause(replace(WRONG, passages=(other,)), perfect=RIGHT) == "ranked_too_low"
    assert told.causes.funnel == funnel(3)
    assert told.row["why"].startswith("the plain question finds it at place ")


async def test_crowded_out(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    record = replace(WRONG, passages=told.shown())
    assert await told.cause(record, perfect=RIGHT) == "crowded_out"
    assert told.causes.funnel == funnel(6)  # its words stand in the evidence: it was used
    await told.cause(replace(record, answer="the Mississippi"), perfect=RIGHT)
    assert told.causes.funnel == funnel(5)


async def test_invalid_output(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    broken = replace(WRONG, status="invalid", why="no JSON", passages=told.shown())
    assert await told.cause(broken, perfect=WRONG, repeats=(RIGHT,)) == "invalid_output"
    # Where alone it is answered, being crowded out comes first.
    assert await told.cause(broken, perfect=RIGHT) == "crowded_out"


async def test_unstable(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    record = replace(WRONG, answer="made up wholly", passages=told.shown())
    found = await told.cause(record, WRONG, repeats=(WRONG, WRONG, RIGHT), stronger=RIGHT)
    assert found == "unstable"


async def test_unfaithful(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    invented = replace(WRONG, answer="the Mississippi, obviously", passages=told.shown())
    assert await told.cause(invented, WRONG, (WRONG,) * 3, stronger=RIGHT) == "unfaithful"


async def test_wrong_despite_the_evidence_and_beyond_this_model(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    quoted = replace(WRONG, answer="lies on the river", passages=told.shown())
    assert await told.cause(quoted, WRONG, (WRONG,) * 3) == "wrong_despite_evidence"
    found = await told.cause(quoted, WRONG, (WRONG,) * 3, stronger=WRONG)
    assert found == "wrong_despite_evidence"
    assert await told.cause(quoted, WRONG, (WRONG,) * 3, stronger=RIGHT) == "beyond_model"


async def test_without_evidence_only_behaviour_is_asked(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example(evidence=()))
    assert await told.cause(WRONG, perfect=RIGHT) == "wrong_despite_evidence"
    assert told.causes.funnel == {}
    assert await told.cause(replace(WRONG, status="invalid")) == "invalid_output"


async def test_half_right_is_no_failure(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    for score in (0.5, 1.0, None):
        run = told.run(AS_IS, replace(RIGHT, scores={"m": score}, passages=told.shown()))
        assert run is not None
        causes = Causes(workspace._runner(), "m", run, None, None, None, None)
        assert await causes.assign() == []
        # The funnel is over all, right ones too; "Arn" stands in the evidence whatever it scores.
        assert causes.funnel == funnel(6)


def at(name: str) -> tuple[str, int, int]:
    return name, 0, 10_000


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (({"step": "rerank", "of": 20, "kept": 2},), "rerank has it at place 3 and keeps 2"),
        (
            ({"step": "rerank", "of": 20, "kept": 4}, {"step": "trim", "of": 4, "kept": 1}),
            "trim has it at place 3 and keeps 1",
        ),
        (({"step": "prefer", "kept": None},), "found at place 3, and not shown; prefer came last"),
        (
            ({"step": "compress", "characters": 90, "kept": 2},),
            "found at place 3; compress left its sentences out",
        ),
        ((), "found at place 3, and not shown"),
    ],
)
async def test_the_step_that_lost_what_was_found_is_named(
    workspace: Workspace, trace: tuple[dict[str, Any], ...], why: str
) -> None:
    told = Told(workspace, WHOLE, example())
    # A database's rows stand before what was found, and are not counted.
    ranked = (("database:d", 0, 0), at("Birchford.md"), at("Elmford.md"), at("Alderford.md"))
    noted = ({"step": "retrieve", "found": 3}, *trace, {"step": "generate"})
    record = replace(WRONG, ranked=ranked, trace=noted, passages=(Passage("Elmford.md", "e"),))
    assert await told.cause(record) == "ranked_too_low"
    assert told.row["why"] == why
    assert told.causes.funnel == funnel(4)


async def test_a_filter_that_left_the_evidence_out_is_named(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    for where, why in (
        ({"folder": "mountains"}, "the search was limited to folder 'mountains'"),
        ({"domain": "mountains"}, "the search was limited to domain 'mountains'"),
    ):
        record = replace(WRONG, trace=({"step": "retrieve", "found": 0, "where": where},))
        assert await told.cause(record) == "ranked_too_low"
        assert told.row["why"] == why


async def test_evidence_without_text_is_any_passage_of_its_document(workspace: Workspace) -> None:
    told = Told(workspace, PIPELINE, example(evidence=(Evidence(document=LONG),)))
    record = replace(WRONG, passages=(Passage(LONG, TEXT[40:80], 40, 80),))
    assert await told.cause(record, perfect=WRONG) == "unfaithful"
    assert told.causes.funnel == funnel(5)
    # Longer than any passage of the cut, it is not cut apart.
    assert await told.cause(WRONG) == "not_found"


async def test_two_pieces_of_evidence_must_both_be_shown(workspace: Workspace) -> None:
    second = Evidence(document="Alderbury.md", text="Alderbury lies on the river Bel.")
    told = Told(workspace, WHOLE, example(evidence=(*example().evidence, second)))
    found = (at("Alderford.md"), at("Elmford.md"), at("Alderbury.md"))
    record = replace(WRONG, passages=told.shown(), ranked=found, trace=({"step": "retrieve"},))
    assert await told.cause(record, perfect=RIGHT) == "ranked_too_low"
    assert told.row["why"] == "found at place 3, and not shown"


async def test_evidence_in_a_database(workspace: Workspace, monkeypatch: Any) -> None:
    rows = Evidence(document="database:towns", text="SELECT 1", tables=("towns",))
    told = Told(workspace, WHOLE, example(evidence=(rows,)))

    def spans(of: Any, example: Example) -> tuple[Any, ...]:
        named = [str(e.document) for e in example.evidence]
        return tuple(
            (name, 0, 0) if name.startswith("database:") else told.knowledge.locate(e)
            for name, e in zip(named, example.evidence, strict=True)
        )

    monkeypatch.setattr(type(workspace._runner()), "spans", spans)
    assert await told.cause(WRONG, perfect=RIGHT) == "in_database"
    assert (told.row["fault"], told.row["why"]) == ("database", "the pipeline does not ask it")
    # The stages of the knowledge are skipped: they count as passed.
    assert told.causes.funnel == funnel(4)
    silent = {"step": "database", "sql": "x", "rows": 0, "error": "no such table: x"}
    await told.cause(replace(WRONG, trace=(silent,)))
    assert told.row["why"] == "no such table: x"
    # Rows were shown, and those of the right query answer it: it was asked wrongly.
    shown = replace(WRONG, passages=(Passage("database:towns", "SELECT 2\n\nnothing"),))
    assert await told.cause(shown, perfect=RIGHT) == "in_database"
    assert told.causes.funnel == funnel(5)
    assert await told.cause(shown, perfect=WRONG) == "unfaithful"
    # Of evidence of both kinds, the knowledge is asked about first.
    both = Told(workspace, WHOLE, example(evidence=(rows, *example().evidence)))
    assert await both.cause(replace(shown, ranked=()), perfect=RIGHT) == "ranked_too_low"
    record = replace(WRONG, passages=both.shown())
    assert await both.cause(record, perfect=RIGHT) == "in_database"
    record = replace(WRONG, passages=(*shown.passages, *both.shown()))
    assert await both.cause(record, perfect=RIGHT) == "crowded_out"


async def test_a_verdict_says_what_is_at_fault_and_how_the_answer_relates_to_what_was_shown(
    workspace: Workspace,
) -> None:
    other = Passage("Birchford.md", "The town hall of Birchford is painted blue.", 0, 40)
    lost = replace(WRONG, passages=(other,))
    told = Told(workspace, WHOLE, example())

    async def verdict(record: Record, **more: Any) -> tuple[str, bool | None, str]:
        await told.cause(record, **more)
        return told.row["fault"], told.row["faithful"], told.row["verdict"]

    assert await verdict(replace(lost, answer="Birchford, painted blue"), perfect=RIGHT) == (
        "search", True, "search at fault, answer faithful",
    )  # fmt: skip
    assert told.row["right_with_evidence"] is True
    assert await verdict(replace(lost, answer="The Mississippi"), perfect=WRONG) == (
        "search", False, "search at fault, answer made up",
    )  # fmt: skip
    assert told.row["right_with_evidence"] is False
    unknown = replace(lost, answer="I do not know.", abstained=True)
    assert await verdict(unknown) == (
        "search", True, "search at fault, and the answer says that it does not know",
    )  # fmt: skip
    assert told.row["right_with_evidence"] is None
    assert await verdict(WRONG) == ("search", None, "search at fault, nothing was shown")
    shown = replace(WRONG, passages=told.shown())
    assert await verdict(shown, perfect=RIGHT) == (
        "search", True, "search at fault: the right passage was shown, lost among others",
    )  # fmt: skip
    assert await verdict(replace(shown, answer="lies on the river"), perfect=WRONG) == (
        "model", True, "model at fault: the right passage was shown",
    )  # fmt: skip
    assert await verdict(replace(shown, answer="The Mississippi"), perfect=WRONG) == (
        "model", False, "model at fault: the right passage was shown, and the answer is made up",
    )  # fmt: skip
    assert await verdict(Record("x", status="outage")) == (
        "service", None, "service at fault: the service did not answer",
    )  # fmt: skip
    refused = replace(shown, status="refused")
    assert await verdict(refused) == (
        "model", None, "model at fault: the model declined to answer",
    )  # fmt: skip
    told = Told(workspace, WHOLE, example(evidence=(Evidence(document="gone.md"),)))
    assert await verdict(lost) == ("knowledge", False, "knowledge at fault, answer made up")
    told = Told(workspace, WHOLE, example(evidence=()))
    assert await verdict(replace(lost, answer="painted blue")) == (
        "none", True, "fault not clear: where the answer stands is not known",
    )  # fmt: skip
    assert await verdict(replace(lost, answer="the Mississippi")) == (
        "model", False, "model at fault: the answer is not supported by what was shown",
    )  # fmt: skip


async def test_a_number_that_was_not_shown_is_made_up(workspace: Workspace) -> None:
    text = "The bridge of Alderford was opened in 1800."
    of = example(inputs={"question": "When was the bridge opened?"}, evidence=())
    told = Told(workspace, WHOLE, of)
    for answer, faithful in (
        ("The bridge of Alderford was opened in 1800.", True),
        ("The bridge of Alderford was opened in 1801.", False),
        ("1801", False),
    ):
        record = Record("x", answer=answer, scores={"m": 0.0}, passages=(Passage("a", text),))
        await told.cause(record)
        assert told.row["faithful"] is faithful


def test_every_fault_belongs_to_a_cause_and_service_and_label_to_no_axis() -> None:
    assert set(FAULTS) <= set(CAUSES)
    assert {c for c in CAUSES if not CAUSES[c][0]} == {"outage", "label_suspect"}
    assert {FAULTS.get(c, "model") for c, (a, _) in CAUSES.items() if a == "behaviour"} == {"model"}
    assert all(c in FAULTS for c, (axis, _) in CAUSES.items() if axis == "context")


async def test_worst_first_and_outages_before(workspace: Workspace) -> None:
    over = tuple(example(id=name) for name in "abc")
    records = (
        Record("a", answer="x", scores={"m": 0.4}, why="w" * 900),
        Record("b", answer="y" * 900, scores={"m": 0.1}),
        Record("c", status="outage"),
    )
    run = Run("r", workspace.pipeline(WHOLE), "p", "dev", AS_IS, over, records, 1.0)
    rows = await Causes(workspace._runner(), "m", run, None, None, None, None).assign()
    assert [row["example"] for row in rows] == ["c", "b", "a"]
    assert len(rows[1]["answered"]) == 500
    assert len(rows[2]["why"]) == 200


def test_every_cause_is_explained_and_those_of_an_axis_are_addressed() -> None:
    addressed = {cause for _, kind in TECHNIQUES for cause in kind.addresses}
    for cause, (axis, text) in CAUSES.items():
        assert axis in ("", "context", "behaviour")
        assert text
        # What only a person can mend: the documents and the labels.
        if axis and cause not in ("not_in_knowledge", "contradictory_knowledge"):
            assert cause in addressed
