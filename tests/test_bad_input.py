"""Everything that people get wrong, through the real commands: one message that says what was
found, where, what is valid and what to type; the right exit code; no traceback.

What breaks streams, processes or the disk runs `python -m headway` as a process of its own; the
rest calls the same command in this process, which is quicker.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from headway.cli import main

Folder = Path
INPUT, SERVICE = 2, 3
KEY = "sk-tidewell-0123456789abcdef"


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


def inside(*args: object) -> Said:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    return Said(result.exit_code, result.stdout, result.stderr)


def outside(*args: object, env: dict[str, str] | None = None, **more: Any) -> Said:
    result = subprocess.run(
        [sys.executable, "-m", "headway", *map(str, args)],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})}, check=False, **more,
    )  # fmt: skip
    return Said(result.returncode, result.stdout, result.stderr)


def is_one_message(said: Said, code: int, *holds: str) -> None:
    """One message on stderr that holds these; nothing on stdout, no traceback, no bug."""
    assert said.code == code, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "bug in Headway" not in said.err
    flat = " ".join(said.err.split())
    for part in holds:
        assert part in flat, said.err


# --- making a task and breaking it ------------------------------------------------------------


@pytest.fixture
def task(make_task: Callable[..., Path]) -> Path:
    return make_task(towns=30)


def edit(folder: Folder, **fields: object) -> None:
    """Lay fields over task.yaml; None takes one out."""
    file = folder / "task.yaml"
    data = {**yaml.safe_load(file.read_text()), **fields}
    file.write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}))


def line(folder: Folder, number: int, text: str | Callable[[str], str]) -> None:
    """Another text in a line of examples.jsonl."""
    file = folder / "examples.jsonl"
    lines = file.read_text().splitlines()
    old = lines[number - 1]
    lines[number - 1] = text if isinstance(text, str) else text(old)
    file.write_text("\n".join(lines) + "\n")


def pipeline(folder: Folder, text: str, name: str = "broken") -> Path:
    file = folder / "pipelines" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def metric(folder: Folder, code: str, name: str = "score") -> None:
    (folder / "metrics.py").write_text(code)
    edit(folder, metrics=[f"python:metrics.py:{name}"])


def truncated_line(folder: Folder) -> None:
    line(folder, 7, lambda old: old[:40])


def example_field(folder: Folder) -> None:
    line(folder, 3, '{"id": "3", "inputs": {"question": "?"}, "refrence": "x"}')


def example_type(folder: Folder) -> None:
    line(folder, 4, '{"id": "4", "inputs": "a question"}')


def example_twice(folder: Folder) -> None:
    first = (folder / "examples.jsonl").read_text().splitlines()[0]
    line(folder, 5, first)


def not_utf8(folder: Folder) -> None:
    file = folder / "examples.jsonl"
    file.write_bytes(file.read_bytes().replace(b"Alderford", b"Alderf\xf6rd", 1))


def no_examples(folder: Folder) -> None:
    (folder / "examples.jsonl").unlink()


def empty_examples(folder: Folder) -> None:
    (folder / "examples.jsonl").write_text("\n")


def broken_yaml(folder: Folder) -> None:
    (folder / "task.yaml").write_text("name: towns\nmetrics: [token_f1\nsplits: {}\n")


def list_yaml(folder: Folder) -> None:
    (folder / "task.yaml").write_text("- name\n- towns\n")


def no_task_file(folder: Folder) -> None:
    (folder / "task.yaml").unlink()


def prompt_is_gone(folder: Folder) -> None:
    edit(folder, instructions="prompts/gone.md")


def application_is_gone(folder: Folder) -> None:
    edit(folder, application="app.py:answer", knowledge=None)


def application_without_function(folder: Folder) -> None:
    (folder / "app.py").write_text("def reply(inputs, *, context=None, settings=None): ...\n")
    edit(folder, application="app.py:answer")


def application_with_a_mistake(folder: Folder) -> None:
    (folder / "app.py").write_text("import nowhere_at_all\n")
    edit(folder, application="app.py:answer")


def corpus_line(folder: Folder) -> None:
    rows = [json.dumps({"_id": f"d{i}", "text": f"Town {i} lies inland."}) for i in range(3)]
    (folder / "knowledge" / "corpus.jsonl").write_text("\n".join([*rows, '{"_id": "d4"']) + "\n")


def no_knowledge(folder: Folder) -> None:
    edit(folder, knowledge={"path": "documents/"})


def store_is_no_store(folder: Folder) -> None:
    (folder / ".headway").mkdir()
    (folder / ".headway" / "store.db").write_bytes(b"these are not the pages of a database" * 99)


Break = Callable[[Folder], None]
FILES: list[tuple[Break, tuple[str, ...]]] = [
    (truncated_line, ("examples.jsonl:7", "not valid JSON", "one whole JSON object a line")),
    (example_field, ("examples.jsonl:3", "'refrence'", "inputs, reference, evidence")),
    (example_type, ("examples.jsonl:4", "inputs", "'a question'")),
    (example_twice, ("examples.jsonl:5", "'Alderford-0'", "line 1 already")),
    (not_utf8, ("examples.jsonl:1", "not valid JSON")),
    (no_examples, ("examples.jsonl", "there are no examples", "try: headway import")),
    (empty_examples, ("examples.jsonl", "no examples", "try: headway")),
    (broken_yaml, ("task.yaml:3", "not valid YAML")),
    (list_yaml, ("task.yaml", "found list")),
    (no_task_file, ("towns", "there is no task.yaml here", "try: headway init")),
    (lambda f: edit(f, metrcs=["token_f1"]), ("task.yaml", "'metrcs'", "valid:", "metrics")),
    (lambda f: edit(f, output={"kind": "essay"}), ("task.yaml", "output.kind", "'essay'")),
    (lambda f: edit(f, splits={"train": 0.9}), ("task.yaml", "splits", "not 1")),
    (lambda f: edit(f, metrics=["tokenf1"]), ("task.yaml", "'tokenf1'", "did you mean token_f1")),
    (lambda f: edit(f, metrics=["retrieval_recall@x"]), ("task.yaml", "retrieval_recall@5")),
    (lambda f: edit(f, metrics=["python:own.py:score"]), ("own.py", "python:FILE.py:NAME")),
    (lambda f: metric(f, "def other(e, r): return 1\n"), ("metrics.py", "'score'", "other")),
    (lambda f: metric(f, "def score(e, r:\n"), ("metrics.py:1", "SyntaxError")),
    (lambda f: metric(f, "def score(e, r):\n    return e['x']\n"),
     ("metrics.py:2", "it crashed: KeyError", "example '")),
    (lambda f: metric(f, "def score(e, r):\n    return 7\n"),
     ("metrics.py", "7", "a number from 0 to 1")),
    (lambda f: metric(f, "def score(e, r):\n    return 'good'\n"),
     ("metrics.py", "'good'", "a number from 0 to 1")),
    (prompt_is_gone, ("prompts/gone.md", "prompt file")),
    (application_is_gone, ("app.py", "file is not there")),
    (application_without_function, ("app.py", "no function 'answer'", "reply")),
    (application_with_a_mistake, ("app.py", "cannot be imported", "nowhere_at_all")),
    (corpus_line, ("corpus.jsonl:4", "JSON")),
    (no_knowledge, ("documents", "valid: a folder of .docx")),
    (lambda f: edit(f, models={"chat": "nowhere/model"}), ("nowhere", "valid:")),
    (lambda f: edit(f, models={"chat": "scripted/own.py:f"}), ("own.py",)),
    (lambda f: edit(f, endpoints={"house": {"base_url": "house:80"}}), ("endpoints.house",)),
]  # fmt: skip


@pytest.mark.parametrize(("break_it", "holds"), FILES, ids=[holds[-1] for _, holds in FILES])
def test_a_file_that_is_wrong(task: Path, break_it: Break, holds: tuple[str, ...]) -> None:
    break_it(task)
    is_one_message(inside("evaluate", task, "--limit", 4, "--json"), INPUT, *holds)


PIPELINES = [
    (
        "steps:\n- retreive: {k: 2}\n- generate\n",
        ("broken.yaml, step 1", "'retreive'", "did you mean retrieve"),
    ),
    (
        "steps:\n- retrieve: {kk: 2}\n- generate\n",
        ("broken.yaml, step 1 (retrieve)", "'kk'", "valid:"),
    ),
    ("steps:\n- retrieve: {k: many}\n- generate\n", ("broken.yaml, step 1", "k:", "'many'")),
    ("steps:\n- generate: {template: gone.md}\n", ("gone.md", "prompt file")),
    ("steps:\n- {retrieve: {k: 2}, generate: {}}\n", ("broken.yaml, step 1", "one name")),
    ("step:\n- generate\n", ("broken.yaml", "steps")),
    ("steps:\n- generate: {template: '{{qestion}}'}\n", ("qestion", "question")),
    ("steps: [generate\n", ("broken.yaml:2", "not valid YAML")),
    ("steps:\n- generate: {template: lost.md}\n", ("{{question}}",)),
]


@pytest.mark.parametrize(("text", "holds"), PIPELINES, ids=[holds[-1] for _, holds in PIPELINES])
def test_a_pipeline_that_is_wrong(task: Path, text: str, holds: tuple[str, ...]) -> None:
    file = pipeline(task, text)
    # A template with one slot is one that places things itself: then it must place the question.
    (file.parent / "lost.md").write_text("{{passages}}\n\nAnswer in a few words.\n")
    said = inside("evaluate", task, "--pipeline", file, "--limit", 4, "--json")
    is_one_message(said, INPUT, *holds)


COMMANDS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("evaluate", "{}/nowhere"), ("nowhere: there is no such folder", "try: headway init")),
    (("evaluate", "{}", "--pipeline", "nowhere"), ("no pipeline 'nowhere'", "valid:")),
    (("evaluate", "{}", "--split", "test"), ("sealed", "try: headway final")),
    (("compare", "{}", "nowhere", "baseline"), ("no pipeline 'nowhere'",)),
    (("compare", "{}", "a", "b", "--metric", "f1"), ("'f1'", "token_f1")),
    (("try", "{}", "reranking"), ("'reranking'", "did you mean rerank")),
    (("show", "{}", "nobody"), ("no example 'nobody'", "valid:")),
    (("final", "{}"), ("sealed test", "--yes")),
    (("optimize", "{}", "--continue", "--yes"), ("no journey", "try: headway optimize")),
    (("report", "{}", "--journey", "x"), ("no finished journey", "try: headway optimize")),
    (("schema", "tsk"), ("'tsk'", "valid: task")),
    (("init", "{}"), ("a task here already", "--force")),
    (("import", "{}/nowhere.csv", "{}/new"), ("nowhere.csv", "no such file")),
]


@pytest.mark.parametrize(("args", "holds"), COMMANDS, ids=[" ".join(a) for a, _ in COMMANDS])
def test_a_command_that_is_wrong(task: Path, args: tuple[str, ...], holds: tuple[str, ...]) -> None:
    is_one_message(inside(*(arg.replace("{}", str(task)) for arg in args)), INPUT, *holds)


def test_what_is_to_be_typed_can_be_typed(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where one is, quoted where it must be."""
    monkeypatch.chdir(task.parent)
    is_one_message(inside("evaluate", "a/b c"), INPUT, "try: headway init 'a/b c'")
    is_one_message(inside("report", "towns"), INPUT, "try: headway optimize towns")
    monkeypatch.chdir(task / "knowledge")
    is_one_message(inside("report", ".."), INPUT, f"try: headway optimize {task}")


