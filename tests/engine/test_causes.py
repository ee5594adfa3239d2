"""One constructed failure a cause, and the order in which causes are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.record import Passage, Record
from headway.core.task import Evidence, Example
from headway.engine.causes import CAUSES, Causes
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
        (row,) = await self.causes.assign()
        assert row["axis"] == CAUSES[row["cause"]][0]
        return str(row["cause"])


WRONG = Record("x", answer="Arn river lies", scores={"m": 0.0})
RIGHT = Record("x", answer="Arn", scores={"m": 1.0})


async def test_outage_and_refusal_come_before_all(workspace: Workspace) -> None:
    lost = example(evidence=(Evidence(document="gone.md"),))
    told = Told(workspace, PIPELINE, lost)
    assert await told.cause(Record("x", status="outage", why="down")) == "outage"
    refused = Record("x", answer="no", status="refused", why="declined", scores={"m": 0.0})
    assert await told.cause(refused) == "refused"
    assert told.causes.funnel == {"with evidence": 1}


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
    assert told.causes.funnel == {"with evidence": 1, "in the knowledge": 1}
    # In larger passages the same evidence is whole, and search finds it.
    assert await Told(workspace, WHOLE, of).cause(WRONG, perfect=RIGHT) == "ranked_too_low"


async def test_not_found(workspace: Workspace) -> None:
    of = example(inputs={"question": "zyx qqq?"})
    told = Told(workspace, WHOLE, of)
    assert await told.cause(WRONG, perfect=RIGHT) == "not_found"
    assert told.causes.funnel == {
        "with evidence": 1, "in the knowledge": 1, "whole in one passage": 1
    }  # fmt: skip


async def test_ranked_too_low(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    other = Passage("Alderbury.md", "another town", 0, 12)
    assert await told.cause(replace(WRONG, passages=(other,)), perfect=RIGHT) == "ranked_too_low"
    assert told.causes.funnel["found in 100"] == 1
    assert "in the prompt" not in told.causes.funnel


async def test_crowded_out(workspace: Workspace) -> None:
    told = Told(workspace, WHOLE, example())
    record = replace(WRONG, passages=told.shown())
    assert await told.cause(record, perfect=RIGHT) == "crowded_out"
    assert told.causes.funnel["in the prompt"] == 1


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
        assert causes.funnel["in the prompt"] == 1  # the funnel is over all, right ones too


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
