"""`draft` and `review` on the command line."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from headway.cli import review as reviewing
from headway.cli.commands import main
from headway.core.findings import Suspect
from headway.core.task import Task
from headway.engine.reviewing import Item
from headway.store import Store

MakeTask = Callable[..., Path]

WRITER = """
import json, re
def write(request):
    text = request.messages[-1].content
    if request.messages[0].role == "system":
        town = re.search(r"from: (\\w+)", text)[1]
        return json.dumps({"question": f"On which water does {town} lie?"})
    river = re.search(r"(\\w+) lies on the river (\\w+)\\.", text)
    if "Copy from" in text:
        return json.dumps({"quote": river[0] if river else "", "answer": river[2] if river else ""})
    return json.dumps({"answer": river[2] if river else "not stated"})
"""


def run(*arguments: object, input: str | None = None, code: int = 0) -> str:
    found = CliRunner().invoke(main, [str(a) for a in arguments], input=input)
    assert found.exit_code == code, found.output
    return found.stdout if "--json" in arguments else found.output


def drafting(make_task: MakeTask) -> Path:
    folder = make_task(towns=10, models={"chat": "scripted/writer.py:write",
                                         "embed": "scripted/words"})  # fmt: skip
    (folder / "examples.jsonl").write_text("")
    (folder / "writer.py").write_text(WRITER)
    return folder


def test_draft_prints_what_was_kept_and_thrown_away(make_task: MakeTask) -> None:
    folder = drafting(make_task)
    plan = run("draft", folder, "--n", 3, "--kinds", "one_passage", "--dry-run")
    assert "draft would spend" in plan
    assert (folder / "examples.jsonl").read_text() == ""
    said = run("draft", folder, "--n", 3, "--kinds", "one_passage", "--yes")
    assert "3 drafts of 3 wanted" in said
    assert "headway review" in said
    again = json.loads(run("draft", folder, "--n", 3, "--kinds", "one_passage", "--yes", "--json"))
    assert (again["schema"], again["drafted"], again["known"]) == ("headway/draft/1", 0, 3)
    ended = run("draft", folder, "--n", 9, "--kinds", "one_passage", "--yes", "--calls", 1, code=4)
    assert "a larger budget" in ended


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--kinds", "poems"), "no kind of draft 'poems'"),
        (("--unmasked",), "--unmasked is for logs"),
        (("--from", "none.jsonl"), "cannot be read"),
        (("--from", "none.jsonl", "--kinds", "figures"), "--kinds is for drafts"),
        (("--n", "0"), "0 is not in the range"),
    ],
)
def test_bad_input_gets_one_message(
    make_task: MakeTask, arguments: tuple[str, ...], said: str
) -> None:
    found = run("draft", drafting(make_task), *arguments, code=2)
    assert said in found
    assert "Traceback" not in found


def test_a_log_is_sampled(make_task: MakeTask, tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    folder = drafting(make_task)
    log = tmp_path / "log.jsonl"
    log.write_text('{"question": "Where is Alderford? I am a@b.org"}\n{"event": "x"}\n')
    said = run("draft", folder, "--from", log, "--n", 5)
    assert "1 question sampled, of 1 in log.jsonl" in said
    assert "1 email" in said.replace("\n", " ")
    assert "names of people" in said.replace("\n", " ")
    assert "a@b.org" not in (folder / "examples.jsonl").read_text()


def test_verdicts_by_flags(make_task: MakeTask) -> None:
    folder = drafting(make_task)
    run("draft", folder, "--n", 3, "--kinds", "one_passage", "--yes")
    ids = [e.id for e in Task.load(folder).examples]
    queue = json.loads(run("review", folder, "--json"))
    assert (queue["schema"], queue["drafts"], len(queue["items"])) == ("headway/review/1", 3, 3)
    assert ids[0] in run("review", folder, "--list")
    assert "accept, by Ann" in run("review", folder, "--example", ids[0], "--verdict", "accept",
                                   "--by", "Ann")  # fmt: skip
    fixed = json.loads(run("review", folder, "--example", ids[1], "--verdict", "fix", "--reference",
                           "Esk", "--by", "Ann", "--json"))  # fmt: skip
    assert (fixed["schema"], fixed["reference"]) == ("headway/verdict/1", "Esk")
    run("review", folder, "--example", ids[2], "--verdict", "ambiguous", "--by", "Ann")
    assert "0 drafts to rule on; 3 verdicts so far, 1 ambiguous" in run("review", folder)
    found = {e.id: (e.reviewed, e.reference) for e in Task.load(folder).examples}
    assert found[ids[1]] == (True, "Esk")
    assert ids[2] not in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--verdict", "accept"), "belong together"),
        (("--example", "x", "--verdict", "accept"), "there is no example 'x'"),
        (("--example", "x", "--verdict", "fix"), "a fix needs"),
        (("--example", "x", "--verdict", "accept", "--reference", "y"), "changes nothing"),
        (("--reference", "y"), "fix one example"),
    ],
)
def test_bad_verdicts(make_task: MakeTask, arguments: tuple[str, ...], said: str) -> None:
    found = run("review", drafting(make_task), *arguments, code=2)
    assert said in found
    assert "Traceback" not in found


def test_verdicts_by_keys_are_written_at_once(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = drafting(make_task)
    run("draft", folder, "--n", 5, "--kinds", "one_passage", "--yes")
    monkeypatch.setattr(reviewing, "_at_keys", lambda: True)
    order = [i["example"] for i in json.loads(run("review", folder, "--json"))["items"]]
    lines: list[int] = []
    add = click.getchar

    def counted() -> str:
        file = folder / "reviews.jsonl"
        lines.append(len(file.read_text().splitlines()) if file.exists() else 0)
        return add()

    monkeypatch.setattr(click, "getchar", counted)
    said = run("review", folder, "--by", "Ann", input="xafOuse\nmsq")
    assert lines == [0, 0, 1, 2, 3, 3]
    assert "3 verdicts written" in said
    assert "lies on the river" in said
    rows = [json.loads(x) for x in (folder / "reviews.jsonl").read_text().splitlines()]
    assert [(r["example"], r["verdict"]) for r in rows] == [
        (order[0], "accept"), (order[1], "fix"), (order[2], "ambiguous"),
    ]  # fmt: skip
    assert all(r["by"] == "Ann" for r in rows)


def suspected(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, proposed: Any) -> Path:
    """A task with one doubtful reference, and a person at the keys."""
    folder = make_task()
    example = Task.load(folder).examples[0]
    doubt = Suspect(
        example=example.id, fingerprint=example.fingerprint, reference=example.reference,
        proposed=proposed, doubt=0.9, votes={"reader": {"says": proposed, "against": 0.9}},
    )  # fmt: skip
    (folder / ".headway").mkdir()
    store = Store(folder / ".headway" / "store.db")
    store.put_suspects([doubt.model_dump(mode="json")])
    store.flush()
    store.close()
    monkeypatch.setattr(reviewing, "_at_keys", lambda: True)
    return folder


@pytest.mark.parametrize("keys", ["p", "f\n"])
def test_what_is_proposed_can_be_taken(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    folder = suspected(make_task, monkeypatch, "Esk")
    said = run("review", folder, "--what", "labels", "--by", "Ann", input=keys)
    assert "90% against the reference, says Esk" in said
    assert "1 verdict written" in said
    row = json.loads((folder / "reviews.jsonl").read_text())
    assert (row["verdict"], row["reference"]) == ("fix", "Esk")


def test_an_object_is_edited_a_line_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def edited(text: str) -> str:
        shown.append(text)
        return text.replace("Arn", "Esk")

    monkeypatch.setattr(click, "edit", edited)
    item = Item(example="e", why="draft", question="?", reference={"town": "A", "river": "Arn"})
    assert reviewing._fixed("f", item, "json") == {"reference": {"town": "A", "river": "Esk"}}
    assert shown == ['{\n  "town": "A",\n  "river": "Arn"\n}']
    monkeypatch.setattr(click, "edit", lambda text: text)
    assert reviewing._fixed("f", item, "json") is None


@pytest.mark.parametrize(
    ("typed", "reference"),
    [('["Arn", "the Esk"]', ["Arn", "the Esk"]), ("Esk", "Esk"), ('["Arn","Arne"]', None)],
)
def test_acceptable_answers_stay_a_list(
    monkeypatch: pytest.MonkeyPatch, typed: str, reference: Any
) -> None:
    monkeypatch.setattr(click, "prompt", lambda *_, **__: typed)
    item = Item(example="e", why="draft", question="?", reference=["Arn", "Arne"])
    wanted = None if reference is None else {"reference": reference}
    assert reviewing._fixed("f", item, "text") == wanted


def _heard(person: int, wait_s: float) -> bytes:
    """What a terminal says within so many seconds; OSError at its end."""
    ready, _, _ = select.select([person], [], [], wait_s)
    return os.read(person, 4096) if ready else b""


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_leaving_by_control_keys_keeps_what_was_ruled(make_task: MakeTask, key: bytes) -> None:
    pty = pytest.importorskip("pty")
    folder = make_task()
    file = folder / "examples.jsonl"
    rows = [json.loads(line) | {"reviewed": False} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    person, terminal = pty.openpty()
    command = [sys.executable, "-m", "headway", "review", str(folder), "--by", "Ann"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as running:
        os.close(terminal)
        said, until = b"", time.monotonic() + 60
        try:
            for typed, times in ((b"a", 1), (key, 2)):
                while said.count(b"q quit") < times and time.monotonic() < until:
                    said += _heard(person, 0.2)
                # A key that comes before the terminal is raw is thrown away: it is typed again.
                while not (answer := _heard(person, 2.0)) and time.monotonic() < until:
                    os.write(person, typed)
                said += answer
            with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
                while time.monotonic() < until:
                    said += _heard(person, 0.2)
            running.wait(10)
        finally:
            running.kill()
            os.close(person)
    assert running.returncode == 0, said
    assert b"1 verdict written" in said
