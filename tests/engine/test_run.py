"""Runs: what is kept, what is charged, what a failure is."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

import headway as hw
from headway.cli.progress import answered
from headway.core.errors import BudgetEnded, Outage, Rejected
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example
from headway.engine.budget import Limits
from headway.engine.lender import ExampleLender
from headway.engine.run import AS_IS, CLOSED_BOOK, PERFECT, REPEATS, REPEATS_AS_IS, Probe, _told
from headway.models.scripted import ScriptedChat
from headway.workspace import Workspace

MakeTask = object


def with_chat(workspace: Workspace, chat: ScriptedChat) -> ScriptedChat:
    """Puts a scripted model where the task's own would be opened."""
    workspace.parts._chat["scripted/extract"] = chat
    return chat


async def test_second_run_calls_nothing(make_task) -> None:
    async with Workspace.open(make_task()) as workspace:
        first = await workspace.evaluate(limit=20)
        second = await workspace.evaluate(limit=20)
    assert (first.usage.calls, first.usage.cached_calls) == (20, 0)
    assert (second.usage.calls, second.usage.cached_calls) == (0, 20)
    assert first.metrics == second.metrics
    assert second.usage.prompt_tokens == first.usage.prompt_tokens > 0
    assert second.latency_s == first.latency_s


async def test_kept_across_processes(make_task) -> None:
    folder = make_task()
    async with Workspace.open(folder) as workspace:
        await workspace.evaluate(limit=10)
    async with Workspace.open(folder) as workspace:
        assert (await workspace.evaluate(limit=12)).usage.calls == 2


async def test_repeats_are_separate_calls(make_task) -> None:
    async with Workspace.open(make_task()) as workspace:
        found = await workspace.evaluate(limit=5, repeat=3)
    assert (found.n, found.usage.calls) == (15, 15)
    assert found.metrics["token_f1"].n == 5


class Watching(ScriptedChat):
    """Notes how many calls with the same prompt were ever on the way together."""

    most = 0

    async def chat(self, request: ChatRequest) -> ChatReply:
        asked = request.messages[-1].content
        self.on_the_way = [*getattr(self, "on_the_way", []), asked]
        self.most = max(self.most, self.on_the_way.count(asked))
        try:
            return await super().chat(request)
        finally:
            self.on_the_way.remove(asked)


@pytest.mark.parametrize(("examples", "most"), [(8, 1), (7, 3)])
async def test_a_prompt_is_not_asked_twice_at_once_where_examples_are_many(
    make_task, examples: int, most: int
) -> None:
    """Two places want eight examples, four for each, to be kept busy."""
    async with Workspace.open(make_task()) as workspace:
        chat = Watching(lambda request: "x", concurrency=2, delay_s=0.002)
        with_chat(workspace, chat)
        chosen = workspace.task.split("dev")[:examples]
        run = await workspace._runner().run(
            workspace.pipeline(), chosen, probe=REPEATS_AS_IS, repeats=3
        )
    assert len(chat.requests) == len(run.records) == 3 * examples
    assert chat.most == most
    order = [(r.example, r.repeat) for r in run.records]
    assert order == [(e.id, repeat) for repeat in range(3) for e in chosen]


@pytest.mark.parametrize("probe", [AS_IS, REPEATS, REPEATS_AS_IS])
async def test_samples_of_a_step_are_different_ones_in_each_repeat(make_task, probe: Probe) -> None:
    """A vote of 4 over 3 repeats samples 9 times with its own seeds, and no two are the same."""
    async with Workspace.open(make_task()) as workspace:
        chat = with_chat(workspace, ScriptedChat(lambda request: f"seed {request.seed}"))
        runner, chosen = workspace._runner(), workspace.task.split("dev")[:1]
        pipeline = workspace.pipeline().with_step("vote", n=4)
        run = await runner.run(pipeline, chosen, probe=probe, repeats=3)
        warm = [r.seed for r in chat.requests if r.temperature > 0]
        assert len(chat.requests) == 12  # each sample was made anew, none taken from the cache
        again = await runner.run(pipeline, chosen, probe=probe, repeats=3)
    # Under the repeats probe the first sample of each vote is warm as well.
    assert len(warm) == (9 if probe.temperature is None else 12)
    assert None not in warm
    assert len({*warm}) == len(warm)
    said = [text for r in run.records for t in r.trace if t["step"] == "vote" for text in t["said"]]
    assert len({*said}) == (12 if probe.temperature is not None else 10)  # "seed None" thrice
    assert [r.trace for r in again.records] == [r.trace for r in run.records]


