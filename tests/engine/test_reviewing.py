"""The queue, and a verdict written down."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.core.findings import Suspect
from headway.core.task import Task
from headway.engine.compare import unreviewed
from headway.engine.reviewing import Reviewer, author
from headway.workspace import Workspace

MakeTask = Callable[..., Path]


def drafted(make_task: MakeTask, **spec: object) -> Path:
    """The towns, with every third example a draft."""
    folder = make_task(**spec)
    file = folder / "examples.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for number, row in enumerate(rows):
        if number % 3 == 0:
            row |= {"reviewed": False, "source": "draft:m"}
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def suspect(task: Task, id: str, doubt: float) -> Suspect:
    example = next(e for e in task.examples if e.id == id)
    return Suspect(example=id, fingerprint=example.fingerprint, reference=example.reference,
                   proposed="Esk", doubt=doubt, votes={"a": "Esk", "b": "Esk"})  # fmt: skip


def test_suspects_come_first_then_drafts_that_are_measured_on(make_task: MakeTask) -> None:
    task = Task.load(drafted(make_task))
    doubts = [suspect(task, "Alderbury-1", 0.9), suspect(task, "Alderford-0", 0.5)]
    found = Reviewer(task, doubts).queue()
    assert [(i.example, i.why) for i in found.items[:2]] == [
        ("Alderbury-1", "suspect"), ("Alderford-0", "suspect"),
    ]  # fmt: skip
    assert (found.suspects, found.drafts, len(found.items)) == (2, 59, 61)  # one is both
    sides = [task.side(e) for i in found.items[2:] for e in task.examples if e.id == i.example]
    assert sides.index("train") == len(sides) - sides.count("train")
    assert [i.why for i in Reviewer(task, doubts).queue("labels").items] == ["suspect"] * 2
    assert len(Reviewer(task, doubts).queue("drafts").items) == 59


def test_a_doubt_ends_with_a_verdict_or_a_change(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    task = Task.load(folder)
    doubts = [suspect(task, "Alderbury-1", 0.9), suspect(task, "Alderbury-2", 0.8)]
    Reviewer(task, doubts).rule("Alderbury-1", "accept", by="Ann")
    stale = [*doubts[:1], doubts[1].model_copy(update={"fingerprint": "other"})]
    found = Reviewer(Task.load(folder), stale).queue("labels")
    assert (found.items, found.ruled) == ((), 1)


async def test_evidence_is_shown_where_it_stands(make_task: MakeTask) -> None:
    async with Workspace.open(drafted(make_task)) as workspace:
        item = next(i for i in (await workspace.review()).items if i.example == "Alderford-0")
    (shown,) = item.evidence
    assert shown.text == "Alderford lies on the river Arn."
    assert shown.before.startswith("# Alderford")
    assert "town hall" in shown.after


def test_a_fix_can_be_ruled_on_again(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    Reviewer(Task.load(folder)).rule("Alderford-0", "fix", reference="Esk", by="Ann")
    Reviewer(Task.load(folder)).rule("Alderford-0", "ambiguous", by="Bob", note="two rivers")
    task = Task.load(folder)
    assert [e.id for e in task.reviews.ambiguous] == ["Alderford-0"]
    assert task.reviews.of["Alderford-0"].by == "Bob"
    Reviewer(task).rule("Alderford-0", "accept", by="Ann")
    again = next(e for e in Task.load(folder).examples if e.id == "Alderford-0")
    assert (again.reference, again.reviewed) == ("Arn", True)


def test_what_cannot_be_ruled_is_said(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    file = folder / "examples.jsonl"
    file.write_text(file.read_text() + '{"id": "new", "inputs": {"question": "Why?"}}\n')
    reviewer = Reviewer(Task.load(folder))
    with pytest.raises(InputError, match="there is no example 'none'"):
        reviewer.rule("none", "accept", by="Ann")
    with pytest.raises(InputError, match="no reference that could be accepted"):
        reviewer.rule("new", "accept", by="Ann")
    with pytest.raises(InputError, match="has a reference or a question"):
        reviewer.rule("Alderford-0", "fix", by="Ann")
    assert not (folder / "reviews.jsonl").exists()
    labels = Task.load(make_task("labels", output={"kind": "label", "labels": ["a", "b"]}))
    with pytest.raises(InputError, match="no label"):
        Reviewer(labels).rule("Alderford-0", "fix", reference="c", by="Ann")
    schema = {"type": "object", "required": ["river"]}
    objects = Task.load(make_task("objects", output={"kind": "json", "schema": schema}))
    with pytest.raises(InputError, match=r"the reference breaks the schema.*'river' is"):
        Reviewer(objects).rule("Alderford-0", "fix", reference={"sea": "North"}, by="Ann")
    Reviewer(objects).rule("Alderford-0", "fix", reference={"river": "Arn"}, by="Ann")


def test_the_author_is_gits_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for key, value in (("user.name", "Ann Lee"), ("user.email", "ann@example.org")):
        subprocess.run(["git", "-C", str(tmp_path), "config", key, value], check=True)
    assert author(tmp_path) == "Ann Lee <ann@example.org>"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("LOGNAME", "bob")
    assert author(tmp_path) == "bob"


# --- what the verdicts of runs say -------------------------------------------------------------


async def test_every_verdict_says_how_many_are_unreviewed(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    dev = Task.load(folder).split("dev")
    Reviewer(Task.load(folder)).rule(dev[0].id, "ambiguous", by="Ann")
    async with Workspace.open(folder) as workspace:
        dev = workspace.task.split("dev")
        many = unreviewed(dev)
        assert 0 < many < len(dev)
        run = await workspace.evaluate()
        assert (run.unreviewed, run.n) == (many, len(dev))
        assert run.to_json()["set_aside"] == {"ambiguous": [next(iter(
            workspace.task.reviews.ambiguous)).id]}  # fmt: skip
        compared = await workspace.compare("baseline", "baseline")
        assert compared.unreviewed == many
        journey = await workspace.optimize(calls=400)
        assert (journey.unreviewed, journey.examples) == (many, len(dev))
        assert journey.diagnosis is not None
        assert 0 < journey.diagnosis.unreviewed <= many
        page = (await workspace.report()).read_text()
        assert f"{many} of {len(dev)} examples were made by a machine" in page
        final = await workspace.final()
    held = final.figure.set_aside["unreviewed"]
    assert final.figure.unreviewed == 0
    assert held
    assert all(id.endswith("-0") for id in held)


async def test_a_void_verdict_is_told(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    Reviewer(Task.load(folder)).rule("Alderford-0", "accept", by="Ann")
    file = folder / "examples.jsonl"
    file.write_text(file.read_text().replace("On which river does Alderford lie?", "Where?"))
    async with Workspace.open(folder) as workspace:
        assert any("void" in said and "Alderford-0" in said for said in workspace.notices.texts)
        items = {i.name: i for i in (await workspace.check()).items}
    assert items["reviews"].level == "warning"
    assert items["unreviewed"].data["kept_out"] > 0


async def test_ambiguous_ones_are_listed_by_check(make_task: MakeTask) -> None:
    folder = drafted(make_task)
    Reviewer(Task.load(folder)).rule("Alderford-0", "ambiguous", by="Ann")
    async with Workspace.open(folder) as workspace:
        items = {i.name: i for i in (await workspace.check()).items}
    assert items["ambiguous"].data == {"count": 1, "examples": ["Alderford-0"]}
    assert items["reviews"].data["verdicts"] == {"ambiguous": 1}