@pytest.mark.parametrize("calls", [3, 20, 60])
def test_a_budget_that_ends_first(task: Path, calls: int) -> None:
    """What was found is there, as one document; the exit code says that it is not all."""
    said = inside("optimize", task, "--calls", calls, "--yes", "--json")
    assert said.code in (0, 4), said.err
    found = json.loads(said.out)
    assert found["spent"]["calls"] <= calls
    assert (said.code == 0) == found["complete"]
    if said.code == 4:
        assert "--continue" in said.err
    if calls == 3:
        assert said.code == 4


def test_too_few_examples_for_a_journey(make_task: Callable[..., Path]) -> None:
    said = inside("optimize", make_task(towns=4), "--yes", "--json")
    is_one_message(said, INPUT, "fewer than 6", "valid: 50 or more", "try: headway check")


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("frage,antwort\nWas?,Das\n")
    said = inside("init", tmp_path / "new", "--questions", file)
    is_one_message(said, INPUT, "q.csv", "frage, antwort", "--question COLUMN")
    assert not (tmp_path / "new").exists()
    good = inside("import", file, tmp_path / "new", "--question", "frage", "--reference", "antwort")
    assert good.code == 0, good.err


# --- services ---------------------------------------------------------------------------------


def endpoint(folder: Folder, url: str, **more: object) -> None:
    house = {"base_url": url, "retries": 1, **more}
    edit(folder, endpoints={"house": house}, models={"chat": "house/m"})