async def test_an_outage_is_not_a_zero(make_task) -> None:
    def flaky(request: ChatRequest) -> str:
        if "hall" in request.messages[-1].content.rpartition("Question:")[2]:
            raise Outage("down")
        return "never"

    async with Workspace.open(make_task()) as workspace:
        with_chat(workspace, ScriptedChat(flaky))
        found = await workspace.evaluate(limit=30)
        assert found.outage > 0
        assert found.n == found.completed + found.outage == 30
        assert found.metrics["token_f1"].n == found.completed
        # An outage is not kept: the next run asks again, and only for those.
        chat = with_chat(workspace, ScriptedChat(lambda request: "never"))
        again = await workspace.evaluate(limit=30)
    assert chat.calls == found.outage
    assert again.outage == 0


async def test_nothing_but_outages_stops_at_once(make_task) -> None:
    def down(request: ChatRequest) -> str:
        raise Outage("nobody answers")

    async with Workspace.open(make_task()) as workspace:
        chat = with_chat(workspace, ScriptedChat(down))
        with pytest.raises(Outage, match="nobody answers"):
            await workspace.evaluate()
    assert chat.calls < 40


async def test_a_refused_key_stops_at_once(make_task) -> None:
    def refused(request: ChatRequest) -> str:
        raise Rejected("the key is refused")

    async with Workspace.open(make_task()) as workspace:
        with_chat(workspace, ScriptedChat(refused))
        with pytest.raises(Rejected):
            await workspace.evaluate()


async def test_refusals_score_zero_and_say_why(make_task) -> None:
    async with Workspace.open(make_task()) as workspace:
        with_chat(workspace, ScriptedChat(lambda r: ChatReply("no", finish="refused")))
        found = await workspace.evaluate(limit=6)
    assert (found.refused, found.completed) == (6, 6)
    assert found.metrics["token_f1"].mean == 0.0


async def test_budget_stops_before_the_call(make_task) -> None:
    async with Workspace.open(make_task()) as workspace:
        runner = workspace._runner(Limits(calls=7))
        chat = with_chat(workspace, ScriptedChat(lambda r: "x"))
        with pytest.raises(BudgetEnded):
            await runner.run(workspace.pipeline(), workspace.task.split("dev"))
        assert chat.calls == 7
        # What was paid for is kept.
        found = await workspace.evaluate()
    assert found.usage.cached_calls == 7


async def test_probes_replace_only_the_context(make_task) -> None:
    seen: list[ChatRequest] = []

    def watch(request: ChatRequest) -> str:
        seen.append(request)
        return "x"

    async with Workspace.open(make_task()) as workspace:
        with_chat(workspace, ScriptedChat(watch))
        runner = workspace._runner()
        example = workspace.task.split("dev")[:1]
        pipeline = workspace.pipeline()
        await runner.run(pipeline, example)
        await runner.run(pipeline, example, probe=CLOSED_BOOK)
        await runner.run(pipeline, example, probe=PERFECT)
        await runner.run(pipeline, example, probe=REPEATS, repeats=3)
    as_is, closed, perfect, *repeats = seen
    assert "[1]" in as_is.messages[-1].content
    assert "[1]" not in closed.messages[-1].content
    assert example[0].evidence[0].text in perfect.messages[-1].content
    assert "[2]" not in perfect.messages[-1].content
    assert as_is.messages[0] == closed.messages[0] == perfect.messages[0]
    assert {r.temperature for r in repeats} == {0.7}
    assert len({r.seed for r in repeats}) == 3


