"""The user's own application: found, called, checked, and measured like any pipeline."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import headway as hw
from headway.core.errors import InputError, Outage, Rejected
from headway.core.record import Passage
from headway.core.task import Task, TaskSpec
from headway.engine.application import Application, read_answer
from headway.engine.run import CLOSED_BOOK, PERFECT
from headway.testing.application import ApplicationContract
from headway.workspace import Workspace

APP = """
import asyncio
import threading

DOCUMENTS = {"harbour.md": "The harbour opens at six."}

def answer(inputs, *, context=None, settings=None):
    texts = list(DOCUMENTS.values()) if context is None else list(context)
    inputs["question"] = "spoiled"
    if not texts:
        return {"answer": None, "refused": True}
    text = texts[0]
    if settings and settings.get("style") == "short":
        text = text.split()[-1]
    return {
        "answer": text,
        "passages": [{"document": "harbour.md", "text": t} for t in texts],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "usd": 0.01},
    }

async def later(inputs, *, context=None, settings=None):
    await asyncio.sleep(0.001)
    return answer(inputs, context=context, settings=settings)

def wrapped(inputs, **more):
    return later(inputs, **more)

class Callable:
    async def __call__(self, inputs, *, context=None, settings=None):
        return await later(inputs, context=context, settings=settings)

called = Callable()
there = threading.Barrier(4, timeout=5)

def together(inputs, *, context=None, settings=None):
    there.wait()
    return {"answer": inputs["question"]}

def crashes(inputs, *, context=None, settings=None):
    raise KeyError("no such town")

def spoils(inputs, *, context=None, settings=None):
    inputs["deep"]["list"].append("spoiled")
    return {"answer": "a"}

async def spoils_later(inputs, **more):
    return spoils(inputs, **more)

def takes_nothing():
    return {}

NOT_CALLABLE = 5
"""


def application(folder: Path, target: str) -> Application:
    spec = TaskSpec(name="x", application=target)
    return Application.open(Task(folder=folder, spec=spec, examples=()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


class Served:
    """A small service in a thread of its own; `replies` says what the next posts get."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.replies: list[web.Response] = []
        self.url = ""
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        if self.replies:
            return self.replies.pop(0)
        context = body["context"]
        if context is not None and not context:
            return web.json_response({"answer": None, "refused": True})
        text = context[0] if context else "The harbour opens at six."
        return web.json_response({"answer": text, "passages": [text]})

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/answer", self._post)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/answer"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as service:
        yield service


# --- the contract that users run on theirs, on each way to be called ------------------------------


class TestContract(ApplicationContract):
    inputs = {"question": "When does the harbour open?"}  # noqa: RUF012
    context = ("The kiln opens at nine.",)
    expects = "nine"
    settings = {"style": ["long", "short"]}  # noqa: RUF012

    @pytest.fixture(params=["answer", "later", "wrapped", "called", "a URL"], autouse=True)
    def _target(self, request: pytest.FixtureRequest, folder: Path, served: Served) -> None:
        self.folder = folder
        self.target = served.url if request.param == "a URL" else f"app.py:{request.param}"


def broken(body: str, folder: Path, **more: Any) -> ApplicationContract:
    (folder / "b.py").write_text(
        "import itertools\nticks = itertools.count()\n"
        f"def answer(inputs, *, context=None, settings=None):\n    {body}\n"
    )
    kind = type("Broken", (ApplicationContract,), {"folder": folder, **more})
    found: ApplicationContract = kind()
    found.target = "b.py:answer"
    return found


@pytest.mark.parametrize(
    ("body", "more", "check"),
    [
        ("return 'text'", {}, "test_answers_in_form"),
        ("return {'answer': None}", {}, "test_answers_in_form"),
        ("return {'answer': 'a', 'usage': {'usd': -1}}", {}, "test_answers_in_form"),
        ("return {'answer': 'a', 'passages': ['']}", {}, "test_passages_are_texts_of_documents"),
        ("return {'answer': 'a'}", {"expects": "b"}, "test_uses_the_context_that_it_is_given"),
        ("return {'answer': (context or ['a'])[0]} if context != [] and context != () else 1 / 0",
         {}, "test_an_empty_context_is_answered_or_refused"),
        ("return {'answer': 'a' if not settings else settings['other']}",
         {"settings": {"style": ["x"]}}, "test_takes_every_setting"),
        ("return {'answer': next(ticks)}", {}, "test_many_calls_at_once_do_not_mix"),
    ],
)  # fmt: skip
def test_the_contract_bites(folder: Path, body: str, more: dict[str, Any], check: str) -> None:
    with pytest.raises((AssertionError, Outage)):
        getattr(broken(body, folder, **more), check)()