def test_nobody_listens(task: Path) -> None:
    with socket.socket() as free:  # bound, and never listening
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        endpoint(task, f"http://127.0.0.1:{port}/v1")
        said = outside("evaluate", task, "--limit", 4, "--json")
    is_one_message(said, SERVICE, f"127.0.0.1:{port}", "try:")


@contextlib.contextmanager
def stub(*options: str) -> Iterator[str]:
    """The stub service as a process; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "headway.testing.stub", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_service_that_hangs(task: Path) -> None:
    with stub("--plan", ",".join(["hang"] * 50)) as url:
        endpoint(task, url, timeout_s=0.4, retries=0)
        started = time.monotonic()
        said = outside("evaluate", task, "--limit", 3, "--json")
    assert time.monotonic() - started < 20
    is_one_message(said, SERVICE, url.removesuffix("/v1"), "0.4 s", "try:")


def test_a_key_that_is_refused_is_written_nowhere(task: Path) -> None:
    """The service quotes the key in its 401; we do not."""
    with stub("--key", "another") as url:
        endpoint(task, url, key_env="HOUSE_KEY")
        said = outside("evaluate", task, "--limit", 3, "--json", env={"HOUSE_KEY": KEY})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOUSE_KEY", KEY)
            plain = inside("optimize", task, "--calls", "99", "--yes")
    is_one_message(said, SERVICE, "401", "HOUSE_KEY")
    is_one_message(plain, SERVICE, "401", "HOUSE_KEY")
    assert KEY not in said.err + plain.err
    kept = [file for file in task.rglob("*") if file.is_file()]
    assert any(file.name == "store.db" for file in kept)
    assert not [file for file in kept if KEY.encode() in file.read_bytes()]


def test_a_key_that_is_not_set(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOUSE_KEY", raising=False)
    endpoint(task, "http://127.0.0.1:9/v1", key_env="HOUSE_KEY")
    said = inside("evaluate", task, "--limit", 3, "--json")
    is_one_message(said, INPUT, "HOUSE_KEY", ".env", "try:")


# --- the disk, permissions, Ctrl-C -------------------------------------------------------------


def test_a_store_that_is_no_store(task: Path) -> None:
    store_is_no_store(task)
    said = inside("evaluate", task, "--limit", 3, "--json")
    is_one_message(said, SERVICE, "store.db", "not a database", "move the file away")


def test_a_store_with_broken_pages(task: Path) -> None:
    assert inside("evaluate", task, "--json").code == 0
    store = task / ".headway" / "store.db"
    with store.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * (store.stat().st_size - 8192))
    said = inside("evaluate", task, "--json")
    is_one_message(said, SERVICE, "store.db", "cannot be read", "move the file away")


def test_a_file_that_cannot_grow(task: Path) -> None:
    """What was kept before is still good."""

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails instead of killing
        resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, 160_000))

    assert inside("evaluate", task, "--limit", 2, "--json").code == 0
    said = outside("evaluate", task, "--json", preexec_fn=small)
    is_one_message(said, SERVICE, "store.db", "try:", "free space")
    assert inside("evaluate", task, "--json").code == 0


# A file system of our own in a name space of our own, gone with the process.
MOUNT = ("unshare", "--map-root-user", "--mount", "sh", "-c")


def can_mount() -> bool:
    tried = subprocess.run([*MOUNT, "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not shutil.which("unshare"), reason="no name spaces here")
@pytest.mark.parametrize("kilobytes", [160, 240])  # full in the index; full in the store
def test_a_full_disk(task: Path, kilobytes: int) -> None:
    if not can_mount():
        pytest.skip("no file system may be mounted here")
    kept = task / ".headway"
    kept.mkdir()
    run = f"{sys.executable} -m headway evaluate {task} --json"
    script = (
        f"mount -t tmpfs -o size={kilobytes}k tmpfs {kept} && {run}; code=$?; "
        f"mount -o remount,size=64m {kept} && {run} > /dev/null 2>&1; echo again $? >&2; exit $code"
    )
    done = subprocess.run([*MOUNT, script], capture_output=True, text=True, check=False)
    said = Said(done.returncode, done.stdout, done.stderr)
    is_one_message(said, SERVICE, "the disk is full", "try: make room", "again 0")


def without_rights() -> list[str]:
    """What to put before a command so that root may not write everywhere either."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may write everywhere")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.parametrize(
    ("args", "code"),
    [(("evaluate", "{}"), SERVICE), (("init", "{}/new"), INPUT)],
    ids=["evaluate", "init"],
)
def test_a_folder_that_cannot_be_written_to(task: Path, args: tuple[str, ...], code: int) -> None:
    command = [*without_rights(), sys.executable, "-m", "headway"]
    task.chmod(0o555)
    try:
        done = subprocess.run(
            [*command, *(arg.replace("{}", str(task)) for arg in args)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        task.chmod(0o755)
    said = Said(done.returncode, done.stdout, done.stderr)
    is_one_message(said, code, str(task), "Permission denied", "try:")


def test_a_report_that_cannot_be_written(task: Path) -> None:
    assert inside("optimize", task, "--calls", 99, "--axis", "behaviour", "--yes").code in (0, 4)
    said = inside("report", task, "--output", task / "no" / "report.html")
    is_one_message(said, INPUT, "no/report.html", "cannot be written", "--output FILE.html")


def test_ctrl_c_and_the_same_command_goes_on(task: Path, tmp_path: Path) -> None:
    args = ["optimize", str(task), "--calls", "60", "--axis", "behaviour", "--yes", "--json"]
    log = tmp_path / "calls.jsonl"
    with stub("--latency", "0.05", "--log", str(log)) as url:
        endpoint(task, url, concurrency=1)
        command = [sys.executable, "-m", "headway", *args]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            until = time.monotonic() + 30
            while calls(log) < 10 and time.monotonic() < until:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=30)
        first = calls(log)
        again = outside(*args)
    stopped = Said(running.returncode, out.decode(), err.decode())
    is_one_message(stopped, 130, "the same command goes on from here")
    assert again.code in (0, 4), again.err
    found = json.loads(again.out)
    assert found["spent"]["calls"] <= 60  # both parts together are one journey
    assert first >= 10
    assert calls(log) <= found["spent"]["calls"] + 1  # the one in flight is made again


def calls(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0