async def test_fingerprint_covers_what_changes_answers(make_task) -> None:
    folder = make_task()
    async with Workspace.open(folder) as workspace:
        plain = workspace.pipeline()
        base = await workspace.parts.fingerprint(plain)
        shots = plain.with_step("examples", before="generate", k=2)
        assert await workspace.parts.fingerprint(shots) != base
    (folder / "knowledge" / "extra.md").write_text("# Extra\n\nSomething new.\n")
    async with Workspace.open(folder) as workspace:
        assert await workspace.parts.fingerprint(workspace.pipeline()) != base


def test_the_test_split_is_sealed(make_task) -> None:
    with pytest.raises(hw.InputError, match="sealed"):
        hw.evaluate(make_task(), split="test")


async def test_show_is_what_is_sent(make_task) -> None:
    seen: list[ChatRequest] = []
    folder = make_task()
    async with Workspace.open(folder) as workspace:
        shown = await workspace.show()
        with_chat(workspace, ScriptedChat(lambda r: (seen.append(r), "x")[1]))
        await workspace.evaluate(limit=1)
    assert seen[0].messages == shown.messages


def test_pipeline_round_trip(tmp_path: Path) -> None:
    made = Pipeline.model_validate(
        {
            "model": "scripted/echo",
            "steps": [{"retrieve": {"k": 3}}, {"generate": {"template": "a\nb"}}],
        }
    )
    assert Pipeline.load(made.save(tmp_path / "p.yaml")) == made


# --- databases ------------------------------------------------------------------------------------

BRIDGES = "SELECT count(*) AS bridges FROM bridges WHERE town = 'Alderford'"


def with_database(folder: Path, sql: str = BRIDGES, name: str = "towns", bridges: int = 3) -> Path:
    """Gives the task a database, and every example that query as its evidence, beside its own."""
    file = folder / "databases" / "towns.sqlite"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE bridges (town TEXT)")
    database.executemany("INSERT INTO bridges VALUES (?)", [("Alderford",)] * bridges)
    database.commit()
    database.close()
    lines = []
    for line in (folder / "examples.jsonl").read_text().splitlines():
        example = json.loads(line)
        query = {"document": f"database:{name}", "tables": ["bridges"], "text": sql}
        example["evidence"] = [*(e for e in example["evidence"] if "tables" not in e), query]
        lines.append(json.dumps(example))
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n")
    return folder


async def test_perfect_context_shows_rows_as_the_step_does(make_task) -> None:
    asked: list[str] = []

    def reply(request: ChatRequest) -> str:
        asked.append(request.messages[-1].content)
        return f"```sql\n{BRIDGES};\n```" if "CREATE TABLE" in request.messages[0].content else "x"

    async with Workspace.open(with_database(make_task())) as workspace:
        with_chat(workspace, ScriptedChat(reply))
        runner, example = workspace._runner(), workspace.task.split("dev")[:1]
        plain = workspace.pipeline()
        querying = workspace.parts.resolve(
            plain.with_step("database", before="generate", when="always", examples=0)
        )
        perfect = (await runner.run(plain, example, probe=PERFECT)).records[0]
        closed = (await runner.run(querying, example, probe=CLOSED_BOOK)).records[0]
        calls = len(asked)
        as_is = (await runner.run(querying, example)).records[0]
        spans = runner.spans(example[0])
    assert perfect.passages[0] == as_is.passages[0]
    assert perfect.passages[0].text == f"{BRIDGES}\n\nbridges\n3"
    assert perfect.passages[1].document == example[0].evidence[0].document
    assert "Database towns" in asked[0]
    assert (calls, closed.passages) == (2, ())  # closed book asks no database
    assert spans[0][0] == example[0].evidence[0].document
    assert spans[1] == ("database:towns", 0, 0)
    assert as_is.ranked[0] == spans[1]
    assert as_is.trace[-2]["rows"] == 1
    assert as_is.scores["token_f1"] == 0.0