# --- finding it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("gone.py:answer", "file is not there"),
        ("app.py:nobody", "there is no function 'nobody'"),
        ("app.py:NOT_CALLABLE", "there is no function"),
        ("bad.py:answer", "cannot be imported: SyntaxError"),
        ("dies.py:answer", "cannot be imported: RuntimeError: at once"),
        ("", "names no application"),
    ],
)
def test_an_application_that_is_not_there(folder: Path, target: str, says: str) -> None:
    (folder / "bad.py").write_text("def answer(:")
    (folder / "dies.py").write_text("raise RuntimeError('at once')")
    with pytest.raises(InputError) as found:
        application(folder, target)
    assert says in str(found.value)
    if target == "app.py:nobody":
        assert "crashes" in (found.value.valid or "")


def test_it_may_import_its_neighbours_and_they_are_its_identity(folder: Path) -> None:
    (folder / "neighbour.py").write_text("WORD = 'one'")
    (folder / "uses.py").write_text(
        "import neighbour\ndef answer(inputs, **more):\n    return {'answer': neighbour.WORD}\n"
    )
    first = application(folder, "uses.py:answer")
    assert asyncio.run(first.call({}, None, None)).answer == "one"
    assert application(folder, "uses.py:answer").identity == first.identity
    (folder / "neighbour.py").write_text("WORD = 'two'")
    assert application(folder, "uses.py:answer").identity != first.identity
    (folder / ".headway").mkdir()
    before = application(folder, "uses.py:answer").identity
    (folder / ".headway" / "kept.py").write_text("x = 1")
    assert application(folder, "uses.py:answer").identity == before


# --- calling it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["answer", "later", "spoils", "spoils_later"])
async def test_inputs_are_a_copy(folder: Path, name: str) -> None:
    inputs = {"question": "When?", "deep": {"list": [1]}}
    await application(folder, f"app.py:{name}").call(inputs, None, None)
    assert inputs == {"question": "When?", "deep": {"list": [1]}}


async def test_plain_functions_run_side_by_side(folder: Path) -> None:
    it = application(folder, "app.py:together")
    replies = await asyncio.gather(*(it.call({"question": str(n)}, None, None) for n in range(4)))
    assert [r.answer for r in replies] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("crashes", "raised KeyError: 'no such town'"),
        ("takes_nothing", "raised TypeError"),
    ],
)
async def test_a_crash_is_an_outage(folder: Path, name: str, says: str) -> None:
    with pytest.raises(Outage) as found:
        await application(folder, f"app.py:{name}").call({}, None, None)
    assert says in str(found.value)
    assert found.value.where == f"app.py:{name}"


async def test_over_http_the_same_form(served: Served) -> None:
    it = Application(served.url, None, served.url)
    reply = await it.call({"question": "q"}, ["a text"], {"style": "x"})
    assert served.bodies == [
        {"inputs": {"question": "q"}, "context": ["a text"], "settings": {"style": "x"}}
    ]
    assert reply.answer == "a text"
    assert reply.latency_s > 0
    await it.call({}, None, None)
    assert served.bodies[1] == {"inputs": {}, "context": None, "settings": None}
    await it.close()


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        ({"status": 500}, Outage, "answered 500"),
        ({"status": 429}, Outage, "answered 429"),
        ({"status": 401}, Rejected, "answered 401"),
        ({"status": 404}, Rejected, "answered 404"),
        ({"text": "<html>"}, Outage, "did not answer"),
        ({"text": "{broken", "content_type": "application/json"}, Outage, "did not answer"),
        ({"text": "[]", "content_type": "application/json"}, Outage, "returned '[]'"),
    ],
)
async def test_what_a_service_may_do(
    served: Served, response: dict[str, Any], kind: type[Exception], says: str
) -> None:
    it = Application(served.url, None, served.url)
    served.replies.append(web.Response(**response))
    with pytest.raises(kind) as found:
        await it.call({}, None, None)
    assert says in str(found.value)
    assert (await it.call({}, None, None)).answer  # the next call is as good as new
    await it.close()


async def test_nobody_listens() -> None:
    it = Application("http://127.0.0.1:9/answer", None, "x")
    with pytest.raises(Outage, match="did not answer"):
        await it.call({}, None, None)
    await it.close()


# --- the form -------------------------------------------------------------------------------------


