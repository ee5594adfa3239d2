"""`draft` and `review` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from headway.cli import review as reviewing
from headway.cli.commands import main
from headway.core.task import Task

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
    add = reviewing.click.getchar

    def counted() -> str:
        file = folder / "reviews.jsonl"
        lines.append(len(file.read_text().splitlines()) if file.exists() else 0)
        return add()

    monkeypatch.setattr(reviewing.click, "getchar", counted)
    said = run("review", folder, "--by", "Ann", input="xafEsk\nmsq")
    assert lines == [0, 0, 1, 2, 3, 3]
    assert "3 verdicts written" in said
    assert "lies on the river" in said
    rows = [json.loads(x) for x in (folder / "reviews.jsonl").read_text().splitlines()]
    assert [(r["example"], r["verdict"]) for r in rows] == [
        (order[0], "accept"), (order[1], "fix"), (order[2], "ambiguous"),
    ]  # fmt: skip
    assert all(r["by"] == "Ann" for r in rows)