async def test_perfect_context_without_knowledge_shows_the_rows(make_task) -> None:
    async with Workspace.open(with_database(make_task(knowledge=False))) as workspace:
        runner, example = workspace._runner(), workspace.task.split("dev")[:1]
        pipeline = workspace.pipeline()
        record = (await runner.run(pipeline, example, probe=PERFECT)).records[0]
        assert runner.spans(example[0]) == (("database:towns", 0, 0),)
    assert [p.document for p in record.passages] == ["database:towns"]


async def test_a_query_that_cannot_be_run_is_left_out(make_task) -> None:
    folder = with_database(make_task(), sql="SELECT nothing FROM nowhere")
    async with Workspace.open(folder) as workspace:
        runner, example = workspace._runner(), workspace.task.split("dev")[:1]
        run = await runner.run(workspace.pipeline(), example, probe=PERFECT)
        assert [p.document for p in run.records[0].passages] == [example[0].evidence[0].document]
    async with Workspace.open(with_database(folder, name="elsewhere")) as workspace:
        runner, example = workspace._runner(), workspace.task.split("dev")[:1]
        assert [document for document, _, _ in runner.spans(example[0])] == [
            example[0].evidence[0].document
        ]
        run = await runner.run(workspace.pipeline(), example, probe=PERFECT)
        assert len(run.records[0].passages) == 1


async def test_another_database_is_another_answer(make_task) -> None:
    folder = with_database(make_task())
    seen = []
    for bridges in (3, 3, 4):
        async with Workspace.open(with_database(folder, bridges=bridges)) as workspace:
            chat = with_chat(workspace, ScriptedChat(lambda request: "x"))
            runner, example = workspace._runner(), workspace.task.split("dev")[:1]
            await runner.run(workspace.pipeline(), example)
            await runner.run(workspace.pipeline(), example, probe=PERFECT)
            querying = workspace.pipeline().with_step("database", examples=0)
            seen.append((chat.calls, await workspace.parts.fingerprint(querying)))
    assert [calls for calls, _ in seen] == [2, 0, 1]
    assert seen[0][1] == seen[1][1] != seen[2][1]


async def test_examples_are_shown_with_their_rows(make_task) -> None:
    async with Workspace.open(with_database(make_task())) as workspace:
        lend = ExampleLender(workspace._runner().desk, None)
        shown = await lend.evidence(workspace.task.split("train")[0])
    assert [p.document.startswith("database:") for p in shown] == [True, False]
    assert shown[0].text.endswith("bridges\n3")


async def test_evidence_without_queries_opens_no_database(make_task) -> None:
    folder = make_task()
    (folder / "databases").mkdir()
    (folder / "databases" / "broken.sqlite").write_text("no database")
    async with Workspace.open(folder) as workspace:
        runner, example = workspace._runner(), workspace.task.split("dev")[:1]
        await runner.run(workspace.pipeline(), example, probe=PERFECT)
        assert runner.spans(example[0])
        with pytest.raises(hw.InputError, match=r"broken\.sqlite"):
            workspace.parts.databases()


def test_an_answer_that_failed_is_no_document() -> None:
    example = Example(id="a", inputs={"question": "Q?"}, reference="7788")
    passages = (Passage("d.md", "text", 0, 4, "A title"),)
    found = _told(example, Record("a", None, passages=passages))
    assert (found["answer"], found["why"]) == ("A title", "")
    failed = Record("a", None, passages=passages, status="invalid", why="the prompt is too long")
    assert _told(example, failed)["answer"] is None
    line = answered(Event("answer", data=_told(example, failed))).plain
    assert "→ (nothing: the prompt is too long)" in line