def test_a_whole_answer() -> None:
    passages = [
        "plain",
        {"text": "t", "document": "d.md", "start": 5, "title": "T"},
        {"text": "t", "start": 2, "end": 9},
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": None, "usd": 0}
    reply = read_answer({"answer": {"n": 1}, "passages": passages, "usage": usage}, "w", 0.5)
    assert reply.answer == {"n": 1}
    assert reply.passages == (
        Passage("passage 1", "plain", 0, 5),
        Passage("d.md", "t", 5, 6, "T"),
        Passage("passage 3", "t", 2, 9),
    )
    assert (reply.prompt_tokens, reply.completion_tokens, reply.usd) == (3, 0, 0.0)
    assert reply.latency_s == 0.5
    bare = read_answer({"answer": "a"}, "w", 0)
    assert (bare.passages, bare.usd, bare.refused) == (None, None, False)


@pytest.mark.parametrize(
    "answered",
    [
        None, "text", [], {}, {"text": "a"}, {"answer": "a", "passages": "text"},
        {"answer": "a", "passages": 5}, {"answer": "a", "passages": [{"start": "x"}]},
        {"answer": "a", "usage": 5}, {"answer": "a", "usage": {"prompt_tokens": "many"}},
        {"answer": "a", "usage": {"prompt_tokens": math.inf}}, {"answer": {1, 2}},
        {"answer": object()}, {"answer": "\ud800"}, {"answer": 2**70},
    ],
)  # fmt: skip
def test_a_wrong_form_is_an_outage_that_says_the_form(answered: Any) -> None:
    with pytest.raises(Outage) as found:
        read_answer(answered, "app.py:answer", 0.0)
    assert '{"answer": ...' in (found.value.valid or "")


# --- in a task ------------------------------------------------------------------------------------

ORACLE = """
import re
from pathlib import Path

HERE = Path(__file__).parent
FACTS = {}
CALLS = []

def _facts():
    import json
    for line in (HERE / "examples.jsonl").read_text().splitlines():
        example = json.loads(line)
        FACTS[example["inputs"]["question"]] = example
    return FACTS

def answer(inputs, *, context=None, settings=None):
    CALLS.append(settings)
    example = (FACTS or _facts())[inputs["question"]]
    style = (settings or {}).get("style", "long")
    if "hall" in inputs["question"] and MODE == "crash":
        raise RuntimeError("the hall is closed")
    text = example["reference"]
    if style == "long":
        text = "Well, as far as anybody here could say for certain, that would be " + text
    if MODE == "context" and not any(example["reference"] in t for t in (context or ())):
        text = "nobody knows"
    return {"answer": text, "usage": {"prompt_tokens": 5, "completion_tokens": 1, "usd": 0.0}}
"""


def own(make_task: Any, mode: str = "plain", **spec: Any) -> Path:
    folder: Path = make_task(application="app.py:answer", **spec)
    (folder / "app.py").write_text(f"MODE = {mode!r}\n" + ORACLE)
    return folder


async def test_it_is_evaluated_and_cached_like_a_pipeline(make_task: Any) -> None:
    folder = own(make_task, knowledge=False)
    async with Workspace.open(folder) as workspace:
        first = await workspace.evaluate(limit=10)
        second = await workspace.evaluate(limit=10)
    assert (first.usage.calls, second.usage.calls, second.usage.cached_calls) == (10, 0, 10)
    assert first.usage.prompt_tokens == 50
    assert first.metrics == second.metrics
    assert first.model is None
    (folder / "app.py").write_text((folder / "app.py").read_text() + "\n# changed\n")
    async with Workspace.open(folder) as workspace:
        assert (await workspace.evaluate(limit=10)).usage.calls == 10


async def test_a_crash_is_counted_as_an_outage_and_never_as_zero(make_task: Any) -> None:
    async with Workspace.open(own(make_task, "crash", knowledge=False)) as workspace:
        found = await workspace.evaluate(limit=30)
        run = await workspace._runner().run(workspace.pipeline(), workspace.task.split("dev")[:30])
    assert 0 < found.outage < 30
    assert found.completed == 30 - found.outage
    assert found.metrics["token_f1"].n == found.completed
    lost = [r for r in run.records if r.status == "outage"]
    assert all("the hall is closed" in r.why for r in lost)
    assert all(
        "hall" in e.question
        for e, gone in zip(run.examples, run.lost("token_f1"), strict=True)
        if gone
    )


async def test_probes_hand_it_the_context(make_task: Any) -> None:
    async with Workspace.open(own(make_task, "context")) as workspace:
        runner, examples = workspace._runner(), workspace.task.split("dev")[:6]
        for probe, right in ((CLOSED_BOOK, False), (PERFECT, True)):
            run = await runner.run(workspace.pipeline(), examples, probe=probe)
            assert all((r.answer != "nobody knows") == right for r in run.records)
            assert all(bool(r.passages) == right for r in run.records)


def test_declared_settings_are_raced_by_a_journey(make_task: Any) -> None:
    folder = own(make_task, knowledge=False, settings={"style": ["long", "short"]})
    journey = hw.optimize(folder)
    (kept,) = [s for s in journey.steps if s.decision == "kept"]
    assert (kept.technique, kept.candidate, kept.verdict) == ("settings", "style = short", "better")
    assert "short" in journey.best_describes
    best = hw.Pipeline.load(folder / "pipelines" / "best.yaml")
    assert best.steps[0].settings == {"settings": {"style": "short"}}
    assert journey.test is not None
    assert journey.test.low is not None
    assert journey.test.low > 0
    others = {s.reason for s in journey.steps if s.technique != "settings"}
    assert others <= {"needs_unmet", "no_gain"}
